"""Derived files: which state of the ledger each shows, what is behind, and rebuilding it after an append."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aoi.records import Site
from campwatch.identity import PACKAGES, source_digest
from campwatch.pages.paths import kept_first_pages, kept_pages, shown_state
from campwatch.workspace import Workspace, readable_sites
from evidence.custody import heads_digest
from evidence.errors import WatchError
from evidence.files import write_text
from evidence.hashing import sha256_file, sha256_json
from evidence.ledger import Ledger

_log = logging.getLogger(__name__)


class DerivedFiles:
    """Stamps of derived files: what they were made from."""

    def __init__(self, path: Path) -> None:
        """Read the stamps kept in `path`; a missing or damaged file means that everything is behind."""
        self._path = path
        try:
            self._stamps: dict[str, str] = dict(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError):
            self._stamps = {}

    def is_current(self, file: Path, made_from: str) -> bool:
        """Whether `file` is there and shows the state `made_from`."""
        return file.exists() and self._stamps.get(file.name) == made_from

    def stamp(self, file: Path, made_from: str) -> None:
        """Remember that `file` shows the state `made_from`; call it after the file is complete."""
        self._stamps[file.name] = made_from
        write_text(self._path, json.dumps(self._stamps, sort_keys=True, indent=1))


def derived_files(workspace: Workspace) -> DerivedFiles:
    """The stamps of a workspace."""
    return DerivedFiles(workspace.state_folder / "derived.json")


def tables_state(workspace: Workspace, ledger: Ledger) -> str:
    """Digest of what tables and first page follow from: custody, site files, the code that writes them."""
    sites = {path.name: sha256_file(path) for path in workspace.site_paths()}
    return sha256_json([heads_digest(ledger.heads()), sites, source_digest(*PACKAGES)])


def table_files(workspace: Workspace, sites: Sequence[Site]) -> tuple[Path, ...]:
    """The files that are rebuilt from the ledger without pixels."""
    firsts = [path for _, path in kept_first_pages(workspace, sites)]
    return workspace.results_path, workspace.custody_path, *firsts


def behind(workspace: Workspace, ledger: Ledger) -> list[Path]:
    """The derived files that show an earlier state of the ledger than it has now, or are missing."""
    sites, stamps = readable_sites(workspace), derived_files(workspace)
    state = tables_state(workspace, ledger)
    late = [path for path in table_files(workspace, sites) if not stamps.is_current(path, state)]
    measured = set(ledger.heads())
    for site in (site for site in sites if site.id in measured):
        shown = shown_state(ledger, site)
        late += [page for _, page in kept_pages(workspace, site) if not stamps.is_current(page, shown)]
    return late


def rebuild_behind(workspace: Workspace, ledger: Ledger) -> bool:
    """Write tables, custody lines and the first page anew where they are behind; returns whether any was.

    The maps of sites need pixels and wait for the next run.
    """
    sites, stamps = readable_sites(workspace), derived_files(workspace)
    state, files = tables_state(workspace, ledger), table_files(workspace, sites)
    if all(stamps.is_current(file, state) for file in files):
        return False
    from campwatch.run.site_bench import rebuild_derived  # noqa: PLC0415 - its libraries take seconds to load

    rebuild_derived(workspace, ledger, sites)
    for file in files:
        stamps.stamp(file, state)
    return True


@contextmanager
def open_for_append(workspace: Workspace, *, create: bool = True) -> Iterator[Ledger]:
    """The ledger, to be appended to; what is derived from it is rebuilt when something was.

    Where that fails, as on a full disk, the append stands: the files are behind, which `verify` and the
    next run see.
    """
    with Ledger(workspace.ledger_path, create=create) as ledger:
        before = ledger.heads()
        yield ledger
        if ledger.heads() != before:
            try:
                rebuild_behind(workspace, ledger)
            except (WatchError, OSError) as err:
                _log.warning("derived files are behind: %s", err)
