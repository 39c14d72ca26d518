"""Against answers and requests recorded from the real services; these are not part of the project."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aoi.records import Site
from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
from imagery.sources.budget import UnitBudget
from imagery.sources.http import Http
from imagery.sources.retry import Retrier, RetryPolicy
from imagery.sources.sentinelhub import SentinelHub
from imagery.sources.sentinelhub_client import COMMERCIAL, sentinelhub_config
from imagery.sources.stac_api import EARTH_SEARCH, PLANETARY_COMPUTER, StacApi
from tests.servers import tiny
from tests.servers.hub import Hub, hub_item, ramp
from tests.servers.loopback import Answer, Loopback, Request
from tests.servers.proxy import Proxy

pytestmark = pytest.mark.shared

EVERYWHERE = (-180.0, -90.0, 180.0, 90.0)
ALL = {"since": dt.datetime(2015, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}
EMPTY = {"type": "FeatureCollection", "features": [], "links": []}
CASSETTES = {
    "Earth Search, two pages": ("earthsearch_v1/search_filter_2025-07.json", EARTH_SEARCH, ""),
    "Earth Search, an empty last page": (
        "earthsearch_v1/search_s2l2a_point_2023-10.json",
        EARTH_SEARCH,
        "sentinel-2-l2a",
    ),
    "Planetary Computer": (
        "planetary_computer/search_s2l2a_datetime_2019.json",
        PLANETARY_COMPUTER,
        "sentinel-2-l2a",
    ),
}


def searches(folder: Path, name: str) -> list[dict[str, Any]]:
    document = json.loads((folder / "recorded" / name).read_text(encoding="utf-8"))
    return [step for step in document["interactions"] if step["request"]["method"] == "POST"]


@pytest.mark.parametrize(("name", "url", "collection"), CASSETTES.values(), ids=CASSETTES)
def test_recorded_pages_are_walked_as_the_service_asked(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, url: str, collection: str
) -> None:
    """The follow-up request is, word for word, the one that the page before it names."""
    steps = searches(shared_data, name)
    pages = [step["response"]["json"] for step in steps]

    def handle(_: Request) -> Answer:
        index = sum(entry.path.endswith("/search") for entry in server.log) - 1
        return Answer.of(pages[index] if index < len(pages) else EMPTY, kind="application/geo+json")

    with Loopback(handle) as server, Proxy({r".*": server.port}, tmp_path) as proxy:
        for key, value in proxy.environment().items():
            monkeypatch.setenv(key, value)
        source = StacApi(url, collection, retrier=Retrier(RetryPolicy(attempts=1)))
        found = list(source.search(EVERYWHERE, **ALL))
    listed = {item["id"] for page in pages for item in page["features"]}
    assert {product.id for product in found} | {text.split("'")[1] for text in source.rejected} == listed
    asked = [request.json() for request in server.log]
    for body, page in zip(asked[1:], pages, strict=False):
        (link,) = [link for link in page["links"] if link["rel"] == "next"]
        assert body == link["body"] if not link.get("merge") else link["body"].items() <= body.items()
    first = steps[0]["request"].get("json") or {}
    assert (set(first) & {"collections", "datetime"}) <= set(asked[0])
    assert type(asked[0]["collections"]) is type(first.get("collections", []))


def shape(value: Any) -> Any:
    """A document without what may differ: numbers, times, places, scripts."""
    if isinstance(value, Mapping):
        return {key: shape(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return (
        "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    )


def recorded_bodies(folder: Path) -> dict[str, Any]:
    lines = (folder / "recorded" / "sentinelhub_py_3.12.0_requests.jsonl").read_text("utf-8").splitlines()
    found: dict[str, Any] = {}
    for line in map(json.loads, lines):
        body = json.loads(line["body"]) if line["body"].startswith("{") else line["body"]
        found.setdefault(line["tag"] if isinstance(body, dict) else "token", body)
    return found


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Hub, Loopback]]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SH_CLIENT_ID", "id")
    monkeypatch.setenv("SH_CLIENT_SECRET", "secret")
    box = tiny.tile_bounds()
    optical = hub_item(
        "S2A_MSIL2A_20240306T022601_N0510_R046_T51SYD_20240306T061500",
        "2024-03-06T02:26:01Z",
        box,
        epsg=32651,
        platform="sentinel-2a",
    )
    radar = hub_item(
        "S1A_IW_GRDH_1SDV_20240302T093000_20240302T093025_052800_0663C5_AAAA",
        "2024-03-02T09:30:12Z",
        box,
        epsg=4326,
        platform="sentinel-1a",
    )
    answers = Hub(
        {"sentinel-2-l2a": [optical], "sentinel-1-grd": [radar]},
        ramp,
        lambda item: f"s3://x/{item['id']}",
        client=("id", "secret"),
    )
    with Loopback(answers) as server, Proxy({r"services\.sentinel-hub\.com": server.port}, tmp_path) as proxy:
        for key, value in proxy.environment().items():
            monkeypatch.setenv(key, value)
        yield answers, server


def send(folder: Path, sensor: str) -> None:
    config = sentinelhub_config(base_url=COMMERCIAL)
    budget = UnitBudget(folder / "units.json", units_per_month=100)
    source = SentinelHub(
        config, budget=budget, sensor=sensor, http=Http(milliseconds=True), max_cloud_cover=60
    )
    site: Site = tiny.site(size_m=200)
    report = fetch_new(site, Archive(folder / "archive"), [source], **ALL)
    assert len(report.fetched) == 1, report.failed


def test_the_token_request_is_the_recorded_one(
    hub: tuple[Hub, Loopback], shared_data: Path, tmp_path: Path
) -> None:
    send(tmp_path, "sentinel-2")
    (asked,) = [request for request in hub[1].log if request.path.endswith("/token")]
    assert asked.body.decode() == recorded_bodies(shared_data)["token"]
    assert asked.path == "/auth/realms/main/protocol/openid-connect/token"


def test_searches_and_process_requests_have_the_recorded_shape(
    hub: tuple[Hub, Loopback], shared_data: Path, tmp_path: Path
) -> None:
    """Ours ask for less in places (no mosaicking order); what they ask for looks the same."""
    recorded = recorded_bodies(shared_data)
    send(tmp_path, "sentinel-2")
    search, process = hub[0].bodies[0], hub[0].bodies[1]
    known = shape(recorded["catalog.search paged"])
    assert shape(search).items() <= known.items()
    assert search["filter"].startswith("eo:cloud_cover <")
    seen = shape(recorded["process tar multi-output"])
    assert shape(process)["output"] == seen["output"]
    assert shape(process)["input"]["bounds"] == seen["input"]["bounds"]
    assert process.keys() == recorded["process tar multi-output"].keys()
    mine, its = shape(process)["input"]["data"][0], seen["input"]["data"][0]
    assert mine["dataFilter"].items() <= its["dataFilter"].items()
    assert mine["processing"].items() <= its["processing"].items()


def test_radar_requests_have_the_recorded_shape(
    hub: tuple[Hub, Loopback], shared_data: Path, tmp_path: Path
) -> None:
    recorded = recorded_bodies(shared_data)
    send(tmp_path, "sentinel-1")
    search, process = hub[0].bodies[0], hub[0].bodies[1]
    assert shape(search).items() <= shape(recorded["catalog.search S1 derived filters"]).items()
    mine, its = process["input"]["data"][0], recorded["process S1 single tiff"]["input"]["data"][0]
    assert mine["processing"] == its["processing"]
    assert shape(mine["dataFilter"]).items() <= shape(its["dataFilter"]).items()
