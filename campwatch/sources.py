"""From settings to the ranked list of scene sources."""

from __future__ import annotations

from pathlib import Path

from campwatch.settings import SourceSettings
from campwatch.workspace import Workspace
from evidence.errors import SettingsError
from imagery.budget import UnitBudget
from imagery.records import SceneSource
from imagery.sources.open import open_stac
from imagery.sources.privacy import PrivacyMode

SENTINELHUB_SENSORS = ("sentinel-2", "sentinel-1")


def build_sources(workspace: Workspace) -> list[SceneSource]:
    """The sources in the order of the settings.

    Raises:
        SettingsError: where there is none, or one cannot be built.
    """
    if not workspace.settings.source:
        raise SettingsError(f"no [[source]] in {workspace.folder / 'campwatch.toml'}")
    return [built for source in workspace.settings.source for built in _build(workspace, source)]


def privacy_mode(workspace: Workspace) -> PrivacyMode:
    """What searches and reads may give away."""
    return PrivacyMode(workspace.settings.privacy.mode)


def unit_budget(workspace: Workspace) -> UnitBudget:
    """Processing units of the month, kept across runs."""
    most = workspace.settings.sentinelhub.max_processing_units_per_month
    return UnitBudget(workspace.state_folder / "processing-units.json", units_per_month=most)


def _build(workspace: Workspace, source: SourceSettings) -> list[SceneSource]:
    cloud = workspace.settings.monitor.max_cloud_cover
    if source.kind == "sentinelhub":
        return _sentinelhub(workspace, cloud)
    if source.url is None:
        raise SettingsError('a [[source]] of kind "stac" needs a url')
    if "://" in source.url:
        mode = privacy_mode(workspace)
        return open_stac(source.url, source.collections, mode=mode, max_cloud_cover=cloud)
    path = Path(source.url).expanduser()
    return open_stac(str(path if path.is_absolute() else workspace.folder / path))


def _sentinelhub(workspace: Workspace, cloud: float) -> list[SceneSource]:
    from imagery.sources.sentinelhub import SentinelHub  # noqa: PLC0415 - only where it is asked for
    from imagery.sources.sentinelhub_client import sentinelhub_config  # noqa: PLC0415

    told = workspace.settings.sentinelhub
    config = sentinelhub_config(told.profile, base_url=told.base_url, token_url=told.token_url)
    budget, mode = unit_budget(workspace), privacy_mode(workspace)
    return [
        SentinelHub(config, budget=budget, sensor=sensor, mode=mode, max_cloud_cover=cloud)
        for sensor in SENTINELHUB_SENSORS
    ]
