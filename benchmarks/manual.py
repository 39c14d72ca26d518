"""Places in the manual that a benchmark writes itself, each with the digest of the method that made it.

    write_table("expansion.md", "pair", lines, method=["score_pair"], seeds="none: labelled image pairs")
    python -m benchmarks.manual          # every place, and whether its method is the one in the code
    python -m benchmarks.manual mark     # says "made with an earlier method" where it is not

A page holds ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``; what stands between them is replaced whole.
`tests/test_manual_tables.py` fails where the method has changed since and the page does not say so.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evidence.errors import WatchError
from evidence.source_code import SourceTree

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGES = ("evidence", "aoi", "imagery", "detection", "maps", "campwatch")
EARLIER = "Made with an earlier method."
DIGITS = 12
"""Of each digest that is printed."""
_MADE = re.compile(r"`(\w+)` ([0-9a-f]{12})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One generated part of a page."""

    page: str
    name: str
    text: str

    @property
    def method(self) -> dict[str, str]:
        """By function the first digits of the digest of the method that made the part; empty: not told."""
        line = next((line for line in self.text.splitlines() if line.startswith("*Made with `")), "")
        return dict(_MADE.findall(line))

    @property
    def says_earlier(self) -> bool:
        """Whether the page says that the method has changed since."""
        return EARLIER in self.text

    @property
    def is_current(self) -> bool:
        """Whether the method that made it is the one in the code."""
        return bool(self.method) and all(digest_of(name) == told for name, told in self.method.items())


@cache
def _tree() -> SourceTree:
    return SourceTree(ROOT, PACKAGES)


@cache
def digest_of(function: str) -> str:
    """First digits of the digest of a function with all that it refers to; empty where there is none."""
    try:
        return _tree().closure([function]).digest[:DIGITS]
    except WatchError:
        return ""


def marks(name: str) -> tuple[str, str]:
    """What begins and ends the place of this name."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def parts(text: str, name: str) -> tuple[str, str, str]:
    """Before the place of this name, in it, and after it.

    Raises:
        ValueError: the page has not exactly one such place.
    """
    begin, end = marks(name)
    if text.count(begin) != 1 or text.count(end) != 1:
        message = f"a page must have {begin} and {end} once each"
        raise ValueError(message)
    before, rest = text.split(begin)
    inside, after = rest.split(end)
    return before, inside, after


def places(pages: Sequence[Path] | None = None) -> Iterator[Place]:
    """Every generated part of the manual."""
    for path in sorted(DOCS.rglob("*.md")) if pages is None else pages:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"<!-- (.+?): begin -->", text):
            yield Place(page=path.relative_to(DOCS).as_posix(), name=name, text=parts(text, name)[1])


def write_table(
    page: str,
    name: str,
    made: str | Sequence[str],
    *,
    method: Sequence[str],
    seeds: str,
    by: str | None = None,
) -> None:
    """Put Markdown into the place `name` of a page of docs/, with what made it.

    Args:
        page: below docs/.
        name: of the place.
        made: the table, and the sentences that follow from it.
        method: names of the functions that were judged, and of the simulator where one was used.
        seeds: which seeds or images, in words.
        by: the command; the running module where None.

    Raises:
        ValueError: the page has no such place, or several, or a function is not defined exactly once.
    """
    unknown = [function for function in method if not digest_of(function)]
    if unknown or not method:
        message = f"no single function {', '.join(unknown) or '(none named)'} to make the digest of"
        raise ValueError(message)
    told = ", ".join(f"`{function}` {digest_of(function)}" for function in method)
    text = (made if isinstance(made, str) else "\n".join(made)).strip("\n")
    stamp = f"*Made with {told}; {seeds}; by `{by or _command()}`.*"
    _write_between(page, name, f"{text}\n\n{stamp}")


def kept_in(folder: Path, method: Sequence[str]) -> Path:
    """Where a benchmark keeps what it measured with this method: with another it begins anew."""
    kept = folder / "-".join(digest_of(function) for function in method)
    kept.mkdir(parents=True, exist_ok=True)
    return kept


def judge_seeds(
    about: str | None,
    measured: Callable[[int], Mapping[str, Any]],
    table: Callable[[list[dict[str, Any]]], list[str]],
    *,
    page: str,
    name: str,
    method: Sequence[str],
) -> None:
    """Command of a benchmark over simulated sites.

    It takes ``OUT [SEED ...] [--write]``.

    Args:
        about: the benchmark's docstring.
        measured: what one seed gave, for a JSON file of its own in OUT; one that is there is not run again.
        table: Markdown of all that is in OUT.
        page: below docs/.
        name: of the place in it.
        method: as `write_table` takes it.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("out", type=Path)
    parser.add_argument("seeds", type=int, nargs="*")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for seed in asked.seeds:
        path = asked.out / f"{seed}.json"
        if not path.exists():
            path.write_text(json.dumps(measured(seed)), encoding="utf-8")
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(asked.out.glob("*.json"))]
    made = table(found)
    print("\n".join(made))
    if asked.write:
        write_table(
            page, name, made, method=method, seeds=f"seeds {', '.join(str(one['seed']) for one in found)}"
        )


def _command() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return f"python -m {spec.name.removesuffix('.__main__')}" if spec else Path(sys.argv[0]).name


def _write_between(page: str, name: str, text: str) -> None:
    path = DOCS / page
    before, _, after = parts(path.read_text(encoding="utf-8"), name)
    begin, end = marks(name)
    whole = f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"
    path.write_text(whole, encoding="utf-8", newline="\n")


def mark_earlier() -> list[Place]:
    """Say "made with an earlier method" in every part whose method has changed since; returns them."""
    changed = [place for place in places() if not place.is_current and not place.says_earlier]
    for place in changed:
        _write_between(place.page, place.name, f"{place.text.strip()}\n\n*{EARLIER}*")
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("mark", help='add "made with an earlier method" where it is due')
    asked = parser.parse_args()
    if asked.command == "mark":
        for place in mark_earlier():
            print(f"marked {place.page}: {place.name}")
    else:
        for place in places():
            state = "current" if place.is_current else "earlier, said" if place.says_earlier else "NOT SAID"
            print(f"{state:14} {place.page}: {place.name}")


if __name__ == "__main__":
    main()
