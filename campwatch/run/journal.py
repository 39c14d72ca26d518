"""The journal of runs: when each began, how it ended, what was left behind.

One JSON object a line in `logs/runs.jsonl`, outside the ledger: what could not write the ledger is told too.
A beginning without an end is a run that was killed, or that is still at work.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from campwatch.identity import Clock, timestamp
from campwatch.run.records import RunSummary
from evidence.errors import WorkspaceHeldError

_log = logging.getLogger(__name__)

NAME = "runs.jsonl"


class Outcome(StrEnum):
    """How a run ended."""

    COMPLETE = "complete"
    """Everything that was asked for was done."""
    INCOMPLETE = "incomplete"
    """Something failed or is behind; the rest was done."""
    FAILED = "failed"
    """Nothing could be done."""
    INTERRUPTED = "interrupted"
    """A person or the system asked it to stop."""
    REFUSED = "refused"
    """Another run was at work."""
    UNKNOWN = "unknown"
    """No end was written: killed, or still at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run as the journal tells it; times are ISO 8601 UTC."""

    run_id: str
    began: str
    ended: str | None = None
    outcome: Outcome = Outcome.UNKNOWN
    detail: str = ""
    """Why it failed; stays in the workspace."""
    sites: tuple[str, ...] = ()
    """Those that it was to bring up to date."""
    failed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By site, why it is not done."""
    unsearched: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By site, which source could not be searched, and why."""
    behind: str | None = None
    """Which derived file is as of the run before, and why."""
    undelivered: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By channel, why what it was to tell could not be delivered."""

    @property
    def good(self) -> bool:
        """Whether everything was done."""
        return self.outcome is Outcome.COMPLETE

    def measured(self, site_id: str) -> bool:
        """Whether a site was brought up to date with all that the archive holds."""
        reached = self.outcome in {Outcome.COMPLETE, Outcome.INCOMPLETE}
        return reached and site_id in self.sites and site_id not in self.failed

    def searched(self, site_id: str) -> bool:
        """Whether every source was searched for a site."""
        return self.measured(site_id) and site_id not in self.unsearched


class Journal:
    """Append to and read the journal of one workspace."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of logs; nothing is read or made yet."""
        self.path = folder / NAME

    def append(self, kind: str, **told: Any) -> None:
        """Add one line and have it on disk; a disk that takes none is said in the log and ends no run."""
        line = json.dumps({"kind": kind, **told}, ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(exist_ok=True)
            with self.path.open("ab+") as stream:
                if stream.tell():
                    stream.seek(-1, os.SEEK_END)
                    line = (
                        line if stream.read(1) == b"\n" else f"\n{line}"
                    )  # after a write that was cut short
                stream.write(line.encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as err:
            _log.error("the journal %s cannot be written: %s", self.path, err.strerror or err)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every line that is whole, oldest first."""
        with suppress(FileNotFoundError), self.path.open("rb") as stream:
            for line in stream:
                with suppress(ValueError):
                    yield json.loads(line)

    def runs(self) -> list[RunRecord]:
        """Every run, in the order in which they began."""
        found: dict[str, RunRecord] = {}
        for told in self.lines():
            if told["kind"] == "began":
                found[told["run_id"]] = RunRecord(
                    run_id=told["run_id"], began=told["time"], sites=tuple(told["sites"])
                )
            elif told["kind"] == "ended":
                known = found.get(told["run_id"], RunRecord(run_id=told["run_id"], began=told["time"]))
                found[told["run_id"]] = replace(known, **_ending(told))
        return list(found.values())


def _ending(told: Mapping[str, Any]) -> dict[str, Any]:
    names = ("detail", "failed", "unsearched", "behind", "undelivered")
    ending = {name: told[name] for name in names if name in told}
    return {**ending, "ended": told["time"], "outcome": Outcome(told["outcome"])}


def last_run(runs: Iterable[RunRecord], site_id: str) -> str | None:
    """End of the newest run that brought a site up to date, UTC; None where none did."""
    return max((run.ended for run in runs if run.ended and run.measured(site_id)), default=None)


def last_search(runs: Iterable[RunRecord], site_id: str) -> str | None:
    """End of the newest run that searched every source for a site, UTC; None where none did."""
    return max((run.ended for run in runs if run.ended and run.searched(site_id)), default=None)


class Ending:
    """Where a run leaves what became of it before its end is written."""

    def __init__(self) -> None:
        """Nothing has become of it yet."""
        self.summary: RunSummary | None = None
        self.outcome = Outcome.FAILED
        self.detail = ""

    def take(self, summary: RunSummary) -> RunSummary:
        """The run got as far as this; returns it."""
        self.summary = summary
        self.outcome = Outcome.COMPLETE if summary.complete else Outcome.INCOMPLETE
        return summary

    def lines(self) -> dict[str, Any]:
        """The end as the journal keeps it."""
        summary = self.summary
        if summary is None:
            return {"outcome": self.outcome.value, "detail": self.detail}
        return {
            "outcome": self.outcome.value,
            "failed": {site.site_id: site.error for site in summary.sites if site.error},
            "unsearched": {site.site_id: site.unsearched for site in summary.sites if site.unsearched},
            "behind": summary.behind,
            "undelivered": dict(summary.undelivered),
        }


@contextmanager
def journalled(journal: Journal, run_id: str, sites: Sequence[str], clock: Clock) -> Iterator[Ending]:
    """Write that a run began, and however it ends, how."""
    journal.append("began", run_id=run_id, time=timestamp(clock), sites=list(sites))
    ending = Ending()
    try:
        yield ending
    except WorkspaceHeldError as err:
        ending.outcome, ending.detail = Outcome.REFUSED, str(err)
        raise
    except Exception as err:
        ending.detail = " ".join(str(err).split()) or type(err).__name__
        raise
    except BaseException as err:
        ending.outcome, ending.detail = Outcome.INTERRUPTED, type(err).__name__
        raise
    finally:
        journal.append("ended", run_id=run_id, time=timestamp(clock), **ending.lines())
