"""What is restricted is nowhere in the bytes of a public map, nor of the files beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aoi.records import Boundary, PublishedPoint, Sensitivity, Zone, ZoneKind
from detection.coal.records import SERIES, STOCKPILE_AREAS, STOCKPILES
from detection.ground.records import DISTURBANCES, FOOTPRINTS
from evidence.errors import ExportError
from maps.disclosure import disclose
from maps.overview import write_overview
from maps.records import Profile, QueueItem, RandomPlace, SiteMapData, SiteSummary, Verdict
from maps.site_map import write_site_map

from .conftest import records_of, rows_of

HIDDEN_WORD = "QZXHIDDEN"
Make = Callable[..., SiteMapData]


def with_hidden_parts(data: SiteMapData) -> tuple[SiteMapData, list[str]]:
    """Restricted features beside the public ones, each with a mark and a coordinate of its own."""
    hidden = Sensitivity.RESTRICTED
    at = data.site.zones[0].geometry
    shape = at.buffer(0.00031337)
    piles = records_of(data, STOCKPILES)
    pile = replace(piles[-1], pile_id=f"{HIDDEN_WORD}-pile", geometry=shape.centroid.buffer(0.0001))
    site = replace(
        data.site,
        boundaries=(
            *data.site.boundaries,
            Boundary(
                boundary_id=f"{HIDDEN_WORD}-boundary",
                geometry=shape,
                valid_from="2024",
                note=HIDDEN_WORD,
                sensitivity=hidden,
            ),
        ),
        zones=(
            *data.site.zones,
            Zone(
                id=f"{HIDDEN_WORD}-zone",
                kind=ZoneKind.STOCKYARD,
                name=HIDDEN_WORD,
                geometry=shape,
                sensitivity=hidden,
            ),
        ),
        points=(
            *data.site.points,
            PublishedPoint(id=HIDDEN_WORD, geometry=shape.centroid, note=HIDDEN_WORD, sensitivity=hidden),
        ),
        extra={"informant": HIDDEN_WORD},
    )
    areas = records_of(data, STOCKPILE_AREAS)
    series = records_of(data, SERIES)
    disturbances = records_of(data, DISTURBANCES)
    footprints = records_of(data, FOOTPRINTS)
    area = replace(areas[-1], zone_id=f"{HIDDEN_WORD}-zone")
    point = replace(series[-1], subject_id=f"{HIDDEN_WORD}-zone")
    disturbance = replace(disturbances[0], boundary_id=f"{HIDDEN_WORD}-boundary")
    footprint = replace(footprints[-1], boundary_id=f"{HIDDEN_WORD}-boundary")
    verdict = Verdict(
        subject="D-1", verdict="accepted", reason_code="other", likelihood=None, confidence=None,
        reviewer=HIDDEN_WORD,
        reviewed_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC), note=HIDDEN_WORD,
    )  # fmt: skip
    full = replace(
        data,
        site=site,
        rows={
            **rows_of(STOCKPILE_AREAS, [*areas, area]),
            **rows_of(STOCKPILES, [*piles, pile]),
            **rows_of(SERIES, [*series, point]),
            **rows_of(DISTURBANCES, [disturbance, *disturbances[1:]]),
            **rows_of(FOOTPRINTS, [*footprints[:-1], footprint]),
        },
        verdicts=(verdict, *data.verdicts),
    )
    west, south, *_ = shape.bounds
    return full, [f"{west:.5f}", f"{south:.5f}"]


def all_bytes(folder: Path) -> str:
    return "".join(p.read_text(encoding="utf-8") for p in sorted(folder.rglob("*")) if p.is_file())


@pytest.mark.parametrize("budget", [20.0, 0.0])
def test_public_map_holds_nothing_restricted(make: Make, tmp_path: Path, budget: float) -> None:
    data, coordinates = with_hidden_parts(make())
    data = replace(data, rule=replace(data.rule, page_budget_mb=budget))
    write_site_map(tmp_path / "open" / "site.html", replace(data, profile=Profile(restricted=False)))
    public = all_bytes(tmp_path / "open")
    assert HIDDEN_WORD not in public
    for coordinate in coordinates:
        assert coordinate not in public
    assert "North yard" in public
    write_site_map(tmp_path / "closed" / "site.html", data)
    restricted = all_bytes(tmp_path / "closed")
    assert HIDDEN_WORD in restricted
    assert all(coordinate in restricted for coordinate in coordinates), "the search would find them"


def test_windows_of_native_pixels_do_not_betray_restricted_zones(make: Make, tmp_path: Path) -> None:
    data, _ = with_hidden_parts(make())
    plain = replace(make(), profile=Profile(restricted=False))
    with_hidden = replace(data, profile=Profile(restricted=False))
    stripped = replace(plain, rows={})
    stripped_hidden = replace(with_hidden, rows={})
    one = write_site_map(tmp_path / "a" / "site.html", stripped).read_text(encoding="utf-8")
    two = write_site_map(tmp_path / "b" / "site.html", stripped_hidden).read_text(encoding="utf-8")
    assert one == two


def test_restricted_site_has_no_public_map(make: Make, tmp_path: Path) -> None:
    data = make(restricted=False, sensitivity=Sensitivity.RESTRICTED)
    with pytest.raises(ExportError, match="restricted"):
        write_site_map(tmp_path / "site.html", data)
    assert not list(tmp_path.iterdir())


def test_restricted_map_says_so_in_its_name(make: Make, tmp_path: Path) -> None:
    assert write_site_map(tmp_path / "site.html", make()).name == "site.restricted.html"


def test_delay_and_rounding(make: Make, tmp_path: Path) -> None:
    data = replace(make(), profile=Profile(restricted=False, delay_days=100, coordinate_decimals=3))
    page = write_site_map(tmp_path / "site.html", data).read_text(encoding="utf-8")
    assert "SIM_015" in page
    assert "SIM_017" not in page
    west = data.site.zones[0].geometry.bounds[0]
    assert f"{west:.7f}" not in page
    assert f"{round(west, 3)}" in page


def test_first_page_leaves_restricted_sites_out(make: Make, tmp_path: Path) -> None:
    site = make(sensitivity=Sensitivity.RESTRICTED).site
    named = replace(site, id=HIDDEN_WORD.lower(), name=HIDDEN_WORD)
    public = make().site
    summaries = [SiteSummary(site=named), SiteSummary(site=public)]
    page = write_overview(tmp_path / "index.html", summaries).read_text(encoding="utf-8")
    assert HIDDEN_WORD not in page
    assert HIDDEN_WORD.lower() not in page
    assert "Test mine" in page
    closed = write_overview(tmp_path / "index.html", summaries, profile=Profile(restricted=True))
    assert closed.name == "index.restricted.html"
    assert HIDDEN_WORD in closed.read_text(encoding="utf-8")


def queued(data: SiteMapData) -> SiteMapData:
    places = (RandomPlace(place_id="place-1", geometry=data.site.aoi.centroid.buffer(0.0005)),)
    items = (
        QueueItem(kind="disturbance", subject="D-2", status="reopened", because=("scene s was reprocessed",)),
        QueueItem(kind="disturbance", subject="D-1", status="disputed", shown_before=True),
        QueueItem(kind="place", subject="place-1", status="awaiting_first"),
    )
    return replace(data, queue=items, places=places, profile=Profile())


def test_a_public_map_that_hides_nothing_carries_the_queue_but_not_how_far_reviews_are(make: Make) -> None:
    shown = disclose(queued(make(restricted=False)))
    assert [(item.subject, item.status) for item in shown.queue] == [
        ("D-1", "awaiting_first"), ("D-2", "awaiting_first"), ("place-1", "awaiting_first"),
    ]  # fmt: skip
    assert not any(item.because or item.shown_before for item in shown.queue)
    assert len(shown.places) == 1


def test_places_that_would_tell_of_what_is_hidden_are_left_out(make: Make) -> None:
    data = queued(make(restricted=False))
    zones = tuple(replace(zone, sensitivity=Sensitivity.RESTRICTED) for zone in data.site.zones)
    hidden = disclose(replace(data, site=replace(data.site, zones=zones)))
    delayed = disclose(replace(data, profile=Profile(delay_days=30)))
    assert [(shown.queue, shown.places) for shown in (hidden, delayed)] == [((), ()), ((), ())]


def test_who_traced_a_boundary_is_not_on_public_pages(make: Make, tmp_path: Path) -> None:
    data = make()
    traced = tuple(replace(one, digitised_by=HIDDEN_WORD) for one in data.site.boundaries)
    data = replace(data, site=replace(data.site, boundaries=traced))
    write_site_map(tmp_path / "open" / "site.html", replace(data, profile=Profile(restricted=False)))
    assert HIDDEN_WORD not in all_bytes(tmp_path / "open")
    write_site_map(tmp_path / "closed" / "site.html", data)
    assert HIDDEN_WORD in all_bytes(tmp_path / "closed")
