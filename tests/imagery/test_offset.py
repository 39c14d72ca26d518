from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagery.radiometry.offset import decide_offset, offset_from_ground

RAW = {"s2:processing_baseline": "05.10"}
OLD = {"s2:processing_baseline": "02.09"}
FLAG_TRUE = RAW | {"earthsearch:boa_offset_applied": True}
FLAG_FALSE = RAW | {"earthsearch:boa_offset_applied": False}


def ground(offset: int, *, kind: str = "plants", seed: int = 0) -> dict[str, NDArray[Any]]:
    """Simulated digital numbers of a clear, an overcast or a snowy crop."""
    rng = np.random.default_rng(seed)
    levels = {
        "plants": {"blue": 250, "green": 500, "red": 300, "nir": 3200},
        "cloud": {"blue": 5200, "green": 5100, "red": 5000, "nir": 5600},
        "winter soil": {"blue": 700, "green": 950, "red": 1250, "nir": 1900},
    }[kind]
    pixels = {
        band: np.clip(level * (1 + 0.25 * rng.normal(size=(80, 80))), 1, None) + offset
        for band, level in levels.items()
    }
    return {band: values.astype("uint16") for band, values in pixels.items()}


@pytest.mark.parametrize(
    ("properties", "offset", "add", "basis"),
    [
        (RAW, 1000, -1000, "both"),
        (OLD, 0, 0, "both"),
        (FLAG_TRUE, 0, 0, "both"),
        (FLAG_FALSE, 0, 0, "pixels"),
        (FLAG_FALSE, 1000, -1000, "pixels"),
        (FLAG_TRUE, 1000, -1000, "repaired"),
        (RAW, 0, 0, "repaired"),
        ({}, 1000, -1000, "pixels"),
        ({}, 0, 0, "pixels"),
    ],
)
def test_the_decision_over_plants(properties: dict[str, Any], offset: int, add: int, basis: str) -> None:
    decision = decide_offset(properties, ground(offset))
    assert (decision.add_dn, decision.basis, decision.usable) == (add, basis, True), decision.detail


def test_reprocessed_old_scenes_carry_the_offset_whatever_their_date() -> None:
    """Collection 1 of 2016: baseline 05.00 decides, the date does not."""
    properties = {"s2:processing_baseline": "05.00", "datetime": "2016-05-01T02:26:01Z"}
    assert decide_offset(properties, ground(1000)).add_dn == -1000


def test_the_offset_in_a_baseline_that_cannot_have_it_is_refused_and_both_are_named() -> None:
    decision = decide_offset(OLD, ground(1000))
    assert (decision.usable, decision.basis, decision.add_dn) == (False, "refused", 0)
    assert "baseline 02.09" in decision.detail
    assert "offset of 1000" in decision.detail


def test_cloud_leaves_it_to_the_metadata_and_where_these_are_open_it_is_refused() -> None:
    assert decide_offset(RAW, ground(1000, kind="cloud")).basis == "metadata"
    decision = decide_offset(FLAG_FALSE, ground(0, kind="cloud"))
    assert (decision.usable, decision.basis) == (False, "refused")


def test_winter_soil_without_the_offset_is_recognised() -> None:
    assert decide_offset(FLAG_FALSE, ground(0, kind="winter soil")).add_dn == 0


def test_an_offset_of_zero_in_the_metadata_of_a_new_baseline_is_left_to_the_pixels() -> None:
    assert decide_offset(FLAG_FALSE, ground(0), metadata_offset=0.0).basis == "pixels"
    assert decide_offset(RAW, ground(1000), metadata_offset=-0.1).basis == "both"


def test_water_in_the_scene_classes_proves_the_offset_without_plants() -> None:
    pixels = ground(1000, kind="winter soil")
    for band in pixels:
        pixels[band][:20, :20] = 1120
    pixels["scl"] = np.full((40, 40), 5, dtype="uint8")
    pixels["scl"][:10, :10] = 6
    decision = decide_offset(FLAG_FALSE, pixels)
    assert (decision.add_dn, decision.from_pixels) == (-1000, -1000), decision.detail


def test_nodata_is_no_dark_ground() -> None:
    pixels = ground(1000)
    for band in pixels.values():
        band[:40] = 0
    assert decide_offset(RAW, pixels).basis == "both"


def test_an_empty_crop_decides_nothing() -> None:
    pixels = {band: np.zeros((10, 10), "uint16") for band in ("blue", "green", "red", "nir")}
    assert decide_offset(FLAG_FALSE, pixels).usable is False
    assert decide_offset(FLAG_FALSE, {}).usable is False


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000), st.sampled_from([0, 1000]), st.sampled_from(["plants", "cloud", "winter soil"])
)
def test_pixels_never_say_the_opposite(seed: int, offset: int, kind: str) -> None:
    seen = decide_offset({}, ground(offset, kind=kind, seed=seed)).from_pixels
    assert seen in {None, -offset}


@pytest.mark.nrt
def test_the_romania_dates_are_never_taken_for_raw(romania_folder: Path) -> None:
    """Real numbers without the offset, five years in all weathers; and the same with 1000 added."""
    import xarray as xr

    with xr.open_dataset(romania_folder / "sentinel2_cube_subset_romania_10m.nc", engine="h5netcdf") as cube:
        bands = {"blue": "B2", "green": "B3", "red": "B4", "nir": "B8"}
        counts = {0: {0: 0, -1000: 0, None: 0}, 1000: {0: 0, -1000: 0, None: 0}}
        for index in range(0, cube.sizes["time"], 3):
            date = cube.isel(time=index)
            numbers = {
                meaning: np.nan_to_num(date[name].to_numpy()).astype("int64")
                for meaning, name in bands.items()
            }
            for offset, count in counts.items():
                shifted = {band: np.where(dn > 0, dn + offset, 0) for band, dn in numbers.items()}
                count[decide_offset({}, shifted).from_pixels] += 1
    assert counts[0][-1000] == 0, counts
    assert counts[1000][0] == 0, counts
    assert counts[0][0] >= 25, counts


SOIL = {"blue": 0.07, "red": 0.13, "nir": 0.19, "swir16": 0.24}
"""Brown winter ground."""


def departed(
    add: float, *, level: float = 1.0, haze: float = 0.0, bands: tuple[str, ...] = tuple(SOIL)
) -> Any:
    """Reflectance of 300 cells with nothing added, and what other seasons make of them."""
    rng = np.random.default_rng(3)
    shape = {"blue": 1.0, "red": 0.6, "nir": 0.4, "swir16": 0.15}
    expected = {band: SOIL[band] * rng.uniform(0.7, 1.3, 300) for band in bands}
    noise = {band: 0.01 * rng.normal(size=300) for band in bands}
    seen = {band: level * expected[band] + haze * shape[band] + add + noise[band] for band in bands}
    return seen, expected


@pytest.mark.parametrize("add", [0.1, 0.0])
@pytest.mark.parametrize("level", [0.8, 1.0, 1.35])
@pytest.mark.parametrize("haze", [0.0, 0.04])
@pytest.mark.parametrize("bands", [tuple(SOIL), ("blue", "red", "nir")])
def test_ground_of_other_seasons_decides_where_numbers_prove_nothing(
    add: float, level: float, haze: float, bands: tuple[str, ...]
) -> None:
    """The offset is flat, moisture grows with brightness, haze falls with wavelength."""
    seen, expected = departed(add, level=level, haze=haze, bands=bands)
    found, words = offset_from_ground(seen, expected, snow_share=0.0)
    assert found in {None, -1000 if add else 0}, words
    if haze == 0.0 and len(bands) > 3:
        assert found == (-1000 if add else 0), words


@settings(max_examples=60, deadline=None)
@given(st.floats(0.7, 1.5), st.floats(0.0, 0.05), st.sampled_from([0.0, 0.1]))
def test_ground_never_says_the_opposite(level: float, haze: float, add: float) -> None:
    seen, expected = departed(add, level=level, haze=haze)
    assert offset_from_ground(seen, expected, snow_share=0.0)[0] in {None, -1000 if add else 0}


def test_few_cells_and_cloud_leave_it_open() -> None:
    seen, expected = departed(0.1)
    few = {band: values[:10] for band, values in seen.items()}
    assert offset_from_ground(few, {b: v[:10] for b, v in expected.items()}, snow_share=0.0)[0] is None
    cloud = {band: values + 0.3 for band, values in seen.items()}
    assert offset_from_ground(cloud, expected, snow_share=0.0)[0] is None


@pytest.mark.parametrize(("offset", "found"), [(1000, -1000), (0, None)])
def test_snow_is_dark_in_the_short_wave_infrared(offset: int, found: int | None) -> None:
    rng = np.random.default_rng(5)
    pixels = {band: np.full((80, 80), 7000 + offset, "uint16") for band in ("blue", "green", "red", "nir")}
    for band, level in (("swir16", 900), ("swir22", 600)):
        pixels[band] = (
            np.clip(level * (1 + 0.3 * rng.normal(size=(40, 40))), 1, None).astype("uint16") + offset
        )
    pixels["scl"] = np.full((40, 40), 11, "uint8")
    assert decide_offset(FLAG_TRUE, pixels).from_pixels == found
