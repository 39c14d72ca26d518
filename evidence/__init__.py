"""What we can swear to: quantities, errors, files, the ledger, custody, the type of a result layer.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from evidence.errors import WatchError
    from evidence.layers import LayerSpec, ReferenceKind
    from evidence.ledger import Ledger
    from evidence.quantity import Quantity
    from evidence.rows import Row


__all__ = ["LayerSpec", "Ledger", "Quantity", "ReferenceKind", "Row", "WatchError"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "errors": ["WatchError"],
        "layers": ["LayerSpec", "ReferenceKind"],
        "ledger": ["Ledger"],
        "quantity": ["Quantity"],
        "rows": ["Row"],
    },
)
