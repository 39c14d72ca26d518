# ruff: noqa: E501 - lists of words are read whole
"""The Korean catalogue against the source: every text that people read has a Korean one.

    python -m benchmarks.korean            # what has no Korean yet, and how much there is
    python -m benchmarks.korean --write    # messages.po with the ids of today, and messages.mo made of it

A text is any literal of more than one word in the modules that speak to people, with what stands in its braces as
numbered places; the help of every command; the titles and meanings of every layer, whose Korean stands beside
the column; and the single words of `WORDS`. What is written for machines (SQL, TOML, formats) is left out by `NOT_TEXTS`.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Any

import typer
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from campwatch.cli.app import app
from campwatch.exports.figure_page import FIGURE_WORDS
from campwatch.exports.site_tables import SITE_LAYERS
from campwatch.language import CATALOGUE, DRAFT, GOVERNS
from campwatch.layers import LAYERS
from campwatch.reports.words import WORDS as REPORT_WORDS
from evidence.layers import COMMON_COLUMNS

ROOT = Path(__file__).resolve().parents[1]
SPEAKING = (
    "campwatch", "aoi", "evidence/quantity.py", "evidence/errors.py", "evidence/files.py", "evidence/verify.py",
    "evidence/anchors.py", "evidence/record_reading.py", "evidence/limits.py",
    "detection/answers", "detection/coal", "detection/ground", "detection/boundary", "detection/sampling",
    "detection/pairs", "detection/radar", "imagery/archive", "imagery/cube", "imagery/sources/open.py", "imagery/sources/cdse.py", "imagery/masks",
    "imagery/radiometry", "imagery/registration", "imagery/scenes.py", "maps/review_format.py",
    "maps/disclosure.py",
)  # fmt: skip
"""Where texts for people are written."""
SILENT = (
    "campwatch/cli/examples.py", "campwatch/exports/citations.py",
    "campwatch/exports/qgis_views.py", "campwatch/exports/qgis.py", "campwatch/exports/fonts.py",
    "campwatch/run/schedule.py", "campwatch/custody/redaction.py",
    "campwatch/reports/pdf.py", "campwatch/language.py", "campwatch/demonstration/romania.py",
    "campwatch/serve", "detection/answers/sentences.py", "campwatch/questions/templates.py",
    "campwatch/custody/release.py", "campwatch/study.py",
)  # fmt: skip
"""Of these, what is commands, programs' formats, evidence that stays English, or says it in both languages. What
goes wrong on the wire with a provider (the rest of `imagery/sources`) stays English too: it is for whoever mends it."""
NOT_TEXTS = re.compile(
    r"^(SELECT|INSERT|CREATE|PRAGMA|UPDATE|DELETE|DROP|BEGIN|ALTER|ATTACH|WITH) |\b(FROM|WHERE|ORDER BY)\b"
    r"|^[0-9a-f]{12}; |^[\w{}]+/|<[a-zA-Z!/]|^#|xmlns|\{\w*:|^\+proj|=>|\b\w+\(\)|;\}|^campwatch -C|^\\w|\[\^|\(\?|^Noto|^campwatch \{|^[A-Z]{4}:\d"
)
"""Literals that no person reads as words."""
WORDS = (
    "site", "looks", "used", "fetched", "gaps", "status", "done", "epoch", "disturbed", "open", "never", "month",
    "expected", "catalogued", "usable", "cloudy", "failed", "unexplained", "review", "alerts", "ok", "warning",
    "note", "provisional", "persistent", "withdrawn", "accepted", "rejected", "undecided", "disputed", "reopened",
    "boundary", "zone", "pile", "place", "disturbance", "closed", "public", "restricted", "missing", "unusable",
    "aliases", "kind", "purpose", "source", "accuracy", "confidence", "aoi", "contested", "point", "grid", "stockyard",
    "coal_changing", "coal_unchanged", "dark_not_coal", "not_assessable", "no_dark_ground", "cannot_be_told",
    "part of another", "days", "now", "before", "after", "your word", "workspace", "secrets", "subject", "comparison", "none", "language", "RESTRICTED", "SIMULATED", "question", "verdict", "sentence", "value", "epochs", "campwatch",
    "Provenance", "Arguments", "Options", "Commands", "Error", "Table", "yes", "no", "interrupted", "Sites",
    "credentials", "disk", "archive", "ledger", "sources", "privacy", "packages", "python", "settings",
    "stale", "anchor", "backup", "release", "run", "clock", "software", "profile", "intervals", "wording", "search",
    "increased", "decreased", "seen", "silent", "agree", "disagree", "complete", "partial", "observed", "inferred",
    "copied", "undetermined", "ground", "reinterpretation", "registration", "high", "moderate", "low", "likely",
    "unlikely", "inside", "outside", "crossing", "other", "built", "water", "burnt", "recovery", "coal", "level", "season",
    "watch", "compare", "calibrate", "simulated", "skip", "anybody", "thinned", "river", "linear", "starting",
    "searching", "fetching", "measuring", "loading", "drawing", "pit", "spoil", "housing", "control", "exclusion",
)  # fmt: skip
"""Single words that stand alone where people read them."""
MADE = (
    "{0} to {1} (best {2}) ha", "{0} to {1} {2} (best {3})", "awaiting first", "awaiting second", "not reviewed",
    "best {0}", "site {0}", "{0} days ago", "{0} days", "Try [blue]'{command_path} {help_option}'[/] for help.", "[default: {0}]",
    "[required]", "Usage:", "Show this message and exit.", "Aborted.", "Missing argument {0}.", "Missing option {0}.",
    "No such option: {0}", "No such command {0}.", "Invalid value for {0}: {1}", "Invalid value: {0}",
    "{0} is not one of {1}.", "{0} does not exist.", "For example:", "Write it? [y/N]", "comparison place",
    "run {0}", "no change of the declared size", "not seen above the floor", "cannot be told", "not seen", "no change", "no sites", "low", "newest look (UTC)", "custody head {0}…", "{0}-{1} ha",
    "interval from simulation", "Provenance", "Columns", "last run {0} days ago", "search {0} days ago", "usable look {0} days ago", "Polygon",
    "MultiPolygon", "Point", "LineString", "persistent-disturbance", "outside-boundary", "stockpile-change", "opened-lately",
    "opened-outside-lately", "disturbance-growth", "disturbance-revision", "no-usable-look", "source-failing", "no-good-run",
    "wedged-run", "no-search", "undelivered", "killed-run", "low-disk", "Map", "Imagery", "Tables", "Outlines", "Imagery {0}", "True colour", ", imagery of {0}",
    "(outlines are supports, not areas)", "Outlines are supports of a measurement, not areas.", DRAFT, GOVERNS, "not validated at this site", "[yes/no]",
)  # fmt: skip
"""Texts that are put together, or that the libraries of the command line say."""


@dataclass(kw_only=True)
class Found:
    """One id of the catalogue."""

    files: set[str] = field(default_factory=set)
    places: tuple[str, ...] = ()
    """What the source puts into the numbered places."""
    korean: str = ""
    """Where the source itself has it, beside the English."""
    beside: set[str] = field(default_factory=set)
    """Where that is."""


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for place in SPEAKING:
        paths = [ROOT / place] if place.endswith(".py") else sorted((ROOT / place).rglob("*.py"))
        for path in paths:
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(SILENT):
                yield name, ast.parse(path.read_text("utf-8"))


def _pieces(node: ast.AST) -> list[Any] | None:
    """Texts and expressions of a literal, an f-string, or a sum with one of them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [part.value if isinstance(part, ast.Constant) else part for part in node.values]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _pieces(node.left), _pieces(node.right)
        if left is not None or right is not None:
            return [*(left or [node.left]), *(right or [node.right])]
    return None


_PERCENT = re.compile(r"%[sdr]|%\.\d[fe]")


def _text(pieces: list[Any], *, logged: bool) -> tuple[str, tuple[str, ...]]:
    made, places = "", []
    for piece in pieces:
        if isinstance(piece, str):
            parts = _PERCENT.split(piece) if logged else [piece]
            made += parts[0]
            for part in parts[1:]:
                made += f"{{{len(places)}}}{part}"
                places.append("…")
        else:
            made += f"{{{len(places)}}}"
            places.append(ast.unparse(getattr(piece, "value", piece)))
    return made, tuple(places)


def _docstrings(tree: ast.Module) -> set[int]:
    return {
        id(line.value)
        for node in ast.walk(tree)
        for line in (getattr(node, "body", None) if isinstance(getattr(node, "body", None), list) else ())
        if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    }


def _is_log(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"_log", "log"}
    )


def _visit(node: ast.AST, name: str, left_out: set[int], found: dict[str, Found], *, logged: bool) -> None:
    if id(node) in left_out:
        return
    pieces = _pieces(node)
    if pieces is None:
        for child in ast.iter_child_nodes(node):
            _visit(child, name, left_out, found, logged=logged or _is_log(node))
        return
    text, places = _text(pieces, logged=logged)
    _keep(found, text, name, places)
    for piece in pieces:
        if not isinstance(piece, str):
            _words_of(piece, found, name)
            _visit(getattr(piece, "value", piece), name, left_out, found, logged=logged)


def _words_of(node: ast.AST, found: dict[str, Found], name: str) -> None:
    """Words that an expression in braces chooses between."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.IfExp):
            for side in (inner.body, inner.orelse):
                if (
                    isinstance(side, ast.Constant)
                    and isinstance(side.value, str)
                    and re.search("[A-Za-z]{2}", side.value)
                ):
                    found.setdefault(side.value.strip(), Found()).files.add(name)


def _keep(found: dict[str, Found], text: str, name: str, places: tuple[str, ...]) -> None:
    bare = text.strip()
    fixed = re.sub(r"\{\w+\}", " ", bare)
    if (
        " " in bare
        and re.search("[A-Za-z]{2}", fixed)
        and not NOT_TEXTS.search(bare)
        and not re.search("[가-힣]", bare)
    ):
        one = found.setdefault(bare, Found())
        one.files.add(name)
        one.places = one.places or places


def _of_commands(found: dict[str, Found]) -> None:
    root: Any = typer.main.get_command(app)
    context = typer.Context(root)

    def walk(command: Any, words: str) -> None:
        texts = [command.help, *(getattr(option, "help", None) for option in command.params)]
        for text in texts:
            if text:
                found.setdefault(" ".join(text.split()), Found()).files.add("help")
        if hasattr(command, "list_commands"):
            for name in command.list_commands(context):
                walk(command.get_command(context, name), f"{words} {name}")

    walk(root, "")


def _of_layers(found: dict[str, Found]) -> None:
    """Titles and meanings, with the Korean that stands beside them."""
    pairs: list[tuple[str, str]] = []
    for layer in (*LAYERS.values(), *SITE_LAYERS):
        pairs.append((layer.title, layer.title_ko))
        pairs += [(column.meaning, column.meaning_ko) for column in layer.columns]
        pairs += [(column.title, column.title_ko) for column in layer.columns if column.title]
        if layer.printed is not None:
            pairs += [
                (layer.printed.caption, layer.printed.caption_ko),
                (layer.printed.note, layer.printed.note_ko),
            ]
            pairs += [(head, korean) for _, head, korean in layer.printed.columns]
        if re.search("[A-Za-z]{2}", re.sub(r"\{\w+\}", "", layer.label)):
            found.setdefault(layer.label, Found()).files.add("layers")
    pairs += [(column.meaning, column.meaning_ko) for column in COMMON_COLUMNS]
    for english, korean in pairs:
        if re.search("[A-Za-z]{2}", english):
            one = found.setdefault(english, Found())
            one.files.add("layers")
            if korean:
                one.korean = one.korean or korean
                one.beside.add("the column's or layer's record")


def glossary() -> dict[str, str]:
    """Terms of the manual's glossary, which the catalogue and the maps follow."""
    page = (ROOT / "docs" / "glossary-ko.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", page, re.MULTILINE)[2:]
    return {english.strip(): text.strip() for english, text in rows if " / " not in english}


def collected() -> dict[str, Found]:
    """Every id of the catalogue, in a fixed order."""
    found: dict[str, Found] = {}
    for name, tree in _modules():
        _visit(tree, name, _docstrings(tree), found, logged=False)
    _of_commands(found)
    _of_layers(found)
    for english, text in glossary().items():
        found.setdefault(english, Found()).files.add("docs/glossary-ko.md")
        found[english].korean = text
        found[english].beside = {"docs/glossary-ko.md"}
    for word in (*WORDS, *MADE, *REPORT_WORDS.values(), *FIGURE_WORDS.values()):
        found.setdefault(word, Found()).files.add("words")
    return dict(sorted(found.items()))


def held() -> Catalog:
    """The catalogue as it is on disk."""
    if not CATALOGUE.is_file():
        return Catalog(locale="ko")
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="ko")


def missing() -> list[str]:
    """Ids without Korean."""
    catalogue = held()
    return [text for text in collected() if not ((one := catalogue.get(text)) and one.string)]


def unequal_places() -> list[str]:
    """Ids whose Korean has other places than they have."""
    return [
        str(message.id)
        for message in held()
        if message.id and message.string and _places(str(message.id)) != _places(str(message.string))
    ]


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def compiled(catalogue: Catalog) -> bytes:
    """The bytes of messages.mo."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def renewed(korean: dict[str, str] | None = None) -> Catalog:
    """The catalogue with the ids of today; what has a Korean text keeps it.

    Args:
        korean: Korean texts to enter.
    """
    before, given, terms = held(), korean or {}, glossary()
    made = Catalog(locale="ko", project="campwatch", version="1", charset="utf-8", fuzzy=False)
    made.creation_date = made.revision_date = before.creation_date
    made.header_comment = (
        "# Korean words of campwatch. English governs. Edit msgstr, then: python -m benchmarks.korean --write"
    )
    for text, one in collected().items():
        old = before.get(text)
        string = terms.get(text) or given.get(text) or one.korean or (old.string if old else "")
        comments = [f"{{{n}}} = {place}" for n, place in enumerate(one.places)]
        if terms.get(text) or one.korean:
            comments.append(f"edit it in {', '.join(sorted(one.beside))}, which brings it here")
        made.add(text, string, locations=[(name, None) for name in sorted(one.files)], auto_comments=comments)
    return made


def write(catalogue: Catalog) -> None:
    """messages.po and messages.mo."""
    out = io.BytesIO()
    write_po(out, catalogue, width=120, omit_header=False, sort_output=False)
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    CATALOGUE.write_bytes(out.getvalue())
    CATALOGUE.with_suffix(".mo").write_bytes(compiled(catalogue))


def main() -> None:
    """Tell what is missing, or write the catalogue."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        write(renewed())
    lacking, texts = missing(), collected()
    for text in lacking:
        print(repr(text))
    print(f"{len(texts)} texts, {len(lacking)} without Korean, {len(unequal_places())} with other places")


if __name__ == "__main__":
    main()
