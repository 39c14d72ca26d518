"""Sites are searched side by side, a few at a time, and a run reads the archive once."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from campwatch.run import search
from campwatch.run.search import SEARCHES, search_sites
from evidence.errors import SourceError
from imagery.archive import store
from imagery.archive.fetch import fetch_new
from imagery.archive.listing import list_products
from imagery.archive.store import Archive
from imagery.sources.static import StaticCatalog
from tests.servers import tiny

SPAN = {"since": dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2025, 1, 1, tzinfo=dt.UTC)}


class Slow:
    """A source that takes its time over a search, and counts how many it is asked at once."""

    name = "slow"

    def __init__(self, seconds: float, *, fails: str = "") -> None:
        self.seconds, self.fails = seconds, fails
        self.lock, self.open, self.most, self.asked = threading.Lock(), 0, 0, 0

    def search(self, bounds: Any, since: Any, until: Any) -> list[Any]:  # noqa: ARG002
        with self.lock:
            self.open, self.asked = self.open + 1, self.asked + 1
            self.most = max(self.most, self.open)
        time.sleep(self.seconds)
        with self.lock:
            self.open -= 1
        return []

    def fetch(self, *_: Any) -> Any:
        raise NotImplementedError


def sites(count: int) -> list[Any]:
    return [tiny.site(f"site-{k}") for k in range(count)]


@pytest.mark.parametrize("count", [2, 4, 9])
def test_sites_are_searched_side_by_side_and_never_more_than_a_few(count: int, tmp_path: Path) -> None:
    source = Slow(0.2)
    found = search_sites(sites(count), Archive(tmp_path), [source], **SPAN)
    assert set(found) == {f"site-{k}" for k in range(count)}
    assert source.asked == count
    assert source.most == min(count, SEARCHES)


def test_a_site_whose_search_fails_is_left_out_or_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(site: Any, *rest: Any, **options: Any) -> Any:
        if site.id == "site-1":
            raise SourceError("a bug met at one site")
        return list_products(site, *rest, **options)

    monkeypatch.setattr(search, "list_products", failing)
    assert set(search_sites(sites(3), Archive(tmp_path), [Slow(0)], **SPAN)) == {"site-0", "site-2"}
    with pytest.raises(SourceError, match="one site"):
        search_sites(sites(3), Archive(tmp_path), [Slow(0)], strict=True, **SPAN)


def test_a_run_reads_each_item_of_the_archive_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = StaticCatalog(tiny.write_catalog(tmp_path / "catalog"))
    both = sites(2)
    for site in both:
        fetch_new(site, Archive(tmp_path / "archive"), [source], **SPAN)
    read: Counter[Path] = Counter()
    plain = store.read_item

    def counted(path: Path) -> Any:
        read[path] += 1
        return plain(path)

    monkeypatch.setattr(store, "read_item", counted)
    archive = Archive(tmp_path / "archive")
    listings = search_sites(both, archive, [source], **SPAN)
    for site in both:
        report = fetch_new(site, archive, [source], listing=listings[site.id], **SPAN)
        assert report.fetched == []
        assert len(archive.products(site.id)) == 3
        assert archive.gaps(site.id) == []
        archive.preferred(site.id)
    assert len(read) == 6
    assert set(read.values()) == {1}
