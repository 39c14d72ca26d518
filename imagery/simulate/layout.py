"""The land before the mine works it: relief, forest, fields, river, villages, roads, burn scars."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from imagery.simulate.frame import CELL_M, Frame
from imagery.simulate.params import LandParams, SimulationParams
from imagery.simulate.spectra import Material
from imagery.simulate.terrain import random_field, smooth_field

Floats = NDArray[np.float32]
Labels = NDArray[np.uint8]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnScar:
    """A fire in the forest: black at once, fading over two seasons."""

    cells: Bools
    """(y, x) of fine cells."""
    day: dt.date
    fade_days: float = 500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Land:
    """What does not change but by season, on fine cells (y, x)."""

    height_m: Floats
    labels: Labels
    """`Material` of each cell."""
    texture: Floats
    """Lasting factor on the reflectance of each cell, about 1."""
    river_distance_m: Floats
    burn_scars: tuple[BurnScar, ...]
    asphalt_yard_m: tuple[float, float, float, float] | None
    """(west, south, east, north) from the site's centre."""


def centred_coordinates(frame: Frame) -> tuple[Floats, Floats]:
    """Metres east and north of the site's centre: rows and columns that broadcast to (y, x)."""
    x, y = frame.cell_centres()
    west, south, east, north = frame.bounds_m
    return (
        (x - (west + east) / 2).astype(np.float32)[None, :],
        (y - (south + north) / 2).astype(np.float32)[:, None],
    )


def build_land(params: SimulationParams, frame: Frame, rng: np.random.Generator) -> Land:
    """Draw the land of a site."""
    land, shape = params.land, frame.world_shape
    east, north = centred_coordinates(frame)
    half = params.size_px * 5.0
    river = _river_distance(east, north, half, rng)
    height = _relief(land, river, half, shape, rng)
    labels = _vegetation(land, river, height, shape, rng)
    if land.river:
        _paint_river(labels, river, half)
    if land.wet_soil:
        _paint_box(labels, east + 0.55 * half, north + 0.45 * half, (60, 45), Material.WET_SOIL)
    asphalt = _paint_settlements(labels, land, east, north, half, rng)
    texture = (
        1 + land.texture * random_field(rng, shape, slope=0.4) + 0.06 * random_field(rng, shape, slope=1.6)
    )
    return Land(
        height_m=height,
        labels=labels,
        texture=np.clip(texture, 0.6, 1.5).astype(np.float32),
        river_distance_m=river,
        burn_scars=_burn_scars(params, labels, rng),
        asphalt_yard_m=asphalt,
    )


def _river_distance(east: Floats, north: Floats, half: float, rng: np.random.Generator) -> Floats:
    """Metres north of (negative: south of) the river's middle line, which meanders in the south."""
    phase = rng.uniform(0, 2 * np.pi, 2)
    bend = 0.09 * half * np.sin(2.2 * east / half + phase[0]) + 0.04 * half * np.sin(
        5.1 * east / half + phase[1]
    )
    return np.asarray(north + 0.72 * half - bend, np.float32)


def _relief(
    land: LandParams, river: Floats, half: float, shape: tuple[int, int], rng: np.random.Generator
) -> Floats:
    """Hills that rise away from the river; the mine's ground in the middle is gentler."""
    hills = smooth_field(rng, shape, slope=2.0, step=4)
    hills = gaussian_filter(hills, 6)
    rise = np.clip(np.abs(river) / (1.2 * half), 0, 1)
    height = land.relief_m * (0.5 * rise + 0.45 * rise * hills)
    return np.asarray(height - height.min(), np.float32)


def _vegetation(
    land: LandParams, river: Floats, height: Floats, shape: tuple[int, int], rng: np.random.Generator
) -> Labels:
    """Fields by the river, forest on the hills, grass and scrub between; patchy."""
    patch = smooth_field(rng, shape, slope=1.4, step=2)
    wooded = (height / max(float(height.max()), 1.0)) + 0.25 * patch
    forest = wooded > np.quantile(wooded, 1 - land.forest_fraction)
    labels = np.full(shape, Material.GRASS, np.uint8)
    fields = _field_pattern(shape, rng)
    near = np.abs(river) < np.quantile(np.abs(river), 0.3)
    labels[near] = fields[near]
    kind = smooth_field(rng, shape, slope=1.0, step=2) + 0.5 * random_field(rng, shape, slope=0.3)
    conifer = kind > np.quantile(kind, 1 - land.conifer_fraction)
    late = kind < np.quantile(kind, 0.4)
    labels[forest] = Material.DECIDUOUS
    labels[forest & late] = Material.DECIDUOUS_LATE
    labels[forest & conifer] = Material.CONIFER
    speckled = rng.random(shape, dtype=np.float32)
    labels[forest & (speckled < 0.04)] = Material.GRASS  # noqa: PLR2004 - gaps in the canopy
    return labels


def _field_pattern(shape: tuple[int, int], rng: np.random.Generator) -> Labels:
    """Rectangular fields of 60 m by 40 m, each with one crop."""
    rows, columns = shape[0] // 8 + 1, shape[1] // 12 + 1
    crops = rng.choice([Material.CROP, Material.PADDY, Material.SOIL], (rows, columns), p=[0.4, 0.5, 0.1])
    return np.kron(crops, np.ones((8, 12), np.uint8))[: shape[0], : shape[1]].astype(np.uint8)


def _paint_box(
    labels: Labels, east: Floats, north: Floats, half_m: tuple[float, float], material: Material
) -> None:
    labels[(np.abs(east) < half_m[0]) & (np.abs(north) < half_m[1])] = material


def _paint_river(labels: Labels, river: Floats, half: float) -> None:
    width = 0.03 * half + 20
    labels[np.abs(river) < width + 12] = Material.SOIL
    labels[np.abs(river) < width] = Material.WATER


def _paint_settlements(
    labels: Labels, land: LandParams, east: Floats, north: Floats, half: float, rng: np.random.Generator
) -> tuple[float, float, float, float] | None:
    """Villages of roofs on trodden ground, a road that joins them with the mine, an asphalt yard."""
    road = np.abs(north + 0.42 * half + 0.05 * half * np.sin(3 * east / half)) < 5  # noqa: PLR2004 - a 10 m road
    labels[road & (labels != Material.WATER)] = Material.ASPHALT if land.asphalt else Material.SOIL
    labels[(np.abs(east) < 5) & (north > -0.42 * half) & (north < 0)] = Material.SOIL  # noqa: PLR2004
    for x in np.linspace(-0.6, 0.6, land.villages) * half if land.villages else []:
        _paint_village(labels, land, east - x, north + 0.52 * half, rng)
    if not land.asphalt:
        return None
    west, south = 0.55 * half, -0.38 * half
    inside = (east > west) & (east < west + 120) & (north > south) & (north < south + 80)
    labels[inside] = Material.ASPHALT
    return west, south, west + 120, south + 80


def _paint_village(
    labels: Labels, land: LandParams, east: Floats, north: Floats, rng: np.random.Generator
) -> None:
    _paint_box(labels, east, north, (90, 60), Material.SOIL)
    roofs = [Material.BRIGHT_ROOF, Material.DARK_ROOF] if land.dark_roofs else [Material.BRIGHT_ROOF]
    for x in np.arange(-80, 81, 20):
        for y in np.arange(-50, 51, 20):
            length, width = rng.choice([10.0, 15.0]), 10.0
            house = (np.abs(east - x) * 2 < length) & (np.abs(north - y) * 2 < width)
            if rng.random() < 0.8:  # noqa: PLR2004 - a gap here and there
                labels[house] = rng.choice(roofs)


def _burn_scars(params: SimulationParams, labels: Labels, rng: np.random.Generator) -> tuple[BurnScar, ...]:
    """Fires of about 2 ha in forest, in spring or autumn, when forests burn in Korea."""
    scars = []
    forest = np.isin(labels, [Material.DECIDUOUS, Material.DECIDUOUS_LATE, Material.CONIFER])
    rows, columns = np.nonzero(forest)
    days = (params.until - params.since).days
    for _ in range(params.land.burn_scars if len(rows) else 0):
        k = rng.integers(len(rows))
        i, j = np.ogrid[: labels.shape[0], : labels.shape[1]]
        radius = (80 / CELL_M) * (1 + 0.25 * smooth_field(rng, labels.shape, slope=1.5, step=4))
        burnt = (np.hypot(i - rows[k], j - columns[k]) < radius) & forest
        year = params.since + dt.timedelta(days=float(rng.uniform(0.2, 0.7) * days))
        day = dt.date(year.year, int(rng.choice([4, 10])), 15)
        scars.append(BurnScar(cells=burnt, day=day))
    return tuple(scars)
