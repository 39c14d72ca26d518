"""The ledger: one append-only SQLite file that holds every row and its custody.

Rows and the custody entry that vouches for them are written in one transaction. Nothing is ever updated or
deleted: triggers refuse it, and the hash chain shows it where somebody goes round them. GDAL never opens
this file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from evidence.custody import GENESIS, WORKSPACE_CHAIN, CustodyEntry, rows_digest
from evidence.custody_table import CustodyTable, Stored
from evidence.errors import LedgerError
from evidence.files import atomic_path
from evidence.ledger_schema import (
    READ_COLUMNS,
    READ_VERSIONS,
    ROW_COLUMNS,
    SCHEMA_VERSION,
    create_schema,
    in_words,
    upgrade_schema,
)
from evidence.redaction import ACTION as REDACT
from evidence.redaction import Place, remove
from evidence.row_packing import RowPacking
from evidence.rows import Row, StoredRow

HELD_ROWS = 20_000
"""Rows that are kept as they were read, a few kilobytes each. Assumed: several sites of ten years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendResult:
    """What an append did."""

    new: int
    """Rows that say something that was not said before."""
    unchanged: int
    """Rows that the ledger holds already."""
    retired: int
    """Rows taken back because the measurement no longer yields them."""
    head: str
    """Hash of the chain's newest custody entry."""


LEFT_HALF = frozenset({"SQLITE_READONLY_ROLLBACK", "SQLITE_READONLY_RECOVERY"})
"""What SQLite says to a reader of a file whose writer was killed over a commit. By definition."""


def holds_ledger(path: Path) -> bool:
    """Whether a ledger is at `path`; an empty file is none: nothing was ever appended to it."""
    return path.exists() and path.stat().st_size > 0


def _make_ledger(path: Path) -> None:
    """Make an empty ledger, whole or not at all; the workspace is locked, since an empty file is replaced."""
    with atomic_path(path) as temporary, closing(sqlite3.connect(temporary, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA synchronous = FULL")
        create_schema(db)


class Ledger:
    """Read and append. Use as a context manager; one writer at a time.

    Raises:
        LedgerError: where the file is missing, of another version, damaged, locked or not writable.
    """

    def __init__(self, path: Path, *, create: bool = False, read_only: bool = False) -> None:
        """Open `path`; `create` makes it where it is missing."""
        if not holds_ledger(path) and not create:
            raise LedgerError(f"no ledger at {path}")
        self.path = path
        try:
            if not holds_ledger(path):
                _make_ledger(path)
            self._open("ro" if read_only else "rw")
        except sqlite3.Error as err:
            if not read_only or err.sqlite_errorname not in LEFT_HALF:
                raise LedgerError(f"cannot open the ledger {path}: {err}") from err
            self._open_after_rollback()

    def _open_after_rollback(self) -> None:
        """Open to read what a writer left who was killed over a commit: only who may write can undo it."""
        try:
            self._open("rw")
            self.close()
            self._open("ro")
        except sqlite3.Error as err:
            raise LedgerError(
                f"cannot open the ledger {self.path}: a run was killed over it, and what it left half "
                f"cannot be undone here ({err})"
            ) from err

    def _open(self, mode: str) -> None:
        self._db = sqlite3.connect(
            f"{self.path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=30.0
        )
        self._custody = CustodyTable(self._db)
        self._packing = RowPacking(self._db)
        self._held: dict[int, StoredRow] = {}
        self._version_read = -1
        self._prepare()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA synchronous = FULL")
        found = self._db.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        self.version = 0 if found is None else int(found[0])
        if self.version not in READ_VERSIONS:
            raise LedgerError(
                f"{self.path} has ledger version {self.version}, this campwatch knows "
                f"{min(READ_VERSIONS)} to {max(READ_VERSIONS)}: a newer campwatch is needed"
            )

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; what was appended is on disk already."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as err:
            self._rollback()
            raise LedgerError(f"cannot write the ledger {self.path}: {in_words(err)}") from err
        except BaseException:
            self._rollback()
            raise

    def _rollback(self) -> None:
        self._held.clear()
        with suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    # ---------------------------------------------------------------- writing

    def append(
        self,
        rows: Sequence[Row],
        *,
        chain: str,
        run_id: str,
        time: str,
        actor: str,
        action: str,
        details: Mapping[str, Any] | None = None,
        complete: Iterable[str] = (),
    ) -> AppendResult:
        """Append what is new among `rows`, with one custody entry on `chain`.

        Args:
            rows: distinct in (layer, site, subject, time).
            chain: the site's id, or "workspace".
            run_id: the run that measured them.
            time: ISO 8601 UTC.
            actor: who or what, as a code.
            action: what was done, as in "measure".
            details: inputs and outputs with hashes, code version, parameters.
            complete: layers of this site that `rows` describe completely; current rows of these layers
                that are not among `rows` are retired.
        """
        _require_distinct(rows)
        self.require_writable()
        with self._transaction():
            fresh, unchanged = self._split_new(rows)
            retired = self._retirements(rows, chain=chain, complete=complete)
            appended = [*fresh, *retired]
            seq = self._next("custody")
            first = self._next("rows")
            stored = [
                StoredRow(seq=first + i, row_id=row.row_id, run_id=run_id, as_of=time, row=row)
                for i, row in enumerate(appended)
            ]
            summary = {
                "rows": {"first": first, "count": len(stored), "sha256": rows_digest(stored)},
                "unchanged": unchanged,
                **dict(details or {}),
            }
            entry = CustodyEntry(
                chain=chain,
                position=0,
                previous=GENESIS,
                time=time,
                actor=actor,
                action=action,
                run_id=run_id,
                data=summary,
            )
            head = self._custody.append(seq, entry)
            self._db.executemany(
                f"INSERT INTO rows ({ROW_COLUMNS}, entry) VALUES ({', '.join('?' * 15)})",  # noqa: S608 - constants
                [(*self._packing.values(item), seq) for item in stored],
            )
        return AppendResult(new=len(fresh), unchanged=unchanged, retired=len(retired), head=head)

    def redact(
        self, places: Sequence[Place], wanted: str, *, reason: str, run_id: str, time: str, actor: str
    ) -> list[dict[str, Any]]:
        """Remove content; what it was stays provable by its digests, and custody says why it went.

        Args:
            places: rows, custody entries and their long texts.
            wanted: every text there that holds this goes.
            reason: why, in words that repeat nothing of what is removed.
            run_id: of this act.
            time: ISO 8601 UTC.
            actor: who does it, as a code.

        Returns:
            What custody tells of it.

        Raises:
            LedgerError: where a place is not in the ledger; nothing is removed then.
        """
        self.require_writable()
        self._db.execute("PRAGMA secure_delete = ON")
        with self._transaction():
            removed = remove(self._db, places, wanted)
            entry = CustodyEntry(
                chain=WORKSPACE_CHAIN,
                position=0,
                previous=GENESIS,
                time=time,
                actor=actor,
                action=REDACT,
                run_id=run_id,
                data={"reason": reason, "removed": removed},
            )
            self._custody.append(self._next("custody"), entry, whole=True)
        self._held.clear()
        self._db.execute("VACUUM")
        return removed

    def copy_to(self, path: Path) -> None:
        """Copy the ledger as it stands, consistent while another process writes.

        Raises:
            LedgerError: where the copy cannot be written.
        """
        try:
            with atomic_path(path) as temporary, closing(sqlite3.connect(temporary)) as target:
                self._db.backup(target)
        except (sqlite3.Error, OSError) as err:
            raise LedgerError(f"cannot copy the ledger to {path}: {err}") from err

    def require_writable(self) -> None:
        """Refuse to write into a ledger of an older version.

        Raises:
            LedgerError: where it has not been migrated.
        """
        if self.version != SCHEMA_VERSION:
            raise LedgerError(
                f"{self.path} is a ledger of version {self.version}, version {SCHEMA_VERSION} is written: "
                "`campwatch migrate` brings it over and keeps a copy"
            )

    def migrate(self) -> None:
        """Bring an older ledger to the version that is written; what it holds stays as it is.

        Raises:
            LedgerError: where it cannot be written.
        """
        if self.version == SCHEMA_VERSION:
            return
        try:
            upgrade_schema(self._db, self.version)
        except sqlite3.Error as err:
            self._rollback()
            raise LedgerError(f"cannot migrate the ledger {self.path}: {in_words(err)}") from err
        self.version = SCHEMA_VERSION

    def _next(self, table: str) -> int:
        query = f"SELECT coalesce(max(seq), 0) + 1 FROM {table}"  # noqa: S608 - a constant name
        return int(self._db.execute(query).fetchone()[0])

    def _split_new(self, rows: Sequence[Row]) -> tuple[list[Row], int]:
        fresh = []
        for row in rows:
            found = self._db.execute(
                "SELECT row_id FROM rows WHERE layer = ? AND site_id = ? AND subject = ? AND time = ? "
                "ORDER BY seq DESC LIMIT 1",
                row.key,
            ).fetchone()
            if found is None or found[0] != row.row_id:
                fresh.append(row)
        return fresh, len(rows) - len(fresh)

    def _retirements(self, rows: Sequence[Row], *, chain: str, complete: Iterable[str]) -> list[Row]:
        kept = {row.key for row in rows}
        return [
            Row(
                layer=old.row.layer,
                site_id=old.row.site_id,
                subject=old.row.subject,
                time=old.row.time,
                method=old.row.method,
                params_hash=old.row.params_hash,
                inputs_hash=old.row.inputs_hash,
                data={"retires": old.row_id},
                retired=True,
            )
            for layer in sorted(set(complete))
            for old in self.current(layer, site_id=chain)
            if old.row.key not in kept
        ]

    # ---------------------------------------------------------------- reading

    def current(
        self, layer: str | None = None, *, site_id: str | None = None, as_of_run: str | None = None
    ) -> list[StoredRow]:
        """The newest row of each key, retired ones left out, in the order of their keys.

        Args:
            layer: only this one.
            site_id: only this one.
            as_of_run: as things stood when this run had ended.
        """
        limit = self._last_seq_of(as_of_run) if as_of_run is not None else None
        where = ["1 = 1"]
        values: list[Any] = []
        for column, value in (("layer", layer), ("site_id", site_id)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        if limit is not None:
            where.append("seq <= ?")
            values.append(limit)
        condition = " AND ".join(where)
        query = (
            f"SELECT {READ_COLUMNS} FROM rows WHERE seq IN "  # noqa: S608 - only constants are put in
            f"(SELECT max(seq) FROM rows WHERE {condition} GROUP BY layer, site_id, subject, time) "
            "AND retired = 0 ORDER BY layer, site_id, time, subject"
        )
        self._forget_what_others_changed()
        return [self._unpacked(found) for found in self._db.execute(query, values)]

    def _forget_what_others_changed(self) -> None:
        """Another process may have taken something out of rows that were read here before."""
        (version,) = self._db.execute("PRAGMA data_version").fetchone()
        if version != self._version_read:
            self._version_read = version
            self._held.clear()

    def _unpacked(self, values: Sequence[Any]) -> StoredRow:
        """A row as it was read before: what is appended stays as it is, and a run asks for it many times."""
        held = self._held.get(values[0])
        if held is None:
            if len(self._held) >= HELD_ROWS:
                self._held.clear()
            held = self._held[values[0]] = self._packing.row(values)
        return held

    def newest(self, key: tuple[str, str, str, str]) -> StoredRow | None:
        """The newest row of a key, retired or not; None where there is none."""
        where = "layer = ? AND site_id = ? AND subject = ? AND time = ? ORDER BY seq DESC LIMIT 1"
        found = self._db.execute(f"SELECT {READ_COLUMNS} FROM rows WHERE {where}", key).fetchone()  # noqa: S608
        return None if found is None else self._packing.row(found)

    def has_row(self, row_id: str) -> bool:
        """Whether a row of this content was ever appended."""
        return (
            self._db.execute("SELECT 1 FROM rows WHERE row_id = ? LIMIT 1", (row_id,)).fetchone() is not None
        )

    def rows(self) -> Iterator[StoredRow]:
        """Every row ever appended, oldest first."""
        for values in self._db.execute(f"SELECT {READ_COLUMNS} FROM rows ORDER BY seq"):  # noqa: S608
            yield self._packing.row(values)

    def _last_seq_of(self, run_id: str) -> int:
        query = "SELECT max(seq) FROM rows WHERE entry IN (SELECT seq FROM custody WHERE run_id = ?)"
        found = self._db.execute(query, (run_id,)).fetchone()[0]
        if found is None:
            raise LedgerError(f"no run {run_id} in {self.path}")
        return int(found)

    def custody(self, chain: str | None = None) -> list[CustodyEntry]:
        """The custody entries, whole, oldest first, of one chain or of all."""
        where, values = ("", ()) if chain is None else ("WHERE chain = ?", (chain,))
        return list(self.whole(self._custody.stream(f"{where} ORDER BY seq", values)))

    def last_entry(self, chain: str, action: str) -> CustodyEntry | None:
        """The newest entry of that kind on a chain, whole; however many there are, few are read."""
        return self._custody.newest(chain, action)

    def custody_as_written(self) -> list[Stored]:
        """Every custody entry as its hash is over it, oldest first: what is long may be a difference."""
        return self._custody.stored()

    def custody_stream(self, *, by_chain: bool = False) -> Iterator[Stored]:
        """The same one after the other, oldest first, or chain by chain."""
        return self._custody.stream("ORDER BY chain, position" if by_chain else "ORDER BY seq")

    def whole(self, stored: Iterable[Stored]) -> Iterator[CustodyEntry]:
        """Entries as written, oldest first and none left out, with the long texts that they name.

        Raises:
            LedgerError: where a text is missing.
        """
        return self._custody.whole(stored)

    def text(self, digest: str) -> str | None:
        """A long text that entries name by its SHA-256; None where there is none."""
        return self._custody.text(digest)

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every long text with the digest that it is kept under."""
        return self._custody.texts()

    def custody_links(self) -> Iterator[tuple[CustodyEntry, str]]:
        """Every custody entry, whole, with its hash, oldest first, one after the other."""
        for (_, _, digest), entry in zip(
            self.custody_stream(), self.whole(self.custody_stream()), strict=True
        ):
            yield entry, digest

    def rows_of_entry(self, seq: int) -> Iterator[StoredRow]:
        """The rows that a custody entry vouches for, one after the other.

        Raises:
            LedgerError: where the file cannot be read.
        """
        query = f"SELECT {READ_COLUMNS} FROM rows WHERE entry = ? ORDER BY seq"  # noqa: S608 - constants
        try:
            for values in self._db.execute(query, (seq,)):
                yield self._packing.row(values)
        except (sqlite3.Error, ValueError) as err:
            raise LedgerError(f"cannot read the ledger {self.path}: {err}") from err

    def unvouched_entries(self) -> list[int]:
        """Entries that rows name and custody does not have."""
        query = "SELECT DISTINCT entry FROM rows WHERE entry NOT IN (SELECT seq FROM custody) ORDER BY entry"
        return [found[0] for found in self._db.execute(query)]

    def integrity(self) -> list[str]:
        """What SQLite finds wrong with the file itself; empty where nothing is."""
        try:
            told = [str(found[0]) for found in self._db.execute("PRAGMA quick_check(5)")]
        except sqlite3.Error as err:
            return [str(err)]
        return [] if told == ["ok"] else told

    def heads(self) -> dict[str, str]:
        """The newest custody hash of each chain."""
        return self._custody.heads()


def migrate_ledger(path: Path, name: str) -> Path | None:
    """Bring a ledger of an older version to the one that is written, and keep a copy of it.

    Args:
        path: of the ledger.
        name: ends the name of the copy.

    Returns:
        The copy; None where nothing was to be done.

    Raises:
        LedgerError: where it cannot be read or written, or another copy of that name is there.
    """
    with Ledger(path, read_only=True) as ledger:
        if ledger.version == SCHEMA_VERSION:
            return None
        copy = path.with_name(f"{path.stem}-version-{ledger.version}-{name}{path.suffix}")
        if copy.exists():
            raise LedgerError(f"{copy} is there already")
        ledger.copy_to(copy)
        heads = ledger.heads()
    with Ledger(path) as ledger:
        ledger.migrate()
        if ledger.heads() != heads:
            raise LedgerError(f"{path} was migrated to other heads than it had; its copy is {copy}")
    return copy


def _require_distinct(rows: Sequence[Row]) -> None:
    seen: set[tuple[str, str, str, str]] = set()
    for row in rows:
        if row.key in seen:
            raise LedgerError(f"two rows for {row.key} in one append")
        seen.add(row.key)
