"""What a release holds beside its data: the method (parameters, source, environment) and the text."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from campwatch.identity import MEASURING, code_identity, source_files
from campwatch.run.measure import known_parameters
from campwatch.workspace import Workspace
from evidence.errors import ExportError
from evidence.files import atomic_path, write_text, write_zip
from evidence.rows import Row


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
