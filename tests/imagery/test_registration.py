from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from imagery.registration.blocks import (
    Chips,
    RegistrationParams,
    block_windows,
    chips,
    composite,
    estimate_shift,
    inner_support,
)

PARAMS = RegistrationParams()
CLOUD = (0, 1, 8, 9, 10)


def texture(seed: int, size: int = 128) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(size=(size, size))
    return ndimage.gaussian_filter(noise, 1.2).astype(np.float32)


def cut(bands: list[NDArray[np.float32]], usable: NDArray[np.bool_]) -> Chips:
    return chips(bands, usable, block_windows(usable.shape, PARAMS))


@settings(max_examples=25, deadline=None)
@given(dx=st.floats(-3, 3), dy=st.floats(-3, 3), gain=st.floats(0.4, 2.0), seed=st.integers(0, 3))
def test_a_known_shift_is_found_whatever_gain_and_offset(
    dx: float, dy: float, gain: float, seed: int
) -> None:
    base = texture(seed)
    moved = gain * ndimage.shift(base, (dy, dx), order=3, mode="nearest") + 0.3
    usable = np.ones(base.shape, bool)
    usable[:6] = usable[-6:] = usable[:, :6] = usable[:, -6:] = False
    found = estimate_shift(cut([moved], usable), cut([base], np.ones(base.shape, bool)), PARAMS)
    assert found.accepted
    assert found.dx_px == pytest.approx(dx, abs=0.05)
    assert found.dy_px == pytest.approx(dy, abs=0.05)


def test_pictures_of_different_ground_are_refused() -> None:
    usable = np.ones((128, 128), bool)
    refused = [
        not estimate_shift(cut([texture(k)], usable), cut([texture(k + 50)], usable), PARAMS).accepted
        for k in range(20)
    ]
    assert all(refused)


@pytest.mark.parametrize(
    ("shape", "blocks"),
    [((40, 40), 1), ((60, 71), 1), ((72, 72), 4), ((88, 95), 4), ((60, 300), 3), ((300, 400), 6)],
)
def test_blocks_leave_little_of_a_small_site_out(shape: tuple[int, int], blocks: int) -> None:
    windows = block_windows(shape, PARAMS)
    covered = np.zeros(shape, int)
    for window in windows:
        covered[window] += 1
    assert len(windows) == blocks
    rows, columns = np.nonzero(covered)
    assert abs(rows.min() - (shape[0] - 1 - rows.max())) <= 1
    assert abs(columns.min() - (shape[1] - 1 - columns.max())) <= 1
    assert (covered > 0).mean() > (0.8 if max(shape) < 2 * PARAMS.block_px else 0.5)


def test_nothing_to_see_is_refused() -> None:
    base = cut([texture(1)], np.ones((128, 128), bool))
    hidden = cut([texture(1)], np.zeros((128, 128), bool))
    assert "clear pixels" in estimate_shift(hidden, base, PARAMS).reason


def bolzano(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.datetime64]]:
    images, clouds, times = [], [], []
    for item in sorted((folder / "bolzano-stac" / "sentinel-2-l2a").glob("S2*")):
        bands = []
        for band in ("B03", "B04", "B08"):
            with rasterio.open(item / f"{band}.tif") as source:
                bands.append(source.read(1).astype(np.float32) / 1e4)
        with rasterio.open(item / "SCL.tif") as source:
            clouds.append(np.isin(source.read(1), CLOUD))
        images.append(bands)
        day = item.name.split("_")[2]
        times.append(np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}"))
    return np.array(images), np.array(clouds), np.array(times)


def romania(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.datetime64]]:
    path = folder / "sentinel2_cube_subset_romania_10m.nc"
    with xr.open_dataset(path, engine="h5netcdf") as cube:
        images = np.stack([cube[band].values for band in ("B3", "B4", "B8")], axis=1)
        classes = np.nan_to_num(cube["SCL"].values).astype(int)
        return (images / 1e4).astype(np.float32), np.isin(classes, CLOUD), cube["time"].values


def known_shifts(
    images: NDArray[np.float32], cloud: NDArray[np.bool_], times: NDArray[np.datetime64], seed: int
) -> tuple[NDArray[np.float64], int, list[float]]:
    """Errors (n, 2) on clear dates, refused clear dates, and sizes of the shifts accepted on cloudy ones."""
    generator = np.random.default_rng(seed)
    shape = images.shape[-2:]
    windows = block_windows(shape, PARAMS)
    support = inner_support(shape, windows, PARAMS)
    usable = np.array([~ndimage.binary_dilation(c, iterations=3) if c.any() else ~c for c in cloud])
    cuts = [chips(list(image), seen, windows) for image, seen in zip(images, usable, strict=True)]
    clear = [k for k in range(len(times)) if cloud[k].mean() < 0.05 and np.median(images[k, 1]) < 0.12]
    year = (times - times.astype("datetime64[Y]")).astype("timedelta64[D]").astype(int)
    errors, refused, wild = [], 0, []
    for k in range(len(times)):
        apart = np.abs((year - year[k] + 182) % 365 - 182)
        others = sorted((j for j in clear if j != k), key=lambda j: apart[j])[:9]
        reference = composite([cuts[j] for j in others], support=support)
        before = estimate_shift(cuts[k], reference, PARAMS)
        if k not in clear:
            wild += [float(np.hypot(before.dx_px, before.dy_px))] if before.accepted else []
            continue
        if not before.accepted:
            refused += 1
            continue
        dx, dy = generator.uniform(-2, 2, 2)
        moved = [ndimage.shift(band, (dy, dx), order=3, mode="nearest") for band in images[k]]
        hidden = ndimage.shift(cloud[k].astype(np.float32), (dy, dx), order=1, cval=1.0) > 0.01
        after = estimate_shift(
            chips(moved, ~ndimage.binary_dilation(hidden, iterations=3), windows), reference, PARAMS
        )
        if after.accepted:
            errors.append((after.dx_px - before.dx_px - dx, after.dy_px - before.dy_px - dy))
    return np.array(errors), refused, wild


@pytest.mark.shared
def test_known_shifts_in_bolzano_are_found_against_other_dates(shared_data: Path) -> None:
    errors, refused, wild = known_shifts(*bolzano(shared_data), seed=11)
    assert len(errors) == 7
    assert refused == 0
    assert np.sqrt((errors**2).mean(axis=0)).max() < 0.1
    assert max(wild) < 1.5


@pytest.mark.nrt
def test_known_shifts_in_romania_are_found_against_other_dates(romania_folder: Path) -> None:
    errors, refused, wild = known_shifts(*romania(romania_folder), seed=11)
    assert len(errors) >= 75
    assert refused <= 0.01 * 77
    assert np.sqrt((errors**2).mean(axis=0)).max() < 0.1
    assert max(wild) < 2.0, sorted(wild)[-3:]
