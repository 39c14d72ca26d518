"""Where the time of a run goes: processor seconds by stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STAGES = (
    "search",
    "fetch",
    "inputs",
    "libraries",
    "cube",
    "looks",
    "ground",
    "boundary",
    "coal",
    "rows",
    "ledger",
    "map",
    "alerts",
    "tables",
)
"""In the order of a run; workers book nothing here."""


class Stopwatch:
    """Books processor seconds of this process under the stage at work; an inner stage stops the outer one."""

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        """Start with nothing booked."""
        self._clock = clock
        self._stages: list[str] = []
        self._since = clock()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Book what is done inside under `name`."""
        self._book()
        self._stages.append(name)
        try:
            yield
        finally:
            self._book()
            self._stages.pop()

    def _book(self) -> None:
        now = self._clock()
        if self._stages:
            name = self._stages[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now
