"""Does the ledger still say what its custody chains say it said?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from evidence.custody import GENESIS, entry_hash, heads_digest, rows_digest
from evidence.custody_table import Stored, whole
from evidence.errors import LedgerError
from evidence.findings import Finding
from evidence.ledger import Ledger
from evidence.rows import StoredRow

__all__ = ["Finding", "verify_ledger"]


def verify_ledger(ledger: Ledger, *, expected_head: str | None = None) -> list[Finding]:
    """Every way in which rows and custody disagree; empty when all is as written.

    Args:
        ledger: open for reading.
        expected_head: a head kept elsewhere; it must still be part of a chain, so that removed last
            entries show.
    """
    try:
        entries = ledger.custody_as_written()
        rows = ledger.rows_by_entry()
    except (LedgerError, ValueError) as err:
        return [Finding(where=str(ledger.path), what=f"cannot be read: {err}")]
    findings = [*_chain_findings(entries), *_row_findings(entries, rows)]
    findings += [] if findings else _told_findings(entries)
    if expected_head is not None and expected_head not in _heads_over_time(entries):
        findings.append(Finding(where="custody", what=f"never had the expected head {expected_head}"))
    return findings


def _heads_over_time(entries: list[Stored]) -> set[str]:
    """Every head that a chain had, and every digest over all heads that the ledger had."""
    heads: dict[str, str] = {}
    seen = set()
    for _, entry, _ in entries:
        heads[entry.chain] = entry_hash(entry)
        seen |= {heads[entry.chain], heads_digest(heads)}
    return seen


def _chain_findings(entries: list[Stored]) -> Iterator[Finding]:
    in_chains = sorted(entries, key=lambda item: (item[1].chain, item[1].position))
    for chain, group in itertools.groupby(in_chains, key=lambda item: item[1].chain):
        previous = GENESIS
        for position, (_, entry, stored) in enumerate(group):
            where = f"custody {chain} #{entry.position}"
            if entry.position != position:
                yield Finding(where=where, what=f"entry #{position} of this chain is missing")
                break
            if entry.previous != previous:
                yield Finding(where=where, what="does not follow from the entry before it")
            if entry_hash(entry) != stored:
                yield Finding(where=where, what="was changed after it was written")
            previous = stored


def _told_findings(entries: list[Stored]) -> Iterator[Finding]:
    """Whether what entries tell as a difference can be put back."""
    try:
        for _ in whole(entries):
            pass
    except LedgerError as err:
        yield Finding(where="custody", what=str(err))


def _row_findings(entries: list[Stored], rows: dict[int, list[StoredRow]]) -> Iterator[Finding]:
    known = {seq for seq, _, _ in entries}
    for seq in sorted(set(rows) - known):
        yield Finding(where=f"rows of entry {seq}", what="no custody entry vouches for them")
    for seq, entry, _ in entries:
        told = entry.data.get("rows")
        if told is None:
            continue
        held = rows.get(seq, [])
        where = f"rows of custody {entry.chain} #{entry.position}"
        if len(held) != told["count"]:
            yield Finding(where=where, what=f"{told['count']} were written, {len(held)} are there")
        elif rows_digest(held) != told["sha256"]:
            yield from _changed_rows(held, where)


def _changed_rows(held: list[StoredRow], where: str) -> Iterator[Finding]:
    changed = [stored for stored in held if stored.row.row_id != stored.row_id]
    for stored in changed:
        name = " ".join(part for part in stored.row.key if part)
        yield Finding(where=f"row {stored.row_id} ({name})", what="was changed after it was written")
    if not changed:
        yield Finding(where=where, what="were changed after they were written")
