"""Radar agrees, disagrees or stays silent where the answer is known."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from numpy.typing import NDArray

from detection.coal.measure import StockpileParams, measure_stockpiles
from detection.radar.second_opinion import (
    AGREE,
    DISAGREE,
    SILENT,
    RadarSeries,
    radar_contrast_db,
    radar_opinion,
    radar_series,
)
from imagery.simulate import CoalParams, SensorParams, SimulationParams, simulate_site

Floats = NDArray[np.float64]
DAYS = np.arange(60) * 10.0
AREA = 1.0 + np.sin(DAYS / 60.0)
SD = np.full(60, 0.1)


def _orbit(contrast: Floats, seed: int = 0) -> RadarSeries:
    noise = np.random.default_rng(seed).normal(0, 0.3, len(contrast))
    return RadarSeries(days=DAYS + 2.0, contrast_db=contrast + noise)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_radar_that_moves_with_the_area_agrees_whichever_way(sign: float) -> None:
    found = radar_opinion(DAYS, AREA, SD, [_orbit(sign * AREA), _orbit(sign * AREA, seed=1)])
    assert (found.verdict, found.orbits) == (AGREE, 2)
    assert found.correlation is not None
    assert np.sign(found.correlation) == sign


def test_orbits_that_contradict_each_other_disagree() -> None:
    assert radar_opinion(DAYS, AREA, SD, [_orbit(AREA), _orbit(-AREA, seed=1)]).verdict == DISAGREE


def test_radar_that_moves_at_other_times_disagrees_and_still_radar_is_silent() -> None:
    days = np.arange(400) * 6.0
    steps = np.random.default_rng(6).normal(0, 1, (2, 402))
    area, other = steps[:, :-2] + steps[:, 1:-1] + steps[:, 2:]
    sd = np.full(400, 0.1)
    assert radar_opinion(days, area, sd, [RadarSeries(days=days, contrast_db=other)]).verdict == DISAGREE
    noise = np.random.default_rng(5).normal(0, 0.3, 400)
    assert radar_opinion(days, area, sd, [RadarSeries(days=days, contrast_db=noise)]).verdict == SILENT


def test_noise_with_a_memory_seldom_agrees() -> None:
    verdicts = []
    for seed in range(200):
        steps = np.random.default_rng(seed).normal(0, 1, (2, 60))
        for k in range(1, 60):
            steps[:, k] += 0.8 * steps[:, k - 1]
        orbit = RadarSeries(days=DAYS, contrast_db=steps[1])
        verdicts.append(radar_opinion(DAYS, steps[0], np.full(60, 10.0), [orbit]).verdict)
    assert verdicts.count(AGREE) < 0.12 * len(verdicts)


def test_few_or_distant_passes_say_nothing() -> None:
    few = RadarSeries(days=DAYS[:5], contrast_db=AREA[:5])
    assert radar_opinion(DAYS, AREA, SD, [few]).verdict == SILENT
    far = RadarSeries(days=DAYS + 1000.0, contrast_db=AREA)
    assert radar_opinion(DAYS, AREA, SD, [far]).pairs == 0
    assert radar_opinion(DAYS, AREA, SD, []).verdict == SILENT


def test_contrast_is_the_ratio_in_decibel() -> None:
    gamma0 = np.full((2, 4, 4), 0.1)
    inside = np.zeros((4, 4))
    inside[1:3, 1:3] = 1.0
    gamma0[0, 1:3, 1:3] = 1.0
    gamma0[1] = np.nan
    found = radar_contrast_db(gamma0, inside, 1.0 - inside)
    assert found[0] == pytest.approx(10.0)
    assert np.isnan(found[1])


def test_a_stockpile_result_carries_what_radar_says() -> None:
    params = SimulationParams(
        size_px=80,
        since=dt.date(2018, 5, 1),
        until=dt.date(2018, 10, 1),
        coal=CoalParams(n_piles=2),
        sensor=SensorParams(bands=("blue", "green", "red", "nir", "swir16")),
    )
    simulated = simulate_site(params, seed=31)
    zones_only = StockpileParams(find_piles=False)
    radar = simulated.radar_cube()
    found = measure_stockpiles(simulated.cube(), simulated.site, params=zones_only, radar=radar)
    assert set(found.radar) == {area.zone_id for area in found.areas}
    assert all(told.verdict in {AGREE, DISAGREE, SILENT} for told in found.radar.values())
    one = next(iter(radar_series(radar, {"whole": np.pad(np.ones((24, 24)), 30)}).values()))
    assert len(one) == len(np.unique(radar["relative_orbit"]))
    assert all(np.isfinite(orbit.contrast_db).all() for orbit in one)
