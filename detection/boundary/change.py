"""Boundary change: what two dated perimeters of one place gained and lost against each other.

A common shift of 30 m alone "gains" and "loses" 29 ha on a round perimeter of 73 km². So the later trace is
first registered to the earlier one where the perimeter stayed (`detection.boundary.registration`). What then
remains is change only where it reaches deeper than error does anywhere on the perimeter, and its area carries
the errors of both edges and of the registration (`detection.boundary.comparison`, `.boundary_errors`).

The cause of a change starts `undetermined`: polygons cannot tell ground from reinterpretation.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from aoi.features import to_geojson
from aoi.geodesy import M2_PER_HA, area_ha, length_m
from aoi.records import Boundary, Extent, Site
from detection.boundary.comparison import Comparison, SectorAdvance, open_pair, significant
from detection.boundary.errors import BoundaryChangeParams, independent_length_m, trace_error
from detection.boundary.records import BOUNDARY_CHANGES, BoundaryChange
from detection.boundary.registration import Plane, edges_of, register, registered
from evidence.errors import MeasurementError
from evidence.quantity import Quantity
from imagery.measurement import Measured, Measurement, Work

METHOD = BOUNDARY_CHANGES.method
CAUSES = ("undetermined", "ground", "reinterpretation", "registration")


def boundary_area(boundary: Boundary, *, params: BoundaryChangeParams | None = None) -> Quantity:
    """Area inside one complete perimeter, in hectares; the offset of its trace is a shared error."""
    chosen = params or BoundaryChangeParams()
    if boundary.extent is not Extent.COMPLETE:
        return Quantity.not_assessable("the perimeter is partial", level=chosen.level)
    error = trace_error(boundary, chosen)
    if error is None:
        return Quantity.not_assessable("the accuracy of the perimeter is not stated", level=chosen.level)
    perimeter = length_m(boundary.geometry)
    vertex = error.vertex_m * math.sqrt(perimeter * independent_length_m(chosen.correlation_m))
    offset = error.offset_m * perimeter
    return Quantity.measured(
        area_ha(boundary.geometry),
        sd_random=vertex / M2_PER_HA,
        shared={f"trace-offset:{boundary.boundary_id}": offset / M2_PER_HA},
        level=chosen.level,
    )


def measure_boundary_changes(
    site: Site, *, params: BoundaryChangeParams | None = None
) -> list[BoundaryChange]:
    """The changes between each complete version and the next, over all of them, and along partial ones.

    A partial version is compared with the last complete one that began before it, or else with the version
    before it.
    """
    return [measure_boundary_change(before, after, params=params) for before, after in version_pairs(site)]


def version_pairs(site: Site) -> list[tuple[Boundary, Boundary]]:
    """Which versions are compared with which, without being asked."""
    complete = [boundary for boundary in site.boundaries if boundary.extent is Extent.COMPLETE]
    pairs = list(pairwise(complete))
    if len(complete) > 2:  # noqa: PLR2004 - first to last says more than the steps
        pairs.append((complete[0], complete[-1]))
    for index, boundary in enumerate(site.boundaries):
        earlier = site.boundaries[:index]
        if boundary.extent is Extent.PARTIAL and earlier:
            whole = [b for b in earlier if b.extent is Extent.COMPLETE]
            pairs.append(((whole or list(earlier))[-1], boundary))
    return pairs


def reviewed(change: BoundaryChange, cause: str) -> BoundaryChange:
    """The change with the cause that a reviewer gave it.

    Raises:
        MeasurementError: where the cause is none of `CAUSES`.
    """
    if cause not in CAUSES:
        raise MeasurementError(f"cause {cause!r} is not one of {', '.join(CAUSES)}")
    return replace(change, cause=cause)


def measure_boundary_change(
    before: Boundary, after: Boundary, *, params: BoundaryChangeParams | None = None
) -> BoundaryChange:
    """What `after` gained and lost against `before`.

    Args:
        before: the earlier version.
        after: the later version.
        params: of the method; the defaults are those of the docs' coverage table.
    """
    chosen = params or BoundaryChangeParams()
    compared = compare(before, after, chosen)
    if isinstance(compared, str):
        return _not_assessable(before, after, compared, chosen)
    return _assessed(compared)


def sector_advances(
    before: Boundary, after: Boundary, *, params: BoundaryChangeParams | None = None
) -> list[SectorAdvance]:
    """Advance of each bearing sector that has enough perimeter, metres, with simultaneous intervals.

    Args:
        before: the earlier version.
        after: the later version.
        params: of the comparison.

    Returns:
        Empty where the versions cannot be compared.
    """
    compared = compare(before, after, params or BoundaryChangeParams())
    return [] if isinstance(compared, str) else compared.sector_advances()


def compare(before: Boundary, after: Boundary, chosen: BoundaryChangeParams) -> Comparison | str:
    """The later trace registered to the earlier one and what differs beyond error, or why there is none."""
    errors = (trace_error(before, chosen), trace_error(after, chosen))
    if errors[0] is None or errors[1] is None:
        return "the accuracy of a version is not stated"
    both = (errors[0], errors[1])
    plane = Plane.around(before.geometry)
    a, b = plane.project(before.geometry), plane.project(after.geometry)
    base, cut = a.boundary, None
    if _extent(before, after) is Extent.PARTIAL:
        pair = open_pair(a, b, shortest_m=chosen.shortest_pieces * independent_length_m(chosen.correlation_m))
        if isinstance(pair, str):
            return pair
        a, base, cut = pair.closed_before(), pair.before, pair.closing_edges()
        edges = pair.edges(spacing_m=chosen.spacing_m)
        registration = register(edges, pair.closed_after(), both, chosen)
        later: BaseGeometry = pair.registered_after(registration)
    else:
        edges = edges_of(a, spacing_m=chosen.spacing_m)
        registration = register(edges, b, both, chosen)
        later = registered(b, registration)
    if not later.is_valid or later.is_empty:
        return "the later version cannot be laid over the earlier one"
    gained, gained_core = significant(shapely.difference(later, a), a, registration)
    lost, lost_core = significant(shapely.difference(a, later), later, registration)
    return Comparison(
        versions=(before, after),
        plane=plane,
        earlier=a,
        base=base,
        cut=cut,
        edges=edges,
        registration=registration,
        errors=both,
        params=chosen,
        gained=gained,
        lost=lost,
        gained_core=gained_core,
        lost_core=lost_core,
    )


def overlay_ha(before: Boundary, after: Boundary) -> tuple[float | None, float | None]:
    """Gained and lost as drawn, errors and all; None where a version is no polygon."""
    earlier, later = before.geometry, after.geometry
    if not all(isinstance(geometry, (Polygon, MultiPolygon)) for geometry in (earlier, later)):
        return None, None
    return area_ha(shapely.difference(later, earlier)), area_ha(shapely.difference(earlier, later))


def _extent(before: Boundary, after: Boundary) -> Extent:
    return Extent.PARTIAL if Extent.PARTIAL in {before.extent, after.extent} else Extent.COMPLETE


def _not_assessable(
    before: Boundary, after: Boundary, reason: str, params: BoundaryChangeParams
) -> BoundaryChange:
    nothing = Quantity.not_assessable(reason, level=params.level)
    gained, lost = overlay_ha(before, after)
    return BoundaryChange(
        from_boundary_id=before.boundary_id,
        to_boundary_id=after.boundary_id,
        cause=CAUSES[0],
        extent=_extent(before, after).value,
        gained_ha=nothing,
        lost_ha=nothing,
        net_ha=nothing,
        max_advance_m=nothing,
        overlay_gained_ha=gained,
        overlay_lost_ha=lost,
    )


def _assessed(compared: Comparison) -> BoundaryChange:
    before, after = compared.versions
    gained, lost = compared.effect(compared.gained, 1.0), compared.effect(compared.lost, -1.0)
    overlay_gained, overlay_lost = overlay_ha(before, after)
    fit = compared.registration
    advance, bearing = compared.advance()
    lost_ground = compared.in_degrees(compared.lost)
    return BoundaryChange(
        from_boundary_id=before.boundary_id,
        to_boundary_id=after.boundary_id,
        cause=CAUSES[0],
        extent=_extent(before, after).value,
        gained_ha=compared.area_ha(gained, compared.gained_core),
        lost_ha=compared.area_ha(lost, compared.lost_core),
        net_ha=compared.net_ha(gained, lost),
        max_advance_m=advance,
        bearing_deg=bearing,
        overlay_gained_ha=overlay_gained,
        overlay_lost_ha=overlay_lost,
        shift_east_m=fit.shift_m[0],
        shift_north_m=fit.shift_m[1],
        offset_m=fit.offset_m,
        threshold_m=fit.threshold_m,
        compared_m=float(compared.edges.length.sum()),
        stable_fraction=fit.stable_fraction,
        geometry=compared.in_degrees(compared.gained),
        lost_geojson=None if lost_ground is None else to_geojson(lost_ground),
    )


def _measure(work: Work) -> list[Measured]:
    records = measure_boundary_changes(work.site, params=work.params)
    return [Measured(layer=BOUNDARY_CHANGES, records=records, validated_on="simulation")]


MEASUREMENT = Measurement(
    layers=(BOUNDARY_CHANGES,), stage="boundary", measure=_measure, params=BoundaryChangeParams
)
