"""What the patches of a state are measured with: knobs, grid, weights, departures."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from aoi.records import Site
from detection.change_dates import DateParams
from detection.coal.coverage import coverage, pixel_area_ha
from detection.disturbance_looks import LookParams
from detection.disturbance_state import DisturbanceState
from detection.monitor import PERSISTENT, PROVISIONAL

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def _dates_params() -> DateParams:
    return DateParams(low_quantile=0.25, high_quantile=1.0, before_days=10, after_days=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisturbanceParams:
    """Knobs of the measurement, saved with its result."""

    level: float = 0.95
    looks: LookParams = field(default_factory=LookParams)
    min_area_ha: float = 0.1
    """Mapping floor at 10 m."""
    withdrawn_min_ha: float = 0.5
    """Smallest withdrawn patch that is reported: smaller ones come and go with every haze."""
    min_share: float = 0.2
    """Least share of bared ground in the core of a patch (upper fifth of its pixels, bare ground being one):
    weaker patches stay provisional. Weather and odd years make departures that last, but not larger ones."""
    haze_looks: int = 4
    """Leaf-on looks that a patch needs which still looks green and has lost no near infrared."""
    dates: DateParams = field(default_factory=_dates_params)
    """Of the interval of first seen: early dates are last normal looks, late ones alerts."""
    burnt_days: int = 450
    """Days after which black ground that has not grown over is called what it looks like: two springs."""
    link_days: int = 180
    """Neighbouring pixels that departed further apart in time are two events, not one that grew."""
    share_sd: float = 0.2
    """How well the share of an edge pixel is known, sd."""
    missed_share: float = 0.11
    """Part of a patch that its neighbours' seasons or late pixels may hide, sd."""
    edge_m: float = 1.0
    """How far, common to all patches, the mapped edge may lie from the true one, sd."""
    reach_m: float = 6.0
    """How well the outermost point of a patch is known, sd."""
    residual_m: float = 5.0
    """Registration residual: no advance below it is claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every patch is measured with; arrays are (y, x)."""

    site: Site
    grid: GeoBox
    state: DisturbanceState
    weights: Floats
    """Hectares of each pixel inside the aoi."""
    departure: Floats
    """Departure as a share of that of bare ground; NaN where not known."""
    taken: Bools
    """Persistent pixels: what they hold belongs to their own patch."""
    params: DisturbanceParams
    waiting: Bools
    """Pixels of fields that are persistent but for a second season."""
    inside: dict[str, Floats]
    """Share of each pixel inside a boundary version, by its id."""

    def day(self, name: str) -> Ints:
        """One of the monitor's dates."""
        values: Ints = getattr(self.state.monitor, name).reshape(self.weights.shape)
        return values

    @property
    def returned(self) -> Bools:
        """Pixels that have grown over again."""
        return (self.state.returned_day >= 0).reshape(self.weights.shape)


def ground_of(state: DisturbanceState, site: Site, grid: GeoBox, params: DisturbanceParams) -> Ground:
    """What the patches of a state on a grid are measured with."""
    with np.errstate(invalid="ignore", divide="ignore"):
        departure = np.where(state.power > 0, state.pull / state.power, np.nan).reshape(grid.shape)
    return Ground(
        site=site,
        grid=grid,
        state=state,
        weights=coverage(site.aoi, grid) * pixel_area_ha(grid),
        departure=departure,
        taken=(state.monitor.status == PERSISTENT).reshape(grid.shape),
        waiting=_waiting(state, params).reshape(grid.shape),
        params=params,
        inside={},
    )


def _waiting(state: DisturbanceState, params: DisturbanceParams) -> Bools:
    monitor, p = state.monitor, params.looks.monitor
    told = (monitor.agreeing >= p.persist_looks) & (monitor.evidence >= p.persist_evidence)
    return np.asarray((monitor.status == PROVISIONAL) & monitor.twice & told & (monitor.returning == 0))
