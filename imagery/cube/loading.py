"""Knobs of the cube; saved in its attributes."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from pyproj import Transformer
from rasterio.features import geometry_mask
from shapely.geometry.base import BaseGeometry

from evidence.arrays import Bools
from evidence.errors import MeasurementError
from evidence.files import write_text
from evidence.hashing import sha256_json
from imagery.bands import NATIVE_RESOLUTION_M
from imagery.cube.landsat import PIXEL_M as LANDSAT_M
from imagery.cube.landsat import as_read, is_landsat
from imagery.cube.reference import Reference, References, build_references
from imagery.cube.reference_store import stored_references
from imagery.cube.scene import MASKS, CubeParams, SceneImage, Stages, load_scene
from imagery.cube.scenes import ArchivedScene, group_archived
from imagery.cube.store import LAYOUT, CubeStore, column, lazy_variable
from imagery.radiometry.terrain import Terrain, read_terrain
from imagery.records import ArchivedProduct
from imagery.resampling import shape_of, wkt_of

RECORD = (
    "time",
    "scene_id",
    "platform",
    "relative_orbit",
    "baseline",
    "dx_m",
    "dy_m",
    "residual_px",
    "offset_applied",
    "status",
    "detail",
    "valid_fraction",
    "snow_fraction",
    "invariant_ratio",
    "invariant_residual",
    "sun_elevation_deg",
    "sun_azimuth_deg",
)
CONTENT = "content"
"""Coordinate on time: a digest of everything that the pixels of a step hang on, by which what was computed
from them can be known again."""
IN_MEMORY_SHARE = 0.5
"""A cube larger than this share of the limit stays in the cache: measuring needs room too. Assumed."""


def load_cube(  # noqa: PLR0913 - one loader, each option with a default
    products: Sequence[ArchivedProduct],
    grid: GeoBox,
    *,
    params: CubeParams | None = None,
    cache_dir: Path | None = None,
    aoi: BaseGeometry | None = None,
    memory_gb: float = 2.0,
    dem: Sequence[Path] = (),
    progress: Callable[[int, int], None] | None = None,
    stages: Stages | None = None,
    lazy: bool = False,
) -> xr.Dataset:
    """The site's scenes as a Dataset ``(time, y, x)``.

    Args:
        products: what the archive holds of the site, Sentinel-2 or Landsat.
        grid: the site's grid.
        params: knobs.
        cache_dir: where scenes on the grid are kept, so that a new scene costs one scene. A cube that does
            not fit in memory stays there and is read as it is used.
        aoi: polygon in EPSG:4326 over which valid and snow fractions are counted; the grid by default.
        memory_gb: the limit.
        dem: files of heights in metres that cover the grid together: light on slopes is corrected and
            relief's shadow masked, see `CubeParams.terrain`; the archive's: `imagery.archive.store`.
        progress: called with scenes done and scenes to do.
        stages: where to book the time.
        lazy: leave the pixels in the cache though they would fit in memory, where few of the scenes are new
            to it; `Dataset.load` reads them. Where most are new, as when the reference has gained a member,
            nothing that was remembered of them holds, and every pixel is read anyway.

    Raises:
        MeasurementError: where there is nothing to load, or it does not fit and there is no cache.
    """
    scenes, work = _prepared(products, grid, params, aoi, dem)
    work = dataclasses.replace(work, progress=progress, stages=stages or Stages())
    fits = cube_bytes(len(scenes), len(work.bands), grid) <= IN_MEMORY_SHARE * memory_gb * 1e9
    if cache_dir is None and not fits:
        size = cube_bytes(len(scenes), len(work.bands), grid) / 1e9
        raise MeasurementError(f"a cube of {size:.1f} GB needs a cache folder to stay under {memory_gb:g} GB")
    if cache_dir is None:
        return work.in_memory(scenes)
    dataset, new = work.in_cache(scenes, cache_dir)
    mostly_new = new > len(scenes) / 2
    return dataset.load() if fits and (mostly_new or not lazy) else dataset


def put_on_grid(
    products: Sequence[ArchivedProduct],
    grid: GeoBox,
    *,
    cache_dir: Path,
    which: slice,
    params: CubeParams | None = None,
    aoi: BaseGeometry | None = None,
    dem: Sequence[Path] = (),
) -> None:
    """Put some of a site's scenes on its grid ahead, where `load_cube` finds them; several may do so at once.

    Args:
        products: all that the archive holds of the site.
        grid: the site's grid.
        cache_dir: where scenes on the grid are kept, and what they are held against.
        which: of the scenes, in the order of time; with none of them only what they are held against is made.
        params: knobs.
        aoi: as `load_cube` takes it.
        dem: the same.

    Raises:
        MeasurementError: where there is nothing to load.
    """
    scenes, work = _prepared(products, grid, params, aoi, dem)
    work.put_on_grid(scenes, cache_dir, which)


def _prepared(
    products: Sequence[ArchivedProduct],
    grid: GeoBox,
    params: CubeParams | None,
    aoi: BaseGeometry | None,
    dem: Sequence[Path],
) -> tuple[list[ArchivedScene], _Work]:
    """The scenes of a cube, and what they share."""
    params = params or CubeParams()
    scenes = group_archived(as_read(one) if is_landsat(one) else one for one in products)
    if not scenes:
        raise MeasurementError("no archived product to make a cube of")
    held = {band for scene in scenes for product in scene.products for band in product.bands}
    terrain = read_terrain(dem, grid) if dem else None
    bands = tuple(band for band in params.bands if band in held)
    return scenes, _Work(grid=grid, bands=bands, params=params, aoi=aoi, terrain=terrain)


def cube_bytes(scenes: int, bands: int, grid: GeoBox) -> int:
    """What the cube takes in memory: float32 bands and boolean masks."""
    height, width = grid.shape
    return int(scenes * height * width * (4 * bands + len(MASKS)))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What every scene of one cube shares."""

    grid: GeoBox
    bands: tuple[str, ...]
    params: CubeParams
    aoi: BaseGeometry | None
    terrain: Terrain | None
    progress: Callable[[int, int], None] | None = None
    stages: Stages = dataclasses.field(default_factory=Stages)

    def in_memory(self, scenes: Sequence[ArchivedScene]) -> xr.Dataset:
        references = self.references(scenes)
        shape = (len(scenes), *self.grid.shape)
        arrays: dict[str, NDArray[Any]] = {band: np.empty(shape, np.float32) for band in self.bands}
        arrays |= {name: np.empty(shape, bool) for name in MASKS}
        records = []
        for k, image in enumerate(self.images(scenes, references)):
            for name in arrays:
                arrays[name][k] = image.reflectance[name] if name in self.bands else image.masks[name]
            records.append(image.record)
        variables = {name: xr.Variable(("time", "y", "x"), values) for name, values in arrays.items()}
        return self.dataset(variables, records, self.contents(scenes, references))

    def in_cache(self, scenes: Sequence[ArchivedScene], cache_dir: Path) -> tuple[xr.Dataset, int]:
        """The cube, and how many of its scenes were new to the cache."""
        inputs = sha256_json([self.key(), [scene.digest for scene in scenes]])
        note = cache_dir / "cube-inputs.json"
        known = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
        references = None if known.get("inputs") == inputs else self.references(scenes, cache_dir)
        contents = known["contents"] if known.get("inputs") == inputs else self.contents(scenes, references)
        store = CubeStore.open(cache_dir, self.key(), self.bands, shape_of(self.grid))
        new = {
            content: scene
            for content, scene in zip(contents, scenes, strict=True)
            if content not in store.records
        }
        if new and references is None:
            references = self.references(scenes, cache_dir)
        for content, image in zip(new, self.images(list(new.values()), references), strict=True):
            clock = time.process_time()
            store.add(content, image)
            self.stages.add("store", clock)
        store.keep(contents)
        write_text(note, json.dumps({"inputs": inputs, "contents": contents}))
        records = [store.records[content] for content in contents]
        variables = {name: lazy_variable(store, name, contents) for name in (*self.bands, *MASKS)}
        return self.dataset(variables, records, contents), len(new)

    def put_on_grid(self, scenes: Sequence[ArchivedScene], cache_dir: Path, which: slice) -> None:
        references = self.references(scenes, cache_dir)
        store = CubeStore.open(cache_dir, self.key(), self.bands, shape_of(self.grid), alone=False)
        contents = self.contents(scenes, references)
        new = {
            content: scene
            for content, scene in zip(contents[which], scenes[which], strict=True)
            if content not in store.records
        }
        for content, image in zip(new, self.images(list(new.values()), references), strict=True):
            store.add(content, image)

    def references(self, scenes: Sequence[ArchivedScene], folder: Path | None = None) -> References | None:
        if not self.params.register and not self.params.use_history:
            return None
        clock = time.process_time()
        knobs = self.params.reference
        if folder is None:
            references = build_references(scenes, self.grid, knobs)
        else:
            references = stored_references(scenes, self.grid, knobs, folder)
        self.stages.add("reference", clock)
        return references

    def reference(self, scene: ArchivedScene, references: References | None) -> Reference | None:
        """What one scene is held against."""
        if references is None:
            return None
        reference = references.at(scene)
        if not self.params.register:
            return dataclasses.replace(reference, members={})
        if self.params.use_history:
            return reference
        return dataclasses.replace(reference, looks={}, basis={}, ground={}, ground_basis={})

    def contents(self, scenes: Sequence[ArchivedScene], references: References | None) -> list[str]:
        """What each scene's pixels on the grid hang on: its bytes, its reference, the parameters."""
        held = [None if references is None else references.edition(scene).digest for scene in scenes]
        key = self.key()
        return [
            sha256_json([key, edition, scene.digest]) for edition, scene in zip(held, scenes, strict=True)
        ]

    def images(self, scenes: Sequence[ArchivedScene], references: References | None) -> Iterator[SceneImage]:
        within = self.within()
        for k, scene in enumerate(scenes):
            yield load_scene(
                scene,
                self.grid,
                self.bands,
                self.params,
                reference=self.reference(scene, references),
                within=within,
                terrain=self.terrain,
                stages=self.stages,
            )
            if self.progress is not None:
                self.progress(k + 1, len(scenes))

    def within(self) -> Bools | None:
        """(y, x): pixels of the aoi."""
        if self.aoi is None:
            return None
        forward = Transformer.from_crs("EPSG:4326", wkt_of(self.grid), always_xy=True)
        outline = shapely.transform(self.aoi, lambda p: np.column_stack(forward.transform(*p.T)))
        inside = geometry_mask([outline], self.grid.shape, self.grid.transform, invert=True, all_touched=True)
        return np.asarray(inside) if inside.any() else None

    def key(self) -> str:
        """What every stored scene hangs on besides its own bytes and its reference."""
        outline = None if self.aoi is None else shapely.to_wkb(self.aoi, hex=True)
        relief = None if self.terrain is None else self.terrain.digest
        params = dataclasses.asdict(self.params)
        return sha256_json([LAYOUT, repr(self.grid), self.bands, params, outline, relief])

    @staticmethod
    def native_m(dataset: xr.Dataset, band: str) -> float:
        """Pixel size that the band was seen at; the coarsest where sensors differ."""
        landsat = [str(name).startswith("landsat") for name in dataset["platform"].values]
        return LANDSAT_M if any(landsat) else NATIVE_RESOLUTION_M[band]

    def dataset(
        self, variables: dict[str, xr.Variable], records: Sequence[Any], content: Sequence[str]
    ) -> xr.Dataset:
        coords: dict[Any, Any] = {**xr_coords(self.grid, dims=("y", "x"))}
        coords |= {name: ("time", column(records, name)) for name in RECORD}
        coords[CONTENT] = ("time", np.array(content))
        dataset = xr.Dataset(variables, coords=coords)
        for band in self.bands:
            dataset[band].attrs["native_resolution_m"] = self.native_m(dataset, band)
        dataset.attrs["cube_params"] = json.dumps(dataclasses.asdict(self.params), sort_keys=True)
        dataset.attrs["cube_layout"] = LAYOUT
        dataset.attrs["dem_digest"] = "" if self.terrain is None else self.terrain.digest
        return dataset
