from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from imagery.cube.scenes import sun_position
from imagery.masks.cells import cell_means
from imagery.masks.scene_masks import mask_scene
from imagery.masks.season import USUAL_BANDS, Usual, season_look

SUN = (40.0, 150.0)


def scene(level: float = 1.0) -> dict[str, NDArray[np.float32]]:
    noise = np.random.default_rng(0).normal(0, 0.004, (120, 120))
    levels = {"blue": 0.05, "green": 0.07, "red": 0.09, "nir": 0.25}
    return {band: ((value + noise) * level).astype(np.float32) for band, value in levels.items()}


def usual() -> Usual:
    bands = {band: values for band, values in scene().items() if band != "green"}
    return Usual(
        basis={band: cell_means(values, 2)[None] for band, values in bands.items()}, weights=np.ones(1)
    )


def test_the_shadow_of_a_cloud_is_found_and_dark_ground_elsewhere_is_kept() -> None:
    bands, classes = scene(), np.full((120, 120), 5, np.uint8)
    classes[50:70, 50:70] = 9
    for band in bands.values():
        band[50:70, 50:70] = 0.5
        band[20:40, 40:60] *= 0.4  # 300 m up-sun of nothing: too far to the north-west for this sun
    for band in bands.values():
        band[10:16, 100:116] = 0.05  # coal where no cloud can reach
    classes[10:16, 100:116] = 3
    mask = mask_scene(bands, classes, (40.0, 150.0), 10.0, usual=usual())
    assert mask.cloud[52:68, 52:68].all()
    assert mask.shadow[22:36, 44:56].mean() > 0.9
    assert mask.valid[10:16, 100:116].all()


def test_a_scene_that_lies_in_shadow_as_a_whole_is_hidden_and_one_that_is_only_dimmer_is_not() -> None:
    classes = np.full((120, 120), 5, np.uint8)
    assert not mask_scene(scene(0.4), classes, SUN, 10.0, usual=usual()).valid.any()
    assert mask_scene(scene(0.9), classes, SUN, 10.0, usual=usual()).valid.all()


def test_new_coal_is_kept_although_it_is_as_dark_as_a_shadow() -> None:
    bands, classes = scene(), np.full((120, 120), 3, np.uint8)
    coal = {"blue": 0.04, "green": 0.045, "red": 0.05, "nir": 0.06}
    for name, band in bands.items():
        band[40:62, 40:62] = coal[name]
    assert mask_scene(bands, classes, SUN, 10.0, usual=usual()).valid[40:62, 40:62].mean() > 0.95


def test_cleared_and_burnt_ground_is_no_shadow() -> None:
    bands, classes = scene(), np.full((120, 120), 4, np.uint8)
    bands["nir"][20:80, 20:80] *= 0.5
    bands["red"][20:80, 20:80] *= 1.2
    assert mask_scene(bands, classes, SUN, 10.0, usual=usual()).valid.all()


def test_a_cloud_probability_that_a_product_brings_is_used() -> None:
    classes, probability = np.full((120, 120), 4, np.uint8), np.zeros((120, 120), np.float32)
    probability[:30] = 0.8
    mask = mask_scene(scene(), classes, SUN, 10.0, probability=probability)
    assert mask.cloud[:30].all()
    assert mask.valid[40:].all()


def test_haze_that_the_classes_miss_is_told_by_time() -> None:
    bands, classes = scene(), np.full((120, 120), 4, np.uint8)
    for name, band in bands.items():
        band[:60] += 0.12 if name != "nir" else 0.08
    mask = mask_scene(bands, classes, SUN, 10.0, usual=usual())
    assert mask.cloud[:55].mean() > 0.95
    assert mask.valid[70:].all()


def season(side: int) -> tuple[list[dict[str, NDArray[np.float32]]], list[NDArray[np.bool_]]]:
    """Seven members on cells and where they are clear; the third lies in shadow as a whole."""
    rng = np.random.default_rng(3)
    light = [1.0, 0.95, 0.4, 1.1, 1.0, 0.9, 1.05]
    members = [
        {band: (rng.uniform(0.1, 0.3, (side, side)) * level).astype(np.float32) for band in USUAL_BANDS}
        for level in light
    ]
    return members, [rng.random((side, side)) < 0.9 for _ in members]


def test_a_seasons_look_is_the_median_of_what_is_clear_and_lit() -> None:
    members, clear = season(24)
    look = season_look([170] * 7, members, clear, dark_member=0.8)
    assert look is not None
    assert look.scenes == 6
    departures = []
    for band in USUAL_BANDS:
        seen = np.array([np.where(c, m[band], np.nan) for m, c in zip(members, clear, strict=True)])
        seen = np.delete(seen, 2, axis=0)
        np.testing.assert_allclose(look.bands[band], np.nanmedian(seen, axis=0), rtol=1e-6)
        ratio = seen / np.nanmedian(seen, axis=0)
        departures.append(np.abs(ratio / np.nanmedian(ratio, axis=(1, 2), keepdims=True) - 1.0))
    both = (departures[1] + departures[2]) / 2.0
    np.testing.assert_allclose(look.unsteady, np.nanmedian(both, axis=0), atol=1e-5)


def test_a_seasons_look_takes_the_room_of_a_few_bands() -> None:
    members, clear = season(200)
    season_look([170] * 7, members, clear, dark_member=0.8)  # compiles the median
    tracemalloc.start()
    season_look([170] * 7, members, clear, dark_member=0.8)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * sum(member["red"].nbytes for member in members)


def winter() -> tuple[dict[str, NDArray[np.float32]], Usual]:
    """A scene with a short-wave band, and its past."""
    bands = {**scene(), "swir16": scene()["nir"] * np.float32(0.8)}
    past = {band: cell_means(values, 2)[None] for band, values in bands.items() if band != "green"}
    return bands, Usual(basis=past, weights=np.ones(1))


def test_melting_snow_that_the_classes_call_cloud_is_snow_and_cloud_beside_it_is_cloud() -> None:
    bands, past = winter()
    classes = np.full((120, 120), 4, np.uint8)
    share = {"snow": (slice(0, 20), 1.0, 11), "melt": (slice(20, 60), 0.5, 9)}
    snow = {"blue": 0.8, "green": 0.8, "red": 0.78, "nir": 0.7, "swir16": 0.08}
    for rows, cover, code in share.values():
        classes[rows] = code
        for name, band in bands.items():
            band[rows] += np.float32(cover) * (snow[name] - band[rows])
    classes[90:] = 9
    for band in bands.values():
        band[90:] = 0.45
    mask = mask_scene(bands, classes, SUN, 10.0, usual=past)
    assert mask.valid[:56].mean() > 0.95
    assert mask.snow[:56].mean() > 0.95
    assert mask.cloud[92:].all()
    assert not mask.snow[92:].any()


def test_coal_whose_short_wave_is_lit_stays_where_shadow_is_found_around_it() -> None:
    bands, _ = winter()
    coal = {"blue": 0.02, "green": 0.02, "red": 0.025, "nir": 0.05, "swir16": 0.08}
    seen = {
        "blue": 0.004,
        "green": 0.01,
        "red": 0.01,
        "nir": 0.03,
        "swir16": 0.076,
    }  # haze taken out too well
    for name, band in bands.items():
        band[40:70, 40:70] = coal[name]
    past = {band: cell_means(values, 2)[None] for band, values in bands.items() if band != "green"}
    for name, band in bands.items():
        band[20:100, 20:100] *= np.float32(0.7)
        band[40:70, 40:70] = seen[name]
    usual_ = Usual(basis=past, weights=np.ones(1))
    mask = mask_scene(bands, np.full((120, 120), 4, np.uint8), SUN, 10.0, usual=usual_)
    assert mask.shadow[24:36, 24:96].mean() > 0.9
    assert mask.valid[42:68, 42:68].mean() > 0.9


def test_the_sun_over_the_cluster_stands_where_the_almanac_says() -> None:
    import datetime as dt

    winter = sun_position(dt.datetime(2022, 12, 21, 2, 36, tzinfo=dt.UTC), 126.08, 39.56)
    summer = sun_position(dt.datetime(2022, 6, 21, 2, 36, tzinfo=dt.UTC), 126.08, 39.56)
    assert winter == pytest.approx((25.6, 165.0), abs=1.5)
    assert summer[0] == pytest.approx(69.0, abs=1.5)


@pytest.mark.shared
def test_the_coal_faces_of_korba_stay_valid(shared_data: Path) -> None:
    bands = {}
    for code, name in {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B11": "swir16"}.items():
        with rasterio.open(shared_data / "korba" / f"s2_l2a_2023-01-10_{code}.tif") as source:
            bands[name] = source.read(1).astype(np.float32) / 65535
    dark = (bands["red"] < 0.08) & (bands["nir"] < 0.12) & (bands["swir16"] > 0.03)
    coal = dark & ((bands["nir"] - bands["red"]) < 0.2 * (bands["nir"] + bands["red"]))
    mask = mask_scene(bands, None, (42.0, 155.0), 3.0)
    assert coal.sum() > 1000
    assert mask.valid[coal].mean() > 0.99
    assert mask.water[coal].mean() < 0.05
