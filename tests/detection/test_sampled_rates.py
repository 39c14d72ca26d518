"""Rates by a random sample: against the truth of a simulated map, and outside a version too."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.geometry import box

from detection.sampling.accuracy import STABLE, ReaderError, Stratum, wilson_share
from detection.sampling.design import StratumMap, allocate, draw_sample, outside_strata
from detection.sampling.rates import Sides, sampled_rates

SIDES = Sides(since=dt.date(2014, 12, 31), split=dt.date(2016, 12, 31), until=dt.date(2020, 12, 31))
EXACT = ReaderError()


def strata(*named):
    return [Stratum(name=n, mapped=n, area_ha=a) for n, a in named]


def labels(**by_stratum):
    return [(name, label) for name, told in by_stratum.items() for label, n in told.items() for _ in range(n)]


def test_hectares_of_either_side_over_its_own_years():
    found = sampled_rates(
        strata(("disturbed_2016", 10.0), ("disturbed_2018", 20.0), (STABLE, 970.0)),
        labels(
            disturbed_2016={"disturbed_2016": 45, "disturbed_2017": 5},
            disturbed_2018={"disturbed_2018": 40, STABLE: 10},
            stable={STABLE: 100},
        ),
        SIDES,
        error=EXACT,
    )
    assert found.before.value == pytest.approx(9.0 / 2.0, rel=1e-3)
    assert found.after.value == pytest.approx((1.0 + 16.0) / 4.0, rel=1e-3)
    assert found.change.value == pytest.approx(found.after.value - found.before.value)
    assert found.change.low < min(found.after.low - found.before.value, found.after.value - found.before.high)
    assert found.before.low < found.before.value < found.before.high


def test_two_labels_are_needed_of_every_stratum_that_has_ground():
    few = strata(("disturbed_2018", 20.0), (STABLE, 970.0))
    told = labels(disturbed_2018={"disturbed_2018": 1}, stable={STABLE: 50})
    found = sampled_rates(few, told, SIDES, error=EXACT)
    assert found.before.value is None
    assert "disturbed_2018" in (found.after.reason or "")
    assert (
        sampled_rates(
            strata(("disturbed_2018", 0.0), (STABLE, 970.0)), told[1:], SIDES, error=EXACT
        ).after.value
        == 0.0
    )


def test_intervals_hold_the_truth_outside_a_version_as_often_as_they_say():
    """Simulated ground of 300 x 300 pixels whose map misses a fifth of the change; 200 samples of it."""
    rng = np.random.default_rng(7)
    geobox = GeoBox.from_bbox((300_000, 4_300_000, 303_000, 4_303_000), "EPSG:32652", resolution=10)
    year = np.zeros(geobox.shape, np.int64)
    for k, (row, column) in enumerate(rng.integers(0, 280, (60, 2))):
        year[row : row + 8, column : column + 12] = 2015 + k % 6
    found = year * (rng.random(year.shape) > 0.2)
    years = [int(one) for one in np.unique(found)]
    names = [f"disturbed_{one}" if one else STABLE for one in years]
    mapped = StratumMap(
        strata=tuple(
            Stratum(name=n, mapped=n, area_ha=0.01 * (found == y).sum())
            for n, y in zip(names, years, strict=True)
        ),
        codes=np.searchsorted(years, found).astype(np.int16),
        geobox=geobox,
    )
    to_degrees = Transformer.from_crs("EPSG:32652", "EPSG:4326", always_xy=True)
    version = shapely.transform(
        box(300_000, 4_300_000, 301_500, 4_303_000), to_degrees.transform, interleaved=False
    )
    outside = np.zeros(year.shape, bool)
    outside[:, 150:] = True
    truth = [
        0.01 * ((year > 0) & (year <= 2016) & outside).sum() / SIDES.years[0],
        0.01 * ((year > 2016) & outside).sum() / SIDES.years[1],
    ]
    shares = allocate(mapped.strata, n=400, per_rare=50)
    held = np.zeros(3, int)
    for _ in range(200):
        units = draw_sample(mapped, shares, rng=rng)
        hectares, is_out = outside_strata(mapped, units, version)
        assert sum(hectares.values()) == pytest.approx(0.01 * outside.sum(), rel=1e-3)
        told = [
            (u.stratum, f"disturbed_{year[u.row, u.column]}" if year[u.row, u.column] else STABLE)
            for u, o in zip(units, is_out, strict=True)
            if o
        ]
        parts = [Stratum(name=s.name, mapped=s.mapped, area_ha=hectares[s.name]) for s in mapped.strata]
        rates = sampled_rates(parts, told, SIDES, error=EXACT)
        for k, (q, true) in enumerate(
            zip((rates.before, rates.after, rates.change), (*truth, truth[1] - truth[0]), strict=True)
        ):
            held[k] += q.low <= true <= q.high
    for k in range(3):
        assert wilson_share(int(held[k]), 200).high >= 0.95, held
        assert held[k] >= 180, held
