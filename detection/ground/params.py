"""Every number of the ground history, with its unit, meaning and source."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

METHOD = "ground-5"
"""Of all rows of the ground, and the epoch of its events: another one opens a new epoch."""
ONE = 255
"""Probability one, as the bytes in which probabilities are kept have it. Defined."""
HALF = 128
"""A half of it. Derived."""
YEAR_DAYS = 365.25
"""Days of a Julian year. Defined."""


class State(IntEnum):
    """What the ground of one pixel can be on one day."""

    EXPECTED = 0
    """As its own history expects."""
    ODD_SEASON = 1
    """An odd season: a late spring, a dry summer."""
    BARED = 2
    """Plants are gone and stay away."""
    THINNED = 3
    """Thinned, or growing over after it was bared."""
    BARE_AT_START = 4
    """Bare when it was first seen, and bare since."""
    BARE_FOR_NOW = 5
    """A field not sown, or sown late; a river's bar that fell dry: it shows what bared ground shows."""
    THIN_FOR_NOW = 6
    """A field of which little grows; a river's bar in part of a pixel. It shows what thinned ground shows."""


class Kind(StrEnum):
    """What the ground of an event became."""

    SOIL_SPOIL = "soil_spoil"
    BUILT = "built"
    WATER = "water"
    BURNT = "burnt"
    COAL = "coal"
    THINNED = "thinned"
    GROWN_OVER = "grown_over"
    RIVER = "river"
    """A bar of a river too narrow to be told from a track; green again or under water within the year."""


DISTURBED = (State.BARED, State.THINNED)
"""States that an event is made of."""
AS_EXPECTED = (State.EXPECTED, State.BARE_AT_START)
"""States in which a look tells of the expectation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookParams:
    """Which looks and pixels speak."""

    snow_at_most: float = 0.1
    """Share of clear ground under snow above which a whole look is left out; assumed."""
    haze: float = 0.06
    """``blue − red / 2`` (haze-optimised transform, Zhang et al. 2002) at which a look is as likely haze as
    ground; measured soils lie below .03, metal roofs above (earthlib 1.1.0)."""
    haze_around_m: float = 270.0
    """Haze veils most of what lies within a square of this side, m; what is blue alone is a roof or pale
    spoil. Assumed: three hectares, the largest roof or clearing at once, fill less than half of it."""
    haze_width: float = 0.01
    """Width of the logistic about it, reflectance; assumed."""
    outlier: float = 0.02
    """Share of looks that are neither ground nor masked (cloud, shadow, misregistration); assumed."""
    haze_outlier: float = 0.9
    """The same of a look that is surely haze; assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationParams:
    """What a pixel is expected to look like: own level, course of its cover, own harmonics."""

    anchor_days: float = 365.0
    """Earliest looks of which all count as expected, days: one year. Those of the next see what was opened in
    this one. Assumed."""
    anchor_looks: int = 12
    """A pixel that was seen less often than that in them is anchored for longer. Assumed."""
    anchor_most_days: float = 700.0
    """But not beyond so many days: two summers (reference prototype). Assumed."""
    renewed: tuple[int, int] = (1, 1)
    """Month and day on which the looks of the year before enter: later ones are held against an expectation
    that does not know them, so that one more look changes nothing that was said. Assumed. Records shorter
    than `anchor_most_days` before that day learn from all looks."""
    later_weight: float = 0.1
    """Weight of later looks before anything is known of them; assumed."""
    covers: int = 8
    """Groups of pixels that go through the year alike (k-means of the season). Assumed."""
    least_cover: int = 30
    """Pixels below which a cover has no course of its own on a look. Assumed."""
    level_sd: float = 2.2
    """Prior of a pixel's own level about its cover's, in scatters of a look; assumed."""
    course_sd: float = 0.5
    """Prior of how much of its cover's course a pixel does beyond all of it, in scatters; assumed."""
    harmonic_sd: float = 0.4
    """Prior of its own harmonics, in scatters; the second order is sqrt(3/4) of it; assumed."""
    rounds: int = 4
    """Of reweighting (iteratively reweighted least squares with Cauchy weights, Holland and Welsch 1977)."""
    least_sd: float = 0.008
    """Least scatter of a look, units of the index: product noise of about .5 % in red and near infrared.
    Assumed."""
    season_days: float = 22.0
    """Width over which scatter is smoothed in the time of the year, days; assumed."""
    em_rounds: int = 3
    """Of expectation and states in turn (Dempster, Laird and Rubin 1977)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BareParams:
    """What bare ground looks like: prior from measured soils, updated by the site's own."""

    ndvi: float = 0.16
    """Mean of soils (.12) and dry plants (.21), earthlib 1.1.0 (ICRAF-ISRIC library, 600 soils). Assumed."""
    ndvi_sd: float = 0.08
    """Spread of soils, dry plants, roads and roofs of the same library about that. Assumed."""
    nbr: float = -0.15
    """``(nir − swir16) / (nir + swir16)`` of the same soils (−.13) and dry plants (−.23). Assumed."""
    nbr_sd: float = 0.12
    """The same of the other index. Assumed."""
    own_sd: float = 0.10
    """How far one pixel of bare ground lies from the site's mean, units of the index; assumed."""
    most_pixels: float = 25.0
    """The site's own ground counts as at most so many independent pixels; assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmissionParams:
    """Bare share that each state shows: means and spreads, shares of a pixel."""

    expected_sd: float = 0.03
    """How far ground as expected strays towards bare beyond the scatter of looks. Assumed."""
    greener_sd: float = 0.12
    """And towards green. Assumed."""
    thinned: tuple[tuple[float, float, float], ...] = ((0.5, 0.28, 0.10), (0.5, 0.15, 0.05))
    """(weight, mean, sd). Assumed."""
    bared: tuple[tuple[float, float, float], ...] = ((0.6, 0.5, 0.2), (0.4, 0.9, 0.2))
    """The same of bared ground. Assumed."""
    odd: tuple[tuple[float, float, float], ...] = ((0.5, 0.5, 0.22), (0.5, 0.0, 0.06))
    """The same of an odd season. Assumed."""
    index_correlation: float = 1.2
    """Factor on the variance of the mean of both indices, whose errors are partly the same; assumed."""
    least_gap: float = 0.02
    """Least difference of an index between expected and bare ground that is divided by. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateParams:
    """Transitions, per year."""

    bared: float = 0.010
    """Of expected ground; OPERA DIST-ALERT and Hansen et al. 2013 give .1 to 2 % a year of forest lost."""
    thinned: float = 0.004
    """Of expected ground; assumed: half of what is bared."""
    odd: float = 0.002
    """A late spring or a dry summer takes any ground, assumed; it is over sooner than a clearing."""
    field_bare: float = 0.1
    """A field lies fallow, is sown late or cut early: of ground whose own expected year has a bare month.
    Assumed: one year in ten."""
    field_thin: float = 0.1
    """Little grows on it, or something else. Assumed."""
    field_turns: float = 0.9
    """It grows over, or is turned, while that lasts; assumed: as bared ground does."""
    field_over: float = 3.0
    """And its crop is back, while plants grow: one field in twenty that is bare in spring still is in autumn.
    Assumed. Out of season no crop comes: a field that was ploughed in autumn and lies fallow for a year is
    bare for twenty months and is not yet surely bared; what is bare for two growing seasons is."""
    odd_ends: float = 1.6
    """An odd season is over; assumed."""
    grows_over: float = 0.9
    """Bared ground starts to grow over; Romanian clearings do within the year. Assumed."""
    returns: float = 0.6
    """Thinned or growing ground is as expected again. Assumed."""
    returns_at_once: float = 0.05
    """Bared ground is as expected again (planted, sown). Assumed."""
    bared_again: float = 0.05
    """Ground that grows over is bared again; assumed."""
    bar_laid_bare: float = 0.5
    """A bar of a river corridor falls dry; one year in two, assumed."""
    bar_covered: float = 1.0
    """And is under water or green again. Assumed."""
    start_disturbed: float = 0.011
    """Probability that a pixel is disturbed on its first look, as after a year of the rates above.
    Assumed."""
    start_odd: float = 0.004
    """And that it is in an odd season. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartParams:
    """What the ground was when it was first seen."""

    bare_from: float = 0.3
    """Bare share at the greenest of the pixel's expected year above which it may be bare at start.
    Assumed."""
    bare_surely: float = 0.7
    """And from which it is. Assumed."""
    greenest: float = 0.9
    """Quantile of the greenest of the year over all pixels that says what green ground is here. Assumed."""
    least_green: float = 0.2
    """NDVI by which green ground is greener than bare ground, at least. Assumed."""
    most_surely: float = 0.98
    """Probability of bare at start that no pixel goes beyond. Assumed."""
    growing_months: tuple[float, float] = (5.0, 10.0)
    """May to September: when plants grow at the sites watched. Assumed."""
    field_bare: tuple[float, float] = (0.5, 0.1)
    """NDVI of the barest half month of the expected year below which a pixel may be a field, and the width of
    that; assumed."""
    field_range: tuple[float, float] = (0.2, 0.2)
    """NDVI by which it was seen greener than that, and the width of that; assumed."""
    full_leaf: tuple[float, float] = (6.0, 9.5)
    """June to the middle of September: when all leaves are out and no crop is harvested. Assumed."""
    field_part: tuple[float, float] = (0.14, 0.12)
    """Share by which a pixel is barer in part of these months than in another, beside green ground, above
    which it may be a field in part, and the width of that. Grass and leaf trees reach .12, conifers .16,
    terraces .15 to .35, on simulated sites 745 and 746. Assumed."""
    farmland_m: float = 90.0
    """Side of the square about a pixel, m. Assumed."""
    farmland_share: float = 0.25
    """Share of fields in it from which it is farmland like these. Assumed: on simulated site 746 parcels that
    were given up to grass while the site was first seen have .26 to .63."""
    less_green: float = 0.08
    """A river's pixels are less green at the height of the year than what surrounds them by this, NDVI;
    assumed."""
    darker: float = 0.1
    """And darker in near infrared by this share, in mean over a thread of them: soils are about as bright
    there as plants, so that it is the share of water (or shade) in it. Seen .12 to .20 on a 20 m river.
    Assumed."""
    raised: float = 0.2
    """While short-wave infrared, which soils raise to more than twice that of plants and water takes away, is
    raised by less than this. Assumed; seen .03 to .15 there."""
    widest_px: int = 5
    """Threads are narrower than this, pixels; wider rivers show water. Assumed."""
    water_nir: float = 0.8
    """Water has less near infrared than this share of red (DOMAIN: measured on ponds and coal),"""
    dark_nir: float = 0.06
    """or less than this at all. Assumed;"""
    water_swir: float = 0.06
    """and less short-wave infrared than this, assumed,"""
    water_falls: float = 1.15
    """and than so many times its near infrared; coal and char rise by 1.3 and more (measured:
    Korba; earthlib 1.1.0). Assumed."""
    swir_m: float = 20.0
    """Pixel of the short-wave infrared, within which of its banks water shows their brightness (documented:
    Sentinel-2)."""
    least_river_m: float = 150.0
    """Length of the shortest thread that is a river, m; assumed."""
    around_px: int = 25
    """Side of the square whose median says what surrounds a pixel. Assumed."""
    corridor_m: float = 50.0
    """How far bars and banks reach from a river, and from a thread of pixels that may be one or a track: what
    lies so near to a thread, and is as expected again as soon as 95 % of bars, was one. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CouplingParams:
    """Neighbours speak for each other (mean field, Besag 1986)."""

    strength: float = 0.35
    """Largest change of the log odds of loss, for good or for now, by all eight neighbours, at each look.
    Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnParams:
    """Loss that is black for now, on any ground: burns of the dry months, until plants grow."""

    rate: float = 0.005
    """Of expected ground, per year: half as often as ground is bared. Assumed."""
    months: tuple[int, ...] = (11, 12, 1, 2, 3, 4, 5)
    """November to May: months in which dry grass, litter and stubble burn at the sites watched. Assumed."""
    over: float = 12.0
    """What burnt is green again or sown, per growing season: within two weeks of it in mean. Assumed."""
    soil: tuple[float, float] = (0.18, 0.10)
    """Red, and its spread, of what is opened: measured soils .28, gravel .18, dry plants .17 and roads .11,
    each with its own spread, with equal weights (earthlib 1.1.0)."""
    char: tuple[float, float] = (0.052, 0.029)
    """The same of measured char (earthlib 1.1.0, 16 spectra)."""
    look_sd: float = 0.02
    """Error of a patch's red on a look beside that of other years: haze, wetness, light. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventParams:
    """Pixels that belong together, what is said of them and when."""

    likely: float = 0.5
    """Probability of disturbed from which a pixel is part of an event. Assumed."""
    sure: float = 0.9
    """And which it must reach once. Assumed."""
    link_days: int = 180
    """Neighbours whose onsets lie further apart are two events. Assumed."""
    shared_side: float = 0.75
    """Side, in sides of a square as large, along which a later patch touches an earlier one that it is growth
    of; one that touches by a corner is an event of its own. Assumed."""
    founding_days: int = 45
    """Cells whose onsets lie so near to the day on which the mapping floor was reached found the event: about
    three clear looks. Assumed."""
    least_looks: int = 12
    """Looks below which nothing is said of a site. Assumed."""
    account_day: tuple[int, int] = (8, 1)
    """Month and day of the accounts: crops are green and leaves are out at the sites watched. Assumed."""
    min_seen: float = 0.8
    """Share of the aoi that must be seen about that day; assumed."""
    closed_share: float = 0.9
    """Share of the cells of an event that are as expected again when it is closed; assumed."""
    grown_over: float = 0.2
    """Bare share below which what was twice as bare at first is growing over. Assumed."""
    bare_sd: float = 0.1
    """Relative error of what was bare at start; assumed."""
    open_sd: float = 0.1
    """Error of the bare share of an event on one day; assumed."""
    mostly_bare: float = 0.6
    """Bare share from which ground that is green in part is bared and not thinned. Assumed."""
    leaf_months: tuple[int, int] = (5, 10)
    """May to October: months in leaf, whose reflectance tells a kind. Assumed."""
    before_days: int = 800
    """Of looks before an event that tell what was there: two summers. Assumed."""
    same_days: int = 400
    """First sights of one event in two runs differ by no more. Assumed."""
    growth_rim: float = 0.3
    """Share of what is added in a year that lies in edge pixels; assumed."""
    whole_share: float = 0.98
    """Share of a full pixel from which it counts as wholly changed. Assumed."""
    min_ha: float = 0.1
    """Mapping floor at 10 m. Assumed."""
    stray: float = 0.004
    """Share of looks that are wrong over a whole patch (cloud, shadow, haze unmasked); assumed."""
    least_seen: float = 0.3
    """Share of a patch that a look must show to say anything of it. Assumed."""
    prior_days: float = 30.0
    """A patch is asked about anew so often: its prior odds are the rates' over this time (about two clear
    looks). Assumed."""
    provisional: float = 0.5
    """Probability of a patch from which it is told of. Assumed."""
    persistent: float = 0.99
    """And from which, on two looks, it is persistent. Assumed."""
    apart_days: int = 5
    """Days between those two looks (DESIGN). Assumed."""
    informative_sd: float = 0.35
    """Error of a patch's share below which a look tells whether it is bare. Assumed."""
    unchanged: float = -1.5
    """Log-likelihood ratio of a look below which the patch was surely as expected. Assumed."""
    partly_days: int = 10
    """What is bared in part looks as before for so long: the interval of first seen begins so much earlier.
    Assumed."""
    later_days: int = 5
    """And ends so much later: the floor is passed after the first pixels; assumed."""
    wait_days: int = 30
    """Later arrivals are waited for before an event is frozen (DESIGN). Assumed."""
    same_event: float = 0.3
    """Share of the smaller one's founding cells that two events have in common to be one. Assumed."""
    least_share: float = -0.3
    """Least share that noise gives a pixel beside an event. Assumed."""
    edge_gain: float = 1.12
    """Edge pixels changed by so much of what they look; measured on simulated sites, seeds 900 to 902 and
    2000 to 2002."""
    share_sd: float = 0.4
    """Error of an edge pixel's share; that of a uniform share is .29, neighbours err alike. Assumed."""
    area_sd: float = 0.17
    """Relative error of an event's area that nothing else explains; measured, the same seeds."""
    edge_m: float = 0.6
    """Error of where all edges of a site are drawn, m, shared; assumed."""
    reach_sd_m: float = 5.0
    """Error of the farthest point of an event, m; measured, the same seeds."""
    residual_m: float = 3.0
    """Registration residual below which no advance is claimed, m (multi-temporal geolocation, DESIGN).
    Assumed."""
    level: float = 0.95
    """Of intervals. Assumed."""
    kind_days: int = 450
    """Black ground that has not grown over after so long is no burn: a spring has passed; assumed."""
    black_days: int = 60
    """Days after an event was first seen in which its looks say whether it went black: grass is green again
    after a burn by then. Assumed."""
    share_days: float = 35.0
    """Width of the window about a date in which looks tell the bare share of that date, days. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundParams:
    """All numbers of the ground history, saved with its rows."""

    looks: LookParams = field(default_factory=LookParams)
    expectation: ExpectationParams = field(default_factory=ExpectationParams)
    bare: BareParams = field(default_factory=BareParams)
    emission: EmissionParams = field(default_factory=EmissionParams)
    rates: RateParams = field(default_factory=RateParams)
    start: StartParams = field(default_factory=StartParams)
    coupling: CouplingParams = field(default_factory=CouplingParams)
    burns: BurnParams = field(default_factory=BurnParams)
    events: EventParams = field(default_factory=EventParams)
