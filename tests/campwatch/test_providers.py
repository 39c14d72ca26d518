"""One run against providers that fail in every way they know: the rest is done, and no secret is kept."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from campwatch.cli.app import app
from imagery.archive.gaps import Gap, GapKind
from imagery.archive.store import Archive
from imagery.sources.http import HttpLimits
from imagery.sources.retry import RetryPolicy
from tests.servers import tiny
from tests.servers.loopback import Fault
from tests.servers.providers import SECRETS, Providers, environment, providers

from .conftest import site_document

BLOB = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2"
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "401": ({"kind": "401"}, "HTTP 401"),
    "403": ({"kind": "403"}, "HTTP 403"),
    "404": ({"kind": "404"}, "HTTP 404"),
    "429": ({"kind": "429"}, "HTTP 429"),
    "429 with Retry-After": ({"kind": "429", "headers": {"Retry-After": "0.01"}}, "HTTP 429"),
    "429 for a day": ({"kind": "429", "headers": {"Retry-After": "86400"}}, "which is too long"),
    "500": ({"kind": "500"}, "HTTP 500"),
    "503": ({"kind": "503"}, "HTTP 503"),
    "reset": ({"kind": "reset"}, "red.tif: "),
    "reset in mid-body": ({"kind": "reset-late"}, "red.tif: "),
    "cut short": ({"kind": "truncate"}, "red.tif: "),
    "stalled": ({"kind": "stall", "seconds": 6}, "red.tif: "),
    "wrong length": ({"kind": "length"}, "red.tif: "),
    "a page": ({"kind": "html"}, "red: "),
    "corrupt": ({"kind": "corrupt"}, "no TIFF"),
}
"""What a server does with one band of one product; what the gap then says."""
SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated TIFF": (lambda path: path.write_bytes(path.read_bytes()[:20_000]), "ends before"),
    "wrong size": (
        lambda path: tiny.write_tif(path, tiny.numbers("red", seed=1)[:300, :260], pixel=10),
        "do not cover the same ground",
    ),
    "wrong CRS": (
        lambda path: tiny.write_tif(path, tiny.numbers("red", seed=1), pixel=10, epsg=32652),
        "EPSG:32652, the item says EPSG:32651",
    ),
}
"""What lies in the bucket instead of the band."""
GOOD = ("item 0", "item 1", "item 2")
BANDS = tiny.BANDS_10M | tiny.BANDS_20M


@dataclass
class Ran:
    """A workspace after one run and everything that is made from it."""

    folder: Path
    providers: Providers
    exit_code: int
    said: str
    """All output and all logs, at their wordiest."""
    names: dict[str, str]
    """Product id to what is wrong with it."""

    @property
    def gaps(self) -> dict[str, Gap]:
        found = Archive(self.folder / "archive").gaps("tiny")
        return {self.names.get(gap.product_id or "", gap.product_id or gap.detail): gap for gap in found}


def fill(bucket: Path) -> None:
    tiny.write_catalog(bucket)
    for name, (spoil, _) in SPOILED.items():
        (bucket / name).mkdir()
        for band in BANDS:
            (bucket / name / f"{band}.tif").write_bytes((bucket / "item 0" / f"{band}.tif").read_bytes())
        spoil(bucket / name / "red.tif")
    (bucket / "nodata").mkdir()
    for band in BANDS:
        pixels = np.zeros_like(tiny.numbers(band, seed=1))
        tiny.write_tif(bucket / "nodata" / f"{band}.tif", pixels, pixel=10 if band in tiny.BANDS_10M else 20)


def products(here: Providers) -> dict[str, str]:
    """List three good products and one for each way to fail; product id to what is wrong."""
    names = [*GOOD, *FAULTS, *SPOILED, "nodata", "no assets", "twice"]
    made = {}
    for index, (name, when) in enumerate(zip(names, tiny.days(len(names)), strict=True)):
        folder = name if name in {*SPOILED, "nodata", *GOOD} else "item 0"
        hrefs = {band: f"{BLOB}/{folder.replace(' ', '%20')}/{band}.tif" for band in BANDS}
        if name in FAULTS:  # a place of its own, so that a fault meets this product alone
            (here.bucket / f"fault-{index}").symlink_to(here.bucket / "item 0")
            hrefs = {band: f"{BLOB}/fault-{index}/{band}.tif" for band in BANDS}
            options = FAULTS[name][0]
            here.server.faults.append(Fault(path=rf"fault-{index}/red\.tif", times=10_000, **options))
        item = tiny.item(when, hrefs if name != "no assets" else {}, collection="sentinel-2-l2a", orbit=index)
        made[item["id"]] = name
        here.stac.items += [item, dict(item)] if name == "twice" else [item]
    return made


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patched:
        yield patched


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Iterator[Ran]:
    bucket, folder = tmp_path_factory.mktemp("bucket"), tmp_path_factory.mktemp("watch")
    fill(bucket)
    patch.setattr("imagery.sources.retry.RetryPolicy", partial(RetryPolicy, attempts=2, first_wait_s=0.01))
    quick = {**(HttpLimits.__init__.__kwdefaults__ or {}), "silence_s": 3.0}
    patch.setattr(HttpLimits.__init__, "__kwdefaults__", quick)
    with providers(bucket, tmp_path_factory.mktemp("proxy")) as here:
        for key, value in environment(here, folder.parent).items():
            patch.setenv(key, value)
        names = products(here)
        here.stac.endless = True
        here.server.faults += [
            Fault(path="/token$", kind="429", headers={"Retry-After": "1"}),
            Fault(path="/process", kind="401"),
        ]
        (folder / "sites").mkdir()
        (folder / "sites" / "tiny.geojson").write_text(json.dumps(site_document()), encoding="utf-8")
        (folder / "campwatch.toml").write_text(
            '[[source]]\nkind = "stac"\nurl = "https://planetarycomputer.microsoft.com/api/stac/v1"\n'
            'collections = ["sentinel-2-l2a"]\n[[source]]\nkind = "sentinelhub"\n'
            '[sentinelhub]\nbase_url = "https://sh.dataspace.copernicus.eu"\n[monitor]\nsince = 2024-01-01\n',
            encoding="utf-8",
        )
        text = io.StringIO()
        watcher = logging.StreamHandler(text)
        logging.getLogger().addHandler(watcher)
        code, said = 0, ""
        for words in (
            ("run", "--until", "2024-12-31"),
            ("status", "--months"),
            ("doctor",),
            ("search", "--until", "2024-12-31"),
            ("run", "--dry-run", "--until", "2024-12-31"),
            *(("export", "--format", kind) for kind in ("csv", "gpkg", "geojson", "kmz", "citations")),
        ):
            told = CliRunner().invoke(app, ["-C", str(folder), "-v", *words])
            logging.getLogger().addHandler(watcher)  # the command line sets up logs anew
            logging.getLogger().setLevel(logging.DEBUG)
            code = told.exit_code if words == ("run", "--until", "2024-12-31") else code
            said += told.output + repr(told.exception)
        logging.getLogger().removeHandler(watcher)
        yield Ran(folder, here, code, said + text.getvalue(), names)


def test_the_run_is_incomplete_and_the_rest_is_done(ran: Ran) -> None:
    assert ran.exit_code == 3, ran.said[-3000:]
    archive = Archive(ran.folder / "archive")
    held = {ran.names[str(p.properties["campwatch:product_id"])] for p in archive.products("tiny")}
    assert held == {*GOOD, "twice"}
    assert len(archive.products("tiny", sensor="sentinel-1")) == 1
    assert archive.verify(deep=True) == []


@pytest.mark.parametrize("name", [*FAULTS, *SPOILED])
def test_each_fault_is_a_gap_that_says_what_happened(ran: Ran, name: str) -> None:
    gap = ran.gaps[name]
    assert gap.kind is GapKind.ERROR
    assert ({**FAULTS, **SPOILED})[name][1] in gap.detail, gap.detail


def test_so_are_empty_products_and_a_search_without_end(ran: Ran) -> None:
    assert "every pixel is nodata" in ran.gaps["nodata"].detail
    assert ran.gaps["nodata"].kind is GapKind.NO_DATA
    assert "has no asset for blue, green, red, nir" in ran.gaps["no assets"].detail
    assert any("paging repeats itself" in gap.detail for gap in ran.gaps.values())
    expected = len(FAULTS) + len(SPOILED) + 2
    assert len([gap for gap in ran.gaps.values() if gap.kind is GapKind.ERROR]) == expected


def test_the_second_look_at_a_refused_token_was_with_a_new_one(ran: Ran) -> None:
    assert len(ran.providers.hub.tokens) >= 2


def test_no_secret_is_in_logs_errors_archive_or_results(ran: Ran) -> None:
    secrets = ran.providers.secrets()
    assert len(secrets) >= len(SECRETS) + 3
    seen = "".join(
        f"{request.target}{request.headers}{request.body!r}" for request in ran.providers.server.log
    )
    assert all(secret in seen for secret in SECRETS.values()), "the run never used them"
    files = [path for path in ran.folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".tif", ".json", ".sqlite", ".gpkg", ".html", ".jsonl", ".csv"}
    for path in files:
        for name, content in unpacked(path):
            assert not [s for s in secrets if s.encode() in content or s in path.name], (path, name)
    assert "HTTP 503" in ran.said
    assert not [secret for secret in secrets if secret in ran.said]


def unpacked(path: Path) -> list[tuple[str, bytes]]:
    if not zipfile.is_zipfile(path):
        return [(path.name, path.read_bytes())]
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def test_nothing_told_a_provider_who_looks_or_where_exactly(ran: Ran) -> None:
    box = json.dumps(tiny.site().bounds)[1:-1]
    for request in ran.providers.server.log:
        told = f"{request.target} {request.headers} {request.body!r}".lower()
        assert "campwatch" not in told
        assert "simulated tiny" not in told
        assert box not in told


def test_the_cost_is_shown_by_search_and_by_a_dry_run(ran: Ran) -> None:
    lines = [line for line in ran.said.splitlines() if "products to fetch" in line]
    assert len(lines) == 2
    for line in lines:
        assert all(unit in line for unit in ("MB on disk", "hours at 20 Mbit/s", "processing units"))
        assert "left this month" in line


def test_passes_are_counted_by_month_sensor_and_provider(ran: Ran) -> None:
    assert "tiny, sentinel-2: passes by month" in ran.said
    assert "tiny, sentinel-1: passes by month" in ran.said
    assert "A (catalogued/fetched/usable): stac:planetarycomputer.microsoft.com/sentinel-2-l2a" in ran.said
    assert "A (catalogued/fetched/usable): sentinelhub:sh.dataspace.copernicus.eu/sentinel-1-grd" in ran.said
    assert "7/3/3" in ran.said
    assert "1/1/1" in ran.said


def test_doctor_named_each_provider(ran: Ran) -> None:
    for name in (
        "stac:planetarycomputer.microsoft.com/sentinel-2-l2a",
        "sentinelhub:sh.dataspace.copernicus.eu",
    ):
        assert name in ran.said
    assert "boxes snapped to 0.1" in ran.said
