"""Yards proposed from finds, accepted, edited or refused; what does not hold leaves the file alone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import shapely
from shapely.geometry import box, mapping

from aoi.geodesy import area_ha
from aoi.site_file import read_site, write_site
from campwatch.reviews.site_edits import (
    ACTION,
    BoundaryEdit,
    ZoneEdit,
    parse_edit,
    write_boundary,
    write_zone,
    yard_proposals,
)
from evidence.errors import AoiError
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import Row
from evidence.verify import verify_ledger
from tests.servers import tiny

IMAGE = {"provider": "Maxar", "image_id": "104", "date": "2024-04-01", "resolution_m": 0.5}


def clock():
    return dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def area(value):
    return Quantity.measured(value, sd_random=0.05).to_dict()


def row(layer, subject, data, shape, time=""):
    return Row(
        layer=layer, site_id="tiny", subject=subject, time=time, method="m", params_hash="p", inputs_hash="i",
        data=data, geometry=shapely.to_wkb(shape),
    )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path):
    """A site file without a zone, and a ledger with a found pile and bare ground."""
    site = tiny.site()
    path = tmp_path / "tiny.geojson"
    write_site(path, site)
    west, south, east, north = site.bounds
    x, y = (west + east) / 2, (south + north) / 2
    pile = box(x, y, x + 0.0005, y + 0.0004)
    bare = box(x - 0.004, y - 0.003, x - 0.002, y - 0.002)
    linear = box(x + 0.003, y, x + 0.004, y + 0.003)
    with Ledger(tmp_path / "l.sqlite", create=True) as ledger:
        rows = [
            row(
                "stockpiles", "tiny/found-001/01", {"area_ha": area(0.2)}, pile, f"2024-0{month}-01T00:00:00Z"
            )
            for month in (3, 5)
        ]
        for name, kind, shape in (("d-1", "soil_spoil", bare), ("d-2", "linear_road", linear)):
            told = {
                "machine_status": "persistent",
                "kind": kind,
                "area_ha": area(2.0),
                "first_seen": "2024-02-01",
            }
            rows.append(row("disturbances", name, told, shape))
        ledger.append(
            rows, chain="tiny", run_id="r1", time="2026-01-01T00:00:00Z", actor="t", action="measure"
        )
        yield ledger, path, pile


def test_found_coal_is_proposed_before_bare_ground_with_a_margin(place):
    ledger, path, pile = place
    first, second = yard_proposals(ledger, read_site(path))
    assert (first.proposal_id, second.proposal_id) == ("pile:found-001", "bare_ground:d-1")
    assert first.geometry.contains(pile)
    assert (first.first_seen, first.last_seen) == ("2024-03-01", "2024-05-01")
    side = area_ha(pile) ** 0.5 * 100
    assert first.area_ha == pytest.approx((side + 60) ** 2 / 1e4, rel=0.1)  # thirty metres on each side


def test_an_accepted_yard_is_in_the_file_and_proposed_no_more(place):
    ledger, path, pile = place
    edit = parse_edit(
        ZoneEdit, {"editor": "anna", "decision": "accepted", "proposal": "pile:found-001", "image": IMAGE}
    )
    site = write_zone(ledger, path, edit, clock=clock)
    assert read_site(path) == site
    assert [zone.id for zone in site.zones] == ["yard-01"]
    assert site.zones[0].geometry.contains(pile)
    assert [p.proposal_id for p in yard_proposals(ledger, site)] == ["bare_ground:d-1"]
    entry = ledger.last_entry("tiny", ACTION)
    assert entry.actor == "anna"
    assert entry.data["image"]["provider"] == "Maxar"
    assert entry.data["site_file"]["before"] != entry.data["site_file"]["after"]
    assert verify_ledger(ledger) == []


def test_a_refusal_is_kept_and_changes_no_file(place):
    ledger, path, _ = place
    before = path.read_bytes()
    edit = parse_edit(
        ZoneEdit, {"editor": "anna", "decision": "refused", "proposal": "bare_ground:d-1", "image": IMAGE}
    )
    write_zone(ledger, path, edit, clock=clock)
    assert path.read_bytes() == before
    assert [p.proposal_id for p in yard_proposals(ledger, read_site(path))] == ["pile:found-001"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"image": None}, "image"),
        ({"editor": "Anna Kim"}, "editor"),
        ({"geometry": mapping(box(10, 10, 11, 11))}, "outside the area"),
        (
            {"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]}},
            "geometry",
        ),
        ({"proposal": "pile:found-009"}, "outline"),
        ({"decision": "refused", "proposal": None}, "names the proposal"),
        ({"id": "../../x"}, "id"),
        ({"more": 1}, "more"),
    ],
)
def test_what_does_not_hold_leaves_the_file_alone(place, change, fault):
    ledger, path, _ = place
    before, heads = path.read_bytes(), ledger.heads()
    told = {"editor": "anna", "decision": "accepted", "proposal": "pile:found-001", "image": IMAGE} | change
    with pytest.raises(AoiError, match=fault):
        write_zone(ledger, path, parse_edit(ZoneEdit, told), clock=clock)
    assert path.read_bytes() == before
    assert ledger.heads() == heads


def test_a_boundary_needs_criterion_accuracy_and_image(place):
    ledger, path, pile = place
    whole = {
        "editor": "anna", "boundary_id": "traced-2024", "geometry": mapping(pile.buffer(0.001)),
        "image": IMAGE, "valid_from": "2024-04", "criterion": "posts", "accuracy_m": 5.0, "source": "Maxar",
    }  # fmt: skip
    for missing in ("criterion", "accuracy_m", "image", "valid_from", "source"):
        with pytest.raises(AoiError, match=missing):
            parse_edit(BoundaryEdit, {k: v for k, v in whole.items() if k != missing})
    site = write_boundary(ledger, path, parse_edit(BoundaryEdit, whole), clock=clock)
    boundary = read_site(path).boundaries[0]
    assert boundary == site.boundaries[0]
    assert (boundary.criterion, boundary.accuracy_m, boundary.image.id) == ("posts", 5.0, "104")
    changed = parse_edit(BoundaryEdit, whole | {"geometry": mapping(pile)})
    with pytest.raises(AoiError, match="two different"):
        write_boundary(ledger, path, changed, clock=clock)


def test_where_custody_cannot_be_written_the_file_stays_as_it_was(place, monkeypatch):
    ledger, path, _ = place
    before = path.read_bytes()
    monkeypatch.setattr(Ledger, "append", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    edit = parse_edit(
        ZoneEdit, {"editor": "anna", "decision": "accepted", "proposal": "pile:found-001", "image": IMAGE}
    )
    with pytest.raises(OSError, match="disk full"):
        write_zone(ledger, path, edit, clock=clock)
    assert path.read_bytes() == before
