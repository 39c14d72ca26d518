"""Generated tables of the manual: made with the method that is in the code, or said not to be."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil

import pytest

from benchmarks import manual


def test_every_generated_table_is_of_the_method_in_the_code_or_says_that_it_is_not():
    silent = [
        f"{place.page}: {place.name} (python -m benchmarks.manual mark)"
        for place in manual.places()
        if not place.is_current and not place.says_earlier
    ]
    assert silent == []


def test_the_script_of_every_table_is_kept():
    places = list(manual.places())
    assert len(places) > 10
    named = {
        module
        for place in places
        for module in re.findall(r"by `python -m ([\w.]+)", place.text.splitlines()[-2])
    }
    assert [name for name in named if importlib.util.find_spec(name) is None] == []


def test_every_benchmark_can_be_imported():
    for path in sorted((manual.ROOT / "benchmarks").rglob("*.py")):
        importlib.import_module(".".join(path.relative_to(manual.ROOT).with_suffix("").parts))


def test_every_method_that_a_benchmark_names_is_in_the_code():
    scripts = [path.read_text("utf-8") for path in (manual.ROOT / "benchmarks").rglob("*.py")]
    lists = [names for text in scripts for names in re.findall(r"(?i:method) ?= ?\[([^\]]*)\]", text)]
    named = {name for names in lists for name in re.findall(r'"(\w+)"', names)}
    assert len(named) > 10
    assert [name for name in sorted(named) if not manual.digest_of(name)] == []


@pytest.fixture
def page(tmp_path, monkeypatch):
    folder = tmp_path / "docs"
    folder.mkdir()
    path = folder / "page.md"
    path.write_text("before\n<!-- t: begin -->\n\nold\n\n<!-- t: end -->\nafter\n", encoding="utf-8")
    monkeypatch.setattr(manual, "DOCS", folder)
    return path


def only():
    (place,) = manual.places()
    return place


def test_a_table_carries_the_digest_of_its_method(page):
    manual.write_table(
        "page.md", "t", "| a |", method=["sha256_json"], seeds="seeds 1 to 3", by="python -m x"
    )
    digest = manual.digest_of("sha256_json")
    assert len(digest) == manual.DIGITS
    assert (
        only().text.strip() == f"| a |\n\n*Made with `sha256_json` {digest}; seeds 1 to 3; by `python -m x`.*"
    )
    assert only().is_current
    assert page.read_text("utf-8").startswith("before\n")
    assert page.read_text("utf-8").endswith("after\n")


def test_a_table_of_a_method_that_changed_must_say_so(page):
    manual.write_table("page.md", "t", "| a |", method=["sha256_json"], seeds="none", by="python -m x")
    page.write_text(
        page.read_text("utf-8").replace(manual.digest_of("sha256_json"), "0" * 12), encoding="utf-8"
    )
    assert not only().is_current
    assert not only().says_earlier
    assert [place.name for place in manual.mark_earlier()] == ["t"]
    assert only().says_earlier
    assert manual.mark_earlier() == []
    manual.write_table("page.md", "t", "| b |", method=["sha256_json"], seeds="none", by="python -m x")
    assert only().is_current
    assert not only().says_earlier


@pytest.mark.usefixtures("page")
def test_a_table_without_a_method_is_not_current():
    assert not only().is_current
    with pytest.raises(ValueError, match="no single function nothing_of_ours"):
        manual.write_table("page.md", "t", "", method=["nothing_of_ours"], seeds="")
    with pytest.raises(ValueError, match="none named"):
        manual.write_table("page.md", "t", "", method=[], seeds="")


def test_what_is_kept_belongs_to_one_method(tmp_path, monkeypatch):
    first = manual.kept_in(tmp_path, ["sha256_json"])
    monkeypatch.setattr(manual, "digest_of", lambda _: "f" * 12)
    assert manual.kept_in(tmp_path, ["sha256_json"]) != first
    shutil.rmtree(first)
