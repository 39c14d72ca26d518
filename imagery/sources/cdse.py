"""Copernicus Data Space without processing units: searched through STAC, read from its object store.

With a user's own S3 keys the parts of JPEG 2000 files that a window touches are read; with an account alone
whole files are downloaded (OpenID Connect). Items name both places of a file.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evidence.errors import SettingsError
from evidence.limits import Limits
from imagery.records import Product
from imagery.sources.cog import CogReader
from imagery.sources.http import Http, HttpLimits, limited_session
from imagery.sources.items import plain_item, product_from_item
from imagery.sources.privacy import PrivacyMode
from imagery.sources.retry import Retrier, TimeLeft
from imagery.sources.signing import Account, BearerTokens, S3Keys, S3Signer, Signer
from imagery.sources.stac_api import StacApi

CDSE_COLLECTIONS = ("sentinel-2-l2a",)


@dataclass(frozen=True, slots=True, kw_only=True)
class CdseAddresses:
    """Where the Copernicus Data Space answers (its documentation, 2025; recorded items, 2025 and 2026)."""

    stac_url: str = "https://stac.dataspace.copernicus.eu/v1"
    s3_url: str = "https://eodata.dataspace.copernicus.eu"
    token_url: str = "https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token"  # noqa: S105 - an address
    download_url: str = "https://zipper.dataspace.copernicus.eu"
    connections: int = 4
    """At once per host, as its quotas allow (documented)."""


def open_cdse(  # noqa: PLR0913 - credentials, and what every source takes
    collections: Sequence[str] = CDSE_COLLECTIONS,
    *,
    keys: S3Keys | None = None,
    account: Account | None = None,
    addresses: CdseAddresses | None = None,
    mode: PrivacyMode = PrivacyMode.BOX,
    max_cloud_cover: float = 100.0,
    limits: Limits | None = None,
    retrier: Retrier | None = None,
    time_left: TimeLeft | None = None,
) -> list[StacApi]:
    """Ranked sources, one per collection, sharing session, retries and threads.

    Args:
        collections: ranked.
        keys: of the object store; they go before an account.
        account: for downloads of whole files, where there are no keys.
        addresses: of the services.
        mode: what searches and reads give away.
        max_cloud_cover: percent of the whole tile.
        limits: of what is taken in.
        retrier: of everything.
        time_left: of the run.

    Raises:
        SettingsError: where there are neither keys nor an account.
    """
    here, retrier = addresses or CdseAddresses(), retrier or Retrier(time_left=time_left)
    http = Http(
        limits=HttpLimits(sizes=limits or Limits()),
        time_left=time_left or TimeLeft(),
        session=limited_session(here.connections),
    )
    signer: Signer
    if keys is not None:
        signer = S3Signer(keys, here.s3_url)
    elif account is not None:
        signer = BearerTokens(
            account, token_url=here.token_url, download_url=here.download_url, http=http, retrier=retrier
        )
    else:
        raise SettingsError(
            "Copernicus Data Space: neither S3 keys nor an account; set CAMPWATCH_CDSE__ACCESS_KEY and "
            "CAMPWATCH_CDSE__SECRET_KEY (or __USERNAME and __PASSWORD) in the environment"
        )
    reader = CogReader(http=http, retrier=retrier, signer=signer, workers=here.connections, mode=mode)
    return [
        StacApi(
            here.stac_url,
            collection,
            name=f"cdse:{urllib.parse.urlsplit(here.stac_url).hostname}/{collection}",
            http=http,
            retrier=retrier,
            reader=reader,
            mode=mode,
            max_cloud_cover=max_cloud_cover,
            make=_from_store(here.s3_url) if keys is not None else _from_downloads,
            whole_files=keys is None,
        )
        for collection in collections
    ]


Make = Callable[[object, str], Product]


def _from_store(endpoint: str) -> Make:
    """Products whose files lie in the object store, under path-style addresses."""

    def resolve(href: str) -> str:
        if not href.startswith("s3://"):
            return href
        return f"{endpoint.rstrip('/')}/{urllib.parse.quote(href.removeprefix('s3://'), safe='/-_.~')}"

    return lambda item, source: product_from_item(item, source=source, resolve=resolve)


def _from_downloads(item: object, source: str) -> Product:
    """A product whose files are downloaded from the addresses that its assets name beside the store's."""
    plain = plain_item(item)
    assets = plain.get("assets")
    moved = {key: _download(asset) for key, asset in assets.items()} if isinstance(assets, dict) else assets
    return replace(product_from_item({**plain, "assets": moved}, source=source), item=plain)


def _download(asset: Any) -> Any:
    alternate = asset.get("alternate") if isinstance(asset, Mapping) else None
    other = alternate.get("https") if isinstance(alternate, Mapping) else None
    href = other.get("href") if isinstance(other, Mapping) else None
    return {**asset, "href": href} if isinstance(href, str) else asset
