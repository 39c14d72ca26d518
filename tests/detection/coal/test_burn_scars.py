"""Dark ground outside the zones that may be burnt plants is no pile."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from aoi.records import Site
from detection.coal.burn_scars import Looks, burn_scars, leaf_season, may_be_burnt
from detection.coal.measure import measure_stockpiles
from detection.coal.search import FoundParams
from detection.coal.stockpile_records import StockpileParams
from imagery.simulate import LandParams, SensorParams, simulate_site, unchanged_site
from imagery.simulate.spectra import Material

Bools = NDArray[np.bool_]
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
SCARRED, MISTAKEN = 545, 549
"""Seeds: fires of which the first came before leaves; fires that pass for coal where nobody asks."""
BURNT_FOREST = unchanged_site(
    size_px=96,
    since=dt.date(2018, 4, 1),
    until=dt.date(2019, 7, 1),
    months=(4, 5, 6, 7, 8, 9, 10),
    land=LandParams(burn_scars=2, forest_fraction=0.8),
    sensor=SensorParams(bands=("blue", "green", "red", "nir", "swir16", "swir22")),
)
"""Of fires in April and October."""
DAYS = np.arange(100.0, 830.0, 10.0)
"""From April of a first year to April of a third."""
IN_LEAF = np.asarray((DAYS % 365 > 130) & (DAYS % 365 < 280))


def ground(*, dark: Bools, plants: bool) -> Looks:
    """One pixel: dark on some looks; else plants, green while in leaf, or open ground."""
    green = ~dark & IN_LEAF & plants
    columns = (dark, ~dark, green, np.ones_like(dark))
    coal, bare, living, seen = (column[:, None, None] for column in columns)
    return Looks(coal=coal, bare=bare, green=living, seen=seen, days=DAYS)


CASES = {
    "fire before the leaves, green next summer": (DAYS < 480, True, True),
    "fire of autumn, green next summer": ((DAYS > 290) & (DAYS < 520), True, True),
    "fire that greens within the season": ((DAYS > 100) & (DAYS < 200), True, True),
    "fire in a summer, nothing seen since": ((DAYS > 620), True, True),
    "paddies under water every spring": (DAYS % 365 < 170, True, True),
    "coal that comes to a watched yard": (DAYS > 300, False, False),
    "coal that leaves a yard in summer": (DAYS < 600, False, False),
    "coal on forest that stays for two summers": (DAYS > 200, True, False),
    "coal from the first look, still in its first year": (DAYS < 1e9, False, False),
}


@pytest.mark.parametrize(("dark", "plants", "expected"), CASES.values(), ids=CASES)
def test_ground_is_told_by_what_was_there_and_what_comes_after(
    *, dark: Bools, plants: bool, expected: bool
) -> None:
    looks = ground(dark=dark, plants=plants)
    assert may_be_burnt(looks, IN_LEAF, fewest=3, doubt_unwatched=True).item() == expected


def test_ground_that_was_never_watched_through_a_season_of_leaves_is_open_to_doubt() -> None:
    short = DAYS < 200
    looks = ground(dark=np.ones_like(short), plants=False)
    looks = replace(
        looks, **{name: getattr(looks, name)[short] for name in ("coal", "bare", "green", "seen", "days")}
    )
    assert may_be_burnt(looks, IN_LEAF[short], fewest=3, doubt_unwatched=True).all()
    assert not may_be_burnt(looks, IN_LEAF[short], fewest=3, doubt_unwatched=False).any()


def test_plants_say_when_leaves_are_out() -> None:
    rng = np.random.default_rng(4)
    deciduous = rng.random((30, 40)) < 0.7
    green = np.where(deciduous, IN_LEAF[:, None, None], rng.random((30, 40)) < 0.5)
    assert (leaf_season(green, np.ones_like(green), fewest=3) == IN_LEAF).all()
    clouded = np.ones_like(green)
    clouded[IN_LEAF.argmax()] = False
    assert leaf_season(green & clouded, clouded, fewest=3).sum() == IN_LEAF.sum() - 1


def test_without_plants_no_season_is_waited_for() -> None:
    nothing = np.zeros((5, 20, 20), dtype=bool)
    assert leaf_season(nothing, ~nothing, fewest=3).all()


def test_what_lies_in_a_scar_is_scar() -> None:
    dark, burnt = np.zeros((2, 20, 20), dtype=bool)
    dark[2:8, 2:8] = True
    burnt[2:8, 2:6] = True
    dark[12:18, 12:18] = True
    burnt[12:18, 12:14] = True
    told = burn_scars(dark, burnt)
    assert told[2:8, 2:8].all()
    assert told.sum() == 36


@pytest.fixture(scope="module")
def scarred() -> tuple[xr.Dataset, Site]:
    """Simulated: forest without coal in which two fires burnt, the first before its leaves were out."""
    simulated = simulate_site(BURNT_FOREST, seed=SCARRED)
    burnt = simulated.world.labels(dt.date(2018, 6, 1)) == Material.BURNT
    assert burnt.sum() * 25.0 > 1e4
    return simulated.cube(), replace(simulated.site, zones=())


def test_burn_scars_are_no_piles_but_may_have_been_missed(scarred: tuple[xr.Dataset, Site]) -> None:
    cube, site = scarred
    result = measure_stockpiles(cube, site)
    assert result.piles == ()
    assert result.missed_ha is not None
    assert result.missed_ha.high is not None
    assert result.missed_ha.high > 0.5


def test_without_the_rule_they_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = simulate_site(BURNT_FOREST, seed=MISTAKEN)
    cube, site = simulated.cube(), replace(simulated.site, zones=())
    assert measure_stockpiles(cube, site).piles == ()
    monkeypatch.setattr(
        "detection.coal.search.may_be_burnt", lambda looks, *_, **__: looks.coal.any(axis=0) & False
    )
    assert measure_stockpiles(cube, site, params=StockpileParams(found=FoundParams())).piles
