"""Validation samples: design, accuracy and area, references.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from detection.sampling.accuracy import STABLE, ReaderError, estimate_accuracy, resolve_labels, tally
    from detection.sampling.design import allocate, change_strata, draw_sample
    from detection.sampling.references import SiteCheck


__all__ = [
    "STABLE",
    "ReaderError",
    "SiteCheck",
    "allocate",
    "change_strata",
    "draw_sample",
    "estimate_accuracy",
    "resolve_labels",
    "tally",
]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "accuracy": ["STABLE", "ReaderError", "estimate_accuracy", "resolve_labels", "tally"],
        "design": ["allocate", "change_strata", "draw_sample"],
        "references": ["SiteCheck"],
    },
)
