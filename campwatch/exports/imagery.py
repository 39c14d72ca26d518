"""Imagery for figures, chips and bags: the looks that an export may show, read from the archive."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from aoi.records import Site
from campwatch.exports.bundle import Bundle
from campwatch.site_job import site_work
from campwatch.workshop import cube_cache, load_site_cube
from campwatch.workspace import Workspace
from evidence.errors import ExportError, GridMismatchError
from evidence.rows import StoredRow
from imagery.archive.store import Archive
from imagery.cube.observations import OBSERVATIONS
from imagery.cube.scenes import ArchivedScene, group_archived

SAME_SEASON_DAYS = 20
"""Looks this close to one day of the year are of one season."""
CLEAR = (0.95, 0.8, 0.5)
"""Share of the site that must be seen clearly for a look to be chosen; the next is tried where none is."""
SNOWY = 0.05
MIDSUMMER = 172
"""21 June as a day of the year."""
SUMMER_WEIGHT = 0.2
"""Days of difference in season that one day away from midsummer counts for."""
HIDDEN_WEIGHT = 1000.0
"""Days of difference in season that a wholly hidden site counts for: one percent is worth ten days."""
NEARLY_AS_LONG = dt.timedelta(days=550)
"""A pair may span this much less than the longest if its seasons agree better."""
_YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class LookChoice:
    """One look, as the ledger tells it."""

    scene_id: str
    datetime: dt.datetime
    local_date: str
    valid_fraction: float
    snow_fraction: float


def usable_looks(bundle: Bundle, site_id: str, *, until: dt.datetime | None = None) -> list[LookChoice]:
    """The looks of a site that were used, oldest first, none later than `until`."""
    rows = [row for row in bundle.rows[OBSERVATIONS.name] if row.row.site_id == site_id]
    looks = [_look(row) for row in rows if row.row.data["status"] == "used"]
    kept = [look for look in looks if until is None or look.datetime <= until]
    return sorted(kept, key=lambda look: look.datetime)


def _look(stored: StoredRow) -> LookChoice:
    data = stored.row.data
    return LookChoice(
        scene_id=str(data["scene_id"]),
        datetime=dt.datetime.fromisoformat(str(data["datetime"])),
        local_date=str(data["local_date"]),
        valid_fraction=float(data["valid_fraction"] or 0.0),
        snow_fraction=float(data["snow_fraction"] or 0.0),
    )


def choose_pair(
    looks: Sequence[LookChoice], *, before: str | None = None, after: str | None = None
) -> tuple[LookChoice, LookChoice]:
    """Two looks of one season: the named ones, else the clear ones farthest apart and most alike in season.

    Args:
        looks: usable ones.
        before: date of the first, `YYYY-MM-DD`.
        after: date of the second.

    Raises:
        ExportError: where there are no two such looks.
    """
    firsts, lasts = ([_on(looks, day)] if day else None for day in (before, after))
    candidates = (
        _pairs(firsts or clear, lasts or clear, named=bool(before and after)) for clear in _clear(looks)
    )
    pairs = next((found for found in candidates if found), None)
    if pairs is None:
        raise ExportError("no two clear looks of one season to compare; name two with --before and --after")
    longest = max(last.datetime - first.datetime for first, last in pairs)
    apart = [pair for pair in pairs if pair[1].datetime - pair[0].datetime >= longest - NEARLY_AS_LONG]
    return min(apart, key=_unlikeness)


def _clear(looks: Sequence[LookChoice]) -> Iterator[list[LookChoice]]:
    """The snow-free looks that saw nearly all of the site, then those that saw less."""
    bare = [look for look in looks if look.snow_fraction <= SNOWY]
    for share in CLEAR:
        yield [look for look in bare if look.valid_fraction >= share]


def _pairs(
    firsts: Sequence[LookChoice], lasts: Sequence[LookChoice], *, named: bool
) -> list[tuple[LookChoice, LookChoice]]:
    return [
        (first, last)
        for first in firsts
        for last in lasts
        if first.datetime < last.datetime and (named or season_gap(first, last) <= SAME_SEASON_DAYS)
    ]


def _unlikeness(pair: tuple[LookChoice, LookChoice]) -> float:
    """Days: difference in season, way from midsummer, and what clouds hide, weighed together."""
    hidden = sum(1.0 - look.valid_fraction for look in pair)
    return season_gap(*pair) + SUMMER_WEIGHT * _days_from_midsummer(pair[1]) + HIDDEN_WEIGHT * hidden


def _days_from_midsummer(look: LookChoice) -> float:
    """Days to the highest sun of the northern hemisphere, where shadows are shortest."""
    days = abs(look.datetime.timetuple().tm_yday - MIDSUMMER)
    return min(days, _YEAR_DAYS - days)


def season_gap(one: LookChoice, other: LookChoice) -> float:
    """Days between the days of the year of two looks."""
    days = abs((one.datetime - other.datetime).total_seconds()) / 86_400.0 % _YEAR_DAYS
    return min(days, _YEAR_DAYS - days)


def _on(looks: Sequence[LookChoice], day: str) -> LookChoice:
    found = next((look for look in looks if day in (look.local_date, f"{look.datetime:%Y-%m-%d}")), None)
    if found is None:
        raise ExportError(f"no usable look on {day}")
    return found


def scenes_of(workspace: Workspace, site_id: str, scene_ids: Iterable[str]) -> list[ArchivedScene]:
    """The archived scenes of these ids, in the order of time."""
    wanted = set(scene_ids)
    products = Archive(workspace.archive_folder).products(site_id)
    return [scene for scene in group_archived(products) if scene.id in wanted]


def load_looks(workspace: Workspace, site: Site, looks: Sequence[LookChoice]) -> xr.Dataset:
    """These looks as they were measured: from the site's whole cube, registered and masked with all others.

    Raises:
        ExportError: where the archive does not hold one of them.
    """
    scenes = scenes_of(workspace, site.id, [look.scene_id for look in looks])
    missing = {look.scene_id for look in looks} - {scene.id for scene in scenes}
    if missing:
        raise ExportError(f"the archive does not hold {', '.join(sorted(missing))}")
    (path,) = workspace.chosen_paths((site.id,))
    work = site_work(workspace, path)
    if work is None:
        raise ExportError(f"the archive holds nothing of {site.id}")
    cube = load_site_cube(workspace, work, cache=cube_cache(workspace, site), lazy=True)
    order = {str(scene_id): i for i, scene_id in enumerate(cube["scene_id"].to_numpy())}
    return cube.isel(time=[order[look.scene_id] for look in looks]).load()


def stack(layer: xr.Dataset, bands: Sequence[str]) -> NDArray[np.float32]:
    """Reflectance (band, y, x) of one look."""
    return np.stack([np.asarray(layer[band].values, dtype=np.float32) for band in bands])


def epsg_of(geobox: GeoBox) -> int:
    """Code of the grid's coordinate system; site grids are in a UTM zone, which has one."""
    if geobox.crs is None or geobox.crs.epsg is None:
        raise GridMismatchError(f"the grid {geobox} has no EPSG code")
    return int(geobox.crs.epsg)
