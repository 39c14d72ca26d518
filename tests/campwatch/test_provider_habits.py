"""Deliveries with holes, run to their end on loopback: what is gone, what is mended, what is private.

After public reports: microsoft/PlanetaryComputer#468 (single files gone), Element84/earth-search#36 (items
without some assets, mended later), senbox-org/sen2like#23 and eu-cdse/documentation PR 272 (99.xx, N9999).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from campwatch.cli.app import app
from evidence.ledger import Ledger
from imagery.archive.gaps import GapKind
from imagery.archive.store import Archive
from tests.servers import tiny
from tests.servers.files import serve_files
from tests.servers.loopback import Answer, Loopback, Request
from tests.servers.stac import StacServer

from .conftest import site_document

DAYS = tiny.days(5)
BANDS = tiny.BANDS_10M | tiny.BANDS_20M
GONE, LACKING, TIED, HALF = 1, 2, 3, 4
"""Days of a file that is gone, an item without two bands, two processings, and half a granule."""


def delivered(bucket: Path, url: str) -> list[dict[str, Any]]:
    """Items of five days, and a private processing of one."""
    items = []
    for k, day in enumerate(DAYS):
        for band in BANDS:
            pixels = tiny.numbers(band, seed=k, offset=1000)
            if k == HALF:
                pixels[:, : pixels.shape[1] // 2] = 0
            pixel = 10 if band in tiny.BANDS_10M else 20
            tiny.write_tif(bucket / f"d{k}" / f"{band}.tif", pixels, pixel=pixel)
        hrefs = {band: f"{url}/files/d{k}/{band}.tif" for band in BANDS}
        items.append(tiny.item(day, hrefs, orbit=43879 + 71 * k, baseline="05.10"))
    for band in ("swir16", "scl"):
        items[LACKING]["assets"].pop(band)
    private = tiny.item(
        DAYS[TIED],
        {band: f"{url}/files/d0/{band}.tif" for band in BANDS},
        orbit=43879 + 71 * TIED,
        baseline="99.99",
        identifier="S2A_MSIL2A_20240316T022601_N9999_R046_T51SYD_20240401T000000",
    )
    return [*items, private]


def looks(workspace: Path) -> dict[int, dict[str, Any]]:
    """Observations by number of the day."""
    with Ledger(workspace / "ledger.sqlite", read_only=True) as ledger:
        rows = [row.row.data for row in ledger.current("observations")]
    return {k: row for k, day in enumerate(DAYS) for row in rows if row["datetime"][:10] == f"{day:%Y-%m-%d}"}


def run(workspace: Path) -> tuple[int, str]:
    """Exit code and words of a run."""
    done = CliRunner().invoke(app, ["-C", str(workspace), "run"])
    return done.exit_code, done.output


def test_a_run_goes_to_its_end_and_the_next_takes_what_was_mended(tmp_path: Path) -> None:
    bucket, workspace = tmp_path / "bucket", tmp_path / "watch"
    (workspace / "sites").mkdir(parents=True)
    (workspace / "sites" / "tiny.geojson").write_text(json.dumps(site_document(size_m=800)), encoding="utf-8")
    files, mended = serve_files(bucket, prefix="/files"), [False]
    found: list[StacServer] = []

    def handle(request: Request) -> Answer:
        if request.path.endswith("/search"):
            return found[0](request)
        if request.path.endswith(f"d{GONE}/swir22.tif") and not mended[0]:
            return Answer(status=404)
        return files(request)

    with Loopback(handle) as server:
        items = delivered(bucket, server.url)
        found.append(StacServer(items, root=server.url))
        (workspace / "campwatch.toml").write_text(
            f'[[source]]\nkind = "stac"\nurl = "{server.url}"\ncollections = ["sentinel-2-c1-l2a"]\n'
            "[monitor]\nsince = 2024-01-01\n",
            encoding="utf-8",
        )
        code, said = run(workspace)
        assert code == 0, said
        before = looks(workspace)
        gaps = [g for g in Archive(workspace / "archive").gaps("tiny") if g.kind is GapKind.BANDS]
        mended[0] = True
        items[LACKING]["assets"] |= {
            band: {"href": f"{server.url}/files/d{LACKING}/{band}.tif", "type": "image/tiff", "gsd": 20}
            for band in ("swir16", "scl")
        }
        second, third = run(workspace), run(workspace)
    assert [before[k]["status"] for k in range(5)] == ["used"] * 5
    assert {(gap.datetime.date(), *gap.values["bands"]) for gap in gaps} == {
        (DAYS[GONE].date(), "swir22"),
        (DAYS[LACKING].date(), "scl", "swir16"),
    }
    assert before[TIED]["baseline"] == "05.10"
    assert "no data on 50% of the site" in before[HALF]["detail"]
    assert (second[0], third[0]) == (0, 0), second[1] + third[1]
    archive = Archive(workspace / "archive")
    assert not [gap for gap in archive.gaps("tiny") if gap.kind is not GapKind.UNEXPLAINED]
    assert all(set(product.bands) == set(BANDS) for product in archive.products("tiny"))
    assert "nothing new" in third[1]
    with Ledger(workspace / "ledger.sqlite", read_only=True) as ledger:
        told = ledger.last_entry("tiny", "measure")
    assert told is not None
    reasons = [reason for listed in told.data["preferred"].values() for reason in listed]
    assert any("N9999" in reason and "a private processing, 99.99" in reason for reason in reasons)
