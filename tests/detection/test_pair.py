from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from scipy.ndimage import gaussian_filter

from campwatch.cli.pair import score_files
from detection.pairs.score import PairParams, null_threshold, score_pair
from evidence.errors import MeasurementError, SourceError


def scene(seed: int, *, changed: bool, shift: int = 0, gain: float = 1.0) -> dict[str, np.ndarray]:
    """A textured scene; the later date may hold a bright patch, a shift and a haze."""
    rng = np.random.default_rng(seed)
    ground = gaussian_filter(np.random.default_rng(7).normal(size=(90, 90)), 1.5) * 0.1 + 0.1
    if changed:
        ground = ground.copy()
        ground[40:50, 40:50] += 0.08
    ground = np.roll(ground, shift, axis=1)
    factors = {"blue": 0.8, "green": 1.0, "red": 1.2, "nir": 2.5}
    return {
        b: gain * (f * ground + rng.normal(0, 0.002, ground.shape)) + 0.01 * (gain != 1)
        for b, f in factors.items()
    }


def test_a_new_patch_scores_highest() -> None:
    result = score_pair(scene(1, changed=False), scene(2, changed=True))
    patch = result.score[42:48, 42:48]
    assert patch.min() > np.quantile(result.score, 0.97)
    assert result.changed[42:48, 42:48].all()
    assert result.bands == ("blue", "green", "red")


def test_a_shift_of_one_pixel_is_no_change() -> None:
    score = score_pair(scene(1, changed=False), scene(2, changed=True, shift=1)).score
    assert np.unravel_index(np.argmax(score), score.shape)[0] in range(38, 52)


@settings(max_examples=10, deadline=None)
@given(gain=st.floats(0.7, 1.4))
def test_gain_and_haze_hardly_move_the_ranking(gain: float) -> None:
    result = score_pair(scene(1, changed=False), scene(2, changed=True, gain=gain))
    assert result.score[42:48, 42:48].mean() > np.quantile(result.score, 0.97)


def test_haze_over_part_of_the_scene_is_no_change() -> None:
    after = scene(2, changed=True)
    veil = 0.06 / (1 + np.exp(-(np.arange(90) - 60) / 12))[None, :]
    hazy = {band: values + veil for band, values in after.items()}
    params = PairParams(level_px=15.0)
    found = score_pair(scene(1, changed=False), hazy, params=params).score
    assert found[42:48, 42:48].mean() > 2 * found[:35, 60:].mean()
    assert found[42:48, 42:48].mean() > np.quantile(found, 0.97)


def test_water_that_turns_brown_is_no_change_without_infrared() -> None:
    """A river holds sediment on the later date; nothing but its colour tells that it is water."""
    before, after = scene(1, changed=False), scene(2, changed=True)
    river = np.s_[:, 60:75]
    for band, clear, turbid in (("blue", 0.05, 0.06), ("green", 0.04, 0.09), ("red", 0.02, 0.11)):
        noise = np.random.default_rng(5).normal(0, 0.002, (2, 90, 15))
        before[band][river], after[band][river] = clear + noise[0], turbid + noise[1]
    seen = [{band: date[band] for band in ("blue", "green", "red")} for date in (before, after)]
    found, plain = (score_pair(*seen, params=PairParams(degree=degree)).score for degree in (2, 0))
    assert found[42:48, 42:48].mean() > 2 * found[:, 62:73].mean()
    assert found[:, 62:73].mean() < 0.5 * plain[:, 62:73].mean()


def test_alarms_keep_to_the_stated_rate() -> None:
    rng = np.random.default_rng(3)
    scores = np.exp(rng.normal(0, 0.4, 200_000))
    assert (scores > null_threshold(scores, PairParams(false_alarm_rate=0.01))).mean() < 0.011


def test_ground_not_seen_has_no_score() -> None:
    after = scene(2, changed=True)
    after["red"][10, 10] = np.nan
    assert np.isnan(score_pair(scene(1, changed=False), after).score[10, 10])


@pytest.mark.parametrize(
    "bad", [{"nir": np.ones((9, 9))}, {"red": np.full((9, 9), np.nan)}, {"red": np.ones((8, 9))}]
)
def test_what_cannot_be_compared_is_refused(bad: dict[str, np.ndarray]) -> None:
    with pytest.raises(MeasurementError):
        score_pair({"red": np.ones((9, 9))}, bad)


def write(folder: Path, bands: dict[str, np.ndarray], *, pixel: float = 10.0) -> Path:
    folder.mkdir()
    for band, pixels in bands.items():
        with rasterio.open(
            folder / f"{band}.tif", "w", driver="GTiff", width=90, height=90, count=1, dtype="uint16",
            crs="EPSG:32652", transform=from_origin(300000, 4390000, pixel, pixel), nodata=0,
        ) as target:  # fmt: skip
            target.write(np.clip(pixels * 1e4, 1, 65535).astype(np.uint16), 1)
    return folder


def test_two_folders_give_a_geotiff(tmp_path: Path) -> None:
    before = write(tmp_path / "before", scene(1, changed=False))
    after = write(tmp_path / "after", scene(2, changed=True))
    result = score_files(before, after, tmp_path / "score.tif")
    with rasterio.open(tmp_path / "score.tif") as source:
        assert source.crs.to_epsg() == 32652
        np.testing.assert_array_equal(source.read(1), result.score)
        assert float(source.tags()["threshold"]) == pytest.approx(result.threshold, abs=1e-3)


def test_a_folder_without_bands_is_a_known_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no single-band files"):
        score_files(tmp_path, tmp_path, tmp_path / "score.tif")


def test_widths_are_those_of_the_ground(tmp_path: Path) -> None:
    dates = scene(1, changed=False), scene(2, changed=True)
    sides = [write(tmp_path / str(k), date, pixel=20.0) for k, date in enumerate(dates)]
    found = score_files(*sides, tmp_path / "score.tif").score
    narrow, wide = (score_pair(*dates, params=PairParams().at(side)).score for side in (20.0, 10.0))
    alike = [np.corrcoef(found.ravel(), other.ravel())[0, 1] for other in (narrow, wide)]
    assert alike[0] > 0.99 > alike[1]


@pytest.mark.shared
@pytest.mark.parametrize(("city", "best"), [("aguasclaras", 0.12), ("rennes", 0.46), ("bordeaux", 0.053)])
def test_real_pairs_beat_the_references(shared_data: Path, tmp_path: Path, city: str, best: float) -> None:
    images = shared_data / "oscd" / city / "images"
    score = score_files(images / "imgs_1", images / "imgs_2", tmp_path / "score.tif").score.ravel()
    tif = (images.parent / "labels" / "cm" / f"{city}-cm.tif").read_bytes()
    with warnings.catch_warnings(), MemoryFile(tif) as file:
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        label = (file.open().read(1) == 2).ravel()
    ordered = label[np.argsort(-score, kind="stable")]
    precision = np.cumsum(ordered) / np.arange(1, ordered.size + 1)
    assert (precision * ordered).sum() / ordered.sum() > 1.2 * best
