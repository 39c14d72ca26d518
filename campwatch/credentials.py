"""Secrets from files: what systemd, containers and their like hand to a program, not in its environment."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path

from evidence.errors import SettingsError

PREFIXES = ("CAMPWATCH_", "SH_CLIENT_")
"""Variables that hold settings and credentials."""
END = "_FILE"
FOLDER = "CREDENTIALS_DIRECTORY"
"""Set by systemd for a service with LoadCredential= or LoadCredentialEncrypted=."""


def credentials_from_files(environment: MutableMapping[str, str]) -> None:
    """Put into the environment of this process what its variables name as files.

    `NAME_FILE=/path` gives NAME its content; so does a file NAME in the folder of systemd's credentials, in
    capitals or not. What the environment says itself stands.

    Raises:
        SettingsError: where a file that is named cannot be read.
    """
    for name, path in (*_named(environment), *_handed(environment)):
        try:
            environment.setdefault(name, path.read_text("utf-8").strip())
        except (OSError, UnicodeDecodeError) as err:
            raise SettingsError(f"{name} cannot be read from {path}: {err}") from err


def _named(environment: MutableMapping[str, str]) -> Iterator[tuple[str, Path]]:
    for name in [name for name in environment if name.startswith(PREFIXES) and name.endswith(END)]:
        yield name.removesuffix(END), Path(environment.pop(name))


def _handed(environment: MutableMapping[str, str]) -> Iterator[tuple[str, Path]]:
    folder = environment.get(FOLDER)
    if folder and Path(folder).is_dir():
        for path in sorted(Path(folder).iterdir()):
            if path.name.upper().startswith(PREFIXES):
                yield path.name.upper(), path
