"""Does everything still say what it said when it was written? Archive, ledger, custody, derived files."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from campwatch.anchoring import anchor_findings
from campwatch.derived import behind
from campwatch.identity import matching_products, product_digest
from campwatch.reviews.annotation import ANNOTATED, Annotate, annotation
from campwatch.workspace import Workspace, readable_sites
from evidence.custody import CustodyEntry, custody_lines, heads_digest
from evidence.errors import WatchError
from evidence.layers import LAYERS, Kind, Layer
from evidence.ledger import Ledger
from evidence.rows import StoredRow
from evidence.runs import layer_rows
from evidence.tables import layer_columns, layer_table
from evidence.verify import Finding, verify_ledger
from imagery.archive.store import Archive, archived_heights
from imagery.cube.scenes import group_archived

BATCH = 5000
"""Rows that are compared at a time."""
NAMED = 20
"""Rows of a layer that are named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a check found."""

    findings: tuple[Finding, ...]
    """What is not as it was written."""
    behind: tuple[str, ...]
    """Derived files that show an earlier state of the ledger: nothing is wrong with them but their age."""
    head: str
    """Digest over all custody heads."""


def verify_workspace(
    workspace: Workspace, *, deep: bool = False, expected_head: str | None = None
) -> Verification:
    """Check the archive by bytes and against custody, the ledger by its chains, derived files by their rows.

    Args:
        workspace: to be checked; nothing is written.
        deep: also read every pixel of the archive.
        expected_head: a custody head kept elsewhere, which must have been a head of this ledger.
    """
    archive = Archive(workspace.archive_folder)
    findings = archive.verify(deep=deep)
    late: list[Path] = []
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        wrong = verify_ledger(ledger, expected_head=expected_head)
        findings += wrong
        if not wrong:
            findings += archive_findings(archive, ledger)
            findings += anchor_findings(ledger)
            late = behind(workspace, ledger)
            findings += _derived(workspace, ledger, late)
        head = heads_digest(ledger.heads())
    names = tuple(sorted(path.relative_to(workspace.folder).as_posix() for path in late))
    return Verification(findings=tuple(findings), behind=names, head=head)


# ---------------------------------------------------------------- the archive against custody


def archive_findings(archive: Archive, ledger: Ledger) -> Iterator[Finding]:
    """Scenes that custody says were measured, and that the archive no longer holds as they were."""
    cited: dict[str, dict[tuple[str, str], CustodyEntry]] = {}
    for entry in ledger.whole(ledger.custody_stream()):
        for name, digest in _cited(entry):
            cited.setdefault(entry.chain, {}).setdefault((name, digest), entry)
    for site_id, scenes in sorted(cited.items()):
        yield from _site_findings(archive, site_id, scenes)


def _cited(entry: CustodyEntry) -> Iterator[tuple[str, str]]:
    """(scene, digest) of what a measurement worked with; heights under no name."""
    if entry.action == "measure":
        yield from entry.data.get("inputs", {}).get("scenes", {}).items()
        yield from (("", tile) for tile in entry.data.get("knobs", {}).get("terrain", {}).get("dem", ()))


def _site_findings(
    archive: Archive, site_id: str, cited: Mapping[tuple[str, str], CustodyEntry]
) -> Iterator[Finding]:
    try:
        scenes = {
            scene.id: scene.products for scene in group_archived(archive.products(site_id, superseded=True))
        }
        tiles = {product_digest(tile) for tile in archived_heights(archive, site_id)}
    except WatchError as err:
        yield Finding(where=f"archive of {site_id}", what=f"cannot be read: {err}")
        return
    for (scene_id, digest), entry in sorted(cited.items(), key=lambda item: item[0]):
        since = f"measured by run {entry.run_id} on {entry.time}"
        if not scene_id and digest not in tiles:
            yield Finding(where=f"archive of {site_id}", what=f"heights {digest[:16]}, {since}, are missing")
        elif scene_id and scene_id not in scenes:
            yield Finding(where=f"archive of {site_id}", what=f"scene {scene_id}, {since}, is missing")
        elif scene_id and matching_products(scenes[scene_id], digest) is None:
            yield Finding(
                where=f"archive of {site_id}",
                what=f"scene {scene_id} is not what was {since}: nothing there has the digest {digest[:16]}",
            )


# ---------------------------------------------------------------- derived files against the ledger


def _derived(workspace: Workspace, ledger: Ledger, late: Iterable[Path]) -> Iterator[Finding]:
    late = set(late)
    if workspace.custody_path.exists():
        current = workspace.custody_path not in late
        yield from _custody_file(workspace.custody_path, ledger, current=current)
    if workspace.results_path.exists():
        current = workspace.results_path not in late
        annotate = annotation(ledger, readable_sites(workspace))
        for layer in LAYERS.values():
            yield from _layer_findings(workspace.results_path, layer, ledger, annotate, current=current)


def _custody_file(path: Path, ledger: Ledger, *, current: bool) -> Iterator[Finding]:
    """Each line is an entry of the ledger; where the file is current, each entry has its line."""
    with path.open(encoding="utf-8", newline="\n") as file:
        pairs = itertools.zip_longest(file, custody_lines(ledger.custody_stream(), ledger.text))
        for number, (held, written) in enumerate(pairs, start=1):
            if held != written and (held is not None or current):
                yield Finding(where=f"{path} line {number}", what="differs from the ledger")
                return


def _layer_findings(
    path: Path, layer: Layer, ledger: Ledger, annotate: Annotate, *, current: bool
) -> Iterator[Finding]:
    """By rows, not bytes: opening a GeoPackage in QGIS changes its bytes."""
    where = f"{path.name} {layer.name}"
    try:
        held = dict(_held(path, layer))
    except (DataLayerError, DataSourceError, ValueError, KeyError) as err:
        yield Finding(where=where, what=f"cannot be read: {' '.join(str(err).split())}")
        return
    skipped = frozenset() if current else ANNOTATED
    wrong: list[str] = []
    for batch in _batches(iter(layer_rows(ledger, layer.name))):
        for row_id, cells in _table_cells(layer, annotate(batch)):
            found = held.pop(row_id, None)
            if found is None and current:
                wrong.append(f"row {row_id} is missing")
            elif found is not None:
                wrong += _differences(row_id, found, cells, skipped)
    if held and (current or layer.name != "runs"):
        for stored in ledger.rows():
            if stored.row.layer == layer.name and stored.row_id in held and not current:
                ((_, cells),) = _table_cells(layer, [stored])
                wrong += _differences(stored.row_id, held.pop(stored.row_id), cells, ANNOTATED)
        wrong += [f"row {row_id} is not in the ledger" for row_id in sorted(held)]
    yield from (Finding(where=where, what=text) for text in wrong[:NAMED])
    if len(wrong) > NAMED:
        yield Finding(where=where, what=f"{len(wrong) - NAMED} more rows differ from the ledger")


def _differences(
    row_id: str, held: Mapping[str, Any], written: Mapping[str, Any], skipped: frozenset[str]
) -> list[str]:
    return [
        f"row {row_id}: {name} is {held.get(name)!r}, the ledger says {value!r}"
        for name, value in written.items()
        if name not in skipped and held.get(name) != value
    ]


def _held(path: Path, layer: Layer) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a layer as the file holds them, by their ids."""
    for start in itertools.count(0, BATCH):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # what is wrong with the file is a finding
            table = pyogrio.read_dataframe(
                path, layer=layer.name, read_geometry=False, skip_features=start, max_features=BATCH
            )
        yield from _cells(layer, table)
        if len(table) < BATCH:
            return


def _table_cells(layer: Layer, rows: list[StoredRow]) -> Iterator[tuple[str, dict[str, Any]]]:
    return _cells(layer, layer_table(layer, rows))


def _cells(layer: Layer, table: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Cells as plain values, missing ones as None."""
    kinds = {name: column.kind for name, column in layer_columns(layer)}
    plain = table.astype(object).where(table.notna(), None)
    for record in plain.to_dict("records"):
        yield record["row_id"], {name: _cell(record.get(name), kind) for name, kind in kinds.items()}


def _cell(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind in {Kind.REAL, Kind.QUANTITY}:
        return float(value)
    if kind is Kind.INTEGER:
        return int(value)
    return bool(value) if kind is Kind.BOOLEAN else str(value)


def _batches(rows: Iterator[StoredRow]) -> Iterator[list[StoredRow]]:
    while batch := list(itertools.islice(rows, BATCH)):
        yield batch
