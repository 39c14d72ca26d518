"""Coal as a family: what its fit learns, what it forgets nothing of, and what may be claimed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from shapely.geometry import box

from aoi.records import Site, Zone, ZoneKind
from detection.coal.calibration import identity_documented, is_documented
from detection.coal.dark_ground import (
    BLUR_PX2,
    COARSE_BLUR_PX2,
    brightest_coal,
    noon_sun_deg,
    rim_width_px,
)
from detection.coal.family import (
    FAMILY,
    DarkGround,
    FamilyFit,
    FamilyParams,
    component_means,
    like_family,
    prior_fit,
    updated,
    wetted,
)
from detection.coal.records import StockpileArea
from detection.coal.spectra import CoalSpectrum
from detection.coal.verdicts import (
    READS_AS_NONE,
    SENTENCES,
    Identity,
    SubjectYear,
    Verdict,
    VerdictParams,
    change_log_ratio,
    claimed_area,
    dark_area,
    identity,
    judged_area,
    sentence,
)
from evidence.quantity import Quantity

Floats = NDArray[np.float64]
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
PARAMS = FamilyParams()
YARD = np.array([0.080, 0.098, 0.115, 0.155, 0.205, 0.190])


def dark(reflectance: object, ratio: float = 0.4, impurity: float = 0.0) -> DarkGround:
    return DarkGround(
        reflectance=np.asarray(reflectance, dtype=np.float64),
        impurity=np.full(6, impurity),
        ground=YARD,
        ratio=ratio,
    )


@pytest.mark.parametrize("rank", FAMILY, ids=lambda rank: rank.name)
def test_the_dark_ground_of_each_rank_is_known_as_that_rank(rank: object) -> None:
    index = FAMILY.index(rank)  # type: ignore[arg-type]
    prior = prior_fit(BANDS, PARAMS)
    seen = np.exp(component_means(BANDS)[index]) * 1.1
    fit = updated(prior, prior, [dark(seen)], PARAMS)
    assert fit.name == FAMILY[index].name
    assert fit.distance < 0.3
    assert np.exp(fit.moments(PARAMS)[0]) == pytest.approx(seen, rel=0.1)


@pytest.mark.parametrize(
    "material",
    [
        (0.045, 0.054, 0.067, 0.076, 0.185, 0.207),
        (0.029, 0.034, 0.042, 0.056, 0.153, 0.208),
        (0.030, 0.050, 0.030, 0.250, 0.120, 0.060),
        (0.055, 0.065, 0.075, 0.100, 0.100, 0.080),
    ],
    ids=["char", "burnt ground", "plants", "wet bare yard"],
)
def test_what_is_no_coal_is_far_from_the_family(material: tuple[float, ...]) -> None:
    prior = prior_fit(BANDS, PARAMS)
    coal = updated(prior, prior, [dark(np.exp(component_means(BANDS)[1]))], PARAMS)
    other = updated(prior, prior, [dark(material)], PARAMS)
    assert other.distance > 4 * coal.distance


@settings(deadline=None, max_examples=25)
@given(st.floats(-0.5, 0.5), st.integers(1, 6))
def test_more_years_never_widen_what_is_known_of_a_zone(level: float, years: int) -> None:
    prior = prior_fit(BANDS, PARAMS)
    fit, widths = prior, []
    for _ in range(years):
        fit = updated(fit, prior, [dark(np.exp(component_means(BANDS)[0] + level))], PARAMS)
        widths.append(float(np.trace(fit.covariance[0])))
    assert all(after <= before + 1e-12 for before, after in pairwise(widths))
    assert fit.years == years
    again = FamilyFit.from_document(fit.document())
    assert np.array_equal(again.mean, fit.mean)
    assert np.array_equal(again.covariance, fit.covariance)


def test_two_years_of_one_zone_agree_within_their_intervals() -> None:
    prior = prior_fit(BANDS, PARAMS)
    seen = np.exp(component_means(BANDS)[1])
    first = updated(prior, prior, [dark(seen)], PARAMS)
    second = updated(first, prior, [dark(seen * np.exp(0.08))], PARAMS)
    (a, of_a), (b, _) = first.moments(PARAMS), second.moments(PARAMS)
    assert (np.abs(a - b) < 1.96 * np.sqrt(np.diag(of_a))).all()


@pytest.mark.parametrize("first", ["coal", "yard"])
def test_years_without_dark_ground_say_nothing_of_the_coal_of_other_years(first: str) -> None:
    prior = prior_fit(BANDS, PARAMS)
    coal = dark(np.exp(component_means(BANDS)[1]))
    yard = dark(YARD, ratio=0.9)
    alone, never = updated(prior, prior, [coal], PARAMS), updated(prior, prior, [yard], PARAMS)
    assert never.years == 1
    assert not never.is_dark(PARAMS)
    fit = prior
    for one in (coal, yard, yard) if first == "coal" else (yard, yard, coal):
        fit = updated(fit, prior, [one], PARAMS)
    assert fit.document() == alone.document()
    assert fit.is_like_coal(PARAMS)


def test_other_ground_that_blur_mixes_in_is_taken_off() -> None:
    prior = prior_fit(BANDS, PARAMS)
    flat = np.exp(component_means(BANDS)[0])
    impurity = np.array([0.0, 0.0, 0.0, 0.0, 0.15, 0.15])
    seen = flat + impurity * (YARD - flat)
    one = DarkGround(reflectance=seen, impurity=impurity, ground=YARD, ratio=0.4)
    assert updated(prior, prior, [one], PARAMS).name == FAMILY[0].name


def test_a_wet_look_of_coal_is_like_it_and_plants_are_not() -> None:
    dry = component_means(BANDS)
    assert like_family(np.exp(dry), BANDS, PARAMS).all()
    assert like_family(np.exp(wetted(dry, BANDS, PARAMS)), BANDS, PARAMS).all()
    assert (wetted(dry, BANDS, PARAMS) < dry).all()
    assert not like_family(np.array([0.03, 0.05, 0.03, 0.25, 0.12, 0.06]), BANDS, PARAMS)
    assert not like_family(np.array([0.12, 0.15, 0.20, 0.30, 0.40, 0.35]), BANDS, PARAMS)


@pytest.mark.parametrize("wetness", [0.0, 0.25, 0.6])
def test_damp_coal_of_a_zone_is_like_the_family_although_no_dry_part_is(wetness: float) -> None:
    lignite = component_means(BANDS)[-1:]
    damp = np.exp(lignite + wetness * (wetted(lignite, BANDS, PARAMS) - lignite))[0]
    prior, never_wet = (prior_fit(BANDS, one) for one in (PARAMS, FamilyParams(wetness=0.0, wetness_sd=0.0)))
    fit, dry = (updated(one, one, [dark(damp)], PARAMS) for one in (prior, never_wet))
    assert fit.name == FAMILY[-1].name
    assert fit.distance < 0.4
    assert fit.distance < dry.distance or wetness == 0.0


def test_the_sun_is_high_in_june_and_low_in_december() -> None:
    june, december = 16_974.0, 17_157.0
    assert noon_sun_deg(np.array([june, december]), 39.0) == pytest.approx([74.4, 27.6], abs=0.5)


def year(distance: float | None = 0.3, ratio: float | None = 0.4, *, swir: bool = True) -> SubjectYear:
    return SubjectYear(
        distance=distance, ratio=ratio, family="flat_black", refused=None, dark_ha=1.4, rim_ha=0.5,
        may_ha=1.8, has_swir=swir,
    )  # fmt: skip


def who(*, changing: bool = False, years: tuple[SubjectYear, ...] = (year(),), swir: bool = True) -> Identity:
    return identity(
        years, changing=changing, has_swir=swir, calibrated=False, documented=False, params=PARAMS
    )


def test_every_verdict_claims_what_it_may() -> None:
    ground = Quantity.measured(1.0, sd_random=0.1)
    changed, steady = who(changing=True), who()
    assert (changed.verdict, steady.verdict) == (Verdict.COAL_CHANGING, Verdict.COAL_UNCHANGED)
    assert claimed_area(ground, changed, floor_ha=0.1) == ground
    unchanged = claimed_area(ground, steady, floor_ha=0.1)
    assert (unchanged.value, unchanged.low, unchanged.high) == (1.0, 0.0, ground.high)
    other = who(years=(year(distance=3.0),))
    assert other.verdict is Verdict.DARK_NOT_COAL
    bounds = claimed_area(ground, other, floor_ha=0.1)
    assert (bounds.value, bounds.low, bounds.high) == (None, 0.0, 1.8)
    assert bounds.reason
    for hidden in (who(swir=False), who(years=(year(ratio=0.8),))):
        assert hidden.verdict is Verdict.NOT_ASSESSABLE
        assert claimed_area(ground, hidden, floor_ha=0.1).value is None


def test_more_coal_than_was_dark_for_long_is_refused_unless_it_was_marked() -> None:
    def told(reads_ha: float, *, changing: bool = False, calibrated: bool = False) -> Verdict:
        return identity(
            (year(),), changing=changing, has_swir=True, calibrated=calibrated, documented=False,
            params=PARAMS, reads_ha=[reads_ha],
        ).verdict  # fmt: skip

    assert told(1.3) is Verdict.COAL_UNCHANGED
    assert told(1.8) is Verdict.COAL_UNCHANGED  # rims of piles are never dark for long
    assert told(2.0) is Verdict.NOT_ASSESSABLE
    assert told(2.0, changing=True) is Verdict.NOT_ASSESSABLE
    assert told(1.8, changing=True) is Verdict.COAL_CHANGING
    assert told(2.0, calibrated=True) is Verdict.COAL_UNCHANGED


COAL = np.array([0.041, 0.044, 0.048, 0.058, 0.086, 0.086])
FOREST = np.array([0.025, 0.045, 0.030, 0.320, 0.160, 0.080])


def rim(ground: Floats, level: float | None = None) -> float:
    long = float(ground[2:].mean())
    return rim_width_px(COAL, ground, long if level is None else level, BANDS, PARAMS)


def disc(radius_px: float, ground: Floats) -> tuple[float, int]:
    """Length of the edge of a disc of coal, pixels; by how many pixels its area exceeds its dark pixels."""
    fine, size = 10, 64
    at = (np.arange(size * fine) + 0.5) / fine - size / 2
    inside = (np.hypot(at[:, None], at[None]) < radius_px).astype(np.float64)
    bands = []
    for band, own in enumerate(ground):
        blur = np.sqrt(COARSE_BLUR_PX2 if band > 3 else BLUR_PX2)
        share = gaussian_filter(inside, blur * fine)[fine // 2 :: fine, fine // 2 :: fine]
        bands.append(own + share * (COAL[band] - own))
    image = np.stack(bands, axis=-1)
    dark = image[..., 2:].mean(axis=-1) < PARAMS.darkest_ratio * ground[2:].mean()
    dark &= image[..., 3] - image[..., 2] < PARAMS.greenest * (image[..., 3] + image[..., 2])
    return 2.0 * np.pi * radius_px, round(np.pi * radius_px**2 - dark.sum())


@pytest.mark.parametrize("ground", [YARD, FOREST], ids=["yard", "forest"])
def test_the_rim_of_a_disc_is_its_edge_times_the_width_of_a_straight_one(ground: Floats) -> None:
    edge, beyond = disc(9.0, ground)
    assert beyond > 0
    assert beyond == pytest.approx(edge * rim(ground), rel=0.2)


def test_rims_are_wide_beside_plants_and_where_coal_is_hardly_darker() -> None:
    assert rim(YARD) < rim(FOREST) < 3.0
    assert rim(YARD, level=0.13) > rim(YARD)
    assert rim(YARD, level=0.08) == pytest.approx(3.6, abs=0.05)  # never dark


def test_dark_ground_that_is_like_no_coal_leaves_none_of_it_out() -> None:
    other = who(years=(year(distance=3.0),))
    low = dark_area(Quantity.measured(0.1, sd_random=0.05), other)
    assert (low.value, low.low, low.high) == (None, 0.0, 1.8)
    high = Quantity.measured(1.8, sd_random=0.1)
    assert dark_area(high, other) == high
    assert dark_area(Quantity.measured(0.1, sd_random=0.05), who()).value == 0.1


def test_lignite_may_hide_in_a_yard_that_is_no_darker() -> None:
    yard = float(YARD[2:].mean())
    assert yard < brightest_coal(BANDS, PARAMS) < 2.0 * yard


def test_a_fall_back_never_means_nought() -> None:
    nothing = who(years=(year(distance=3.0, ratio=0.8),))
    assert nothing.verdict is Verdict.NO_DARK_GROUND
    assert claimed_area(Quantity.measured(0.6, sd_random=0.1), nothing, floor_ha=0.1).value is None
    small = claimed_area(Quantity.measured(0.02, sd_random=0.05), nothing, floor_ha=0.1)
    assert small.low is not None
    assert small.low <= 0.0
    assert (small.value, small.high) == (0.02, 1.8)  # lignite is no darker than such a yard


def test_dark_ground_like_coal_that_reads_as_none_is_refused_unless_it_was_marked() -> None:
    def told(*reads_ha: float, calibrated: bool = False) -> Identity:
        return identity(
            (year(),), changing=False, has_swir=True, calibrated=calibrated, documented=False,
            params=PARAMS, reads_ha=reads_ha,
        )  # fmt: skip

    assert (told(0.0, 0.05).verdict, told(0.0, 0.05).reason) == (Verdict.NOT_ASSESSABLE, READS_AS_NONE)
    wide = (replace(year(), dark_ha=2.9),)
    few, some = (
        identity(
            wide, changing=False, has_swir=True, calibrated=False, documented=False, params=PARAMS,
            reads_ha=(0.0, most_ha),
        )
        for most_ha in (0.12, 0.2)
    )  # fmt: skip
    assert (few.verdict, few.reason) == (Verdict.NOT_ASSESSABLE, READS_AS_NONE)
    assert some.verdict is Verdict.COAL_UNCHANGED
    assert told(0.0, 0.3).verdict is Verdict.COAL_UNCHANGED
    assert told(0.0, calibrated=True).verdict is Verdict.COAL_UNCHANGED
    assert told().verdict is Verdict.COAL_UNCHANGED


def test_coal_hardly_darker_than_its_zone_must_be_nearer_to_the_family_than_other_coal() -> None:
    verdicts = [
        who(years=(year(distance=distance, ratio=ratio),)).verdict
        for distance, ratio in ((0.5, 0.55), (0.7, 0.55), (0.7, 0.4))
    ]
    assert verdicts == [Verdict.COAL_UNCHANGED, Verdict.NOT_ASSESSABLE, Verdict.COAL_UNCHANGED]


def test_the_verdict_of_a_zone_stands_in_its_rows() -> None:
    area = StockpileArea(
        zone_id="yard",
        datetime=dt.datetime(2020, 5, 1, tzinfo=dt.UTC),
        area_ha=Quantity.measured(1.0, sd_random=0.1),
        dark_ha=Quantity.measured(1.0, sd_random=0.1),
        valid_fraction=1.0,
        below_floor=False,
        bands=BANDS,
        scene_ids=("s",),
    )
    told = judged_area(area, who(), fit=0.3, floor_ha=0.1)
    assert (told.verdict, told.family, told.family_fit) == ("coal_unchanged", "flat_black", 0.3)
    assert told.dark_ha == area.dark_ha
    assert not told.claimed


def test_every_verdict_has_a_sentence_in_both_languages() -> None:
    assert set(SENTENCES) == set(Verdict)
    for verdict in Verdict:
        assert sentence(verdict, "ko") != sentence(verdict, "en")
        assert any("가" <= letter <= "힣" for letter in sentence(verdict, "ko"))


@pytest.mark.parametrize("seed", range(4))
def test_only_change_beyond_the_errors_is_change(seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = np.sort(rng.uniform(0, 700, 40))
    steady = [Quantity.measured(v, sd_random=0.08) for v in rng.normal(1.0, 0.08, 40)]
    moved = [Quantity.measured(v, sd_random=0.08) for v in rng.normal(1.0 + (days > 350), 0.08)]
    params = VerdictParams()
    assert change_log_ratio(days, steady, params)[0] < params.change_log_ratio
    assert change_log_ratio(days, moved, params)[0] > params.change_log_ratio


def test_what_looks_share_by_year_is_no_change() -> None:
    rng = np.random.default_rng(5)
    days = np.arange(40) * 18.0
    late = days > 365.0
    looks = [
        Quantity.measured(v, sd_random=0.05, shared={f"spectrum:{2019 + int(second)}": 0.4})
        for v, second in zip(rng.normal(1.0 + 0.4 * late, 0.05), late, strict=True)
    ]
    params = VerdictParams()
    assert change_log_ratio(days, looks, params)[0] < params.change_log_ratio


def test_marked_coal_of_another_site_is_known_less_well() -> None:
    coal = CoalSpectrum(id="x-1", bands=BANDS, mean=(0.04,) * 6, sd=(0.003,) * 6, measured_at="x")
    own, other = (prior_fit(BANDS, PARAMS, coal, site_id=site) for site in ("x", "y"))
    assert own.names == other.names == ("calibrated",)
    assert (np.diag(other.covariance[0]) > np.diag(own.covariance[0]) + 0.02).all()


def test_a_calibration_says_what_ground_is_only_elsewhere_and_where_coal_was_seen() -> None:
    image = {"provider": "x", "id": "y", "date": "2020-05-01", "resolution_m": 0.5}
    zone = Zone(
        id="marked",
        kind=ZoneKind.COAL_REFERENCE,
        geometry=box(0, 0, 0.001, 0.001),
        extra={"image": image, "reviewers": ["a", "b"]},
    )
    yard = Zone(id="yard", kind=ZoneKind.STOCKYARD, geometry=box(0, 0, 0.002, 0.002))
    far = Zone(id="far", kind=ZoneKind.STOCKYARD, geometry=box(0.005, 0, 0.006, 0.001))
    site = Site(id="x", name="X", aoi=box(0, 0, 0.01, 0.01), zones=(zone, yard, far))
    assert is_documented(zone)
    for wrong in ({"reviewers": ["a", "a"]}, {"image": image | {"resolution_m": 3}}, {"image": None}):
        extra = {"image": image, "reviewers": ["a", "b"]} | wrong
        assert not is_documented(
            Zone(id="m", kind=ZoneKind.COAL_REFERENCE, geometry=yard.geometry, extra=extra)
        )
    coal = CoalSpectrum(
        id="x-1", bands=BANDS, mean=(0.04,) * 6, sd=(0.01,) * 6, documented=True, measured_at="x"
    )
    assert identity_documented(coal, site, "far")
    assert not identity_documented(coal, site, "yard")
