"""One scene on the grid: read, registered, resampled once, masked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from evidence.arrays import Bools, Image
from imagery.bands import OPTICAL_BANDS
from imagery.cube.fusion import SourceProduct, classes_on_grid, on_grid, read_scene, scene_chips
from imagery.cube.reference import Reference, ReferenceParams
from imagery.cube.scenes import ArchivedScene, sun_angles
from imagery.masks.scene_masks import MaskParams, SceneMask, cells_per_side, mask_scene
from imagery.masks.season import Usual
from imagery.radiometry.normalise import (
    UNKNOWN,
    Level,
    NormaliseHow,
    NormaliseParams,
    normalised,
    scene_level,
)
from imagery.radiometry.terrain import Terrain, TerrainParams, cast_shadow, corrected
from imagery.registration.blocks import Shift
from imagery.resampling import centre_lon_lat

FULL_CLP = 255.0
"""s2cloudless as a byte (Documented: Sentinel Hub's CLP)."""
LEAST_UNSEEN = 0.01
"""Share of the site without data from which on a look says so (*assumed*)."""
MASKS = ("valid", "cloud", "shadow", "snow", "water")


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeParams:
    """How scenes become a cube."""

    bands: tuple[str, ...] = OPTICAL_BANDS
    """Bands to load; what no product has is left out."""
    min_valid_fraction: float = 0.02
    """Share of the site that a scene shows, 1; with less it is kept as unusable. Assumed."""
    register: bool = True
    """Measure and correct each scene's shift."""
    use_history: bool = True
    """Hold masks against the season's usual brightness."""
    masks: MaskParams = field(default_factory=MaskParams)
    reference: ReferenceParams = field(default_factory=ReferenceParams)
    normalise: NormaliseParams = field(default_factory=NormaliseParams)
    terrain: TerrainParams = field(default_factory=TerrainParams)
    """Used where a DEM is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneImage:
    """One scene on the grid and what is known of it."""

    reflectance: Mapping[str, Image]
    """(y, x) by band, NaN where missing."""
    masks: Mapping[str, Bools]
    """(y, x) by name; `valid` is all False where the scene is unusable."""
    record: Mapping[str, Any]
    """Values of the coordinates on time."""


@dataclass(slots=True)
class Stages:
    """Processor seconds spent by stage, for the benchmark's table."""

    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, since: float) -> float:
        """Book the time since `since` under `stage`; returns now."""
        now = time.process_time()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - since
        return now


def load_scene(
    scene: ArchivedScene,
    grid: GeoBox,
    bands: Sequence[str],
    params: CubeParams,
    *,
    reference: Reference | None = None,
    within: Bools | None = None,
    terrain: Terrain | None = None,
    stages: Stages | None = None,
) -> SceneImage:
    """Read, register, resample and mask one scene; correct its light where that is wanted.

    Args:
        scene: what the archive holds of the pass.
        grid: the site's grid.
        bands: by meaning.
        params: knobs.
        reference: what to register against; None leaves the scene where it is.
        within: (y, x) over which fractions are counted; everywhere by default.
        terrain: relief on the grid, where it is known.
        stages: where to book the time.
    """
    stages = stages or Stages()
    clock = time.process_time()
    sources = read_scene(scene, grid, (*bands, "clp"))
    usual = reference.usual(scene) if reference is not None else None
    if reference is not None:
        sources = reference.settled(scene, sources, grid, params.reference)
    clock = stages.add("read", clock)
    decided = [source for source in sources if source.offset is not None]
    shift = measure_shift(scene, decided, grid, params.reference, reference)
    clock = stages.add("register", clock)
    move = _move_m(shift, grid)
    reflectance = {band: on_grid(decided, band, grid, shift_m=move) for band in bands}
    scl = classes_on_grid(decided, grid, shift_m=move)
    clock = stages.add("resample", clock)
    sun = sun_angles(scene, *centre_lon_lat(grid))
    clp = classes_on_grid(decided, grid, band="clp", shift_m=move)
    probability = None if clp is None else clp.astype(np.float32) / np.float32(FULL_CLP)
    mask = mask_scene(
        reflectance, scl, sun, pixel_m(grid), params.masks, usual=usual, probability=probability
    )
    clock = stages.add("mask", clock)
    level = _level(mask, usual, params, pixel_m(grid))
    if params.normalise.how is not NormaliseHow.NONE:
        reflectance = {band: normalised(image, band, level) for band, image in reflectance.items()}
    if terrain is not None:
        reflectance, mask = _level_ground(reflectance, mask, terrain, sun, params)
    stages.add("radiometry", clock)
    return _image(scene, grid, params, reflectance, mask, sources, shift, sun, within, level)


def _level(mask: SceneMask, usual: Usual | None, params: CubeParams, pixel_m: float) -> Level:
    """The scene against its season on invariant ground."""
    if usual is None:
        return UNKNOWN
    step = cells_per_side(pixel_m)
    clear = (mask.valid & ~mask.snow)[::step, ::step]
    return scene_level(mask.cells, usual, clear, params.normalise)


def _level_ground(
    reflectance: Mapping[str, Image],
    mask: SceneMask,
    terrain: Terrain,
    sun: tuple[float, float],
    params: CubeParams,
) -> tuple[dict[str, Image], SceneMask]:
    """Reflectance as on level ground, and relief's shadow among the shadows."""
    light = dict(reflectance)
    if params.terrain.correct:
        light = corrected(reflectance, terrain, sun, mask.valid & ~mask.snow, params.terrain)
    if not params.terrain.hide_cast_shadow:
        return light, mask
    cast = cast_shadow(terrain, sun)
    return light, replace(mask, valid=mask.valid & ~cast, shadow=mask.shadow | (cast & ~mask.cloud))


def pixel_m(grid: GeoBox) -> float:
    """Pixel size of the grid in metres."""
    return float(abs(grid.resolution.x))


def measure_shift(
    scene: ArchivedScene,
    sources: Sequence[SourceProduct],
    grid: GeoBox,
    params: ReferenceParams,
    reference: Reference | None,
) -> Shift | None:
    """How far a scene lies from its reference; None where there is nothing to measure, or to measure against.

    Where its clear ground does not match, all of it is tried, and must match better: the classes call bright
    ground and melting snow cloud, which leaves too little of a clear scene.

    Args:
        scene: what the archive holds of the pass.
        sources: its products whose offset is decided.
        grid: the site's grid.
        params: knobs.
        reference: of the site.
    """
    wanted = params.registration.bands
    if reference is None or not sources or not reference.members:
        return None
    if any(band not in sources[0].bands for band in wanted):
        return None
    image = scene_chips(sources, grid, reference.windows, wanted, params.spectra)
    shift = reference.shift(scene, image, params.registration)
    if shift is None or shift.accepted:
        return shift
    whole = scene_chips(sources, grid, reference.windows, wanted, params.spectra, clouds_too=True)
    again = reference.shift(scene, whole, params.doubted)
    return again if again is not None and again.accepted else shift


def _move_m(shift: Shift | None, grid: GeoBox) -> tuple[float, float]:
    """East and north in metres; nothing where there is no accepted shift."""
    if shift is None or not shift.accepted:
        return 0.0, 0.0
    return shift.dx_px * grid.resolution.x, shift.dy_px * grid.resolution.y


def _image(  # noqa: PLR0913, PLR0917 - gathers what the stages made
    scene: ArchivedScene,
    grid: GeoBox,
    params: CubeParams,
    reflectance: Mapping[str, Image],
    mask: SceneMask,
    sources: Sequence[SourceProduct],
    shift: Shift | None,
    sun: tuple[float, float],
    within: Bools | None,
    level: Level,
) -> SceneImage:
    masks = {name: getattr(mask, name) for name in MASKS}
    valid_fraction, snow_fraction = (_share(masks[name], within) for name in ("valid", "snow"))
    unseen = _share(_nowhere_seen(reflectance), within)
    status, detail = _status(sources, shift, masks, within, params, unseen)
    move = _move_m(shift, grid) if shift is not None and shift.accepted else (np.nan, np.nan)
    offsets = [source.offset for source in sources if source.offset is not None]
    if status != "used":
        masks["valid"] = np.zeros_like(masks["valid"])
    record = {
        "scene_id": scene.id,
        "platform": scene.platform,
        "time": scene.datetime.replace(tzinfo=None).isoformat(),
        "relative_orbit": -1 if scene.relative_orbit is None else scene.relative_orbit,
        "baseline": scene.baseline,
        "dx_m": move[0],
        "dy_m": move[1],
        "residual_px": shift.residual_px if shift is not None and shift.accepted else np.nan,
        "offset_applied": offsets[0] if offsets else np.nan,
        "status": status,
        "detail": detail,
        "valid_fraction": valid_fraction,
        "snow_fraction": snow_fraction,
        "invariant_ratio": level.ratio,
        "invariant_residual": level.residual,
        "sun_elevation_deg": sun[0],
        "sun_azimuth_deg": sun[1],
    }
    return SceneImage(reflectance=reflectance, masks=masks, record=record)


def _nowhere_seen(reflectance: Mapping[str, Image]) -> Bools:
    """(y, x): where no band shows anything."""
    first, *others = reflectance.values()
    nothing: Bools = np.isnan(first)
    for image in others:
        if not nothing.any():
            break
        nothing &= np.isnan(image)
    return nothing


def _share(mask: Bools, within: Bools | None) -> float:
    return float(mask.mean() if within is None else mask[within].mean())


def _status(
    sources: Sequence[SourceProduct],
    shift: Shift | None,
    masks: Mapping[str, Bools],
    within: Bools | None,
    params: CubeParams,
    unseen: float,
) -> tuple[str, str]:
    if not sources:
        return "unusable", "no pixels over the grid"
    if all(source.offset is None for source in sources):
        undecided = "" if sources[0].evidence.startswith("tier") else "offset undecided: "
        return "unusable", f"{undecided}{sources[0].evidence}"
    fraction = _share(masks["valid"], within)
    if fraction < params.min_valid_fraction:
        cloud = _share(masks["cloud"], within)
        return "unusable", f"clear ground on {fraction:.2%} of the site, cloud on {cloud:.2%}"
    if shift is not None and not shift.accepted:
        return "unusable", f"not registered: {shift.reason}"
    told = [f"no data on {unseen:.0%} of the site"] if unseen > LEAST_UNSEEN else []
    return "used", "; ".join([*told, *(["nothing to register against"] if shift is None else [])])
