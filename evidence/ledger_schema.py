"""The ledger's tables, its rows as SQLite holds them, and what SQLite says when something is wrong."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from evidence.hashing import canonical_json
from evidence.rows import Row, StoredRow

SCHEMA_VERSION = 2
"""What is written. Version 1 is read: it had no table of texts (`evidence.custody_table`)."""
READ_VERSIONS = frozenset({1, 2})

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE rows (
  seq INTEGER PRIMARY KEY, row_id TEXT NOT NULL, layer TEXT NOT NULL, site_id TEXT NOT NULL,
  subject TEXT NOT NULL, time TEXT NOT NULL, method TEXT NOT NULL, params_hash TEXT NOT NULL,
  inputs_hash TEXT NOT NULL, run_id TEXT NOT NULL, as_of TEXT NOT NULL, retired INTEGER NOT NULL,
  data TEXT NOT NULL, geometry BLOB, entry INTEGER NOT NULL REFERENCES custody (seq));
CREATE INDEX rows_by_key ON rows (layer, site_id, subject, time, seq);
CREATE INDEX rows_by_entry ON rows (entry);
CREATE TABLE custody (
  seq INTEGER PRIMARY KEY, chain TEXT NOT NULL, position INTEGER NOT NULL, previous TEXT NOT NULL,
  time TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, run_id TEXT NOT NULL, data TEXT NOT NULL,
  hash TEXT NOT NULL, UNIQUE (chain, position));
"""
_SINCE_2 = """
CREATE TABLE texts (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX rows_by_id ON rows (row_id);
"""
_GUARDED = ("rows", "custody", "meta", "texts")
ROW_COLUMNS = (
    "seq, row_id, layer, site_id, subject, time, method, params_hash, inputs_hash, run_id, as_of, retired, "
    "data, geometry"
)
"""Columns of a row in the order of `row_values`."""


def has_schema(db: sqlite3.Connection) -> bool:
    """Whether the tables are there."""
    query = "SELECT count(*) FROM sqlite_master WHERE name = 'meta'"
    return bool(db.execute(query).fetchone()[0])


def create_schema(db: sqlite3.Connection) -> None:
    """Make the tables, and the triggers that refuse to change or delete what they hold."""
    version = f"INSERT INTO meta VALUES ('schema_version', '{SCHEMA_VERSION}');"  # noqa: S608 - a constant
    db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}{_SINCE_2}{version}{_guards()}COMMIT;")


def upgrade_schema(db: sqlite3.Connection) -> None:
    """Make a ledger of version 1 one of version 2, in one transaction; what it holds stays as it is."""
    drop = "".join(f"DROP TRIGGER meta_no_{verb};" for verb in ("UPDATE", "DELETE"))
    version = f"UPDATE meta SET value = '{SCHEMA_VERSION}' WHERE key = 'schema_version';"  # noqa: S608
    db.executescript(f"BEGIN IMMEDIATE;{drop}{_SINCE_2}{version}{_guards('meta', 'texts')}COMMIT;")


@contextmanager
def unguarded(db: sqlite3.Connection) -> Iterator[None]:
    """Let content be removed, within the caller's transaction: the triggers go and come back with it."""
    for table in _GUARDED:
        db.execute(f"DROP TRIGGER {table}_no_UPDATE")
    yield
    for statement in _guard_statements(_GUARDED, ("UPDATE",)):
        db.execute(statement)


def _guards(*tables: str) -> str:
    return "".join(
        f"{statement};" for statement in _guard_statements(tables or _GUARDED, ("UPDATE", "DELETE"))
    )


def _guard_statements(tables: Iterable[str], verbs: Iterable[str]) -> list[str]:
    return [
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for table in tables
        for verb in verbs
    ]


def in_words(err: sqlite3.Error) -> str:
    """What SQLite says; of a full disk in the words that the rest of the system has for it."""
    full = getattr(err, "sqlite_errorname", None) == "SQLITE_FULL"
    return os.strerror(errno.ENOSPC) if full else str(err)


def row_values(stored: StoredRow) -> tuple[Any, ...]:
    """A row as the table holds it."""
    row = stored.row
    identity = (stored.seq, stored.row_id, row.layer, row.site_id, row.subject, row.time)
    how = (row.method, row.params_hash, row.inputs_hash, stored.run_id, stored.as_of)
    return (*identity, *how, int(row.retired), canonical_json(row.data), row.geometry)


def stored_row(values: Sequence[Any]) -> StoredRow:
    """The row that the table holds as `values`, in the order of `ROW_COLUMNS`."""
    row = Row(
        layer=values[2],
        site_id=values[3],
        subject=values[4],
        time=values[5],
        method=values[6],
        params_hash=values[7],
        inputs_hash=values[8],
        retired=bool(values[11]),
        data=json.loads(values[12]),
        geometry=values[13],
    )
    return StoredRow(seq=values[0], row_id=values[1], run_id=values[9], as_of=values[10], row=row)
