"""What the main job weighs once installed, what each extra adds, and what would go with what.

    python -m benchmarks.weight                     # the tables, for the environment it runs in
    python -m benchmarks.weight --env DIR --write   # of another environment, into docs/libraries.md

The other environment is a fresh one with the wheel and its extras in it. Sizes are those of the files
that each distribution of the lock lists, in MB of a million bytes, without `__pycache__`, which Python
writes by itself; how much that is stands below the table.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from evidence.hashing import sha256_file

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
PAGE = ROOT / "docs" / "libraries.md"
AIM_MB = 600
"""What issue 25 asks for."""
NAMED = 5
"""Names in a cell at most."""
LEAST_MB = 1.0
"""What weighs less is not listed."""
CORE = frozenset(
    {"numba", "rasterio", "pyproj", "pyogrio", "geopandas", "numpy", "scipy", "scikit-image", "pandas",
     "shapely", "xarray", "odc-geo", "dask"}
)  # fmt: skip
"""Without these nothing is measured."""
GROUPS = {
    "numba and its compiler (llvmlite)": ("numba", "llvmlite"),
    "rasterio with its GDAL": ("rasterio",),
    "pyogrio with a GDAL of its own, which geopandas asks for": ("pyogrio",),
    "scipy, which scikit-image asks for": ("scipy",),
    "numpy": ("numpy",),
    "pandas, which geopandas asks for": ("pandas",),
    "numcodecs (Blosc, for the cache)": ("numcodecs",),
    "pyproj": ("pyproj",),
    "scikit-image, with networkx, imageio, tifffile, pillow": (
        "scikit-image", "networkx", "imageio", "tifffile", "pillow",
    ),
    "lxml and python-docx": ("lxml", "python-docx"),
    "xarray and dask": ("xarray", "dask"),
    "shapely, geopandas, odc-geo, exactextract": ("shapely", "geopandas", "odc-geo", "exactextract"),
    "sentinelhub, folium, with Leaflet": ("sentinelhub", "folium", "branca", "xstatic-leaflet", "aenum"),
}  # fmt: skip


installed: dict[str, importlib.metadata.Distribution] = {}
"""By name; filled by `look_into`."""


def look_into(folder: Path | None) -> None:
    """Measure what is installed in an environment, or in this one."""
    path = None if folder is None else [str(one) for one in folder.glob("lib/python*/site-packages")]
    found = importlib.metadata.distributions(**({} if path is None else {"path": path}))
    installed.update({str(canonicalize_name(one.metadata["Name"])): one for one in found})


def size_mb(name: str, *, only: str = "") -> tuple[float, float]:
    """Of one distribution, without and of `__pycache__`; nothing where it is not installed.

    Args:
        name: of the distribution.
        only: count files below folders of this name.
    """
    plain = cached = 0
    files = (installed[name].files or ()) if name in installed else ()
    for file in files:
        if only and only not in file.parts:
            continue
        path = Path(str(file.locate()))
        if path.is_file():
            if "__pycache__" in file.parts:
                cached += path.stat().st_size
            else:
                plain += path.stat().st_size
    return plain / 1e6, cached / 1e6


def locked() -> set[str]:
    """What the lock of users names."""
    found = re.findall(r"^([A-Za-z0-9][\w.\-]*)==", LOCK.read_text("utf-8"), re.MULTILINE)
    return {str(canonicalize_name(name)) for name in found}


def closure(names: Iterable[str]) -> set[str]:
    """These distributions and all that they ask for here."""
    found: set[str] = set()
    waiting = [str(canonicalize_name(name)) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in installed:
            continue
        found.add(name)
        for line in installed[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(str(canonicalize_name(requirement.name)))
    return found


def total(names: Iterable[str]) -> tuple[float, float]:
    """Of several."""
    sizes = [size_mb(name) for name in names]
    return sum(plain for plain, _ in sizes), sum(cached for _, cached in sizes)


def table() -> list[str]:
    """What the main job weighs, part by part."""
    main_job = locked()
    plain, cached = total(main_job)
    lines = ["| what | MB |", "|---|---|", f"| the main job | {plain:.0f} |"]
    named: set[str] = set()
    for what, names in GROUPS.items():
        named |= set(names)
        lines.append(f"| of it {what} | {total(names)[0]:.0f} |")
    lines.append(f"| of it {len(main_job - named)} others | {total(main_job - named)[0]:.0f} |")
    for extra, asked in _project()["optional-dependencies"].items():
        more = closure(Requirement(line).name for line in asked) - main_job
        if more and extra != "all":
            lines.append(f"| with `[{extra}]`, more | {total(more)[0]:.0f} |")
    without = plain - total(GROUPS["numba and its compiler (llvmlite)"])[0]
    told = f"`__pycache__` of the main job: {cached:.0f} MB more. Without numba {without:.0f} MB."
    return [*lines, "", told]


def attempts() -> list[str]:
    """What would go if one thing the main job asks for became an extra, with all that only it asks for."""
    roots = {str(canonicalize_name(Requirement(line).name)) for line in _project()["dependencies"]}
    everything = closure(roots)
    whole = total(everything)[0]
    freed = {name: whole - total(closure(roots - {name}))[0] for name in roots}
    lines = ["| what would be an extra | MB less | goes with it |", "|---|---|---|"]
    for name, less in sorted(freed.items(), key=lambda one: (-one[1], one[0])):
        if less >= LEAST_MB:
            others = sorted(everything - closure(roots - {name}) - {name})
            if len(others) > NAMED:
                others = [*others[:NAMED], f"{len(others) - NAMED} more"]
            lines.append(f"| {name} | {less:.0f} | {', '.join(others) or '–'} |")
    tests = sum(size_mb(name, only="tests")[0] for name in everything)
    lines.append(
        f"| the tests that packages install with them (no installer leaves them out) | {tests:.0f} | – |"
    )
    if "blosc" in installed:
        less = freed["numcodecs"] - size_mb("blosc")[0]
        lines.append(f"| python-blosc in place of numcodecs | {less:.0f} | numcodecs |")
    kept = "what reads, measures and draws (numba, GDAL, numpy, scipy, geopandas, scikit-image)"
    small = sum(less for name, less in freed.items() if name not in CORE)
    lines += [
        "",
        f"All of them but {kept} as extras: {small:.0f} MB less, {whole - small:.0f} MB; aim {AIM_MB} MB.",
    ]
    return lines


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def _write(name: str, lines: list[str]) -> None:
    """Between the two marks of the page, with the lock that was weighed."""
    begin, end = f"<!-- {name} begins -->", f"<!-- {name} ends -->"
    before, _, rest = PAGE.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    weighed = f"*`python -m benchmarks.weight --env DIR --write`, lock {sha256_file(LOCK)[:12]}.*"
    text = "\n".join((begin, "", *lines, "", weighed, "", end))
    PAGE.write_text(f"{before}{text}{after}", "utf-8", newline="\n")


def main() -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", type=Path, help="environment to measure instead of this one")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    look_into(chosen.env)
    for name, lines in (("weight", table()), ("attempts", attempts())):
        if chosen.write:
            _write(name, lines)
        else:
            print("\n".join(lines), end="\n\n")


if __name__ == "__main__":
    main()
