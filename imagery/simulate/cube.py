"""The fast path: a simulated site as the cube that `load_cube` would give, without files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.xr import xr_coords

from evidence.arrays import Bools, Floats, Floats32
from imagery.bands import NATIVE_RESOLUTION_M
from imagery.simulate.params import MaskHabit
from imagery.simulate.passes import RELATIVE_ORBIT, Pass
from imagery.simulate.scene import CLOUD_CLASSES, SceneImage, Scl, cloud_and_shadow, scene_image, usual_mask
from imagery.simulate.terrain import resized
from imagery.simulate.truth import SkyTruth
from imagery.simulate.world import World

DARK_CLASSES = (Scl.DARK, Scl.SHADOW, Scl.WATER, Scl.UNCLASSIFIED)
OFTEN = 0.35
"""A place that clear scenes of the year put into a class this often is of that kind."""
UNUSABLE_BELOW = 0.02
"""A scene with a smaller share of valid ground is `unusable`."""
TRUE_CLOUD, TRUE_CIRRUS, TRUE_SHADOW, TRUE_SNOW = 0.15, 0.06, 0.25, 0.5


@dataclass(slots=True, kw_only=True)
class _Stack:
    """Arrays of a cube as they fill up; (time, y, x) at 10 m, classes at 20 m."""

    bands: dict[str, Floats32]
    scl: NDArray[np.uint8]
    cloud: Bools
    shadow: Bools
    snow: Bools


def build_cube(
    world: World, passes: Sequence[Pass], *, progress: Callable[[int, int], None] | None = None
) -> tuple[xr.Dataset, SkyTruth]:
    """Render all scenes that exist and put the cube together."""
    seen = [one for one in passes if not one.missing]
    stack = _empty(world, len(seen))
    for k, one in enumerate(seen):
        image = scene_image(world, one, shift_m=_left_over(one))
        _store(stack, k, image)
        if progress is not None:
            progress(k + 1, len(seen))
    truth = SkyTruth(cloud=stack.cloud, shadow=stack.shadow, snow=stack.snow)
    return _dataset(world, seen, stack), truth


def _left_over(one: Pass) -> tuple[float, float]:
    """Displacement left after the estimated shift was taken out."""
    return -one.estimate_error_m[0], -one.estimate_error_m[1]


def _empty(world: World, count: int) -> _Stack:
    size = world.frame.size_px
    full, half = (count, size, size), (count, size // 2, size // 2)
    return _Stack(
        bands={band: np.empty(full, np.float32) for band in world.params.sensor.bands},
        scl=np.empty(half, np.uint8),
        cloud=np.empty(full, bool),
        shadow=np.empty(full, bool),
        snow=np.empty(full, bool),
    )


def _store(stack: _Stack, k: int, image: SceneImage) -> None:
    for band, plane in image.reflectance.items():
        stack.bands[band][k] = to_10m(plane) if NATIVE_RESOLUTION_M[band] != 10 else plane  # noqa: PLR2004
    stack.scl[k] = image.scl
    stack.cloud[k] = (image.sky.cloud > TRUE_CLOUD) | (image.sky.cirrus > TRUE_CIRRUS)
    stack.shadow[k] = image.sky.shadow > TRUE_SHADOW
    stack.snow[k] = image.snow > TRUE_SNOW


def to_10m(plane: Floats32) -> Floats32:
    """A 20 m plane on the 10 m grid, linearly between pixel centres."""
    return resized(plane, (2 * plane.shape[0], 2 * plane.shape[1]), step=2)


def doubled(classes: NDArray[np.generic]) -> NDArray[np.generic]:
    """A 20 m plane on the 10 m grid, each pixel as four: (…, y, x)."""
    return np.repeat(np.repeat(classes, 2, axis=-2), 2, axis=-1)


def estimated_masks(world: World, passes: Sequence[Pass], stack: _Stack) -> dict[str, Bools]:
    """`valid cloud shadow snow water` as a reader without the truth takes them: (time, y, x)."""
    scl, habit = stack.scl, world.params.mask
    snow, water = np.isin(scl, [Scl.SNOW]), scl == Scl.WATER
    if habit is MaskHabit.TRUTH:
        valid = ~(stack.cloud | stack.shadow)
        return {
            "valid": valid,
            "cloud": stack.cloud,
            "shadow": stack.shadow,
            "snow": stack.snow,
            "water": _wide(water),
        }
    often_cloud, often_dark = _usual_classes(scl, [one.datetime.year for one in passes])
    cloud, shadow = np.empty_like(snow), np.empty_like(snow)
    for k, one in enumerate(passes):
        cloud[k], shadow[k] = cloud_and_shadow(
            scl[k], often_cloud[one.datetime.year], often_dark[one.datetime.year]
        )
    valid = ~(cloud | shadow)
    if habit is MaskHabit.SCL:
        valid = np.stack([usual_mask(classes) for classes in scl])
    water &= np.stack(
        [~often_dark[one.datetime.year] | (scl[k] == Scl.WATER) for k, one in enumerate(passes)]
    )
    masks = {"valid": valid, "cloud": cloud, "shadow": shadow, "snow": snow, "water": water}
    return {name: _wide(mask) for name, mask in masks.items()}


def _wide(mask: Bools) -> Bools:
    return doubled(mask).astype(bool)


def _usual_classes(scl: NDArray[np.uint8], years: Sequence[int]) -> tuple[dict[int, Bools], dict[int, Bools]]:
    """Places often called cloud and often dark on the clear scenes of each year."""
    cloudy = np.isin(scl, CLOUD_CLASSES)
    clear = cloudy.mean(axis=(1, 2)) < 0.25  # noqa: PLR2004
    often_cloud: dict[int, Bools] = {}
    often_dark: dict[int, Bools] = {}
    for year in set(years):
        chosen = clear & (np.asarray(years) == year)
        if not chosen.any():
            often_cloud[year] = often_dark[year] = np.zeros(scl.shape[1:], bool)
            continue
        often_cloud[year] = cloudy[chosen].mean(axis=0) > OFTEN
        often_dark[year] = np.isin(scl[chosen], DARK_CLASSES).mean(axis=0) > OFTEN
    return often_cloud, often_dark


def _dataset(world: World, passes: Sequence[Pass], stack: _Stack) -> xr.Dataset:
    masks = estimated_masks(world, passes, stack)
    dims = ("time", "y", "x")
    variables: dict[str, xr.Variable] = {}
    for band, values in stack.bands.items():
        variables[band] = xr.Variable(dims, values, {"native_resolution_m": NATIVE_RESOLUTION_M[band]})
    for name, mask in masks.items():
        variables[name] = xr.Variable(dims, mask)
    valid_fraction = masks["valid"].mean(axis=(1, 2))
    usable = valid_fraction >= UNUSABLE_BELOW
    masks["valid"][~usable] = False
    coords = dict(xr_coords(world.frame.geobox)) | _time_coords(
        passes, valid_fraction, masks["snow"].mean(axis=(1, 2))
    )
    data = xr.Dataset(variables, coords=coords)
    return data.assign_attrs(simulated="true", seed=world.seed)


def _time_coords(
    passes: Sequence[Pass], valid_fraction: Floats, snow_fraction: Floats
) -> dict[str, xr.Variable]:
    """One value per scene, as the cube promises them."""
    usable = valid_fraction >= UNUSABLE_BELOW
    columns: dict[str, object] = {
        "time": np.array([one.datetime.replace(tzinfo=None) for one in passes], "datetime64[ns]"),
        "scene_id": [f"simulated-{one.datatake}" for one in passes],
        "platform": [one.platform for one in passes],
        "relative_orbit": np.full(len(passes), RELATIVE_ORBIT),
        "baseline": ["05.00" for _ in passes],
        "dx_m": [one.raw_shift_m[0] + one.estimate_error_m[0] for one in passes],
        "dy_m": [one.raw_shift_m[1] + one.estimate_error_m[1] for one in passes],
        "residual_px": [float(np.hypot(*one.estimate_error_m) / 10) for one in passes],
        "offset_applied": np.full(len(passes), -0.1),
        "status": np.where(usable, "used", "unusable"),
        "detail": np.where(usable, "", "cloud"),
        "valid_fraction": valid_fraction,
        "snow_fraction": snow_fraction,
        "sun_elevation_deg": [one.sun.elevation_deg for one in passes],
        "sun_azimuth_deg": [one.sun.azimuth_deg for one in passes],
    }
    return {name: xr.Variable(("time",), np.asarray(values)) for name, values in columns.items()}
