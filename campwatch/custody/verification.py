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

from campwatch.custody.anchoring import anchor_findings
from campwatch.custody.merging import merged_findings
from campwatch.identity import matching_products, product_digest
from campwatch.layers import LAYERS
from campwatch.reviews.validation import ANNOTATED, Annotate, annotation
from campwatch.run.derived import behind
from campwatch.workspace import Workspace, readable_sites
from evidence.custody import CustodyEntry, custody_lines, heads_digest
from evidence.errors import WatchError
from evidence.layers import Kind, Layer, LayerSpec
from evidence.ledger import Ledger
from evidence.redaction import ACTION as REDACT
from evidence.rows import StoredRow
from evidence.runs import layer_rows
from evidence.tables import layer_columns, layer_frames
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
    redacted: tuple[str, ...]
    """What was removed on purpose, and why: only the ledger's word says that nothing else changed there."""
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
            findings += merged_findings(workspace, ledger)
            late = behind(workspace, ledger)
            findings += _derived(workspace, ledger, late)
        head = heads_digest(ledger.heads())
        redacted = tuple(_redacted(ledger))
    names = tuple(sorted(path.relative_to(workspace.folder).as_posix() for path in late))
    return Verification(findings=tuple(findings), behind=names, redacted=redacted, head=head)


def _redacted(ledger: Ledger) -> Iterator[str]:
    for _, entry, _ in ledger.custody_stream():
        if entry.action == REDACT:
            n = len(entry.data["removed"])
            yield f"{n} places redacted on {entry.time} by {entry.actor}: {entry.data['reason']}"


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
            scene.id: scene.products for scene in group_archived(archive.optical(site_id, superseded=True))
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
        for spec in LAYERS.values():
            yield from _layer_findings(workspace.results_path, spec, ledger, annotate, current=current)


def _custody_file(path: Path, ledger: Ledger, *, current: bool) -> Iterator[Finding]:
    """Each line is an entry of the ledger; where the file is current, each entry has its line."""
    with path.open(encoding="utf-8", newline="\n") as file:
        pairs = itertools.zip_longest(file, custody_lines(ledger.custody_stream(), ledger.text))
        for number, (held, written) in enumerate(pairs, start=1):
            if held != written and (held is not None or current):
                yield Finding(where=f"{path} line {number}", what="differs from the ledger")
                return


def _layer_findings(
    path: Path, spec: LayerSpec, ledger: Ledger, annotate: Annotate, *, current: bool
) -> Iterator[Finding]:
    """By rows, not bytes: opening a GeoPackage in QGIS changes its bytes."""
    held: dict[str, dict[str, dict[str, Any]]] = {}
    for layer in (spec, *spec.outlines):
        try:
            held[layer.name] = dict(_held(path, layer))
        except (DataLayerError, DataSourceError, ValueError, KeyError) as err:
            yield Finding(where=f"{path.name} {layer.name}", what=f"cannot be read: {_one_line(err)}")
            return
    wrong: list[tuple[str, str]] = []
    skipped = frozenset() if current else ANNOTATED
    for batch in _batches(iter(layer_rows(ledger, spec))):
        for name, row_id, cells in _table_cells(spec, annotate(batch)):
            found = held[name].pop(row_id, None)
            if found is None and current:
                wrong.append((name, f"row {row_id} is missing"))
            elif found is not None:
                wrong += [(name, text) for text in _differences(row_id, found, cells, skipped)]
    if any(held.values()) and not current and spec.derived is None:
        wrong += _superseded_findings(spec, ledger, held)
    if current or spec.derived is None:
        wrong += [
            (name, f"row {row_id} is not in the ledger")
            for name, rows in held.items()
            for row_id in sorted(rows)
        ]
    yield from (Finding(where=f"{path.name} {name}", what=text) for name, text in wrong[:NAMED])
    if len(wrong) > NAMED:
        more = f"{len(wrong) - NAMED} more rows differ from the ledger"
        yield Finding(where=f"{path.name} {spec.name}", what=more)


def _superseded_findings(
    spec: LayerSpec, ledger: Ledger, held: Mapping[str, dict[str, dict[str, Any]]]
) -> Iterator[tuple[str, str]]:
    """Of a file that is behind: its rows that no longer stand, against what the ledger said then."""
    for stored in ledger.rows():
        if stored.row.layer != spec.name or not any(stored.row_id in rows for rows in held.values()):
            continue
        for name, row_id, cells in _table_cells(spec, [stored]):
            found = held[name].pop(row_id, None)
            if found is not None:
                yield from ((name, text) for text in _differences(row_id, found, cells, ANNOTATED))


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


def _table_cells(spec: LayerSpec, rows: list[StoredRow]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(table, row id, cells) of rows, their second geometries' tables among them."""
    for layer, frame in layer_frames(spec, rows):
        yield from ((layer.name, row_id, cells) for row_id, cells in _cells(layer, frame))


def _one_line(err: Exception) -> str:
    return " ".join(str(err).split())


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
