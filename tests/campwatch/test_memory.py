"""What is remembered between runs never changes a result."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest

from campwatch.identity import site_digest
from campwatch.run.inputs import Inputs, with_overrides
from campwatch.run.measure import measured_rows
from campwatch.run.memory import Memory
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.run.site_bench import SiteBench
from campwatch.run.site_job import site_work
from campwatch.workspace import open_workspace
from detection.coal.measure import StockpileParams
from detection.ground.params import EventParams
from evidence.errors import SettingsError
from evidence.ledger import Ledger
from imagery.simulate import CoalParams, SimulationParams, simulate_site
from maps.images import draw_look
from tests.campwatch.conftest import site_document, write_workspace
from tests.servers import tiny


@pytest.fixture(scope="module")
def years():
    """Four simulated summers of a small mine that grows, with a digest of each look's pixels."""
    params = SimulationParams(
        size_px=60,
        since=dt.date(2018, 1, 1),
        until=dt.date(2022, 1, 1),
        months=(6, 7, 8, 9, 12),
        coal=CoalParams(n_piles=1),
    )
    site = simulate_site(params, seed=71)
    cube = site.cube()
    digests = [f"look-{number}" for number in range(cube.sizes["time"])]
    return cube.assign_coords(content=("time", np.array(digests))), site.site


@pytest.fixture
def memory(tmp_path):
    return Memory(tmp_path / "memory", code="a" * 64)


def test_rows_from_memory_are_those_of_a_batch_run(years, memory):
    cube, site = years[0], dataclasses.replace(years[1], zones=())
    scenes = {str(scene): str(scene) for scene in cube["scene_id"].to_numpy()}
    inputs = Inputs(site="site", scenes=scenes, overrides={"stockpile": {"find_piles": False}})

    def row_ids(part, **options):
        return {row.key: row.row_id for row in measured_rows(part, site, inputs, **options)}

    for part in (cube.isel(time=slice(0, -4)), cube.isel(time=slice(0, -1)), cube):
        told = row_ids(part, memory=memory)
    assert told == row_ids(cube)
    assert any(key[0] == "disturbances" for key in told)
    late = cube.isel(time=[k for k in range(cube.sizes["time"]) if k != 20])
    row_ids(late, memory=memory)
    assert row_ids(cube, memory=memory) == told


def test_a_map_drawn_again_takes_its_pictures_from_memory(tmp_path, monkeypatch):
    catalog = tiny.write_catalog(tmp_path / "source", dates=tiny.days(2, step=10))
    workspace = open_workspace(write_workspace(tmp_path / "watch", catalog, site_document(size_m=600.0)))
    run_workspace(workspace, RunOptions())
    work = site_work(workspace, workspace.folder / "sites" / "tiny.geojson")
    page = workspace.maps_folder / "tiny.restricted.html"
    before = page.read_bytes()
    drawn = []
    monkeypatch.setattr("maps.pictures.draw_look", lambda *a: drawn.append(a[1]) or draw_look(*a))
    stale = workspace.state_folder / "memory" / "tiny" / "pictures" / "of-other-code"
    stale.mkdir()
    with Ledger(workspace.ledger_path) as ledger:
        assert SiteBench(workspace, work).draw(ledger) == page
    assert drawn == []
    assert page.read_bytes() == before
    assert not stale.exists()


def test_knobs_of_the_settings_reach_the_method_and_unknown_ones_are_named():
    params = with_overrides(EventParams(), {"least_looks": 7, "account_day": [7, 15]}, where="measure.ground")
    assert (params.least_looks, params.account_day) == (7, (7, 15))
    inner = with_overrides(StockpileParams(), {"fraction": {}, "floor_ha": 1}, where="measure.stockpile")
    assert inner.floor_ha == 1.0
    with pytest.raises(SettingsError, match="least_look is not a setting; the nearest is least_looks"):
        with_overrides(EventParams(), {"least_look": 7}, where="measure.ground")
    with pytest.raises(SettingsError, match="not a int"):
        with_overrides(EventParams(), {"least_looks": "many"}, where="measure.ground")


def test_other_code_starts_empty_and_damage_is_not_believed(memory, tmp_path):
    memory["ab"] = b"value"
    assert memory["ab"] == b"value"
    other = Memory(tmp_path / "memory", code="b" * 64)
    assert other.get("ab") is None
    path = tmp_path / "memory" / ("a" * 16) / "ab"
    path.write_bytes(path.read_bytes()[:-1] + b"E")
    assert memory.get("ab") is None
    other["cd"] = b"1"
    other.forget()
    assert not path.exists()
    assert list(other) == ["cd"]


def test_what_was_asked_for_longest_ago_goes_first(memory, tmp_path):
    import os

    for number, key in enumerate(("aa", "bb", "cc")):
        memory[key] = b"x" * 100
        os.utime(tmp_path / "memory" / ("a" * 16) / key, (number, number))
    again = Memory(tmp_path / "memory", code="a" * 64)
    assert again["aa"]
    again.forget(kept_bytes=150)
    assert sorted(again) == ["aa", "cc"]


def test_the_digest_of_a_site_is_of_what_its_file_says(tmp_path):
    path = tmp_path / "a.geojson"
    path.write_text('{"a": 1}', encoding="utf-8")
    one = site_digest(path)
    path.write_text('{ "a": 1 }', encoding="utf-8")
    assert site_digest(path) == one
    path.write_text('{"a": 2}', encoding="utf-8")
    assert site_digest(path) != one
