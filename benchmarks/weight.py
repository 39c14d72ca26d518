"""What the main job weighs once installed, what each extra adds, and what would go with what.

    python -m benchmarks.weight            # the table of docs/libraries.md, for the environment it runs in

Sizes are those of the files that each distribution of the lock lists, in MB of a million bytes, without
`__pycache__`, which Python writes by itself; how much that is stands below the table.
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
AIM_MB = 600
"""What issue 25 asks for."""
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


def size_mb(name: str) -> tuple[float, float]:
    """Of one distribution, without and of `__pycache__`; nothing where it is not installed here."""
    try:
        files = importlib.metadata.distribution(name).files or []
    except importlib.metadata.PackageNotFoundError:
        return 0.0, 0.0
    plain = cached = 0
    for file in files:
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
        try:
            asked = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found.add(name)
        for line in asked:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(str(canonicalize_name(requirement.name)))
    return found


def total(names: Iterable[str]) -> tuple[float, float]:
    """Of several."""
    sizes = [size_mb(name) for name in names]
    return sum(plain for plain, _ in sizes), sum(cached for _, cached in sizes)


def main() -> None:
    """Print the table."""
    main_job = locked()
    plain, cached = total(main_job)
    print(f"| what | MB |\n|---|---|\n| the main job | {plain:.0f} |")
    named: set[str] = set()
    for what, names in GROUPS.items():
        named |= set(names)
        print(f"| of it {what} | {total(names)[0]:.0f} |")
    print(f"| of it {len(main_job - named)} others | {total(main_job - named)[0]:.0f} |")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for extra, lines in extras.items():
        if extra != "all":
            more = closure(Requirement(line).name for line in lines) - main_job
            print(f"| with `[{extra}]`, more | {total(more)[0]:.0f} |")
    without = plain - total(GROUPS["numba and its compiler (llvmlite)"])[0]
    print(f"\n`__pycache__` of the main job: {cached:.0f} MB more.")
    print(f"Without numba {without:.0f} MB; aim {AIM_MB} MB.")


if __name__ == "__main__":
    main()
