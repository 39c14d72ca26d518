"""How it runs: workspace, runs, exports, reviews, alerts, questions, command line.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from campwatch.demonstration import simulated_workspace
    from campwatch.demonstration.simulated import simulated_mine
    from campwatch.layers import LAYERS
    from campwatch.pages.plain_map import site_map
    from campwatch.run.pipeline import RunOptions, run_workspace
    from campwatch.study import Study, create_workspace, open_workspace

__version__ = "0.1.0"

__all__ = [
    "LAYERS",
    "RunOptions",
    "Study",
    "create_workspace",
    "open_workspace",
    "run_workspace",
    "simulated_mine",
    "simulated_workspace",
    "site_map",
]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "demonstration": ["simulated_workspace"],
        "demonstration.simulated": ["simulated_mine"],
        "layers": ["LAYERS"],
        "pages.plain_map": ["site_map"],
        "run.pipeline": ["RunOptions", "run_workspace"],
        "study": ["Study", "create_workspace", "open_workspace"],
    },
)
