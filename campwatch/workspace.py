"""A workspace: one folder that holds settings, sites, archive, ledger and everything derived from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from filelock import FileLock, Timeout

from aoi.records import Site
from aoi.site_file import read_site
from campwatch.settings import FILE_NAME, Settings, read_settings
from evidence.errors import AoiError, WorkspaceError, WorkspaceHeldError
from evidence.files import write_text

LEDGER_NAME = "ledger.sqlite"
"""In a workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Where things are. Nothing is created by asking."""

    folder: Path
    settings: Settings

    @property
    def sites_folder(self) -> Path:
        """One GeoJSON file per site."""
        return self.folder / "sites"

    @property
    def ledger_path(self) -> Path:
        """The truth."""
        return self.folder / LEDGER_NAME

    @property
    def archive_folder(self) -> Path:
        """Source pixels, write-once."""
        return self.folder / "archive"

    @property
    def cache_folder(self) -> Path:
        """Rebuildable."""
        return self.folder / "cache"

    @property
    def state_folder(self) -> Path:
        """Rebuildable."""
        return self.folder / "state"

    @property
    def results_path(self) -> Path:
        """Current rows, derived."""
        return self.folder / "results.gpkg"

    @property
    def custody_path(self) -> Path:
        """Custody chains, derived."""
        return self.folder / "custody.jsonl"

    @property
    def maps_folder(self) -> Path:
        """HTML, derived."""
        return self.folder / "maps"

    @property
    def exports_folder(self) -> Path:
        """What researchers take away, derived."""
        return self.folder / "exports"

    @property
    def logs_folder(self) -> Path:
        """The journal of runs, and log files where they are kept."""
        return self.folder / "logs"

    def site_paths(self) -> list[Path]:
        """The site files in order."""
        return sorted(self.sites_folder.glob("*.geojson"))

    def site_ids(self) -> list[str]:
        """Ids of the sites that have a file; a file that is no site counts under its own name."""
        return [_site_id(path) for path in self.site_paths()]

    def chosen_paths(self, only: tuple[str, ...] = ()) -> list[Path]:
        """The files of the named sites, or of all.

        A file that is no site counts under its own name, so that one broken file does not stop the others.

        Raises:
            AoiError: where there is none, two hold the same site, or a named one is missing.
        """
        paths: dict[str, Path] = {}
        for path in self.site_paths():
            site_id = _site_id(path)
            if site_id in paths:
                raise AoiError(f"{paths[site_id].name} and {path.name} both hold the site {site_id}")
            paths[site_id] = path
        missing = [site_id for site_id in only if site_id not in paths]
        if missing or not paths:
            there = ", ".join(paths) or "none (campwatch sites add FILE adds one)"
            raise AoiError(f"no site {', '.join(missing)} in {self.sites_folder}; there are: {there}")
        return [path for site_id, path in paths.items() if not only or site_id in only]

    def is_held(self) -> bool:
        """Whether a run is at work: whether its lock cannot be had."""
        if not (self.folder / ".lock").exists():
            return False
        try:
            with self.lock(wait=False):
                return False
        except WorkspaceHeldError:
            return True
        except WorkspaceError:
            return False

    @contextmanager
    def lock(self, *, wait: bool) -> Iterator[None]:
        """Hold the workspace for one run.

        Raises:
            WorkspaceHeldError: where another run holds it and `wait` is off.
            WorkspaceError: where the folder cannot be written.
        """
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=-1 if wait else 0)
        except Timeout as err:
            raise WorkspaceHeldError(f"another run is at work in {self.folder}") from err
        except OSError as err:
            raise WorkspaceError(f"{self.folder} cannot be written: {err.strerror}") from err
        try:
            yield
        finally:
            lock.release()


def readable_sites(workspace: Workspace) -> list[Site]:
    """The sites whose files can be read."""
    sites = []
    for path in workspace.site_paths():
        try:
            sites.append(read_site(path))
        except AoiError:
            continue
    return sites


def open_workspace(folder: Path | str) -> Workspace:
    """The workspace in `folder`.

    Raises:
        WorkspaceError: where there is none.
        SettingsError: where its settings do not hold.
    """
    folder = workspace_folder(Path(folder))
    return Workspace(folder=folder, settings=read_settings(folder / FILE_NAME))


def workspace_folder(folder: Path) -> Path:
    """The absolute path of a workspace's folder.

    Raises:
        WorkspaceError: where it is none.
    """
    folder = folder.absolute()
    if (folder / FILE_NAME).is_file():
        return folder
    why = f"it has no {FILE_NAME}" if folder.is_dir() else "there is no such folder"
    raise WorkspaceError(f"{folder} is not a workspace: {why} (campwatch init makes one)")


def create_workspace(folder: Path, *, settings_text: str | None = None) -> Workspace:
    """Make a workspace with commented settings; an existing one is refused.

    Raises:
        WorkspaceError: where there is one already, or the folder cannot be written.
    """
    path = folder / FILE_NAME
    if path.exists():
        raise WorkspaceError(f"{folder} is a workspace already")
    try:
        (folder / "sites").mkdir(parents=True, exist_ok=True)
        write_text(path, settings_text if settings_text is not None else default_settings_text())
    except OSError as err:
        raise WorkspaceError(f"{folder} cannot be written: {err.strerror}") from err
    return open_workspace(folder)


def default_settings_text() -> str:
    """The commented settings that `init` writes."""
    return resources.files("campwatch").joinpath("default_settings.toml").read_text("utf-8")


def _site_id(path: Path) -> str:
    try:
        return read_site(path).id
    except AoiError:
        return path.stem
