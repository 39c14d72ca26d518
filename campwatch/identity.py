"""What identifies a run and what it worked with: clock, actor, code version, digests of inputs."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import itertools
import json
import platform
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from campwatch import __version__
from evidence.errors import AoiError
from evidence.files import write_text
from evidence.hashing import sha256_file, sha256_json
from evidence.rows import iso_utc
from evidence.source_code import SourceTree
from imagery.records import ArchivedProduct

Clock = Callable[[], dt.datetime]

MEASURING = ("evidence", "aoi", "imagery", "detection")
"""Packages whose source a release holds."""
PACKAGES = (*MEASURING, "maps", "campwatch")
ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds our packages."""
LOADING = ("load_cube",)
"""What puts scenes on the grid."""
DECIDING = ("measured_rows", "read_site", "gap_observations", *LOADING)
"""Entries of the code that decides rows: measuring, and loading what is measured."""
_DISTRIBUTIONS = {"odc": "odc-geo", "skimage": "scikit-image", "sklearn": "scikit-learn", "PIL": "pillow"}
"""Where a package is installed under another name than it is imported by."""


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


@cache
def page_digest() -> str:
    """SHA-256 over what makes a page of pictures and records: our programs, styles and words."""
    assets = sorted(path for path in (ROOT / "maps" / "assets").iterdir() if path.is_file())
    return sha256_json([source_digest("maps"), {path.name: sha256_file(path) for path in assets}])


def source_files(*packages: str) -> dict[str, Path]:
    """Every source file of some of our packages, by its path from their common folder."""
    sources = sorted(path for name in packages for path in (ROOT / name).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path for path in sources}


@cache
def deciding_code(*entries: str) -> tuple[str, tuple[str, ...]]:
    """Digest of the definitions reached from entry functions, and the packages of others that they use.

    To parse our source takes a second: what came of it is kept beside the compiled modules, under the
    digest of the source files.
    """
    held = Path(__file__).parent / "__pycache__" / "deciding-code.json"
    key = sha256_json([source_digest(*PACKAGES), _data_digest(), entries])
    try:
        known = dict(json.loads(held.read_text("utf-8")))
    except (OSError, ValueError):
        known = {}
    if key not in known:
        found = SourceTree(ROOT, PACKAGES).closure(entries)
        known = dict([*known.items()][-8:]) | {key: [found.digest, sorted(found.packages)]}
        with suppress(OSError):  # a read-only installation parses each time
            write_text(held, json.dumps(known))
    digest, packages = known[key]
    return str(digest), tuple(packages)


def _data_digest() -> str:
    """SHA-256 over the files of the measuring packages that are no source."""
    files = (path for name in MEASURING for path in (ROOT / name).rglob("*") if path.is_file())
    kept = sorted(path for path in files if path.suffix != ".py" and "__pycache__" not in path.parts)
    return sha256_json({path.relative_to(ROOT).as_posix(): sha256_file(path) for path in kept})


@cache
def code_identity() -> dict[str, Any]:
    """Version of campwatch, digest of the code that decides rows, versions of what that code runs on."""
    return {"campwatch": __version__, **_running(*DECIDING)}


def _running(*entries: str) -> dict[str, Any]:
    """The digest of some code, with the versions of Python and of the packages that it uses."""
    digest, packages = deciding_code(*entries)
    names = sorted(_DISTRIBUTIONS.get(name, name) for name in packages)
    return {
        "source": digest,
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in names},
    }


def same_code(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two code identities decide rows alike: all but the version's name is equal."""
    return {**one, "campwatch": None} == {**other, "campwatch": None}


def measuring_code() -> str:
    """SHA-256 of what computes rows from pixels."""
    return sha256_json(_running(*DECIDING))


def pixel_code() -> str:
    """SHA-256 of what puts scenes on the grid: a cube made by other code is made again."""
    return sha256_json(_running(*LOADING))


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


def scene_digest(products: Iterable[ArchivedProduct]) -> str:
    """SHA-256 over the products that carry a scene."""
    return sha256_json(sorted(product_digest(product) for product in products))


def matching_products(products: Sequence[ArchivedProduct], digest: str) -> tuple[ArchivedProduct, ...] | None:
    """The processing of each tile of a scene whose digests together are `digest`; None where none are."""
    by_tile: dict[str | None, list[ArchivedProduct]] = defaultdict(list)
    for product in products:
        by_tile[product.tile].append(product)
    for choice in itertools.product(*by_tile.values()):
        if choice and scene_digest(choice) == digest:
            return choice
    return None


def inputs_digest(site: str, scenes: Mapping[str, str], used: Iterable[str] | None = None) -> str:
    """SHA-256 over the site's digest and the digests of the scenes used (all where `used` is None)."""
    wanted = sorted(scenes) if used is None else sorted(set(used))
    return sha256_json({"site": site, "scenes": {scene: scenes.get(scene) for scene in wanted}})


def timestamp(clock: Clock) -> str:
    """Now, as the ledger writes it."""
    return iso_utc(clock().replace(microsecond=0))
