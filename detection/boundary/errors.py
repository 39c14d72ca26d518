"""How far a traced perimeter may lie from the true one, and what that does to areas.

The error of a trace, along the outward normal at arc length s, is modelled as

    e(s) = t · n(s) + o + v(s)

- ``t``: shift of the image that was traced, common to every perimeter traced on it;
- ``o``: offset of the trace, the same all the way round (fence or cleared strip? which edge?);
- ``v(s)``: vertex error, a stationary Gaussian process of correlation ``exp(−Δs²/2L²)``.

The stated accuracy is shared among the three by fixed fractions of the variance. To first order the area
between two perimeters changes by the integral of e over the edges, so that a shift leaves the area of a
closed perimeter as it is, an offset changes it by o·P, and vertex errors average out over P/(L√2π) pieces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from aoi.records import Boundary

CE90_PER_AXIS = 2.1459660262893
"""Radius of the circle that holds 90 % of a circular normal error, in standard deviations of one axis.
Derived: sqrt(-2 ln 0.1)."""
RMSE_PER_AXIS = math.sqrt(2.0)
"""Radial root mean square error in standard deviations of one axis. Derived: two axes of one variance."""
UNKNOWNS = 3
"""Of a registration: shift east and north, offset. By definition."""
HIGHEST_SD, CLOSE_SD = 40.0, 1e-9
"""Standard deviations between which a height is looked for, and how near it is found: far below a
millimetre. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryChangeParams:
    """The comparison of two boundary versions; saved with the result."""

    level: float = 0.95
    """Probability of the intervals, 1. A choice of the user."""
    shift_share: float = 0.5
    """Part of the stated error variance that is the image's shift (geolocation dominates in high-resolution
    imagery of a country without ground control), 1. Assumed."""
    offset_share: float = 0.2
    """Part that is a constant offset of the trace, 1; the rest is vertex error. Assumed."""
    correlation_m: float = 250.0
    """L: over about this length one vertex error says something about the next, m. Assumed."""
    spacing_m: float = 40.0
    """Step of the comparison along the perimeter, m. Assumed: a sixth of the correlation length."""
    sectors: int = 16
    """Bearing sectors for the advance along the perimeter. Assumed: the sixteen points of the compass."""
    cutoff_sd: float = 3.0
    """Residuals beyond this are ground change, not error, while the registration is fitted, σ. Assumed: the
    usual three of a redescending estimator (Huber 1981)."""
    annealing: tuple[float, ...] = (1.0, 0.5, 0.25, 0.1, 0.0, 0.0, 0.0)
    """How much of the shift's own spread still widens the cutoff, pass by pass, 1. Assumed: halved until it
    is none, then three passes to settle."""
    prior_pieces: float = 20.0
    """Weight of the stated vertex error against the observed one, in independent stretches. Assumed."""
    longest_wave: float = 12.0
    """A wave longer than the perimeter over this is shift or offset, not vertex error, 1. Assumed."""
    shortest_pieces: float = 3.0
    """Independent stretches that a partial perimeter must hold to be compared. Derived: as many unknowns
    (shift east and north, offset) are fitted to them."""
    assumed_accuracy_m: float | None = None
    """Radial RMSE for versions that state none; without it their changes are not assessable."""

    @property
    def vertex_share(self) -> float:
        """Part that is vertex error."""
        return 1.0 - self.shift_share - self.offset_share


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceError:
    """Standard deviations of one trace's error."""

    shift_m: float
    """Of each axis."""
    offset_m: float
    vertex_m: float
    image: str
    """What is shared by the traces of one image."""


def axis_sd_m(boundary: Boundary, params: BoundaryChangeParams) -> float | None:
    """Standard deviation of one coordinate from the stated accuracy; None where there is none."""
    accuracy = boundary.accuracy_m
    if accuracy is None:
        assumed = params.assumed_accuracy_m
        return None if assumed is None else assumed / RMSE_PER_AXIS
    return accuracy / (CE90_PER_AXIS if boundary.accuracy_kind == "ce90" else RMSE_PER_AXIS)


def image_of(boundary: Boundary) -> str:
    """Names the traced image; a version that names none shares its image with no other."""
    image = boundary.image
    if image is None or image.id is None:
        return f"boundary:{boundary.boundary_id}"
    return f"image:{image.provider or ''}:{image.id}"


def trace_error(boundary: Boundary, params: BoundaryChangeParams) -> TraceError | None:
    """The error of a trace; None where its accuracy is not known."""
    sd = axis_sd_m(boundary, params)
    if sd is None:
        return None
    return TraceError(
        shift_m=sd * math.sqrt(params.shift_share),
        offset_m=sd * math.sqrt(params.offset_share),
        vertex_m=sd * math.sqrt(params.vertex_share),
        image=image_of(boundary),
    )


def integral_variance(length_m: float, correlation_m: float) -> float:
    """Variance of ``∫v ds`` over a stretch, for v of unit variance: ``∫∫ exp(−(s−t)²/2L²) ds dt``."""
    scaled = length_m / (correlation_m * math.sqrt(2.0))
    linear = length_m * correlation_m * math.sqrt(math.pi / 2.0) * math.erf(scaled)
    return max(0.0, 2.0 * (linear - correlation_m**2 * (1.0 - math.exp(-(scaled**2)))))


def independent_length_m(correlation_m: float) -> float:
    """The stretch that counts as one independent vertex error: ``∫ exp(−x²/2L²) dx = L√2π``."""
    return correlation_m * math.sqrt(2.0 * math.pi)


def exceedance(height: float, perimeter_m: float, correlation_m: float) -> float:
    """Probability that the error of a trace rises above a height anywhere on the perimeter (Rice 1945).

    Args:
        height: in standard deviations of the error.
        perimeter_m: length that is looked at.
        correlation_m: length over which the error stays alike.
    """
    upcrossings = perimeter_m / (2.0 * math.pi * correlation_m) * math.exp(-(height**2) / 2.0)
    return 1.0 - NormalDist().cdf(height) * math.exp(-upcrossings)


def simultaneous_height(perimeter_m: float, correlation_m: float, *, level: float) -> float:
    """Height that the error of a trace stays below all the way round, by bisection of `exceedance`.

    Args:
        perimeter_m: length that is looked at.
        correlation_m: length over which the error stays alike.
        level: probability that it stays below.

    Returns:
        In standard deviations of the error.
    """
    low, high = 0.0, HIGHEST_SD
    while high - low > CLOSE_SD:
        middle = (low + high) / 2.0
        if exceedance(middle, perimeter_m, correlation_m) > 1.0 - level:
            low = middle
        else:
            high = middle
    return high
