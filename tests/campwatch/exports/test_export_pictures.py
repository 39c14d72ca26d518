"""Figures, chips and bags."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import zipfile

import bagit
import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from PIL import Image

from campwatch.exports import fonts
from campwatch.exports.bundle import find
from campwatch.exports.figure_pair import degrees, round_degrees, round_length_m
from campwatch.exports.figure_series import stretches
from campwatch.exports.figures import FigureOptions, write_figures
from campwatch.exports.write import ExportFormat, ExportOptions, export
from campwatch.reviews.desk import open_desk
from campwatch.reviews.findings import reviewed_layers
from campwatch.workspace import readable_sites
from detection.pairs.looks import LookChoice, PairParams, season_gap, whole_site_pair
from evidence.errors import ExportError, MeasurementError
from evidence.hashing import canonical_json

from .conftest import HANGUL, SECRET_PILE, SECRETS, all_bytes


@pytest.fixture(scope="module")
def figures(workspace, tmp_path_factory):
    paths = write_figures(workspace, FigureOptions(restricted=True, out=tmp_path_factory.mktemp("figures")))
    return {path.name: path for path in paths}


def test_figures_are_300_dpi_and_carry_their_stamp(figures, restricted):
    expected = {
        f"tiny-{name}.restricted.{kind}"
        for name in ("before-after", "stockpiles", "footprint")
        for kind in ("png", "svg")
    }
    assert expected <= set(figures)
    others = set(figures) - expected
    assert others
    assert all(name.startswith("tiny-boundary-b-2020-") for name in others)
    for name, path in figures.items():
        if name.endswith(".png"):
            with Image.open(path) as picture:
                assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
                assert picture.width == 2160
                assert restricted.stamp.custody_head in picture.info["Description"]
        else:
            assert restricted.stamp.custody_head in path.read_text("utf-8")
            etree.parse(path)


def test_coordinates_on_the_frame_are_round():
    assert round_degrees(150.8932, 150.9069) == [150.895, 150.9, 150.905]
    assert round_degrees(-0.031, 0.012) == [-0.02, 0.0]
    assert degrees(150.895, "EW") == "150.895° E"
    assert degrees(-39.5, "NS") == "39.50° S"


def test_every_hangul_syllable_has_a_glyph():
    assert fonts.missing_glyphs(HANGUL) == ""
    font = fonts.hangul_font()
    assert font is not None
    assert font.declared
    assert fonts.missing_glyphs("".join(chr(code) for code in range(0xAC00, 0xD7A4))) == ""
    assert fonts.missing_glyphs("Pongch'ang Pukchʼang ŏŭ ± – − ° ² → …") == ""


def test_a_character_without_a_glyph_is_refused():
    with pytest.raises(ExportError, match="no font here can draw 𒀀"):
        fonts.require_glyphs(["abc 𒀀"])


def test_without_the_declared_font_the_system_is_asked(monkeypatch):
    monkeypatch.setattr(fonts, "declared_font_path", lambda: None)
    monkeypatch.setattr(fonts, "_SYSTEM_FAMILIES", ())
    fonts.hangul_font.cache_clear()
    fonts._drawable.cache_clear()
    try:
        assert fonts.hangul_font() is None
        assert fonts.use_fonts() == [fonts.FALLBACK_FAMILY]
        assert fonts.missing_glyphs(HANGUL)
    finally:
        fonts.hangul_font.cache_clear()
        fonts._drawable.cache_clear()


def test_public_figures_draw_no_restricted_outline(workspace, figures, tmp_path):
    paths = write_figures(workspace, FigureOptions(kinds=("pair",), out=tmp_path))
    public = next(path for path in paths if path.suffix == ".svg").read_bytes()
    restricted = figures["tiny-before-after.restricted.svg"].read_bytes()
    assert public.count(b"<path") < restricted.count(b"<path")


def look(day: str, *, valid: float = 1.0) -> LookChoice:
    moment = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
    return LookChoice(scene_id=day, datetime=moment, local_date=day, valid_fraction=valid, snow_fraction=0.0)


def test_a_pair_is_of_one_season_far_apart_and_clear():
    looks = [look(day) for day in ("2016-02-01", "2016-06-20", "2019-07-08", "2020-01-05")]
    looks += [look("2020-06-22", valid=0.3), look("2020-06-28")]
    first, last = whole_site_pair(sorted(looks, key=lambda item: item.datetime))
    assert (first.local_date, last.local_date) == ("2016-06-20", "2020-06-28")
    first, last = whole_site_pair(looks, before="2016-02-01", after="2019-07-08")
    assert (first.local_date, last.local_date) == ("2016-02-01", "2019-07-08")
    with pytest.raises(MeasurementError, match="no two clear looks"):
        whole_site_pair(looks[:1])
    with pytest.raises(MeasurementError, match="no usable look on 2015-01-01"):
        whole_site_pair(looks, before="2015-01-01")


DAYS = st.dates(dt.date(2016, 1, 1), dt.date(2026, 12, 31)).map(str)


@given(st.lists(DAYS, min_size=2, max_size=8, unique=True))
def test_a_chosen_pair_never_compares_two_seasons(days):
    looks = [look(day) for day in sorted(days)]
    try:
        first, last = whole_site_pair(looks)
    except MeasurementError:
        return
    assert first.datetime < last.datetime
    assert season_gap(first, last) <= PairParams().season_days


@given(st.floats(50, 1e6))
def test_the_scale_bar_is_round_and_fits(width):
    length = round_length_m(width)
    assert length <= 0.3 * width * (1 + 1e-9)
    assert length > 0.3 * width / 2.6
    assert f"{length:.0e}"[0] in "125"


def test_chips_hold_reflectance_and_say_where_from(workspace, tmp_path):
    paths = export(workspace, ExportFormat.CHIPS, ExportOptions(finding="d1", out=tmp_path, restricted=True))
    before, after, mask = paths
    for path in (before, after):
        with rasterio.open(path) as raster:
            assert raster.descriptions[:4] == ("blue", "green", "red", "nir")
            values = raster.read()
            assert np.nanmedian(values[3]) == pytest.approx(0.3, abs=0.05)
            assert "Copernicus" in raster.tags()["attribution"]
            assert raster.tags()["release"] == "no release"
            shape = raster.shape
    with rasterio.open(mask) as raster:
        assert raster.shape == shape
        assert raster.read(1).sum() * 100 / 1e4 == pytest.approx(0.04 * 144, rel=0.1)


@pytest.fixture(scope="module")
def bag(workspace, restricted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bag")
    row = restricted.table("stockpile_areas").frame.iloc[-1]["row_id"]
    (path,) = export(workspace, ExportFormat.BAG, ExportOptions(finding=row, out=folder, restricted=True))
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "open")
    (root,) = (folder / "open").iterdir()
    return path, root


def test_a_bag_validates_by_bagit_and_by_plain_hashing(bag):
    _, root = bag
    assert bagit.Bag(str(root)).validate()
    for line in (root / "manifest-sha256.txt").read_text("utf-8").splitlines():
        digest, name = line.split(maxsplit=1)
        assert hashlib.sha256((root / name).read_bytes()).hexdigest() == digest


def test_a_bag_holds_source_derived_custody_method_and_readme(bag, workspace):
    _, root = bag
    data = root / "data"
    assert HANGUL in (data / "README.md").read_text("utf-8")
    assert "SHA-256" in (data / "method.md").read_text("utf-8")
    finding = json.loads((data / "finding.json").read_text("utf-8"))
    sources = sorted((data / "source").rglob("red.tif"))
    assert len(sources) == len(finding["row"]["scene_ids"].split())
    archived = {path.read_bytes() for path in workspace.archive_folder.rglob("red.tif")}
    assert all(path.read_bytes() in archived for path in sources)
    assert len(list((data / "derived").glob("*.tif"))) >= 2
    manifest = json.loads((data / "manifest.json").read_text("utf-8"))
    assert manifest["products"][0]["sha256"]["red"] == hashlib.sha256(sources[0].read_bytes()).hexdigest()


def test_a_bag_holds_no_formula_and_no_path_of_this_machine(bag, workspace):
    _, root = bag
    for path in sorted((root / "data").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as stream:
            cells = [cell for row in csv.reader(stream) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))], path.name
    texts = [path for path in root.rglob("*") if path.suffix in {".json", ".jsonl", ".md", ".csv", ".txt"}]
    assert not [path.name for path in texts if str(workspace.folder.parent) in path.read_text("utf-8")]


def bag_of(workspace, finding, folder):
    (path,) = export(workspace, ExportFormat.BAG, ExportOptions(finding=finding, out=folder, restricted=True))
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "open")
    (root,) = (folder / "open").iterdir()
    return root / "data"


def test_the_pictures_of_a_bag_straddle_its_finding(workspace, tmp_path):
    """Before and after lie on either side of the event, and the README says which they are."""
    data = bag_of(workspace, "d1", tmp_path)
    row = json.loads((data / "finding.json").read_text("utf-8"))["row"]
    days = []
    for path in sorted((data / "derived").glob("tiny-2*.tif")):
        with rasterio.open(path) as raster:
            days.append(raster.tags()["local_date"])
    before, after = days
    assert before < row["first_seen_low"] <= row["first_seen_high"] < after
    readme = (data / "README.md").read_text("utf-8")
    assert f"last clear look before it, {before} (" in readme
    assert f"same season after it, {after} (" in readme
    svg = (data / "derived" / "before-after.svg").read_bytes()
    assert svg.count(b'id="axes_') == 3  # two looks, and where they lie in the site


def test_a_bag_without_a_straddling_pair_says_why(workspace, tmp_path):
    data = bag_of(workspace, SECRET_PILE, tmp_path)
    why = (data / "derived" / "none.txt").read_text("utf-8")
    assert why == "no pair of looks straddles this finding: no clear look before 2024-03-01\n"
    assert "no clear look before 2024-03-01" in (data / "README.md").read_text("utf-8")
    with pytest.raises(ExportError, match="no clear look before 2024-03-01"):
        export(
            workspace, ExportFormat.CHIPS, ExportOptions(finding=SECRET_PILE, out=tmp_path, restricted=True)
        )
    with pytest.raises(ExportError, match="no clear look before 2024-03-01"):
        write_figures(workspace, FigureOptions(finding=SECRET_PILE, out=tmp_path, restricted=True))


def test_every_id_of_the_review_queue_names_a_finding(workspace, restricted):
    """Places, which nothing was measured at, are told apart."""
    (site,) = readable_sites(workspace)
    with open_desk(workspace, site) as desk:
        states = desk.states()
    assert {state.kind for state in states} >= {"disturbance", "pile", "zone", "boundary_change", "place"}
    for state in states:
        if state.kind == "place":
            with pytest.raises(ExportError, match="random place of the review queue"):
                find(restricted, state.subject)
            continue
        layer, stored = find(restricted, state.subject)
        assert (layer.name, stored.row.subject) == (reviewed_layers()[state.kind].name, state.subject)


def test_the_custody_extract_can_be_checked_by_hand(bag, restricted):
    _, root = bag
    lines = [json.loads(line) for line in (root / "data" / "custody.jsonl").read_text("utf-8").splitlines()]
    previous = "0" * 64
    for entry in lines:
        if set(entry) == {"sha256", "text"}:  # what is long stands once, by its digest
            assert hashlib.sha256(entry["text"].encode()).hexdigest() == entry["sha256"]
            continue
        assert entry["previous"] == previous
        previous = entry.pop("hash")
        assert hashlib.sha256(canonical_json(entry).encode()).hexdigest() == previous
    assert previous == restricted.stamp.heads["tiny"]


def test_a_bag_is_the_same_every_time(bag, workspace, tmp_path):
    path, _ = bag
    finding = path.name.split(".")[0].rsplit("-", 1)[1]
    (again,) = export(
        workspace, ExportFormat.BAG, ExportOptions(finding=finding, out=tmp_path, restricted=True)
    )
    assert again.read_bytes() == path.read_bytes()


def test_a_public_bag_withholds_and_a_hidden_finding_is_not_there(workspace, tmp_path):
    (path,) = export(workspace, ExportFormat.BAG, ExportOptions(finding="yard", out=tmp_path))
    told = all_bytes([path])
    assert [secret for secret in SECRETS if secret.encode() in told] == []
    with pytest.raises(ExportError, match="no finding"):
        export(workspace, ExportFormat.BAG, ExportOptions(finding=SECRETS[2], out=tmp_path))
    with pytest.raises(ExportError, match="name its row"):
        export(workspace, ExportFormat.BAG, ExportOptions(out=tmp_path))


def test_the_smoothed_line_is_broken_where_there_was_no_figure_for_long_and_only_there():
    days = np.array(["2020-01-01", "2020-01-06", "2020-02-20", "2020-06-01"], dtype="datetime64[ms]")
    assert [part.tolist() for part in stretches(days)] == [[0, 1, 2], [3]]
    assert stretches(days[:0]) == []
