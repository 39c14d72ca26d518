"""Libraries that few need: an extra of the package brings them, and who lacks one is told its name."""

from __future__ import annotations

import importlib
from typing import Any

from evidence.errors import WatchError


def extra_module(name: str, extra: str, what: str) -> Any:
    """A library that an extra brings.

    Args:
        name: of the module.
        extra: that brings it.
        what: needs it, as a person calls it.

    Raises:
        WatchError: where it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as err:
        if (err.name or "").partition(".")[0] != name.partition(".")[0]:
            raise
        raise WatchError(f'{what} needs its extra: pip install "campwatch[{extra}]"') from err
