"""Do the providers answer: one search and one small read each, and a table that gives no place away."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from aoi.site_file import read_site
from campwatch.identity import Clock, system_clock
from campwatch.run.sources import build_sources, privacy_mode
from campwatch.workspace import Workspace
from evidence.errors import WatchError
from imagery.records import Product, SceneSource
from imagery.sources.addresses import origin, shown
from imagery.sources.open import who_learns_what
from imagery.sources.privacy import PrivacyMode

SEARCHED_DAYS = 60
"""Back from today."""
WINDOW_DEG = 0.003
"""Side of the window that is read, about 300 m, in the south-western corner of the ordering box: the middle
of the box would say more than a run does."""
SMALL_BANDS = ("scl", "qa_pixel", "vv", "vh", "red", "nir")
"""Of a product, the first of these is read: coarse bands cost least."""
_TILE = re.compile(r"(?<![A-Z0-9])T?\d{2}[C-X][A-Z]{2}(?![A-Z0-9])")
"""A tile of the military grid, as 51SYD or T51SYD, in an id or a file name."""
NOTHING = f"nothing listed in the last {SEARCHED_DAYS} days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is about to go out to one provider."""

    provider: str
    learns: str
    cost: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of it; holds no place, no name and no credential."""

    provider: str
    listed: int | None
    """Products of the last days; None where the search failed."""
    search_s: float
    read: str
    """Band and bytes that came, or what went wrong."""
    read_s: float
    answered: bool
    """Whether everything that was asked for came."""


def planned(workspace: Workspace) -> list[Plan]:
    """What `probe` would ask of each provider, what it tells them and what it costs; nobody is asked.

    Raises:
        SettingsError: where a source cannot be built.
    """
    mode, sources = privacy_mode(workspace), build_sources(workspace)
    return [
        Plan(provider=name, learns=learns, cost=_cost(source, mode))
        for source, (name, learns) in zip(sources, who_learns_what(sources, mode=mode), strict=True)
    ]


def _cost(source: SceneSource, mode: PrivacyMode) -> str:
    asked = "one search, one band of one product"
    if source.name.startswith("static:"):
        return f"{asked}; read from disk"
    if hasattr(source, "cost"):
        return f"{asked}: about one processing unit"
    if getattr(source, "whole_files", False) or mode is PrivacyMode.TILE:
        return f"{asked}: a whole file, some 1 to 100 MB"
    return f"{asked}: under 1 MB"


def probe(
    workspace: Workspace,
    site_id: str,
    *,
    clock: Clock = system_clock,
    progress: Callable[[str], object] = lambda _: None,
) -> list[Answer]:
    """Search each provider once over a site and read one small window; the archive is left alone.

    Raises:
        AoiError: where there is no such site.
        SettingsError: where a source cannot be built.
    """
    (path,) = workspace.chosen_paths((site_id,))
    site = read_site(path)
    west, south, _, _ = site.bounds
    window = (west, south, west + WINDOW_DEG, south + WINDOW_DEG)
    answers = []
    for source in build_sources(workspace):
        progress(source.name)
        answers.append(_ask(source, site.bounds, window, clock(), hidden=(site.id, site.name)))
    return answers


Box = tuple[float, float, float, float]


def _ask(source: SceneSource, bounds: Box, window: Box, now: dt.datetime, hidden: Sequence[str]) -> Answer:
    started = time.monotonic()
    try:
        listed = list(source.search(bounds, now - dt.timedelta(days=SEARCHED_DAYS), now))
    except WatchError as err:
        took = time.monotonic() - started
        why = _clean(str(err), hidden)
        return Answer(
            provider=source.name,
            listed=None,
            search_s=took,
            read=f"search: {why}",
            read_s=0.0,
            answered=False,
        )
    searched = time.monotonic() - started
    read, answered = _read(source, listed, window, hidden)
    return Answer(
        provider=source.name,
        listed=len(listed),
        search_s=searched,
        read=read,
        read_s=time.monotonic() - started - searched,
        answered=answered,
    )


def _read(
    source: SceneSource, listed: Sequence[Product], window: Box, hidden: Sequence[str]
) -> tuple[str, bool]:
    """What reading the newest product gave, in words, and whether it went well."""
    for product in sorted(listed, key=lambda one: one.datetime, reverse=True):
        band = next(_offered(product), None)
        if band is None:
            continue
        try:
            fetched = source.fetch(product, (band,), window)
        except WatchError as err:
            return f"{band}: {_clean(str(err), (product.id, *hidden))}", False
        if band in fetched.lost:
            return f"{band}: {_clean(fetched.lost[band], (product.id, *hidden))}", False
        pixels = fetched.rasters[band].pixels
        return f"{band}: {pixels.shape[0]} x {pixels.shape[1]} pixels, {pixels.nbytes} bytes", True
    return NOTHING, True


def _offered(product: Product) -> Iterator[str]:
    yield from (band for band in SMALL_BANDS if band in product.assets)
    yield from product.assets


def _clean(text: str, hidden: Sequence[str]) -> str:
    """An error with hosts instead of addresses, and without what names the place or its tile."""
    words = [origin(word)[1] if "://" in word else word for word in text.split()]
    line = shown(" ".join(words))
    for name in (name for name in hidden if name):
        line = line.replace(name, "…")
    return _TILE.sub("…", line)
