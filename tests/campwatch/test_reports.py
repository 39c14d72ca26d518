# ruff: noqa: E501 - texts are read whole
"""Reports: every number names its row, an edited one is found, and Korean is a draft until it is signed."""

from __future__ import annotations

import datetime as dt
import re
from types import SimpleNamespace

import docx
import pytest
from PIL import Image

from campwatch.language import KOREAN, korean_digest, told
from campwatch.reports import claims, compose
from campwatch.reports.content import (
    Count,
    Facts,
    Grid,
    Heading,
    Line,
    Picture,
    Report,
    Text,
    Value,
    numbers,
)
from campwatch.reports.making import _lines, differing, untrue
from campwatch.reports.pdf import quoted, write_pdf
from campwatch.reports.word import write_word
from campwatch.reports.words import HOSTILE, WORDS, word
from detection.answers.judgement import Judgement, Verdict
from detection.answers.questions import Answer, parse_question
from detection.answers.sentences import sentences
from evidence.quantity import Quantity

ROW = "0123456789abcdef"
OTHER = "fedcba9876543210"
LOOKS = Count(layer="observations", where={"status": ["used"], "site_id": ["a"]}, printed="71")
NOTHING = Quantity.not_assessable("no looks")


def report(tmp_path, *, draft=False):
    picture = tmp_path / "p.png"
    Image.new("RGB", (40, 20), "white").save(picture)
    return Report(
        title='A "quoted" #title', language="ko" if draft else "en", release_id="r1",
        made="2026-01-01T00:00:00", footer="foot", draft=draft,
        blocks=[
            Text(text="PUBLIC", style="mark"),
            Heading(text="Title 제목", level=0),
            Text(lead="yard", text="rose by 0.62 ha (95% interval 0.31 to 0.93)", rows=(ROW,), style="bullet",
                 values=(Value(row_id=ROW, column="area_ha", printed="0.62"),
                         Value(row_id=ROW, column="area_ha_low", printed="0.31"))),
            Facts(items=(Text(lead="Looks", text="71 looks", values=(LOOKS,)),)),
            Picture(path=picture, caption="A picture of 2019", alt="what it shows", width_mm=40, rows=(OTHER,)),
            Grid(caption="A table", head=("a", "b"), lines=(Line(cells=("1.50 ha", "x|y"), rows=(OTHER,)),),
                 note="note"),
        ],
    )  # fmt: skip


def lines(path):
    return list(_lines(docx.Document(str(path))))


def edited(path, tmp_path, old, new):
    document = docx.Document(str(path))
    cells = [p for t in document.tables for row in t.rows for cell in row.cells for p in cell.paragraphs]
    for paragraph in [*document.paragraphs, *cells]:
        for run in paragraph.runs:
            run.text = run.text.replace(old, new)
    document.save(str(tmp_path / "edited.docx"))
    return lines(tmp_path / "edited.docx")


@pytest.mark.parametrize(
    ("old", "new", "row"),
    [
        ("0.62", "0.92", "R1"),  # in a paragraph
        ("1.50", "2.50", "R2"),  # in a table
        ("2019", "2018", "R2"),  # in the caption of a figure
        ("71", "72", None),  # a count, in a table without lines
    ],
)
def test_an_edited_number_is_found_in_word(tmp_path, old, new, row):
    made = report(tmp_path)
    path = write_word(made, tmp_path / "r.docx")
    statements = list(made.statements())
    assert differing(statements, lines(path), made.numbers) == []
    (found,) = differing(statements, edited(path, tmp_path, old, new), made.numbers)
    assert f"{old} became {new}" in found
    assert (f"{row} (row" if row else "without a row") in found


def test_a_statement_that_was_cut_is_missing(tmp_path):
    made = report(tmp_path)
    found = differing(list(made.statements()), ["nothing"], made.numbers)
    assert all("is missing" in line for line in found)
    assert len(found) == len(list(made.statements()))


def test_a_frozen_number_equals_its_cell(tmp_path):
    statements = list(report(tmp_path).statements())
    row = {"_layer": "stockpile_areas", "area_ha": "0.623", "area_ha_low": "0.3099"}
    looks = {f"{k:016x}": {"_layer": "observations", "status": "used", "site_id": "a"} for k in range(71)}
    assert untrue(statements, {ROW: row} | looks) == []
    (found,) = untrue(statements, {ROW: row | {"area_ha": "0.66"}} | looks)
    assert "0.62 is printed, the release has 0.66" in found
    (found,) = untrue(statements, {ROW: row} | dict(list(looks.items())[:70]))
    assert "71 rows are printed, the release has 70" in found
    (found,) = untrue(statements, looks | {ROW: {"_layer": "x", "area_ha": "0.62", "area_ha_low": ""}})
    assert "area_ha_low" in found


def test_word_has_alternative_texts_numbered_captions_and_repeated_heads(tmp_path):
    path = write_word(report(tmp_path), tmp_path / "r.docx")
    document = docx.Document(str(path))
    xml = document.element.xml
    assert 'descr="what it shows"' in xml
    assert "SEQ Figure" in xml
    assert "SEQ Table" in xml
    assert "w:tblHeader" in xml


def test_pdf_holds_text_and_markup_is_no_code(tmp_path):
    path = write_pdf(report(tmp_path), tmp_path / "r.pdf")
    assert path.read_bytes().startswith(b"%PDF")
    assert quoted('a "b" \\ #c') == '"a \\"b\\" \\\\ #c"'


def test_every_word_has_both_languages_and_the_same_places():
    for english in WORDS.values():
        korean = told(english, KOREAN)
        assert set(re.findall(r"{(\w+)", english)) == set(re.findall(r"{(\w+)", korean))
        assert re.search("[가-힣]", korean)
    assert all(re.search("[가-힣]", told(text, KOREAN)) for pair in HOSTILE for text in pair)
    assert len(korean_digest()) == 64
    assert word("restricted", "ko").startswith("대외비")


def test_numbers_leave_out_ids_of_rows():
    assert numbers("−0.03 ha (95% interval −0.09 to 0.02) [R3, R12]") == ["−0.03", "95", "−0.09", "0.02"]


QUESTION = parse_question({
    "id": "q", "zones": ["Y"], "before": [dt.date(2018, 1, 1), dt.date(2021, 1, 1)], "test": "before_after",
    "after": [dt.date(2022, 1, 1), dt.date(2025, 1, 1)], "months": [5, 6, 7, 8, 9, 10], "margin_ha": 0.1,
})  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "change", "said", "korean"),
    [
        (Verdict.INCREASED, Quantity.interval(0.62, 0.31, 0.93), ("rose by 0.62 ha (95% interval 0.31 to 0.93; +41 %), "
         "beyond the variation estimated from 2018–2021"), "늘었다"),
        (Verdict.NO_CHANGE, Quantity.interval(-0.03, -0.09, 0.02), "lies within the ±0.10 ha set beforehand", "배제할 수 없다"),
        (Verdict.CANNOT_BE_TOLD, NOTHING, "This is evidence neither of change nor of its absence", "판단할 수 없다"),
    ],
)  # fmt: skip
def test_the_sentences_say_dates_looks_hectares_and_interval(verdict, change, said, korean):
    judged = Judgement(verdict=verdict, change=change, reference_years=("2018", "2019", "2020", "2021"))
    found = Answer(question_id="q", test="before_after", verdict=verdict, judgement=judged, percent=41.0,
                   difference_ha=change, before_ha=NOTHING, after_ha=NOTHING, looks_before=14, looks_after=14,
                   reason=change.reason, alike=("fewer_shipments", "rearranged"))  # fmt: skip
    english, other = sentences(QUESTION, found, korean=str)
    assert said in english
    assert korean in other
    if verdict is Verdict.INCREASED:
        assert "Between May–October 2018–2020 and May–October 2022–2024 (14 and 14 usable looks)" in english
        assert "would look alike; who worked cannot be seen" in english


def test_rates_name_the_version_that_they_stand_outside_of():
    def row(role, version):
        ha = {"value": 1.0, "low": 0.5, "high": 1.5, "level": 0.95, "sd_random": 0.25, "shared": {}}
        data = {
            "boundary_id": version, "boundary_role": role, "before_ha_a_year": ha, "after_ha_a_year": ha,
            "split": "2016-12-31", "sensor": "landsat-8-9", "resolution_m": 30.0,
        }  # fmt: skip
        said = SimpleNamespace(data=data, layer="landsat_rates", site_id="x", subject=role, time="")
        return SimpleNamespace(row=said, row_id=f"r-{role}")

    rows = {"landsat_rates": [row("fixed", "first"), row("in_force", None)]}
    english, korean = claims.ground_line((), rows, SimpleNamespace(is_empty=True)).text
    assert "outside the fixed version first a year: 1.00" in english
    assert "outside the version in force on each event's day a year: 1.00" in english
    assert "그날 유효한 판본 밖 연간 새 교란" in korean


def test_the_rates_of_a_labelled_sample_go_before_those_of_the_map():
    def row(layer, value):
        ha = {"value": value, "low": 0.5, "high": 9.5, "level": 0.95, "sd_random": 0.25, "shared": {}}
        data = dict.fromkeys(("before_ha_a_year", "after_ha_a_year", "change_ha_a_year"), ha)
        data |= {
            "boundary_id": "first",
            "boundary_role": "fixed",
            "sensor": "landsat-8-9",
            "resolution_m": 30.0,
        }
        data |= {"split": "2016-12-31", "sample_id": "s-1", "labels": 290}
        said = SimpleNamespace(data=data, layer=layer, site_id="x", subject="x", time="")
        return SimpleNamespace(row=said, row_id=layer)

    rows = {name: [row(name, value)] for name, value in (("landsat_rates", 1.0), ("sampled_rates", 3.0))}
    line = claims.ground_line((), rows, SimpleNamespace(is_empty=True))
    english, korean = line.text
    assert english.startswith(
        "by the random sample s-1, the figure to cite (290 labels): newly disturbed outside"
    )
    assert english.index("3.00") < english.index("1.00")
    assert korean.startswith("무작위 표본 s-1")
    assert line.rows[0] == "sampled_rates"
    sites = [SimpleNamespace(id=name, name=name, purpose=None) for name in ("x", "y")]
    other = row("landsat_rates", 1.0)
    other.row.site_id = "y"
    (table,) = compose._comparison(sites, rows | {"landsat_rates": [*rows["landsat_rates"], other]}, "en")
    assert [one.cells[2] for one in table.lines] == [
        "random sample s-1, 290 labels: the figure to cite", "landsat-8-9, 30 m", "landsat-8-9, 30 m",
    ]  # fmt: skip


def test_rates_of_several_places_stand_beside_each_other_and_one_place_beside_none():
    def row(site, sensor, role="fixed"):
        ha = {"value": 1.0, "low": 0.5, "high": 1.5, "level": 0.95, "sd_random": 0.25, "shared": {}}
        data = dict.fromkeys(("before_ha_a_year", "after_ha_a_year", "change_ha_a_year"), ha)
        data |= {"boundary_id": None, "boundary_role": role, "sensor": sensor, "resolution_m": 30.0}
        said = SimpleNamespace(data=data, layer="landsat_rates", site_id=site, subject=role, time="")
        return SimpleNamespace(row=said, row_id=f"{site}-{role}")

    sites = [SimpleNamespace(id=name, name=name, purpose=None) for name in ("camp", "mine")]
    rows = {"landsat_rates": [row("camp", "landsat-8-9"), row("camp", "landsat-8-9", "in_force"),
                              row("mine", "landsat-8-9")]}  # fmt: skip
    (table,) = compose._comparison(sites, rows, "en")
    assert [line.cells[:3] for line in table.lines] == [
        ("camp", "–", "landsat-8-9, 30 m"), ("mine", "–", "landsat-8-9, 30 m"),
    ]  # fmt: skip
    assert table.lines[0].cells[3].startswith("1.00")
    assert table.lines[0].rows == ("camp-fixed",)
    assert compose._comparison(sites[:1], rows, "en") == []
