"""How it runs: workspace, runs, exports, reviews, alerts, questions, command line.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campwatch.layers import LAYERS
    from campwatch.run.pipeline import RunOptions, run_workspace
    from campwatch.workspace import Workspace, create_workspace, open_workspace

__version__ = "0.1.0"

__all__ = ["LAYERS", "RunOptions", "Workspace", "create_workspace", "open_workspace", "run_workspace"]
_HOMES = {
    "LAYERS": "campwatch.layers",
    "RunOptions": "campwatch.run.pipeline",
    "Workspace": "campwatch.workspace",
    "create_workspace": "campwatch.workspace",
    "open_workspace": "campwatch.workspace",
    "run_workspace": "campwatch.run.pipeline",
}


def __getattr__(name: str) -> Any:
    """A public name, from the module that holds it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names beside those of every module."""
    return sorted({*globals(), *__all__})
