"""The commands `backup`, `restore` and `merge`."""

from __future__ import annotations

import getpass
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from campwatch.cli.session import EXIT_INCOMPLETE, say
from campwatch.language import told

PASSPHRASE = "CAMPWATCH_BACKUP_PASSPHRASE"  # noqa: S105 - the name of a variable
"""Of a secret key; CAMPWATCH_BACKUP_PASSPHRASE_FILE names a file."""


def backup(
    context: typer.Context,
    to: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Outside the workspace.")] = None,
    *,
    no_pixels: Annotated[
        bool, typer.Option("--no-pixels", help="Leave the archive out; it is fetched again.")
    ] = False,
    new_key: Annotated[
        Path | None,
        typer.Option("--new-key", help="Make a secret key in this file instead.", metavar="FILE"),
    ] = None,
) -> None:
    """Write all that cannot be computed again into one file, while a run may be at work."""
    from campwatch.custody import backup as backups  # noqa: PLC0415 - start-up stays quick
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    if (to is None) == (new_key is None):
        raise typer.BadParameter("a FOLDER, or --new-key FILE")
    if new_key is not None:
        public = backups.new_key(new_key, _passphrase("passphrase of the new key (empty for none): "))
        say(f"secret key in {new_key}: keep it elsewhere than the backups. In campwatch.toml:")
        say(f'[backup]\nrecipients = ["{public}"]')
        context.obj.report({"key": str(new_key), "recipient": public})
        return
    workspace = open_workspace(context.obj.folder)
    recipients = workspace.settings.backup.recipients
    made = backups.backup_workspace(
        workspace, to or Path(), recipients=recipients, with_archive=not no_pixels
    )
    sealed = "encrypted" if recipients else "NOT encrypted: whoever holds it reads all sites"
    say(f"{made.path}: {made.files} files, {made.bytes / 1e6:.1f} MB, {sealed}; SHA-256 {made.sha256}")
    for name in made.removed:
        say(f"no longer kept: {name}")
    say(f"custody head {made.head}")
    context.obj.report({**asdict(made), "path": str(made.path)})


def restore(
    context: typer.Context,
    backup_file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` wrote.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Of the workspace; not there, or empty.")],
    *,
    identity: Annotated[
        Path | None, typer.Option(help="The secret key of an encrypted backup.", metavar="FILE")
    ] = None,
) -> None:
    """Make a workspace of a backup, every file and the ledger verified; the next run computes the rest."""
    from campwatch.custody import backup as backups  # noqa: PLC0415 - start-up stays quick

    keys = (
        backups.read_identities(identity, lambda: _passphrase("passphrase of the key: ") or "")
        if identity
        else []
    )
    made = backups.restore_workspace(backup_file, folder, identities=keys)
    say(f"{made.folder}: {made.files} files as they were written, the ledger verified")
    say(f"custody head {made.head}; campwatch -C {made.folder} run makes maps and tables again")
    context.obj.report({**asdict(made), "folder": str(made.folder)})


def merge(
    context: typer.Context,
    other: Annotated[Path, typer.Argument(metavar="LEDGER", help="Or the folder of the other workspace.")],
    *,
    actor: Annotated[str, typer.Option(help="Who does it: a code, not a name.")] = "campwatch",
) -> None:
    """Take over verdicts, questions and samples of another workspace of the same sites; show conflicts."""
    from campwatch.custody.merging import merge_ledger  # noqa: PLC0415 - start-up stays quick
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    with workspace.lock(wait=True):
        made = merge_ledger(workspace, other, actor=actor)
    say(f"{made.entries} entries with {made.rows} rows taken over; the other ledger as it was: {made.kept}")
    for one in made.conflicts:
        say(f"conflict, left as it is: {one.layer} {one.site_id} {one.subject} ({one.ours}, {one.theirs})")
    for action, count in made.left.items():
        say(f"not taken over: {count} of {action}")
    say(f"custody head {made.head}")
    context.obj.report({**asdict(made), "kept": str(made.kept)})
    if made.conflicts:
        raise typer.Exit(EXIT_INCOMPLETE)


def _passphrase(prompt: str) -> str | None:
    """From the environment, or asked for."""
    held = os.environ.get(PASSPHRASE)
    return held if held is not None else getpass.getpass(told(prompt)) or None
