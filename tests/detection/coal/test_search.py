"""Found ground and tight zones hold little else than coal: what lies below is learned around them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import binary_dilation

from aoi.pixels import coverage
from detection.coal.blocks import Block, bands_of
from detection.coal.family import prior_fit
from detection.coal.search import Materials, near_family
from detection.coal.stockpile_records import Measured, StockpileParams, Subject
from detection.coal.zones import FULL_OF_DARK, Known, is_tight, measured_blocks, suspect_ground
from imagery.simulate import SimulatedSite
from tests.detection.coal.made_pile import one_pile

CAME, TRUTH_HA = dt.date(2019, 7, 1), 0.9


def test_ground_is_taken_around_what_is_small_and_not_up_to_a_yard() -> None:
    yard, tight, found = np.zeros((3, 60, 60))
    yard[5:30, 5:30] = 1.0
    tight[45:50, 20:25] = 0.4
    found[45:49, 45:49] = 1.0
    found[5:9, 38:42] = 1.0
    subjects = [
        Subject(id="yard", share=yard, found=False),
        Subject(id="tight", share=tight, found=False),
        Subject(id="found-001", share=found, found=True),
    ]
    taken = suspect_ground(subjects, [is_tight(subject, 0.1) for subject in subjects])
    assert taken[39:55, 39:55].all()
    assert taken[39:56, 14:31].all()
    assert taken[yard > 0.0].all()
    assert not taken[5:30, 30:35].any()
    assert (suspect_ground(subjects[:1], [False]) == (yard > 0.0)).all()


def drawn_around(simulated: SimulatedSite, cube: xr.Dataset, pixels: int) -> Measured:
    """The pile's ground, measured in a zone drawn so many pixels around it."""
    outline = simulated.truth.pile_outline(simulated.truth.piles[0].pile_id, dt.date(2019, 9, 1))
    assert outline is not None
    mask = binary_dilation(coverage(outline, cube.odc.geobox) > 0.5, iterations=pixels)
    params, nothing = StockpileParams(), np.zeros((3, *mask.shape))
    (((measured,), _, _),) = measured_blocks(
        cube,
        [Subject(id="tight", share=mask.astype(np.float64), found=False)],
        np.ones(cube.sizes["time"], dtype=bool),
        Known(prior=prior_fit(bands_of(cube), params.family), fits={}, water=nothing),
        latitude=39.0,
        params=params,
    )
    return measured


@pytest.mark.parametrize("seed", [546, 547])
def test_a_pile_that_fills_its_outline_has_its_area(seed: int) -> None:
    simulated = one_pile(seed, CAME, TRUTH_HA, 96)
    cube = simulated.cube()
    measured = drawn_around(simulated, cube, 2)
    assert measured.refused is None
    days = cube["time"].values.astype("datetime64[D]")
    clear = measured.series.seen_share > 0.9
    area = measured.series.area * 0.01
    there = area[clear & (days >= np.datetime64(CAME))]
    assert len(there) >= 3
    assert np.abs(there - TRUTH_HA).max() < 0.2


def test_a_large_zone_full_of_coal_has_a_figure_only_with_bare_ground_in_it() -> None:
    simulated = one_pile(548, dt.date(2018, 6, 1), 6.0, 112)
    cube = simulated.cube()
    assert drawn_around(simulated, cube, 1).refused == FULL_OF_DARK
    measured = drawn_around(simulated, cube, 10)
    assert measured.refused is None
    area = measured.series.area[measured.series.seen_share > 0.9] * 0.01
    assert abs(np.median(area) - 6.0) < 0.3


FLAT = (0.042, 0.043, 0.045, 0.047, 0.051, 0.052)
SOIL = (0.08, 0.10, 0.13, 0.19, 0.26, 0.22)
MIXED = tuple(0.5 * (coal + soil) for coal, soil in zip(FLAT, SOIL, strict=True))
WET_SOIL = (0.044, 0.055, 0.066, 0.093, 0.099, 0.070)
"""Darker than soil, and falling in short-wave infrared, where water takes the light. Made up."""


def test_dark_ground_may_be_missed_coal_where_its_median_or_its_neighbour_is_near_the_family() -> None:
    looks = 8
    history = {
        "coal": [FLAT] * looks,
        "its rim": [MIXED] * looks,
        "beyond": [MIXED] * looks,
        "wet soil": [WET_SOIL] * looks,
        "coal until long ago, in shade now": [SOIL] * (looks - 1) + [WET_SOIL],
        "soil": [SOIL] * looks,
        "coal since the newest look": [SOIL] * (looks - 1) + [FLAT],
    }
    params = StockpileParams()
    pixels = np.moveaxis(np.array([list(history.values())]), 2, 0)
    bands = ("blue", "green", "red", "nir", "swir16", "swir22")
    everywhere = np.ones(pixels.shape[:3], dtype=bool)
    block = Block(
        pixels=pixels, seen=everywhere, suspect=~everywhere[0], days=12.0 * np.arange(looks), bands=bands
    )
    materials = Materials(family=params.family, water=params.water, prior=prior_fit(bands, params.family))
    dark = np.array([[name != "soil" for name in history]])
    near = near_family(block, dark, materials)
    assert dict(zip(history, near[0].tolist(), strict=True)) == {
        "coal": True, "its rim": True, "beyond": False, "wet soil": False,
        "coal until long ago, in shade now": False, "soil": False, "coal since the newest look": True,
    }  # fmt: skip
