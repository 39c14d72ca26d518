"""The ledger's tables, its rows as SQLite holds them, and what SQLite says when something is wrong."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

SCHEMA_VERSION = 3
"""What is written. Older ones are read: version 1 had no table of texts (`evidence.custody_table`), version 2
no packed rows (`evidence.row_packing`)."""
READ_VERSIONS = frozenset({1, 2, 3})

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
_SINCE_3 = """
CREATE TABLE dictionaries (layer TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX custody_by_run ON custody (run_id);
"""
_GUARDED = ("rows", "custody", "meta", "texts", "dictionaries")
ROW_COLUMNS = (
    "seq, row_id, layer, site_id, subject, time, method, params_hash, inputs_hash, run_id, as_of, retired, "
    "data, geometry"
)
"""Columns of a row as they are written."""
READ_COLUMNS = ROW_COLUMNS.replace(
    "run_id, as_of",
    "coalesce(nullif(run_id, ''), (SELECT c.run_id FROM custody c WHERE c.seq = rows.entry)), "
    "coalesce(nullif(as_of, ''), (SELECT c.time FROM custody c WHERE c.seq = rows.entry))",
)
"""The same as they are read: a packed row leaves run and time to the entry that vouches for it."""


def create_schema(db: sqlite3.Connection) -> None:
    """Make the tables, and the triggers that refuse to change or delete what they hold."""
    version = f"INSERT INTO meta VALUES ('schema_version', '{SCHEMA_VERSION}');"  # noqa: S608 - a constant
    db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}{_SINCE_2}{_SINCE_3}{version}{_guards()}COMMIT;")


def upgrade_schema(db: sqlite3.Connection, version_held: int) -> None:
    """Bring an older ledger to the version that is written, in one transaction; what it holds stays."""
    drop = "".join(f"DROP TRIGGER meta_no_{verb};" for verb in ("UPDATE", "DELETE"))
    tables = ("texts", "dictionaries") if version_held == 1 else ("dictionaries",)
    added = (_SINCE_2 if version_held == 1 else "") + _SINCE_3
    version = f"UPDATE meta SET value = '{SCHEMA_VERSION}' WHERE key = 'schema_version';"  # noqa: S608
    db.executescript(f"BEGIN IMMEDIATE;{drop}{added}{version}{_guards('meta', *tables)}COMMIT;")


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
