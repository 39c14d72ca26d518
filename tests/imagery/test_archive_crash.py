"""Short versions of benchmarks/fetch/crash.py and kill.py, and what an interruption keeps."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fetch import kill
from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
from imagery.sources.static import StaticCatalog
from tests.servers import tiny, torture
from tests.servers.files import serve_files
from tests.servers.loopback import Fault, Loopback

ALL = {"since": dt.datetime(2015, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("torture")
    torture.prepare(folder)
    torture.begin(folder, folder / "begun" / "archive")
    return folder


def test_the_fetch_that_is_tortured_has_something_of_everything(begun: Path, tmp_path: Path) -> None:
    shutil.copytree(begun / "begun", tmp_path / "one")
    assert torture.operations(begun, tmp_path / "one" / "archive") > 150
    assert torture.complaints(begun, tmp_path / "one" / "archive") == []


@pytest.mark.parametrize("how", [{}, {"torn": True}, {"lost": True}], ids=["clean", "torn", "lost"])
def test_a_crash_leaves_what_the_next_run_makes_whole(
    begun: Path, tmp_path: Path, how: dict[str, bool]
) -> None:
    shutil.copytree(begun / "begun", tmp_path / "count")
    total = torture.operations(begun, tmp_path / "count" / "archive")
    first = 3 + 5 * len(how) * (2 if "lost" in how else 1)
    for allowed in range(first, total, 83):
        place = tmp_path / str(allowed)
        shutil.copytree(begun / "begun", place)
        assert torture.crash(begun, place / "archive", allowed, **how) == [], allowed


def test_the_check_can_fail(begun: Path, tmp_path: Path) -> None:
    """Pixels that change behind the archive's back, and an item that stands there twice."""
    shutil.copytree(begun / "begun", tmp_path / "one")
    archive = tmp_path / "one" / "archive"
    torture.fetch(begun, archive)
    item = Archive(archive).products("tiny")[0].item_path
    shutil.copytree(item.parent, item.parent.with_name("again"))
    (item.parent.with_name("again") / item.name).rename(item.parent.with_name("again") / "again.json")
    next(iter(Archive(archive).products("tiny")[1].bands.values())).write_bytes(b"")
    said = " ".join(torture.complaints(begun, archive))
    assert "products [" in said
    assert "0 bytes, was written with" in said


def test_killed_runs_are_completed_by_the_next(tmp_path: Path) -> None:
    outcome = kill.run(tmp_path, kills=3, seed=7)
    assert (outcome.kills, outcome.complaints) == (3, ())


def test_an_interrupted_run_keeps_what_it_has_and_lists_it(tmp_path: Path) -> None:
    catalog = tiny.write_catalog(tmp_path / "source", dates=tiny.days(1))

    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "archive"
    with pytest.raises(KeyboardInterrupt):
        fetch_new(
            tiny.site(), Archive(folder), [StaticCatalog(catalog)], progress=interrupt, workers=1, **ALL
        )
    assert Archive(folder).verify() == []
    document = json.loads((folder / "tiny" / "sentinel-2" / "collection.json").read_text(encoding="utf-8"))
    listed = sum(link["rel"] == "item" for link in document["links"])
    assert listed == len(Archive(folder).products("tiny")) >= 1


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt: processes that run tests in parallel ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt_once_one_is_kept(archive: Path, sent: list[float]) -> None:
    """Press Ctrl-C when the archive holds one product and the other is being waited for."""
    until = time.monotonic() + 60
    while time.monotonic() < until and not any(
        path.stem == path.parent.name for path in archive.glob("*/*/*/*/*.json")
    ):
        time.sleep(0.1)
    time.sleep(0.5)
    sent.append(time.monotonic())
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_does_not_wait_for_a_server_that_says_nothing(tmp_path: Path) -> None:
    tiny.write_catalog(tmp_path / "source", dates=tiny.days(2))
    with Loopback(serve_files(tmp_path / "source")) as server:
        server.faults = [Fault(path=r"item%201", kind="stall", times=99, seconds=60)]
        for index in range(2):
            path = tmp_path / "source" / f"item {index}" / "item.json"
            text = path.read_text("utf-8").replace("./", f"{server.url}/item%20{index}/")
            path.write_text(text, encoding="utf-8")
        source = StaticCatalog(tmp_path / "source" / "catalog.json")
        sent: list[float] = []
        threading.Thread(target=interrupt_once_one_is_kept, args=(tmp_path / "archive", sent)).start()
        with pytest.raises(KeyboardInterrupt):
            fetch_new(tiny.site(size_m=200), Archive(tmp_path / "archive"), [source], **ALL)
        assert time.monotonic() - sent[0] < 12
    archive = Archive(tmp_path / "archive")
    assert len(archive.products("tiny")) == 1
    assert archive.verify(deep=True) == []
