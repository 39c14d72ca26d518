"""The font of figures: declared, with Hangul, and tested for every glyph before a figure is written.

The declared font is Noto Sans KR (SIL Open Font License 1.1), carried by the wheel of `pylopdf-fonts-ko`; it
is read as a file and nothing of that package is imported. Where it is missing, a font of the system that
holds Hangul is taken and named in the log; where there is none either, a figure with Hangul is refused
rather than printed with boxes.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evidence.errors import ExportError

_log = logging.getLogger(__name__)

_DECLARED = ("pylopdf_fonts_ko", "NotoSansKR-Regular.otf")
_SYSTEM_FAMILIES = (
    "Noto Sans KR",
    "Noto Sans CJK KR",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "NanumGothic",
    "NanumBarunGothic",
)
FALLBACK_FAMILY = "DejaVu Sans"
"""Comes with matplotlib; holds what the Hangul font lacks, such as the ʼ of romanised Korean."""
HANGUL_SAMPLE = "가각힣봉창탄광저탄장"


@dataclass(frozen=True, slots=True, kw_only=True)
class FontFile:
    """One font on disk."""

    family: str
    path: Path
    declared: bool
    """Whether it is the font that came with the installation."""


@cache
def hangul_font() -> FontFile | None:
    """The declared font, else a system font with Hangul, else None."""
    declared = declared_font_path()
    if declared is not None:
        return FontFile(family=_family(declared), path=declared, declared=True)
    found = _system_font()
    if found is None:
        _log.warning("no font with Hangul: install pylopdf-fonts-ko")
    else:
        _log.warning("the declared font is missing (pylopdf-fonts-ko): using %s", found.family)
    return found


def declared_font_path() -> Path | None:
    """Where the declared font is, found without importing its package."""
    package, name = _DECLARED
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    paths = [Path(place) / name for place in places]
    return next((path for path in paths if path.is_file()), None)


def use_fonts() -> list[str]:
    """Make the font known to matplotlib; returns the families to set, in order of preference."""
    from matplotlib import font_manager  # noqa: PLC0415 - start-up stays quick

    font = hangul_font()
    if font is None:
        return [FALLBACK_FAMILY]
    if not any(known.fname == str(font.path) for known in font_manager.fontManager.ttflist):
        font_manager.fontManager.addfont(font.path)
    return [font.family, FALLBACK_FAMILY]


def missing_glyphs(text: str) -> str:
    """The characters of `text` that no font in use can draw."""
    return "".join(sorted({c for c in text if not c.isspace() and ord(c) not in _drawable()}))


def require_glyphs(texts: Iterable[str]) -> None:
    """Refuse texts that would be printed with boxes.

    Raises:
        ExportError: naming the characters and how to get a font.
    """
    missing = missing_glyphs("".join(texts))
    if missing:
        raise ExportError(
            f"no font here can draw {missing}: install pylopdf-fonts-ko, which carries Noto Sans KR"
        )


@cache
def _drawable() -> frozenset[int]:
    from matplotlib import font_manager  # noqa: PLC0415

    fallback = Path(font_manager.findfont(FALLBACK_FAMILY))
    font = hangul_font()
    paths = [fallback, *([font.path] if font else [])]
    return frozenset(code for path in paths for code in _characters(path))


def _characters(path: Path) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415

    return frozenset(FT2Font(str(path)).get_charmap())


def _family(path: Path) -> str:
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415

    return str(FT2Font(str(path)).family_name)


def _system_font() -> FontFile | None:
    from matplotlib import font_manager  # noqa: PLC0415

    known = {entry.name: Path(entry.fname) for entry in font_manager.fontManager.ttflist}
    for family in _SYSTEM_FAMILIES:
        path = known.get(family)
        if path is not None and {ord(c) for c in HANGUL_SAMPLE} <= _characters(path):
            return FontFile(family=family, path=path, declared=False)
    return None
