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
    return f"{name} · SIMULATED" if site.kind == "simulated" else name


def draw_title(figure: Figure, site: Site) -> None:
    """Print the site's name at the head."""
    at = (_MARGIN_IN / WIDTH_IN, 1 - _MARGIN_IN / figure.get_figheight())
    figure.text(*at, site_title(site), fontsize=10, va="top")


def foot_lines(stamp: Stamp, notes: list[str]) -> list[str]:
    """The foot: notes, wording, who made it from what; long lines wrapped."""
    told = [*notes, WORDING, stamp.footer()]
    return [line for text in told for line in textwrap.wrap(text, _FOOT_COLUMNS)]


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
            1 - _MARGIN_IN / WIDTH_IN, 1 - _MARGIN_IN / height, "RESTRICTED",
            fontsize=8, color="#B00020", ha="right", va="top",
        )  # fmt: skip


def save_figure(figure: Figure, path: Path, *, title: str, stamp: Stamp) -> list[Path]:
    """Write `path` with the suffixes .png and .svg.

    Raises:
        ExportError: where the font lacks a character that the figure prints.
    """
    require_glyphs(text.get_text() for text in figure.findobj(Text))
    told = f"{stamp.footer()} · custody head {stamp.custody_head}"
    metadata = {
        ".png": {"Title": title, "Description": told, "Software": f"campwatch {stamp.version}"},
        ".svg": {"Title": title, "Description": told, "Date": None, "Creator": f"campwatch {stamp.version}"},
    }
    written = []
    for suffix, said in metadata.items():
        target = path.with_name(path.name + suffix)
        with atomic_path(target) as temporary:
            figure.savefig(temporary, format=suffix[1:], dpi=DPI, metadata=said)
        written.append(target)
    return written


FIGURE_WORDS: dict[str, tuple[str, str]] = {
    "local": ("local", "현지"),
    "before_after": (
        "{label}: the last clear look before, the first clear look of that season after",
        "{label}: 이전의 마지막 맑은 관측과 이후 같은 계절의 첫 맑은 관측",
    ),
    "where": ("where in\nthe site", "대상지 안의\n위치"),
    "locator": ("where the\nsite lies", "대상지의\n위치"),
    "boundary_version": ("boundary version {id}", "경계 버전 {id}"),
    "zone": ("zone {id} ({kind})", "구역 {id} ({kind})"),
    "no_figure": ("no figure", "수치 없음"),
    "probable_coal": ("plan area of\nprobable coal, ha", "석탄 추정\n평면 면적, ha"),
    "zone_title": ("Zone {name}", "구역 {name}"),
    "one_look": ("one look", "관측 1회"),
    "below_floor": ("one look, below the floor", "관측 1회, 하한 미만"),
    "smoothed": ("smoothed", "평활"),
    "inside": ("inside the boundary", "경계 안"),
    "outside": ("outside the boundary", "경계 밖"),
    "whole": ("whole site", "대상지 전체"),
    "disturbed": ("disturbed ground, ha", "교란된 땅, ha"),
    "not_assessable": ("not assessable", "평가 불가"),
    "gained": ("gained", "추가된 면적"),
    "lost": ("lost", "줄어든 면적"),
    "net": ("net {text}", "순 변화 {text}"),
    "version_line": ("version {id}, from {since}", "버전 {id}, {since}부터"),
    "ordinary": ("each ordinary year\nagainst the others", "각 평년과\n다른 평년들의 차이"),
    "judged": ("{name}\nchange with its interval", "{name}\n변화와 구간"),
    "no_figures": ("no look gave a figure: {reason}", "수치가 나온 관측 없음: {reason}"),
    "margin": ("declared margin", "미리 정한 한계"),
    "change_axis": ("change, ha", "변화, ha"),
}


def figure_word(key: str, language: str, **told: object) -> str:
    """One text of a figure in one language."""
    return FIGURE_WORDS[key][language == "ko"].format(**told)
