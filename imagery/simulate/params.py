"""Every knob of the simulator. One record, hashable, saved beside what was made with it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from imagery.bands import OPTICAL_BANDS


class MaskHabit(StrEnum):
    """Where the fast cube's `valid` comes from."""

    COAL_SAFE = "coal_safe"
    """From the simulated SCL; what a place usually is counts as ground: misses and false alarms stay."""
    SCL = "scl"
    """The usual mask (drop 0 1 2 3 8 9 10 and grow clouds): deletes coal, for comparison."""
    TRUTH = "truth"
    """Perfect: for telling mask errors from method errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PilePlan:
    """One coal pile and what becomes of it; a plan with one knot is a pile that never changes."""

    areas: tuple[tuple[dt.date, float], ...]
    """(date, plan area in hectares), linear between dates; nothing before the first, the last value stays."""
    fate: str = "stays"
    """stays | splits (into two at `fate_date`) | merges (with the next plan at `fate_date`)."""
    fate_date: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoalParams:
    """The stockyard and its piles."""

    present: bool = True
    """False: the yard is there, bare and trafficked, and holds no coal."""
    plans: tuple[PilePlan, ...] | None = None
    """None: `n_piles` histories drawn from the seed."""
    n_piles: int = 6
    area_range_ha: tuple[float, float] = (0.05, 2.0)
    dustiness: float = 0.3
    """0 clean anthracite … 1 dusty as measured on the Korba mine."""
    halo_fraction: float = 0.15
    """Coal dust mixed into the ground that touches a pile."""
    halo_m: float = 25.0
    """Distance over which the dust thins out (e-folding)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MineParams:
    """Disturbed ground that grows, and the perimeter around it."""

    active: bool = True
    """False: the mine changes nothing (for false alarms)."""
    pit_ha: tuple[float, float] = (1.0, 6.0)
    """Pit area at the start and at the end."""
    spoil_ha: tuple[float, float] = (1.5, 8.0)
    clearings: int = 4
    clearing_ha: tuple[float, float] = (0.3, 3.0)
    linear_clearings: int = 1
    """Tracks cut through forest, 10–15 m wide, that lead out of the perimeter."""
    perimeter_steps: tuple[tuple[dt.date, float], ...] | None = None
    """(date, metres by which the perimeter moves out on one side); None: two steps drawn from the seed."""
    regrowth_years: float = 0.0
    """After how many years a clearing is green again; 0: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldParams:
    """How the calendars of fields differ from parcel to parcel; as it is, all go through the year alike."""

    own_days: float = 0.0
    """How early or late a parcel is in all years, sd."""
    year_days: float = 0.0
    """And in each year, sd."""
    odd: float = 0.0
    """Share of parcels each year that grow something else, `odd_days` earlier or later."""
    odd_days: float = 30.0
    fallow: float = 0.0
    """Share of parcels each year that are not sown."""
    ploughed: float = 0.0
    """Share of parcels each year that are soil, not stubble, over winter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandParams:
    """What else is there, and so what can be taken for coal or for change."""

    relief_m: float = 220.0
    forest_fraction: float = 0.55
    conifer_fraction: float = 0.25
    river: bool = True
    villages: int = 2
    asphalt: bool = True
    dark_roofs: bool = True
    wet_soil: bool = True
    burn_scars: int = 1
    """Forest fires of about 2 ha within the period."""
    fields: FieldParams = field(default_factory=FieldParams)
    texture: float = 0.05
    """Relative sd of reflectance between neighbouring 5 m cells of one material."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherParams:
    """Clouds, haze and snow."""

    cloudiness: float = 1.0
    """Factor on the monthly mean cloud cover; 0: no clouds."""
    cirrus: float = 0.15
    """Share of dates with thin cirrus."""
    haze: float = 1.0
    """Factor on the error that atmospheric correction leaves; 0: none."""
    snow: float = 1.0
    """Factor on the number of snowfalls per winter; 0: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorParams:
    """The instrument and the product grid."""

    mtf_nyquist: float = 0.25
    """Modulation at the Nyquist frequency, detector included."""
    noise: float = 1.0
    """Factor on the sensor noise; 0: none."""
    residual_shift_px: float = 0.06
    """Registration error per axis left in the fast cube, sd in 10 m pixels."""
    raw_shift_m: tuple[float, float] = (4.5, 1.7)
    """Geolocation error per axis in products, sd, before and after the 2021 geometric reference."""
    bands: tuple[str, ...] = OPTICAL_BANDS
    """Bands available: `TEN_METRE_BANDS` for a site without SWIR."""


TEN_METRE_BANDS = ("blue", "green", "red", "nir")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationParams:
    """A simulated camp mine: where, when, what is there and how it is seen."""

    lon: float = 150.9
    lat: float = 39.5
    """Centre; the default lies in the open Pacific on the latitude of Korea: plainly no place."""
    size_px: int = 252
    """Side of the site in 10 m pixels; rounded up to a multiple of 6 (60 m), as grids of sites are."""
    since: dt.date = dt.date(2017, 1, 1)
    until: dt.date = dt.date(2022, 1, 1)
    """First day that is not simulated."""
    months: tuple[int, ...] = tuple(range(1, 13))
    """Months in which the satellite is let look: a season study takes fewer."""
    missing: float = 0.03
    """Share of passes without a product."""
    mask: MaskHabit = MaskHabit.COAL_SAFE
    coal: CoalParams = field(default_factory=CoalParams)
    mine: MineParams = field(default_factory=MineParams)
    land: LandParams = field(default_factory=LandParams)
    weather: WeatherParams = field(default_factory=WeatherParams)
    sensor: SensorParams = field(default_factory=SensorParams)

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if self.size_px < 60:  # noqa: PLR2004 - room for a yard
            raise ValueError(f"size_px must be at least 60, not {self.size_px}")
        if self.until <= self.since:
            raise ValueError(f"until {self.until} must come after since {self.since}")
        unknown = set(self.sensor.bands) - set(OPTICAL_BANDS)
        if unknown:
            raise ValueError(f"unknown bands {sorted(unknown)}; known: {OPTICAL_BANDS}")


def unchanged_site(**overrides: object) -> SimulationParams:
    """Nothing but seasons, weather and a forest fire: no coal, no other change. For false alarms."""
    quiet: dict[str, object] = {"coal": CoalParams(present=False), "mine": MineParams(active=False)}
    return SimulationParams(**(quiet | overrides))  # type: ignore[arg-type] # checked by __post_init__
