"""Sources from settings: which classes stand behind which words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evidence.errors import SettingsError
from imagery.records import SceneSource
from imagery.sources.cog import WORKERS, CogReader
from imagery.sources.http import Http
from imagery.sources.privacy import PrivacyMode
from imagery.sources.retry import Retrier
from imagery.sources.signing import BlobSigner
from imagery.sources.stac_api import EARTH_SEARCH, PLANETARY_COMPUTER, StacApi
from imagery.sources.static import StaticCatalog

SENTINEL2_COLLECTIONS = ("sentinel-2-c1-l2a", "sentinel-2-l2a")
"""Of Earth Search: reprocessed products first, the older collection where these have holes."""


def open_stac(
    url: str = EARTH_SEARCH,
    collections: Sequence[str] = SENTINEL2_COLLECTIONS,
    *,
    mode: PrivacyMode = PrivacyMode.BOX,
    max_cloud_cover: float = 100.0,
    workers: int = WORKERS,
    retrier: Retrier | None = None,
) -> list[SceneSource]:
    """Ranked sources of one API (one per collection, sharing session, retries and threads), or of one folder.

    Args:
        url: root of a STAC API, or the path of a static catalogue.
        collections: ranked; unused for a static catalogue.
        mode: what searches and reads give away.
        max_cloud_cover: percent of the whole tile.
        workers: files in flight.
        retrier: of everything.

    Raises:
        SettingsError: where a path is not there, or no collection is named.
    """
    if "://" not in url:
        path = Path(url).expanduser()
        if not path.exists():
            raise SettingsError(f"{path}: no such catalogue; an API's address begins with https://")
        return [StaticCatalog(path)]
    if not collections:
        raise SettingsError(f"{url}: name at least one collection")
    retrier, http = retrier or Retrier(), Http()
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
    told = []
    for source in sources:
        kind = source.name.split(":", 1)[0]
        if kind == "static":
            told.append((source.name, "nothing: read from disk"))
        elif kind == "sentinelhub":
            told.append(
                (
                    source.name,
                    "your account; searches on boxes snapped to 0.1 degrees; the crop's very box and dates",
                )
            )
        elif mode is PrivacyMode.TILE:
            told.append((source.name, "your address; tile ids and dates; whole tiles are read"))
        else:
            told.append(
                (
                    source.name,
                    "your address; boxes snapped to 0.1 degrees; which parts of which files are read",
                )
            )
    return told
