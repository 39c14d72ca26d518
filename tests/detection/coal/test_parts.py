"""Parts of the coal fraction against slower or plainer ways to the same answer."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from shapely.geometry import box

from aoi.records import Site
from detection.answers.activity import activity
from detection.coal.blocks import lit_looks
from detection.coal.calibration import PROPERTY, spectrum_document, spectrum_of
from detection.coal.family import rank_spectrum
from detection.coal.mixture import cholesky, whitened
from detection.coal.records import StockpileArea
from detection.coal.series import smoothed_series
from detection.coal.smoothing import Lattice
from detection.coal.spectra import CoalSpectrum, like_coal
from evidence.errors import MeasurementError
from evidence.quantity import Quantity

BANDS = ("blue", "green", "red", "nir", "swir16")


def test_gaussian_sums_are_those_over_all_pairs() -> None:
    rng = np.random.default_rng(1)
    lattice = Lattice(rows=9, columns=13)
    of = rng.choice(9 * 13, 40, replace=False)
    at = rng.choice(9 * 13, 30, replace=False)
    values = rng.normal(size=(3, 40))
    rows, columns = at[:, None] // 13 - of // 13, at[:, None] % 13 - of % 13
    weight = np.exp(-(rows**2 + columns**2) / (2 * 2.5**2))
    assert lattice.sums(values, of, at, 2.5) == pytest.approx(values @ weight.T)
    weight[at[:, None] == of] = 0.0
    assert lattice.others(values, of, at, 2.5) == pytest.approx(values @ weight.T)


def test_batched_factors_are_those_of_each_matrix() -> None:
    rng = np.random.default_rng(2)
    root = rng.normal(size=(7, 5, 5))
    matrices = root @ root.transpose(0, 2, 1) + np.eye(5)
    lower = cholesky(matrices.transpose(1, 2, 0))
    assert lower.transpose(2, 0, 1) == pytest.approx(np.linalg.cholesky(matrices))
    vectors = rng.normal(size=(5, 7))
    expected = np.linalg.solve(np.linalg.cholesky(matrices), vectors.T[..., None])[..., 0].T
    assert whitened(lower, vectors) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("spectrum", "expected"),
    [
        ((0.042, 0.046, 0.052, 0.069, 0.130), True),
        ((0.038, 0.040, 0.043, 0.056, 0.075), True),
        ((0.087, 0.109, 0.134, 0.207, 0.315), False),
        ((0.026, 0.028, 0.024, 0.024, 0.022), False),
    ],
    ids=["dusty coal", "clean coal", "soil of a fresh clearing", "water"],
)
def test_only_what_can_be_coal_teaches_what_coal_looks_like(
    spectrum: tuple[float, ...], *, expected: bool
) -> None:
    assert bool(like_coal(np.array([spectrum]), *rank_spectrum("dusty", BANDS).select(BANDS))[0]) is expected


def _ground() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    rng = np.random.default_rng(3)
    ground = np.array([0.03, 0.05, 0.04, 0.30, 0.20])
    return np.asarray(ground * (1.0 + 0.05 * rng.normal(size=(12, 60, 60, 1))))


def test_a_missed_shadow_and_a_missed_cloud_are_no_looks_but_a_new_pile_is() -> None:
    pixels = _ground()
    pixels[4, :, :30] *= 0.2
    pixels[5, :, :30] = 0.5 * pixels[5, :, :30] + 0.3
    pixels[6:, 40:55, 40:55] = (0.042, 0.046, 0.052, 0.069, 0.130)
    days = np.arange(12) * 10.0
    good = lit_looks(pixels, np.ones(pixels.shape[:3], bool), days, visible=[0, 1, 2], infrared=[3, 4])
    assert not good[4, :, :20].any()
    assert not good[5, :, :20].any()
    assert good[:4].all()
    assert good[6:].all()


def test_a_site_file_keeps_its_spectrum_and_refuses_nonsense() -> None:
    coal = CoalSpectrum(id="x-1", bands=BANDS, mean=(0.04,) * 5, sd=(0.01,) * 5, calibrated=True)
    place = box(0, 0, 0.01, 0.01)
    site = Site(id="x", name="X", aoi=place, extra={PROPERTY: spectrum_document(coal)})
    assert spectrum_of(site) == coal
    assert spectrum_of(Site(id="x", name="X", aoi=place)) is None
    for wrong in ("text", {"id": "x"}, spectrum_document(coal) | {"mean": [2.0] * 5}):
        with pytest.raises(MeasurementError, match="coal_spectrum"):
            spectrum_of(Site(id="x", name="X", aoi=place, extra={PROPERTY: wrong}))


def test_a_smoothed_series_says_no_negative_hectares() -> None:
    """Areas themselves may: means over looks stay unbiased."""
    bare = [
        StockpileArea(
            zone_id="yard",
            datetime=dt.datetime(2018, 7, 1, tzinfo=dt.UTC) + dt.timedelta(days=8 * k),
            area_ha=Quantity.measured(value, sd_random=0.02),
            valid_fraction=1.0,
            below_floor=True,
            bands=BANDS,
            scene_ids=("s",),
        )
        for k, value in enumerate([-0.01, -0.01, -0.02, 0.0])
    ]
    points = [point.value for point in smoothed_series(bare)]
    assert {(point.value, point.low) for point in points} == {(0.0, 0.0)}
    assert all(point.high is not None and 0.0 < point.high < 0.05 for point in points)


def test_activity_counts_a_pile_that_went_away_once() -> None:
    rng = np.random.default_rng(4)
    areas = [
        StockpileArea(
            zone_id="yard",
            datetime=dt.datetime(2018, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=8 * i),
            area_ha=Quantity.measured(2.0 * (i < 20) + rng.normal(0, 0.05), sd_random=0.05),
            valid_fraction=1.0,
            below_floor=False,
            bands=BANDS,
            scene_ids=("s",),
        )
        for i in range(40)
    ]
    found = activity(areas, ("yard",), (dt.date(2018, 1, 1), dt.date(2019, 1, 1)))
    assert found.looks == 40
    assert found.turnover_ha.value == pytest.approx(2.0, abs=0.3)
    assert found.pile_days.value == pytest.approx(156.0, abs=10.0)
    assert found.share_with_coal.value == pytest.approx(0.5, abs=0.05)
    few = activity(areas, ("yard",), (dt.date(2018, 1, 1), dt.date(2018, 1, 20)))
    assert few.turnover_ha.value is None
