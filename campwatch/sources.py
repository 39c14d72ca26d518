"""From settings to the ranked list of scene sources."""

from __future__ import annotations

from pathlib import Path

from campwatch.settings import SourceSettings
from campwatch.workspace import Workspace
from evidence.errors import SettingsError
from imagery.records import SceneSource
from imagery.sources.static import StaticCatalog


def build_sources(workspace: Workspace) -> list[SceneSource]:
    """The sources in the order of the settings.

    Raises:
        SettingsError: where there is none, or one cannot be built.
    """
    if not workspace.settings.source:
        raise SettingsError(f"no [[source]] in {workspace.folder / 'campwatch.toml'}")
    return [_build(workspace, source) for source in workspace.settings.source]


def _build(workspace: Workspace, source: SourceSettings) -> SceneSource:
    if source.kind == "stac" and source.url and "://" not in source.url:
        path = Path(source.url)
        return StaticCatalog(path if path.is_absolute() else workspace.folder / path)
    raise SettingsError(f"source {source.kind} {source.url or ''} is not supported")
