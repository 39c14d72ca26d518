"""Crash a run at every write, fsync, rename and commit, and kill it at random: is it made whole again?

One run over a small simulated workspace is stopped before and after every call that changes the disk, and
what the disk holds there is copied: that is what a crash at this point leaves behind. From each such state
(equal ones once) the next run must complete, its rows must equal those of an undisturbed run row by row, and
`verify --deep` must be clean. Beside that, runs are ended for real (`os._exit` at a point, SIGKILL at a
random time) and made whole in the same way.

    python -m benchmarks.runs.crash                         all of it
    python -m benchmarks.runs.crash --states 6 --exits 1 --kills 2      the short version of the tests
    python -m benchmarks.runs.crash --folder F --seconds 400            in pieces: again until it says 0 left
    python -m benchmarks.runs.crash --folder F --write                  and its figures into docs/running.md

POSIX only (fork). Exits with 1 where anything was not made whole, with 3 where `--seconds` left some to do.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.manual import write_table
from benchmarks.runs.crash_states import States, Trap
from campwatch.custody.verification import verify_workspace
from campwatch.identity import code_identity
from campwatch.run import site_bench  # noqa: F401 - loaded before the fork, so that children start at once
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import open_workspace
from evidence.ledger import Ledger
from tests.campwatch.conftest import site_document, write_workspace
from tests.servers import tiny

CRASHED = 99
SIZE_M = 600.0
"""Side of the site: what is swept is the writing, not the measuring."""


@dataclass(frozen=True)
class Trial:
    """One way to end a run."""

    name: str
    kind: str
    """state | exit | kill."""
    make: Callable[[Path], None]
    """Leaves the broken workspace in a folder."""


def in_child(job: Callable[[], None]) -> int:
    """Start `job` in a child process; returns its pid."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        signal.alarm(300)
        try:
            job()
            code = 0
        except Exception:  # noqa: BLE001 - told, and the exit code says the rest
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def run(folder: Path) -> None:
    run_workspace(open_workspace(folder), RunOptions())


def rows(folder: Path) -> set[str]:
    with Ledger(folder / "ledger.sqlite", read_only=True) as ledger:
        return {stored.row_id for stored in ledger.current() if stored.row.layer != "alerts"}


@dataclass(frozen=True)
class Bench:
    """The folder of one sweep: the source, the states, what is known so far."""

    base: Path
    dates: int

    @property
    def catalog(self) -> Path:
        return self.base / "source" / "catalog.json"

    @property
    def known(self) -> Path:
        return self.base / "known.json"

    def fresh(self, folder: Path) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        return write_workspace(folder, self.catalog, site_document(size_m=SIZE_M))

    def warm(self) -> None:
        """One run in this process, so that those forked from it have everything loaded and compiled."""
        folder = self.fresh(self.base / "warm")
        run(folder)
        verify_workspace(open_workspace(folder), deep=True)

    def prepare(self) -> dict[str, object]:
        """The undisturbed run: its points, states, rows and time."""
        if self.known.exists():
            told: dict[str, object] = json.loads(self.known.read_text("utf-8"))
            if told["code"] == code_identity()["source"]:
                self.warm()
                return told
        shutil.rmtree(self.base, ignore_errors=True)
        tiny.write_catalog(self.base / "source", dates=tiny.days(self.dates, step=10))
        self.warm()
        folder, kept = self.fresh(self.base / "w"), self.base / "states"
        kept.mkdir()

        def job() -> None:
            states = States(folder, kept, [])
            Trap(states.look).install()
            run(folder)
            with (self.base / "points.json").open("w", encoding="utf-8") as stream:
                json.dump(states.points, stream)

        if ended(in_child(job)) != 0:
            raise SystemExit("the undisturbed run failed")
        wanted, again = rows(folder), self.fresh(self.base / "again")
        started = time.monotonic()
        if ended(in_child(lambda: run(again))) != 0 or rows(again) != wanted:
            raise SystemExit("two undisturbed runs differ")
        told = {
            "code": code_identity()["source"],
            "points": json.loads((self.base / "points.json").read_text("utf-8")),
            "rows": sorted(wanted),
            "seconds": time.monotonic() - started,
        }
        self.known.write_text(json.dumps(told), encoding="utf-8")
        return told

    def whole(self, folder: Path, wanted: set[str]) -> str | None:
        """What the next run left wrong; None where it made everything whole."""
        told = self.base / "verified.txt"
        told.unlink(missing_ok=True)

        def job() -> None:
            run(folder)
            findings = verify_workspace(open_workspace(folder), deep=True).findings
            told.write_text(f"{findings[0].where}: {findings[0].what}" if findings else "", encoding="utf-8")

        if (code := ended(in_child(job))) != 0:
            return f"the next run ended with {code}"
        if (found := rows(folder)) != wanted:
            lacking, more = len(wanted - found), len(found - wanted)
            return f"rows differ from those of an undisturbed run: {lacking} lack, {more} are others"
        return told.read_text("utf-8") or None


def spread(items: list[str], count: int | None) -> list[str]:
    """`count` of the items, evenly spread; all where None."""
    if count is None or count >= len(items):
        return items
    return [items[round(i * (len(items) - 1) / max(count - 1, 1))] for i in range(count)]


def trials(bench: Bench, told: dict[str, object], options: argparse.Namespace) -> Iterator[Trial]:
    points: list[tuple[str, str]] = [tuple(point) for point in told["points"]]  # type: ignore[attr-defined]
    for digest in spread(list(dict.fromkeys(digest for _, digest in points)), options.states):
        numbers = [n for n, (_, state) in enumerate(points, 1) if state == digest]
        what = points[numbers[0] - 1][0]
        yield Trial(f"state {digest} of point {numbers[0]} ({what})", "state", from_state(bench, digest))
    for point in spread([str(n) for n in range(1, len(points) + 1)], options.exits):
        yield Trial(
            f"exit at point {point} ({points[int(point) - 1][0]})", "exit", exit_at(bench, int(point))
        )
    draw = random.Random(1)  # noqa: S311 - times, not secrets
    for number in range(options.kills):
        after = draw.uniform(0, float(str(told["seconds"])))
        yield Trial(f"kill {number + 1}", "kill", kill_after(bench, after))


def from_state(bench: Bench, digest: str) -> Callable[[Path], None]:
    return lambda folder: void(shutil.copytree(bench.base / "states" / digest, folder, symlinks=True))


def void(_: object) -> None:
    """Nothing: for what is called for its effect."""


def exit_at(bench: Bench, point: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        bench.fresh(folder)

        def job() -> None:
            passed = 0

            def at_point(_: str) -> None:
                nonlocal passed
                passed += 1
                if passed == point:
                    os._exit(CRASHED)

            Trap(at_point).install()
            run(folder)

        if (code := ended(in_child(job))) != CRASHED:
            raise SystemExit(f"point {point} was not reached: the run ended with {code}")

    return make


def kill_after(bench: Bench, seconds: float) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        bench.fresh(folder)
        pid = in_child(lambda: run(folder))
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        ended(pid)

    return make


def sweep(bench: Bench, options: argparse.Namespace) -> tuple[dict[str, dict[str, str | None]], int]:
    """What became of each trial so far, by kind and name; how many are left for another call."""
    told = bench.prepare()
    file = bench.base / "results.json"
    results: dict[str, dict[str, str | None]] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    wanted, started, left = set(told["rows"]), time.monotonic(), 0  # type: ignore[call-overload]
    for trial in shuffled(list(trials(bench, told, options))):
        done = results.setdefault(trial.kind, {})
        if trial.name in done:
            continue
        if options.seconds and time.monotonic() - started > options.seconds:
            left += 1
            continue
        folder = bench.base / "trial"
        shutil.rmtree(folder, ignore_errors=True)
        trial.make(folder)
        done[trial.name] = bench.whole(folder, wanted)
        if done[trial.name]:
            kept = bench.base / f"failed-{trial.kind}-{len(done)}"
            shutil.copytree(folder, kept, symlinks=True, dirs_exist_ok=True)
            print(f"{trial.name}: {done[trial.name]}; see {kept.name}", flush=True)
        file.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return results, left


def shuffled(made: list[Trial]) -> list[Trial]:
    """In an order of chance, always the same: a sweep that is not finished has looked everywhere."""
    return random.Random(2).sample(made, len(made))  # noqa: S311 - an order, not a secret


def lines(told: dict[str, object], results: dict[str, dict[str, str | None]], *, dates: int) -> list[str]:
    """The table of the docs."""
    points: list[tuple[str, str]] = told["points"]  # type: ignore[assignment]
    words = {
        "state": f"the state of the disk at {len(points)} points (every write, fsync, rename, unlink, mkdir, "
        "statement and commit, before and after); different ones",
        "exit": "the process ended at a point",
        "kill": "SIGKILL at a random time",
    }
    out = ["| how a run ended | times | next run completes, rows equal, verify clean |", "|---|---|---|"]
    for kind, named in results.items():
        bad = sum(problem is not None for problem in named.values())
        out.append(f"| {words[kind]} | {len(named)} | {len(named) - bad} |")
    made = (
        f"`python -m benchmarks.runs.crash --write`, code {str(told['code'])[:12]}, {dates} simulated dates."
    )
    return [*out, "", made]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--states", type=int, help="how many of the states, evenly spread; all by default")
    parser.add_argument("--exits", type=int, default=12, help="runs ended for real at points")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--dates", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep what is known here, and go on from it")
    parser.add_argument("--seconds", type=float, help="start nothing new after so long")
    parser.add_argument("--write", action="store_true", help="write the table into docs/running.md")
    options = parser.parse_args()
    base = options.folder or Path(tempfile.mkdtemp(prefix="campwatch-crash-"))
    bench = Bench(base.resolve() / "sweep", options.dates)
    results, left = sweep(bench, options)
    lost = sum(problem is not None for named in results.values() for problem in named.values())
    table = lines(json.loads(bench.known.read_text("utf-8")), results, dates=options.dates)
    print("\n".join(table))
    print(f"{sum(len(named) for named in results.values())} ended runs, {lost} not made whole, {left} left")
    if options.write:
        rest = f" {left} of {left + sum(map(len, results.values()))} were not tried." if left else ""
        write_table(
            "running.md",
            "crash",
            [*table[:-1], table[-1] + rest],
            method=["run_workspace"],
            seeds="every file operation of a run",
        )
    if options.folder is None:
        shutil.rmtree(base)
    return 1 if lost else 3 if left else 0


if __name__ == "__main__":
    sys.exit(main())
