from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rasterio

from imagery.archive import Archive
from imagery.fetch import fetch_new
from imagery.sources.static import StaticCatalog
from tests.servers import tiny

ALL = {"since": dt.datetime(2015, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}
BANDS = ("blue", "green", "red", "nir")
ROOT = Path(__file__).resolve().parents[2]


class Crash(BaseException):
    """The machine goes off: nothing after it happens, no clean-up either."""


class Plug:
    """Lets so many file operations happen and then none at all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, allowed: int) -> None:
        self.allowed, self.count = allowed, 0
        monkeypatch.setattr(os, "fsync", self.guard(os.fsync))
        for name in ("replace", "write_bytes", "unlink", "rmdir", "mkdir"):
            monkeypatch.setattr(Path, name, self.guard(getattr(Path, name)))
        original = rasterio.open

        def opened(path: Any, mode: str = "r", **options: Any) -> Any:
            if mode == "w":
                self.tick()
            return original(path, mode, **options)

        monkeypatch.setattr(rasterio, "open", opened)

    def guard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **options: Any) -> Any:
            self.tick()
            return function(*args, **options)

        return guarded

    def tick(self) -> None:
        self.count += 1
        if self.count > self.allowed:
            raise Crash


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_catalog(tmp_path_factory.mktemp("source"), dates=tiny.days(1))


def fetch(catalog: Path, folder: Path) -> int:
    site = tiny.site(size_m=200)
    report = fetch_new(site, Archive(folder), [StaticCatalog(catalog)], bands=BANDS, workers=1, **ALL)
    assert not report.incomplete
    return len(report.fetched)


def links(folder: Path) -> int:
    document = json.loads((folder / "tiny" / "sentinel-2" / "collection.json").read_text(encoding="utf-8"))
    return sum(link["rel"] == "item" for link in document["links"])


def operations(catalog: Path, folder: Path) -> int:
    with pytest.MonkeyPatch.context() as patch:
        plug = Plug(patch, 10**9)
        fetch(catalog, folder)
    return plug.count


def test_a_crash_at_every_file_operation_leaves_an_archive_that_the_next_run_completes(
    catalog: Path, tmp_path: Path
) -> None:
    total = operations(catalog, tmp_path / "whole")
    assert total > 30
    doubled = {}
    for allowed in range(total):
        folder = tmp_path / str(allowed)
        with pytest.MonkeyPatch.context() as patch:
            Plug(patch, allowed)
            with pytest.raises(Crash):
                fetch(catalog, folder)
        before = len(Archive(folder).products("tiny"))
        fetched = fetch(catalog, folder)
        archive = Archive(folder)
        assert before + fetched == 1, allowed
        doubled[allowed] = len(archive.products("tiny", superseded=True))
        assert archive.verify() == [], allowed
        assert list(folder.rglob(".tmp-*")) == [], allowed
        assert links(folder) == 1, allowed
        assert fetch(catalog, folder) == 0
    assert set(doubled.values()) == {1}


def test_an_interrupted_run_keeps_what_it_has_and_lists_it(catalog: Path, tmp_path: Path) -> None:
    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_new(
            tiny.site(), Archive(tmp_path), [StaticCatalog(catalog)], progress=interrupt, workers=1, **ALL
        )
    assert Archive(tmp_path).verify() == []
    assert links(tmp_path) == len(Archive(tmp_path).products("tiny")) >= 1


def test_killed_runs_are_completed_by_the_next(tmp_path: Path) -> None:
    """The short version of benchmarks/fetch/kill.py."""
    spec = importlib.util.spec_from_file_location("kill", ROOT / "benchmarks" / "fetch" / "kill.py")
    assert spec is not None
    assert spec.loader is not None
    kill = importlib.util.module_from_spec(spec)
    sys.modules["kill"] = kill
    spec.loader.exec_module(kill)
    outcome = kill.torture(tmp_path, kills=3, seed=7)
    assert (outcome.kills, outcome.findings, outcome.leftovers) == (3, 0, 0)
