"""The land before the mine works it: relief, forest, fields, river, settlements, roads, burn scars.

Every fine cell bears the number of a row of the site's palette: the materials first, each with one spectrum,
then spectra of single objects (a roof, a street, a parcel's soil) drawn from the measured ones.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from evidence.arrays import Bools, Floats32
from imagery.simulate.frame import CELL_M, Frame
from imagery.simulate.params import LandParams, PondPlan, SimulationParams
from imagery.simulate.spectra import (
    FOREST,
    N_MATERIALS,
    SPECTRA,
    Material,
    drawn_spectrum,
    measured_spectra,
    moistened,
    soaked,
)
from imagery.simulate.terrain import Stream, nearest_cells, random_field, smooth_field, stream

Labels = NDArray[np.uint8]


TOWN_AT, RAILS_AT = (-0.7, -0.05), (0.0, -0.3)
"""Middles of the town and of the sidings, east and north in halves of the site."""
OUTSIDE_REACH = 9.0
"""Of a pond: what cells beyond its rim have."""
MOST_ROWS = 250
"""Of a palette: rows are bytes."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Spectra that cells may show: `Material` first, then those of single objects."""

    materials: list[Material] = field(default_factory=lambda: list(Material))
    """What each row is."""
    own: dict[int, Floats32] = field(default_factory=dict)
    """Dry reflectance of rows that do not follow the assumed curves: (band,)."""
    names: dict[int, str] = field(default_factory=dict)
    """Name of the material of such a row, in the words of `spectra.csv`."""

    def add(self, material: Material, name: str, spectrum: Floats32) -> int:
        """A new row; when all are taken, an old one of the same name.

        Args:
            material: what it is for radar, snow and the seasons.
            name: of the material.
            spectrum: dry reflectance, (band,).
        """
        if len(self.materials) >= MOST_ROWS:
            return next(row for row, known in self.names.items() if known == name)
        row = len(self.materials)
        self.materials.append(material)
        self.own[row], self.names[row] = spectrum, name
        return row

    def redefine(self, material: Material, name: str, spectrum: Floats32) -> None:
        """Give a material's own row a measured spectrum."""
        self.own[int(material)], self.names[int(material)] = spectrum, name

    def material_of(self, rows: NDArray[np.integer]) -> Labels:
        """`Material` of each cell."""
        if len(self.materials) == N_MATERIALS:
            return rows.astype(np.uint8, copy=False)
        known: Labels = np.array(self.materials, np.uint8)
        return np.asarray(known[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pond:
    """Standing water whose shore follows its level."""

    reach: Floats32
    """(y, x): share of the full area within this contour; above 1 outside."""
    lowest: float
    rim: int
    """Row of the wet mud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covering:
    """Ground covered by one material within periods."""

    name: str
    cells: Bools
    """(y, x) of fine cells."""
    row: int
    periods: tuple[tuple[dt.date, dt.date | None], ...]

    def there(self, day: dt.date) -> bool:
        """Whether it lies there on a day."""
        return not self.periods or any(
            since <= day and (until is None or day < until) for since, until in self.periods
        )


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

    height_m: Floats32
    labels: Labels
    """`Material` of each cell."""
    rows: Labels
    """Row of the palette of each cell."""
    texture: Floats32
    """Lasting factor on the reflectance of each cell, about 1."""
    river_distance_m: Floats32
    burn_scars: tuple[BurnScar, ...]
    asphalt_yard_m: tuple[float, float, float, float] | None
    """(west, south, east, north) from the site's centre."""
    palette: Palette
    slopes: Bools
    """(y, x): hillside fields, and grass on slopes."""
    ponds: tuple[Pond, ...]
    river_half_m: float
    """Half of the width of the river's water at mean level."""
    gravel: int
    """Row of the river's gravel."""


def centred_coordinates(frame: Frame) -> tuple[Floats32, Floats32]:
    """Metres east and north of the site's centre: rows and columns that broadcast to (y, x)."""
    x, y = frame.cell_centres()
    west, south, east, north = frame.bounds_m
    return (
        (x - (west + east) / 2).astype(np.float32)[None, :],
        (y - (south + north) / 2).astype(np.float32)[:, None],
    )


def build_land(params: SimulationParams, frame: Frame, seed: int) -> Land:
    """Draw the land of a site."""
    rng, drawn = stream(seed, Stream.LAND), stream(seed, Stream.MATERIALS)
    land, shape = params.land, frame.world_shape
    east, north = centred_coordinates(frame)
    half = params.size_px * 5.0
    river = _river_distance(east, north, half, rng)
    height = _relief(land, river, half, shape, rng)
    labels = _vegetation(land, river, height, shape, rng)
    palette = Palette()
    if land.measured:
        _measured_ground(labels, palette, drawn)
    slopes = _hillside(land, labels, height, stream(seed, Stream.SLOPES))
    if land.river:
        _paint_river(labels, river, half)
    if land.wet_soil:
        _paint_box(labels, east + 0.55 * half, north + 0.45 * half, (60, 45), Material.WET_SOIL)
    asphalt = _paint_settlements(labels, land, east, north, half, rng)
    if land.measured:
        _measured_roofs(labels, palette, drawn)
    if land.town_ha:
        _paint_town(labels, palette, land.town_ha, east - TOWN_AT[0] * half, north - TOWN_AT[1] * half, drawn)
    if land.rail_yard:
        _paint_box(labels, east, north - RAILS_AT[1] * half, (160, 17.5), _ballast(palette, drawn))
    texture = (
        1 + land.texture * random_field(rng, shape, slope=0.4) + 0.06 * random_field(rng, shape, slope=1.6)
    )
    gravel = (
        palette.add(Material.SOIL, "gravel", drawn_spectrum("gravel", drawn))
        if land.floods
        else Material.SOIL
    )
    return Land(
        height_m=height,
        labels=palette.material_of(labels),
        rows=labels,
        texture=np.clip(texture, 0.6, 1.5).astype(np.float32),
        river_distance_m=river,
        burn_scars=_burn_scars(params, labels, rng),
        asphalt_yard_m=asphalt,
        palette=palette,
        slopes=slopes,
        ponds=tuple(_pond(plan, frame, palette, drawn) for plan in land.ponds),
        river_half_m=0.03 * half + 20,
        gravel=gravel,
    )


def _river_distance(east: Floats32, north: Floats32, half: float, rng: np.random.Generator) -> Floats32:
    """Metres north of (negative: south of) the river's middle line, which meanders in the south."""
    phase = rng.uniform(0, 2 * np.pi, 2)
    bend = 0.09 * half * np.sin(2.2 * east / half + phase[0]) + 0.04 * half * np.sin(
        5.1 * east / half + phase[1]
    )
    return np.asarray(north + 0.72 * half - bend, np.float32)


def _relief(
    land: LandParams, river: Floats32, half: float, shape: tuple[int, int], rng: np.random.Generator
) -> Floats32:
    """Hills that rise away from the river; the mine's ground in the middle is gentler."""
    hills = smooth_field(rng, shape, slope=2.0, step=4)
    hills = gaussian_filter(hills, 6)
    rise = np.clip(np.abs(river) / (1.2 * half), 0, 1)
    height = land.relief_m * (0.5 * rise + 0.45 * rise * hills)
    return np.asarray(height - height.min(), np.float32)


def _vegetation(
    land: LandParams, river: Floats32, height: Floats32, shape: tuple[int, int], rng: np.random.Generator
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
    labels: Labels, east: Floats32, north: Floats32, half_m: tuple[float, float], material: int
) -> None:
    labels[(np.abs(east) < half_m[0]) & (np.abs(north) < half_m[1])] = material


def _paint_river(labels: Labels, river: Floats32, half: float) -> None:
    width = 0.03 * half + 20
    labels[np.abs(river) < width + 12] = Material.SOIL
    labels[np.abs(river) < width] = Material.WATER


def _paint_settlements(
    labels: Labels, land: LandParams, east: Floats32, north: Floats32, half: float, rng: np.random.Generator
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
    labels: Labels, land: LandParams, east: Floats32, north: Floats32, rng: np.random.Generator
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
    forest = np.isin(labels, FOREST)
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


SOILS = 6
"""Soils of a site, each in parcels of its own."""


def _measured_ground(labels: Labels, palette: Palette, rng: np.random.Generator) -> None:
    """Soils, asphalt, gravel roads and burnt ground of measured spectra; parcels differ in their soil."""
    palette.redefine(Material.SOIL, "soil", drawn_spectrum("soil", rng))
    palette.redefine(Material.WET_SOIL, "wet soil", soaked(drawn_spectrum("soil", rng)))
    palette.redefine(Material.ASPHALT, "asphalt", drawn_spectrum(str(rng.choice(["asphalt", "road"])), rng))
    burnt = str(rng.choice(["burnt_ground", "char"]))
    palette.redefine(Material.BURNT, burnt, drawn_spectrum(burnt, rng))
    soils = [palette.add(Material.SOIL, "soil", drawn_spectrum("soil", rng)) for _ in range(SOILS)]
    parcels = np.kron(
        rng.integers(0, SOILS, (labels.shape[0] // 8 + 1, labels.shape[1] // 12 + 1)), np.ones((8, 12), int)
    )[: labels.shape[0], : labels.shape[1]]
    bare = labels == Material.SOIL
    labels[bare] = np.array(soils, np.uint8)[parcels[bare]]


ROOFS = {
    Material.BRIGHT_ROOF: ("metal",),
    Material.DARK_ROOF: ("shingle", "tile", "roofing_felt", "tar_paper"),
}


def _roof_rows(palette: Palette, rng: np.random.Generator, *, each: int) -> dict[Material, list[int]]:
    return {
        material: [
            palette.add(material, name, drawn_spectrum(name, rng)) for name in names for _ in range(each)
        ]
        for material, names in ROOFS.items()
    }


def _measured_roofs(labels: Labels, palette: Palette, rng: np.random.Generator) -> None:
    """Roofs of villages: each house (a cell here) one of several measured ones."""
    for material, rows in _roof_rows(palette, rng, each=3).items():
        houses = labels == material
        labels[houses] = rng.choice(rows, int(houses.sum()))
    yard = palette.add(Material.ASPHALT, "parking", drawn_spectrum("parking", rng))
    paved = labels == Material.ASPHALT
    wide = gaussian_filter(paved.astype(np.float32), 3) > 0.6  # noqa: PLR2004 - a yard, not a road
    labels[paved & wide] = yard


BLOCK_CELLS = 12
"""A town's blocks: 60 m from street to street."""


def _paint_town(
    labels: Labels,
    palette: Palette,
    area_ha: float,
    east: Floats32,
    north: Floats32,
    rng: np.random.Generator,
) -> None:
    """A square town of blocks: streets, two long houses a block, some paved yards."""
    half = np.sqrt(area_ha * 1e4) / 2
    inside = (np.abs(east) < half) & (np.abs(north) < half)
    rows, columns = (np.nonzero(inside.any(axis=axis))[0] for axis in (1, 0))
    if not len(rows) or not len(columns):
        return
    roofs = [row for group in _roof_rows(palette, rng, each=4).values() for row in group]
    streets = [
        palette.add(Material.ASPHALT, name, drawn_spectrum(name, rng)) for name in ("asphalt", "road", "road")
    ]
    yards = [palette.add(Material.ASPHALT, "parking", drawn_spectrum("parking", rng)) for _ in range(3)]
    soil = palette.add(Material.SOIL, "soil", drawn_spectrum("soil", rng))
    labels[inside] = soil
    for top in range(rows[0], rows[-1] + 1, BLOCK_CELLS):
        for left in range(columns[0], columns[-1] + 1, BLOCK_CELLS):
            block = labels[
                top : min(top + BLOCK_CELLS, rows[-1] + 1), left : min(left + BLOCK_CELLS, columns[-1] + 1)
            ]
            block[:2] = rng.choice(streets)
            block[:, :2] = rng.choice(streets)
            if rng.random() < 0.12:  # noqa: PLR2004 - one block in eight is a paved yard
                block[2:, 2:] = rng.choice(yards)
                continue
            for start in (3, 8):
                length = int(rng.integers(4, 9))
                block[start : start + int(rng.integers(2, 4)), 3 : 3 + length] = rng.choice(roofs)


BALLAST = {"gravel": 0.6, "rust": 0.15, "coal_dusty": 0.25}
"""Shares of a siding's ground (assumed)."""


def _ballast(palette: Palette, rng: np.random.Generator) -> int:
    parts = {name: SPECTRA[name] if name in SPECTRA else drawn_spectrum(name, rng) for name in BALLAST}
    mixed = sum(share * parts[name] for name, share in BALLAST.items())
    return palette.add(Material.YARD, "ballast", np.asarray(mixed, np.float32))


RISE_M = 6.0
"""From one terrace to the next (assumed)."""
RISER = 0.25
"""Share of a terrace's height that is its grassy riser (assumed)."""
STEEP = 0.12
"""Gradient from which grass counts as a slope that is burnt (assumed)."""


def _hillside(land: LandParams, labels: Labels, height: Floats32, rng: np.random.Generator) -> Bools:
    """Fields painted on forested slopes, in patches, some of them terraced; returns slopes that may burn."""
    forest = np.isin(labels, FOREST)
    if land.hillside == 0:
        return np.zeros(labels.shape, bool)
    where = smooth_field(rng, labels.shape, slope=1.6, step=2)
    low = height / max(float(height.max()), 1.0)
    wanted = where - 1.2 * low
    farmed = forest & (wanted > np.quantile(wanted[forest], 1 - land.hillside))
    labels[farmed] = Material.CROP
    kind = smooth_field(rng, labels.shape, slope=1.6, step=4)
    terraced = farmed & (kind < np.quantile(kind[farmed], land.terraced))
    labels[terraced & (height / RISE_M % 1 < RISER)] = Material.GRASS
    steep = np.hypot(*np.gradient(gaussian_filter(height, 4), CELL_M)) > STEEP
    return np.asarray(farmed | ((labels == Material.GRASS) & steep))


MUD_SHARE = 1.35
"""Area within a pond's rim over the area of its water at the highest (assumed)."""


def _pond(plan: PondPlan, frame: Frame, palette: Palette, rng: np.random.Generator) -> Pond:
    """A ragged pond; its rim is soaked soil of the site's measured ones."""
    half = frame.size_px * 5.0
    at = plan.at_m or (float(rng.uniform(0.35, 0.75)) * half, float(rng.uniform(-0.3, 0.5)) * half)
    east, north = centred_coordinates(frame)
    ragged = np.clip(1 + 0.2 * smooth_field(rng, frame.world_shape, slope=1.5, step=4), 0.5, 2)
    distance = np.hypot(east - at[0], north - at[1]) * ragged
    cells = max(round(plan.area_ha * 1e4 * frame.areal_scale / CELL_M**2), 1)
    order = nearest_cells(distance, round(MUD_SHARE * cells))
    reach = np.full(distance.size, OUTSIDE_REACH, np.float32)
    reach[order] = (np.arange(len(order)) + 1) / cells
    rim = palette.add(Material.WET_SOIL, "mud", soaked(drawn_spectrum("soil", rng)))
    return Pond(reach=reach.reshape(distance.shape), lowest=plan.lowest, rim=rim)


def coverings(
    params: SimulationParams, frame: Frame, palette: Palette, middle_m: tuple[float, float], seed: int
) -> tuple[Covering, ...]:
    """Patches of materials, on whole fine cells: 2:1 ellipses of exactly the area asked for.

    Args:
        params: what is asked for.
        frame: where.
        palette: gets their spectra.
        middle_m: where patches without a place lie, metres east and north of the site's centre.
        seed: of the site.
    """
    east, north = centred_coordinates(frame)
    rng, found = stream(seed, Stream.PATCHES), []
    for number, plan in enumerate(params.land.patches, start=1):
        at = plan.at_m or middle_m
        distance = np.hypot((east - at[0]) / 2, north - at[1])
        count = round(plan.area_ha * 1e4 * frame.areal_scale / CELL_M**2)
        cells = np.zeros(distance.size, bool)
        cells[nearest_cells(distance, count)] = True
        spectrum = (
            drawn_spectrum(plan.material, rng)
            if plan.variant is None
            else measured_spectra(plan.material)[plan.variant].reflectance
        )
        spectrum = moistened(spectrum, plan.wetness)
        found.append(
            Covering(
                name=f"sim-patch-{number}",
                cells=cells.reshape(distance.shape),
                row=palette.add(PATCH_MATERIALS.get(plan.material, Material.YARD), plan.material, spectrum),
                periods=plan.periods,
            )
        )
    return tuple(found)


PATCH_MATERIALS = {
    "asphalt": Material.ASPHALT,
    "road": Material.ASPHALT,
    "parking": Material.ASPHALT,
    "char": Material.BURNT,
    "burnt_ground": Material.BURNT,
    "metal": Material.BRIGHT_ROOF,
    "shingle": Material.DARK_ROOF,
    "tile": Material.DARK_ROOF,
    "roofing_felt": Material.DARK_ROOF,
    "tar_paper": Material.DARK_ROOF,
    "tar_roof": Material.DARK_ROOF,
    "soil": Material.SOIL,
    "gravel": Material.SOIL,
}
"""What a patch is for radar and snow; others are trodden ground."""
