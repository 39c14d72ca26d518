"""Two perimeters in one plane, and how one trace lies against the other where the ground did not move."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from pyproj import Transformer
from shapely import Polygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from aoi.geodesy import parts
from detection.boundary.errors import (
    BoundaryChangeParams,
    TraceError,
    independent_length_m,
    simultaneous_height,
)
from evidence.arrays import Bools, Floats

TracePair = tuple[TraceError, TraceError]
SAME_IMAGE_SHIFT_M = 1e-3
"""Traces of one image have no shift against each other: a divisor is held above this, m. By definition."""
WGS84 = 4326
"""EPSG code of the degrees that boundaries are written in. By definition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """An equal-area map (Lambert) around a place: areas in it are areas on the ellipsoid."""

    to_plane: Transformer
    to_degrees: Transformer

    @classmethod
    def around(cls, geometry: BaseGeometry) -> Plane:
        """The plane that touches the middle of `geometry`."""
        west, south, east, north = geometry.bounds
        definition = (
            f"+proj=laea +lat_0={(south + north) / 2} +lon_0={(west + east) / 2} +datum=WGS84 +units=m"
        )
        return cls(
            to_plane=Transformer.from_crs(WGS84, definition, always_xy=True),
            to_degrees=Transformer.from_crs(definition, WGS84, always_xy=True),
        )

    def project(self, geometry: BaseGeometry) -> BaseGeometry:
        """Degrees to metres."""
        return _moved(geometry, self.to_plane)

    def unproject(self, geometry: BaseGeometry) -> BaseGeometry:
        """Metres to degrees."""
        return _moved(geometry, self.to_degrees)


def _moved(geometry: BaseGeometry, transformer: Transformer) -> BaseGeometry:
    def move(positions: Floats) -> Floats:
        return np.column_stack(transformer.transform(positions[:, 0], positions[:, 1]))

    moved: BaseGeometry = shapely.transform(geometry, move)
    return moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Short straight pieces of a perimeter."""

    middle: Floats
    """(edge, 2), metres."""
    normal: Floats
    """(edge, 2), unit vectors that point out of the polygon."""
    length: Floats
    """(edge,), metres."""


def edges_of(geometry: BaseGeometry, *, spacing_m: float) -> Edges:
    """The rings of polygons as pieces of at most `spacing_m`."""
    polygons = [part for part in parts(geometry) if isinstance(part, Polygon)]
    oriented = [shapely.orient_polygons(polygon, exterior_cw=False) for polygon in polygons]
    rings = [ring for polygon in oriented for ring in (polygon.exterior, *polygon.interiors)]
    starts, ends = [np.empty((0, 2))], [np.empty((0, 2))]
    for ring in rings:
        path = shapely.get_coordinates(shapely.segmentize(ring, spacing_m))
        starts.append(path[:-1])
        ends.append(path[1:])
    start, end = np.concatenate(starts), np.concatenate(ends)
    step = end - start
    length = np.hypot(step[:, 0], step[:, 1])
    start, end, step, length = (array[length > 0.0] for array in (start, end, step, length))
    normal = np.column_stack((step[:, 1], -step[:, 0])) / length[:, None]
    return Edges(middle=(start + end) / 2.0, normal=normal, length=length)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """How the later trace lies against the earlier one where the ground did not move."""

    shift_m: tuple[float, float]
    """East, north."""
    offset_m: float
    covariance: Floats
    """(3, 3) of shift east, shift north, offset."""
    vertex_scale: float
    """Observed over stated vertex error, at least one."""
    correlation_m: float
    """Correlation length that gives areas the stated or, where it is larger, the observed uncertainty."""
    stable_fraction: float
    """Part of the perimeter that served."""
    threshold_m: float
    """Depth that error alone reaches nowhere on the perimeter, with the level's probability."""


def displacement(edges: Edges, other: BaseGeometry) -> Floats:
    """Signed distance from the edges to the other perimeter, positive where it lies further out."""
    points = shapely.points(edges.middle)
    shapely.prepare(other)
    distance = shapely.distance(points, other.boundary)
    inside = shapely.contains(other, points)
    return np.where(inside, distance, -distance)


def register(
    edges: Edges, later: BaseGeometry, errors: TracePair, params: BoundaryChangeParams
) -> Registration:
    """Shift and offset of the later trace against the earlier one, metres.

    A first fit with the stated correlation length tells how long the waves are; a second one uses that.

    Args:
        edges: pieces of the earlier perimeter with their normals.
        later: the later perimeter on the same plane.
        errors: of the two traces.
        params: of the comparison.
    """
    moved = displacement(edges, later)
    first = _fit(edges, moved, errors, params, params.correlation_m)
    design = np.column_stack((edges.normal, np.ones(len(moved))))
    residual = moved - design @ np.array([*first.shift_m, first.offset_m])
    vertex_sd = first.vertex_scale * relative_sds(errors)[2]
    stable = np.abs(residual) <= params.cutoff_sd * vertex_sd
    observed = observed_noise_m3(residual, stable, edges.length, params.spacing_m) / vertex_sd**2
    longest = float(edges.length.sum()) / params.longest_wave
    correlation = max(params.correlation_m, min(observed / independent_length_m(1.0), longest))
    return first if correlation == params.correlation_m else _fit(edges, moved, errors, params, correlation)


def observed_noise_m3(residual: Floats, stable: Bools, length: Floats, spacing_m: float) -> float:
    """Integral of the residuals' autocovariance where the ground stayed, m³: what makes areas uncertain.

    The sum stops at the first lag whose correlation is not positive (Geyer 1992's initial positive sequence).
    """
    arc = np.cumsum(length) - length / 2.0
    even = np.arange(spacing_m / 2.0, float(length.sum()), spacing_m)
    seen = np.interp(even, arc, stable.astype(float)) > 0.5  # noqa: PLR2004 - the nearer neighbour
    if not seen.any():
        return 0.0
    value = np.where(seen, np.interp(even, arc, residual), 0.0)
    products = np.fft.irfft(np.abs(np.fft.rfft(value)) ** 2, len(even))
    pairs = np.fft.irfft(np.abs(np.fft.rfft(seen.astype(float))) ** 2, len(even))
    half = len(even) // 2
    covariance = products[:half] / np.maximum(pairs[:half], 1.0)
    if half == 0 or covariance[0] <= 0.0:
        return 0.0
    ended = np.flatnonzero(covariance <= 0.0)
    lags = covariance[: ended[0] if len(ended) else half]
    return float((2.0 * lags.sum() - lags[0]) * spacing_m)


def _fit(
    edges: Edges,
    moved: Floats,
    errors: TracePair,
    params: BoundaryChangeParams,
    correlation_m: float,
) -> Registration:
    """Robust posterior mean under the error model.

    Ground change is sparse and large, so it is cut off (a redescending estimator, graduated from wide to
    narrow); the prior is the stated accuracy, so that a perimeter that moved as a whole stays moved.
    """
    design = np.column_stack((edges.normal, np.ones(len(moved))))
    shift_sd, offset_sd, vertex_sd = relative_sds(errors)
    prior = np.diag([shift_sd**-2, shift_sd**-2, offset_sd**-2])
    weight = edges.length / independent_length_m(correlation_m)
    theta: Floats = np.zeros(design.shape[1])
    scale = 1.0
    for widening in params.annealing:
        spread = math.hypot(scale * vertex_sd, widening * math.hypot(shift_sd, offset_sd))
        residual = moved - design @ theta
        stable = np.abs(residual) <= params.cutoff_sd * spread
        used = np.where(stable, weight, 0.0) / (scale * vertex_sd) ** 2
        precision = prior + (design * used[:, None]).T @ design
        theta = np.asarray(np.linalg.solve(precision, (design * used[:, None]).T @ moved), dtype=float)
        scale = _vertex_scale(moved - design @ theta, np.where(stable, weight, 0.0), vertex_sd, params)
    covariance = np.asarray(np.linalg.inv(precision), dtype=float)
    perimeter = float(edges.length.sum())
    height = simultaneous_height(perimeter, correlation_m, level=params.level)
    return Registration(
        shift_m=(float(theta[0]), float(theta[1])),
        offset_m=float(theta[2]),
        covariance=covariance,
        vertex_scale=scale,
        correlation_m=correlation_m,
        stable_fraction=float(edges.length[stable].sum() / perimeter),
        threshold_m=height * scale * vertex_sd,
    )


def relative_sds(errors: TracePair) -> tuple[float, float, float]:
    """Shift, offset and vertex error of one trace against the other; one image has one shift."""
    before, after = errors
    same = before.image == after.image
    shift = SAME_IMAGE_SHIFT_M if same else math.hypot(before.shift_m, after.shift_m)
    return shift, math.hypot(before.offset_m, after.offset_m), math.hypot(before.vertex_m, after.vertex_m)


def _vertex_scale(residual: Floats, weight: Floats, vertex_sd: float, params: BoundaryChangeParams) -> float:
    """Observed over stated vertex error, drawn towards one by few data, never below one."""
    observed = float((weight * residual**2).sum()) / vertex_sd**2
    ratio = (params.prior_pieces + observed) / (params.prior_pieces + float(weight.sum()))
    return math.sqrt(max(1.0, ratio))


def registered(later: BaseGeometry, registration: Registration) -> BaseGeometry:
    """The later perimeter as it would lie had it been traced with the earlier one's shift and offset."""
    east, north = registration.shift_m
    back = translate(later, xoff=-east, yoff=-north)
    inward: BaseGeometry = back.buffer(-registration.offset_m, join_style="mitre", mitre_limit=2.0)
    return inward
