"""Custody: who did what, when, with which inputs and outputs; hash-chained, one chain per site."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from evidence.hashing import canonical_json, sha256_bytes, sha256_json
from evidence.rows import StoredRow

GENESIS = "0" * 64
"""What the first entry of a chain names as its predecessor."""

WORKSPACE_CHAIN = "workspace"
"""The chain of what concerns no single site."""
TEXT, PARTS = "$text", "$parts"
"""Names of what stands for a long value: the SHA-256 of its JSON; of the pieces of a mapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyEntry:
    """One link of a chain."""

    chain: str
    position: int
    """From 0."""
    previous: str
    """Hash of the entry before it."""
    time: str
    actor: str
    """A code, not a name."""
    action: str
    run_id: str
    data: Mapping[str, Any]
    """Digest of the rows appended with it, inputs, outputs, code version, parameters; in the ledger what is
    long stands under its digest (`evidence.custody_table`)."""


def entry_hash(entry: CustodyEntry) -> str:
    """SHA-256 over the whole entry, its predecessor's hash included."""
    return sha256_json(asdict(entry))


def rows_digest(rows: Iterable[StoredRow]) -> str:
    """SHA-256 over rows as they stand in the ledger, in order."""
    return joined_digest(map(row_digest, rows))


def joined_digest(digests: Iterable[str]) -> str:
    """SHA-256 over the digests of rows, in order."""
    digest = hashlib.sha256()
    for i, own in enumerate(digests):
        digest.update((f"\n{own}" if i else own).encode())
    return digest.hexdigest()


def row_digest(stored: StoredRow) -> str:
    """SHA-256 over every cell of one stored row."""
    row = stored.row
    cells = [stored.seq, stored.row_id, stored.run_id, stored.as_of, row.layer, row.site_id, row.subject]
    cells += [row.time, row.method, row.params_hash, row.inputs_hash, row.retired, row.data]
    return sha256_json([*cells, sha256_bytes(row.geometry) if row.geometry is not None else None])


def heads_digest(heads: Mapping[str, str]) -> str:
    """One SHA-256 over the newest hash of every chain: what to keep elsewhere."""
    return sha256_json(dict(heads))


def custody_lines(
    stored: Iterable[tuple[int, CustodyEntry, str]], text: Callable[[str], str | None]
) -> Iterator[str]:
    """The chains as JSON lines, entries as they were written, each with its own hash.

    A long text that an entry names stands once, in a line of its own before the first that names it.

    Args:
        stored: the entries, oldest first.
        text: gives a long text by its digest.
    """
    told: set[str] = set()
    for _, entry, digest in stored:
        for name in named_texts(entry.data):
            if name not in told:
                told.add(name)
                yield canonical_json({"sha256": name, "text": text(name)}) + "\n"
        yield custody_line(entry, digest) + "\n"


def custody_line(entry: CustodyEntry, digest: str) -> str:
    """One entry as it was written, with its hash, as JSON."""
    return canonical_json({**asdict(entry), "hash": digest})


def named_texts(value: Any) -> Iterator[str]:
    """Digests of the long texts that an entry's data name, as they are written."""
    if isinstance(value, list):
        for item in value:
            yield from named_texts(item)
    elif isinstance(value, Mapping):
        if value.keys() == {TEXT}:
            yield value[TEXT]
        elif value.keys() == {PARTS}:
            yield from value[PARTS]
        else:
            for item in value.values():
                yield from named_texts(item)
