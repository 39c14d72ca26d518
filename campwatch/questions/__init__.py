"""Questions declared before anybody has looked, answered from the ledger, both kept in custody.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from campwatch.questions.answers import comparison_lines
    from campwatch.questions.comparison import answer, declare_comparison, read_question


__all__ = ["answer", "comparison_lines", "declare_comparison", "read_question"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "answers": ["comparison_lines"],
        "comparison": ["answer", "declare_comparison", "read_question"],
    },
)
