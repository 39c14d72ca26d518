"""Commented question files to start from: `campwatch question new stockpile|ground|boundary`."""

from __future__ import annotations

from pathlib import Path

from campwatch.questions.custody import QuestionError
from detection.answers.questions import About
from evidence.files import below, write_text

HEAD = """\
# Declared before anybody looks: the hash of this file enters custody when it is first asked, and other words
# under the same name are refused. Fill in, save, then: campwatch question {id}
#
# Three complete years of looks outside the asked window are needed for a claim of change. Ask as few
# questions of one set of rows as you can: each further one makes every claim harder (Holm's correction).

site = "{site}"
about = "{about}"
title = "…"                                # the question in words, as it will be printed
"""
WINDOWS = """
before = [2018-01-01, 2022-01-01]          # first day, day after the last; take every ordinary year
after = [2022-01-01, 2025-01-01]           # the asked window; leave a gap where the change was gradual
"""
BODIES = {
    About.STOCKPILE: WINDOWS
    + """months = [5, 6, 7, 8, 9, 10]               # of the year; leave out for all
zones = ["stockyard"]                      # zones of the site file, of kind stockyard
test = "before_after"                      # before_after | trend | change_points | presence (in after)
# margin_ha = 0.10                         # change that would matter; without it there is no "no change"
# comparison_zones = ["other-yard"]        # what happened to all of them is taken off
# neighbouring_dates = [2017-08-15]        # the answer is given for windows that meet there too
""",
    About.GROUND: WINDOWS
    + """part = "outside"                           # total | inside | outside of the boundary in force
test = "before_after"                      # ground newly disturbed a year, against every other complete year
# zones = ["pit"]                          # instead of a part: one zone of the site file
# margin_ha = 0.50                         # change a year that would matter
""",
    About.BOUNDARY: """
from_boundary = "v2016"                    # boundary versions of the site file
to_boundary = "v2024"                      # a verdict only where both were traced blind by two people under
                                           # one criterion: two features, one valid_from, two codes
# margin_ha = 1.0                          # change that would matter
""",
}


def new_question(folder: Path, about: str, *, question_id: str, site_id: str) -> Path:
    """Write a commented template.

    Args:
        folder: the workspace's `questions`.
        about: stockpile, ground or boundary.
        question_id: name of the file.
        site_id: of the site asked about.

    Raises:
        QuestionError: where the kind is unknown, or the file is there.
    """
    if about not in tuple(About):
        raise QuestionError(f"{about!r} is none of {', '.join(About)}")
    path = below(folder, f"{question_id}.toml")
    if path.exists():
        raise QuestionError(f"{path} is there already; ask under a new name")
    folder.mkdir(parents=True, exist_ok=True)
    kind = About(about)
    write_text(path, HEAD.format(id=question_id, site=site_id, about=kind.value) + BODIES[kind])
    return path
