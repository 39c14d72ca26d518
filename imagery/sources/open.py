"""Sources from settings: which classes stand behind which words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evidence.errors import SettingsError
from evidence.limits import Limits
from imagery.records import SceneSource
from imagery.sources.cog import WORKERS, CogReader
from imagery.sources.http import Http, HttpLimits
from imagery.sources.privacy import PrivacyMode
from imagery.sources.retry import Retrier, TimeLeft
from imagery.sources.signing import BlobSigner
from imagery.sources.stac_api import EARTH_SEARCH, PLANETARY_COMPUTER, StacApi
from imagery.sources.static import StaticCatalog

SENTINEL2_COLLECTIONS = ("sentinel-2-c1-l2a", "sentinel-2-l2a")
"""Of Earth Search: reprocessed products first, the older collection where these have holes."""


_STORAGE = {EARTH_SEARCH: "Amazon S3", PLANETARY_COMPUTER: "Azure"}
"""Whose machines the files of a catalogue lie on."""


def open_stac(
    url: str = EARTH_SEARCH,
    collections: Sequence[str] = SENTINEL2_COLLECTIONS,
    *,
    mode: PrivacyMode = PrivacyMode.BOX,
    max_cloud_cover: float = 100.0,
    workers: int = WORKERS,
    retrier: Retrier | None = None,
    limits: Limits | None = None,
    time_left: TimeLeft | None = None,
) -> list[SceneSource]:
    """Ranked sources of one API (one per collection, sharing session, retries and threads), or of one folder.

    Args:
        url: root of a STAC API, or the path of a static catalogue.
        collections: ranked; unused for a static catalogue.
        mode: what searches and reads give away.
        max_cloud_cover: percent of the whole tile.
        workers: files in flight.
        retrier: of everything.
        limits: of what is taken in.
        time_left: of the run.

    Raises:
        SettingsError: where a path is not there, or no collection is named.
    """
    retrier = retrier or Retrier(time_left=time_left)
    http = Http(limits=HttpLimits(sizes=limits or Limits()), time_left=time_left or TimeLeft())
    if "://" not in url:
        path = Path(url).expanduser()
        if not path.exists():
            raise SettingsError(f"{path}: no such catalogue; an API's address begins with https://")
        return [StaticCatalog(path, reader=CogReader(http=http, retrier=retrier, workers=workers))]
    if not collections:
        raise SettingsError(f"{url}: name at least one collection")
    signer = BlobSigner(http=http, retrier=retrier) if url.startswith(PLANETARY_COMPUTER) else None
    reader = CogReader(http=http, retrier=retrier, signer=signer, workers=workers, mode=mode)
    return [
        StacApi(
            url,
            collection,
            http=http,
            retrier=retrier,
            reader=reader,
            mode=mode,
            max_cloud_cover=max_cloud_cover,
        )
        for collection in collections
    ]


def who_learns_what(
    sources: Sequence[SceneSource], *, mode: PrivacyMode = PrivacyMode.BOX
) -> list[tuple[str, str]]:
    """For `doctor`: each provider, and what a run tells it."""
    return [(source.name, _learns(source.name, mode)) for source in sources]


def _learns(name: str, mode: PrivacyMode) -> str:
    kind, _, place = name.partition(":")
    if kind == "static":
        return "nothing: read from disk (files that it names by URL are read from there)"
    if kind == "sentinelhub":
        return "your account; searches on boxes snapped to 0.1 degrees; the crop's very box and dates"
    if kind == "cdse":
        if mode is PrivacyMode.TILE:
            return "your account; tile ids and dates; its store: that whole tiles are read"
        return "your account; boxes snapped to 0.1 degrees; its store: which parts of which files are read"
    storage = next((who for url, who in _STORAGE.items() if place.split("/")[0] in url), "its storage")
    if mode is PrivacyMode.TILE:
        return f"your address; tile ids and dates; {storage}: that whole tiles are read"
    return f"your address; boxes snapped to 0.1 degrees; {storage}: which parts of which files are read"
