"""Types of the pages' programs: each page's scripts as the one program that they are, read by TypeScript.

    python tests/check_page_types.py

The scripts of a page stand one after the other in it and share the object `CW`; a name that nobody sets, an
argument too many, a value that may be null or a property that it cannot have is told with the script's own
line. Types are stated only where none can be inferred: that a parameter has none is no fault. The wheel
`deno` carries the compiler; nothing is asked of any server.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from maps import overview, site_map
from maps.page import asset

PAGES = {"site": site_map.SCRIPTS, "first": overview.SCRIPTS}
PRELUDE = "// @ts-check\nconst L = /** @type {any} */ (null), map_page = /** @type {any} */ (null);\n"
SETTINGS = """{"compilerOptions": {"checkJs": true, "strict": false, "strictNullChecks": true,
  "noImplicitAny": true,
  "lib": ["esnext", "dom", "dom.iterable"]}}"""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
FAULT = re.compile(r"^(TS\d+) .*?(?=^TS\d+ |^Found |^error: |\Z)", re.MULTILINE | re.DOTALL)
UNSTATED = re.compile(r"TS70\d\d")
"""The compiler's numbers for a type that is neither stated nor inferred."""
WRONG = 'CW.nobody_sets_this();\nCW.change({}, 1);\nCW.byId(1);\nCW.daysSince("2024-01-01").nothing;\n'
"""What must be told of, so that a check that lets all pass is noticed."""
PLACE = re.compile(r"at file://\S+?page\.js:(\d+):(\d+)")


def faults(scripts: Sequence[tuple[str, str]], *, deno: str) -> list[str]:
    """What the compiler says of (name, text) in this order, with each script's own lines."""
    text = PRELUDE
    starts = []
    for name, source in scripts:
        starts.append((text.count("\n"), name))
        text += f"{source.rstrip()}\n"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "deno.json").write_text(SETTINGS, encoding="utf-8")
        (folder / "page.js").write_text(f"{text}export {{}};\n", encoding="utf-8")
        quiet = {"DENO_DIR": str(folder / "cache"), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
        done = subprocess.run(
            [deno, "check", "--no-remote", "--quiet", "page.js"],
            cwd=folder, capture_output=True, encoding="utf-8", check=False, env=os.environ | quiet,
        )  # fmt: skip

    def own(match: re.Match[str]) -> str:
        line = int(match.group(1))
        start, name = max((s, n) for s, n in starts if s < line)
        return f"at maps/assets/{name}:{line - start}:{match.group(2)}"

    told = COLOUR.sub("", done.stdout + done.stderr)
    found = list(FAULT.finditer(told))
    if done.returncode and not found:
        raise RuntimeError(told)
    return [
        PLACE.sub(own, match.group(0)).strip() for match in found if not UNSTATED.fullmatch(match.group(1))
    ]


def main() -> int:
    """Each page; 1 where one has a fault, or where faults are not told of."""
    deno = str(Path(sys.executable).with_name("deno"))
    bad = False
    for page, names in PAGES.items():
        scripts = [(name, asset(name)) for name in names]
        found = faults(scripts, deno=deno)
        sys.stdout.write("".join(f"{fault}\n\n" for fault in found) + f"{page} page: {len(found)} faults\n")
        bad |= bool(found)
    told = faults([("core.js", asset("core.js")), ("wrong.js", WRONG)], deno=deno)
    if len(told) != WRONG.count("\n"):
        sys.stdout.write(f"of {WRONG.count(chr(10))} faults that were put in, {len(told)} were told\n")
        bad = True
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
