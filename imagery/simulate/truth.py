"""What is true of a simulated site on any day: areas, outlines, footprints, perimeters, shifts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.features import shapes
from shapely import MultiPolygon, Polygon
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from imagery.simulate.atmosphere import block_mean
from imagery.simulate.frame import CELL_M, from_cell
from imagery.simulate.mine import ALWAYS, NEVER, Disturbed, PerimeterVersion
from imagery.simulate.passes import Pass
from imagery.simulate.piles import PileTruth
from imagery.simulate.world import World

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkyTruth:
    """True masks of the scenes of a cube, (time, y, x) at 10 m; filled when the cube is made."""

    cloud: Bools
    """Opacity of cloud above 0.15 or of cirrus above 0.06."""
    shadow: Bools
    """Clouds take more than 0.25 of the direct light."""
    snow: Bools
    """More than half of open ground is under snow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The whole truth. Areas are hectares on the ellipsoid; geometries EPSG:4326 unless named otherwise."""

    world: World = field(repr=False)
    passes: tuple[Pass, ...] = field(repr=False)

    @property
    def piles(self) -> tuple[PileTruth, ...]:
        """Every pile that ever is, with `area_ha(day)` and `outline(day)` (metres of the grid)."""
        return self.world.mine.piles

    @property
    def events(self) -> tuple[Disturbed, ...]:
        """Every patch of ground that the mine takes; see `first_day` and `event_area_ha`."""
        return self.world.mine.disturbed

    @property
    def perimeters(self) -> tuple[PerimeterVersion, ...]:
        """True perimeters, in order; outlines in metres of the grid."""
        return self.world.mine.perimeters

    def pile_area_ha(self, day: dt.date) -> float:
        """All piles together: what a stockyard's area should be."""
        return sum(pile.area_ha(day) for pile in self.piles)

    def pile_outline(self, pile_id: str, day: dt.date) -> BaseGeometry | None:
        """Outline of one pile in degrees."""
        pile = next(one for one in self.piles if one.pile_id == pile_id)
        outline = pile.outline(day)
        return None if outline is None else self.world.frame.degrees(outline)

    def pile_fraction(self, day: dt.date) -> Floats:
        """Exact share of each 10 m pixel of the site under piles: (y, x)."""
        return self._site_mean(self.world.coal_cover(day))

    def pile_table(self, days: Sequence[dt.date]) -> list[dict[str, Any]]:
        """Rows `date, pile_id, parents, zone_id, area_ha` of the piles that are there on each day."""
        return [
            {
                "date": day.isoformat(),
                "pile_id": pile.pile_id,
                "parents": " ".join(pile.parents),
                "zone_id": pile.zone_id,
                "area_ha": pile.area_ha(day),
            }
            for day in days
            for pile in self.piles
            if pile.area_ha(day) > 0
        ]

    def ground_table(self, days: Sequence[dt.date]) -> list[dict[str, Any]]:
        """Rows `date, pile_area_ha, footprint_ha, boundary_id, boundary_ha` for each day."""
        return [
            {
                "date": day.isoformat(),
                "pile_area_ha": self.pile_area_ha(day),
                "footprint_ha": self.footprint_area_ha(day),
                "boundary_id": self.perimeter(day).boundary_id,
                "boundary_ha": self.boundary_area_ha(day),
            }
            for day in days
        ]

    def footprint_fraction(self, day: dt.date, *, kinds: Sequence[str] | None = None) -> Floats:
        """Share of each 10 m pixel of the site that the mine has bared by `day` (all kinds, yard too)."""
        return self._site_mean(self._bare_cells(day, kinds).astype(np.float32))

    def footprint_mask(self, day: dt.date, *, kinds: Sequence[str] | None = None) -> Bools:
        """Pixels at least half bared: (y, x)."""
        mask: Bools = self.footprint_fraction(day, kinds=kinds) >= 0.5  # noqa: PLR2004 - by majority
        return mask

    def footprint_area_ha(self, day: dt.date, *, kinds: Sequence[str] | None = None) -> float:
        """Bared ground within the site."""
        return float(self._cut(self._bare_cells(day, kinds)).sum()) * self._cell_ha

    def footprint_polygon(self, day: dt.date, *, kinds: Sequence[str] | None = None) -> BaseGeometry:
        """Bared ground as polygons along fine cells."""
        return self._polygon(self._bare_cells(day, kinds))

    def event_area_ha(self, event_id: str, day: dt.date) -> float:
        """Bare ground of one event within the site."""
        return float(self._cut(self._event(event_id).cells(day)).sum()) * self._cell_ha

    def event_polygon(self, event_id: str, day: dt.date) -> BaseGeometry:
        """Bare ground of one event, degrees."""
        return self._polygon(self._event(event_id).cells(day))

    def first_day(self, event_id: str) -> dt.date | None:
        """Day on which an event takes its first cell; None if that was before the simulation."""
        born = self._event(event_id).born
        first = int(born.min())
        return None if first in {ALWAYS, NEVER} else dt.date.fromordinal(first)

    def perimeter(self, day: dt.date) -> PerimeterVersion:
        """The perimeter that stands on `day`."""
        return [version for version in self.perimeters if version.valid_from <= day][-1]

    def boundary_area_ha(self, day: dt.date) -> float:
        """Area within the perimeter that stands on `day`."""
        return self.world.frame.ellipsoid_ha(self.perimeter(day).outline)

    @property
    def _cell_ha(self) -> float:
        return CELL_M**2 / 1e4 / self.world.frame.areal_scale

    def _event(self, event_id: str) -> Disturbed:
        return next(event for event in self.events if event.event_id == event_id)

    def _bare_cells(self, day: dt.date, kinds: Sequence[str] | None) -> Bools:
        bare = np.zeros(self.world.frame.world_shape, bool)
        for event in self.events:
            if kinds is None or event.kind in kinds:
                bare |= event.cells(day)
        return bare

    def _cut(self, cells: NDArray[Any]) -> NDArray[Any]:
        margin = self.world.frame.margin_cells
        return cells[margin:-margin, margin:-margin]

    def _site_mean(self, cells: Floats) -> Floats:
        return block_mean(self._cut(cells), 2)

    def _polygon(self, cells: Bools) -> BaseGeometry:
        frame = self.world.frame
        inside = self._cut(cells)
        t = from_cell(frame.world_transform, frame.margin_cells, frame.margin_cells)
        found = [shape(one) for one, _ in shapes(inside.astype(np.uint8), mask=inside, transform=t)]
        merged = unary_union(found) if found else Polygon()
        return frame.degrees(merged if isinstance(merged, (Polygon, MultiPolygon)) else MultiPolygon())
