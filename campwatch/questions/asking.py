"""A question with comparison places: declared, answered, the answer kept in custody and in files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campwatch.derived import open_for_append
from campwatch.identity import Clock, system_clock
from campwatch.questions.answers import comparison_document, comparison_lines
from campwatch.questions.comparison import answer, declare_comparison, read_question
from campwatch.questions.custody import keep_answer, standing
from campwatch.reviews.validation import all_checks
from campwatch.workspace import Workspace, readable_sites
from detection.coal.records import STOCKPILE_AREAS
from evidence.files import write_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What came of a comparison, and where it was written."""

    lines: tuple[str, ...]
    document: dict[str, Any]
    files: tuple[Path, ...]


def ask_comparison(
    workspace: Workspace, path: Path, *, actor: str = "campwatch", clock: Clock = system_clock
) -> Compared:
    """Declare the question in `path` where it is new, then answer it from the ledger.

    Raises:
        QuestionError: where it cannot be read, was declared with other words, or names no known place.
    """
    question, sites = read_question(path), readable_sites(workspace)
    with open_for_append(workspace) as ledger:
        declared = declare_comparison(ledger, path, actor=actor, clock=clock, sites=sites)
        digest = declared.data["sha256"]
        found, checks = answer(ledger, path), all_checks(ledger, sites)
        sites_asked = {name.partition("/")[0] for name in declared.data.get("comparisons", ())}
        known = standing(ledger, declared, layer=STOCKPILE_AREAS.name, sites=sites_asked)
        document = comparison_document(found, question=question, checks=checks)
        document |= {"question_sha256": digest, "standing": known.document}
        keep_answer(ledger, declared, document, actor=actor, clock=clock)
    told = comparison_lines(found, question=question, checks=checks)
    lines = (*told, *known.lines, f"question file SHA-256 {digest}")
    folder = workspace.exports_folder / "questions"
    files = (folder / f"{path.stem}.json", folder / f"{path.stem}.txt")
    folder.mkdir(parents=True, exist_ok=True)
    write_text(files[0], json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    write_text(files[1], "\n".join(lines) + "\n")
    return Compared(lines=lines, document=document, files=files)
