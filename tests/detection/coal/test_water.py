"""Ponds that fall dry are told from coal by the looks of their darkest ground, over their history."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detection.coal.blocks import Block
from detection.coal.family import component_means
from detection.coal.water import TURBID, WaterParams, dry_ponds, log_ratio, water_objects

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
WATER = (*TURBID.values(), 0.02, 0.015)
MUD = (0.030, 0.041, 0.055, 0.085, 0.105, 0.075)
"""Soaked soil. Made up."""
FLATTEST = (0.05,) * 6
HAZE = np.array([1.0, 0.85, 0.67, 0.50, 0.21, 0.14])
PARAMS = WaterParams()
LOOKS, CORE_PX = 24, 8


def hazy(spectra: object, seed: int) -> NDArray[np.float64]:
    """(look, band) as seen through haze that the correction left, and noise."""
    rng = np.random.default_rng(seed)
    clear = np.asarray(spectra, dtype=np.float64)
    noise = rng.normal(0.0, 0.01, clear.shape) * clear
    return np.asarray(clear + noise + rng.normal(0.0, 0.006, (len(clear), 1)) * HAZE)


def block_with(**objects: NDArray[np.float64]) -> tuple[Block, dict[str, slice]]:
    """A row of dark objects of 6 × 6 pixels, each of one spectrum (look, band) on a look."""
    pixels = np.full((LOOKS, 6, 6 * len(objects), 6), 0.3)
    at = {name: slice(6 * i, 6 * i + 6) for i, name in enumerate(objects)}
    for name, spectra in objects.items():
        pixels[:, :, at[name]] = spectra[:, None, None]
    seen = np.ones(pixels.shape[:3], dtype=bool)
    days = 15.0 * np.arange(LOOKS)
    return Block(pixels=pixels, seen=seen, suspect=~seen[0], days=days, bands=BANDS), at


def judged(before: float = 0.0, **objects: NDArray[np.float64]) -> dict[str, float]:
    """Share of each object that is a pond."""
    block, at = block_with(**objects)
    nothing = np.full(block.seen.shape[1:], before)
    ponds, _ = dry_ponds(block, block.seen, nothing, core_px=CORE_PX, params=PARAMS)
    return {name: float(ponds[:, where].mean()) for name, where in at.items()}


def test_a_look_at_water_is_told_from_every_rank_of_coal_whatever_the_haze() -> None:
    coal = np.exp(component_means(BANDS[:4]))
    for haze in (-0.006, 0.0, 0.02):
        water = np.array([list(TURBID.values())]) + haze * HAZE[:4]
        assert log_ratio(water, PARAMS)[0] > 0.0
        assert (log_ratio(coal + haze * HAZE[:4], PARAMS) < 0.0).all()


@pytest.mark.parametrize("seed", range(4))
def test_water_and_mud_in_turn_are_a_pond_and_coal_is_none(seed: int) -> None:
    turns = [WATER if look % 12 < 6 else MUD for look in range(LOOKS)]
    assert judged(pond=hazy(turns, seed)) == {"pond": 1.0}
    assert judged(coal=hazy([FLATTEST] * LOOKS, seed)) == {"coal": 0.0}


def test_coal_beside_a_pond_stays() -> None:
    coal = np.exp(component_means(BANDS))[1]
    told = judged(pond=hazy([WATER] * LOOKS, 1), coal=hazy([coal] * LOOKS, 2))
    assert told["pond"] == 1.0
    assert told["coal"] < 0.4, "its rim beside the water goes"


def test_a_pond_of_the_years_before_is_one_in_a_year_that_says_little() -> None:
    few = hazy([WATER if look < 3 else MUD for look in range(LOOKS)], 3)
    assert judged(pond=few) == {"pond": 0.0}
    assert judged(before=30.0, pond=few) == {"pond": 1.0}
    assert judged(before=-30.0, pond=hazy([WATER] * LOOKS, 3)) == {"pond": 0.0}


def test_coal_on_a_quay_stays_where_the_water_beside_it_goes() -> None:
    object_, watery, lit = np.zeros((30, 40), dtype=bool), np.zeros((30, 40)), np.full((30, 40), 40.0)
    object_[5:25, 5:35] = True
    watery[5:25, 5:15] = 20.0
    gone = water_objects(watery, lit, object_, WaterParams())
    assert gone[5:25, 5:15].all()
    assert not gone[5:25, 19:35].any()
    speck = np.zeros((30, 40))
    speck[10:12, 20:22] = 20.0
    assert not water_objects(speck, lit, object_, WaterParams()).any()
    alone = water_objects(np.where(object_, 20.0, 0.0), lit, object_, WaterParams())
    assert alone[object_].all()
