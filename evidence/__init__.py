"""What we can swear to: quantities, errors, files, the ledger, custody, the type of a result layer.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evidence.errors import WatchError
    from evidence.layers import LayerSpec, ReferenceKind
    from evidence.ledger import Ledger
    from evidence.quantity import Quantity

__all__ = ["LayerSpec", "Ledger", "Quantity", "ReferenceKind", "WatchError"]
_HOMES = {
    "LayerSpec": "evidence.layers",
    "Ledger": "evidence.ledger",
    "Quantity": "evidence.quantity",
    "ReferenceKind": "evidence.layers",
    "WatchError": "evidence.errors",
}


def __getattr__(name: str) -> Any:
    """A public name, from the module that holds it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names beside those of every module."""
    return sorted({*globals(), *__all__})
