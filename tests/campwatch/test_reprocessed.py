"""A scene is processed anew by its provider: the whole pipeline reopens the right verdicts and no others."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import Point, box

from campwatch.identity import system_clock
from campwatch.reviews.desk import open_desk
from campwatch.reviews.findings import Finding
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import open_workspace, readable_sites
from evidence.ledger import Ledger
from evidence.verify import verify_ledger
from maps.review_format import parse_review
from tests.servers import tiny

from .conftest import feature, site_document, write_workspace

BARE = {"blue": 1200, "green": 1600, "red": 2100, "nir": 2600, "swir16": 3600, "swir22": 3000}
EARLY, LATE = (200, 190), (260, 275)
"""Row and column (10 m) where ground is laid bare in June and in September of the third summer."""
SIDE = 8
REVIEWERS = ("anna", "bora")


def looks() -> list[dt.datetime]:
    """Two summers of history, in which the ground is anchored, and one to watch."""
    start = dt.datetime(2021, 5, 5, 2, 26, 1, tzinfo=dt.UTC)
    one = [start + dt.timedelta(days=12 * k) for k in range(13)]
    history = [*one, *(when.replace(year=2022) for when in one)]
    return history + [start.replace(year=2023) + dt.timedelta(days=9 * k) for k in range(18)]


def laid_bare(pixels: np.ndarray, band: str, when: dt.datetime) -> np.ndarray:
    step = 1 if band in tiny.BANDS_10M else 2
    for (row, column), month in ((EARLY, 6), (LATE, 9)):
        if band != "scl" and (when.year, when.month) >= (2023, month):
            at = np.s_[row // step : (row + SIDE) // step, column // step : (column + SIDE) // step]
            pixels[at] = BARE[band] + 1000
    return pixels


def write_item(folder: Path, number: int, when: dt.datetime, *, baseline: str, change: int = 0) -> str:
    name = f"item-{number}-{baseline}"
    for band in tiny.BANDS_10M | tiny.BANDS_20M:
        pixels = laid_bare(tiny.numbers(band, seed=number, offset=1000), band, when)
        pixels = pixels if band == "scl" else pixels + np.uint16(change)
        pixel = 10 if band in tiny.BANDS_10M else 20
        tiny.write_tif(folder / name / f"{band}.tif", pixels, pixel=pixel)
    hrefs = {band: f"./{band}.tif" for band in tiny.BANDS_10M | tiny.BANDS_20M}
    made = tiny.item(
        when, hrefs, orbit=43879 + 71 * number, baseline=baseline, identifier=f"S2A_{number}_{baseline}"
    )
    (folder / name / "item.json").write_text(json.dumps(made), encoding="utf-8")
    return f"./{name}/item.json"


def write_catalog(folder: Path, hrefs: list[str]) -> Path:
    document = {"type": "Catalog", "stac_version": "1.0.0", "id": "tiny", "description": "tiny"}
    links = [{"rel": "item", "href": href} for href in hrefs]
    path = folder / "catalog.json"
    path.write_text(json.dumps(document | {"links": links}), encoding="utf-8")
    return path


def place_of(row: int, column: int) -> Point:
    """Longitude and latitude of the middle of a patch."""
    x, y = tiny.ORIGIN[0] + (column + SIDE / 2) * 10, tiny.ORIGIN[1] - (row + SIDE / 2) * 10
    return Point(Transformer.from_crs(tiny.EPSG, 4326, always_xy=True).transform(x, y))


def document() -> dict:
    west, south, east, north = tiny.site("tiny").aoi.bounds
    step = (east - west) / 10
    second = feature(
        box(west + step, south + step, (west + east) / 2 + step, north - step), role="boundary",
        boundary_id="b-2022", valid_from="2022-01-01", source="simulated", accuracy_m=5.0,
    )  # fmt: skip
    told = site_document("tiny", second)
    told["features"][1]["properties"] |= {"valid_to": "2022-01-01", "accuracy_m": 5.0}
    return told


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A site that was run and reviewed, then run again after one scene had been processed anew."""
    folder = tmp_path_factory.mktemp("source")
    moments = looks()
    hrefs = [write_item(folder, n, when, baseline="05.09") for n, when in enumerate(moments)]
    catalog = write_catalog(folder, hrefs)
    workspace = open_workspace(
        write_workspace(tmp_path_factory.mktemp("검토") / "watch", catalog, document())
    )
    run_workspace(workspace, RunOptions())
    (site,) = readable_sites(workspace)
    with open_desk(workspace, site) as desk:
        before = desk.findings()
        judged = {**dict.fromkeys(before, "accepted"), ("place", desk.places()[0].place_id): "rejected"}
        for reviewer in REVIEWERS:
            desk.take(review(desk.newest_run(), reviewer, judged), system_clock)
        first = {(state.kind, state.subject): state.review_status for state in desk.states()}
    early = patch_at(before, EARLY)
    scene = next(scene for scene in early.scenes if scene not in patch_at(before, LATE).scenes)
    number = next(n for n, when in enumerate(moments) if f"{when:%Y%m%d}" in scene)
    write_catalog(folder, [*hrefs, write_item(folder, number, moments[number], baseline="05.11", change=3)])
    summary = run_workspace(workspace, RunOptions())
    return workspace, scene, early, first, summary


def review(run_id: str, reviewer: str, judged: dict[tuple[str, str], str]):
    image = {"provider": "Maxar", "image_id": "104", "date": "2023-10-20", "resolution_m": 0.5}
    now = system_clock().replace(microsecond=0).isoformat()
    verdicts = [
        {
            "subject": subject, "subject_kind": kind, "verdict": verdict, "reason_code": "ground_works",
            "likelihood": "likely", "confidence": "moderate", "evidence_viewed": [image], "reviewed_at": now,
        }
        for (kind, subject), verdict in judged.items()
    ]  # fmt: skip
    head = {"format": "campwatch-review/1", "site_id": "tiny", "run_id": run_id, "map_version": "1"}
    return parse_review(json.dumps(head | {"reviewer": reviewer, "exported_at": now, "verdicts": verdicts}))


def patch_at(found: dict[tuple[str, str], Finding], corner: tuple[int, int]) -> Finding:
    hits = [
        finding
        for (kind, _), finding in found.items()
        if kind == "disturbance" and finding.geometry is not None
        and shapely.intersects(finding.geometry, place_of(*corner))
    ]  # fmt: skip
    assert len(hits) == 1
    return hits[0]


def states_of(workspace):
    (site,) = readable_sites(workspace)
    with open_desk(workspace, site) as desk:
        return {(state.kind, state.subject): state for state in desk.states()}


@pytest.mark.long
def test_every_kind_of_finding_was_judged_and_stood(world):
    _, _, _, first, _ = world
    settled = [key for key, status in first.items() if status in {"accepted", "rejected"}]
    assert {kind for kind, _ in settled} == {"disturbance", "zone", "boundary_change", "place"}
    assert sum(kind == "disturbance" for kind, _ in settled) >= 2


def test_the_second_run_fetched_one_product_and_measured_anew(world):
    workspace, _, _, _, summary = world
    (site,) = summary.sites
    assert (site.fetched, site.gaps, site.error) == (1, 0, None)
    with Ledger(workspace.ledger_path) as ledger:
        assert verify_ledger(ledger) == []


def test_only_what_rests_on_the_scene_is_reopened(world):
    workspace, scene, early, first, _ = world
    now = states_of(workspace)
    reopened = {key for key, state in now.items() if state.review_status == "reopened"}
    resting = {("disturbance", early.subject), ("zone", "yard")}
    assert reopened == resting
    for key in resting:
        assert f"scene {scene} was reprocessed" in now[key].reopened_because
    others = {key: status for key, status in first.items() if key not in resting}
    assert {key: now[key].review_status for key in others} == others


def test_judged_again_it_is_settled_and_both_verdicts_are_kept(world):
    workspace, _, early, _, _ = world
    key = ("disturbance", early.subject)
    (site,) = readable_sites(workspace)
    with open_desk(workspace, site) as desk:
        for reviewer in REVIEWERS:
            desk.take(review(desk.newest_run(), reviewer, {key: "rejected"}), system_clock)
    state = states_of(workspace)[key]
    assert (state.review_status, len(state.standing), len(state.earlier)) == ("rejected", 2, 2)
