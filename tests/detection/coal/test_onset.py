"""Coal that came: found by what its ground was before, and until then held by what may have been missed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from detection.coal.areas import AreaParams, zone_supports
from detection.coal.fraction import Fractions
from detection.coal.measure import measure_stockpiles
from detection.coal.onset import AFTER_DAYS, BEFORE_DAYS, PRIOR_LOOKS, PRIOR_SD, _best, coal_onset
from detection.coal.search import may_hold_coal, patches
from imagery.simulate import SimulatedSite
from tests.detection.coal.made_pile import one_pile

DAYS = np.arange(16) * 20.0
CAME = slice(10, 16)
PILE = (slice(20, 25), slice(20, 25))
NEW_HA, NEW_DAY = 0.9, dt.date(2019, 7, 1)


def looks() -> tuple[np.ndarray, np.ndarray]:
    """Fractions and brightness of ground without coal, on which rain passes over all."""
    noise = np.random.default_rng(1).normal(0.0, 0.03, (16, 45, 45))
    return 0.1 + noise + 0.3 * (np.arange(16) % 4 == 1)[:, None, None], np.full((16, 45, 45), 0.12)


def test_coal_that_stays_is_told_from_the_rain() -> None:
    first, bright = looks()
    assert not coal_onset(first, bright, DAYS).mask.any()
    first[CAME, *PILE] += 0.5
    bright[CAME, *PILE] *= 0.5
    came = coal_onset(first, bright, DAYS)
    assert came.mask[PILE].all()
    assert came.mask.sum() == 25
    assert came.coal[CAME, *PILE].all()
    assert not came.coal[:10].any()
    assert came.bare[:10, *PILE].all()


@pytest.mark.parametrize("what", ["no darker", "two looks", "was there before"])
def test_what_is_no_coal_that_came(what: str) -> None:
    first, bright = looks()
    since = 14 if what == "two looks" else 0 if what == "was there before" else 10
    first[since:, *PILE] += 0.5
    if what != "no darker":
        bright[since:, *PILE] *= 0.5
    assert not coal_onset(first, bright, DAYS).mask.any()


def test_the_look_from_which_coal_came_is_that_of_the_textbook_comparison() -> None:
    """Each look's means before and after, written out with NumPy alone; some of it was not seen."""
    rng = np.random.default_rng(3)
    out, shade = rng.normal(0.0, 0.1, (2, 16, 40))
    out[10:, :20] += 0.6
    shade[10:, :20] -= 0.5
    out[rng.random(out.shape) < 0.3] = np.nan
    shade[rng.random(out.shape) < 0.1] = np.nan
    out[:, 39] = np.nan
    since, until = np.searchsorted(DAYS, (DAYS - BEFORE_DAYS, DAYS + AFTER_DAYS))
    told = _best(out.T.copy(), shade.T.copy(), since, until, 3, PRIOR_LOOKS, PRIOR_SD)
    for p in range(40):
        best, expected = -np.inf, None
        for t in range(16):
            low, high = (v[np.isfinite(v)] for v in (out[since[t] : t, p], out[t : until[t], p]))
            if min(len(low), len(high)) < 3:
                continue
            scatter = len(low) * low.var() + len(high) * high.var() + PRIOR_LOOKS * PRIOR_SD**2
            variance = scatter / (len(low) + len(high) - 2 + PRIOR_LOOKS)
            rise = high.mean() - low.mean()
            sure = rise / np.sqrt(variance * (1 / len(low) + 1 / len(high)))
            if sure > best:
                fall = np.nanmean(shade[since[t] : t, p]) - np.nanmean(shade[t : until[t], p])
                best, expected = sure, (sure, rise, low.mean(), fall, t)
        if expected is None:
            assert told[0][p] == -np.inf
            assert told[4][p] == -1
        else:
            assert [part[p] for part in told] == pytest.approx(expected, abs=1e-9)
    assert (np.abs(told[4][:20] - 10) <= 1).all()


def test_one_newest_look_like_coal_is_enough_to_have_missed_it() -> None:
    first, like = looks()[0], np.ones((16, 45, 45), dtype=bool)
    assert not may_hold_coal(first, like, DAYS).any()
    first[15:, *PILE] += 0.5
    assert may_hold_coal(first, like, DAYS)[PILE].all()
    assert may_hold_coal(first, like, DAYS).sum() == 25
    assert not may_hold_coal(first, like & False, DAYS).any()
    first[:, 3, 3] = np.nan
    assert may_hold_coal(first, like & False, DAYS).sum() == 1
    assert patches(may_hold_coal(first, like, DAYS), 4).sum() == 25


@pytest.fixture(scope="module")
def bare_yard() -> SimulatedSite:
    """A pile of 0.9 ha that comes alone on a bare yard with nobody's zone around it."""
    return one_pile(547, NEW_DAY, NEW_HA, 96)


def test_a_new_pile_on_a_bare_yard_is_found_with_its_area(bare_yard: SimulatedSite) -> None:
    cube = bare_yard.cube()
    result = measure_stockpiles(cube, replace(bare_yard.site, zones=()))
    newest = max(pile.datetime for pile in result.piles)
    area = sum(pile.area_ha.value or 0.0 for pile in result.piles if pile.datetime == newest)
    assert abs(area - NEW_HA) < 0.2
    before = [pile.area_ha for pile in result.piles if pile.datetime.date() < NEW_DAY]
    assert all((area.low or 0.0) <= 0.0 and (area.value or 0.0) < 0.2 for area in before)


def test_until_it_is_found_what_was_missed_holds_it(bare_yard: SimulatedSite) -> None:
    cube = bare_yard.cube()
    until = cube.isel(time=cube["time"].values < np.datetime64("2019-08-13"))
    result = measure_stockpiles(until, replace(bare_yard.site, zones=()))
    assert result.piles == ()
    assert result.missed_ha is not None
    assert result.missed_ha.low == 0.0
    assert (
        NEW_HA < (result.missed_ha.high or 0.0) < 5.5
    )  # of 92 ha; coal may be wet, and so more ground may be coal


@pytest.mark.parametrize("there", ["later", "earlier"])
def test_the_looks_of_one_side_vouch_for_coal_that_came_or_went_in_a_gap(there: str) -> None:
    days = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 64.0, 100.0, 105.0, 110.0])
    value = np.zeros((11, 12, 12))
    value[7:, 4:8, 4:8] = 1.0
    if there == "earlier":
        days, value = days[-1] - days[::-1], value[::-1]
    t = 7 if there == "later" else 3
    fractions = Fractions(
        value=value,
        variance=np.full(value.shape, 0.003),
        misfit=np.full(value.shape, 0.2),
        usable=np.ones(11, dtype=bool),
        spectrum=np.full(6, 0.05),
        relative_sd=np.full(11, 0.05),
        pile_sd=np.full(11, 0.02),
        coarse_weight=np.full(11, 0.5),
    )
    inside = np.ones((12, 12), dtype=bool)
    core = zone_supports(fractions, inside, days, [t], AreaParams()).cores[t]
    assert core.sum() == core[4:8, 4:8].sum() == 12
    without_sides = AreaParams(side_tau_days=1e-3)
    assert not zone_supports(fractions, inside, days, [t], without_sides).cores[t].any()
    once = replace(fractions, value=np.where(np.arange(11)[:, None, None] == t, value, 0.0))
    assert not zone_supports(once, inside, days, [t], AreaParams()).cores[t].any()
