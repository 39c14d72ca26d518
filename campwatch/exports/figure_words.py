"""Words that figures print; their Korean is in the catalogue."""

from __future__ import annotations

from campwatch.language import told_with

FIGURE_WORDS: dict[str, str] = {
    "local": "local",
    "before_after": "{label}: the last clear look before, the first clear look of that season after",
    "where": "where in\nthe site",
    "locator": "where the\nsite lies",
    "boundary_version": "boundary version {id}",
    "zone": "zone {id} ({kind})",
    "no_figure": "no figure",
    "probable_coal": "plan area of\nprobable coal, ha",
    "zone_title": "Zone {name}",
    "one_look": "one look",
    "below_floor": "one look, below the floor",
    "smoothed": "smoothed",
    "inside": "inside the boundary",
    "outside": "outside the boundary",
    "whole": "whole site",
    "disturbed": "disturbed ground, ha",
    "not_assessable": "not assessable",
    "gained": "gained",
    "lost": "lost",
    "net": "net {text}",
    "version_line": "version {id}, from {since}",
    "ordinary": "each ordinary year\nagainst the others",
    "judged": "{name}\nchange with its interval",
    "no_figures": "no look gave a figure: {reason}",
    "margin": "declared margin",
    "change_axis": "change, ha",
}


def figure_word(key: str, language: str, **places: object) -> str:
    """One text of a figure in one language."""
    return told_with(FIGURE_WORDS[key], language, **places)
