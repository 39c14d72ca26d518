"""A run over an archive that holds Sentinel-2 and Landsat: each is measured on its own lattice."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from campwatch import RunOptions, create_workspace, run_workspace
from campwatch.custody.reproduction import reproduce_run
from campwatch.custody.verification import verify_workspace
from detection.ground.landsat_records import LANDSAT_GROUND
from evidence.ledger import Ledger
from imagery.simulate import CLEAN_HABITS, SimulationParams, simulate_site

PARAMS = SimulationParams(size_px=96, since=dt.date(2022, 4, 1), until=dt.date(2022, 6, 20), missing=0)


@pytest.fixture(scope="module")
def watch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("both")
    site = simulate_site(PARAMS, seed=22)
    site.write_site_file(folder / "sites" / f"{site.site.id}.geojson")
    site.write_catalog(folder / "source", habits=dataclasses.replace(CLEAN_HABITS, landsat=True))
    made = create_workspace(folder, settings_text='[[source]]\nkind = "stac"\nurl = "source/catalog.json"\n')
    run_workspace(made, RunOptions(since=dt.date(2022, 1, 1)))
    return made


def test_each_year_has_an_account_with_instrument_and_resolution(watch):
    rows = watch.table(LANDSAT_GROUND.name)
    assert list(rows["resolution_m"]) == [30.0]
    assert list(rows["sensor"]) == ["landsat"]
    assert rows["looks"][0] >= 3
    assert rows["pairs"][0] >= 1
    assert abs(rows["red_difference"][0]) < 0.02
    assert rows["red_difference_low"][0] < rows["red_difference_high"][0]
    assert rows["area_ha"].isna().all()
    assert "looks that can be compared" in rows["reason"][0]


def test_custody_holds_the_scenes_of_both(watch):
    with Ledger(watch.ledger_path, read_only=True) as ledger:
        (entry,) = [e for e in ledger.custody() if e.action == "measure"]
    named = {scene.split("_")[0] for scene in entry.data["inputs"]["scenes"]}
    assert named >= {"landsat-8", "sentinel-2a"}


def test_the_run_is_verified_and_computed_again(watch):
    assert not verify_workspace(watch).findings
    with Ledger(watch.ledger_path, read_only=True) as ledger:
        (run,) = {e.run_id for e in ledger.custody() if e.action == "measure"}
    (again,) = reproduce_run(watch, run)
    assert again.differing == ()
    assert again.rows > 0
