"""What identifies a run and what it worked with: clock, actor, code version, digests of inputs."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import platform
import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from campwatch import __version__
from evidence.errors import AoiError
from evidence.hashing import sha256_file, sha256_json
from evidence.rows import iso_utc
from imagery.records import ArchivedProduct

Clock = Callable[[], dt.datetime]

_PINNED = (
    "exactextract",
    "numba",
    "numpy",
    "odc-geo",
    "pandas",
    "pyproj",
    "rasterio",
    "scipy",
    "shapely",
    "xarray",
    "zarr",
)
MEASURING = ("evidence", "aoi", "imagery", "detection")
"""Packages whose code decides the rows."""


def system_clock() -> dt.datetime:
    """Now, UTC."""
    return dt.datetime.now(dt.UTC)


def new_run_id(clock: Clock) -> str:
    """A sortable id that two runs never share."""
    return f"{clock():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


@cache
def source_digest(*packages: str) -> str:
    """SHA-256 over every source file of some of our packages."""
    return sha256_json({name: sha256_file(path) for name, path in source_files(*packages).items()})


def source_files(*packages: str) -> dict[str, Path]:
    """Every source file of some of our packages, by its path from their common folder."""
    root = Path(__file__).resolve().parent.parent
    sources = sorted(path for name in packages for path in (root / name).rglob("*.py"))
    return {path.relative_to(root).as_posix(): path for path in sources}


@cache
def code_identity() -> dict[str, Any]:
    """Version and digest of campwatch, version of Python and of the packages that the numbers depend on."""
    return {
        "campwatch": __version__,
        "source": source_digest(*MEASURING),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in _PINNED},
    }


def measuring_code() -> str:
    """SHA-256 of what computes rows from pixels."""
    return sha256_json(code_identity())


def pixel_code() -> str:
    """SHA-256 of what puts scenes on the grid: a cube made by other code is made again."""
    told = {name: value for name, value in code_identity().items() if name != "source"}
    return sha256_json([told, source_digest("evidence", "aoi", "imagery")])


def drawing_code() -> str:
    """SHA-256 of what draws pictures of pixels."""
    return sha256_json([pixel_code(), source_digest("maps"), importlib.metadata.version("pillow")])


def site_digest(path: Path) -> str:
    """SHA-256 over what a site file says, whatever its spacing."""
    try:
        return sha256_json(json.loads(path.read_text("utf-8-sig")))
    except (OSError, ValueError) as err:
        raise AoiError(f"{path} cannot be read: {err}") from err


def product_digest(product: ArchivedProduct) -> str:
    """SHA-256 over the pixels of one archived product and how they are to be read."""
    told = {"offset": dict(product.offset), "scale": dict(product.scale), "baseline": product.baseline}
    return sha256_json({"id": product.id, "bands": dict(product.sha256), **told})


def inputs_digest(site: str, scenes: Mapping[str, str], used: Iterable[str] | None = None) -> str:
    """SHA-256 over the site's digest and the digests of the scenes used (all where `used` is None)."""
    wanted = sorted(scenes) if used is None else sorted(set(used))
    return sha256_json({"site": site, "scenes": {scene: scenes.get(scene) for scene in wanted}})


def timestamp(clock: Clock) -> str:
    """Now, as the ledger writes it."""
    return iso_utc(clock().replace(microsecond=0))
