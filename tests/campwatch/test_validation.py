"""What an output says of its interval follows from the references that a site has."""

from __future__ import annotations

import datetime as dt

import pytest
import shapely
from shapely.geometry import box

from aoi.geodesy import area_ha
from aoi.records import Site, Zone, ZoneKind
from campwatch.reviews.validation import (
    annotation,
    references,
    site_checks,
    stockpile_validation,
    validation_lines,
    validation_texts,
)
from detection.sampling.references import NOT_VALIDATED
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import Row

YARD = box(126.01, 39.51, 126.02, 39.52)
PILE = box(126.012, 39.512, 126.0135, 39.513)
SITE = Site(
    id="mine",
    name="Mine",
    aoi=box(126.0, 39.5, 126.06, 39.55),
    zones=(Zone(id="yard", kind=ZoneKind.STOCKYARD, geometry=YARD),),
)


def row(layer, subject, time, data, geometry=None):
    return Row(
        layer=layer, site_id="mine", subject=subject, time=time, method="m", params_hash="p",
        inputs_hash="i", data=data, geometry=geometry,
    )  # fmt: skip


def rows(count, *, resolution=0.5, days_late=2, label="heap", kind="outline"):
    for i in range(count):
        day = dt.datetime(2020, 1, 1, 2, 36, tzinfo=dt.UTC) + dt.timedelta(days=12 * i)
        time = day.isoformat().replace("+00:00", "Z")
        quantity = Quantity.measured(area_ha(PILE) + 0.1, sd_random=0.1).to_dict()
        yield row(
            "stockpile_areas", "yard", time,
            {"zone_id": "yard", "datetime": time, "area_ha": quantity, "validated_on": "painted"},
        )  # fmt: skip
        seen = (day + dt.timedelta(days=days_late)).date().isoformat()
        data = {
            "kind": kind, "label": label, "image": f"Maxar/{i}", "image_date": seen,
            "image_resolution_m": resolution,
        }  # fmt: skip
        yield row("manual_observations", f"o{i}", time, data, shapely.to_wkb(PILE))


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite", create=True) as opened:
        yield opened


def fill(ledger, found, run="r"):
    ledger.append(
        list(found), chain="mine", run_id=run, time="2026-01-01T00:00:00Z", actor="a", action="measure"
    )


def texts(ledger, **options):
    return validation_texts(site_checks(ledger, SITE, **options))


def test_thirty_references_make_a_site_reference(ledger):
    fill(ledger, rows(30))
    told = texts(ledger)
    assert told["stockpile_areas"] == (
        "checked against 30 outlines and absences at this site: "
        "bias +0.10 ha, RMSE 0.10 ha, 100% inside the interval"
    )
    assert told["footprints"] == told["boundary_changes"] == NOT_VALIDATED
    (stored, *_) = annotation(ledger, [SITE])(ledger.current("stockpile_areas"))
    assert stored.row.data["validated_on"] == "site_reference"
    assert stored.row.data["validation"] == told["stockpile_areas"]
    assert stockpile_validation(ledger, SITE)[0].bias_ha == pytest.approx(0.1)
    assert len(validation_lines(site_checks(ledger, SITE))) == 2


def test_twenty_nine_do_not(ledger):
    fill(ledger, rows(29))
    assert texts(ledger)["stockpile_areas"] == f"{NOT_VALIDATED} (29 of 30 references)"
    (stored, *_) = annotation(ledger, [SITE])(ledger.current("stockpile_areas"))
    assert stored.row.data["validated_on"] == "painted"


def test_without_any_reference_one_line_says_it(ledger):
    fill(ledger, [])
    assert validation_lines(site_checks(ledger, SITE)) == [NOT_VALIDATED]


def test_references_that_came_later_are_not_counted_for_an_earlier_run(ledger):
    fill(ledger, rows(20), run="early")
    fill(ledger, rows(31), run="late")
    assert "20 of 30" in texts(ledger, as_of_run="early")["stockpiles"]
    assert "checked against 31" in texts(ledger)["stockpiles"]


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"resolution": 3.0}, "its image has 3 m, 1 m is needed"),
        ({"days_late": 6}, "no figure of the zone within 5 days"),
    ],
)
def test_coarse_or_late_images_are_no_reference(ledger, made, why):
    fill(ledger, rows(30, **made))
    assert texts(ledger)["stockpile_areas"] == NOT_VALIDATED
    assert {found.unused for found in references(ledger, SITE)} == {why}


def test_an_outline_outside_of_every_yard_is_refused_by_name(ledger):
    (area, seen) = rows(1)
    outside = row(
        "manual_observations",
        "o9",
        seen.time,
        {**seen.data},
        shapely.to_wkb(box(126.03, 39.53, 126.031, 39.531)),
    )
    fill(ledger, [area, outside])
    (found,) = references(ledger, SITE)
    assert (found.unused, found.pair) == ("names no stockyard zone and lies in none", None)


def test_rows_without_an_interval_stay_as_they_are(ledger):
    fill(ledger, rows(1))
    seen = ledger.current("manual_observations")
    assert annotation(ledger, [SITE])(seen) == seen
