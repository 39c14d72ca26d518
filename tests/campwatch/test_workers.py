"""What a run does when those who measure for it are lost, or are not what it is."""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import time
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from campwatch.identity import code_identity
from campwatch.run import allocation, pipeline, site_bench, workers
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.run.share import WORKER_FOLDER, ShareError, receive, send
from campwatch.run.site_job import site_work
from campwatch.run.workers import RENEWALS, Measured, Workers, measure_in_worker, measure_shared, open_workers
from campwatch.workspace import open_workspace
from detection.coal import measure, search
from evidence.errors import WatchError, WorkspaceError
from evidence.hashing import sha256_file
from evidence.ledger import Ledger
from imagery.cube import loading, reference_store
from tests.servers import tiny

from .conftest import site_document, write_workspace


class Gone(Executor):
    """Takes work, and is killed over it; or is gone already."""

    def __init__(self, *, takes: bool) -> None:
        self.takes = takes
        self.asked = 0

    def submit(self, *_):
        self.asked += 1
        if not self.takes:
            raise BrokenProcessPool("killed before")
        future = Future()
        future.set_exception(BrokenProcessPool("killed over it"))
        return future


class Answers(Executor):
    """Gives one answer to all."""

    def __init__(self, answer) -> None:
        self.answer = answer

    def submit(self, *_):
        future = Future()
        (future.set_exception if isinstance(self.answer, Exception) else future.set_result)(self.answer)
        return future


class Here(Executor):
    """Does the work at once, in this process; some of it is lost over it."""

    def __init__(self, lost=()) -> None:
        self.asked, self.lost = [], set(lost)

    def submit(self, task, *arguments):
        self.asked.append(task.__name__)
        future = Future()
        if len(self.asked) in self.lost:
            future.set_exception(BrokenProcessPool("killed over it"))
        else:
            future.set_result(task(*arguments))
        return future


@pytest.fixture(scope="module")
def watch(tmp_path_factory):
    """A workspace that was run by one process, and its rows."""
    catalog = tiny.write_catalog(tmp_path_factory.mktemp("source"), dates=tiny.days(2, step=10))
    folder = write_workspace(tmp_path_factory.mktemp("one") / "w", catalog, site_document())
    run_workspace(open_workspace(folder), RunOptions())
    return folder, catalog


def rows(folder):
    with Ledger(folder / "ledger.sqlite", read_only=True) as ledger:
        return {stored.row_id for stored in ledger.current() if stored.row.layer != "alerts"}


def work_of(folder):
    workspace = open_workspace(folder)
    return site_work(workspace, workspace.site_paths()[0])


def test_a_site_that_is_not_held_in_memory_has_the_same_rows(watch, tmp_path, monkeypatch):
    folder = write_workspace(tmp_path / "w", watch[1], site_document())
    put = []
    mapped = allocation._mapped
    monkeypatch.setattr(allocation, "_mapped", lambda *told: put.append(told[1]) or mapped(*told))
    monkeypatch.setattr(loading, "IN_MEMORY_SHARE", 0.0)
    monkeypatch.setattr(site_bench, "IN_MEMORY_SHARE", 0.0)
    monkeypatch.setattr(measure, "HELD_BYTES", 0)
    assert run_workspace(open_workspace(folder), RunOptions()).complete
    assert put
    assert rows(folder) == rows(watch[0])


@pytest.mark.parametrize("takes", [True, False])
def test_a_site_whose_worker_is_lost_is_measured_by_the_run(watch, takes, tmp_path, monkeypatch, caplog):
    folder = write_workspace(tmp_path / "w", watch[1], site_document())
    gone = Gone(takes=takes)
    monkeypatch.setattr(workers, "ProcessPoolExecutor", lambda *_, **__: gone)
    summary = run_workspace(open_workspace(folder), RunOptions(workers=2))
    assert gone.asked == 1 + RENEWALS
    assert summary.complete
    assert rows(folder) == rows(watch[0])
    (told,) = [record for record in caplog.records if record.name == "campwatch.run.workers"]
    assert told.levelno == logging.WARNING
    assert "site tiny is measured by the run itself" in told.getMessage()


def dies_once(folder, work):
    """Measures a site, but the first time it is asked ends its process as a kill would."""
    flag = Path(folder) / "died"
    if not flag.exists():
        flag.touch()
        os._exit(1)
    return measure_in_worker(folder, work)


def test_processes_of_which_one_was_killed_are_started_again(watch, tmp_path, monkeypatch, caplog):
    folder = write_workspace(tmp_path / "w", watch[1], site_document("one"), site_document("two"))
    monkeypatch.setattr(workers, "measure_in_worker", dies_once)
    monkeypatch.setattr(pipeline, "_bench", lambda *_: pytest.fail("the run worked itself"))
    summary = run_workspace(open_workspace(folder), RunOptions(workers=2))
    assert (folder / "died").exists()
    assert summary.complete
    assert all(site.map_path and site.map_path.exists() for site in summary.sites)
    assert not [record for record in caplog.records if record.name == "campwatch.run.workers"]
    assert run_workspace(open_workspace(folder), RunOptions()).sites[0].map_path is None


def once(task, *unwanted):
    """The task, in which some functions must not be called any more."""

    def remembered(*arguments):
        with pytest.MonkeyPatch.context() as patch:
            for module, name in unwanted:
                patch.setattr(module, name, lambda *_, **__: pytest.fail("computed twice"))
            return task(*arguments)

    remembered.__name__ = task.__name__
    return remembered


def test_a_large_site_is_divided_and_nothing_of_it_is_computed_twice(watch, tmp_path, monkeypatch):
    folder = write_workspace(tmp_path / "w", watch[1], site_document())
    here = Here()
    monkeypatch.setattr(workers, "DIVIDED_PX", 100)
    monkeypatch.setattr(workers, "ProcessPoolExecutor", lambda *_, **__: here)
    unwanted = ((reference_store, "build_references"), (loading, "load_scene"), (search, "found_in_block"))
    monkeypatch.setattr(workers, "measure_in_worker", once(measure_in_worker, *unwanted))
    summary = run_workspace(open_workspace(folder), RunOptions(workers=2))
    assert summary.complete
    assert rows(folder) == rows(watch[0])
    parts = ["reference_in_worker", *2 * ["grid_in_worker"], *5 * ["ahead_in_worker"]]
    assert here.asked == [*parts, "measure_in_worker", "draw_in_worker"]


@pytest.mark.parametrize("lost", [(1,), (2, 3), (5, 6, 7), range(1, 9)])
def test_parts_that_are_lost_cost_time_alone(watch, lost, tmp_path, monkeypatch, caplog):
    folder = write_workspace(tmp_path / "w", watch[1], site_document())
    monkeypatch.setattr(workers, "DIVIDED_PX", 100)
    monkeypatch.setattr(workers, "RENEWALS", 0)
    monkeypatch.setattr(workers, "ProcessPoolExecutor", lambda *_, **__: Here(lost))
    summary = run_workspace(open_workspace(folder), RunOptions(workers=2))
    assert summary.complete
    assert rows(folder) == rows(watch[0])
    told = [record for record in caplog.records if record.name == "campwatch.run.workers"]
    assert len(told) == len(lost)
    assert all("a part of site tiny is computed later" in record.getMessage() for record in told)


def test_real_processes_divide_a_site_and_give_the_same_rows(watch, tmp_path):
    folder = write_workspace(tmp_path / "w", watch[1], site_document())
    workspace, work = open_workspace(folder), work_of(watch[0])
    shutil.copytree(watch[0] / "archive", folder / "archive")
    with open_workers(2, None) as others:
        others.compute_ahead(workspace, work)
        kept = list((folder / "state" / "memory" / "tiny" / "measured").rglob("*/*"))
        found = others.rows(others.ask_rows(workspace, work))
    assert kept
    assert {row.row_id for row in found} == {
        row.row_id for row in measure_in_worker(str(watch[0]), work).rows
    }


def test_which_sites_are_divided():
    others = Workers(Here(), (), processes=4)
    assert others.divides(workers.DIVIDED_PX, 3)
    assert not others.divides(workers.DIVIDED_PX - 1, 1)
    assert not others.divides(workers.DIVIDED_PX, 4)
    assert others.divides(workers.LARGE_PX, 200)
    assert not Workers(Here(), (), processes=1).divides(workers.LARGE_PX, 1)
    assert not Workers(Here(), (), processes=4, share="s3://bucket/folder").divides(workers.LARGE_PX, 1)


def test_rows_of_other_code_are_refused(watch):
    work = work_of(watch[0])
    others = Workers(Answers(Measured(rows=[], code={**code_identity(), "source": "0" * 64})), ())
    with pytest.raises(WatchError, match=r"other code than this run.*000000000000"):
        others.rows(others.ask_rows(open_workspace(watch[0]), work))


def test_what_a_worker_met_is_told_as_its_own_fault(watch):
    others = Workers(Answers(WatchError("the archive's file is torn")), ())
    with pytest.raises(WatchError, match="torn"):
        others.rows(others.ask_rows(open_workspace(watch[0]), work_of(watch[0])))


def test_what_is_sent_arrives_as_it_was(watch):
    work = work_of(watch[0])
    assert pickle.loads(pickle.dumps(work)).recipe == work.recipe  # noqa: S301 - our own


def test_a_scheduler_that_does_not_answer_ends_the_run_before_anything_is_measured(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(workers, "CONNECT_S", 0.5)
    with (
        pytest.raises(WorkspaceError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"),
        open_workers(1, "tcp://127.0.0.1:9"),
    ):
        pytest.fail("nobody is there")


def slow(*_):
    time.sleep(5)


def test_a_scheduler_that_dies_leaves_its_sites_to_the_run(watch, monkeypatch):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address="127.0.0.1:0"
    )
    with open_workers(1, cluster.scheduler_address) as others:
        monkeypatch.setattr(workers, "measure_in_worker", slow)
        asked = others.ask_rows(open_workspace(watch[0]), work_of(watch[0]))
        cluster.close()
        assert others.rows(asked) is None


def test_a_cluster_that_does_not_start_leaves_all_sites_to_the_run(monkeypatch, caplog):
    distributed = pytest.importorskip("distributed")

    def fails(**_):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", fails)
    with open_workers(1, "local:2") as others:
        assert others is None
    assert "no cluster started: Nanny failed to start." in caplog.text


def test_a_number_of_processes_is_a_number():
    pytest.importorskip("distributed")
    with pytest.raises(WorkspaceError, match="local:N takes a number"), open_workers(1, "local:many"):
        pytest.fail("not a number")


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(WorkspaceError, match=r"campwatch\[dask\]"), open_workers(1, "local:2"):
        pytest.fail("there is none")


@pytest.fixture
def shared(watch, tmp_path, monkeypatch):
    """A copy of the workspace, an object store with its files, and another machine's folder."""
    pytest.importorskip("fsspec")
    monkeypatch.setenv(WORKER_FOLDER, str(tmp_path / "another machine"))
    folder = shutil.copytree(watch[0], tmp_path / "w")
    return folder, send(open_workspace(folder), work_of(folder), (tmp_path / "store").as_uri())


def objects(tmp_path):
    return sorted(path for path in (tmp_path / "store").rglob("*") if path.is_file())


def test_a_worker_without_the_folder_gives_the_same_rows(watch, shared, tmp_path):
    (shared[0] / "archive").rename(tmp_path / "nowhere")
    measured = measure_shared(pickle.loads(pickle.dumps(shared[1])))  # noqa: S301 - our own
    found = {row.row_id for row in measured.rows}
    assert found == rows(watch[0])
    assert measured.code == code_identity()


def test_what_the_store_holds_is_not_sent_again_and_what_is_torn_is(shared, tmp_path):
    held = objects(tmp_path)
    assert {path.stem for path in held} == {sha256_file(path) for path in held}
    before = [path.stat().st_mtime_ns for path in held]
    held[0].write_bytes(held[0].read_bytes()[:-1])
    send(open_workspace(shared[0]), work_of(shared[0]), shared[1].share)
    assert sha256_file(held[0]) == held[0].stem
    assert [path.stat().st_mtime_ns for path in held][1:] == before[1:]


def test_other_bytes_than_were_sent_are_not_measured(shared, tmp_path):
    for changed in objects(tmp_path):
        data = changed.read_bytes()
        changed.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ShareError, match="other bytes than were sent"):
        receive(shared[1])
    assert not [path for path in (tmp_path / "another machine").rglob("*") if path.is_file()]


def test_a_store_that_cannot_be_reached_leaves_the_site_to_the_run(watch, caplog):
    others = Workers(Gone(takes=True), (OSError,), share="file:///proc/no/such/place")
    assert others.rows(others.ask_rows(open_workspace(watch[0]), work_of(watch[0]))) is None
    assert "site tiny is measured by the run itself: file:///proc/no/such/place" in caplog.text


def test_a_store_that_nobody_knows_ends_the_run(watch):
    with pytest.raises(WorkspaceError, match=r"--share nosuch://here"):
        send(open_workspace(watch[0]), work_of(watch[0]), "nosuch://key@here")


def test_dask_workers_measure_by_way_of_a_store(watch, tmp_path, monkeypatch, cli):
    pytest.importorskip("distributed")
    monkeypatch.setenv(WORKER_FOLDER, str(tmp_path / "another machine"))
    folder = write_workspace(tmp_path / "w", watch[1], site_document())
    store = (tmp_path / "store").as_uri()
    summary = run_workspace(open_workspace(folder), RunOptions(dask="local:1", share=store))
    assert summary.complete
    assert rows(folder) == rows(watch[0])
    assert not (folder / "cache" / "tiny").exists() or not list((folder / "state").rglob("measured"))
    names = {path.name for path in (tmp_path / "another machine").rglob("objects/tiny/*")}
    assert names == {path.name for path in objects(tmp_path)}
    refused = cli("-C", folder, "run", "--share", store)
    assert refused.returncode == 2
    assert "--dask" in refused.stderr
