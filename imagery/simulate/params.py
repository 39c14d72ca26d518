"""Every knob of the simulator. One record, hashable, saved beside what was made with it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
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


class CoalRank(StrEnum):
    """Parts of the family of coal; the curves and their sources stand in `spectra.csv`."""

    FLAT = "flat"
    """Flat black, as anthracite is assumed to be."""
    BITUMINOUS = "bituminous"
    SUBBITUMINOUS = "subbituminous"
    """As measured on the Korba mine, dusty."""
    LIGNITE = "lignite"


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
    """Number of piles. Assumed: of the scenario."""
    area_range_ha: tuple[float, float] = (0.05, 2.0)
    """Smallest and largest pile, ha. Assumed: of the scenario."""
    dustiness: float = 0.3
    """0 clean anthracite … 1 dusty as measured on the Korba mine."""
    halo_fraction: float = 0.15
    """Coal dust mixed into the ground that touches a pile. Assumed."""
    halo_m: float = 25.0
    """Distance over which the dust thins out (e-folding). Assumed."""
    rank: CoalRank | None = None
    """None: the first guess between clean and Korba's dusty coal, wetted by an assumed rule. With a rank or a
    `spectrum` wetness goes by Ångström's law."""
    spectrum: tuple[float, ...] | None = None
    """Reflectance of dry coal at the ten optical bands, instead of any curve."""
    vary: float = 1.0
    """Factor on the deviation of a site's coal from the curve of its rank (drawn from the seed); 0: none.
    Assumed."""
    pile_spread: float = 0.0
    """Sd of ln reflectance from pile to pile, all bands together. Assumed."""
    year_spread: float = 0.0
    """Sd of ln reflectance from year to year, all bands and piles together. Assumed."""
    wetness: float = 0.0
    """Least wetness of the piles: coal that is washed or sprinkled. Assumed."""
    yard_fines: float = 0.0
    """Coal trampled into the yard's ground: share of the coal in it; no pile, and not counted as one.
    Assumed."""
    snow_dust: float = 0.0
    """Coal dust on snow beside piles, share after ten days without fresh snow. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MineParams:
    """Disturbed ground that grows, and the perimeter around it."""

    active: bool = True
    """False: the mine changes nothing (for false alarms)."""
    pit_ha: tuple[float, float] = (1.0, 6.0)
    """Pit area at the start and at the end. Assumed."""
    spoil_ha: tuple[float, float] = (1.5, 8.0)
    """Spoil at the start and at the end, ha. Assumed: of the scenario."""
    clearings: int = 4
    """Number of clearings. Assumed: of the scenario."""
    clearing_ha: tuple[float, float] = (0.3, 3.0)
    """Smallest and largest clearing, ha. Assumed: of the scenario."""
    linear_clearings: int = 1
    """Tracks cut through forest, 10–15 m wide, that lead out of the perimeter. Assumed."""
    perimeter_steps: tuple[tuple[dt.date, float], ...] | None = None
    """(date, metres by which the perimeter moves out on one side); None: two steps drawn from the seed."""
    regrowth_years: float = 0.0
    """After how many years a clearing is green again; 0: never. Assumed."""
    pit_bearing_deg: float | None = None
    """Direction in which pit and spoil advance, clockwise from north; None: to all sides."""
    black_shale: bool = False
    """Pit and spoil of carbonaceous shale, darker than the assumed curves."""
    thinned: int = 0
    """Stands logged within weeks. Assumed."""
    thinned_ha: tuple[float, float] = (0.5, 3.0)
    """Smallest and largest thinned stand, ha. Assumed: of the scenario."""
    thinned_left: float = 0.3
    """Share of the canopy that is left. Assumed."""
    roads: int = 0
    """Roads of 8 m that are built, of asphalt or gravel. Assumed."""
    buildings: int = 0
    """Groups of buildings of 20 m by 50 m that are built, three to eight at a time. Assumed."""
    hillside_cleared: int = 0
    """Patches of forest turned into fields for good: cleared ground, but nobody's mine. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldParams:
    """How the calendars of fields differ from parcel to parcel; as it is, all go through the year alike."""

    own_days: float = 0.0
    """How early or late a parcel is in all years, sd. Assumed."""
    year_days: float = 0.0
    """And in each year, sd. Assumed."""
    odd: float = 0.0
    """Share of parcels each year that grow something else, `odd_days` earlier or later. Assumed."""
    odd_days: float = 30.0
    """By how much, days. Assumed: of the scenario."""
    fallow: float = 0.0
    """Share of parcels each year that are not sown. Assumed."""
    ploughed: float = 0.0
    """Share of parcels each year that are soil, not stubble, over winter. Assumed."""
    rested: float = 0.0
    """Share of parcels each year that is given up to grass for three years. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchPlan:
    """Ground covered by one material: for good, or within periods. No coal, whatever it looks like."""

    material: str
    """One of `measured_materials()`."""
    area_ha: float
    at_m: tuple[float, float] | None = None
    """Centre, metres east and north of the site's; None: in the middle of the stockyard (of a site without
    coal; beside the piles otherwise)."""
    periods: tuple[tuple[dt.date, dt.date | None], ...] = ()
    """First day and first day without; none: always there."""
    variant: int | None = None
    """Which of the measured spectra; None: drawn from the seed."""
    wetness: float = 0.0
    """How wet it is even in dry weather, 0..1: seepage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PondPlan:
    """Standing water in a muddy rim, which grows as the water falls."""

    area_ha: float
    at_m: tuple[float, float] | None = None
    """Centre, metres east and north of the site's; None: drawn from the seed, outside the mine."""
    lowest: float = 0.3
    """Share of the area that is still water in a dry spring; below 0 it falls dry for months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandParams:
    """What else is there, and so what can be taken for coal or for change."""

    relief_m: float = 220.0
    """Height between valley and ridge, m. Assumed: of the scenario."""
    forest_fraction: float = 0.55
    """Share of the ground under forest, 1. Assumed: of the scenario."""
    conifer_fraction: float = 0.25
    """Share of the forest that is conifers, 1. Assumed: of the scenario."""
    river: bool = True
    villages: int = 2
    """Number of villages. Assumed: of the scenario."""
    asphalt: bool = True
    dark_roofs: bool = True
    wet_soil: bool = True
    burn_scars: int = 1
    """Forest fires of about 2 ha within the period. Assumed."""
    fields: FieldParams = field(default_factory=FieldParams)
    texture: float = 0.05
    """Relative sd of reflectance between neighbouring 5 m cells of one material. Assumed."""
    measured: bool = False
    """Roads, roofs, yards, soils, gravel and burnt ground of measured spectra, drawn for each object; False:
    one assumed curve per material."""
    patches: tuple[PatchPlan, ...] = ()
    ponds: tuple[PondPlan, ...] = ()
    town_ha: float = 0.0
    """A town of streets, yards and roofs in the west. Assumed."""
    rail_yard: bool = False
    """Sidings of ballast with rust and coal fines, 35 m by 320 m, south of the stockyard."""
    floods: bool = False
    """The river's bed is gravel that floods and dries; high floods strip the banks."""
    hillside: float = 0.0
    """Share of the forest's slopes that is farmed. Assumed."""
    terraced: float = 0.5
    """Share of the hillside fields that is terraced: strips along the contours between grassy risers.
    Assumed."""
    slope_fires: float = 0.0
    """Share of hillside parcels and grassy slopes that is burnt each April, before sowing. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherParams:
    """Clouds, haze and snow."""

    cloudiness: float = 1.0
    """Factor on the monthly mean cloud cover; 0: no clouds. Assumed."""
    cirrus: float = 0.15
    """Share of dates with thin cirrus. Assumed."""
    haze: float = 1.0
    """Factor on the error that atmospheric correction leaves; 0: none. Assumed."""
    snow: float = 1.0
    """Factor on the number of snowfalls per winter; 0: none. Assumed."""
    rain: float = 1.0
    """Factor on the chance of rain, which wets the ground. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorParams:
    """The instrument and the product grid."""

    mtf_nyquist: float = 0.25
    """Modulation at the Nyquist frequency, detector included. Assumed."""
    noise: float = 1.0
    """Factor on the sensor noise; 0: none. Assumed."""
    residual_shift_px: float = 0.06
    """Registration error per axis left in the fast cube, sd in 10 m pixels. Assumed."""
    raw_shift_m: tuple[float, float] = (4.5, 1.7)
    """Geolocation error per axis in products, sd, before and after the 2021 geometric reference."""
    bands: tuple[str, ...] = OPTICAL_BANDS
    """Bands available: `TEN_METRE_BANDS` for a site without SWIR."""


TEN_METRE_BANDS = ("blue", "green", "red", "nir")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationParams:
    """A simulated camp mine: where, when, what is there and how it is seen."""

    lon: float = 150.9
    """Longitude, degrees. Assumed: of the scenario."""
    lat: float = 39.5
    """Centre; the default lies in the open Pacific on the latitude of Korea: plainly no place. Assumed."""
    size_px: int = 252
    """Side of the site in 10 m pixels; rounded up to a multiple of 6 (60 m), as grids of sites are.
    Assumed."""
    since: dt.date = dt.date(2017, 1, 1)
    """First day. Assumed: of the scenario."""
    until: dt.date = dt.date(2022, 1, 1)
    """First day that is not simulated. Assumed."""
    months: tuple[int, ...] = tuple(range(1, 13))
    """Months in which the satellite is let look: a season study takes fewer. Assumed."""
    missing: float = 0.03
    """Share of passes without a product. Assumed."""
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
        spectrum = self.coal.spectrum
        if spectrum is not None and len(spectrum) != len(OPTICAL_BANDS):
            raise ValueError(f"a coal spectrum has {len(OPTICAL_BANDS)} bands, not {len(spectrum)}")
        unknown = set(self.sensor.bands) - set(OPTICAL_BANDS)
        if unknown:
            raise ValueError(f"unknown bands {sorted(unknown)}; known: {OPTICAL_BANDS}")


def unchanged_site(**overrides: object) -> SimulationParams:
    """Nothing but seasons, weather and a forest fire: no coal, no other change. For false alarms."""
    quiet: dict[str, object] = {"coal": CoalParams(present=False), "mine": MineParams(active=False)}
    return SimulationParams(**(quiet | overrides))  # type: ignore[arg-type] # checked by __post_init__


FARMED = FieldParams(own_days=7.0, year_days=8.0, odd=0.05, fallow=0.02, ploughed=0.5)
"""Parcels as the quiet sites of the expansion study have them (assumed)."""
HALF_YARD = 0.5
WET = 0.8


def with_conditions(  # noqa: PLR0913 - one name for each condition of a table
    params: SimulationParams | None = None,
    *,
    rank: CoalRank | str | None = None,
    spectrum: tuple[float, ...] | None = None,
    dust: float | None = None,
    wet: bool = False,
    half_yard: bool = False,
    relief_m: float | None = None,
    winter: bool = False,
    swir: bool = True,
    patches: tuple[PatchPlan, ...] = (),
    ponds: int | tuple[PondPlan, ...] = (),
    town_ha: float = 0.0,
    rail_yard: bool = False,
    black_shale: bool = False,
) -> SimulationParams:
    """A site with one or several conditions changed, everything else as it is: for tables of conditions.

    Args:
        params: the site to start from; None for the default mine.
        rank: part of the family of coal.
        spectrum: reflectance of dry coal at the ten optical bands, instead of a rank.
        dust: dustiness of the coal, 0..1.
        wet: washed coal, and twice the rain.
        half_yard: a yard of which half is trampled coal fines.
        relief_m: height of the hills; 600 for steep valleys.
        winter: all months, with coal dust on the snow (the sun stands at 27° at its lowest).
        swir: whether there are short-wave infrared bands.
        patches: materials that stay, or come and go.
        ponds: how many of half a hectare, or their plans.
        town_ha: area of a town of measured roofs and streets.
        rail_yard: sidings south of the yard.
        black_shale: pit and spoil of carbonaceous shale.
    """
    site = params if params is not None else SimulationParams()
    coal, land = site.coal, site.land
    plans = tuple(PondPlan(area_ha=0.5) for _ in range(ponds)) if isinstance(ponds, int) else ponds
    bands = site.sensor.bands if swir else tuple(b for b in site.sensor.bands if not b.startswith("swir"))
    return replace(
        site,
        months=tuple(range(1, 13)) if winter else site.months,
        coal=replace(
            coal,
            rank=CoalRank(rank) if rank is not None else coal.rank,
            spectrum=spectrum if spectrum is not None else coal.spectrum,
            dustiness=coal.dustiness if dust is None else dust,
            wetness=WET if wet else coal.wetness,
            yard_fines=HALF_YARD if half_yard else coal.yard_fines,
            snow_dust=0.3 if winter else coal.snow_dust,
        ),
        mine=replace(site.mine, black_shale=site.mine.black_shale or black_shale),
        land=replace(
            land,
            relief_m=land.relief_m if relief_m is None else relief_m,
            patches=(*land.patches, *patches),
            ponds=(*land.ponds, *plans),
            town_ha=town_ha or land.town_ha,
            rail_yard=land.rail_yard or rail_yard,
        ),
        weather=replace(site.weather, rain=2.0 * site.weather.rain if wet else site.weather.rain),
        sensor=replace(site.sensor, bands=bands),
    )


def farmed_site(**overrides: object) -> SimulationParams:
    """A site of measured materials whose land goes through the years as farmed valleys do.

    Hillside farming and terraces, parcels that lie fallow or are given up, slopes burnt in April, a river
    whose gravel floods and dries, ponds, coal dust on snow.
    """
    land = LandParams(
        measured=True,
        fields=replace(FARMED, rested=0.03),
        hillside=0.25,
        slope_fires=0.15,
        floods=True,
        ponds=(PondPlan(area_ha=0.6), PondPlan(area_ha=0.3, lowest=-0.2)),
    )
    chosen: dict[str, object] = {"land": land, "coal": CoalParams(snow_dust=0.3)}
    return SimulationParams(**(chosen | overrides))  # type: ignore[arg-type] # checked by __post_init__
