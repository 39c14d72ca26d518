"""Releases: data, method and text frozen, part by part, under an id that can be cited."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campwatch import __version__
from campwatch.exports.bundle import Bundle, collect
from campwatch.exports.citations import write_citations
from campwatch.exports.csv_files import write_csv
from campwatch.exports.vector import write_geopackage
from campwatch.identity import (
    MEASURING,
    Clock,
    code_identity,
    new_run_id,
    source_files,
    system_clock,
    timestamp,
)
from campwatch.layers import LAYERS
from campwatch.reviews.validation import annotation
from campwatch.run.derived import open_for_append
from campwatch.run.measure import known_parameters
from campwatch.workspace import Workspace
from evidence.custody import WORKSPACE_CHAIN, heads_digest
from evidence.errors import ExportError
from evidence.files import TEMPORARY_PREFIX, atomic_path, below, write_text, write_zip
from evidence.hashing import sha256_file
from evidence.ledger import Ledger
from evidence.results import write_custody, write_results
from evidence.rows import Row

_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A frozen state of the workspace."""

    release_id: str
    folder: Path
    created: str
    head: str
    """Digest over all custody heads at that moment."""
    manifest_sha256: str


def make_release(
    workspace: Workspace, release_id: str, *, restricted: bool = False, clock: Clock = system_clock
) -> Release:
    """Freeze the current rows, the method versions and the texts that explain them.

    Args:
        workspace: whose.
        release_id: the id to cite.
        restricted: whether to freeze what is not marked public too, with the whole custody.
        clock: now.

    Raises:
        ExportError: where the id is taken or not of the form ``[a-z0-9.-]``, or nothing may be shown.
    """
    if not _ID.fullmatch(release_id):
        raise ExportError(f"{release_id!r} is not a release id: lower-case letters, digits, dots and hyphens")
    folder = below(workspace.folder / "releases", release_id)
    if folder.exists():
        raise ExportError(f"release {release_id} exists already; a release never changes")
    with workspace.lock(wait=False), open_for_append(workspace, create=False) as ledger:
        created, head = timestamp(clock), heads_digest(ledger.heads())
        draft = folder.with_name(f"{TEMPORARY_PREFIX}{release_id}")
        shutil.rmtree(draft, ignore_errors=True)
        bundle = collect(workspace, ledger, restricted=restricted, release_id=release_id)
        _write(workspace, ledger, bundle, draft, release_id=release_id, created=created, head=head)
        digest = sha256_file(draft / "manifest.json")
        ledger.append(
            [],
            chain=WORKSPACE_CHAIN,
            run_id=new_run_id(clock),
            time=created,
            actor="campwatch",
            action="release",
            details={"release": release_id, "head": head, "manifest": digest},
        )
        draft.replace(folder)
    return Release(release_id=release_id, folder=folder, created=created, head=head, manifest_sha256=digest)


def _write(
    workspace: Workspace,
    ledger: Ledger,
    bundle: Bundle,
    folder: Path,
    *,
    release_id: str,
    created: str,
    head: str,
) -> None:
    write_csv(bundle, folder / "csv")
    if bundle.stamp.restricted:
        write_results(
            ledger, folder / "results.gpkg", LAYERS.values(), annotate=annotation(ledger, bundle.sites)
        )
        write_custody(ledger, folder / "custody.jsonl")
    else:
        write_geopackage(bundle, folder / "results.gpkg")
    write_method(workspace, _rows(bundle), folder / "method")
    write_manual(folder / "manual")
    write_citations(bundle, folder / "citations")
    write_text(folder / "README.txt", _readme(bundle, release_id, created, head))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        "release": release_id,
        "created": created,
        "custody_head": head,
        "code": code_identity(),
        "files": {path.relative_to(folder).as_posix(): sha256_file(path) for path in files},
    }
    write_text(folder / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True))


def _rows(bundle: Bundle) -> list[Row]:
    return [stored.row for stored_rows in bundle.rows.values() for stored in stored_rows]


def _readme(bundle: Bundle, release_id: str, created: str, head: str) -> str:
    methods = sorted({(row.layer, row.method) for row in _rows(bundle)})
    who = "restricted: holds what is not marked public" if bundle.stamp.restricted else "public"
    lines = [
        f"campwatch release {release_id} ({who}), made {created} with campwatch {__version__}",
        "",
        "Stockpile figures are plan area of probable coal; not volume, tonnage, production or origin.",
        "Imagery shows activity, not who works. Where nobody could look there is no figure, and the reason.",
        "Each figure has an interval at the level named beside it. What stands behind the intervals:",
        *(f"  {site_id}: {line}" for site_id, line in bundle.stamp.validation()),
        "",
        *sorted({table.attribution for table in bundle.tables}),
        f"Custody head: {head}",
        "",
        "Methods:",
        *(f"  {layer}: {method}" for layer, method in methods),
        "",
        "csv/ holds one table per layer and the data dictionary; results.gpkg the same with geometry;",
        "method/ every method with its parameters, its source and the packages it ran with; manual/ how each",
        "figure is measured and how well; citations/ what to cite, for reference managers;",
        "manifest.json the SHA-256 of every file here. A restricted release holds custody.jsonl too.",
    ]
    return "\n".join(lines) + "\n"


def write_method(workspace: Workspace, rows: Iterable[Row], folder: Path) -> None:
    """Methods with their parameters, the source of what computes the rows, the packages that it ran with."""
    told = {"code": code_identity(), "methods": _methods(workspace, rows)}
    write_text(folder / "methods.json", json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True))
    installed = {dist.metadata["Name"]: dist.version for dist in importlib.metadata.distributions()}
    lines = sorted((f"{name}=={version}\n" for name, version in installed.items()), key=str.lower)
    write_text(folder / "environment.txt", "".join(lines))
    with atomic_path(folder / "source.zip") as temporary:
        write_zip(temporary, ((name, file.read_bytes()) for name, file in source_files(*MEASURING).items()))


def _methods(workspace: Workspace, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Each method of the rows, with the values of its parameters; null where another version measured."""
    known = known_parameters(workspace.settings.measure.model_dump(exclude_defaults=True))
    used = sorted({(row.layer, row.method, row.params_hash) for row in rows})
    return [
        {"layer": layer, "method": method, "params_hash": digest, "parameters": known.get(digest)}
        for layer, method, digest in used
    ]


def write_manual(folder: Path) -> None:
    """The manual as it is now: how each figure is measured, and how well."""
    for name, path in manual_files().items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


_PACKAGED = Path(__file__).resolve().parents[1] / "manual"
_IN_REPOSITORY = Path(__file__).resolve().parents[2] / "docs"
SUFFIXES = (".md", ".png", ".svg")


def manual_files() -> dict[str, Path]:
    """Every page and picture of the manual, by its path inside the manual.

    Raises:
        ExportError: where campwatch was installed without its manual.
    """
    folder = _PACKAGED if _PACKAGED.is_dir() else _IN_REPOSITORY
    found = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in SUFFIXES
    }
    if not any(name.endswith(".md") for name in found):
        raise ExportError(f"campwatch's manual is not at {folder}; install campwatch anew")
    return found
