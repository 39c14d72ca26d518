"""One exchange over HTTP: bounded in time and length, every failure a `SourceError` without secrets."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import IO, Any

import requests
from requests.adapters import HTTPAdapter

from evidence.errors import SourceError
from imagery.sources.addresses import public_url
from imagery.sources.retry import RETRIED_STATUS, RetryableError, retry_after_s

USER_AGENT = "python-requests"
"""Neutral: says nothing about who looks, or why."""

KEPT_HEADERS = ("date", "etag", "last-modified", "content-type", "content-length", "x-processingunits-spent")
"""Of a response; credentials and cookies are never among them."""

_CHUNK = 1 << 16
CONNECTIONS = 64
"""Kept open per host; more than any reader has in flight."""


class _WithoutQueries(logging.Filter):
    """Cuts the query from paths that urllib3 logs when somebody asks for its every word: signatures."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.split("?", 1)[0] if isinstance(arg, str) and arg.startswith(("/", "http")) else arg
                for arg in record.args
            )
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutQueries())


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """How long one exchange may take."""

    connect_s: float = 10.0
    silence_s: float = 30.0
    """Between two pieces of the body."""
    whole_s: float = 600.0
    download_s: float = 3600.0
    """Of a body that goes to a file: a whole tile, beside fifteen others, on a slow line."""
    slow_s: float = 15.0
    """A body that comes more slowly than `least_bytes_per_s` for so long has stalled."""
    least_bytes_per_s: float = 2000.0
    most_bytes: int = 1 << 30


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No credentials but ours: without this, requests would take what ~/.netrc has for the host."""
    return request


def _session() -> requests.Session:
    session = requests.Session()
    session.auth = _as_it_is
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
    return session


@dataclass(slots=True, kw_only=True)
class Http:
    """A session with limits."""

    limits: HttpLimits = field(default_factory=HttpLimits)
    milliseconds: bool = False
    """Whether the provider states Retry-After in milliseconds."""
    clock: Callable[[], float] = time.monotonic
    session: requests.Session = field(default_factory=_session)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        sink: IO[bytes] | None = None,
        skip_body_of: int | None = None,
    ) -> requests.Response:
        """One exchange, whole body read; no status is judged.

        Args:
            method: GET, POST, …
            url: with whatever signature it needs.
            headers: beyond the neutral User-Agent.
            json: body.
            form: body, URL-encoded.
            sink: takes the body of a success, instead of memory.
            skip_body_of: a status whose body nobody wants.

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
                unwanted = response.status_code == skip_body_of
                body = b"" if unwanted else self._body(response, shown, sink)
                response._content = body  # noqa: SLF001 - what `.content` would cache
                return response
        except requests.RequestException as error:
            raise RetryableError(f"{shown}: {_plain(error)}", url=shown) from error

    def _body(self, response: requests.Response, shown: str, sink: IO[bytes] | None) -> bytes:
        limits = self.limits
        pace = _Pace(
            limits if sink is None else replace(limits, whole_s=limits.download_s), self.clock, shown
        )
        parts: list[bytes] = []
        keep = sink.write if sink is not None and response.ok else parts.append
        for chunk in response.iter_content(_CHUNK):
            keep(chunk)
            pace.took(len(chunk))
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


class _Pace:
    """Breaks off a body that is too slow, too long, or too large."""

    def __init__(self, limits: HttpLimits, clock: Callable[[], float], shown: str) -> None:
        self._limits, self._clock, self._shown = limits, clock, shown
        self._size = self._marked = 0
        self._started = self._mark = clock()

    def took(self, count: int) -> None:
        limits, now = self._limits, self._clock()
        self._size += count
        if self._size > limits.most_bytes:
            raise SourceError(f"{self._shown}: body larger than {limits.most_bytes} bytes", url=self._shown)
        if now - self._started > limits.whole_s:
            raise RetryableError(
                f"{self._shown}: body not complete after {limits.whole_s:.0f} s", url=self._shown
            )
        if now - self._mark >= limits.slow_s:
            rate = (self._size - self._marked) / (now - self._mark)
            if rate < limits.least_bytes_per_s:
                raise RetryableError(f"{self._shown}: stalled at {rate:.0f} bytes/s", url=self._shown)
            self._mark, self._marked = now, self._size


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
