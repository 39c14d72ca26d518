from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from aoi.site_file import read_site
from campwatch.cli.sites import app
from evidence.errors import AoiError, WorkspaceError

RING = [[126.03, 39.53], [126.07, 39.53], [126.07, 39.57], [126.03, 39.57], [126.03, 39.53]]


@pytest.fixture(autouse=True)
def _in_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "campwatch.toml").touch()


@dataclass
class State:
    folder: Path
    json: bool


def run(folder: Path, *arguments: str, as_json: bool = False, answers: str | None = None) -> Any:
    root = typer.Typer()

    @root.callback()
    def main(ctx: typer.Context) -> None:
        ctx.obj = State(folder, as_json)

    root.add_typer(app)
    result = CliRunner().invoke(root, ["sites", *arguments], input=answers)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def drawing(folder: Path, file: str = "drawn.geojson", **properties: Any) -> Path:
    geometry = {"type": "Polygon", "coordinates": [RING]}
    point = {"type": "Point", "coordinates": [126.05, 39.55]}
    features = [
        {"type": "Feature", "properties": properties, "geometry": geometry},
        {"type": "Feature", "properties": {"name": "gate", "told_by": "somebody"}, "geometry": point},
    ]
    path = folder / file
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def test_a_place_that_was_only_copied_into_sites_is_told(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    drawing(tmp_path / "sites", "fence.json", role="aoi", id="fence", name="Fence")
    said = run(tmp_path, "validate").stderr
    assert "fence.json: not read" in said
    assert "sites add" in said


def own_file(folder: Path, name: str, **properties: Any) -> Path:
    """A site file as somebody writes it by hand, with fields of their own."""
    (folder / "sites").mkdir(exist_ok=True)
    path = folder / "sites" / name
    aoi = {"role": "aoi", "id": "own", "name": "Own", "case_number": "17-b"}
    boundary = {"role": "boundary", "boundary_id": "v1", "valid_from": "2016-05-01", "drawn_for": "a court"}
    features = [
        {
            "type": "Feature",
            "properties": given | properties,
            "geometry": {"type": "Polygon", "coordinates": [RING]},
        }
        for given in (aoi, boundary)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def yard_file(folder: Path, **properties: Any) -> Path:
    ring = [[126.04, 39.54], [126.05, 39.54], [126.05, 39.55], [126.04, 39.55], [126.04, 39.54]]
    feature = {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path = folder / "more.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    return path


def test_a_file_that_is_written_again_keeps_what_its_author_put_there(tmp_path: Path) -> None:
    path = own_file(tmp_path, "영변.geojson")
    assert run(tmp_path, "accept", "own").exit_code == 0
    yard = yard_file(tmp_path, role="zone", id="yard", kind="stockyard")
    assert run(tmp_path, "add", str(yard), "--to", "own", "--yes").exit_code == 0
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    site = read_site(path)
    assert site.extra["case_number"] == "17-b"
    assert site.boundaries[0].extra["drawn_for"] == "a court"
    assert [zone.id for zone in site.zones] == ["yard"]


def test_what_is_added_to_a_site_is_held_to_the_rules_of_its_file(tmp_path: Path) -> None:
    path = own_file(tmp_path, "own.geojson")
    before = path.read_bytes()
    fence = yard_file(tmp_path, role="boundary", boundary_id="v2", valid_from="2016-05-01")
    with pytest.raises(AoiError, match="both begin on 2016-05-01"):
        run(tmp_path, "add", str(fence), "--to", "own", "--yes")
    assert path.read_bytes() == before


def test_a_shipped_site_is_added_shown_accepted_and_listed(tmp_path: Path) -> None:
    assert "campwatch sites list --shipped" in run(tmp_path, "list").stderr
    shipped = json.loads(run(tmp_path, "list", "Deukjang", "--shipped", as_json=True).stdout)
    assert "tukchang" in [site["id"] for site in shipped]
    assert run(tmp_path, "add", "tukchang", "--yes").exit_code == 0
    assert "not accepted" in run(tmp_path, "list").stdout
    shown = run(tmp_path, "show", "득장노동자구").stdout
    assert "contested" in shown
    assert "not a boundary" in shown
    assert "EPSG:32652" in shown
    run(tmp_path, "accept", "tukchang")
    assert read_site(tmp_path / "sites" / "tukchang.geojson").accepted
    with pytest.raises(AoiError, match=r"tukchang\.geojson exists"):
        run(tmp_path, "add", "tukchang", "--yes")
    listed = json.loads(run(tmp_path, "list", as_json=True).stdout)
    assert listed[0]["accepted"] is True


def test_adding_asks_what_the_file_does_not_say(tmp_path: Path) -> None:
    path = drawing(tmp_path, name="outline")
    result = run(
        tmp_path, "add", str(path), "--name", "봉창리", answers="fence\nboundary\nspring\n2016-02\ny\n"
    )
    assert result.exit_code == 0, result.stderr
    assert "told_by" in result.stderr
    assert "is not aoi, boundary" in result.stderr
    site = read_site(tmp_path / "sites" / "bongchangri.geojson")
    assert site.name == "봉창리"
    assert [b.valid_from for b in site.boundaries] == ["2016-02"]
    assert "somebody" not in (tmp_path / "sites" / "bongchangri.geojson").read_text(encoding="utf-8")


def test_a_no_writes_nothing_and_yes_does_not_guess(tmp_path: Path) -> None:
    path = drawing(tmp_path, name="fence 2016")
    assert run(tmp_path, "add", str(path), answers="n\n").exit_code == 1
    assert not (tmp_path / "sites").exists()
    open_question = drawing(tmp_path, "other.geojson", name="outline")
    with pytest.raises(AoiError, match="role is not known"):
        run(tmp_path, "add", str(open_question), "--yes")
    options = (
        "--role",
        "outline=zone:stockyard",
        "--role",
        "gate=skip",
        "--keep",
        "told_by",
        "--public",
        "--yes",
    )
    written = run(tmp_path, "add", str(open_question), *options, as_json=True)
    assert json.loads(written.stdout)["zones"] == 1
    assert run(tmp_path, "add", str(path), "--role", "nonsense").exit_code == 2


def test_validate_tells_good_from_bad_and_shared_ground(tmp_path: Path) -> None:
    for name in ("camp-14", "camp-18"):
        run(tmp_path, "add", name, "--yes")
    good = run(tmp_path, "validate")
    assert good.exit_code == 0
    assert "camp-18 and camp-14 share" in good.stderr
    (tmp_path / "sites" / "broken.geojson").write_text("{}", encoding="utf-8")
    bad = run(tmp_path, "validate", as_json=True)
    assert bad.exit_code == 1
    assert "broken.geojson" in json.loads(bad.stdout)["errors"][0]
    assert run(tmp_path, "list").exit_code == 3
    with pytest.raises(AoiError, match="2 sites answer"):
        run(tmp_path, "show", "camp")


def test_init_offers_the_shipped_sites_and_writes_those_that_are_named(tmp_path, command):
    offered = command("--json", "init", tmp_path / "a")
    assert offered.returncode == 0, offered.stderr
    shipped = [site["id"] for site in json.loads(offered.stdout)["shipped"]]
    assert shipped
    assert all(site_id in offered.stderr for site_id in shipped)
    chosen = command("init", tmp_path / "b", "--site", shipped[0], "--site", shipped[1])
    assert chosen.returncode == 0, chosen.stderr
    assert sorted(path.stem for path in (tmp_path / "b" / "sites").iterdir()) == sorted(shipped[:2])
    assert json.loads(command("--json", "-C", tmp_path / "b", "sites", "validate").stdout)["errors"] == []
    unknown = command("init", tmp_path / "c", "--site", "nowhere")
    assert unknown.returncode == 1
    assert not (tmp_path / "c").exists()


def test_what_a_site_lacks_is_added_to_it(tmp_path: Path) -> None:
    run(tmp_path, "add", "camp-18", "--yes")
    before = read_site(tmp_path / "sites" / "camp-18.geojson")
    path = drawing(tmp_path, name="fence 2016-02-07")
    added = run(tmp_path, "add", str(path), "--to", "camp-18", "--accuracy", "5", "--yes")
    assert added.exit_code == 0, added.output
    site = read_site(tmp_path / "sites" / "camp-18.geojson")
    (boundary,) = site.boundaries
    assert (boundary.accuracy_m, str(boundary.valid_from)) == (5, "2016-02-07")
    assert site.aoi.equals(before.aoi)
    assert {point.id for point in site.points} > {point.id for point in before.points}
    with pytest.raises(AoiError, match="already"):
        run(tmp_path, "add", str(path), "--to", "camp-18", "--yes")


def test_nothing_is_written_where_there_is_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "campwatch.toml").unlink()
    with pytest.raises(WorkspaceError, match="is not a workspace"):
        run(tmp_path, "add", "camp-18", "--yes")
    assert list(tmp_path.iterdir()) == []
