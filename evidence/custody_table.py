"""The ledger's table of custody entries.

Much of what an entry tells was told by the one before it: the site file, the digest of every scene. What is
long is written as the difference to the newest entry of the same chain and action, with the SHA-256 of what
comes out; now and then it is written whole. Hashes are over entries as they are written; readers get them
whole.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evidence.custody import GENESIS, CustodyEntry, entry_hash
from evidence.differences import changed, difference
from evidence.errors import LedgerError
from evidence.hashing import canonical_json, sha256_json

SINCE = "since"
"""Name in an entry's data of what is told as a difference: `position` of the entry that it is told from,
`names` of what it tells, the `difference` itself, `sha256` of what comes out."""
LONG = 1000
"""Characters of JSON from which a value is told as a difference, where that is at most half as long."""
MOST_LINKS = 64
"""So many differences in a row, then everything whole: what has to be read for one entry stays bounded."""

Stored = tuple[int, CustodyEntry, str]
"""(sequence number, entry as written, hash as stored)."""


class CustodyTable:
    """Read and append; the caller holds the transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Nothing is read yet."""
        self._db = db

    def append(self, seq: int, entry: CustodyEntry) -> str:
        """Add an entry to its chain; its place and predecessor are filled in here. Returns its hash."""
        last = self._db.execute(
            "SELECT position, hash FROM custody WHERE chain = ? ORDER BY position DESC LIMIT 1",
            (entry.chain,),
        ).fetchone()
        position, previous = (last[0] + 1, last[1]) if last else (0, GENESIS)
        data = _written(entry.data, self._links(entry.chain, entry.action))
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
        return _last(self._links(chain, action))

    def _links(self, chain: str, action: str) -> list[Stored]:
        """The newest entry of that kind after all that it is told from, oldest first."""
        where = "WHERE chain = ? AND action = ?"
        found = self.stored(f"{where} ORDER BY position DESC LIMIT 1", (chain, action))
        links: list[Stored] = []
        while found:
            links += found
            since = found[0][1].data.get(SINCE)
            if since is None:
                break
            found = self.stored(f"{where} AND position = ?", (chain, action, since["position"]))
        return links[::-1]

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

    def heads(self) -> dict[str, str]:
        """The newest hash of each chain."""
        query = (
            "SELECT chain, hash FROM custody c "
            "WHERE position = (SELECT max(position) FROM custody WHERE chain = c.chain)"
        )
        return dict(sorted(self._db.execute(query).fetchall()))


def whole(stored: Iterable[Stored]) -> Iterator[CustodyEntry]:
    """Entries as written, oldest first and none left out, with all that they tell as a difference put back.

    Raises:
        LedgerError: where one cannot be put back: what it is told from is missing or another.
    """
    newest: dict[tuple[str, str], CustodyEntry] = {}
    for _, entry, _ in stored:
        kind = entry.chain, entry.action
        newest[kind] = replace(entry, data=_put_back(entry, newest.get(kind)))
        yield newest[kind]


def _put_back(entry: CustodyEntry, before: CustodyEntry | None) -> Mapping[str, Any]:
    since = entry.data.get(SINCE)
    if since is None:
        return entry.data
    where = f"custody {entry.chain} #{entry.position}"
    if before is None or before.position != since["position"]:
        raise LedgerError(f"{where} is told from #{since['position']}, which is missing")
    told = changed(_part(before.data, since["names"]), since["difference"])
    if sha256_json(told) != since["sha256"]:
        raise LedgerError(f"{where}: what it is told from does not give what it says")
    return {name: value for name, value in entry.data.items() if name != SINCE} | told


def _written(data: Mapping[str, Any], links: Sequence[Stored]) -> Mapping[str, Any]:
    """The data with what is long as the difference to the newest of `links`, where that saves much."""
    names = sorted(name for name, value in data.items() if len(canonical_json(value)) >= LONG)
    before = _last(links)
    if before is None or not names or len(links) > MOST_LINKS:
        return data
    told = _part(data, names)
    changes = difference(_part(before.data, names), told)
    if 2 * len(canonical_json(changes)) > len(canonical_json(told)):
        return data
    since = {
        "position": before.position,
        "names": names,
        "difference": changes,
        "sha256": sha256_json(told),
    }
    return {name: value for name, value in data.items() if name not in told} | {SINCE: since}


def _part(data: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}


def _last(links: Sequence[Stored]) -> CustodyEntry | None:
    return list(whole(links))[-1] if links else None


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
