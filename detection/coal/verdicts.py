"""What may be claimed of a zone or a pile: verdict, sentence, and the area that goes with it.

How much dark ground there is (`dark_ha`) and whether it is coal are two questions. The first has a figure
with its error; the second has a verdict over the whole history of the object, because asphalt, roofing felt,
tar, black shale and some dark soils have the reflectance of coal in every band of Sentinel-2. Dark ground
whose area changes beyond the looks' error, or that is like coal marked elsewhere, may be claimed as probable
coal; of other coal-like ground the lower end is nought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from detection.coal.family import FamilyParams
from detection.coal.records import Stockpile, StockpileArea
from detection.coal.series import DAY_S, LEAST_SD_HA, STEP_PRIOR, local_level
from evidence.quantity import Quantity

Floats = NDArray[np.float64]
FIT_DECIMALS = 3
"""Of the distance from the family. A choice of notation."""


class Verdict(StrEnum):
    """What a zone's or a pile's dark ground is, over its history."""

    COAL_CHANGING = "coal_changing"
    COAL_UNCHANGED = "coal_unchanged"
    DARK_NOT_COAL = "dark_not_coal"
    NOT_ASSESSABLE = "not_assessable"
    NO_DARK_GROUND = "no_dark_ground"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictParams:
    """When dark ground counts as changing."""

    change_log_ratio: float = 6.0
    """ln likelihood of a moving level over that of a steady one, from which the area changes. Assumed: 1 in
    400 by Bayes' rule with even odds."""
    fewest_looks: int = 6
    """Looks with a figure under which nothing is said of change. Assumed."""
    least_change_share: float = 0.25
    """Least range of the smoothed area, share of its largest value. Assumed."""
    least_change_ha: float = 0.1
    """Least range of the smoothed area: the floor of 10 m bands (DOMAIN notes). Assumed."""
    least_dark_ha: float = 0.1
    """Dark ground under which nothing is said of its likeness: the floor of 10 m bands. Assumed."""
    least_read_share: float = 0.05
    """Share of lasting dark ground that looks like coal under which reading it as none is a contradiction.
    Assumed: yards whose ground is black with dust read .08 of it and more (fitting seeds 510 to 521)."""
    faint_ratio: float = 0.45
    """Brightness of dark ground over that of its zone from which its contrast is little. Chosen with
    `faint_distance`: zones of lignite that read half of it or less have .47 to .60."""
    faint_distance: float = 0.55
    """Distance from the family up to which ground of little contrast is coal-like: beyond it wet ground may
    pass for the coal, and coal for ground. Chosen on fitting yards of lignite, seeds 510 to 599."""
    surprise_sd: float = 3.0
    """Looks further off the level than this are widened until they are not. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One statement in both languages."""

    en: str
    ko: str

    def in_language(self, language: str) -> str:
        """English unless Korean is asked for."""
        return self.ko if language == "ko" else self.en


SENTENCES = MappingProxyType(
    {
        Verdict.COAL_CHANGING: Sentence(
            en="Coal-like dark ground whose area changed: probable coal. Other dark material that is brought "
            "and taken away, such as asphalt or felt, would look the same.",
            ko="석탄과 비슷한 어두운 지면이며 면적이 변하였다: 석탄일 가능성이 높다. "
            "아스팔트나 펠트처럼 반입·반출되는 다른 어두운 물질도 같게 보일 수 있다.",
        ),
        Verdict.COAL_UNCHANGED: Sentence(
            en="Coal-like dark ground, no sure change since the first look, not calibrated: asphalt or a "
            "dark roof would look the same, so that the lower end is nought.",
            ko="석탄과 비슷한 어두운 지면이나 첫 관측 이후 확실한 변화가 없고 보정되지 않았다: "
            "아스팔트나 어두운 지붕도 같게 보이므로 구간의 하한은 0이다.",
        ),
        Verdict.DARK_NOT_COAL: Sentence(
            en="Dark ground that does not look like coal of any rank: between nought and all ground that is "
            "no brighter than lignite may be coal. Mark a pile to calibrate.",
            ko="어느 등급의 석탄과도 닮지 않은 어두운 지면: 0에서 갈탄보다 밝지 않은 땅 전체까지 "
            "석탄일 수 있다. 더미를 표시하여 보정하라.",
        ),
        Verdict.NOT_ASSESSABLE: Sentence(
            en="Not assessable: this says neither that there is coal nor that there is none.",
            ko="평가할 수 없음: 석탄이 있다는 뜻도 없다는 뜻도 아니다.",
        ),
        Verdict.NO_DARK_GROUND: Sentence(
            en="No ground as dark as coal lasted long enough to be judged; the upper end says what could "
            "hide.",
            ko="석탄만큼 어두운 지면이 판단할 만큼 지속되지 않았다; "
            "구간의 상한은 숨어 있을 수 있는 양을 나타낸다.",
        ),
    }
)
"""The one home of what a verdict means in words."""

CALIBRATED_UNCHANGED = Sentence(
    en="Dark ground like coal that was marked and calibrated elsewhere; unchanged since the first look.",
    ko="다른 곳에서 표시·보정된 석탄과 닮은 어두운 지면; 첫 관측 이후 변화가 없다.",
)

NO_SWIR = "no SWIR band and no calibration: towns, shade and wet ground would pass for coal"
LOW_CONTRAST = "coal of this kind would hardly be darker than the zone's own ground: mark a pile to calibrate"
NOT_LIKE_COAL = "the dark ground does not look like coal of any rank: mark a pile to calibrate"
MORE_THAN_DARK = "more reads as coal than was dark for long (shade, wet ground): mark a pile to calibrate"
READS_AS_NONE = (
    "ground that looks like coal was dark for long, and no look reads as coal: parts of the family of coal "
    "disagree beyond the interval (lignite hardly darker than its yard): mark a pile to calibrate"
)
TOO_LITTLE = "too little dark ground, or too few looks at it, to say what it is: mark a pile to calibrate"


def sentence(verdict: str, language: str = "en", *, calibrated: bool = False) -> str:
    """What a verdict means.

    Args:
        verdict: a `Verdict`.
        language: en or ko.
        calibrated: whether identity rests on marked coal of another place.
    """
    if calibrated and verdict == Verdict.COAL_UNCHANGED:
        return CALIBRATED_UNCHANGED.in_language(language)
    return SENTENCES[Verdict(verdict)].in_language(language)


def change_log_ratio(days: Floats, areas: Sequence[Quantity], params: VerdictParams) -> tuple[float, float]:
    """Ln likelihood ratio of a moving level over a steady one, and the range of the smoothed area.

    What a group of looks shares by year enters both likelihoods as covariance; what all looks share cancels.

    Args:
        days: (look,) increasing.
        areas: with values.
        params: of the test.
    """
    value = np.array([area.value for area in areas], dtype=np.float64)
    random = np.maximum([area.sd_random for area in areas], LEAST_SD_HA)
    level = local_level(days, value, random)
    surprise = np.abs(value - level.mean) / random
    random = random * np.maximum(1.0, surprise / params.surprise_sd)
    noise = np.diag(random**2)
    groups = {group for area in areas for group, _ in area.shared}
    for group in sorted(groups):
        own = np.array([dict(area.shared).get(group, 0.0) for area in areas])
        if np.count_nonzero(own) < len(own):
            noise += np.outer(own, own)
    since = days - days[0]
    walk = np.minimum(since[:, None], since[None])
    steady = _log_likelihood(value, noise)
    moving = max(_log_likelihood(value, noise + step * walk) for step in STEP_PRIOR)
    return moving - steady, float(np.ptp(level.mean))


def _log_likelihood(value: Floats, covariance: Floats) -> float:
    """Of values around one unknown mean, the mean integrated out (restricted likelihood)."""
    factor = np.linalg.cholesky(covariance)
    ones = np.linalg.solve(factor, np.ones_like(value))
    seen = np.linalg.solve(factor, value)
    information = float(ones @ ones)
    rest = seen - ones * (float(ones @ seen) / information)
    return -float(np.log(np.diag(factor)).sum()) - 0.5 * float(np.log(information)) - 0.5 * float(rest @ rest)


def is_changing(areas: Sequence[StockpileArea], params: VerdictParams) -> bool:
    """Whether the dark ground of one zone changed by more than the looks' error."""
    looks = sorted(
        (area for area in areas if area.dark_ha is not None and area.dark_ha.value is not None),
        key=lambda area: area.datetime,
    )
    if len(looks) < params.fewest_looks:
        return False
    days = np.array([look.datetime.timestamp() / DAY_S for look in looks])
    quantities = [look.dark_ha for look in looks if look.dark_ha is not None]
    ratio, change = change_log_ratio(days, quantities, params)
    largest = max(quantity.value or 0.0 for quantity in quantities)
    least = max(params.least_change_ha, params.least_change_share * largest)
    return ratio > params.change_log_ratio and change > least


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectYear:
    """What one year says of the identity of a subject's dark ground."""

    distance: float | None
    """Of the dark ground of all years so far from the family; None without any."""
    ratio: float | None
    """Its brightness over that of the zone's ground."""
    family: str
    """The likeliest component."""
    refused: str | None
    """Why the year has no figure."""
    dark_ha: float
    """Lasting dark ground of any kind at one time at most, water left out."""
    rim_ha: float
    """Mixed pixels that read as coal at the rims of dark ground and are not dark (`rim_width_px`)."""
    may_ha: float
    """Ground that is no brighter than coal of the brightest rank may be."""
    has_swir: bool
    """Whether a SWIR band was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is known of what a subject's dark ground is."""

    verdict: Verdict
    family: str | None
    fit: float | None
    """Mean square distance per band of the dark ground from the family; about 1 and less is like coal."""
    claimed: bool
    """Whether the lower end may be above nought."""
    documented: bool
    """Whether that rests on coal that was marked elsewhere."""
    reason: str | None
    most_ha: float
    """Ground that may be coal although it looks like none: dark ground of any kind, and what is no brighter
    than coal of the brightest rank may be."""


def _last_with_dark_ground(years: Sequence[SubjectYear]) -> SubjectYear | None:
    return next((year for year in reversed(years) if None not in {year.distance, year.ratio}), None)


def _is_dark(year: SubjectYear | None, params: FamilyParams) -> bool:
    return year is not None and year.ratio is not None and year.ratio < params.darkest_ratio


def _is_like(year: SubjectYear | None, params: FamilyParams) -> bool:
    return year is not None and year.distance is not None and year.distance < params.fitting_distance


def _is_faint(year: SubjectYear | None, limits: VerdictParams) -> bool:
    """Whether dark ground has little contrast to its zone."""
    return year is not None and year.ratio is not None and year.ratio >= limits.faint_ratio


def coal_family(years: Sequence[SubjectYear], params: FamilyParams) -> str | None:
    """The part of the coal family that a subject's dark ground is likest; None where it is like none."""
    last = _last_with_dark_ground(years)
    return last.family if last is not None and _is_dark(last, params) and _is_like(last, params) else None


def _disagreement(
    reads_ha: Sequence[float], dark_ha: float, rims_ha: float, *, like: bool, limits: VerdictParams
) -> str | None:
    """Why what reads as coal cannot be the ground that was dark for long; None where it can."""
    if float(np.median(reads_ha)) > dark_ha + rims_ha:
        return MORE_THAN_DARK
    least = max(min(limits.least_dark_ha, dark_ha), limits.least_read_share * dark_ha)
    if like and max(reads_ha) < least:
        return READS_AS_NONE
    return None


def identity(
    years: Sequence[SubjectYear],
    *,
    changing: bool,
    has_swir: bool,
    calibrated: bool,
    documented: bool,
    params: FamilyParams,
    reads_ha: Sequence[float] | None = None,
    limits: VerdictParams | None = None,
) -> Identity:
    """The verdict on one subject after all its years.

    Args:
        years: in order.
        changing: whether its area changed.
        has_swir: whether a SWIR band was used.
        calibrated: whether the spectrum comes from marked coal.
        documented: whether that coal was marked elsewhere, on a named image, by two reviewers.
        params: of the family.
        reads_ha: its area on each look that has one; None where nobody asks whether they agree with its dark
            ground.
        limits: of the verdict.
    """
    limits = limits or VerdictParams()
    last = _last_with_dark_ground(years)
    dark = max((year.dark_ha for year in years), default=0.0)
    rims = max((year.rim_ha for year in years), default=0.0)
    distance = None if last is None else last.distance
    is_dark = _is_dark(last, params)
    like = _is_like(last, params)

    def found(verdict: Verdict, reason: str | None = None, *, claimed: bool = False) -> Identity:
        family = last.family if last is not None and like and is_dark else None
        return Identity(
            verdict=verdict,
            family=family,
            fit=distance,
            claimed=claimed,
            documented=documented and calibrated,
            reason=reason,
            most_ha=max((dark, *(year.may_ha for year in years))),
        )

    refused = [year.refused for year in years if year.refused is not None]
    why = None
    if not has_swir and not calibrated:
        why = NO_SWIR
    elif refused and len(refused) == len(years):
        why = refused[-1]
    elif is_dark and not calibrated and reads_ha:
        why = _disagreement(reads_ha, dark, rims, like=like, limits=limits)
    if why is None and is_dark and not like and dark < limits.least_dark_ha:
        why = TOO_LITTLE
    far = distance is not None and distance > limits.faint_distance
    unclear = far and not calibrated and _is_faint(last, limits)
    if why is None and like and (unclear or not is_dark):
        why = LOW_CONTRAST
    if why is not None:
        return found(Verdict.NOT_ASSESSABLE, why)
    if is_dark and like:
        verdict = Verdict.COAL_CHANGING if changing else Verdict.COAL_UNCHANGED
        return found(verdict, claimed=changing or (documented and calibrated))
    if is_dark:
        return found(Verdict.DARK_NOT_COAL, NOT_LIKE_COAL)
    return found(Verdict.NO_DARK_GROUND)


def claimed_area(dark: Quantity, who: Identity, *, floor_ha: float) -> Quantity:
    """The area that may be claimed as probable coal: what dark ground there is, and what is known of it.

    Args:
        dark: area if it is coal.
        who: what is known of its identity.
        floor_ha: largest area that goes unnoticed where nothing is dark.
    """
    if who.verdict is Verdict.NOT_ASSESSABLE:
        return Quantity.not_assessable(who.reason or TOO_LITTLE, level=dark.level)
    if dark.value is None or dark.low is None or dark.high is None:
        return dark
    if who.verdict is Verdict.DARK_NOT_COAL:
        high = max(dark.high, who.most_ha, 0.0)
        return Quantity.bounded(0.0, high, who.reason or NOT_LIKE_COAL, level=dark.level)
    if who.verdict is Verdict.NO_DARK_GROUND and dark.value > floor_ha:
        return Quantity.not_assessable(TOO_LITTLE, level=dark.level)
    if who.claimed:
        return dark
    high = max(dark.high, who.most_ha) if who.verdict is Verdict.NO_DARK_GROUND else dark.high
    return replace(dark, low=min(0.0, dark.low), high=high)


def dark_area(dark: Quantity, who: Identity) -> Quantity:
    """Area if the dark ground is coal; where it is like no coal, no figure that leaves some of it out.

    Args:
        dark: as measured with the spectrum of what was believed.
        who: what is known of its identity.
    """
    if who.verdict is not Verdict.DARK_NOT_COAL or dark.high is None or dark.high >= who.most_ha:
        return dark
    return Quantity.bounded(0.0, who.most_ha, who.reason or NOT_LIKE_COAL, level=dark.level)


def judged_area(area: StockpileArea, who: Identity, *, fit: float | None, floor_ha: float) -> StockpileArea:
    """A zone's row with its verdict and what may be claimed; `fit` is that of its own year."""
    dark = area.dark_ha or area.area_ha
    claimed = claimed_area(dark, who, floor_ha=floor_ha)
    return replace(
        area,
        area_ha=claimed,
        dark_ha=dark_area(dark, who),
        verdict=str(who.verdict),
        sentence_en=sentence(who.verdict, "en", calibrated=who.documented),
        sentence_ko=sentence(who.verdict, "ko", calibrated=who.documented),
        family=who.family,
        family_fit=None if fit is None else round(fit, FIT_DECIMALS),
        below_floor=claimed.high is not None and claimed.high < floor_ha,
    )


def judged_pile(pile: Stockpile, who: Identity, *, fit: float | None, floor_ha: float) -> Stockpile:
    """A pile's row with its verdict and what may be claimed; `fit` is that of its own year."""
    dark = pile.dark_ha or pile.area_ha
    return replace(
        pile,
        area_ha=claimed_area(dark, who, floor_ha=floor_ha),
        dark_ha=dark_area(dark, who),
        verdict=str(who.verdict),
        sentence_en=sentence(who.verdict, "en", calibrated=who.documented),
        sentence_ko=sentence(who.verdict, "ko", calibrated=who.documented),
        family=who.family,
        family_fit=None if fit is None else round(fit, FIT_DECIMALS),
    )
