"""Does the ledger still say what its custody chains say it said? Read as a stream: memory does not grow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from evidence.custody import GENESIS, CustodyEntry, entry_hash, heads_digest, joined_digest
from evidence.errors import Finding, LedgerError
from evidence.hashing import sha256_bytes
from evidence.ledger import Ledger
from evidence.redaction import Redactions, sworn_digest

__all__ = ["Finding", "verify_ledger"]

MOST = 200
"""Findings that are named one by one."""


def verify_ledger(ledger: Ledger, *, expected_head: str | None = None) -> list[Finding]:
    """Every way in which rows and custody disagree; empty when all is as written.

    Args:
        ledger: open for reading.
        expected_head: a head kept elsewhere, or its first digits as figures print them; it must still be
            part of a chain, so that removed last entries show.
    """
    found = [Finding(where=str(ledger.path), what=text) for text in ledger.integrity()]
    try:
        found += itertools.islice(itertools.chain(_chain_findings(ledger), _row_findings(ledger)), MOST)
        found += [] if found else _text_findings(ledger)
        if expected_head and not _had_head(ledger, expected_head):
            found.append(Finding(where="custody", what=f"never had the expected head {expected_head}"))
    except LedgerError as err:
        return [*found, Finding(where=str(ledger.path), what=f"cannot be read: {err}")]
    return found


def heads_over_time(ledger: Ledger) -> Iterator[str]:
    """Every head that a chain had, and every digest over all heads that the ledger had, oldest first."""
    heads: dict[str, str] = {}
    for _, entry, digest in ledger.custody_stream():
        heads[entry.chain] = digest
        yield digest
        yield heads_digest(heads)


def _had_head(ledger: Ledger, expected: str) -> bool:
    return any(head.startswith(expected) for head in heads_over_time(ledger))


def _chain_findings(ledger: Ledger) -> Iterator[Finding]:
    redactions = Redactions(ledger.custody_stream())
    links = ledger.custody_stream(by_chain=True)
    for _, group in itertools.groupby(links, key=lambda link: link[1].chain):
        previous = GENESIS
        for position, (_, entry, stored) in enumerate(group):
            where = f"custody {entry.chain} #{entry.position}"
            if entry.position != position:
                yield Finding(where=where, what=f"entry #{position} of this chain is missing")
                break
            if entry.previous != previous:
                yield Finding(where=where, what="does not follow from the entry before it")
            own = entry_hash(entry)
            if own != stored and own != redactions.of_entry(entry):
                yield Finding(where=where, what="was changed after it was written")
            previous = stored


def _text_findings(ledger: Ledger) -> Iterator[Finding]:
    """Whether long texts are what their digests say, and all that entries name are there."""
    removed = Redactions(ledger.custody_stream()).texts
    for digest, text in ledger.texts():
        own = sha256_bytes(text.encode())
        if own not in {digest, removed.get(digest)}:
            yield Finding(where=f"text {digest[:16]} of custody", what="was changed after it was written")
    try:
        for _ in ledger.whole(ledger.custody_stream()):
            pass
    except LedgerError as err:
        yield Finding(where="custody", what=str(err))


def _row_findings(ledger: Ledger) -> Iterator[Finding]:
    for seq in ledger.unvouched_entries():
        yield Finding(where=f"rows of entry {seq}", what="no custody entry vouches for them")
    redactions = Redactions(ledger.custody_stream())
    for seq, entry, _ in ledger.custody_stream():
        told = entry.data.get("rows")
        if told is not None:
            yield from _entry_findings(ledger, seq, entry, told, redactions)


def _entry_findings(
    ledger: Ledger, seq: int, entry: CustodyEntry, told: Mapping[str, Any], redactions: Redactions
) -> Iterator[Finding]:
    count, digest = told["count"], told["sha256"]
    where = f"rows of custody {entry.chain} #{entry.position}"
    counter = itertools.count()
    rows = zip(ledger.rows_of_entry(seq), counter, strict=False)
    found = joined_digest(sworn_digest(row, redactions) for row, _ in rows)
    held = next(counter)
    if held != count:
        yield Finding(where=where, what=f"{count} were written, {held} are there")
    elif found != digest:
        changed = [
            row
            for row in ledger.rows_of_entry(seq)
            if row.row.row_id != row.row_id and redactions.of_row(row.seq) is None
        ]
        for stored in changed:
            name = " ".join(part for part in stored.row.key if part)
            yield Finding(where=f"row {stored.row_id} ({name})", what="was changed after it was written")
        if not changed:
            yield Finding(where=where, what="were changed after they were written")
