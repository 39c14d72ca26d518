"""Thin cloud lifts dark ground as the offset does: its like, or clear ground, tell which of the two it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.cube.loading import load_cube
from imagery.cube.scene import CubeParams
from imagery.records import ArchivedProduct

WriteProduct = Callable[..., ArchivedProduct]
Flag = bool | None
CLEAR = {"blue": 300, "green": 520, "red": 320, "nir": 3400, "swir16": 1650}
"""Forest of July; a tenth of its pixels lie in the shade of others."""
THIN_CLOUD = {"blue": 1000, "green": 900, "red": 880, "nir": 250, "swir16": 60}
"""What it added over the Romania site on 2020-09-03, about."""
APPLIED = {"earthsearch:boa_offset_applied": True, "s2:processing_baseline": "05.10"}


def look(level: dict[str, int], *, add: int = 0, seed: int = 0) -> dict[str, NDArray[np.uint16]]:
    """Numbers of one look of the same ground; `add` is in all of them."""
    kept, own = np.random.default_rng(3), np.random.default_rng(seed)
    ground = np.kron(kept.uniform(0.75, 1.25, (14, 14)), np.ones((10, 10)))
    bands = {}
    for band, value in level.items():
        step = 2 if band == "swir16" else 1
        shape = (140 // step, 140 // step)
        seen = value * ground[::step, ::step] + own.normal(0, 15, shape) + add
        bands[band] = np.maximum(seen, 1).astype(np.uint16)
    bands["scl"] = np.full((70, 70), 4, np.uint8)
    return bands


def forest(
    write_product: WriteProduct, *, carries: bool, flag: bool | None = True, hazy: int = 7
) -> list[ArchivedProduct]:
    """Eight looks of a summer, one of them through thin cloud; `carries`: whether numbers have the offset."""
    add = 1000 if carries else 0
    told = {name: value for name, value in APPLIED.items() if flag is not None or "boa" not in name}
    days = [dt.date(2023, 6, 3) + dt.timedelta(days=10 * k) for k in range(8)]
    veiled = {band: CLEAR[band] + more for band, more in THIN_CLOUD.items()}
    return [
        write_product(
            look(veiled if k == hazy else CLEAR, add=add, seed=k), when=f"{day}T02:36:00", properties=told
        )
        for k, day in enumerate(days)
    ]


@pytest.mark.parametrize("flag", [True, None])
@pytest.mark.parametrize("hazy", [7, 2])
def test_a_look_through_thin_cloud_has_the_offset_of_its_like(
    write_product: WriteProduct, small_grid: GeoBox, flag: Flag, hazy: int
) -> None:
    products = forest(write_product, carries=False, flag=flag, hazy=hazy)
    cube = load_cube(products, small_grid, params=CubeParams(register=False))
    np.testing.assert_array_equal(cube.offset_applied, 0.0)
    red = cube.red.where(cube.valid).median(("y", "x"))
    assert red[hazy] > 0.1 or np.isnan(red[hazy])


@pytest.mark.parametrize("flag", [True, None])
def test_an_offset_that_flags_deny_is_taken_off_all_the_same(
    write_product: WriteProduct, small_grid: GeoBox, flag: Flag
) -> None:
    products = forest(write_product, carries=True, flag=flag)
    cube = load_cube(products, small_grid, params=CubeParams(register=False))
    np.testing.assert_allclose(cube.offset_applied, -0.1)


def test_one_product_with_dark_numbers_does_not_overrule_the_others_of_its_kind(
    write_product: WriteProduct, small_grid: GeoBox
) -> None:
    products = forest(write_product, carries=True, flag=None, hazy=-1)
    dark = look(CLEAR, seed=90)
    products[3] = write_product(dark, when="2023-07-03T02:36:00", properties=products[3].properties)
    cube = load_cube(products, small_grid, params=CubeParams(register=False))
    assert cube.offset_applied[3] == 0.0
    np.testing.assert_allclose(np.delete(cube.offset_applied.values, 3), -0.1)
