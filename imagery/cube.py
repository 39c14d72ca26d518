"""The analysis-ready cube: one time step per scene, on the site's grid, in reflectance, with masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from rasterio.warp import Resampling

from evidence.errors import MeasurementError
from imagery.bands import NATIVE_RESOLUTION_M, OPTICAL_BANDS
from imagery.cube_read import SourceProduct, read_product
from imagery.cube_scenes import ArchivedScene, group_archived, sun_angles
from imagery.masks import MaskParams, SceneMask, mask_scene
from imagery.records import ArchivedProduct
from imagery.resample import centre_lon_lat, to_grid


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeParams:
    """Knobs of the cube; saved in its attributes."""

    bands: tuple[str, ...] = OPTICAL_BANDS
    """Bands to load; what no product has is left out."""
    min_valid_fraction: float = 0.02
    """Scenes with less to see are kept as unusable."""
    masks: MaskParams = field(default_factory=MaskParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneImage:
    """One scene on the grid."""

    reflectance: dict[str, NDArray[np.float32]]
    """(y, x) by band, NaN where missing."""
    mask: SceneMask
    status: str
    detail: str
    offset_applied: float
    sun: tuple[float, float]


def load_cube(
    products: Sequence[ArchivedProduct],
    grid: GeoBox,
    *,
    params: CubeParams | None = None,
    cache_dir: Path | None = None,  # noqa: ARG001
) -> xr.Dataset:
    """The site's scenes as a Dataset ``(time, y, x)``.

    Args:
        products: what the archive holds of the site, Sentinel-2.
        grid: the site's grid.
        params: knobs.
        cache_dir: where a cube that does not fit in memory may live.
    """
    params = params or CubeParams()
    scenes = group_archived(products)
    if not scenes:
        raise MeasurementError("no archived product to make a cube of")
    bands = tuple(b for b in params.bands if any(b in p.bands for p in products))
    images = [load_scene(scene, grid, bands, params) for scene in scenes]
    return _dataset(scenes, images, grid, bands)


def load_scene(scene: ArchivedScene, grid: GeoBox, bands: Sequence[str], params: CubeParams) -> SceneImage:
    """Read, fuse and mask one scene."""
    sun = sun_angles(scene, *centre_lon_lat(grid))
    sources = [s for s in (read_product(p, grid) for p in scene.products) if s is not None]
    decided = [s for s in sources if s.offset.value is not None]
    reflectance = {band: _fused(decided, band, grid) for band in bands}
    scl = _fused_classes(decided, grid)
    mask = mask_scene(reflectance, scl, sun, abs(grid.resolution.x), params.masks)
    status, detail = _status(sources, decided, mask, params)
    offset = decided[0].offset.value if decided else None
    return SceneImage(
        reflectance=reflectance,
        mask=mask,
        status=status,
        detail=detail,
        offset_applied=np.nan if offset is None else offset,
        sun=sun,
    )


def _status(
    sources: list[SourceProduct], decided: list[SourceProduct], mask: SceneMask, params: CubeParams
) -> tuple[str, str]:
    if not sources:
        return "unusable", "no pixels over the grid"
    if not decided:
        return "unusable", f"offset undecided: {sources[0].offset.evidence}"
    fraction = float(mask.valid.mean())
    if fraction < params.min_valid_fraction:
        return "unusable", f"clear ground on {fraction:.4f} of the grid, cloud on {mask.cloud.mean():.4f}"
    return "used", ""


def _fused(sources: list[SourceProduct], band: str, grid: GeoBox) -> NDArray[np.float32]:
    """The band on the grid: the first product's pixels, the others' only where it has none."""
    fused = np.full(grid.shape, np.nan, np.float32)
    for source in _ordered(sources, grid):
        empty = np.isnan(fused)
        if band not in source.bands or not empty.any():
            continue
        own = source.bands[band]
        values = to_grid(source.reflectance(band), own.transform, own.crs_wkt, grid)
        fused[empty] = values[empty]
    return fused


def _fused_classes(sources: list[SourceProduct], grid: GeoBox) -> NDArray[np.uint8] | None:
    if not any("scl" in source.bands for source in sources):
        return None
    fused = np.zeros(grid.shape, np.uint8)
    for source in _ordered(sources, grid):
        if "scl" not in source.bands:
            continue
        own = source.bands["scl"]
        values = own.dn.astype(np.float32)
        classes = to_grid(values, own.transform, own.crs_wkt, grid, resampling=Resampling.nearest)
        fused = np.where(fused == 0, np.nan_to_num(classes).astype(np.uint8), fused)
    return fused


def _ordered(sources: list[SourceProduct], grid: GeoBox) -> list[SourceProduct]:
    """Products in the grid's own zone first: they need no reprojection."""
    own = grid.crs

    def foreign(source: SourceProduct) -> tuple[bool, str]:
        first = next(iter(source.bands.values()))
        return own != first.crs_wkt, source.product.id

    return sorted(sources, key=foreign)


def _dataset(
    scenes: list[ArchivedScene], images: list[SceneImage], grid: GeoBox, bands: Sequence[str]
) -> xr.Dataset:
    dims = ("time", "y", "x")
    variables: dict[str, tuple[tuple[str, ...], NDArray[np.generic]]] = {}
    for band in bands:
        variables[band] = (dims, np.stack([image.reflectance[band] for image in images]))
    usable = np.array([image.status == "used" for image in images])[:, None, None]
    for name in ("valid", "cloud", "shadow", "snow", "water"):
        layer = np.stack([getattr(image.mask, name) for image in images])
        variables[name] = (dims, layer & usable if name == "valid" else layer)
    coords = dict(xr_coords(grid, dims=("y", "x"))) | _time_coords(scenes, images)
    dataset = xr.Dataset(variables, coords=coords)
    for band in bands:
        dataset[band].attrs["native_resolution_m"] = NATIVE_RESOLUTION_M[band]
    return dataset


def _time_coords(
    scenes: list[ArchivedScene], images: list[SceneImage]
) -> dict[str, tuple[str, NDArray[np.generic]]]:
    nan = np.full(len(scenes), np.nan)
    columns: dict[str, NDArray[np.generic]] = {
        "time": np.array([s.datetime.replace(tzinfo=None) for s in scenes], "datetime64[ns]"),
        "scene_id": np.array([s.id for s in scenes]),
        "platform": np.array([s.platform for s in scenes]),
        "relative_orbit": np.array([-1 if s.relative_orbit is None else s.relative_orbit for s in scenes]),
        "baseline": np.array([s.baseline for s in scenes]),
        "dx_m": nan,
        "dy_m": nan,
        "residual_px": nan,
        "offset_applied": np.array([image.offset_applied for image in images]),
        "status": np.array([image.status for image in images]),
        "detail": np.array([image.detail for image in images]),
        "valid_fraction": np.array([image.mask.valid.mean() for image in images]),
        "snow_fraction": np.array([image.mask.snow.mean() for image in images]),
        "sun_elevation_deg": np.array([image.sun[0] for image in images]),
        "sun_azimuth_deg": np.array([image.sun[1] for image in images]),
    }
    return {name: ("time", values) for name, values in columns.items()}
