"""A workspace that was run on simulated products, with rows in every layer and parts that are not public."""

from __future__ import annotations

import dataclasses
import datetime as dt
import zipfile
from pathlib import Path

import pytest
from shapely.affinity import scale
from shapely.geometry import box

from campwatch.exports.bundle import collect
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import Workspace, open_workspace
from detection.coal.records import STOCKPILE_AREA, SeriesPoint, Stockpile
from detection.ground.records import Disturbance
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import Row, record_data, record_geometry
from tests.campwatch.conftest import feature, site_document, write_workspace
from tests.servers import tiny

HANGUL = "봉창리 탄광 (모의)"
SECRET_BOUNDARY, SECRET_ZONE, SECRET_PILE = "b-geheim", "z-geheim", "pile-geheim"
FORMULA = '=HYPERLINK("http://example.invalid","x")'
SECRETS = (SECRET_BOUNDARY, SECRET_ZONE, SECRET_PILE, "reviewer-17", "observer-17", "kept to ourselves")
T0 = dt.datetime(2024, 3, 1, 2, 26, 1, tzinfo=dt.UTC)
GAP = (3, 4)
UNSEEN = Quantity.not_assessable("cloud")


def quantity(value: float) -> Quantity:
    return Quantity.interval(value, value - 0.5, value + 0.5)


def frame():
    return tiny.site("tiny").aoi.bounds


def part(x0: float, y0: float, x1: float, y1: float):
    """A box in shares of the site's width and height."""
    west, south, east, north = frame()
    dx, dy = east - west, north - south
    return box(west + x0 * dx, south + y0 * dy, west + x1 * dx, south + y1 * dy)


def document():
    told = site_document(
        "tiny",
        feature(
            part(0.05, 0.05, 0.3, 0.3), role="boundary", boundary_id=SECRET_BOUNDARY, valid_from="2025-01-01",
            source="testimony",
        ),
        feature(
            part(0.6, 0.6, 0.8, 0.8), role="zone", id=SECRET_ZONE, kind="housing", name="kept to ourselves"
        ),
        feature(
            part(0.5, 0.2, 0.6, 0.3), role="zone", id="formula", kind="spoil", name=FORMULA,
            sensitivity="public",
        ),
    )  # fmt: skip
    for item in told["features"][:3]:
        item["properties"]["sensitivity"] = "public"
    told["features"][0]["properties"] |= {
        "name_ko": HANGUL,
        "source": f"{FORMULA} simulated for tests",
        "source_url": "https://example.invalid/sites",
    }
    return told


def pile(pile_id: str, geometry, when: dt.datetime) -> Stockpile:
    return Stockpile(
        pile_id=pile_id, parents=("p0", "p00"), datetime=when, area_ha=quantity(1.25), first_seen=when.date(),
        last_seen=when.date(), geometry=geometry,
    )  # fmt: skip


def day_after(days: int) -> dt.date:
    """So many days after the first look; there is one every ten days."""
    return (T0 + dt.timedelta(days=days)).date()


def disturbance(name: str, boundary_id: str, geometry) -> Disturbance:
    return Disturbance(
        disturbance_id=name, parents=(), kind="bare", first_seen=day_after(20),
        first_seen_low=day_after(15), first_seen_high=day_after(25), persistent_since=None,
        machine_status="persistent", cause=None, boundary_id=boundary_id, relation="crossing",
        area_ha=quantity(3.5), outside_ha=quantity(1.5), advance_m=quantity(80.0), bearing_deg=45.0,
        sector_advances={"NE": [80.0, 60.0, 100.0]}, scene_ids=(), geometry=geometry,
    )  # fmt: skip


def series() -> list[SeriesPoint]:
    """Eight dates with a gap of two in the middle."""
    return [
        SeriesPoint(
            quantity=STOCKPILE_AREA, subject_kind="zone", subject_id="yard", n_looks=0 if i in GAP else 3,
            datetime=T0 + dt.timedelta(days=10 * i), value=UNSEEN if i in GAP else quantity(1.0 + 0.1 * i),
        )
        for i in range(8)
    ]  # fmt: skip


def record_row(layer: str, subject: str, record, time: str = "", **extra) -> Row:
    return Row(
        layer=layer, site_id="tiny", subject=subject, time=time, method="by-hand/1", params_hash="p",
        inputs_hash="i", data=record_data(record) | extra, geometry=record_geometry(record),
    )  # fmt: skip


def plain_row(layer: str, subject: str, geometry=None, /, **data) -> Row:
    wkb = None if geometry is None else geometry.wkb
    return Row(
        layer=layer, site_id="tiny", subject=subject, time="", method="by-hand/1", params_hash="p",
        inputs_hash="i", data=data, geometry=wkb,
    )  # fmt: skip


def verdict_row(reviewer: str) -> Row:
    return plain_row(
        "reviews", f"disturbance/d1/{reviewer}", subject="d1", subject_kind="disturbance",
        reviewed_row_id="x", verdict="accepted", reason_code="ground_works", likelihood="likely",
        confidence="low", blind=True, reviewer=reviewer, reviewed_at="2024-06-01T00:00:00Z", note=FORMULA,
        evidence_viewed=["a", "b"], seen_seq=0, seen_until="",
    )  # fmt: skip


def more_rows() -> list[Row]:
    change = {name: quantity(2.0).to_dict() for name in ("gained_ha", "lost_ha", "net_ha", "max_advance_m")}
    small = scale(part(0.2, 0.2, 0.4, 0.4), 0.05, 0.05)
    rows = [record_row("series", "yard", point, time=point.datetime.isoformat()) for point in series()]
    rows += [
        record_row("stockpiles", "p1", pile("p1", small, T0), time="1"),
        record_row("stockpiles", "p1", pile("p1", small, T0 + dt.timedelta(days=10)), time="2"),
        record_row("stockpiles", SECRET_PILE, pile(SECRET_PILE, part(0.65, 0.65, 0.7, 0.7), T0), time="1"),
        record_row(
            "disturbances", "d1", disturbance("d1", "b-2020", part(0.4, 0.4, 0.6, 0.6)),
            review_status="agreed",
        ),
        record_row("disturbances", "d2", disturbance("d2", SECRET_BOUNDARY, part(0.1, 0.1, 0.2, 0.2))),
        plain_row(
            "boundary_changes", "c1", part(0.1, 0.1, 0.3, 0.2), from_boundary_id="b-2020",
            to_boundary_id=SECRET_BOUNDARY, cause="undetermined", bearing_deg=10.0,
            extent="complete", overlay_gained_ha=2.0, overlay_lost_ha=2.0, **change,
        ),
        *(verdict_row(reviewer) for reviewer in ("reviewer-17", "reviewer-18")),
        plain_row(
            "manual_observations", "m1", part(0.1, 0.1, 0.2, 0.2), kind="outline", observer="observer-17",
            label="heap", image="Maxar/1/2024-06-01/0.5m", image_date="2024-06-01", image_resolution_m=0.5,
        ),
        plain_row(
            "alerts", "a1", alert_id="A1", rule="persistent", subject="d1", occurrence=1, state="open",
            raised_at="2024-06-01T00:00:00Z", closed_at=None, detail="kept to ourselves",
            deliveries={"file": "sent"},
        ),
    ]  # fmt: skip
    return rows


@pytest.fixture(scope="session")
def workspace(tmp_path_factory) -> Workspace:
    """After one run, and an import of what the pipeline does not measure yet."""
    catalog = tiny.write_catalog(tmp_path_factory.mktemp("catalog"), dates=tiny.days(8, step=10))
    folder = write_workspace(tmp_path_factory.mktemp("내보내기") / "my watch", catalog, document())
    made = open_workspace(folder)
    run_workspace(made, RunOptions())
    with Ledger(made.ledger_path) as ledger:
        ledger.append(
            more_rows(),
            chain="tiny",
            run_id="later",
            time="2024-06-02T00:00:00Z",
            actor="test",
            action="import",
        )
    return made


def with_map_settings(workspace: Workspace, **values) -> Workspace:
    settings = workspace.settings.model_copy(update={"map": workspace.settings.map.model_copy(update=values)})
    return dataclasses.replace(workspace, settings=settings)


def bundle_of(workspace: Workspace, **options):
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        return collect(workspace, ledger, **options)


@pytest.fixture(scope="session")
def restricted(workspace):
    return bundle_of(workspace, restricted=True)


@pytest.fixture(scope="session")
def public(workspace):
    return bundle_of(workspace)


def all_bytes(paths: list[Path]) -> bytes:
    """Everything that the files say, zip members unpacked and names included."""
    told = b""
    for path in paths:
        told += path.name.encode() + path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                told += b"".join(name.encode() + archive.read(name) for name in archive.namelist())
    return told
