from __future__ import annotations

import datetime as dt

import pytest

from campwatch.reviews.questions import QuestionError, answer, declare, read_question
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import Row
from evidence.verify import verify_ledger

TEXT = """\
question = "Did the piles of the yard grow after China's ban of August 2017?"
event = 2017-08-15
placebos = [2016-08-15]
why_comparable = "civilian mines of the same kind on the same railway (simulated)"
subject = { site = "camp", zone = "yard" }
comparisons = [{ site = "m1", zone = "z" }, { site = "m2", zone = "z" }, { site = "m3", zone = "z" }]
"""


def clock():
    return dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def measured(site, zone, jump):
    rows = []
    for day in range(0, 720, 12):
        date = dt.datetime(2016, 8, 20, tzinfo=dt.UTC) + dt.timedelta(days=day)
        value = 1.0 + jump * (date.date() >= dt.date(2017, 8, 15)) + 0.05 * ((day * 7) % 5) + 0.01 * len(site)
        time = date.isoformat().replace("+00:00", "Z")
        data = {
            "zone_id": zone,
            "datetime": time,
            "area_ha": Quantity.measured(value, sd_random=0.1).to_dict(),
        }
        rows.append(Row(layer="stockpile_areas", site_id=site, subject=zone, time=time, method="m",
                        params_hash="p", inputs_hash="i", data=data))  # fmt: skip
    return rows


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite", create=True) as opened:
        for site, zone, jump in (
            ("camp", "yard", 2.0),
            ("m1", "z", 0.1),
            ("m2", "z", -0.1),
            ("m3", "z", 0.0),
        ):
            opened.append(measured(site, zone, jump), chain=site, run_id="r", time="2026-01-01T00:00:00Z",
                          actor="campwatch", action="measure")  # fmt: skip
        yield opened
        assert verify_ledger(opened) == []


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "ban-2017.toml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_a_question_is_declared_before_it_is_answered(ledger, path):
    with pytest.raises(QuestionError, match="has not been declared"):
        answer(ledger, path)
    digest = declare(ledger, path, actor="anna", clock=clock)
    (entry,) = [e for e in ledger.custody("camp") if e.action == "declare"]
    assert entry.data["sha256"] == digest
    found = answer(ledger, path)
    assert found.effect.effect_ha.low < 2.0 < found.effect.effect_ha.high
    assert found.effect.effect_ha.low > 0


def test_declaring_twice_changes_nothing(ledger, path):
    declare(ledger, path, actor="anna", clock=clock)
    heads = ledger.heads()
    declare(ledger, path, actor="anna", clock=clock)
    assert ledger.heads() == heads


def test_a_question_that_was_changed_afterwards_is_refused(ledger, path):
    declare(ledger, path, actor="anna", clock=clock)
    path.write_text(TEXT.replace("2017-08-15", "2017-12-01"), encoding="utf-8")
    with pytest.raises(QuestionError, match="was declared on 2026-01-01T00:00:00Z with other words"):
        answer(ledger, path)


def test_faults_are_named(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(TEXT.replace("event = 2017-08-15\n", ""), encoding="utf-8")
    with pytest.raises(QuestionError, match=r"bad.toml: event: Field required"):
        read_question(file)
