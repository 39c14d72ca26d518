"""A simulated site through the real path: catalogue written, fetched, archived."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from aoi.grid import site_grid
from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
from imagery.records import ArchivedProduct
from imagery.simulate import (
    CLEAN_HABITS,
    CatalogHabits,
    SimulatedSite,
    SimulationParams,
    simulate_site,
)
from imagery.simulate.cube import TRUE_CIRRUS, TRUE_CLOUD, TRUE_SHADOW
from imagery.simulate.passes import Pass
from imagery.simulate.scene import scene_sky
from imagery.sources.static import StaticCatalog

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ArchivedSite:
    """A simulated site, and what was archived of it."""

    site: SimulatedSite
    products: list[ArchivedProduct]
    grid: GeoBox

    def on(self, time: np.datetime64) -> Pass:
        """The pass of a time step."""
        day = time.astype("datetime64[D]").astype(dt.date)
        return next(one for one in self.site.truth.passes if one.day == day)

    def sky(self, time: np.datetime64) -> tuple[Mask, Mask]:
        """True cloud and true shadow (y, x)."""
        sky = scene_sky(self.site.world, self.on(time))
        return (sky.cloud > TRUE_CLOUD) | (sky.cirrus > TRUE_CIRRUS), sky.shadow > TRUE_SHADOW


def archive_site(
    params: SimulationParams, seed: int, folder: Path, *, habits: CatalogHabits = CLEAN_HABITS
) -> ArchivedSite:
    """Write the catalogue below `folder`, fetch it, and open the archive; one that is done is taken."""
    site = simulate_site(params, seed=seed)
    archive, done = Archive(folder / "archive"), folder / "done"
    if not done.exists():
        catalog = site.write_catalog(folder / "catalog", habits=habits)
        since = dt.datetime.combine(params.since, dt.time(), dt.UTC)
        until = dt.datetime.combine(params.until, dt.time(), dt.UTC)
        fetch_new(site.site, archive, [StaticCatalog(catalog)], since=since, until=until)
        done.write_text("", encoding="utf-8")
    return ArchivedSite(site, archive.products(site.site.id), site_grid(site.site))
