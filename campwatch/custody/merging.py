"""What people said in another ledger of the same sites: verdicts, questions and samples of two laptops.

What people said is taken over, with who said it and when; figures are not, since each workspace measures them
from its archive. The other ledger is kept whole beside this one, and custody names its SHA-256 and its heads:
nothing of it is lost. Where both sides said something of the same subject since they parted, that is a
conflict: it is shown and left as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from campwatch.alerts.book import ALERTS
from campwatch.identity import Clock, new_run_id, system_clock, timestamp
from campwatch.layers import LAYERS, NO_LONGER_KEPT, measured_layers
from campwatch.reviews.site_edits import ACTION
from campwatch.run.calibration import CALIBRATED
from campwatch.run.derived import open_for_append
from campwatch.workspace import Workspace
from evidence.anchors import ANCHORED
from evidence.custody import WORKSPACE_CHAIN, CustodyEntry, heads_digest
from evidence.errors import Finding, LedgerError
from evidence.hashing import sha256_file
from evidence.ledger import Ledger
from evidence.redaction import ACTION as REDACT
from evidence.rows import Row
from evidence.runs import MEASURED
from evidence.verify import verify_ledger

MERGE = "merge"
FOLDER = "merged"
"""Of the workspace: other ledgers as they were when they were merged."""
OWN = frozenset({MEASURED, ANCHORED, REDACT, MERGE, CALIBRATED, ACTION, "alert", "deliver alert", "release"})
"""Actions that concern the other workspace alone, or that change what is measured: done here anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One subject of which both sides said something since they parted."""

    layer: str
    site_id: str
    subject: str
    time: str
    ours: str
    """Row id of what stands."""
    theirs: str
    """Row id of what is in the other ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did."""

    kept: Path
    """The other ledger, whole."""
    entries: int
    """Custody entries taken over."""
    rows: int
    conflicts: tuple[Conflict, ...]
    head: str
    """Of this workspace's custody afterwards."""
    left: Mapping[str, int]
    """Entries that were not taken over, by action: they concern the other workspace alone."""


def merge_ledger(
    workspace: Workspace, other: Path, *, actor: str = "campwatch", clock: Clock = system_clock
) -> Merged:
    """Take over what people said in another ledger; the workspace is held by the caller.

    Args:
        workspace: into whose ledger.
        other: a ledger, or the folder of a workspace.
        actor: who does it, as a code.
        clock: now.

    Raises:
        LedgerError: where the other ledger does not verify, or is this one.
    """
    path = other / "ledger.sqlite" if other.is_dir() else other
    with Ledger(path, read_only=True) as theirs:
        wrong = verify_ledger(theirs)
        if wrong:
            raise LedgerError(f"{path} does not verify and is not merged: {wrong[0].where}: {wrong[0].what}")
        head = heads_digest(theirs.heads())
        kept = workspace.folder / FOLDER / f"{head[:16]}.sqlite"
        if not kept.exists():
            theirs.copy_to(kept)
        run_id = new_run_id(clock)
        conflicts: list[Conflict] = []
        entries = rows = 0
        left: Counter[str] = Counter()
        with open_for_append(workspace) as ours:
            if ours.heads() == theirs.heads():
                raise LedgerError(f"{path} holds nothing that {ours.path} does not")
            for seq, entry, digest in _unknown(ours, theirs):
                if entry.action in OWN:
                    left[entry.action] += 1
                    continue
                taken, against = _taken(ours, theirs, seq)
                conflicts += against
                if not taken and against:
                    continue
                details = {
                    name: told for name, told in entry.data.items() if name not in {"rows", "unchanged"}
                }
                details["merged"] = {"entry": digest, "from": head, "by": run_id}
                done = ours.append(
                    taken,
                    chain=entry.chain,
                    run_id=entry.run_id,
                    time=entry.time,
                    actor=entry.actor,
                    action=entry.action,
                    details=details,
                )
                entries, rows = entries + 1, rows + done.new
            ours.append(
                [],
                chain=WORKSPACE_CHAIN,
                run_id=run_id,
                time=timestamp(clock),
                actor=actor,
                action=MERGE,
                details={
                    "file": kept.name,
                    "sha256": sha256_file(kept),
                    "heads": theirs.heads(),
                    "entries": entries,
                    "conflicts": [asdict(one) for one in conflicts],
                },
            )
            after = heads_digest(ours.heads())
    return Merged(
        kept=kept, entries=entries, rows=rows, conflicts=tuple(conflicts), head=after, left=dict(left)
    )


def _unknown(ours: Ledger, theirs: Ledger) -> Iterator[tuple[int, CustodyEntry, str]]:
    """Entries that this ledger neither has nor took over before, whole, oldest first."""
    known = {name for _, entry, digest in ours.custody_stream() for name in _names(entry, digest)}
    whole = theirs.whole(theirs.custody_stream())
    for (seq, _, digest), entry in zip(theirs.custody_as_written(), whole, strict=True):
        if known.isdisjoint(_names(entry, digest)):
            yield seq, entry, digest


def _names(entry: CustodyEntry, digest: str) -> tuple[str, ...]:
    """Hash of an entry, and of the one that it took over."""
    return (digest, str(entry.data["merged"]["entry"])) if "merged" in entry.data else (digest,)


def _taken(ours: Ledger, theirs: Ledger, seq: int) -> tuple[list[Row], list[Conflict]]:
    """Rows of an entry that stand for something people said, and those that this side says otherwise."""
    measured = {*measured_layers(), *NO_LONGER_KEPT, ALERTS.name}
    measured |= {name for name, spec in LAYERS.items() if spec.derived is not None}
    taken: list[Row] = []
    conflicts: list[Conflict] = []
    for stored in theirs.rows_of_entry(seq):
        row = stored.row
        if row.layer in measured:
            continue
        newest = ours.newest(row.key)
        if newest is None or newest.row_id == row.row_id or theirs.has_row(newest.row_id):
            taken.append(row)
            continue
        conflicts.append(
            Conflict(
                layer=row.layer,
                site_id=row.site_id,
                subject=row.subject,
                time=row.time,
                ours=newest.row_id,
                theirs=stored.row_id,
            )
        )
    return taken, conflicts


def merged_findings(workspace: Workspace, ledger: Ledger) -> Iterator[Finding]:
    """Whether every ledger that was merged is there as it was."""
    for entry in ledger.custody(WORKSPACE_CHAIN):
        if entry.action != MERGE:
            continue
        path = workspace.folder / FOLDER / str(entry.data["file"])
        if not path.is_file():
            yield Finding(where=path.name, what="was merged and is missing")
        elif sha256_file(path) != entry.data["sha256"]:
            yield Finding(where=path.name, what="was changed after it was merged")
