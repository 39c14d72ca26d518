# ruff: noqa: E501 - texts are read whole
"""Reports made from a release, frozen in it, checked after editing; releases compared."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docx

from campwatch.custody.korean import korean_signer
from campwatch.exports.bundle import Bundle, collect
from campwatch.identity import Clock, new_run_id, system_clock, timestamp
from campwatch.questions.records import ANSWERS
from campwatch.reports.compose import write_with_style
from campwatch.reports.content import TAG, Report, numbers
from campwatch.reports.pdf import write_pdf
from campwatch.reports.site_pages import Frozen, Options
from campwatch.reports.word import write_word
from campwatch.run.derived import open_for_append
from campwatch.workspace import Workspace
from evidence.custody import WORKSPACE_CHAIN
from evidence.errors import ExportError
from evidence.files import below, write_text
from evidence.hashing import sha256_file
from evidence.ledger import Ledger
from evidence.runs import row_count

FORMATS = ("docx", "pdf")
REPORTED, RELEASED = "report", "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was written."""

    release_id: str
    files: tuple[Path, ...]
    draft: bool


def make_report(
    workspace: Workspace,
    sites: Sequence[str],
    options: Options,
    *,
    formats: Sequence[str] = FORMATS,
    release_id: str | None = None,
    actor: str = "campwatch",
    clock: Clock = system_clock,
) -> Made:
    """Compose a report from a release and freeze it there, with every statement and its rows.

    Args:
        workspace: whose.
        sites: in the order in which shared ground is counted.
        options: language, questions, who.
        formats: docx, pdf.
        release_id: which; the newest where None.
        actor: a code.
        clock: now.

    Raises:
        ExportError: where there is no release, or it holds none of the sites.
    """
    unknown = sorted(set(formats) - set(FORMATS))
    if unknown:
        raise ExportError(f"no format {', '.join(unknown)}; there are: {', '.join(FORMATS)}")
    made = timestamp(clock)
    with open_for_append(workspace) as ledger:
        frozen, run_id = _release(workspace, ledger, release_id)
        folder = below(workspace.folder / "releases", frozen.release_id)
        restricted = (folder / "custody.jsonl").is_file()
        bundle = collect(workspace, ledger, restricted=restricted, as_of_run=run_id, only=sites)
        bundle = _in_order(bundle, sites)
        _require_same(bundle, folder)
        signed = korean_signer(ledger)
        told = Options(
            language=options.language, questions=options.questions, organisation=options.organisation,
            analysts=options.analysts, korean_signed=signed is not None,
        )  # fmt: skip
        out = folder / "reports"
        out.mkdir(parents=True, exist_ok=True)
        report = write_with_style(
            workspace, bundle, frozen, told, out / "figures", made=made.removesuffix("Z")
        )
        stem = "-".join([*sites, options.language]) + (".restricted" if restricted else "")
        files = _write(report, out, stem, formats)
        statements = out / f"{stem}.json"
        write_text(
            statements, json.dumps(_frozen_document(report, files), ensure_ascii=False, indent=1) + "\n"
        )
        digests = {
            path.name: sha256_file(path)
            for path in (*files, statements, *sorted((out / "figures").glob("*.png")))
        }
        ledger.append(
            [], chain=WORKSPACE_CHAIN, run_id=new_run_id(clock), time=made, actor=actor, action=REPORTED,
            details={"release": frozen.release_id, "sites": list(sites), "language": options.language,
                     "files": digests},
        )  # fmt: skip
    return Made(release_id=frozen.release_id, files=(*files, statements), draft=report.draft)


def _write(report: Report, out: Path, stem: str, formats: Sequence[str]) -> tuple[Path, ...]:
    writers = {"docx": write_word, "pdf": write_pdf}
    return tuple(writers[kind](report, out / f"{stem}.{kind}") for kind in formats)


def _frozen_document(report: Report, files: Sequence[Path]) -> dict[str, Any]:
    return {
        "release": report.release_id,
        "language": report.language,
        "made": report.made,
        "files": {path.name: sha256_file(path) for path in files},
        "statements": list(report.statements()),
        "rows": dict(report.numbers),
    }


def _release(workspace: Workspace, ledger: Ledger, release_id: str | None) -> tuple[Frozen, str]:
    """The release and the last run with rows before it."""
    run_id, found, found_run = "", None, ""
    for entry in ledger.custody():
        if row_count(entry):
            run_id = entry.run_id
        if entry.action == RELEASED and release_id in {None, entry.data["release"]}:
            found, found_run = entry, run_id
    if found is None:
        there = sorted(path.name for path in (workspace.folder / "releases").glob("*") if path.is_dir())
        raise ExportError(
            f"a report is made from a release: no release {release_id or 'yet'}; make one with "
            f"campwatch release ID (there are: {', '.join(there) or 'none'})"
        )
    frozen = Frozen(
        release_id=found.data["release"],
        manifest_sha256=found.data["manifest"],
        head=found.data["head"],
        created=found.time,
    )
    return frozen, found_run


def _in_order(bundle: Bundle, sites: Sequence[str]) -> Bundle:
    ordered = tuple(bundle.site(site_id) for site_id in sites) or bundle.sites
    return Bundle(stamp=bundle.stamp, sites=ordered, rows=bundle.rows, tables=bundle.tables)


def _require_same(bundle: Bundle, folder: Path) -> None:
    """Every row that a report may print is in the release's tables."""
    frozen = set(_released_rows(folder))
    missing = [s.row_id for held in bundle.rows.values() for s in held if s.row_id not in frozen]
    if missing:
        raise ExportError(
            f"{len(missing)} rows are not in the release, {missing[0]} first: make a new release"
        )


def _released_rows(folder: Path) -> dict[str, dict[str, str]]:
    """Row id to cells of every table of a release."""
    out: dict[str, dict[str, str]] = {}
    for path in sorted((folder / "csv").rglob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if row.get("row_id"):
                    out[row["row_id"]] = row | {"_layer": path.name.partition(".")[0]}
    return out


def check_report(workspace: Workspace, path: Path) -> list[str]:
    """What differs in an edited Word file from the release that it names.

    Three comparisons: every statement of the file with the one that was frozen; every frozen figure with the
    cell of the release's table that it is from, counts by counting again; every row that the file names with
    the rows of the release.

    Raises:
        ExportError: where it is no Word file, or names no report of this workspace.
    """
    try:
        document = docx.Document(str(path))
    except Exception as err:
        raise ExportError(f"{path.name} is no Word file: {err}") from err
    lines = list(_lines(document))
    text = "\n".join(lines)
    frozen = [
        (file, json.loads(file.read_text("utf-8")))
        for file in sorted((workspace.folder / "releases").glob("*/reports/*.json"))
    ]
    ranked = sorted(
        frozen,
        key=lambda item: (
            item[1]["release"] in text,
            sum(one["text"] in text for one in item[1]["statements"]),
            item[0].stem == path.stem,
        ),
    )
    if not ranked:
        raise ExportError(f"{path.name}: no report was made in this workspace")
    file, told = ranked[-1]
    rows = _released_rows(file.parent.parent)
    names = {name: row_id for row_id, name in told["rows"].items()}
    tags = {name for found in TAG.findall(text) for name in found.split(", ")}
    unknown = [f"{name} names no row of the release" for name in sorted(tags - set(names))]
    return [*differing(told["statements"], lines, told["rows"]), *unknown, *untrue(told["statements"], rows)]


def _lines(document: Any) -> Iterator[str]:
    for paragraph in document.paragraphs:
        if paragraph.text.strip():
            yield paragraph.text.strip()
    for table in document.tables:
        for row in table.rows:
            yield " | ".join(cell.text.strip() for cell in row.cells)


def differing(
    statements: Sequence[Mapping[str, Any]], lines: Sequence[str], names: Mapping[str, str]
) -> list[str]:
    """Statements, captions and table lines with a figure that were edited or are gone.

    Args:
        statements: as they were frozen.
        lines: of the edited file.
        names: row id to its number in the report.
    """
    out = []
    joined = [" ".join(line.split()) for line in lines]
    left = [line for line in joined if not any(" ".join(s["text"].split()) in line for s in statements)]
    for statement in statements:
        text = " ".join(statement["text"].split())
        if any(text in line for line in joined):
            continue
        tags = {names[row_id] for row_id in statement["rows"] if row_id in names}
        tagged = [
            line for line in left if tags & {t for found in TAG.findall(line) for t in found.split(", ")}
        ]
        best = max(tagged or left, key=lambda line: _alike(line, text), default=None)
        name = _row_names(statement, names)
        if best is None or _alike(best, text) < _ALIKE_SHARE * len(set(text.split())):
            out.append(f"{name}: the statement is missing: {text[:100]}")
            continue
        was, now = numbers(text), numbers(best)
        gone = [n for n in was if was.count(n) > now.count(n)]
        new = [n for n in now if now.count(n) > was.count(n) and n not in _lead_numbers(best, text)]
        if gone or new:
            became = f"{', '.join(dict.fromkeys(gone)) or 'nothing'} became {', '.join(dict.fromkeys(new)) or 'nothing'}"
            out.append(f"{name}: {became}: {best[:120]}")
        else:
            out.append(f"{name}: the words differ, the figures do not: {best[:120]}")
    return out


_ALIKE_SHARE = 0.4
"""Of its words that a line must share with a statement to be taken for it."""


def _row_names(statement: Mapping[str, Any], names: Mapping[str, str]) -> str:
    told = [f"{names.get(row_id, '?')} (row {row_id})" for row_id in statement["rows"]]
    return ", ".join(told) or "a statement without a row"


def _lead_numbers(line: str, text: str) -> list[str]:
    """Figures that stand before the statement, as in its bold lead."""
    at = line.find(text[:12])
    return numbers(line[:at]) if at > 0 else []


def _alike(one: str, other: str) -> int:
    return len(set(one.split()) & set(other.split()))


def untrue(statements: Sequence[Mapping[str, Any]], rows: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Frozen figures that are not the cells of the release's tables that they are from.

    Args:
        statements: as they were frozen.
        rows: cells by row id, with the layer as `_layer`.
    """
    out = []
    for statement in statements:
        for value in statement["values"]:
            printed = value["printed"]
            if "row" in value:
                cell = rows.get(value["row"], {}).get(value["column"])
                if cell is None or not _same(printed, cell):
                    out.append(
                        f"row {value['row']}, {value['column']}: {printed} is printed, the release has {cell}"
                    )
            else:
                n = sum(_counted(row, value["layer"], value["where"]) for row in rows.values())
                if str(n) != printed:
                    out.append(f"{value['layer']}: {printed} rows are printed, the release has {n}")
            if printed not in statement["text"]:
                out.append(f"{printed} is not in its statement: {statement['text'][:100]}")
    return out


_ROUNDED_OUTWARD = 0.011
"""A public table rounds ends of intervals outward, by a unit of its last decimal at most."""


def _same(printed: str, cell: str) -> bool:
    """Whether a cell is printed so: equal words, or a number rounded."""
    if printed.replace(" ", "T") in cell.replace(" ", "T"):
        return True
    try:
        shown, exact = float(printed.replace("−", "-")), float(cell)
    except ValueError:
        return False
    decimals = len(printed.partition(".")[2])
    return abs(shown - exact) <= 0.5 * 10.0**-decimals + _ROUNDED_OUTWARD


def _counted(row: Mapping[str, str], layer: str, where: Mapping[str, Sequence[str]]) -> bool:
    """Whether a row is among those counted; a column may end in >=, > or !=."""
    if row["_layer"] != layer:
        return False
    for column, cells in where.items():
        if column.endswith(">="):
            fits = row[column[:-2]] >= cells[0]
        elif column.endswith("!="):
            fits = row[column[:-2]] not in cells
        elif column.endswith(">"):
            cell = row[column[:-1]]
            fits = bool(cell) and float(cell) > float(cells[0])
        else:
            fits = row[column] in cells
        if not fits:
            return False
    return True


def compare_releases(workspace: Workspace, one: str, other: str) -> list[str]:
    """Published sentences of one release that no longer hold in another: errata.

    Raises:
        ExportError: where a release is missing.
    """
    folders = [workspace.folder / "releases" / name for name in (one, other)]
    for folder in folders:
        if not folder.is_dir():
            raise ExportError(f"there is no release {folder.name}")
    now = _released_rows(folders[1])
    before = _released_rows(folders[0])
    out = []
    for file in sorted((folders[0] / "reports").glob("*.json")):
        document = json.loads(file.read_text("utf-8"))
        for statement in document["statements"]:
            lost = [row for row in statement["rows"] if row not in now]
            if lost:
                out.append(f"{file.stem}: {statement['text'][:160]} — {_what_became(lost, before, now)}")
    answers = {row["question_id"]: row for row in now.values() if row["_layer"] == ANSWERS.name}
    for row in before.values():
        if row["_layer"] == ANSWERS.name:
            later = answers.get(row["question_id"])
            if later is None:
                out.append(f"question {row['question_id']}: no answer in {other}")
            elif later["sentence_en"] != row["sentence_en"]:
                out.append(
                    f"question {row['question_id']}: {row['verdict']} became {later['verdict']}: {later['sentence_en']}"
                )
    return out


KEYS = (
    "site_id",
    "zone_id",
    "datetime",
    "epoch_start",
    "question_id",
    "from_boundary_id",
    "to_boundary_id",
    "disturbance_id",
)


def _what_became(
    lost: Sequence[str], before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> str:
    told = []
    for row_id in lost:
        was = before.get(row_id, {})
        key = [was.get(name) for name in KEYS]
        same = next(
            (
                n
                for n, row in now.items()
                if row["_layer"] == was.get("_layer") and [row.get(name) for name in KEYS] == key
            ),
            None,
        )
        told.append(f"row {row_id} became {same}" if same else f"row {row_id} is gone")
    return "; ".join(told)
