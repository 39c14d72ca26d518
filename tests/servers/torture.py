"""A fetch with something of everything, a machine that goes off at any moment, and what must then hold."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from imagery.archive.fetch import FetchReport, fetch_new
from imagery.archive.gaps import GapKind
from imagery.archive.store import Archive
from imagery.sources.budget import UnitBudget
from imagery.sources.static import StaticCatalog
from tests.servers import tiny

BANDS = ("blue", "green", "red", "nir", "swir16", "scl")
DATES = tiny.days(6, step=10)
MISSING, OVERCAST, BROKEN = 3, 4, 5
"""A date that nobody lists, one under cloud, one whose file is no image."""
GAPS = {GapKind.UNEXPLAINED: 1, GapKind.CLOUD: 1, GapKind.ERROR: 1}
PRODUCTS = 4
"""Three dates, the first of them in two processings."""
PRICE, MONTH = 1.0, 10_000.0
INTERVAL = {"since": DATES[0] - dt.timedelta(days=1), "until": DATES[-1] + dt.timedelta(days=1)}


class Paid(StaticCatalog):
    """A catalogue that behaves like a provider: lists all there is, and its pixels cost units."""

    masks_first = True
    lists_everything = True

    def __init__(self, path: Path, budget: UnitBudget) -> None:
        super().__init__(path)
        self._budget = budget

    def fetch(self, product: Any, bands: Any, bounds: Any) -> Any:
        with self._budget.purse(PRICE) as purse:
            purse.take(PRICE)
            return super().fetch(product, bands, bounds)


def prepare(folder: Path) -> None:
    """Two catalogues: all dates but one, and the first of them processed anew."""
    listed = [when for index, when in enumerate(DATES) if index != MISSING]
    tiny.write_catalog(folder / "old", dates=listed, baseline="02.09", offset=0)
    tiny.write_catalog(folder / "new", dates=listed[:1], identifier="S2A_T51SYD_reprocessed")
    overcast, broken = (folder / "old" / f"item {index - 1}" for index in (OVERCAST, BROKEN))
    tiny.write_tif(overcast / "scl.tif", np.full((240, 240), 9, "uint8"), pixel=20)
    tiny.write_tif(overcast / "swir16.tif", np.full((240, 240), 5000, "uint16"), pixel=20)
    (broken / "red.tif").write_bytes(b"<html>Service unavailable</html>")


def begin(folder: Path, archive: Path) -> None:
    """The archive as it was before the reprocessing: the first date is there."""
    ends = {"since": INTERVAL["since"], "until": DATES[0] + dt.timedelta(days=1)}
    fetch_new(_site(), Archive(archive), [_source(folder, "old", archive)], bands=BANDS, workers=1, **ends)


def fetch(folder: Path, archive: Path, *, workers: int = 1) -> FetchReport:
    """The run that is tortured."""
    sources = [_source(folder, name, archive) for name in ("new", "old")]
    return fetch_new(_site(), Archive(archive), sources, bands=BANDS, workers=workers, **INTERVAL)


def complaints(folder: Path, archive: Path) -> list[str]:
    """What is wrong after one more run; an empty list where it made everything whole."""
    fetch(folder, archive)
    store = Archive(archive)
    found = [f"{finding.where}: {finding.what}" for finding in store.verify(deep=True)]
    ids = [product.id for product in store.products("tiny", superseded=True)]
    if len(ids) != PRODUCTS or len(set(ids)) != PRODUCTS or len(store.products("tiny")) != PRODUCTS - 1:
        found.append(f"products {ids}")
    kinds = [gap.kind for gap in store.gaps("tiny")]
    if {kind: kinds.count(kind) for kind in set(kinds)} != GAPS:
        found.append(f"gaps {sorted(kinds)}")
    links = json.loads((archive / "tiny" / "sentinel-2" / "collection.json").read_text("utf-8"))["links"]
    if sum(link["rel"] == "item" for link in links) != PRODUCTS:
        found.append("the collection does not link every item")
    found += [f"left behind: {path}" for path in archive.rglob(".tmp-*")]
    if fetch(folder, archive).fetched:
        found.append("something was fetched twice")
    if not 0 < _budget(archive).spent() < MONTH:
        found.append("the budget was lost")
    return found


def _site() -> Any:
    return tiny.site(size_m=200)


def _source(folder: Path, name: str, archive: Path) -> Paid:
    return Paid(folder / name / "catalog.json", _budget(archive))


def _budget(archive: Path) -> UnitBudget:
    return UnitBudget(archive.parent / f"{archive.name}-units.json", units_per_month=MONTH)


class Crash(BaseException):
    """The machine goes off: nothing after it happens, no clean-up either."""


@dataclass
class Plug:
    """Lets so many file operations happen and then none at all.

    torn: the write at which the machine goes off is half done. lost: of what was written and not flushed,
    half is gone afterwards.
    """

    allowed: int
    torn: bool = False
    lost: bool = False
    count: int = 0
    dirty: set[Path] = field(default_factory=set)

    @contextmanager
    def pulled(self) -> Iterator[Plug]:
        with (
            mock.patch.object(os, "fsync", self._fsync(os.fsync)),
            mock.patch.object(Path, "write_bytes", self._write(Path.write_bytes)),
            mock.patch.object(Path, "replace", self._replace(Path.replace)),
            mock.patch.object(Path, "unlink", self._plain(Path.unlink)),
            mock.patch.object(Path, "rmdir", self._plain(Path.rmdir)),
            mock.patch.object(Path, "mkdir", self._plain(Path.mkdir)),
        ):
            yield self
        if self.lost:
            for path in self.dirty:
                if path.is_file():
                    os.truncate(path, path.stat().st_size // 2)

    def tick(self) -> None:
        self.count += 1
        if self.count > self.allowed:
            raise Crash

    def _plain(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **options: Any) -> Any:
            self.tick()
            return function(*args, **options)

        return guarded

    def _fsync(self, function: Callable[[int], None]) -> Callable[[int], None]:
        def guarded(descriptor: int) -> None:
            self.tick()
            self.dirty.discard(Path(f"/proc/self/fd/{descriptor}").readlink())
            function(descriptor)

        return guarded

    def _write(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(path: Path, data: bytes) -> Any:
            self.dirty.add(path.absolute())
            try:
                self.tick()
            except Crash:
                if self.torn and self.count == self.allowed + 1:
                    function(path, data[: len(data) // 2])
                raise
            return function(path, data)

        return guarded

    def _replace(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(path: Path, target: Path) -> Any:
            self.tick()
            if path.absolute() in self.dirty:
                self.dirty.discard(path.absolute())
                self.dirty.add(Path(target).absolute())
            return function(path, target)

        return guarded


def operations(folder: Path, archive: Path) -> int:
    """File operations of the whole fetch, over an archive that was begun."""
    with Plug(10**9).pulled() as plug:
        fetch(folder, archive)
    return plug.count


def crash(folder: Path, archive: Path, allowed: int, **how: bool) -> list[str]:
    """What is wrong after a crash past `allowed` operations and one more run; the archive was begun."""
    try:
        with Plug(allowed, **how).pulled():
            fetch(folder, archive)
    except Crash:
        return complaints(folder, archive)
    return [f"no crash after {allowed} operations"]
