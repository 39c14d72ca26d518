"""What it means: stockpiles, ground, boundary change, pairs, answers. Pure functions.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

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
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "answers.questions": ["answer", "parse_question"],
        "boundary.change": ["measure_boundary_changes"],
        "coal.measure": ["StockpileParams", "measure_stockpiles"],
        "ground.measure": ["measure_ground"],
        "ground.params": ["GroundParams"],
        "pairs.score": ["score_pair"],
        "sampling.references": ["SiteCheck"],
    },
)
