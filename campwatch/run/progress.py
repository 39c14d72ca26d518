"""What a run is doing right now, for whoever watches: a bar on a terminal, a line in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing being done, and how far it is where that can be counted."""

    site_id: str
    doing: str
    done: int | None = None
    total: int | None = None

    @property
    def text(self) -> str:
        """In words."""
        counted = f", {self.done} of {self.total}" if self.total is not None else ""
        return f"{self.site_id}: {self.doing}{counted}"


Progress = Callable[[Step], None]


def log_step(step: Step) -> None:
    """The step as a log line."""
    _log.info("%s", step.text)
