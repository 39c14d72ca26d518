"""Simulated digitisations of simulated perimeters: the truth is known, the hand that traces it errs.

Perimeters are smooth closed curves of 3 to 120 km²; the ground gains up to three and loses up to one bulge
between the two versions (sometimes none). The errors of a trace have the stated radial root mean square; how
they are made up is a named model, most of which the intervals were not derived from.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from aoi.geodesy import parts
from aoi.records import Boundary, TracedImage
from detection.boundary.registration import Plane

Floats = NDArray[np.float64]
CENTRE = shapely.Point(126.086, 39.56)
TRUTH_STEP_M = 20.0
SHARES = (0.5, 0.2, 0.3)
"""Of the error's variance: shift, offset, vertices (the documented model)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Two true perimeters in one plane, metres."""

    before: Polygon
    after: Polygon


def _resampled(path: Floats, step: float) -> Floats:
    """A closed path, (n, 2) without the repeated last vertex, at an even step."""
    ring = shapely.LinearRing(path)
    count = max(8, round(ring.length / step))
    points = shapely.line_interpolate_point(ring, np.arange(count) * ring.length / count)
    return np.asarray(shapely.get_coordinates(points))


def _normals(path: Floats) -> Floats:
    """Outward normals of a counter-clockwise closed path."""
    step = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    return np.column_stack((step[:, 1], -step[:, 0])) / np.hypot(*step.T)[:, None]


def _perimeter(rng: np.random.Generator) -> Floats:
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    radius = np.ones(720)
    for k in range(2, 6):
        radius += rng.normal(0, 0.12 / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    radius *= math.sqrt(math.exp(rng.uniform(math.log(3e6), math.log(120e6))) / math.pi)
    return _resampled(np.column_stack((radius * np.cos(angle), radius * np.sin(angle))), TRUTH_STEP_M)


def _bulge(path: Floats, rng: np.random.Generator, sign: float) -> Floats:
    """The path pushed out (or in) along one stretch."""
    arc = np.arange(len(path)) * TRUTH_STEP_M
    total = len(path) * TRUTH_STEP_M
    width = rng.uniform(200.0, min(1500.0, total / 12))
    height = math.exp(rng.uniform(math.log(60.0), math.log(600.0)))
    from_middle = (arc - rng.uniform(0, total) + total / 2) % total - total / 2
    push = sign * height * np.exp(-((np.abs(from_middle) / width) ** 4))
    return path + _normals(path) * push[:, None]


def simulate_truth(rng: np.random.Generator) -> Truth:
    """A perimeter and what became of it."""
    while True:
        before = _perimeter(rng)
        after = before
        for _ in range(rng.integers(0, 4)):
            after = _bulge(after, rng, 1.0)
        if rng.random() < 0.3:
            after = _bulge(after, rng, -1.0)
        truth = Truth(before=Polygon(before), after=Polygon(after))
        if truth.before.is_valid and truth.after.is_valid:
            return truth


def _smooth(count: int, step: float, correlation: float, rng: np.random.Generator) -> Floats:
    """A periodic Gaussian process of unit variance, correlation exp(−x²/2L²), by its spectrum."""
    frequency = np.fft.rfftfreq(count, step)
    amplitude = np.exp(-((np.pi * frequency * correlation) ** 2))
    spectrum = amplitude * (rng.normal(size=len(frequency)) + 1j * rng.normal(size=len(frequency)))
    noise = np.fft.irfft(spectrum, count)
    variance = (2 * (amplitude[1:] ** 2).sum() * 2 + amplitude[0] ** 2) / count**2
    return np.asarray(noise / math.sqrt(variance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """One way to err; standard deviations come from the stated accuracy."""

    shift: Floats
    offset: float
    vertex: Callable[[Floats, np.random.Generator], Floats]
    rotation: float = 0.0
    missing: float = 0.0
    """Part of the perimeter that is joined by a straight line."""
    spacing: float = 80.0


def _correlated(sd: float, correlation: float) -> Callable[[Floats, np.random.Generator], Floats]:
    def vertex(path: Floats, rng: np.random.Generator) -> Floats:
        step = float(np.hypot(*(path[1] - path[0])))
        return sd * _smooth(len(path), step, correlation, rng)

    return vertex


def _white(sd: float) -> Callable[[Floats, np.random.Generator], Floats]:
    return lambda path, rng: rng.normal(0, sd, len(path))


def hand(model: str, accuracy_m: float, *, later: bool, rng: np.random.Generator) -> Hand:
    """A hand that errs after `model`."""
    axis = accuracy_m / math.sqrt(2)
    shift_sd, offset_sd, vertex_sd = (axis * math.sqrt(share) for share in SHARES)
    shift = rng.normal(0, shift_sd, 2)
    offset = rng.normal(0, offset_sd)
    vertex = _correlated(vertex_sd, 250.0)
    spacing = rng.uniform(50.0, 110.0)
    match model:
        case "as derived":
            return Hand(shift=shift, offset=offset, vertex=vertex, spacing=spacing)
        case "rotation":
            return Hand(
                shift=np.zeros(2),
                offset=offset,
                vertex=vertex,
                rotation=rng.normal(0, shift_sd * math.sqrt(2)),
                spacing=spacing,
            )
        case "one-sided bias":
            return Hand(
                shift=shift, offset=abs(offset) if later else -abs(offset), vertex=vertex, spacing=spacing
            )
        case "missing stretch":
            return Hand(
                shift=shift,
                offset=offset,
                vertex=vertex,
                missing=rng.uniform(0.01, 0.04) * later,
                spacing=spacing,
            )
        case "independent vertices":
            return Hand(shift=shift, offset=offset, vertex=_white(vertex_sd), spacing=spacing)
        case "long waves":
            return Hand(shift=shift, offset=offset, vertex=_correlated(vertex_sd, 600.0), spacing=spacing)
        case _:
            raise ValueError(model)


MODELS = ("as derived", "rotation", "one-sided bias", "missing stretch", "independent vertices", "long waves")


def _rotated(path: Floats, hand: Hand) -> Floats:
    """Turned about the middle so far that the root mean square displacement is `hand.rotation`."""
    middle = path.mean(axis=0)
    angle = hand.rotation / math.sqrt(float(((path - middle) ** 2).sum(axis=1).mean()))
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.asarray((path - middle) @ np.array([[cosine, sine], [-sine, cosine]]) + middle)


def digitise(true: Polygon, hand: Hand, rng: np.random.Generator) -> Polygon:
    """The perimeter as the hand traces it, in the plane."""
    path = _resampled(np.asarray(true.exterior.coords)[:-1], hand.spacing)
    traced = _rotated(path, hand) + hand.shift
    traced = traced + _normals(path) * (hand.offset + hand.vertex(path, rng))[:, None]
    gap = round(hand.missing * len(path))
    if gap > 1:
        start = rng.integers(0, len(path))
        traced = np.delete(traced, [(start + i) % len(path) for i in range(1, gap)], axis=0)
    polygon = Polygon(traced)
    if polygon.is_valid:
        return polygon
    repaired = [part for part in parts(shapely.make_valid(polygon)) if isinstance(part, Polygon)]
    return Polygon(max(repaired, key=lambda part: part.area).exterior)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One simulated pair with its truth."""

    model: str
    truth: Truth
    before: Boundary
    after: Boundary


def plane() -> Plane:
    """The plane of the simulation."""
    return Plane.around(CENTRE)


def simulate_case(model: str, *, seed: int, same_image: bool = False) -> Case:
    """Two digitisations of a perimeter and of what became of it."""
    rng = np.random.default_rng(seed)
    truth = simulate_truth(rng)
    accuracy = (rng.uniform(8.0, 30.0), rng.uniform(8.0, 30.0))
    hands = [
        hand(model, acc, later=later, rng=rng) for acc, later in zip(accuracy, (False, True), strict=True)
    ]
    frame = plane()
    boundaries = [
        Boundary(
            boundary_id=f"v{number}",
            geometry=frame.unproject(digitise(true, one, rng)),
            valid_from=f"20{10 + number}",
            image=TracedImage(provider="simulated", id="one" if same_image else f"image-{number}"),
            accuracy_m=acc,
            accuracy_kind="rmse",
        )
        for number, (true, one, acc) in enumerate(
            zip((truth.before, truth.after), hands, accuracy, strict=True), 1
        )
    ]
    return Case(model=model, truth=truth, before=boundaries[0], after=boundaries[1])
