"""The mine and what is built or felled around it.

Pit and spoil that grow, clearings, tracks, roads, buildings, logged stands, new hillside fields, a perimeter
that moves out, the stockyard.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, MultiPoint, Polygon, box
from shapely.affinity import translate

from evidence.arrays import Bools
from imagery.simulate.frame import CELL_M, Frame, polygon_coverage
from imagery.simulate.layout import Land, centred_coordinates
from imagery.simulate.params import SimulationParams
from imagery.simulate.piles import PileTruth, build_piles
from imagery.simulate.spectra import FOREST, Material, drawn_spectrum
from imagery.simulate.terrain import Stream, nearest_cells, smooth_field, stream

ALWAYS = -(10**6)
"""Day number of what was there before the simulation began."""
NEVER = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbed:
    """One patch of ground that the mine takes, cell by cell."""

    event_id: str
    kind: str
    """pit | spoil | clearing | track | perimeter | yard | thinned | road | building | field."""
    material: Material
    born: NDArray[np.int32]
    """(y, x) of fine cells: day (ordinal) on which each is taken; `NEVER` outside."""
    regrown: int = NEVER
    """Ordinal of the day on which it is green again."""
    beyond_boundary_id: str | None = None
    """The boundary version that it was drawn outside of, where that was the plan."""
    row: int | None = None
    """Row of the palette, where it shows a spectrum of its own."""
    extent: NDArray[np.int32] | None = None
    """As `born`, of the ground that it takes as a whole; None: all of it is bared."""

    def cells(self, day: dt.date) -> Bools:
        """Cells that are bare on `day`."""
        now = day.toordinal()
        taken: Bools = (self.born <= now) & (now < self.regrown)
        return taken

    def ground(self, day: dt.date) -> Bools:
        """Cells of the ground that is disturbed on `day`, bare or not."""
        now = day.toordinal()
        taken: Bools = ((self.born if self.extent is None else self.extent) <= now) & (now < self.regrown)
        return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class PerimeterVersion:
    """A true perimeter and the first day that it stands."""

    boundary_id: str
    valid_from: dt.date
    outline: Polygon
    """Metres of the site's grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """Everything that the mine does, with exact dates."""

    piles: tuple[PileTruth, ...]
    stockyard: Polygon
    disturbed: tuple[Disturbed, ...]
    perimeters: tuple[PerimeterVersion, ...]
    beside_m: tuple[float, float]
    """Where a patch of another material has room in the yard, metres east and north of the site's centre."""

    @property
    def yard(self) -> Disturbed:
        """The stockyard's ground."""
        return next(one for one in self.disturbed if one.kind == "yard")


def build_mine(params: SimulationParams, frame: Frame, land: Land, seed: int) -> Mine:
    """Draw the mine of a site."""
    rng = stream(seed, Stream.MINE)
    west, south, east, north = frame.bounds_m
    centre = ((west + east) / 2, (south + north) / 2)
    piles, size = build_piles(params, centre, frame.areal_scale, rng)
    room = _room_m(params)
    yard = _yard(centre, size, room)
    grown = [_yard_event(frame, yard)]
    grown += _growing(params, frame, land, centre, size, rng)
    perimeters = _perimeters(params, centre, yard, rng)
    grown += _strips(params, frame, perimeters)
    if params.mine.active:
        grown += _clearings(params, frame, land, perimeters, rng)
        grown += _tracks(params, frame, land, perimeters, rng)
        grown += built(params, frame, land, perimeters, seed)
    return Mine(
        piles=piles,
        stockyard=yard,
        disturbed=tuple(grown),
        perimeters=tuple(perimeters),
        beside_m=(size[0] / 2 + room / 2 if room else 0.0, 0.0),
    )


def _room_m(params: SimulationParams) -> float:
    """Metres by which the yard is longer for patches of other materials beside its piles."""
    areas = [plan.area_ha for plan in params.land.patches if plan.at_m is None]
    if not areas or not params.coal.present:
        return 0.0
    return float(4 * np.sqrt(max(areas) * 1e4 / (2 * np.pi)) + 2 * CELL_M * 4)


def _yard(centre: tuple[float, float], size: tuple[float, float], room: float) -> Polygon:
    """The stockyard's ground, on whole fine cells so that its edge is exact."""
    halves = [CELL_M * np.ceil(length / 2 / CELL_M) for length in size]
    x, y = (CELL_M * round(value / CELL_M) for value in centre)
    east = CELL_M * np.ceil(room / CELL_M)
    yard: Polygon = box(x - halves[0], y - halves[1], x + halves[0] + east, y + halves[1])
    return yard


def _born(cells: Bools, day: int) -> NDArray[np.int32]:
    return np.where(cells, day, NEVER).astype(np.int32)


def _mostly_in(area: Polygon, frame: Frame) -> Bools:
    """Fine cells at least half covered."""
    inside: Bools = polygon_coverage(area, frame.world_transform, frame.world_shape) >= 0.5  # noqa: PLR2004
    return inside


def _yard_event(frame: Frame, yard: Polygon) -> Disturbed:
    inside = _mostly_in(yard, frame)
    return Disturbed(event_id="sim-yard", kind="yard", material=Material.YARD, born=_born(inside, ALWAYS))


def blob_growth(
    frame: Frame,
    centre: tuple[float, float],
    areas_ha: tuple[float, float],
    days: tuple[int, int],
    rng: np.random.Generator,
    *,
    bearing_deg: float | None = None,
) -> NDArray[np.int32]:
    """Day on which each cell joins a ragged patch that grows evenly from one area to another.

    The patch has exactly the first area (in whole cells) before `days` begin and the second when they end.
    With a bearing it advances that way: twice as far as to its sides, and hardly back.
    """
    x, y = frame.cell_centres()
    ragged = 1 + 0.18 * smooth_field(rng, frame.world_shape, slope=1.5, step=4)
    east, north = x[None, :] - centre[0], y[:, None] - centre[1]
    distance = np.hypot(east, north) * np.clip(ragged, 0.5, 2)
    if bearing_deg is not None:
        angle = np.arctan2(east, north) - np.radians(bearing_deg)
        distance /= 1.15 + 0.85 * np.cos(angle)
    counts = [round(area * 1e4 * frame.areal_scale / CELL_M**2) for area in areas_ha]
    order = nearest_cells(distance, counts[1])
    born = np.full(distance.size, NEVER, np.int32)
    born[order[: counts[0]]] = ALWAYS
    later = order[counts[0] :]
    born[later] = np.ceil(np.linspace(days[0] + 1, days[1], len(later))).astype(np.int32)
    return born.reshape(distance.shape)


def _growing(
    params: SimulationParams,
    frame: Frame,
    land: Land,
    centre: tuple[float, float],
    yard: tuple[float, float],
    rng: np.random.Generator,
) -> list[Disturbed]:
    """Pit north-west and spoil heap north-east of the yard."""
    mine, days = params.mine, (params.since.toordinal(), params.until.toordinal())
    found = []
    for kind, material, areas, side in (
        ("pit", Material.PIT, mine.pit_ha, -1),
        ("spoil", Material.SPOIL, mine.spoil_ha, 1),
    ):
        areas_now = areas if mine.active else (areas[0], areas[0])
        radius = np.sqrt(areas[1] * 1e4 / np.pi)
        place = (centre[0] + side * (radius * 1.3 + 20), centre[1] + yard[1] / 2 + radius * 1.35 + 20)
        born = blob_growth(frame, place, areas_now, days, rng, bearing_deg=mine.pit_bearing_deg)
        row = None
        if mine.black_shale:
            row = land.palette.add(material, "black_shale", drawn_spectrum("black_shale", rng))
        found.append(Disturbed(event_id=f"sim-{kind}", kind=kind, material=material, born=born, row=row))
    return found


def _perimeters(
    params: SimulationParams, centre: tuple[float, float], yard: Polygon, rng: np.random.Generator
) -> list[PerimeterVersion]:
    """The first perimeter around yard, pit and spoil, and wider ones on the days of the steps."""
    radius = np.sqrt(max(params.mine.pit_ha[1], params.mine.spoil_ha[1]) * 1e4 / np.pi)
    top = yard.bounds[3] + 3.2 * radius
    corners = MultiPoint(
        [*yard.exterior.coords, (centre[0] - 2.6 * radius, top), (centre[0] + 2.6 * radius, top)]
    )
    outline = corners.convex_hull.buffer(40, quad_segs=6)
    versions = [PerimeterVersion(boundary_id="sim-boundary-1", valid_from=params.since, outline=outline)]
    side = float(rng.choice([-1.0, 1.0]))
    for number, (day, step_m) in enumerate(perimeter_steps(params, rng), start=2):
        moved = translate(versions[-1].outline, side * step_m, 0.35 * step_m)
        name, both = f"sim-boundary-{number}", [*versions[-1].outline.exterior.coords, *moved.exterior.coords]
        wider = _hull(both)
        versions.append(PerimeterVersion(boundary_id=name, valid_from=day, outline=wider))
    return versions


def _hull(points: Sequence[tuple[float, ...]]) -> Polygon:
    hull = MultiPoint(points).convex_hull
    if not isinstance(hull, Polygon):
        raise TypeError(f"a perimeter must enclose ground, not be a {hull.geom_type}")
    return hull


def perimeter_steps(params: SimulationParams, rng: np.random.Generator) -> tuple[tuple[dt.date, float], ...]:
    """Days and lengths of the moves outward."""
    if not params.mine.active:
        return ()
    if params.mine.perimeter_steps is not None:
        return params.mine.perimeter_steps
    days = (params.until - params.since).days
    return tuple(
        (params.since + dt.timedelta(days=round(share * days)), float(rng.uniform(90, 200)))
        for share in (0.4, 0.75)
    )


def _strips(params: SimulationParams, frame: Frame, perimeters: list[PerimeterVersion]) -> list[Disturbed]:
    """The 10 m strip that is cleared along each perimeter."""
    found = []
    for version in perimeters:
        strip = version.outline.exterior.buffer(5)
        inside = _mostly_in(strip, frame)
        day = ALWAYS if version.valid_from <= params.since else version.valid_from.toordinal()
        name = version.boundary_id.replace("boundary", "perimeter")
        found.append(
            Disturbed(event_id=name, kind="perimeter", material=Material.SOIL, born=_born(inside, day))
        )
    return found


def _clearings(
    params: SimulationParams,
    frame: Frame,
    land: Land,
    perimeters: list[PerimeterVersion],
    rng: np.random.Generator,
) -> list[Disturbed]:
    """Patches cleared within weeks: one beyond each old perimeter after it moved, others anywhere green."""
    found = []
    mine, span = params.mine, (params.until - params.since).days
    for number in range(mine.clearings):
        moved = number + 1 < len(perimeters)
        low, high = mine.clearing_ha
        area = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        if moved:
            old, new = perimeters[number], perimeters[number + 1]
            place = new.outline.difference(old.outline).representative_point()
            centre, start = (place.x, place.y), new.valid_from.toordinal()
        else:
            centre = _green_place(frame, land, rng)
            start = params.since.toordinal() + round(float(rng.uniform(0.25, 0.85)) * span)
        born = blob_growth(frame, centre, (0.0, area), (start, start + int(rng.integers(10, 60))), rng)
        regrown = start + round(365.25 * mine.regrowth_years) if mine.regrowth_years else NEVER
        found.append(
            Disturbed(
                event_id=f"sim-clearing-{number + 1}",
                kind="clearing",
                material=Material.SOIL,
                born=born,
                regrown=regrown,
                beyond_boundary_id=perimeters[number].boundary_id if moved else None,
            )
        )
    return found


def _green_place(frame: Frame, land: Land, rng: np.random.Generator) -> tuple[float, float]:
    """A forest cell well inside the site and away from the middle."""
    east, north = centred_coordinates(frame)
    half = frame.size_px * 5.0
    away = np.maximum(np.abs(east), np.abs(north))
    forest = np.isin(land.labels, FOREST)
    rows, columns = np.nonzero(forest & (away < 0.85 * half) & (away > 0.4 * half))
    k = int(rng.integers(len(rows))) if len(rows) else 0
    x, y = frame.cell_centres()
    return (float(x[columns[k]]), float(y[rows[k]])) if len(rows) else (float(x[0]), float(y[0]))


def _tracks(
    params: SimulationParams,
    frame: Frame,
    land: Land,
    perimeters: list[PerimeterVersion],
    rng: np.random.Generator,
) -> list[Disturbed]:
    """Straight tracks from the perimeter out to a forest cell."""
    found = []
    span = (params.until - params.since).days
    for number in range(params.mine.linear_clearings):
        end = _green_place(frame, land, rng)
        start = perimeters[0].outline.centroid
        line = LineString([(start.x, start.y), end]).difference(perimeters[0].outline)
        track = line.buffer(float(rng.uniform(5, 7.5)), cap_style="flat")
        day = params.since.toordinal() + round(float(rng.uniform(0.3, 0.8)) * span)
        found.append(
            Disturbed(
                event_id=f"sim-track-{number + 1}",
                kind="track",
                material=Material.SOIL,
                born=_born(_mostly_in(track, frame), day),
            )
        )
    return found


LOGGED_DAYS = (15, 60)
"""From the first tree to the last of a stand (assumed)."""


def built(
    params: SimulationParams, frame: Frame, land: Land, perimeters: list[PerimeterVersion], seed: int
) -> list[Disturbed]:
    """Stands logged, roads and buildings built, hillside fields cleared; each on days of its own."""
    rng, mine = stream(seed, Stream.BUILT), params.mine
    span = (params.until - params.since).days

    def begins() -> int:
        return params.since.toordinal() + round(float(rng.uniform(0.2, 0.85)) * span)

    found = [_thinned(params, frame, land, number, begins(), rng) for number in range(1, mine.thinned + 1)]
    for number in range(1, mine.hillside_cleared + 1):
        day = begins()
        area = (0.0, float(rng.uniform(0.3, 1.5)))
        born = blob_growth(frame, _green_place(frame, land, rng), area, (day, day + 1), rng)
        found.append(
            Disturbed(
                event_id=f"sim-field-{number}",
                kind="field",
                material=Material.CROP,
                born=np.where(born < NEVER, day, NEVER).astype(np.int32),
            )
        )
    for number in range(1, mine.roads + 1):
        name = str(rng.choice(["asphalt", "road", "gravel"]))
        row = land.palette.add(
            Material.SOIL if name == "gravel" else Material.ASPHALT, name, drawn_spectrum(name, rng)
        )
        start, end = perimeters[0].outline.centroid, _green_place(frame, land, rng)
        line = LineString([(start.x, start.y), end]).difference(perimeters[0].outline)
        cells = _mostly_in(line.buffer(4, cap_style="flat"), frame)
        found.append(
            Disturbed(
                event_id=f"sim-road-{number}",
                kind="road",
                material=Material.ASPHALT,
                born=_born(cells, begins()),
                row=row,
            )
        )
    for number in range(1, mine.buildings + 1):
        found += _buildings(frame, land, number, begins(), rng)
    return found


def _thinned(
    params: SimulationParams, frame: Frame, land: Land, number: int, day: int, rng: np.random.Generator
) -> Disturbed:
    """A stand of which a share of the canopy is left, tree by tree; litter lies between."""
    low, high = params.mine.thinned_ha
    area = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    days = (day, day + int(rng.integers(*LOGGED_DAYS)))
    stand = blob_growth(frame, _green_place(frame, land, rng), (0.0, area), days, rng)
    felled = rng.random(stand.shape, dtype=np.float32) >= params.mine.thinned_left
    row = land.palette.add(Material.SOIL, "litter", drawn_spectrum("litter", rng))
    return Disturbed(
        event_id=f"sim-thinned-{number}",
        kind="thinned",
        material=Material.SOIL,
        born=np.where(felled, stand, NEVER).astype(np.int32),
        row=row,
        extent=stand,
    )


def _buildings(frame: Frame, land: Land, number: int, day: int, rng: np.random.Generator) -> list[Disturbed]:
    """Long houses in a row on ground that was bared for them some months before."""
    count, (x, y) = int(rng.integers(3, 9)), _green_place(frame, land, rng)
    name = str(rng.choice(["metal", "shingle", "tile", "roofing_felt"]))
    material = Material.BRIGHT_ROOF if name == "metal" else Material.DARK_ROOF
    row = land.palette.add(material, name, drawn_spectrum(name, rng))
    site = box(x - 35, y - 18 * count, x + 35, y + 18 * count)
    roofs = np.zeros(frame.world_shape, bool)
    for south in (y - 18 * count + 36 * k + 8 for k in range(count)):
        roofs |= _mostly_in(box(x - 25, south, x + 25, south + 20), frame)
    ready = day + int(rng.integers(60, 240))
    name, ground = f"sim-building-{number}", _born(_mostly_in(site, frame), day)
    bared = Disturbed(event_id=f"{name}-ground", kind="building", material=Material.SOIL, born=ground)
    roofed = Disturbed(event_id=name, kind="building", material=material, born=_born(roofs, ready), row=row)
    return [bared, roofed]
