from __future__ import annotations

import datetime as dt
import json

import pytest
from shapely.geometry import box

from aoi.records import Site, Zone, ZoneKind
from campwatch.questions.answers import comparison_document, comparison_lines
from campwatch.questions.asking import ask_comparison
from campwatch.questions.comparison import answer, declare_comparison, is_comparison, read_question
from campwatch.questions.custody import QuestionError, declaration
from campwatch.workspace import open_workspace
from detection.sampling.references import NOT_VALIDATED
from evidence.hashing import sha256_bytes
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import Row
from evidence.verify import verify_ledger

from .conftest import site_document, write_workspace

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


PLACES = (
    ("camp", "yard", 2.0), ("m1", "z", 0.1), ("m2", "z", -0.1), ("m3", "z", 0.0), ("bare", "z", 0.0)
)  # fmt: skip


def filled(file):
    """A ledger with two years of figures of every place."""
    opened = Ledger(file, create=True)
    for site, zone, jump in PLACES:
        opened.append(measured(site, zone, jump), chain=site, run_id="r", time="2026-01-01T00:00:00Z",
                      actor="campwatch", action="measure")  # fmt: skip
    return opened


@pytest.fixture
def ledger(tmp_path):
    with filled(tmp_path / "ledger.sqlite") as opened:
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
    declared = declare_comparison(ledger, path, actor="anna", clock=clock)
    (entry,) = [e for e in ledger.custody("camp") if e.action == "declare"]
    assert entry == declared
    assert entry.data["sha256"] == sha256_bytes(path.read_bytes())
    found = answer(ledger, path)
    assert found.effect.effect_ha.low < 2.0 < found.effect.effect_ha.high
    assert found.effect.effect_ha.low > 0


def test_declaring_twice_changes_nothing(ledger, path):
    declare_comparison(ledger, path, actor="anna", clock=clock)
    heads = ledger.heads()
    declare_comparison(ledger, path, actor="anna", clock=clock)
    assert ledger.heads() == heads


def test_a_question_that_was_changed_afterwards_is_refused(ledger, path):
    declare_comparison(ledger, path, actor="anna", clock=clock)
    path.write_text(TEXT.replace("2017-08-15", "2017-12-01"), encoding="utf-8")
    with pytest.raises(QuestionError, match="was declared on 2026-01-01T00:00:00Z with other words"):
        answer(ledger, path)


MATCHED = (
    TEXT[: TEXT.index("comparisons")]
    + """\
coal_free = [{ site = "bare", zone = "z" }]
matched = { kinds = ["coal_mine"], within_km = 60, most = 3 }
"""
)


def registered(site_id, kind, east):
    west = 126.0 + east
    zone = Zone(id="z", kind=ZoneKind.STOCKYARD, geometry=box(west + 0.01, 39.51, west + 0.02, 39.52))
    return Site(id=site_id, name=site_id, kind=kind, aoi=box(west, 39.5, west + 0.05, 39.55), zones=(zone,))


SITES = (
    registered("camp", "kwanliso", 0.0),
    registered("m1", "coal_mine", 0.1),
    registered("m2", "coal_mine", 0.2),
    registered("m3", "coal_mine", 0.3),
    registered("m4", "coal_mine", 0.4),
    registered("far", "coal_mine", 2.0),
    registered("port", "coal_port", 0.05),
)


def test_the_registry_names_the_comparison_places_and_declaring_fixes_them(ledger, path):
    path.write_text(MATCHED, encoding="utf-8")
    assert is_comparison(path)
    declare_comparison(ledger, path, actor="anna", clock=clock, sites=SITES)
    entry = declaration(ledger, path)
    assert entry.data["comparisons"] == ["m1/z", "m2/z", "m3/z"]
    declare_comparison(ledger, path, actor="anna", clock=clock, sites=SITES[:2])
    found = answer(ledger, path)
    assert [change.place for change in found.effect.comparisons] == ["m1/z", "m2/z", "m3/z"]
    assert found.effect.effect_ha.low < 2.0 < found.effect.effect_ha.high
    assert found.effect.effect_ha.low > 0
    (bare,) = found.coal_free
    assert bare.change_ha == pytest.approx(0.0, abs=0.02)


def test_a_registry_without_such_places_is_named(ledger, path):
    path.write_text(MATCHED.replace("coal_mine", "quarry"), encoding="utf-8")
    with pytest.raises(QuestionError, match="no site of the kinds quarry within 60 km has a stockyard zone"):
        declare_comparison(ledger, path, actor="anna", clock=clock, sites=SITES)
    assert declaration(ledger, path) is None


def test_the_answer_in_words_and_for_programs(ledger, path):
    declare_comparison(ledger, path, actor="anna", clock=clock)
    found, question = answer(ledger, path), read_question(path)
    told = "\n".join(comparison_lines(found, question=question))
    assert "effect on 2017-08-15: +" in told
    assert "comparison m1/z: " in told
    assert "placebo dates with an alarm: 0 of 1" in told
    assert NOT_VALIDATED in told
    assert "names no cause" in told
    document = comparison_document(found, question=question)
    assert json.loads(json.dumps(document))["effect"]["effect_ha"]["low"] > 0
    assert document["validation"] == NOT_VALIDATED


def test_the_command_declares_answers_and_refuses_other_words(command, tmp_path):
    folder = write_workspace(tmp_path / "watch", tmp_path / "catalog.json", site_document("camp"))
    with filled(folder / "ledger.sqlite"):
        pass
    (folder / "questions").mkdir()
    file = folder / "questions" / "ban-2017.toml"
    file.write_text(TEXT, encoding="utf-8")
    told = command("--json", "-C", folder, "question", "ban-2017", "--actor", "anna")
    assert told.returncode == 0, told.stderr
    assert "effect on 2017-08-15: +" in told.stderr
    assert NOT_VALIDATED in told.stderr
    document = json.loads(told.stdout)
    assert document["effect"]["effect_ha"]["low"] > 0
    assert [place["place"] for place in document["effect"]["comparisons"]] == ["m1/z", "m2/z", "m3/z"]
    file.write_text(TEXT.replace("2017-08-15", "2017-12-01"), encoding="utf-8")
    refused = command("-C", folder, "question", "ban-2017")
    assert (refused.returncode, "with other words" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (MATCHED + 'comparisons = [{ site = "m1", zone = "z" }]\n', "either comparisons or matched"),
        (TEXT.replace('{ site = "m1", zone = "z" }', '{ site = "camp", zone = "yard" }'), "with itself"),
    ],
)
def test_two_ways_of_naming_and_a_subject_beside_itself_are_refused(path, text, fault):
    path.write_text(text, encoding="utf-8")
    with pytest.raises(QuestionError, match=fault):
        read_question(path)


def test_faults_are_named(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(TEXT.replace("event = 2017-08-15\n", ""), encoding="utf-8")
    with pytest.raises(QuestionError, match=r"bad.toml: event: is needed"):
        read_question(file)


def test_a_comparison_is_declared_answered_and_kept(ledger, path, tmp_path):
    (tmp_path / "campwatch.toml").write_text("", encoding="utf-8")
    first = ask_comparison(open_workspace(tmp_path), path, actor="anna", clock=clock)
    again = ask_comparison(open_workspace(tmp_path), path, actor="anna", clock=clock)
    assert again.document == first.document
    assert [entry.action for entry in ledger.custody("camp")] == ["measure", "declare", "answer"]
    document, text = first.files
    assert json.loads(document.read_text("utf-8")) == first.document
    assert "effect on 2017-08-15" in text.read_text("utf-8")
    assert first.document["question_sha256"] in text.read_text("utf-8")
