"""A run computed again from what it pinned: the site file and the archived products, by their digests."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aoi.site_file import read_site
from campwatch.identity import code_identity, matching_products, same_code
from campwatch.layers import measured_layers
from campwatch.run.inputs import Inputs
from campwatch.run.measure import measured_rows
from campwatch.run.site_bench import load_site_cube, other_cubes
from campwatch.run.site_job import SiteWork, earlier_disturbances
from campwatch.workspace import Workspace
from evidence.custody import CustodyEntry
from evidence.errors import LedgerError
from evidence.files import write_text
from evidence.ledger import Ledger
from evidence.record_reading import read_data
from evidence.rows import Row, StoredRow
from evidence.runs import MEASURED, last_measured
from imagery.archive.store import Archive, archived_heights, height_files
from imagery.cube.landsat import is_landsat
from imagery.cube.observations import Observation
from imagery.cube.scenes import group_archived
from imagery.records import ArchivedProduct


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """How a site's rows of a run compare with the same measurement made again."""

    site_id: str
    rows: int
    same_code: bool
    differing: tuple[str, ...]
    """Rows that differ, or that only one side has: what, and by how much."""


def reproduce_run(workspace: Workspace, run_id: str, *, tolerance: float | None = None) -> list[Reproduction]:
    """Measure again what a run measured, and compare row by row.

    Args:
        workspace: with its archive and ledger; nothing is written to it.
        run_id: the run.
        tolerance: with other code or packages than the run's: by how much numbers may differ, relative.
            None refuses other code.

    Raises:
        LedgerError: where the run measured nothing, its inputs are gone, or the code is another.
    """
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        entries = [
            entry
            for entry in ledger.whole(ledger.custody_stream())
            if entry.run_id == run_id and entry.action == MEASURED
        ]
        if not entries:
            raise LedgerError(_not_measured(ledger, run_id))
        return [_reproduce(workspace, ledger, entry, tolerance) for entry in entries]


def _not_measured(ledger: Ledger, run_id: str) -> str:
    """What a run did instead of measuring, and which runs measured what stood then."""
    links = ledger.custody_as_written()
    own = [(seq, entry) for seq, entry, _ in links if entry.run_id == run_id]
    if not own:
        known = sorted({entry.run_id for entry in last_measured(links).values()})
        return f"no run {run_id} in {ledger.path}; the figures that stand were measured by {', '.join(known)}"
    did = ", ".join(dict.fromkeys(f"{entry.action} ({entry.chain})" for _, entry in own))
    until = last_measured([link for link in links if link[0] <= own[-1][0]])
    chains = {entry.chain for _, entry in own}
    told = [
        f"{entry.run_id} ({site})" for site, entry in until.items() if site in chains or not chains & {*until}
    ]
    return (
        f"run {run_id} measured nothing, it did {did}; reproduce what stood then: {', '.join(told) or 'none'}"
    )


def _reproduce(
    workspace: Workspace, ledger: Ledger, entry: CustodyEntry, tolerance: float | None
) -> Reproduction:
    same = same_code(entry.data["code"], code_identity())
    if not same and tolerance is None:
        raise LedgerError(
            f"run {entry.run_id} was made by {_code_words(entry.data['code'])}, this is "
            f"{_code_words(code_identity())}: install that, or compare with --tolerance"
        )
    before = [
        stored
        for layer in measured_layers()
        for stored in ledger.current(layer, site_id=entry.chain, as_of_run=entry.run_id)
    ]
    again = _measure_again(workspace, entry, _run_before(ledger, entry))
    differing = _exact(before, again) if same else _within(before, again, tolerance or 0.0)
    return Reproduction(site_id=entry.chain, rows=len(again), same_code=same, differing=tuple(differing))


def _code_words(code: Mapping[str, Any]) -> str:
    return f"campwatch {code['campwatch']} ({str(code['source'])[:12]}) on Python {code['python']}"


def _run_before(ledger: Ledger, entry: CustodyEntry) -> str | None:
    """The run that measured the site before this one: what it froze stayed; None where there was none."""
    before = None
    for other in ledger.whole(ledger.custody_stream()):
        if other.run_id == entry.run_id:
            return before
        if other.action == MEASURED and other.chain == entry.chain:
            before = other.run_id
    return before


def _measure_again(workspace: Workspace, entry: CustodyEntry, before: str | None) -> list[Row]:
    pinned = entry.data["inputs"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{entry.chain}.geojson"
        write_text(path, json.dumps(entry.data["site_file"], ensure_ascii=False))
        site = read_site(path)
        held = list(_pinned_products(workspace, entry.chain, pinned["scenes"]))
        work = SiteWork(
            site=site,
            path=path,
            products=tuple(one for one in held if not is_landsat(one)),
            landsat=tuple(one for one in held if is_landsat(one)),
            inputs=Inputs(
                site=pinned["site"],
                scenes=pinned["scenes"],
                gaps=tuple(read_data(Observation, data) for data in entry.data["missed"].values()),
                overrides=entry.data.get("knobs", {}),
                earlier=earlier_disturbances(workspace.ledger_path, site.id, as_of_run=before)
                if before
                else (),
            ),
            dem=height_files(archived_heights(Archive(workspace.archive_folder), site.id)),
        )
        cube = load_site_cube(workspace, work, cache=Path(folder) / "cache")
        others = other_cubes(workspace, work, cache=Path(folder) / "others")
        return measured_rows(cube, site, work.inputs, others=others)


def _pinned_products(
    workspace: Workspace, site_id: str, scenes: Mapping[str, str]
) -> Iterator[ArchivedProduct]:
    """The processing of each scene that the run worked with, told by its digest."""
    held = Archive(workspace.archive_folder).optical(site_id, superseded=True)
    by_scene = {scene.id: scene.products for scene in group_archived(held)}
    for scene_id, digest in scenes.items():
        chosen = matching_products(by_scene.get(scene_id, ()), digest)
        if chosen is None:
            raise LedgerError(f"the archive no longer holds scene {scene_id} as it was measured")
        yield from chosen


def _exact(before: Sequence[StoredRow], again: Sequence[Row]) -> Iterator[str]:
    old = {stored.row.key: stored.row_id for stored in before}
    new = {row.key: row.row_id for row in again}
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield f"{' '.join(part for part in key if part)}: {old.get(key)} is now {new.get(key)}"


def _within(before: Sequence[StoredRow], again: Sequence[Row], tolerance: float) -> Iterator[str]:
    old = {stored.row.key: stored.row.data for stored in before}
    new = {row.key: row.data for row in again}
    for key in sorted(old.keys() | new.keys()):
        name = " ".join(part for part in key if part)
        if key not in old or key not in new:
            yield f"{name}: only in the {'new' if key in new else 'old'} measurement"
            continue
        yield from (f"{name}: {text}" for text in _differences(old[key], new[key], tolerance))


def _differences(old: Any, new: Any, tolerance: float, path: str = "") -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(name), new.get(name), tolerance, f"{path}.{name}".lstrip("."))
    elif isinstance(old, float) and isinstance(new, float | int):
        if not math.isclose(old, new, rel_tol=tolerance, abs_tol=tolerance):
            yield f"{path} {old} is now {new}"
    elif old != new:
        yield f"{path} {old!r} is now {new!r}"
