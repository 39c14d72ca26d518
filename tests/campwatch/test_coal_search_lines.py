"""What the search outside zones found and may have missed reaches everyone, also where nobody drew a zone."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from campwatch.cli.app import app
from campwatch.cli.summaries import UNCALIBRATED, search_lines, zone_lines
from campwatch.exports.bundle import collect
from campwatch.exports.word import write_word
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.run.status import newest_stockpiles, workspace_status
from campwatch.workspace import Workspace, open_workspace
from detection.coal.records import COAL_SEARCH, STOCKPILE_AREAS
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from tests.campwatch.conftest import site_document, write_workspace
from tests.servers import tiny


@pytest.fixture(scope="module")
def without_zones(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """After one run on a site that has no zone at all."""
    catalog = tiny.write_catalog(tmp_path_factory.mktemp("catalog"), dates=tiny.days(6, step=10))
    document = site_document("tiny")
    document["features"] = [one for one in document["features"] if one["properties"].get("role") != "zone"]
    made = open_workspace(write_workspace(tmp_path_factory.mktemp("watch") / "w", catalog, document))
    run_workspace(made, RunOptions())
    return made


def test_the_search_is_a_row_and_a_line_of_the_summary_without_zones(without_zones: Workspace) -> None:
    with Ledger(without_zones.ledger_path, read_only=True) as ledger:
        (row,) = ledger.current(COAL_SEARCH.name)
        assert ledger.current(STOCKPILE_AREAS.name) == []
        line, more = search_lines([row])
    missed = row.row.data["missed_ha"]
    assert missed["low"] == 0.0
    assert missed["high"] >= 0.1
    assert line.startswith("tiny: probable coal outside the zones by ")
    assert f"may have been missed 0.00 to {missed['high']:.2f}" in line
    assert row.row.data["notes"] in line
    assert more == UNCALIBRATED
    marked = replace(row, row=replace(row.row, data=row.row.data | {"calibrated": True}))
    assert search_lines([marked]) == [line]


def test_status_tells_it_to_people_and_programs(without_zones: Workspace) -> None:
    (site,) = workspace_status(without_zones)
    assert site.stockpiles == {}
    assert site.coal_search is not None
    assert site.coal_search["missed_ha"]["high"] >= 0.1
    folder = str(without_zones.folder)
    told = CliRunner().invoke(app, ["-C", folder, "--json", "status"])
    assert told.exit_code == 0
    (document,) = json.loads(told.stdout)
    assert document["coal_search"] == site.coal_search
    assert "may have been missed" in told.stderr


def test_the_map_and_the_word_file_hold_it(without_zones: Workspace, tmp_path) -> None:
    with Ledger(without_zones.ledger_path, read_only=True) as ledger:
        (row,) = ledger.current(COAL_SEARCH.name)
        written = write_word(collect(without_zones, ledger, restricted=True), tmp_path / "t.docx")
    (path,) = without_zones.maps_folder.glob("tiny*.html")
    page = path.read_text("utf-8")
    high = f"{row.row.data['missed_ha']['high']:.6g}"
    assert COAL_SEARCH.title in page
    assert f'"h":{high.rstrip("0")}' in page.split(f'"name":"{COAL_SEARCH.name}"', 1)[1]
    with zipfile.ZipFile(written) as archive:
        text = archive.read("word/document.xml").decode("utf-8")
    assert COAL_SEARCH.printed is not None
    assert COAL_SEARCH.printed.caption in text
    assert row.row.data["notes"] in text


def look(day: str, area: Quantity, zone: str = "yard") -> dict:
    return {
        "zone_id": zone,
        "datetime": f"{day}T00:00:00+00:00",
        "area_ha": area.to_dict(),
        "below_floor": False,
        "sentence_en": "What it is.",
    }


class Stored:
    """A row as the ledger gives it."""

    def __init__(self, data: dict) -> None:
        self.row = type("Row", (), {"site_id": "s", "subject": data["zone_id"], "data": data})


def test_a_zone_without_a_figure_says_why_and_is_not_left_out() -> None:
    blind = Quantity.not_assessable("only 3% of the zone was seen")
    figure = Quantity.interval(1.0, 0.0, 1.5)
    bounded = Quantity.bounded(0.0, 1.4, "does not look like coal")
    rows = [
        look("2020-05-01", figure), look("2020-06-01", blind),
        look("2020-05-01", blind, "dark"), look("2020-06-01", blind, "dark"),
        look("2020-05-01", bounded, "other"),
    ]  # fmt: skip
    newest = newest_stockpiles(rows)
    assert [newest[zone]["datetime"][:10] for zone in ("yard", "dark", "other")] == [
        "2020-05-01", "2020-06-01", "2020-05-01",
    ]  # fmt: skip
    dark, other, yard = zone_lines([Stored(data) for data in rows])
    assert yard == "probable coal in s/yard on 2020-05-01: 0.00 to 1.50 (best 1.00) ha. What it is."
    assert dark.startswith("probable coal in s/dark on 2020-06-01: not assessable: only 3% of the zone")
    assert other.startswith("probable coal in s/other on 2020-05-01: 0.00 to 1.40 ha, no best estimate: does")
