"""What it means: stockpiles, ground, boundary change, pairs, answers. Pure functions.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detection.answers.questions import answer, parse_question
    from detection.boundary.change import measure_boundary_changes
    from detection.coal.measure import StockpileParams, measure_stockpiles
    from detection.ground.measure import measure_ground
    from detection.ground.params import GroundParams
    from detection.pairs.score import score_pair
    from detection.sampling.references import SiteCheck

__all__ = [
    "GroundParams",
    "SiteCheck",
    "StockpileParams",
    "answer",
    "measure_boundary_changes",
    "measure_ground",
    "measure_stockpiles",
    "parse_question",
    "score_pair",
]
_HOMES = {
    "GroundParams": "detection.ground.params",
    "SiteCheck": "detection.sampling.references",
    "StockpileParams": "detection.coal.measure",
    "answer": "detection.answers.questions",
    "measure_boundary_changes": "detection.boundary.change",
    "measure_ground": "detection.ground.measure",
    "measure_stockpiles": "detection.coal.measure",
    "parse_question": "detection.answers.questions",
    "score_pair": "detection.pairs.score",
}


def __getattr__(name: str) -> Any:
    """A public name, from the module that holds it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names beside those of every module."""
    return sorted({*globals(), *__all__})
