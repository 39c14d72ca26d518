"""Pages of a STAC API through pystac-client, which takes long to load: imported where an API is searched."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from pystac_client import ItemSearch
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO

from evidence.errors import SourceError
from imagery.sources.addresses import public_url, shown, step_refused
from imagery.sources.http import Http, read_json
from imagery.sources.retry import Retrier, RetryableError


def pages(root: str, http: Http, retrier: Retrier, **asked: Any) -> Iterator[Mapping[str, Any]]:
    """Answers of an item search, one after the other.

    Args:
        root: of the API.
        http: session and limits.
        retrier: of every request.
        asked: what `pystac_client.ItemSearch` takes: collections, datetime, limit, bbox, query.

    Raises:
        SourceError: where a page cannot be had.
        ValueError: where an answer is none of a STAC API.
    """
    io = _RetryingIO(http, retrier, root)
    try:
        yield from ItemSearch(url=f"{root}/search", method="POST", stac_io=io, **asked).pages_as_dicts()
    except APIError as error:
        raise ValueError(str(error)) from error


class _RetryingIO(StacApiIO):
    """pystac-client's requests, sent through our session, limits and retries."""

    def __init__(self, http: Http, retrier: Retrier, root: str) -> None:
        super().__init__(max_retries=None)
        self._http, self._retrier, self._root = http, retrier, root

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        verb = (method or "GET").upper()
        refused = step_refused(self._root, str(href), secret=True)
        if refused is not None:
            raise SourceError(f"{self._root}: a page that leads {refused} is not asked for", url=self._root)
        if verb == "GET" and parameters:
            href = f"{href}?{urllib.parse.urlencode(parameters)}"
        return self._retrier.call(
            lambda: self._once(verb, href, headers, parameters if verb != "GET" else None), what="search"
        )

    def _once(self, verb: str, href: str, headers: dict[str, str] | None, body: dict[str, Any] | None) -> str:
        response = self._http.judge(self._http.send(verb, href, headers=headers, json=body))
        try:
            document = read_json(response.content, self._http.limits.sizes, label=public_url(href))
        except RetryableError as error:
            kind = shown(response.headers.get("Content-Type", "no content type"))
            raise RetryableError(f"{public_url(href)}: answered {kind} instead of JSON", url=href) from error
        if not isinstance(document, dict) or not isinstance(document.get("features"), list):
            label = public_url(href)  # the library takes an answer without features for the end of the list
            raise SourceError(f"{label}: answered something other than items", url=label)
        return response.content.decode("utf-8-sig")
