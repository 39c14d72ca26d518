from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import xarray as xr

from detection import disturbance_season
from detection.disturbance_fields import BOTH, bare_for_a_part, fields
from detection.disturbances import measure_disturbances
from detection.records import Disturbance
from imagery.simulate import (
    FieldParams,
    LandParams,
    SensorParams,
    SimulatedSite,
    simulate_site,
    unchanged_site,
)
from tests.detection.made_ground import SITE, ground

OWN = FieldParams(own_days=7.0, year_days=8.0, odd=0.1, fallow=0.05, ploughed=0.5)


def persistent(found: list[Disturbance]) -> list[Disturbance]:
    return [d for d in found if d.machine_status == "persistent"]


def farmland(*, size_px: int = 108, seed: int = 700) -> SimulatedSite:
    """A small site of fields, nothing of which changes but by farming."""
    params = unchanged_site(
        size_px=size_px,
        since=dt.date(2017, 1, 1),
        until=dt.date(2020, 1, 1),
        sensor=SensorParams(bands=("blue", "green", "red", "nir", "swir16")),
        land=LandParams(forest_fraction=0.2, villages=0, burn_scars=0, fields=OWN),
    )
    return simulate_site(params, seed=seed)


def field(*, bare: tuple[int, int] = (0, 0), looks: int = 130, early: tuple[int, int] = (0, 0)) -> xr.Dataset:
    """A field of one crop, of which a parcel is bare, or cut a month early, between two looks."""
    cube = ground(looks=looks, cleared=False)
    of_year = np.arange(looks) * 12 % 365.25
    crop = (0.5 + 0.5 * np.cos(2 * np.pi * (of_year - 210) / 365.25)) ** 4
    cut = np.where(of_year < 225, crop, 0.0)
    here = np.broadcast_to(crop[:, None, None], (looks, 40, 40)).copy()
    here[bare[0] : bare[1], 10:20, 10:18] = 0.0
    here[early[0] : early[1], 10:20, 10:18] = cut[early[0] : early[1], None, None]
    rng = np.random.default_rng(3)
    for band, (stubble, green) in {
        "red": (0.12, 0.04),
        "nir": (0.215, 0.43),
        "swir16": (0.29, 0.21),
        "blue": (0.065, 0.03),
    }.items():
        mixed = stubble + here * (green - stubble) + rng.normal(0, 0.004, here.shape)
        cube[band] = (("time", "y", "x"), mixed.astype(np.float32))
    return cube


def look(day: str) -> int:
    return int((np.datetime64(day) - np.datetime64("2017-01-01")) / np.timedelta64(12, "D"))


def test_a_fallow_field_is_provisional_with_its_reason_and_withdrawn_when_sown_again() -> None:
    fallow = (look("2019-04-01"), look("2020-04-01"))
    cube = field(bare=fallow)
    autumn = measure_disturbances(cube.isel(time=slice(0, look("2019-12-01"))), SITE)
    assert [(d.machine_status, bool(d.cause)) for d in autumn] == [("provisional", True)]
    assert [d.machine_status for d in measure_disturbances(cube, SITE)] == ["withdrawn"]


def test_an_early_harvest_is_never_persistent() -> None:
    cube = field(early=(look("2019-04-01"), look("2019-12-01")))
    for until in ("2019-12-01", "2020-07-01", "2021-03-01"):
        assert persistent(measure_disturbances(cube.isel(time=slice(0, look(until))), SITE)) == []


def test_a_field_that_stays_bare_is_persistent_in_its_second_season_and_dated_to_its_first() -> None:
    started = look("2019-07-15")
    cube = field(bare=(started, 130))
    assert persistent(measure_disturbances(cube.isel(time=slice(0, look("2020-06-01"))), SITE)) == []
    (found,) = persistent(measure_disturbances(cube, SITE))
    assert (
        found.first_seen_low
        <= cube["time"].to_numpy()[started].astype("datetime64[D]")
        <= found.first_seen_high
    )
    assert found.persistent_since is not None
    assert dt.date(2020, 6, 1) < found.persistent_since < dt.date(2020, 10, 1)
    assert found.area_ha.low <= 0.8 <= found.area_ha.high


def test_forest_and_yards_are_no_fields_and_a_short_crop_is() -> None:
    levels = np.repeat([-0.6, 0.0, -0.1], 4)
    beta = np.zeros((5, 4, 12))
    beta[0] = levels
    bare = bare_for_a_part(beta.reshape(5, 48), (5, 10), order=2, limits=BOTH)
    green = np.broadcast_to(np.repeat([12, 0, 3], 4), (4, 12))
    told = fields(bare, green.ravel(), (4, 12)).reshape(4, 12)
    assert told.tolist() == [[False] * 6 + [True] * 6] * 4
    alone = np.zeros((4, 12), bool)
    alone[1, 6] = True
    assert not fields(alone.ravel(), green.ravel() + 2, (4, 12)).any()


def test_farming_alone_makes_nothing_persistent(monkeypatch: pytest.MonkeyPatch) -> None:
    made = farmland()
    found = measure_disturbances(made.cube(), made.site)
    assert persistent(found) == []
    monkeypatch.setattr(disturbance_season, "fields", lambda bare, *_: np.zeros(bare.size, bool))
    assert persistent(measure_disturbances(made.cube(), made.site))
