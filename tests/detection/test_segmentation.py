from __future__ import annotations

import datetime as dt

import numpy as np

from detection.ground_changes import GroundChangeParams, ground_changes_key, measure_ground_changes
from detection.segmentation import Breaks, SegmentationParams, segment
from tests.detection.made_ground import SITE, STARTS, ground

DAYS = np.arange(17_000, 17_000 + 7 * 260, 7, dtype=np.float64)
AT = 130


def series(seed: int, pixels: int, *, step: float = 0.0) -> np.ndarray:
    """A season, a third of looks missing, every ninth with a cloud."""
    rng = np.random.default_rng(seed)
    values = 0.3 * np.cos(2 * np.pi * DAYS / 365.25)[:, None] - 0.4 + rng.normal(0, 0.05, (DAYS.size, pixels))
    values[::9] += 0.4 * (rng.random((len(values[::9]), pixels)) < 0.3)
    values[AT:] += step
    values[rng.random(values.shape) < 1 / 3] = np.nan
    return values.astype(np.float32)


def broken(values: np.ndarray) -> Breaks:
    return segment(values, DAYS)


def test_a_series_without_change_has_no_break() -> None:
    assert (broken(series(1, 1000)).day >= 0).any(axis=0).mean() < 0.01


def test_a_break_is_found_once_and_dated() -> None:
    found = broken(series(2, 500, step=0.35))
    assert (found.day[0] >= 0).mean() > 0.98
    assert (found.day[1] >= 0).mean() < 0.03
    there = found.day[0] >= 0
    assert abs(float(np.median(found.day[0][there] - DAYS[AT]))) <= 7
    covered = (found.low[0] <= DAYS[AT]) & (DAYS[AT] <= found.high[0])
    assert covered[there].mean() >= 0.9
    assert abs(float(np.median((found.after - found.before)[0][there])) - 0.35) < 0.04


def test_there_and_back_are_two_breaks() -> None:
    values = series(3, 200)
    values[80:170] += 0.4
    found = broken(values)
    both = found.day[1] >= 0
    assert both.mean() > 0.95
    assert (found.after[0] > found.before[0])[both].all()
    assert (found.after[1] < found.before[1])[both].all()


def test_an_odd_year_of_all_ground_is_no_change_and_hides_none() -> None:
    cube = ground(looks=100)
    later = slice(STARTS - 15, None)
    for band, factor in (("red", 1.35), ("nir", 0.85)):
        values = cube[band].to_numpy().copy()
        values[later] *= factor
        cube[band] = (("time", "y", "x"), values)
    (found,) = measure_ground_changes(cube, SITE, params=GroundChangeParams(closed_years=False))
    day = cube["time"].to_numpy()[STARTS].astype("datetime64[D]").item()
    assert found.changed_on_low <= day <= found.changed_on_high
    assert found.kind == "soil_spoil"


def test_too_few_looks_have_no_break() -> None:
    values = series(4, 20, step=0.4)
    values[10:] = np.nan
    assert (broken(values).day < 0).all()
    assert (segment(values, DAYS, params=SegmentationParams(min_looks=3)).day < 0).all()


def test_a_clearing_is_one_change_with_its_date_and_what_came_before() -> None:
    cube = ground()
    params = GroundChangeParams(closed_years=False)
    (found,) = measure_ground_changes(cube, SITE, params=params)
    appeared = cube["time"].to_numpy()[STARTS].astype("datetime64[D]").item()
    assert found.changed_on_low <= appeared <= found.changed_on_high
    assert abs(found.changed_on - appeared) <= dt.timedelta(days=40)
    assert found.area_ha.low <= 0.6 <= found.area_ha.high
    assert found.kind == "soil_spoil"
    assert found.bareness_after > found.bareness_before + 0.1


def test_looks_of_the_running_year_change_nothing() -> None:
    cube = ground()
    less = cube.isel(time=slice(0, -1))
    assert less.time.dt.year[-1] == cube.time.dt.year[-1]
    assert ground_changes_key(less) == ground_changes_key(cube)
    assert measure_ground_changes(less, SITE) == measure_ground_changes(cube, SITE)
