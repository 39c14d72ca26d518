"""How rows lie in the ledger: short ones as text, long ones packed.

Most of a row was said before: the names of its fields, the sentence of its verdict, method and parameters. A
long row is compressed (DEFLATE, RFC 1951) against a dictionary of its layer, which is kept once beside the
rows; run and time stand in the custody entry that vouches for it. Digests are over what a row says, however
it lies.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Sequence
from typing import Any

from evidence.hashing import canonical_json
from evidence.rows import Row, StoredRow

LONG = 400
"""Characters of JSON from which a row is packed."""
KEPT_TEXT = 40
"""Characters from which a text of a layer's first long row stays in its dictionary: sentences, no names."""
RAW_WKB = (0, 1)
"""First bytes of a geometry that is not compressed; compressed ones begin with another."""


class RowPacking:
    """Packs and unpacks rows of one ledger; the caller holds the transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Nothing is read yet."""
        self._db = db
        self._dictionaries: dict[str, bytes] = {}

    def values(self, stored: StoredRow) -> tuple[Any, ...]:
        """A row as the table holds it, in the order of `ROW_COLUMNS`."""
        row = stored.row
        identity = (stored.seq, stored.row_id, row.layer, row.site_id, row.subject, row.time)
        text = canonical_json(row.data)
        if len(text) < LONG:
            how = (row.method, row.params_hash, row.inputs_hash, stored.run_id, stored.as_of)
            return (*identity, *how, int(row.retired), text, row.geometry)
        told = [row.method, row.params_hash, row.inputs_hash, row.data]
        packer = zlib.compressobj(9, zdict=self._dictionary(row.layer, told))
        packed = packer.compress(canonical_json(told).encode()) + packer.flush()
        outline = None if row.geometry is None else min(zlib.compress(row.geometry, 9), row.geometry, key=len)
        return (*identity, "", "", "", "", "", int(row.retired), packed, outline)

    def row(self, values: Sequence[Any]) -> StoredRow:
        """The row that the table holds as `values`, in the order of `READ_COLUMNS`.

        Raises:
            ValueError: where it cannot be unpacked.
        """
        how, data = values[6:9], values[12]
        if isinstance(data, bytes):
            opener = zlib.decompressobj(zdict=self._known(values[2]))
            try:
                *how, told = json.loads(opener.decompress(data) + opener.flush())
            except zlib.error as err:
                raise ValueError(f"row {values[1]} cannot be unpacked: {err}") from err
        else:
            told = json.loads(data)
        outline = values[13]
        if outline and outline[0] not in RAW_WKB:
            try:
                outline = zlib.decompress(outline)
            except zlib.error as err:
                raise ValueError(f"the geometry of row {values[1]} cannot be unpacked: {err}") from err
        row = Row(
            layer=values[2],
            site_id=values[3],
            subject=values[4],
            time=values[5],
            method=how[0],
            params_hash=how[1],
            inputs_hash=how[2],
            retired=bool(values[11]),
            data=told,
            geometry=outline,
        )
        return StoredRow(seq=values[0], row_id=values[1], run_id=values[9], as_of=values[10], row=row)

    def replace(self, stored: StoredRow) -> None:
        """Put another content in the place of a row, as text, within a transaction that allows it."""
        row = stored.row
        self._db.execute(
            "UPDATE rows SET data = ?, method = ?, params_hash = ?, inputs_hash = ?, geometry = ? "
            "WHERE seq = ?",
            (
                canonical_json(row.data),
                row.method,
                row.params_hash,
                row.inputs_hash,
                row.geometry,
                stored.seq,
            ),
        )

    def dictionaries(self) -> dict[str, str]:
        """The dictionary of each layer; empty in a ledger of an older version."""
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'dictionaries'").fetchone():
            return {}
        return dict(self._db.execute("SELECT layer, text FROM dictionaries"))

    def empty_dictionary(self, layer: str) -> None:
        """Forget what a dictionary says, within a transaction that allows it; no packed row may need it."""
        self._db.execute("UPDATE dictionaries SET text = '' WHERE layer = ?", (layer,))
        self._dictionaries.pop(layer, None)

    def _dictionary(self, layer: str, told: list[Any]) -> bytes:
        """That of the layer, made of this row where there is none."""
        found = self._db.execute("SELECT text FROM dictionaries WHERE layer = ?", (layer,)).fetchone()
        if found is None:
            text = canonical_json(_skeleton(told))
            self._db.execute("INSERT INTO dictionaries VALUES (?, ?)", (layer, text))
            return text.encode()
        return str(found[0]).encode()

    def _known(self, layer: str) -> bytes:
        if layer not in self._dictionaries:
            found = self._db.execute("SELECT text FROM dictionaries WHERE layer = ?", (layer,)).fetchone()
            self._dictionaries[layer] = b"" if found is None else str(found[0]).encode()
        return self._dictionaries[layer]


def _skeleton(value: Any) -> Any:
    """A plain value without its figures and short texts."""
    if isinstance(value, str):
        return value if len(value) >= KEPT_TEXT else ""
    if isinstance(value, list | tuple):
        return [_skeleton(item) for item in value]
    if isinstance(value, dict):
        return {name: _skeleton(item) for name, item in value.items()}
    return value if value is None or isinstance(value, bool) else 0
