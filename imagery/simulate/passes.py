"""When which satellite looks, how far its image is off, and what the weather has done to the ground."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from imagery.simulate.params import SimulationParams
from imagery.simulate.terrain import Stream, Sun, stream, sun_position

SOLAR_HOURS = 11.0
"""Local solar time of the pass, as over Korea (02:36 UTC at 126° E)."""
RELATIVE_ORBIT = 60
CADENCE_SHIFT = dt.date(2017, 12, 5)
"""From here on two satellites, 5 days apart; before, one in 10 days (DOMAIN §2)."""
S2C_FROM = dt.date(2025, 1, 21)
GEOMETRIC_REFERENCE = dt.date(2021, 8, 23)
"""From here on products are aligned to the global reference image (month from memory)."""
EPOCH = dt.date(2015, 7, 4)
CYCLE_ORBITS = 143
CYCLE_DAYS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One datatake over the site."""

    index: int
    """Position among all passes of the mission, so that seeds do not depend on the period asked for."""
    datetime: dt.datetime
    platform: str
    absolute_orbit: int
    sun: Sun
    raw_shift_m: tuple[float, float]
    """True displacement (east, north) of the image in its product."""
    estimate_error_m: tuple[float, float]
    """Error of a good registration: estimated minus true shift (east, north)."""
    missing: bool
    """Flown, but no product exists."""
    gain: float
    """Calibration of this platform relative to the other."""

    @property
    def day(self) -> dt.date:
        """Date in UTC."""
        return self.datetime.date()

    @property
    def datatake(self) -> str:
        """As ESA names it, without the baseline."""
        letter = self.platform[-1].upper()
        return f"GS2{letter}_{self.datetime:%Y%m%dT%H%M%S}_{self.absolute_orbit:06d}"


def platform_on(number: int, day: dt.date) -> str | None:
    """Who flies pass `number` (every 5 days since the epoch); None where nobody does."""
    if number % 2 == 0:
        return "sentinel-2a" if day < S2C_FROM else "sentinel-2c"
    return "sentinel-2b" if day >= CADENCE_SHIFT else None


def optical_passes(params: SimulationParams, seed: int) -> tuple[Pass, ...]:
    """All passes of the period, the missing ones marked."""
    first = max(-(-(params.since - EPOCH).days // 5), 0)
    last = (params.until - EPOCH).days // 5 + 1
    found = (_pass(params, seed, number) for number in range(first, last))
    return tuple(one for one in found if one is not None)


def _pass(params: SimulationParams, seed: int, number: int) -> Pass | None:
    day = EPOCH + dt.timedelta(days=5 * number)
    platform = platform_on(number, day)
    if platform is None or not params.since <= day < params.until or day.month not in params.months:
        return None
    rng = stream(seed, Stream.PASSES, number)
    hours = SOLAR_HOURS - params.lon / 15
    when = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) + dt.timedelta(
        hours=hours, seconds=float(rng.integers(-20, 20))
    )
    before, after = params.sensor.raw_shift_m
    spread = before if day < GEOMETRIC_REFERENCE else after
    error = 10 * params.sensor.residual_shift_px
    shift, residual = spread * rng.standard_normal(2), error * rng.standard_normal(2)
    return Pass(
        index=number,
        datetime=when.replace(microsecond=0),
        platform=platform,
        absolute_orbit=_absolute_orbit(platform, number),
        sun=sun_position(when, lon=params.lon, lat=params.lat),
        raw_shift_m=(float(shift[0]), float(shift[1])),
        estimate_error_m=(float(residual[0]), float(residual[1])),
        missing=bool(rng.random() < params.missing),
        gain={"a": 1.0, "b": 1.011, "c": 1.0}[platform[-1]],
    )


def _absolute_orbit(platform: str, number: int) -> int:
    start = {"a": 180, "b": -10_200, "c": -48_900}[platform[-1]]
    return start + CYCLE_ORBITS * number * 5 // CYCLE_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundState:
    """What the weather has done to the ground on one day."""

    snow: float
    """Mean snow cover of open ground, 0..1."""
    wetness: float
    phenology_shift_days: float
    greenness_gain: float
    """Slow factor on vegetation (vigour of the year), about 1."""
    patchiness: tuple[float, float]
    """Slow coefficients of two lasting patterns of brightness (moisture, stands that do well or badly)."""
    snow_age_days: float
    """Since fresh snow last fell."""
    water: float
    """Level of standing and running water, about 0 (dry spring) to 1 (monsoon)."""
    scoured: float
    """Share of the river's banks that a flood has stripped within two years, 0..1."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Daily snow and wetness of the whole period, and the character of each year."""

    first: dt.date
    snow: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    wetness: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    slow: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    """(3, day): first-order processes of sd 1 that forget in `MEMORY_DAYS`."""
    year_shift: dict[int, float]
    snow_age: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    water: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    scoured: np.ndarray[tuple[int, ...], np.dtype[np.float64]]

    def on(self, day: dt.date) -> GroundState:
        """The ground on `day`."""
        k = (day - self.first).days
        return GroundState(
            snow=float(self.snow[k]),
            wetness=float(self.wetness[k]),
            phenology_shift_days=self.year_shift[day.year],
            greenness_gain=float(1 + 0.04 * self.slow[0, k]),
            patchiness=(float(self.slow[1, k]), float(self.slow[2, k])),
            snow_age_days=float(self.snow_age[k]),
            water=float(self.water[k]),
            scoured=float(self.scoured[k]),
        )


MEMORY_DAYS = 40.0
"""How long unusual years and spots stay unusual (tuned to the Romania cube)."""
SNOWFALLS = {12: 1.2, 1: 1.3, 2: 1.0, 3: 0.3, 11: 0.2}
"""Mean number of snowfalls per month that stay on the ground in Korea's north-west (assumed)."""
RAIN_CHANCE = {
    1: 0.08,
    2: 0.09,
    3: 0.13,
    4: 0.2,
    5: 0.24,
    6: 0.3,
    7: 0.48,
    8: 0.42,
    9: 0.26,
    10: 0.18,
    11: 0.2,
    12: 0.12,
}
"""Chance of rain on a day by month, monsoon in July and August (assumed)."""


def build_weather(params: SimulationParams, seed: int) -> Weather:
    """Snow that falls, stays and melts patchily; ground that gets wet and dries in about five days."""
    rng = stream(seed, Stream.WEATHER)
    first = dt.date(params.since.year - 1, 11, 1)
    days = [first + dt.timedelta(days=k) for k in range((params.until - first).days + 1)]
    snow, wetness, age = (np.zeros(len(days)) for _ in range(3))
    left = rain = 0.0
    for k, day in enumerate(days):
        falls = rng.random() < params.weather.snow * SNOWFALLS.get(day.month, 0.0) / 30
        left = max(left - 1, 0.0) + (rng.exponential(5) + 2 if falls else 0.0)
        chance = params.weather.rain * RAIN_CHANCE[day.month]
        rain = 1.0 if rng.random() < chance and snow[k - 1] == 0 else rain * np.exp(-1 / 5)
        snow[k], wetness[k], age[k] = min(left / 4, 1.0), rain, 0.0 if falls else age[k - 1] + 1
    shift = {year: float(rng.normal(0, 4)) for year in range(first.year, params.until.year + 1)}
    slow = _slow_processes(len(days), rng)
    water, scoured = _waters(days, stream(seed, Stream.WATER))
    return Weather(first, snow, wetness, slow, shift, age, water, scoured)


WATER_BY_MONTH = (0.45, 0.4, 0.35, 0.3, 0.25, 0.4, 0.85, 0.95, 0.8, 0.6, 0.55, 0.5)
"""Mean level of ponds and rivers at the middle of each month: dry springs, wet summers (assumed)."""
WATER_SPREAD = (0.15, 0.08)
"""Sd of the level from year to year, and within a year over weeks (assumed)."""
FLOOD_CHANCE = 0.35
"""Share of years with a flood in July or August that strips banks (assumed)."""
GROWN_OVER_DAYS = 650.0
"""From a flood until its gravel is green again (assumed)."""


def _waters(
    days: list[dt.date], rng: np.random.Generator
) -> tuple[
    np.ndarray[tuple[int, ...], np.dtype[np.float64]], np.ndarray[tuple[int, ...], np.dtype[np.float64]]
]:
    """Level of water on each day, and the share of the banks that lies stripped."""
    ordinal = np.array([day.toordinal() for day in days], float)
    of_year = np.array([day.timetuple().tm_yday for day in days], float)
    middles = 15.2 + 30.44 * np.arange(12)
    mean = np.interp(of_year, middles, WATER_BY_MONTH, period=365.25)
    year = np.array([day.year - days[0].year for day in days])
    offsets = WATER_SPREAD[0] * rng.standard_normal(int(year[-1]) + 1)
    level = mean + offsets[year] + WATER_SPREAD[1] * _slow_processes(len(days), rng)[0]
    scoured = np.zeros(len(days))
    for k in range(int(year[-1]) + 1):
        flooded, on, strength = rng.random() < FLOOD_CHANCE, rng.integers(185, 240), rng.uniform(0.3, 1.0)
        since = ordinal - dt.date(days[0].year + k, 1, 1).toordinal() - float(on)
        left = np.where(
            (since >= 0) & (since < GROWN_OVER_DAYS), strength * (1 - since / GROWN_OVER_DAYS), 0.0
        )
        level += np.where(flooded & (since >= -2) & (since < 6), 0.5, 0.0)  # noqa: PLR2004 - a week of flood
        scoured = np.maximum(scoured, left if flooded else 0.0)
    return np.clip(level, -0.2, 1.3), scoured


def _slow_processes(
    count: int, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Three independent first-order autoregressions of sd 1: (3, day)."""
    keep = np.exp(-1 / MEMORY_DAYS)
    shocks = np.sqrt(1 - keep**2) * rng.standard_normal((3, count))
    shocks[:, 0] /= np.sqrt(1 - keep**2)
    return np.asarray(lfilter([1.0], [1.0, -keep], shocks, axis=1))
