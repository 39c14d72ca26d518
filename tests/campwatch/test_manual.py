"""What the manual names is there, and its Korean is the maps' own."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
import typer

from benchmarks.manual import parts
from benchmarks.validation.simulated_reviewers import CASES, HEADER, PAGE, PLACE
from campwatch.cli.app import app
from detection.sampling.references import NOT_VALIDATED

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("how-do-you-know.md", "for-readers.md", "glossary-ko.md")
GLOSSARY = (
    "machine_provisional", "machine_persistent", "machine_withdrawn", "relation_crossing", "relation_outside",
    "relation_no_boundary", "cause_undetermined", "cause_ground", "cause_reinterpretation",
    "cause_registration", "verdict_accepted", "verdict_rejected", "verdict_undecided", "review_reopened",
    "review_disputed", "place", "disturbance", "footprint", "boundary_version", "not_assessable",
    "stockpile_area", "confidence_high", "confidence_moderate", "confidence_low",
    "likelihood_almost_no_chance", "likelihood_very_unlikely", "likelihood_unlikely",
    "likelihood_roughly_even", "likelihood_likely", "likelihood_very_likely", "likelihood_almost_certain",
)  # fmt: skip


def text_of(page: str) -> str:
    return (ROOT / "docs" / page).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_files_and_pages_that_are_named_exist(page):
    text = text_of(page)
    linked = re.findall(r"\]\(([\w/-]+\.md)\)", text)
    assert [name for name in linked if not (ROOT / "docs" / name).is_file()] == []
    named = re.findall(r"`((?:tests|benchmarks|docs)/[\w/.-]+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    modules = re.findall(r"python -m ([\w.]+)", text)
    assert all(importlib.util.find_spec(name) for name in modules)


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_named_exist(page):
    commands = typer.main.get_command(app)
    names = re.findall(
        r"`(?:campwatch )?(review|verify|reproduce|pair|status|run)(?: ([a-z]+))?", text_of(page)
    )
    for name, sub in names:
        command = commands.get_command(None, name)
        assert command is not None, name
        if name == "review" and sub:
            assert sub in command.commands, sub


def test_korean_terms_of_the_maps_are_in_the_glossary():
    strings = json.loads((ROOT / "maps" / "assets" / "strings.json").read_text("utf-8"))
    told = text_of("glossary-ko.md").replace("\n", " ")
    assert [key for key in GLOSSARY if strings[key][1] not in told] == []


def test_the_sentence_is_quoted_as_outputs_print_it():
    assert f'"{NOT_VALIDATED}"' in " ".join(text_of("how-do-you-know.md").split())
    assert f'"{NOT_VALIDATED[0].upper()}{NOT_VALIDATED[1:]}"' in text_of("for-readers.md")


def test_the_table_of_simulated_reviewers_is_the_scripts_own():
    _, table, _ = parts(text_of(PAGE), PLACE)
    assert table.strip().startswith(HEADER.split("{draws}", maxsplit=1)[0])
    rows = [line for line in table.splitlines() if line.startswith("| ") and "covers" in line]
    assert [row.split("|")[1].strip() for row in rows] == [case.name for case in CASES]
    corrected = [float(re.findall(r"covers ([\d.]+)%", row)[-1]) for row in rows]
    assert all(93.0 <= share <= 97.0 for share in corrected)
