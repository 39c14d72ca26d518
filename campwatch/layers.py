"""The list of result layers. A new one is added here, and nowhere else."""

from __future__ import annotations

from campwatch.alerts.book import ALERTS
from campwatch.questions.records import ANSWERS
from campwatch.reviews.records import MANUAL_OBSERVATIONS, REVIEWS
from campwatch.run.rows import RUNS
from detection.boundary.records import BOUNDARY_CHANGES
from detection.coal.records import COAL_SEARCH, SERIES, STOCKPILE_AREAS, STOCKPILES
from detection.ground.records import (
    DISTURBANCE_GROWTH,
    DISTURBANCE_REVISIONS,
    DISTURBANCES,
    FOOTPRINTS,
)
from evidence.layers import by_name
from imagery.cube.observations import OBSERVATIONS

LAYERS = by_name(
    (
        OBSERVATIONS,
        FOOTPRINTS,
        DISTURBANCES,
        DISTURBANCE_GROWTH,
        DISTURBANCE_REVISIONS,
        BOUNDARY_CHANGES,
        STOCKPILE_AREAS,
        STOCKPILES,
        SERIES,
        COAL_SEARCH,
        ANSWERS,
        REVIEWS,
        MANUAL_OBSERVATIONS,
        ALERTS,
        RUNS,
    )
)
"""Every result layer by name, in the order of tables and exports."""


def measured_layers() -> tuple[str, ...]:
    """The layers that a measurement of a site describes completely."""
    return tuple(name for name, spec in LAYERS.items() if spec.measured)
