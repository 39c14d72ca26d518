"""What the simulator writes goes through the product's own doors."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from aoi.grid import site_grid
from aoi.site_file import read_site
from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
from imagery.cube.loading import load_cube
from imagery.simulate import CatalogHabits, SimulationParams, simulate_site
from imagery.sources.static import StaticCatalog

pytestmark = pytest.mark.filterwarnings(
    "ignore:Use .@. matmul:PendingDeprecationWarning"
)  # odc-geo, affine 3


@pytest.mark.parametrize("size_px", [100, 120, 250, 500])
def test_the_ordering_box_snaps_to_the_simulated_grid(size_px: int) -> None:
    params = SimulationParams(size_px=size_px, until=dt.date(2017, 2, 1))
    site = simulate_site(params, seed=1)
    assert site_grid(site.site) == site.world.frame.geobox
    assert site.world.frame.size_px - size_px in range(6)


def test_catalogue_to_cube(tmp_path: Path) -> None:
    params = SimulationParams(size_px=120, since=dt.date(2022, 2, 5), until=dt.date(2022, 3, 20), missing=0)
    simulated = simulate_site(params, seed=3)
    catalog = simulated.write_catalog(tmp_path / "c", habits=CatalogHabits(second_zone=True, radar=False))
    site = read_site(tmp_path / "c" / f"{simulated.site.id}.geojson")
    assert (site.id, len(site.boundaries), len(site.zones)) == (
        simulated.site.id,
        len(simulated.site.boundaries),
        3,
    )
    archive = Archive(tmp_path / "archive")
    report = fetch_new(
        site,
        archive,
        [StaticCatalog(catalog)],
        since=dt.datetime(2022, 1, 1, tzinfo=dt.UTC),
        until=dt.datetime(2023, 1, 1, tzinfo=dt.UTC),
        workers=1,
    )
    assert not report.failed
    cube = load_cube(archive.products(site.id), site_grid(site))
    assert cube.sizes["time"] == len(simulated.truth.passes)
    fast, sky = simulated.cube(), simulated.sky_truth()
    clear = ~(sky.cloud | sky.shadow)
    for band in ("blue", "nir"):
        difference = np.abs(cube[band].values - fast[band].values)
        assert np.nanmedian(difference[clear]) < 0.008
