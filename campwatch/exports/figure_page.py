"""The page that every figure is drawn on: font, words in both languages, foot, glyph test, PNG and SVG."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from aoi.records import Site
from campwatch.exports.fonts import require_glyphs, use_fonts
from campwatch.exports.stamp import WORDING, Stamp
from campwatch.language import told, told_with
from evidence.files import atomic_path

DPI = 300
WIDTH_IN = 7.2
"""Two columns of a journal page, 183 mm."""
_FOOT_SIZE = 6.0
_FOOT_COLUMNS = 165
_LINE_IN = 0.115
_MARGIN_IN = 0.12


@contextmanager
def figure_style() -> Iterator[None]:
    """Font and line settings of every figure."""
    settings: Any = {
        "font.family": use_fonts(),
        "font.size": 8.0,
        "axes.titlesize": 8.5,
        "axes.labelsize": 8.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "axes.unicode_minus": True,
        "legend.frameon": False,
        "legend.fontsize": 7.0,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "svg.fonttype": "path",
        "svg.hashsalt": "campwatch",
    }
    with mpl.rc_context(settings):
        yield


def new_figure(height_in: float) -> Figure:
    """An empty page of the common width."""
    figure = Figure(figsize=(WIDTH_IN, height_in))
    FigureCanvasAgg(figure)
    return figure


def site_title(site: Site) -> str:
    """The site's name in both languages."""
    name = f"{site.name} · {site.name_ko}" if site.name_ko else site.name
    return f"{name} · {told('SIMULATED')}" if site.kind == "simulated" else name


def draw_title(figure: Figure, site: Site) -> None:
    """Print the site's name at the head."""
    at = (_MARGIN_IN / WIDTH_IN, 1 - _MARGIN_IN / figure.get_figheight())
    figure.text(*at, site_title(site), fontsize=10, va="top")


def foot_lines(stamp: Stamp, notes: list[str]) -> list[str]:
    """The foot: notes, wording, who made it from what; long lines wrapped."""
    lines = [*(told(note) for note in notes), told(WORDING), stamp.footer()]
    return [line for text in lines for line in textwrap.wrap(text, _FOOT_COLUMNS)]


def foot_height(lines: list[str]) -> float:
    """Height of the foot in inches."""
    return len(lines) * _LINE_IN + 2 * _MARGIN_IN


def draw_foot(figure: Figure, lines: list[str], stamp: Stamp) -> None:
    """Print the foot, and RESTRICTED at the head where it is."""
    height = figure.get_figheight()
    figure.text(
        _MARGIN_IN / WIDTH_IN, _MARGIN_IN / height, "\n".join(lines),
        fontsize=_FOOT_SIZE, color="#333333", va="bottom", linespacing=1.3,
    )  # fmt: skip
    if stamp.restricted:
        figure.text(
            1 - _MARGIN_IN / WIDTH_IN, 1 - _MARGIN_IN / height, told("RESTRICTED"),
            fontsize=8, color="#B00020", ha="right", va="top",
        )  # fmt: skip


def save_figure(figure: Figure, path: Path, *, title: str, stamp: Stamp) -> list[Path]:
    """Write `path` with the suffixes .png and .svg.

    Raises:
        ExportError: where the font lacks a character that the figure prints.
    """
    require_glyphs(text.get_text() for text in figure.findobj(Text))
    about = f"{stamp.footer()} · custody head {stamp.custody_head}"
    metadata = {
        ".png": {"Title": title, "Description": about, "Software": f"campwatch {stamp.version}"},
        ".svg": {"Title": title, "Description": about, "Date": None, "Creator": f"campwatch {stamp.version}"},
    }
    written = []
    for suffix, said in metadata.items():
        target = path.with_name(path.name + suffix)
        with atomic_path(target) as temporary:
            figure.savefig(temporary, format=suffix[1:], dpi=DPI, metadata=said)
        written.append(target)
    return written


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
