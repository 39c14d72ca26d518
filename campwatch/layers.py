"""The list of result layers. A new one is added here, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

from campwatch.alerts.book import ALERTS
from campwatch.questions.records import ANSWERS
from campwatch.reviews.records import MANUAL_OBSERVATIONS, REVIEWS, SAMPLED_RATES
from campwatch.run.rows import RUNS
from campwatch.run.series import series_rows
from detection.boundary.records import BOUNDARY_CHANGES
from detection.coal.records import COAL_SEARCH, SERIES, STOCKPILE_AREAS, STOCKPILES
from detection.ground.landsat_records import JOINED_RATES, LANDSAT_GROUND, LANDSAT_RATES
from detection.ground.records import (
    BARE_AT_START,
    DISTURBANCE_GROWTH,
    DISTURBANCE_REVISIONS,
    DISTURBANCES,
    FOOTPRINTS,
    GROUND_RATES,
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
        GROUND_RATES,
        BARE_AT_START,
        LANDSAT_GROUND,
        LANDSAT_RATES,
        JOINED_RATES,
        SAMPLED_RATES,
        BOUNDARY_CHANGES,
        STOCKPILE_AREAS,
        STOCKPILES,
        replace(SERIES, derived=series_rows),
        COAL_SEARCH,
        ANSWERS,
        REVIEWS,
        MANUAL_OBSERVATIONS,
        ALERTS,
        RUNS,
    )
)
"""Every result layer by name, in the order of tables and exports."""
NO_LONGER_KEPT = (SERIES.name,)
"""Layers that are made from others, whose rows older ledgers keep: a measurement takes these back."""


def measured_layers() -> tuple[str, ...]:
    """The layers that a measurement of a site describes completely."""
    return tuple(name for name, spec in LAYERS.items() if spec.measured)
