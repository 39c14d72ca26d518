"""Processing units: what a request costs, and a month's budget that outlives the run, never exceeded."""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from evidence.errors import SourceError
from evidence.files import write_text
from imagery.sources.retry import QuotaError

log = logging.getLogger(__name__)

UNIT_PIXELS = 512 * 512
UNIT_BANDS = 3
"""Input bands that one unit pays for. Documented: Sentinel Hub, processing units."""
LEAST_UNITS = 0.005
"""Of one request. Documented: the same page."""
LEAST_SHARE = 0.01
"""Of an image of 512 by 512 pixels, that is paid for. Documented: the same page."""
LONGEST_SHORT_SAMPLE_BITS = 16
"""Longer samples cost twice. Documented: the same page."""
RADIOMETRIC_TERRAIN_FACTOR = 2.5
"""Sentinel-1 with terrain-flattened gamma0; 2 for orthorectification alone. Documented: the same page."""
CATALOG_AREA_M2 = 1e12
"""Of a search that costs one unit a month. Documented: the same page."""
LEAST_CATALOG_UNITS = 0.01
"""Of a search. Documented: the same page."""
MOST_CATALOG_UNITS = 1.0
"""Of a search. Documented: the same page."""


def processing_units(
    width: int, height: int, *, bands: int, bits: int = 16, samples: float = 1, factor: float = 1.0
) -> float:
    """The price of one Process request.

    Args:
        width: pixels.
        height: pixels.
        bands: input bands; dataMask is free.
        bits: of the widest output.
        samples: images per pixel.
        factor: of the collection (radar).
    """
    share = max(width * height / UNIT_PIXELS, LEAST_SHARE)
    wide = 2 if bits > LONGEST_SHORT_SAMPLE_BITS else 1
    return max(LEAST_UNITS, share * bands / UNIT_BANDS * wide * samples * factor)


def catalog_units(area_m2: float, months: float) -> float:
    """The price of one Catalog request."""
    asked = max(area_m2 / CATALOG_AREA_M2, LEAST_CATALOG_UNITS) * math.ceil(max(months, 1e-9))
    return min(MOST_CATALOG_UNITS, asked)


class Purse:
    """Units set aside for one product, so that none is begun that the budget cannot finish."""

    def __init__(self, units: float, more: Callable[[float], None]) -> None:
        """Take what was set aside, and what sets more aside."""
        self.left, self._more, self._lock = units, more, threading.Lock()

    def take(self, units: float) -> None:
        """Pay for one attempt; beyond what was set aside (after answers that nobody can price) ask for more.

        Raises:
            QuotaError: where there is no more.
        """
        with self._lock:
            if self.left < units:
                self._more(units - self.left)
                self.left = units
            self.left -= units

    def give_back(self, units: float) -> None:
        """An attempt cost less, or nothing."""
        with self._lock:
            self.left += units


class UnitBudget:
    """A month's units, on disk: what is set aside counts as spent until the answer says otherwise."""

    def __init__(
        self,
        path: Path,
        *,
        units_per_month: float,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """Name the file; it is made by the first request.

        Args:
            path: JSON, one entry per month.
            units_per_month: never exceeded.
            now: UTC; the budget starts anew on the first of each month.
        """
        self._path, self.units_per_month, self._now = path, units_per_month, now
        self._thread_lock = threading.Lock()
        self._process_lock = FileLock(path.with_name(f"{path.name}.lock"), thread_local=False)

    @property
    def month(self) -> str:
        """The current month, as in 2026-11."""
        return f"{self._now():%Y-%m}"

    def spent(self, month: str | None = None) -> float:
        """Units spent or set aside in a month, the current one by default."""
        return float(self._read().get(month or self.month, {}).get("units", 0.0))

    def remaining(self) -> float:
        """Units left this month; 0 once the provider said that there are none."""
        entry = self._read().get(self.month, {})
        return (
            0.0 if entry.get("refused") else max(0.0, self.units_per_month - float(entry.get("units", 0.0)))
        )

    @contextmanager
    def purse(self, units: float) -> Iterator[Purse]:
        """Set units aside; what was not spent comes back. A process that dies leaves them charged.

        Raises:
            QuotaError: where they would exceed the month's budget, or the provider has refused this month.
        """
        month = self._set_aside(units)
        purse = Purse(units, lambda more: self._add(month, more, checked=True))
        try:
            yield purse
        finally:
            self._add(month, -purse.left)

    def refuse(self, reason: str) -> None:
        """Remember that the provider serves nothing more this month."""
        with self._lock():
            document = self._read()
            document.setdefault(self.month, {"units": 0.0})["refused"] = reason
            self._write(document)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One at a time, among the threads of this process and among processes."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._thread_lock, self._process_lock:
            yield

    def _set_aside(self, units: float) -> str:
        with self._lock():
            document, month = self._read(), self.month
            entry = document.setdefault(month, {"units": 0.0})
            if entry.get("refused"):
                raise QuotaError(f"the provider refused for {month}: {entry['refused']}", status=403)
            self._check(entry, units, month)
            entry["units"] += units
            self._write(document)
            return month

    def _check(self, entry: dict[str, Any], units: float, month: str) -> None:
        if entry["units"] + units > self.units_per_month:
            raise QuotaError(
                f"{units:.3f} processing units would exceed the {self.units_per_month:g} of {month}, "
                f"of which {entry['units']:.3f} are spent"
            )

    def _add(self, month: str, units: float, *, checked: bool = False) -> None:
        with self._lock():
            document = self._read()
            entry = document.setdefault(month, {"units": 0.0})
            if checked:
                self._check(entry, units, month)
            entry["units"] = max(0.0, entry["units"] + units)
            self._write(document)

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self._path.exists():
            return {}
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise SourceError(f"{self._path} is not a readable budget; mend or remove it: {error}") from error
        return dict(document)

    def _write(self, document: object) -> None:
        write_text(self._path, json.dumps(document, indent=1, sort_keys=True))
