"""The ledger's table of custody entries, and the long texts that they share.

Much of what an entry tells was told before: the site file, the digest of every scene. What is long is kept
once, under its SHA-256, and entries name it; a long mapping is cut where the digest of a name says so, so
that one more scene adds one piece. Hashes are over entries as they are written, with the digests in place of
the texts; readers get them whole. Ledgers of version 1 told what is long as the difference to an entry
before: those entries are read as they stand.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evidence.custody import GENESIS, PARTS, TEXT, CustodyEntry, entry_hash
from evidence.errors import LedgerError
from evidence.hashing import canonical_json, sha256_bytes, sha256_json

LONG = 1000
"""Characters of JSON from which a value is kept as a text of its own."""
PIECE = 32
"""Members of a piece of a long mapping, on average."""
REDACTED = "[redacted]"
"""What stands where content was removed."""
SINCE = "since"
"""Of a version 1 entry: `position` of the entry that it is told from, `names` of what it tells, the
`difference` itself, `sha256` of what comes out."""

Stored = tuple[int, CustodyEntry, str]
"""(sequence number, entry as written, hash as stored)."""


class CustodyTable:
    """Read and append; the caller holds the transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Nothing is read yet."""
        self._db = db

    def append(self, seq: int, entry: CustodyEntry, *, whole: bool = False) -> str:
        """Add an entry to its chain; its place and predecessor are filled in here. Returns its hash.

        Args:
            seq: its number in the ledger.
            entry: what it says.
            whole: keep long values in it: what it takes to verify the ledger must not be a text.
        """
        last = self._db.execute(
            "SELECT position, hash FROM custody WHERE chain = ? ORDER BY position DESC LIMIT 1",
            (entry.chain,),
        ).fetchone()
        position, previous = (last[0] + 1, last[1]) if last else (0, GENESIS)
        texts: dict[str, str] = {}
        data = entry.data if whole else {name: _shortened(value, texts) for name, value in entry.data.items()}
        self._db.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", sorted(texts.items()))
        written = replace(entry, position=position, previous=previous, data=data)
        digest = entry_hash(written)
        told = (written.time, written.actor, written.action, written.run_id, canonical_json(data))
        self._db.execute(
            "INSERT INTO custody VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (seq, written.chain, position, previous, *told, digest),
        )
        return digest

    def newest(self, chain: str, action: str) -> CustodyEntry | None:
        """The newest entry of that kind, whole; of the others only those that it is told from are read."""
        where = "WHERE chain = ? AND action = ?"
        found = self.stored(f"{where} ORDER BY position DESC LIMIT 1", (chain, action))
        links: list[Stored] = []
        while found:
            links += found
            since = found[0][1].data.get(SINCE)
            if since is None:
                break
            found = self.stored(f"{where} AND position = ?", (chain, action, since["position"]))
        entries = list(self.whole(links[::-1]))
        return entries[-1] if entries else None

    def stored(self, tail: str = "ORDER BY seq", values: Sequence[Any] = ()) -> list[Stored]:
        """Entries as they were written; all of them, oldest first, or as `tail` says."""
        return list(self.stream(tail, values))

    def stream(self, tail: str = "ORDER BY seq", values: Sequence[Any] = ()) -> Iterator[Stored]:
        """The same one after the other.

        Raises:
            LedgerError: where the file cannot be read.
        """
        query = (
            "SELECT seq, hash, chain, position, previous, time, actor, action, run_id, data "  # noqa: S608
            f"FROM custody {tail}"  # only constants are put in
        )
        try:
            for held in self._db.execute(query, values):
                yield held[0], _entry(held[2:]), held[1]
        except (sqlite3.Error, ValueError) as err:
            raise LedgerError(f"cannot read the ledger: {err}") from err

    def whole(self, stored: Iterable[Stored]) -> Iterator[CustodyEntry]:
        """Entries as written, oldest first and none left out, with all that they name put back.

        Raises:
            LedgerError: where one cannot be put back: a text, or what it is told from, is missing or another.
        """
        newest: dict[tuple[str, str], CustodyEntry] = {}
        for _, entry, _ in stored:
            if SINCE in entry.data:
                before = newest.get((entry.chain, entry.action))
                told = replace(entry, data=_put_back(entry, before))
            else:
                where = f"custody {entry.chain} #{entry.position}"
                told = replace(entry, data=self._lengthened(entry.data, where))
            newest[entry.chain, entry.action] = told
            yield told

    def text(self, digest: str) -> str | None:
        """A long text; None where there is none of this digest."""
        if not _has_texts(self._db):
            return None
        found = self._db.execute("SELECT text FROM texts WHERE sha256 = ?", (digest,)).fetchone()
        return None if found is None else str(found[0])

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every long text with the digest that it is kept under."""
        if _has_texts(self._db):
            yield from self._db.execute("SELECT sha256, text FROM texts ORDER BY sha256")

    def heads(self) -> dict[str, str]:
        """The newest hash of each chain."""
        query = (
            "SELECT chain, hash FROM custody c "
            "WHERE position = (SELECT max(position) FROM custody WHERE chain = c.chain)"
        )
        return dict(sorted(self._db.execute(query).fetchall()))

    def _lengthened(self, value: Any, where: str) -> Any:
        if isinstance(value, list):
            return [self._lengthened(item, where) for item in value]
        if not isinstance(value, Mapping):
            return value
        if value.keys() == {TEXT}:
            return self._parsed(value[TEXT], where)
        if value.keys() == {PARTS}:
            return {name: item for part in value[PARTS] for name, item in self._parsed(part, where).items()}
        return {name: self._lengthened(item, where) for name, item in value.items()}

    def _parsed(self, digest: str, where: str) -> Any:
        text = self.text(digest)
        if text is None:
            raise LedgerError(f"{where} names the text {digest[:16]}, which is missing")
        return json.loads(text)


def _shortened(value: Any, texts: dict[str, str]) -> Any:
    """A value with what is long in it replaced by digests; the long texts go into `texts`."""
    text = canonical_json(value)
    if len(text) < LONG and '"$' not in text:
        return value
    if isinstance(value, Mapping) and len(value) > PIECE:
        return {PARTS: [_kept(canonical_json(piece), texts) for piece in _pieces(value)]}
    if isinstance(value, Mapping) and value and '"$' not in text:
        return {name: _shortened(item, texts) for name, item in value.items()}
    return {TEXT: _kept(text, texts)}


def _kept(text: str, texts: dict[str, str]) -> str:
    digest = sha256_bytes(text.encode())
    texts[digest] = text
    return digest


def _pieces(value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A long mapping in the order of its names, cut after every name whose digest begins so."""
    piece: dict[str, Any] = {}
    for name in sorted(value):
        piece[name] = value[name]
        if int(sha256_bytes(name.encode())[:8], 16) % PIECE == 0:
            yield piece
            piece = {}
    if piece:
        yield piece


def _has_texts(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'texts'").fetchone()[0])


# ---------------------------------------------------------------- entries of version 1


def _put_back(entry: CustodyEntry, before: CustodyEntry | None) -> Mapping[str, Any]:
    since = entry.data[SINCE]
    where = f"custody {entry.chain} #{entry.position}"
    if before is None or before.position != since["position"]:
        raise LedgerError(f"{where} is told from #{since['position']}, which is missing")
    told = changed(
        {name: before.data[name] for name in since["names"] if name in before.data}, since["difference"]
    )
    if sha256_json(told) != since["sha256"]:
        raise LedgerError(f"{where}: what it is told from does not give what it says")
    return {name: value for name, value in entry.data.items() if name != SINCE} | told


def changed(old: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """The document that a difference was told of: values put in, names dropped, the same inside mappings."""
    dropped = set(told.get("drop", ()))
    kept = {name: value for name, value in old.items() if name not in dropped}
    inside = {name: changed(old[name], part) for name, part in told.get("inside", {}).items()}
    return {**kept, **inside, **told.get("put", {})}


def _entry(values: Sequence[Any]) -> CustodyEntry:
    return CustodyEntry(
        chain=values[0],
        position=values[1],
        previous=values[2],
        time=values[3],
        actor=values[4],
        action=values[5],
        run_id=values[6],
        data=json.loads(values[7]),
    )
