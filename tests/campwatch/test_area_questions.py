"""Questions about one site's areas: declared first, answered from the ledger, kept in custody and files."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace

import pytest

from aoi.site_file import read_site
from campwatch.questions.asking import answer_lines, ask
from campwatch.questions.custody import ANSWERED, DECLARED, QuestionError
from campwatch.run.calibration import CALIBRATED, calibrate_site
from campwatch.workspace import create_workspace
from detection.coal.calibration import spectrum_of
from detection.coal.records import StockpileArea
from detection.coal.spectra import CoalSpectrum
from detection.sampling.references import NOT_VALIDATED
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import Row, record_data
from evidence.verify import verify_ledger
from tests.campwatch.conftest import site_document

TEXT = """\
site = "tiny"
title = "Did the yard's piles grow after the ban of August 2017? (simulated)"
zones = ["yard"]
test = "before_after"
before = [2016-08-15, 2017-08-15]
after = [2017-08-15, 2018-08-15]
"""


def clock():
    return dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def areas(jump):
    for day in range(0, 720, 12):
        when = dt.datetime(2016, 8, 20, tzinfo=dt.UTC) + dt.timedelta(days=day)
        value = 1.0 + jump * (when.date() >= dt.date(2017, 8, 15)) + 0.02 * ((day * 7) % 5)
        yield StockpileArea(
            zone_id="yard", datetime=when, area_ha=Quantity.measured(value, sd_random=0.05),
            valid_fraction=1.0, below_floor=False, bands=("red",), scene_ids=(f"s{day}",),
        )  # fmt: skip


@pytest.fixture
def workspace(tmp_path):
    made = create_workspace(tmp_path / "w")
    path = made.sites_folder / "tiny.geojson"
    path.write_text(json.dumps(site_document()), encoding="utf-8")
    rows = [
        Row(layer="stockpile_areas", site_id="tiny", subject="yard", method="m",
            params_hash="p", inputs_hash="i",
            time=area.datetime.isoformat().replace("+00:00", "Z"), data=record_data(area))
        for area in areas(2.0)
    ]  # fmt: skip
    with Ledger(made.ledger_path, create=True) as ledger:
        ledger.append(rows, chain="tiny", run_id="r", time="2026-01-01T00:00:00Z", actor="campwatch",
                      action="measure", details={"site_file": site_document()})  # fmt: skip
    (made.folder / "questions").mkdir()
    (made.folder / "questions" / "ban.toml").write_text(TEXT, encoding="utf-8")
    return made


def test_a_question_is_declared_answered_and_kept(workspace):
    asked = ask(workspace, "ban", clock=clock)
    assert asked.answer.difference_ha.low < 2.0 < asked.answer.difference_ha.high
    assert asked.after.share_with_coal.value == 1.0
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        actions = [entry.action for entry in ledger.custody("tiny")]
        assert actions == ["measure", DECLARED, ANSWERED]
        assert verify_ledger(ledger) == []
    document = json.loads(asked.files[0].read_text("utf-8"))
    assert document["answer"]["difference_ha"]["value"] == pytest.approx(asked.answer.difference_ha.value)
    assert asked.files[1].read_text("utf-8").startswith("\ufefffigure,unit,value")
    assert any("Not calibrated" in line for line in answer_lines(asked))
    assert any(NOT_VALIDATED in line for line in answer_lines(asked))
    assert all(NOT_VALIDATED in path.read_text("utf-8-sig") for path in asked.files)


def test_asking_twice_adds_nothing(workspace):
    ask(workspace, "ban", clock=clock)
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        heads = ledger.heads()
    ask(workspace, "ban", clock=clock)
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        assert ledger.heads() == heads


def test_a_misspelt_zone_burns_no_name(workspace):
    path = workspace.folder / "questions" / "late.toml"
    path.write_text(TEXT.replace('["yard"]', '["yrad"]'), encoding="utf-8")
    with pytest.raises(QuestionError, match="nothing was declared"):
        ask(workspace, "late", clock=clock)
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        assert [entry.action for entry in ledger.custody("tiny")] == ["measure"]
    path.write_text(TEXT, encoding="utf-8")
    assert ask(workspace, "late", clock=clock).sha256


def test_a_question_says_what_was_known_when_it_was_declared_and_how_many_were_asked(workspace):
    first = ask(workspace, "ban", clock=clock)
    assert (first.standing.figures_before, first.standing.measured_before) == (60, ("r",))
    (workspace.folder / "questions" / "again.toml").write_text(TEXT + "\n", encoding="utf-8")
    lines = answer_lines(ask(workspace, "again", clock=clock))
    assert any("asked with figures in hand" in line and "held 60 of them" in line for line in lines)
    assert "question 2 of 2 declared for this site (the others: ban)" in lines
    assert "question 1 of 2 declared for this site (the others: again)" in answer_lines(
        ask(workspace, "ban", clock=clock)
    )
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        kept = [entry.action for entry in ledger.custody("tiny")]
    assert kept == ["measure", DECLARED, ANSWERED, DECLARED, ANSWERED]


def test_a_question_declared_before_any_figure_says_so(tmp_path, workspace):
    early = create_workspace(tmp_path / "early")
    (early.sites_folder / "tiny.geojson").write_text(json.dumps(site_document()), encoding="utf-8")
    (early.folder / "questions").mkdir()
    (early.folder / "questions" / "ban.toml").write_text(TEXT, encoding="utf-8")
    with pytest.raises(QuestionError, match="is declared; there are no areas of yard in tiny yet"):
        ask(early, "ban", clock=clock)
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        rows = [stored.row for stored in ledger.current("stockpile_areas")]
    with Ledger(early.ledger_path) as ledger:
        ledger.append(rows, chain="tiny", run_id="r2", time="2026-01-02T00:00:00Z", actor="campwatch",
                      action="measure", details={"site_file": site_document()})  # fmt: skip
    asked = ask(early, "ban", clock=clock)
    assert asked.standing.figures_before == 0
    assert any("before the ledger held any figure" in line for line in answer_lines(asked))


def test_other_words_under_the_same_name_are_refused(workspace):
    ask(workspace, "ban", clock=clock)
    path = workspace.folder / "questions" / "ban.toml"
    path.write_text(TEXT.replace("2016-08-15", "2016-08-16"), encoding="utf-8")
    with pytest.raises(QuestionError, match="other words"):
        ask(workspace, "ban", clock=clock)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [('["yard"]', '["quay"]', "no zone quay in tiny"), ('site = "tiny"\n', "", "site is missing"),
     ('"before_after"', '"guess"', "guess")],
)  # fmt: skip
def test_a_question_that_cannot_be_asked_is_refused(workspace, old, new, said):
    (workspace.folder / "questions" / "bad.toml").write_text(TEXT.replace(old, new), encoding="utf-8")
    with pytest.raises(Exception, match=said):
        ask(workspace, "bad", clock=clock)


def test_a_calibration_enters_site_file_and_custody(workspace, monkeypatch):
    site = read_site(workspace.sites_folder / "tiny.geojson")
    work = SimpleNamespace(site=site, recipe={"inputs": {"sha256": "0"}, "code": {"campwatch": "0"}})
    coal = CoalSpectrum(id="tiny-1", bands=("blue", "green", "red", "nir"), mean=(0.04, 0.04, 0.05, 0.06),
                        sd=(0.01,) * 4, calibrated=True, measured_at="tiny")  # fmt: skip
    monkeypatch.setattr("campwatch.run.calibration.site_work", lambda *_: work)
    monkeypatch.setattr("campwatch.run.calibration.kept_cube", lambda *_: None)
    monkeypatch.setattr("campwatch.run.calibration.calibrate_spectrum", lambda *_: coal)
    found = calibrate_site(workspace, "tiny", clock=clock)
    assert found.used_at == ("tiny",)
    site = read_site(workspace.sites_folder / "tiny.geojson")
    assert spectrum_of(site) == coal
    assert [zone.id for zone in site.zones] == ["yard"]
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        assert ledger.custody("tiny")[-1].action == CALIBRATED
