"""sentinelhub-py's client with our limits: tokens renewed once, no hidden retries, no endless waiting."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests
from sentinelhub.config import SHConfig
from sentinelhub.data_collections import DataCollection
from sentinelhub.download.sentinelhub_client import SentinelHubDownloadClient
from sentinelhub.download.session import SentinelHubSession
from sentinelhub.exceptions import BaseSentinelHubException, DownloadFailedException

from evidence.errors import SettingsError, SourceError
from imagery.records import finite_number
from imagery.sources.addresses import is_private
from imagery.sources.budget import Purse, UnitBudget
from imagery.sources.http import Http, read_json, server_message
from imagery.sources.retry import QuotaError, Retrier, RetryableError
from imagery.sources.signing import checked_token

COMMERCIAL = "https://services.sentinel-hub.com"
DATA_SPACE = "https://sh.dataspace.copernicus.eu"
DATA_SPACE_TOKEN = "https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token"  # noqa: S105 - an address
RENEW_BEFORE_END_S = 60
"""Assumed."""
LONGEST_TOKEN_S = 30 * 86_400


def sentinelhub_config(
    profile: str | None = None, *, base_url: str | None = None, token_url: str | None = None
) -> SHConfig:
    """Credentials and addresses from the environment or the sentinelhub profile; nothing is written.

    Args:
        profile: of sentinelhub-py's config file; the default one where None.
        base_url: overrides the profile's deployment.
        token_url: overrides the profile's; Copernicus Data Space's is known.

    Raises:
        SettingsError: where there are no credentials, or no such profile.
    """
    if Path(SHConfig.get_config_location()).is_file():
        try:
            config = SHConfig(profile=profile)
        except KeyError as error:
            raise SettingsError(f"sentinelhub has no profile {profile!r}") from error
    else:  # creating a default SHConfig would write the file
        config = SHConfig(use_defaults=True)
        config.sh_client_id = os.environ.get("SH_CLIENT_ID", "")
        config.sh_client_secret = os.environ.get("SH_CLIENT_SECRET", "")
    if base_url:
        config.sh_base_url = base_url.rstrip("/")
    if token_url or config.sh_base_url == DATA_SPACE:
        config.sh_token_url = token_url or DATA_SPACE_TOKEN
    if not (config.sh_client_id and config.sh_client_secret):
        raise SettingsError(
            "Sentinel Hub needs credentials: SH_CLIENT_ID and SH_CLIENT_SECRET, or a sentinelhub profile"
        )
    for url in (config.sh_base_url, config.sh_token_url):
        if not url.startswith("https://") and not is_private(url):
            raise SettingsError(f"{url}: credentials are sent over https:// only")
    config.max_download_attempts = 1  # every retry is ours
    config.download_sleep_time = 0
    return config


def collection_at(collection: DataCollection, base_url: str) -> DataCollection:
    """`collection` at a deployment; the library's own always points to the commercial one.

    Definitions are global to the process and may exist once only, under whatever name.
    """
    for known in DataCollection.get_available_collections():
        if known.api_id == collection.api_id and known.value == _at(collection, base_url):
            return known
    name = f"{collection.name}_AT_{base_url}"
    return collection.define_from(name, service_url=base_url)


def _at(collection: DataCollection, base_url: str) -> Any:
    return collection.value.derive(service_url=base_url)


class Tokens:
    """One session for all threads; a refused token is replaced once."""

    def __init__(self, config: SHConfig, http: Http) -> None:
        """Nothing is sent yet."""
        self._config, self._http = config, http
        self._session: SentinelHubSession | None = None
        self._lock = threading.Lock()

    def headers(self) -> dict[str, str]:
        """An Authorization header that is good for a while."""
        with self._lock:
            if self._session is None:
                self._session = _Session(self._config, self._http)
            return dict(self._session.session_headers)

    def refused(self, headers: Mapping[str, str]) -> None:
        """Forget the token that `headers` carry, unless another thread already has."""
        with self._lock:
            current = self._session
            if current is not None and dict(current.session_headers) == {
                "Authorization": headers.get("Authorization")
            }:
                self._session = None


class _Session(SentinelHubSession):
    """The library's session; the exchange itself goes through our limits."""

    def __init__(self, config: SHConfig, http: Http) -> None:
        self._http = http
        super().__init__(config, refresh_before_expiry=RENEW_BEFORE_END_S)

    def _collect_new_token(self) -> dict[str, Any]:
        url = str(self.config.sh_token_url)
        form = {
            "grant_type": "client_credentials",
            "client_id": self.config.sh_client_id,
            "client_secret": self.config.sh_client_secret,
        }
        response = self._http.send(
            "POST", url, form=form, secret=True, most_bytes=self._http.limits.sizes.small_bytes
        )
        if response.status_code in {400, 401, 403}:
            raise SourceError(
                f"{url}: HTTP {response.status_code}, credentials not accepted: {server_message(response)}",
                status=response.status_code,
                url=url,
            )
        try:
            answer = self._http.judge(response)
            token = dict(read_json(answer.content, self._http.limits.sizes, label=url))
            token["expires_at"] = time.time() + _lifetime_s(token["expires_in"])
            checked_token(token["access_token"])
        except (ValueError, KeyError, TypeError) as error:
            raise RetryableError(f"{url}: answered something other than a token", url=url) from error
        return token


def _lifetime_s(stated: object) -> float:
    seconds = finite_number(stated)
    if seconds is None or not 0 < seconds <= LONGEST_TOKEN_S:
        raise ValueError("a lifetime that is none")
    return seconds


class Client(SentinelHubDownloadClient):
    """Sends the library's requests; one object per call, since its lock is."""

    def __init__(
        self, config: SHConfig, *, tokens: Tokens, http: Http, on_quota: Callable[[str], None]
    ) -> None:
        """Share tokens and session with other clients.

        Args:
            config: credentials and addresses.
            tokens: for all threads.
            http: session and limits.
            on_quota: told when the provider refuses for the month.
        """
        super().__init__(config=config)
        self._tokens, self._http, self._on_quota = tokens, http, on_quota

    def _get_session_headers(self) -> dict[str, str]:
        return self._tokens.headers()

    def _do_download(self, request: Any) -> requests.Response:
        headers = self._prepare_headers(request)
        response = self._send(request, headers)
        if response.status_code == requests.codes.unauthorized and request.use_session:
            self._tokens.refused(headers)
            response = self._send(request, self._prepare_headers(request))
        if response.status_code == requests.codes.forbidden:
            said = server_message(response)
            self._on_quota(said or "HTTP 403")
            raise QuotaError(f"{request.url}: HTTP 403 {said}".rstrip(), status=403, url=str(request.url))
        return self._http.judge(response)

    def _send(self, request: Any, headers: Mapping[str, str]) -> requests.Response:
        sizes, pixels = self._http.limits.sizes, "evalscript" in (request.post_values or {})
        response = self._http.send(
            request.request_type.value,
            request.url,
            headers=headers,
            json=request.post_values,
            secret=True,
            most_bytes=sizes.answer_bytes if pixels else sizes.document_bytes,
        )
        if response.ok and not pixels:  # the library parses it: whatever it is must be small
            read_json(response.content, sizes, label=str(request.url))
        return response


def plain_failure(error: Exception) -> SourceError:
    """What the library raises, as ours."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, DownloadFailedException) and error.request_exception is not None:
        error = error.request_exception
    if isinstance(error, ValueError):
        return RetryableError(f"Sentinel Hub answered something other than JSON: {error}")
    return SourceError(
        f"Sentinel Hub: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    )


Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidLine:
    """Credentials, session, retries and budget of one deployment."""

    config: SHConfig
    tokens: Tokens
    http: Http
    retrier: Retrier
    budget: UnitBudget

    def client(self) -> Client:
        """The library's client with our limits; one per exchange, since its lock is per object."""
        return Client(self.config, tokens=self.tokens, http=self.http, on_quota=self.budget.refuse)

    def ask(
        self, action: Callable[[], tuple[Answer, float | None]], purse: Purse, *, units: float, what: str
    ) -> Answer:
        """The answer of `action`, tried as often as the retrier allows; an answer that is an error is free.

        Args:
            action: sends one request; gives its answer and the units that the provider says it took.
            purse: pays for each attempt.
            units: price of an attempt.
            what: is asked for, in words.

        Raises:
            QuotaError: where the purse cannot pay.
            SourceError: where no attempt succeeds.
        """

        def attempt() -> Answer:
            purse.take(units)
            try:
                answer, spent = action()
            except SourceError as error:
                if error.status is not None:
                    purse.give_back(units)  # only answers of 2xx cost
                raise
            except (BaseSentinelHubException, ValueError, KeyError, TypeError, AttributeError) as error:
                raise plain_failure(error) from error
            if spent is not None:
                purse.give_back(units - spent)
            return answer

        return self.retrier.call(attempt, what=what)
