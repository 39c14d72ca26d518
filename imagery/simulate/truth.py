"""What is true of a simulated site on any day: areas, outlines, footprints, perimeters, shifts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.features import shapes
from shapely import MultiPolygon, Polygon
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from evidence.arrays import Bools, Floats32
from imagery.simulate.atmosphere import block_mean
from imagery.simulate.frame import CELL_M, from_cell, polygon_coverage
from imagery.simulate.mine import ALWAYS, NEVER, Disturbed, PerimeterVersion
from imagery.simulate.passes import Pass
from imagery.simulate.piles import PileTruth
from imagery.simulate.spectra import GREEN, Material
from imagery.simulate.world import World


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

    def pile_fraction(self, day: dt.date) -> Floats32:
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

    def zone_coal_ha(self, zone_id: str, day: dt.date) -> float:
        """Plan area of the piles of one zone, hectares on the ellipsoid; fines are no pile."""
        return sum(pile.area_ha(day) for pile in self.piles if pile.zone_id == zone_id)

    def fines_fraction(self, day: dt.date) -> Floats32:
        """Share of coal in the ground of each 10 m pixel beside piles: (y, x)."""
        return self._site_mean(self.world.fines(day, self.world.coal_cover(day)))

    def covering_fraction(self, day: dt.date, *, name: str | None = None) -> Floats32:
        """Share of each 10 m pixel under the patches of other materials that were asked for: (y, x)."""
        cells = np.zeros(self.world.frame.world_shape, np.float32)
        for covering in self.world.coverings:
            if covering.there(day) and name in {None, covering.name}:
                cells[covering.cells] = 1
        return self._site_mean(cells)

    def material_fraction(self, day: dt.date, materials: Sequence[Material]) -> Floats32:
        """Share of each 10 m pixel that shows one of `materials`, coal and calendars apart: (y, x)."""
        return self._site_mean(np.isin(self.world.labels(day), materials).astype(np.float32))

    def disturbed_fraction(self, day: dt.date, *, kinds: Sequence[str] | None = None) -> Floats32:
        """Share of each 10 m pixel in disturbed ground, bare or not (a thinned stand counts whole)."""
        return self._site_mean(self._ground_cells(day, kinds).astype(np.float32))

    def bare_at_start_fraction(self) -> Floats32:
        """Share of each 10 m pixel without plants or water on the first day, the mine's too: (y, x)."""
        labels = self.world.labels(self.world.params.since)
        return self._site_mean((~GREEN[labels] & (labels != Material.WATER)).astype(np.float32))

    def onset(self, *, kinds: Sequence[str] | None = None) -> NDArray[np.datetime64]:
        """Day from which at least half of each 10 m pixel is disturbed: (y, x); NaT never or before.

        Which of the two, `disturbed_fraction(since)` says. Where events follow one another the first counts.
        """
        first = np.full(self.world.frame.world_shape, NEVER, np.int64)
        for event in self._chosen(kinds):
            first = np.minimum(first, event.born if event.extent is None else event.extent)
        inside = self._cut(first)
        rows, columns = (size // 2 for size in inside.shape)
        quarters = np.sort(
            inside.reshape(rows, 2, columns, 2).swapaxes(1, 2).reshape(rows, columns, 4), axis=-1
        )
        half = quarters[..., 1]
        epoch = dt.date(1970, 1, 1).toordinal()
        days = np.where((half == NEVER) | (half == ALWAYS), epoch, half) - epoch
        found = days.astype("datetime64[D]")
        found[(half == NEVER) | (half == ALWAYS)] = np.datetime64("NaT")
        return np.asarray(found)

    def accounts(
        self,
        start: dt.date,
        end: dt.date,
        *,
        boundary_id: str | None = None,
        kinds: Sequence[str] | None = None,
    ) -> dict[str, dict[str, float]]:
        """Disturbed and open ground from one day to another, hectares: each term summed from its own cells.

        `disturbed_after = disturbed_before + disturbed_opened - disturbed_closed`, and `open_after =
        open_before + open_opened + open_deepened - open_closed - open_regrown`; a new hillside field is
        disturbed and not open.

        Args:
            start: first day.
            end: last day.
            boundary_id: the true perimeter that divides; None: the one that stands on `end`.
            kinds: of events; None: all.

        Returns:
            The terms of `inside`, `outside` and `all`.
        """
        chosen = next((one for one in self.perimeters if one.boundary_id == boundary_id), self.perimeter(end))
        frame = self.world.frame
        within = self._cut(polygon_coverage(chosen.outline, frame.world_transform, frame.world_shape))
        ground = [self._cut(self._ground_cells(day, kinds)) for day in (start, end)]
        bare = [self._cut(self._bare_cells(day, kinds, fields=False)) for day in (start, end)]
        terms = {
            "disturbed_before": ground[0],
            "disturbed_opened": ~ground[0] & ground[1],
            "disturbed_closed": ground[0] & ~ground[1],
            "disturbed_after": ground[1],
            "open_before": bare[0],
            "open_opened": bare[1] & ~bare[0] & ~ground[0],
            "open_deepened": bare[1] & ~bare[0] & ground[0],
            "open_closed": bare[0] & ~bare[1] & ~ground[1],
            "open_regrown": bare[0] & ~bare[1] & ground[1],
            "open_after": bare[1],
        }
        weights = {"inside": within, "outside": 1 - within, "all": np.ones_like(within)}
        return {
            side: {name: float(weight[cells].sum()) * self._cell_ha for name, cells in terms.items()}
            for side, weight in weights.items()
        }

    def yearly_accounts(self, *, boundary_id: str | None = None) -> list[dict[str, Any]]:
        """`accounts` from 1 August to 1 August, as rows `year, side, …`."""
        since, until = self.world.params.since, self.world.params.until - dt.timedelta(days=1)
        ends = [dt.date(year, 8, 1) for year in range(since.year, until.year + 1)]
        days = [since, *(day for day in ends if since < day <= until)]
        return [
            {"year": end.year, "side": side, **terms}
            for start, end in pairwise(days)
            for side, terms in self.accounts(start, end, boundary_id=boundary_id).items()
        ]

    def footprint_fraction(self, day: dt.date, *, kinds: Sequence[str] | None = None) -> Floats32:
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

    def _chosen(self, kinds: Sequence[str] | None) -> list[Disturbed]:
        return [event for event in self.events if kinds is None or event.kind in kinds]

    def _bare_cells(self, day: dt.date, kinds: Sequence[str] | None, *, fields: bool = True) -> Bools:
        bare = np.zeros(self.world.frame.world_shape, bool)
        for event in self._chosen(kinds):
            if fields or event.kind != "field":
                bare |= event.cells(day)
        return bare

    def _ground_cells(self, day: dt.date, kinds: Sequence[str] | None) -> Bools:
        ground = np.zeros(self.world.frame.world_shape, bool)
        for event in self._chosen(kinds):
            ground |= event.ground(day)
        return ground

    def _cut(self, cells: NDArray[Any]) -> NDArray[Any]:
        margin = self.world.frame.margin_cells
        return cells[margin:-margin, margin:-margin]

    def _site_mean(self, cells: Floats32) -> Floats32:
        return block_mean(self._cut(cells), 2)

    def _polygon(self, cells: Bools) -> BaseGeometry:
        frame = self.world.frame
        inside = self._cut(cells)
        t = from_cell(frame.world_transform, frame.margin_cells, frame.margin_cells)
        found = [shape(one) for one, _ in shapes(inside.astype(np.uint8), mask=inside, transform=t)]
        merged = unary_union(found) if found else Polygon()
        return frame.degrees(merged if isinstance(merged, (Polygon, MultiPolygon)) else MultiPolygon())
