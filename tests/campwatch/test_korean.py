"""Korean throughout: the catalogue has no gaps, reads well, and the whole tutorial speaks it."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from pathlib import Path

import docx
import pytest
from lxml import etree
from typer.testing import CliRunner

from benchmarks import korean
from campwatch.cli.app import app
from campwatch.custody.korean import sign_korean
from campwatch.language import (
    CATALOGUE,
    DRAFT,
    ENGLISH,
    KOREAN,
    korean_digest,
    spoken,
    system_language,
    told,
    told_with,
    with_particles,
)
from campwatch.layers import LAYERS
from campwatch.workspace import open_workspace

from .test_manual_commands import DOCS, FENCE, commands, draw

ROOT = Path(__file__).resolve().parents[2]


def test_every_text_that_people_read_has_a_korean_one():
    assert korean.missing() == [], "python -m benchmarks.korean --write, then fill in msgstr"
    assert {str(message.id) for message in korean.held() if message.id} == set(korean.collected())


def test_the_korean_has_the_places_of_its_english():
    assert korean.unequal_places() == []


def test_what_is_read_is_made_of_what_translators_edit():
    assert CATALOGUE.with_suffix(".mo").read_bytes() == korean.compiled(korean.held())


def test_one_english_text_has_one_korean_in_catalogue_maps_columns_and_glossary():
    strings = json.loads((ROOT / "maps" / "assets" / "strings.json").read_text("utf-8"))
    collected, held = korean.collected(), korean.held()
    ours = {text: str(held.get(text).string) for text in collected}
    assert {e: (ours[e], text) for e, text in strings.values() if ours.get(e, text) != text} == {}
    terms = {english.lower(): text for english, text in korean.glossary().items()}
    assert [e for e, text in strings.values() if terms.get(e.lower(), text) != text] == []
    assert {e: ours[e] for e, one in collected.items() if one.korean and one.korean != ours[e]} == {}


def test_a_version_of_a_boundary_is_called_one_thing():
    texts = [str(message.string) for message in korean.held() if message.string]
    texts += [
        text for _, text in json.loads((ROOT / "maps" / "assets" / "strings.json").read_text()).values()
    ]
    assert [text for text in texts if "버전" in text and "경계" in text] == []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("구역을(를) 구역은(는) 구역이(가) 구역(으)로 구역과(와)", "구역을 구역은 구역이 구역으로 구역과"),
        ("경계을(를) 경계은(는) 경계이(가) 경계(으)로 경계과(와)", "경계를 경계는 경계가 경계로 경계와"),
        ("서울(으)로 1(으)로 7을(를) 2을(를) 10이(가) 95 %을(를)", "서울로 1로 7을 2를 10이 95 %를"),
        ("camp-18이(가) 'yard'을(를)", "camp-18이 'yard'을(를)"),
    ],
)
def test_particles_follow_what_is_read_before_them(text, read):
    assert with_particles(text) == read


@pytest.mark.parametrize(
    ("english", "text"),
    [
        ("not assessable: 8 looks that can be compared, 12 needed",
         "평가 불가: 비교할 수 있는 관측 8회, 12회 필요함"),
        ("1.20 to 3.40 ha (best 2.30)", "1.20~3.40 ha (최적값 2.30)"),
        ("camp-18 lacks a boundary: no inside and no outside, no change of a perimeter (x)",
         "camp-18에 없는 것, 경계: 안과 밖의 구분도, 경계의 변화도 없음 (x)"),
        ("no usable look for 934 days, since 2024-05-10", "2024-05-10부터 934일 동안 쓸 수 있는 관측 없음"),
        ("mean after: not assessable (0 looks before, 8 after, 0 of the same season: under 5)",
         "이후 평균: 평가 불가 (관측 이전 0회, 이후 8회, 같은 계절 0회: 5회 미만)"),
        ("this has to be left alone", "this has to be left alone"),
        ("석탄", "석탄"),
    ],
)  # fmt: skip
def test_texts_with_something_in_their_places_read_in_korean(english, text):
    assert told(english, KOREAN) == text
    assert told(english, ENGLISH) == english


def test_every_text_with_places_is_known_when_they_are_filled():
    lost = []
    for text in korean.collected():
        places = re.findall(r"\{(\w+)\}", text)
        if places and len(set(places)) == len(places) and not re.search(r"\}\{", text):
            filled = re.sub(r"\{\w+\}", "7", text)
            if re.search("[A-Za-z]{2}", filled) and not re.search("[가-힣]", told(filled, KOREAN)):
                lost.append(text)
    same = {text for text in korean.collected() if not re.search("[가-힣]", told(text, KOREAN))}
    assert [text for text in lost if text not in same] == []


def test_named_places_are_filled_in_both_languages():
    assert told_with("net {text}", ENGLISH, text="1") == "net 1"
    assert told_with("net {text}", KOREAN, text="not assessable") == "순 변화 평가 불가"


def test_the_glossary_s_terms_are_the_catalogue_s():
    glossary = (ROOT / "docs" / "glossary-ko.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", glossary, re.MULTILINE)[2:]
    terms = {english.strip(): text.strip() for english, text in rows}
    assert terms["placebo date"] == "가상 사건일"
    assert told("placebo 2019-01-01", KOREAN) == "가상 사건일 2019-01-01"
    likely = dict(re.findall(r"([a-z][a-z ]+?) ([가-힣 ]+?) \(\d", glossary[glossary.index("Likelihood") :]))
    assert (likely["likely"], likely["very likely"]) == ("가능성이 높음", "가능성이 매우 높음")
    assert {term: text for term, text in terms.items() if told(term, KOREAN) not in {term, text}} == {}


def test_the_language_is_the_system_s_where_none_is_named():
    assert system_language({"LANG": "ko_KR.UTF-8"}) == KOREAN
    assert system_language({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}) == ENGLISH
    assert system_language({"LANGUAGE": "ko:en"}) == KOREAN
    assert spoken() == ENGLISH


@pytest.mark.parametrize("words", ["--lang ko sites list --shipped", "sites list --shipped --lang=ko"])
def test_the_language_may_stand_anywhere_and_programs_are_told_in_english(words):
    result = CliRunner().invoke(app, words.split())
    assert told(DRAFT, KOREAN) in result.stderr
    listed = json.loads(CliRunner().invoke(app, [*words.split(), "--json"]).stdout)
    assert {"subject", "comparison"} <= {site["purpose"] for site in listed}
    refused = CliRunner().invoke(app, ["--lang", "ja", "sites", "list"])
    assert refused.exit_code == 2
    assert "none of en, ko" in refused.output


def test_errors_and_help_are_korean_too(tmp_path):
    wrong = CliRunner().invoke(
        app, ["-C", str(tmp_path / "no"), "run", "--lang", "ko"], env={"COLUMNS": "200"}
    )
    assert "작업 공간이 아님" in wrong.stderr
    unknown = CliRunner().invoke(app, ["--lang", "ko", "sites", "show", "--foo"], env={"COLUMNS": "200"})
    assert "그런 옵션이 없음: --foo" in unknown.stderr
    shown = CliRunner().invoke(app, ["--lang", "ko", "sites", "show", "--help"], env={"COLUMNS": "200"})
    assert "대상지 하나를 보여 줌" in shown.output
    assert "옵션" in shown.output


def said_in_korean(page, catalog):
    """The outputs of a page's commands, each with `--lang ko`."""
    said = []
    for language, title, body in FENCE.findall(page.read_text("utf-8")):
        if title:
            Path(title).parent.mkdir(parents=True, exist_ok=True)
            Path(title).write_text(body, "utf-8")
        for command, *_ in commands(body) if language == "console" else ():
            words = [word.replace("my-place-en", "my-place-ko") for word in shlex.split(command)[1:]]
            result = CliRunner().invoke(app, [*words, "--lang", "ko"], env={"COLUMNS": "400"})
            assert result.exit_code == 0, f"{command}: {result.output} {result.exception!r}"
            if words[0] == "init":
                settings = Path(words[1]) / "campwatch.toml"
                settings.write_text(f'[[source]]\nkind = "stac"\nurl = "{catalog.as_posix()}"\n', "utf-8")
            said.append((command, result.output))
    return said


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory, catalog):
    """The folder that the tutorial leaves, and what it said."""
    folder = tmp_path_factory.mktemp("korean")
    draw(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        said = said_in_korean(DOCS / "tutorial.md", catalog)
        for kind in ("word", "kmz", "qgis", "bag --finding coal-yard"):
            words = shlex.split(f"-C my-watch export --lang ko --format {kind}")
            result = CliRunner().invoke(app, words, env={"COLUMNS": "400"})
            assert result.exit_code == 0, result.output
    return folder, said


NAMES = re.compile(
    r"`[^`]*`|/\S+|\S*[/\\]\S*|campwatch( -C \S+)?( [a-z-]+)*( \S*\|\S*)?"
    r"|\b(my-\w+|coal-yard|fence|area|yard|Camp)\S*"
    r"|--?[a-z-]+|\b[\w.-]+\.(toml|docx|pdf|json|xlsx|csv|txt|kmz|geojson)\b|\b[0-9a-f]{8,}\b|\b[A-Z][\w.'-]*\b"
    r"|\b\w+_\w+\b|\bname '[^']*'|\bstatic:.*$"
)
"""Commands, options, paths, files, ids, and names, which are the same in both languages."""
SENTENCE = re.compile(r"(?:\b[a-z]{2,}\b[ ,]+){2,}\b[a-z]{2,}\b")


def english_left(text, known=()):
    """Three English words in a row, of every line, that are no names."""
    lines = [line for line in text.splitlines() if not any(name in line for name in known)]
    return [line for line in lines if SENTENCE.search(NAMES.sub("", line))]


OUR_NAMES = re.compile(
    r"My place|Our desk|Did the coal in the yard change in 2024\?|coal-yard|fence-2020-05-01|my-place"
    r"|yard-2024"
    r"|DRAFT|campwatch( verify --head| report check)?|report check|Airbus|Google Earth|static:catalog"
)
"""Of the tutorial, and of this program."""
FOREIGN_NAMES = re.compile(
    r"\d{8}T\d{6}Z-[0-9a-f]{6}|`[^`]*`|https?://\S+|Contains modified Copernicus Sentinel data[^<.\n]*"
    r"|\S*[/\\]\S*"
    r"|(?<![0-9a-z])[0-9a-f]{8,}(?![0-9a-z])|\S*_\S*|[\w-]+\.(md|txt|json|toml|csv|tif|jsonl|docx|pdf)"
    r"|sentinel-2a?\S*|Sentinel-[12]|\b(Copernicus|Landsat|ICD|QGIS|CSV|JSON|PNG|GeoTIFF|GeoJSON|BagIt|RFC|UTF"
    r"|UTM|Linux|macOS|Windows|PowerShell|Python|STAC|EPSG|EDTF|SHA|WGS|UTC)(?![a-z])"
    r"|\b[a-z]+(-[a-z]+)*-\d+\b"
)
"""Programs, formats, standards, satellites, the notice that the licence asks for, ids, files, methods."""
UNITS_AND_VALUES = re.compile(
    r"(?<![A-Za-z])(ha|km2?|MB|GB|dpi|id|aoi|manifest|baseline|answers)(?![A-Za-z])|[A-Za-z]+(?=\([가-힣])"
    r"|Imagery · "
)
"""Units, words that the glossary keeps, and values of columns whose Korean stands behind them."""
LITERATURE = re.compile(r"^[A-Z][\w ,.&ü]+ \(\d{4}\)(,| )|HR/PUB/|^- (패키지|자료층|대상지에 쓰기 전에)")


def latin_left(text):
    """Every line with a Latin word of two letters or more that is no name, with those words."""
    found = {}
    for line in text.splitlines():
        rest = UNITS_AND_VALUES.sub(" ", FOREIGN_NAMES.sub(" ", OUR_NAMES.sub(" ", line)))
        words = re.findall(r"[A-Za-z]{2,}", rest)
        if words and line.strip() not in LAYERS and not LITERATURE.search(line):
            found[line] = words
    return found


SHIPPED = re.compile(r"^  [a-z0-9-]+ +\S+( \S+)? +\S.*$")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_tutorial_speaks_korean(tutorial):
    _, said = tutorial
    for command, output in said:
        lines = [line for line in output.splitlines() if not (SHIPPED.match(line) and "init" in command)]
        assert english_left("\n".join(lines), known=("Did the coal in the yard change",)) == [], command
        assert "DRAFT" in output, command


@pytest.mark.long
def test_word_and_google_earth_files_are_korean_and_say_draft(tutorial):
    folder, _ = tutorial
    (word,) = (folder / "my-watch" / "exports").rglob("*.docx")
    document = docx.Document(str(word))
    text = [p.text for p in document.paragraphs]
    text += [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    assert "위성 측정" in text
    footer = document.sections[0].footer.paragraphs[0].text
    assert "DRAFT" in footer
    assert latin_left("\n".join(text)) == {}
    (kmz,) = (folder / "my-watch" / "exports").rglob("*.kmz")
    kml = zipfile.ZipFile(kmz).read("doc.kml").decode()
    assert "초안(DRAFT)" in kml
    told_there = re.findall(r"<(?:\w+:)?(?:name|description)>([^<]*)<", kml)
    assert latin_left("\n".join(told_there).replace("&lt;br&gt;", "\n")) == {}
    (report,) = (folder / "my-watch" / "releases").rglob("*-ko*.docx")
    told_here = "\n".join(p.text for p in docx.Document(str(report)).paragraphs)
    assert "초안(DRAFT)" in told_here
    assert latin_left(told_here) == {}


@pytest.mark.long
def test_projects_of_qgis_evidence_bags_and_maps_hold_no_english_but_names(tutorial):
    exports = tutorial[0] / "my-watch" / "exports"
    (project,) = exports.rglob("*.qgz")
    archive = zipfile.ZipFile(project)
    xml = etree.fromstring(archive.read(next(n for n in archive.namelist() if n.endswith(".qgs"))))
    said = [node.text or "" for tag in ("layername", "title", "abstract") for node in xml.iter(tag)]
    said += [node.get("labelText") for node in xml.iter("LayoutItem") if node.get("labelText")]
    said += [node.get("name") for tag in ("layer-tree-group", "visibility-preset") for node in xml.iter(tag)]
    assert latin_left("\n".join(filter(None, said))) == {}
    (bag,) = exports.rglob("*.zip")
    archive = zipfile.ZipFile(bag)
    texts = {n: archive.read(n).decode() for n in archive.namelist() if n.endswith(".ko.md")}
    assert len(texts) == 2
    assert {name: left for name, text in texts.items() if (left := latin_left(text))} == {}
    page = (tutorial[0] / "my-watch" / "maps" / "my-place.restricted.html").read_text("utf-8")
    data = json.loads(re.search(r'id="cw-data">(.*?)</script>', page, re.DOTALL)[1])
    read = data["korean"]
    assert read["8 looks that can be compared, 12 needed"] == "비교할 수 있는 관측 8회, 12회 필요함"
    assert {english: left for english, text in read.items() if (left := latin_left(text))} == {}


@pytest.mark.long
def test_a_signature_holds_for_the_words_as_they_are(tutorial, monkeypatch):
    folder, _ = tutorial
    workspace = folder / "my-watch"
    status = ["-C", str(workspace), "status", "--lang", "ko"]
    assert sign_korean(open_workspace(workspace), actor="k1") == korean_digest()
    assert "한국어 문구는 k1이 서명함" in CliRunner().invoke(app, status).stderr
    monkeypatch.setattr("campwatch.custody.korean.korean_digest", lambda: "0" * 64)
    assert told(DRAFT, KOREAN) in CliRunner().invoke(app, status).stderr
