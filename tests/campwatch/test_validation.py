"""What an output says of its interval follows from the references that a site has."""

from __future__ import annotations

import datetime as dt

import pytest
import shapely
from shapely.geometry import box

from aoi.geodesy import area_ha
from aoi.records import Site, Zone, ZoneKind
from campwatch.reviews.validation import NOT_VALIDATED, stockpile_validation, validated_on, validation_texts
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


def rows(count, *, resolution=0.5, days_late=2):
    for i in range(count):
        day = dt.datetime(2020, 1, 1, 2, 36, tzinfo=dt.UTC) + dt.timedelta(days=12 * i)
        time = day.isoformat().replace("+00:00", "Z")
        quantity = Quantity.measured(area_ha(PILE) + 0.1, sd_random=0.1).to_dict()
        yield row("stockpile_areas", "yard", time, {"zone_id": "yard", "datetime": time, "area_ha": quantity})
        seen = (day + dt.timedelta(days=days_late)).date().isoformat()
        data = {"kind": "outline", "label": "heap", "image_date": seen, "image_resolution_m": resolution}
        yield row("manual_observations", f"o{i}", time, data, shapely.to_wkb(PILE))


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite", create=True) as opened:
        yield opened


def fill(ledger, found):
    ledger.append(
        list(found), chain="mine", run_id="r", time="2026-01-01T00:00:00Z", actor="a", action="measure"
    )


def test_thirty_references_make_a_site_reference(ledger):
    fill(ledger, rows(30))
    assert validated_on(ledger, SITE)["stockpile_areas"] == "site_reference"
    assert validation_texts(ledger, SITE)["stockpile_areas"] == "checked against 30 references at this site"
    assert validated_on(ledger, SITE)["footprints"] is None
    assert validation_texts(ledger, SITE)["footprints"] == NOT_VALIDATED
    assert stockpile_validation(ledger, SITE)[0].bias_ha == pytest.approx(0.1)


def test_twenty_nine_do_not(ledger):
    fill(ledger, rows(29))
    assert validated_on(ledger, SITE)["stockpile_areas"] is None
    assert validation_texts(ledger, SITE)["stockpile_areas"] == f"{NOT_VALIDATED} (29 of 30 references)"


@pytest.mark.parametrize("made", [{"resolution": 3.0}, {"days_late": 6}])
def test_coarse_or_late_images_are_no_reference(ledger, made):
    fill(ledger, rows(30, **made))
    assert validation_texts(ledger, SITE)["stockpile_areas"] == NOT_VALIDATED
