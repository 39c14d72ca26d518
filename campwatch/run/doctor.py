"""Is this machine fit to watch: environment, credentials, disk, and who learns what when a run goes out."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from campwatch.run.sources import build_sources, cdse_credentials, privacy_mode
from campwatch.settings import FILE_NAME, exposed_secrets
from campwatch.workspace import Workspace
from evidence.errors import WatchError
from imagery.sources.open import who_learns_what

SYNCED = ("onedrive", "dropbox", "google drive", "googledrive", "icloud", "nextcloud", "synology", "box sync")
"""Folder names of programs that copy files to somebody else's machine, and that break locks while they do."""

LOW_DISK_GB = 5.0
PACKAGES = ("evidence", "aoi", "imagery", "detection", "maps", "campwatch")


class Grade(StrEnum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at."""

    topic: str
    grade: Grade
    text: str


def examine(workspace: Workspace) -> list[Check]:
    """Every check, in the order in which a person would ask."""
    return [
        *_environment(),
        *_folder(workspace.folder),
        *_disk(workspace),
        *_disclosure(workspace),
        *_credentials(workspace),
        *_secrets(workspace),
    ]


def _environment() -> Iterator[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Check(topic="python", grade=Grade.OK, text=f"Python {version}")
    for name in PACKAGES:
        module = importlib.import_module(name)
        ours = Path(module.__file__ or "").resolve().parent.parent
        here = Path(__file__).resolve().parents[2]
        if ours != here:
            yield Check(
                topic="packages",
                grade=Grade.WARNING,
                text=f"{name} comes from {module.__file__}: give campwatch an environment of its own",
            )


def _folder(folder: Path) -> Iterator[Check]:
    resolved = folder.resolve()
    synced = [part for part in resolved.parts if any(name in part.lower() for name in SYNCED)]
    if synced:
        yield Check(
            topic="workspace",
            grade=Grade.WARNING,
            text=f"the workspace lies in a synced folder ({synced[0]}): its provider gets a copy of all, "
            "and syncing can break the ledger while a run writes it; move it out",
        )
    if not os.access(resolved, os.W_OK):
        yield Check(topic="workspace", grade=Grade.WARNING, text=f"{resolved} cannot be written")
    if not synced:
        yield Check(topic="workspace", grade=Grade.OK, text=str(resolved))


def _disk(workspace: Workspace) -> Iterator[Check]:
    free = shutil.disk_usage(workspace.folder).free / 1e9
    grade = Grade.WARNING if free < LOW_DISK_GB else Grade.OK
    limit = workspace.settings.limits.disk_gb
    yield Check(topic="disk", grade=grade, text=f"{free:.1f} GB free; the archive may take {limit:g} GB")


def _disclosure(workspace: Workspace) -> Iterator[Check]:
    try:
        sources = build_sources(workspace)
    except WatchError as err:
        yield Check(topic="sources", grade=Grade.WARNING, text=str(err))
        return
    for name, text in who_learns_what(sources, mode=privacy_mode(workspace)):
        yield Check(topic="who learns what", grade=Grade.NOTE, text=f"{name}: {text}")
    text = "names, zones and boundaries never leave; maps ask nobody until a base layer is allowed"
    yield Check(topic="who learns what", grade=Grade.OK, text=text)


def _credentials(workspace: Workspace) -> Iterator[Check]:
    kinds = {source.kind for source in workspace.settings.source}
    if "cdse" in kinds:
        yield _cdse_credentials(workspace)
    if "sentinelhub" not in kinds:
        return
    if os.environ.get("SH_CLIENT_ID") and os.environ.get("SH_CLIENT_SECRET"):
        yield Check(topic="credentials", grade=Grade.OK, text="Sentinel Hub: from the environment")
        return
    profile = workspace.settings.sentinelhub.profile
    yield Check(
        topic="credentials",
        grade=Grade.NOTE,
        text=f"Sentinel Hub: the profile {profile} of the sentinelhub package is used (SH_CLIENT_ID and "
        "SH_CLIENT_SECRET are not set)",
    )


def _cdse_credentials(workspace: Workspace) -> Check:
    try:
        keys, account = cdse_credentials(workspace)
    except WatchError as err:
        return Check(topic="credentials", grade=Grade.WARNING, text=str(err))
    if keys is not None:
        text = "Copernicus Data Space: S3 keys; the parts of files that windows touch are read"
    elif account is not None:
        text = "Copernicus Data Space: an account without S3 keys; whole files are downloaded"
    else:
        text = "Copernicus Data Space: neither S3 keys nor an account"
    grade = Grade.OK if keys or account else Grade.WARNING
    return Check(topic="credentials", grade=grade, text=text)


def _secrets(workspace: Workspace) -> Iterator[Check]:
    """Files with secrets that other accounts can read."""
    from sentinelhub.config import SHConfig  # noqa: PLC0415 - slow to load, and asked for here alone

    files = [workspace.folder / FILE_NAME, Path(SHConfig.get_config_location())]
    told = [line for path in files for line in exposed_secrets(path)]
    for line in told:
        yield Check(topic="secrets", grade=Grade.WARNING, text=line)
    if not told:
        yield Check(topic="secrets", grade=Grade.OK, text="no settings file shows one to others")
