"""Simulated sites through catalogue, fetch, archive and cube, against what is true of them."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from aoi.grid import site_grid
from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
from imagery.cube.loading import load_cube
from imagery.cube.scene import CubeParams
from imagery.records import ArchivedProduct
from imagery.simulate import (
    CLEAN_HABITS,
    CatalogHabits,
    SensorParams,
    SimulatedSite,
    SimulationParams,
    simulate_site,
)
from imagery.simulate.scene import scene_sky
from imagery.sources.static import StaticCatalog


def archived(
    params: SimulationParams, seed: int, folder: Path, habits: CatalogHabits
) -> tuple[SimulatedSite, list[ArchivedProduct]]:
    site = simulate_site(params, seed=seed)
    catalog = site.write_catalog(folder / "catalog", habits=habits)
    archive = Archive(folder / "archive")
    since, until = (dt.datetime.combine(day, dt.time(), dt.UTC) for day in (params.since, params.until))
    fetch_new(site.site, archive, [StaticCatalog(catalog)], since=since, until=until)
    return site, archive.products(site.site.id)


def counted(site: SimulatedSite, cube: xr.Dataset) -> dict[str, tuple[int, int]]:
    """(valid pixels, pixels) of clear coal, cloud and shadow."""
    passes = {one.day: one for one in site.truth.passes}
    total = {"coal": (0, 0), "cloud": (0, 0), "shadow": (0, 0)}
    for k, time in enumerate(cube["time"].values):
        day = time.astype("datetime64[D]").astype(dt.date)
        sky, valid = scene_sky(site.world, passes[day]), cube["valid"].values[k]
        cloud, shadow = (sky.cloud > 0.15) | (sky.cirrus > 0.06), sky.shadow > 0.25
        coal = (site.truth.pile_fraction(day) > 0.5) & ~cloud & ~shadow
        for name, where in {"coal": coal, "cloud": cloud, "shadow": shadow & ~cloud}.items():
            kept, pixels = total[name]
            total[name] = kept + int(valid[where].sum()), pixels + int(where.sum())
    return total


def test_clear_coal_survives_the_masks_and_cloud_does_not(tmp_path: Path) -> None:
    params = SimulationParams(
        size_px=96,
        since=dt.date(2020, 8, 20),
        until=dt.date(2020, 11, 20),
        months=(9, 10, 11),
        sensor=SensorParams(bands=("blue", "green", "red", "nir")),
    )
    site, products = archived(params, 531, tmp_path, CLEAN_HABITS)
    total = counted(site, load_cube(products, site_grid(site.site)))
    kept = {name: valid / pixels for name, (valid, pixels) in total.items()}
    assert min(pixels for _, pixels in total.values()) > 300
    assert kept["coal"] >= 0.95
    assert kept["cloud"] <= 0.10


def test_mixed_missing_and_wrong_flags_end_with_the_right_offset_or_are_refused(tmp_path: Path) -> None:
    params = SimulationParams(
        size_px=60,
        since=dt.date(2021, 12, 20),
        until=dt.date(2022, 6, 20),
        months=(1, 5, 6),
        sensor=SensorParams(bands=("blue", "green", "red", "nir")),
    )
    habits = CatalogHabits(
        harmonised=0.3, wrong_flag=0.25, silent=0.25, reprocessed=0.5, late_days=(0, 0), radar=False
    )
    site, products = archived(params, 532, tmp_path, habits)
    with (tmp_path / "catalog/truth/scenes.csv").open(encoding="utf-8") as file:
        rows = {row["item_id"]: row for row in csv.DictReader(file)}
    wanted = {p.datetime.date(): -int(rows[p.id]["true_offset_dn"]) / 10000 for p in products}
    assert len({rows[p.id]["habit"] for p in products}) >= 3
    cube = load_cube(products, site_grid(site.site), params=CubeParams(register=False))
    days = [time.astype("datetime64[D]").astype(dt.date) for time in cube["time"].values]
    used = cube["status"].values == "used"
    assert used.any()
    for day, applied, good in zip(days, cube["offset_applied"].values, used, strict=True):
        assert not good or applied == pytest.approx(wanted[day])
    passes = {one.day: one for one in site.truth.passes}
    skies = [scene_sky(site.world, passes[day]) for day in days]
    clear = np.array([((s.cloud < 0.15) & (s.cirrus < 0.06) & (s.shadow < 0.25)).mean() > 0.9 for s in skies])
    assert used[clear].all()
