"""Planetary Computer's shared-access signatures: short-lived tokens per container, held in memory only."""

from __future__ import annotations

import datetime as dt
import os
import re
import threading
from collections.abc import Callable

from evidence.errors import SourceError
from imagery.sources.http import Http, read_json
from imagery.sources.items import parse_time
from imagery.sources.retry import Retrier

SAS_URL = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
MARGIN = dt.timedelta(minutes=5)
"""A token is renewed this long before it ends."""

_BLOB = re.compile(r"^https://([^./]+)\.blob\.core\.windows\.net/([^/]+)/")


class BlobSigner:
    """Appends a token to the URLs of Azure containers; other URLs stay as they are."""

    def __init__(
        self,
        *,
        http: Http | None = None,
        retrier: Retrier | None = None,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """Nothing is sent before the first URL is signed."""
        self._http, self._retrier, self._now = http or Http(), retrier or Retrier(), now
        self._tokens: dict[tuple[str, str], tuple[dt.datetime, str]] = {}
        self._lock = threading.Lock()

    def sign(self, href: str) -> str:
        """`href` with a token that is good for some minutes at least."""
        match = _BLOB.match(href)
        if match is None:
            return href
        return f"{href}?{self._token((match[1], match[2]))}"

    def forget(self) -> None:
        """Drop every token: one was refused."""
        with self._lock:
            self._tokens.clear()

    def _token(self, container: tuple[str, str]) -> str:
        with self._lock:
            expiry, token = self._tokens.get(container, (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), ""))
            if expiry - MARGIN <= self._now():
                expiry, token = self._retrier.call(lambda: self._ask(container), what="signature")
                self._tokens[container] = expiry, token
            return token

    def _ask(self, container: tuple[str, str]) -> tuple[dt.datetime, str]:
        root = os.environ.get("PC_SDK_SAS_URL", SAS_URL).rstrip("/")
        key = os.environ.get("PC_SDK_SUBSCRIPTION_KEY")
        headers = {"Ocp-Apim-Subscription-Key": key} if key else {}
        sizes = self._http.limits.sizes
        response = self._http.judge(
            self._http.send(
                "GET",
                f"{root}/{'/'.join(container)}",
                headers=headers,
                secret=bool(key),
                most_bytes=sizes.small_bytes,
            )
        )
        try:
            answer = read_json(response.content, sizes, label=root)
            expiry, token = parse_time(answer["msft:expiry"]), checked_token(answer["token"])
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise SourceError(f"{root}: answered something other than a token", url=root) from error
        return expiry, token


def checked_token(token: object) -> str:
    """A token that can go into a header or an address.

    Raises:
        TypeError: where it is something else.
    """
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        raise TypeError("a token that is none")
    return token
