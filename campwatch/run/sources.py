"""From settings to the ranked list of scene sources."""

from __future__ import annotations

from pathlib import Path

from campwatch.settings import SourceSettings
from campwatch.workspace import Workspace
from evidence.errors import SettingsError
from evidence.limits import Limits
from imagery.records import SceneSource
from imagery.sources.budget import UnitBudget
from imagery.sources.cdse import CDSE_COLLECTIONS, CdseAddresses, open_cdse
from imagery.sources.http import Http, HttpLimits
from imagery.sources.open import open_stac
from imagery.sources.privacy import PrivacyMode
from imagery.sources.retry import Retrier, TimeLeft
from imagery.sources.signing import Account, S3Keys

SENTINELHUB_SENSORS = ("sentinel-2", "sentinel-1")


def build_sources(workspace: Workspace, *, time_left: TimeLeft | None = None) -> list[SceneSource]:
    """The sources in the order of the settings.

    Args:
        workspace: whose.
        time_left: of the run; without an end by default.

    Raises:
        SettingsError: where there is none, or one cannot be built.
    """
    if not workspace.settings.source:
        raise SettingsError(f"no [[source]] in {workspace.folder / 'campwatch.toml'}")
    return [
        built
        for source in workspace.settings.source
        for built in _build(workspace, source, time_left or TimeLeft())
    ]


def privacy_mode(workspace: Workspace) -> PrivacyMode:
    """What searches and reads may give away."""
    return PrivacyMode(workspace.settings.privacy.mode)


def intake_limits(workspace: Workspace) -> Limits:
    """How much may be taken in from outside at once."""
    return Limits.of_gigabytes(workspace.settings.limits.memory_gb)


def unit_budget(workspace: Workspace) -> UnitBudget:
    """Processing units of the month, kept across runs."""
    most = workspace.settings.sentinelhub.max_processing_units_per_month
    return UnitBudget(workspace.state_folder / "processing-units.json", units_per_month=most)


def _build(workspace: Workspace, source: SourceSettings, time_left: TimeLeft) -> list[SceneSource]:
    limits = intake_limits(workspace)
    cloud = workspace.settings.monitor.max_cloud_cover
    if source.kind == "sentinelhub":
        return _sentinelhub(workspace, cloud, time_left)
    if source.kind == "cdse":
        return _cdse(workspace, source.collections or CDSE_COLLECTIONS, time_left)
    if source.url is None:
        raise SettingsError('a [[source]] of kind "stac" needs a url')
    if "://" in source.url:
        mode = privacy_mode(workspace)
        return open_stac(
            source.url,
            source.collections,
            mode=mode,
            max_cloud_cover=cloud,
            limits=limits,
            time_left=time_left,
        )
    path = Path(source.url).expanduser()
    place = str(path if path.is_absolute() else workspace.folder / path)
    return open_stac(place, limits=limits, time_left=time_left)


def cdse_credentials(workspace: Workspace) -> tuple[S3Keys | None, Account | None]:
    """The keys and the account of the Copernicus Data Space, where there are any.

    Raises:
        SettingsError: where one half of a pair is missing.
    """
    told = workspace.settings.cdse
    pairs = []
    for one, other in (("access_key", "secret_key"), ("username", "password")):
        values = [told.secret(name, workspace.folder) for name in (one, other)]
        if (values[0] is None) != (values[1] is None):
            raise SettingsError(f"[cdse] needs {one} and {other} together")
        pairs.append(values)
    (access, secret), (username, password) = pairs
    return (
        S3Keys(access_key=access, secret_key=secret) if access and secret else None,
        Account(username=username, password=password) if username and password else None,
    )


def _cdse(workspace: Workspace, collections: tuple[str, ...], time_left: TimeLeft) -> list[SceneSource]:
    told = workspace.settings.cdse
    keys, account = cdse_credentials(workspace)
    stated = {
        name: value.rstrip("/")
        for name in ("stac_url", "s3_url", "token_url", "download_url")
        if (value := getattr(told, name))
    }
    return [
        *open_cdse(
            collections,
            keys=keys,
            account=account,
            addresses=CdseAddresses(**stated),
            mode=privacy_mode(workspace),
            max_cloud_cover=workspace.settings.monitor.max_cloud_cover,
            limits=intake_limits(workspace),
            time_left=time_left,
        )
    ]


def _sentinelhub(workspace: Workspace, cloud: float, time_left: TimeLeft) -> list[SceneSource]:
    from imagery.sources.sentinelhub import SentinelHub  # noqa: PLC0415 - only where it is asked for
    from imagery.sources.sentinelhub_client import sentinelhub_config  # noqa: PLC0415

    told = workspace.settings.sentinelhub
    config = sentinelhub_config(told.profile, base_url=told.base_url, token_url=told.token_url)
    budget, mode = unit_budget(workspace), privacy_mode(workspace)
    limits = HttpLimits(sizes=intake_limits(workspace))
    return [
        SentinelHub(
            config,
            budget=budget,
            sensor=sensor,
            mode=mode,
            max_cloud_cover=cloud,
            http=Http(milliseconds=True, limits=limits, time_left=time_left),
            retrier=Retrier(time_left=time_left),
        )
        for sensor in SENTINELHUB_SENSORS
    ]
