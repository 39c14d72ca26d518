from __future__ import annotations

import csv
import json
import shutil

import pytest
from shapely.geometry import Polygon, mapping

from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import open_workspace
from evidence.errors import WatchError, WorkspaceError
from evidence.ledger import Ledger
from evidence.verify import verify_ledger

from .conftest import feature, site_document, write_workspace


@pytest.fixture(scope="module")
def ran(tmp_path_factory, catalog, cli):
    """A workspace in a folder with Hangul and spaces, after one run through the command line."""
    folder = write_workspace(tmp_path_factory.mktemp("감시 작업") / "my watch", catalog, site_document())
    result = cli("--json", "-C", folder, "run")
    assert result.returncode == 0, result.stderr
    return folder, json.loads(result.stdout)


def table(path):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_one_run_goes_through_every_room(ran):
    folder, document = ran
    (site,) = document["sites"]
    assert (site["looks"], site["fetched"], site["gaps"], site["error"]) == (8, 8, 0, None)
    assert (folder / "results.gpkg").is_file()
    assert (folder / "custody.jsonl").is_file()
    assert (folder / "archive" / "catalog.json").is_file()
    page = (folder / "maps" / "tiny.restricted.html").read_text("utf-8")
    assert "Simulated tiny" in page


def test_a_second_run_changes_nothing_and_says_so(ran, cli):
    folder, _ = ran

    def files():
        """Everything but the journal of runs, which tells that there was one."""
        paths = (path for path in folder.rglob("*") if path.is_file() and ".lock" not in path.name)
        return {path: path.read_bytes() for path in paths if path.parent.name != "logs"}

    before = files()
    result = cli("-C", folder, "run")
    assert result.returncode == 0, result.stderr
    assert "nothing new" in result.stderr
    assert files() == before


def test_export_csv_opens_in_excel_with_its_dictionary(ran, command):
    folder, _ = ran
    result = command("-C", folder, "export", "--format", "csv", "--restricted")
    assert result.returncode == 0, result.stderr
    out = folder / "exports" / "csv.restricted"
    assert (out / "observations.restricted.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    looks = table(out / "observations.restricted.csv")
    assert len(looks) == 8
    assert {row["status"] for row in looks} == {"used"}
    described = {(row["layer"], row["column"]) for row in table(out / "data_dictionary.restricted.csv")}
    for path in out.glob("*.csv"):
        layer = path.name.split(".")[0]
        if layer == "data_dictionary":
            continue
        assert set(table(path)[0]) <= {column for name, column in described if name == layer}


def test_figures_carry_intervals_or_a_reason(ran, command):
    folder, _ = ran
    command("-C", folder, "export", "--format", "csv", "--restricted")
    for row in table(folder / "exports" / "csv.restricted" / "stockpile_areas.restricted.csv"):
        if row["area_ha"]:
            assert float(row["area_ha_low"]) <= float(row["area_ha"]) <= float(row["area_ha_high"])
        else:
            assert row["reason"]


def test_archive_and_ledger_verify(ran, command):
    folder, _ = ran
    result = command("-C", folder, "verify", "--deep")
    assert result.returncode == 0, result.stderr
    assert "as it was written" in result.stderr


def test_a_flipped_byte_in_the_archive_is_named(ran, command, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(ran[0], folder)
    victim = min((folder / "archive").rglob("*.tif"))
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    result = command("-C", folder, "verify")
    assert result.returncode == 1
    assert victim.name in result.stderr


def test_derived_files_come_back_after_they_are_deleted(ran, tmp_path, command):
    folder = tmp_path / "copy"
    shutil.copytree(ran[0], folder)
    (folder / "results.gpkg").unlink()
    shutil.rmtree(folder / "maps")
    assert command("-C", folder, "run").returncode == 0
    assert (folder / "results.gpkg").is_file()
    assert (folder / "maps" / "tiny.restricted.html").is_file()


def test_a_changed_site_file_is_measured_again(ran, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(ran[0], folder)
    document = site_document()
    document["features"][1]["properties"]["boundary_id"] = "b-2021"
    (folder / "sites" / "tiny.geojson").write_text(json.dumps(document), encoding="utf-8")
    summary = run_workspace(open_workspace(folder), RunOptions())
    assert not summary.nothing_new
    with Ledger(folder / "ledger.sqlite") as ledger:
        assert verify_ledger(ledger) == []
        assert {row.row.data["boundary_id"] for row in ledger.current("footprints")} == {"b-2021"}


def bad_site(**geometry):
    document = site_document("bad")
    document["features"][0]["geometry"] = geometry
    return document


def crossing():
    west, south, east, north = Polygon(site_document()["features"][0]["geometry"]["coordinates"][0]).bounds
    return Polygon([(west, south), (east, north), (east, south), (west, north), (west, south)])


ELSEWHERE = Polygon([(20.0, 10.0), (20.1, 10.0), (20.1, 10.1), (20.0, 10.1)])


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(bad_site(**mapping(crossing())), id="self-crossing"),
        pytest.param(
            bad_site(type="Polygon", coordinates=[[["a", "b"], ["c", "d"], ["e", "f"], ["a", "b"]]]),
            id="strings for coordinates",
        ),
        pytest.param(
            {
                "type": "FeatureCollection",
                "features": [feature(ELSEWHERE, role="aoi", id="bad", name="far away")],
            },
            id="outside the imagery",
        ),
    ],
)
def test_a_bad_site_is_one_line_and_nothing_is_written(document, tmp_path, catalog, command):
    folder = write_workspace(tmp_path / "w", catalog, document)
    before = sorted(path.name for path in folder.rglob("*"))
    result = command("-C", folder, "run")
    assert result.returncode == 1, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stderr
    after = sorted(
        path.name for path in folder.rglob("*") if path.name not in {".lock", "logs", "runs.jsonl"}
    )
    assert after == before


def test_a_site_that_fails_does_not_stop_the_others(tmp_path, catalog, command):
    far = {"type": "FeatureCollection", "features": [feature(ELSEWHERE, role="aoi", id="far", name="far")]}
    folder = write_workspace(tmp_path / "w", catalog, site_document(), far)
    result = command("--json", "-C", folder, "run")
    assert result.returncode == 3
    errors = {site["site_id"]: site["error"] for site in json.loads(result.stdout)["sites"]}
    assert errors["tiny"] is None
    assert "far" in errors["far"]


def test_a_second_run_at_the_same_time_leaves(tmp_path, catalog):
    workspace = open_workspace(write_workspace(tmp_path / "w", catalog, site_document()))
    with workspace.lock(wait=False), pytest.raises(WorkspaceError, match="another run"):
        run_workspace(workspace, RunOptions())


def test_a_folder_that_is_no_workspace_is_said_to_be_none(tmp_path, cli):
    result = cli("-C", tmp_path, "run")
    assert result.returncode == 1
    assert "is not a workspace" in result.stderr


def test_wrong_usage_exits_with_two(cli):
    assert cli("run", "--no-such-option").returncode == 2


def test_an_unknown_site_is_named(tmp_path, catalog):
    workspace = open_workspace(write_workspace(tmp_path / "w", catalog, site_document()))
    with pytest.raises(WatchError, match="no site nowhere"):
        run_workspace(workspace, RunOptions(sites=("nowhere",)))


@pytest.mark.shared
def test_the_bolzano_catalogue_gives_twelve_observations(shared_data, tmp_path, command):
    """The workspace of the README's own site, on twelve real dates, three of them all cloud."""
    document = {
        "type": "FeatureCollection",
        "features": [
            feature(
                Polygon([(11.32, 46.482), (11.357, 46.482), (11.357, 46.505), (11.32, 46.505)]),
                role="aoi",
                id="bolzano",
                name="Bolzano",
            )
        ],
    }
    folder = write_workspace(tmp_path / "w", shared_data / "bolzano-stac" / "catalog.json", document)
    result = command("-C", folder, "run")
    assert result.returncode == 0, result.stderr
    with Ledger(folder / "ledger.sqlite") as ledger:
        looks = {row.row.data["datetime"][:10]: row.row.data for row in ledger.current("observations")}
    assert len(looks) == 12
    for day in ("2022-06-05", "2022-06-07", "2022-06-22"):
        assert looks[day]["status"] == "unusable"
        assert looks[day]["detail"]
        assert looks[day]["valid_fraction"] < 0.02
    assert sum(look["status"] == "used" for look in looks.values()) >= 7
