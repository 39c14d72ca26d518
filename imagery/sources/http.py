"""One exchange over HTTP: bounded in time and length, every failure a `SourceError` without secrets."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from evidence.errors import SourceError
from imagery.sources.addresses import public_url
from imagery.sources.retry import RETRIED_STATUS, RetryableError, retry_after_s

USER_AGENT = "python-requests"
"""Neutral: says nothing about who looks, or why."""

KEPT_HEADERS = ("date", "etag", "last-modified", "content-type", "content-length", "x-processingunits-spent")
"""Of a response; credentials and cookies are never among them."""

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """How long one exchange may take."""

    connect_s: float = 10.0
    silence_s: float = 30.0
    """Between two pieces of the body."""
    whole_s: float = 300.0
    most_bytes: int = 1 << 30


@dataclass(slots=True, kw_only=True)
class Http:
    """A session with limits."""

    limits: HttpLimits = field(default_factory=HttpLimits)
    milliseconds: bool = False
    """Whether the provider states Retry-After in milliseconds."""
    clock: Callable[[], float] = time.monotonic
    session: requests.Session = field(default_factory=requests.Session)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One exchange, whole body read; no status is judged.

        Raises:
            RetryableError: connection refused, reset, stalled, cut short or too slow.
        """
        shown, limits = public_url(url), self.limits
        sent = {"User-Agent": USER_AGENT, **(headers or {})}
        try:
            with self.session.request(
                method,
                url,
                headers=sent,
                json=json,
                data=form,
                stream=True,
                timeout=(limits.connect_s, limits.silence_s),
            ) as response:
                response._content = self._body(response, shown)  # noqa: SLF001 - what `.content` would cache
                return response
        except requests.RequestException as error:
            raise RetryableError(f"{shown}: {_plain(error)}", url=shown) from error

    def _body(self, response: requests.Response, shown: str) -> bytes:
        started, parts, size = self.clock(), [], 0
        for chunk in response.iter_content(_CHUNK):
            parts.append(chunk)
            size += len(chunk)
            if self.clock() - started > self.limits.whole_s:
                raise RetryableError(
                    f"{shown}: body not complete after {self.limits.whole_s:.0f} s", url=shown
                )
            if size > self.limits.most_bytes:
                raise SourceError(f"{shown}: body larger than {self.limits.most_bytes} bytes", url=shown)
        return b"".join(parts)

    def judge(self, response: requests.Response) -> requests.Response:
        """The response, if it is a success.

        Raises:
            RetryableError: 408, 429, 5xx.
            SourceError: any other failure.
        """
        if response.ok:
            return response
        shown, status = public_url(str(response.url)), response.status_code
        message = f"{shown}: HTTP {status} {server_message(response)}".rstrip()
        if status in RETRIED_STATUS:
            asked = retry_after_s(
                response.headers.get("Retry-After"),
                now=dt.datetime.now(dt.UTC),
                milliseconds=self.milliseconds,
            )
            raise RetryableError(message, status=status, url=shown, retry_after_s=asked)
        raise SourceError(message, status=status, url=shown)


def kept_headers(response: requests.Response) -> dict[str, str]:
    """The headers that are archived."""
    return {key.lower(): value for key, value in response.headers.items() if key.lower() in KEPT_HEADERS}


def server_message(response: requests.Response) -> str:
    """What the server says went wrong, in one short line."""
    try:
        body = response.json()
    except ValueError:
        return ""
    error = body.get("error", body) if isinstance(body, dict) else {}
    said = error.get("message") or error.get("description") or "" if isinstance(error, dict) else error
    return str(said).splitlines()[0][:200] if said else ""


def _plain(error: BaseException) -> str:
    """An exception of requests in few words; its own text repeats the whole request."""
    cause = error
    while cause.__context__ is not None and not isinstance(cause.__context__, SourceError):
        cause = cause.__context__
    words = public_url(str(cause)).splitlines()
    return f"{type(error).__name__} ({words[0][:160]})" if words else type(error).__name__
