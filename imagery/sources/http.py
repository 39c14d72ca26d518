"""One exchange over HTTP: bounded in time and length, every failure a `SourceError` without secrets."""

from __future__ import annotations

import datetime as dt
import json
import logging
import socket
import threading
import time
import urllib.parse
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import IO, Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from evidence.errors import SourceError
from evidence.limits import Limits
from imagery.sources.addresses import public_url, shown, step_refused
from imagery.sources.retry import RETRIED_STATUS, NoAnswerError, RetryableError, TimeLeft, retry_after_s

USER_AGENT = "python-requests"
"""Neutral: says nothing about who looks, or why."""

KEPT_HEADERS = ("date", "etag", "last-modified", "content-type", "content-length", "x-processingunits-spent")
"""Of a response; credentials and cookies are never among them."""

_CHUNK = 1 << 16
CONNECTIONS = 64
"""Kept open per host; more than any reader has in flight. Assumed."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 4
"""Followed one after the other. Assumed: providers use one or two."""


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
    """How long one exchange may take, and how much may come."""

    connect_s: float = 10.0
    silence_s: float = 30.0
    """Between two pieces of an answer."""
    headers_s: float = 60.0
    """From the request to the end of the headers, however steadily they drip."""
    whole_s: float = 600.0
    download_s: float = 3600.0
    """Of a body that goes to a file: a whole tile, beside fifteen others, on a slow line."""
    slow_s: float = 15.0
    """A body that comes more slowly than `least_bytes_per_s` for so long has stalled."""
    least_bytes_per_s: float = 2000.0
    sizes: Limits = field(default_factory=Limits)


class _Deadlines:
    """Cuts connections whose time is up: a socket's own time-out begins anew with every byte."""

    def __init__(self) -> None:
        self._ends: dict[object, tuple[float, socket.socket]] = {}
        self._changed = threading.Condition()
        self._running = False

    def cut(self, key: object, line: socket.socket, seconds: float) -> None:
        """Shut `line` down unless `keep` is called, or this anew, within so many seconds."""
        with self._changed:
            self._ends[key] = time.monotonic() + seconds, line
            if not self._running:
                self._running = True
                threading.Thread(target=self._watch, name="deadlines", daemon=True).start()
            self._changed.notify()

    def keep(self, key: object) -> bool:
        """End the watch; returns whether it had not cut the line."""
        with self._changed:
            return self._ends.pop(key, None) is not None

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for key in [key for key, (end, _) in self._ends.items() if end <= now]:
                    _, line = self._ends.pop(key)
                    with suppress(OSError):
                        line.shutdown(socket.SHUT_RDWR)
                soonest = min((end for end, _ in self._ends.values()), default=now + 60.0)
                self._changed.wait(max(0.01, soonest - now))


_DEADLINES = _Deadlines()
_EXCHANGE = threading.local()
"""What this thread is sending: the connections tell it their lines."""


class _Timed:
    """A connection that knows a second handle of its line: TLS and proxies take the first for themselves."""

    _line: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        line: socket.socket = super()._new_conn()  # type: ignore[misc]
        self._line = line.dup()
        self._watch()
        return line

    def request(self, *args: Any, **options: Any) -> None:
        self._watch()
        super().request(*args, **options)  # type: ignore[misc]

    def close(self) -> None:
        super().close()  # type: ignore[misc]
        if self._line is not None:
            self._line.close()
            self._line = None

    def _watch(self) -> None:
        exchange: _Exchange | None = getattr(_EXCHANGE, "current", None)
        if exchange is not None and self._line is not None:
            exchange.line = self._line
            exchange.until(exchange.headers_s)


class _PlainConnection(_Timed, HTTPConnection):
    """HTTP with a deadline."""


class _SecureConnection(_Timed, HTTPSConnection):
    """HTTPS with a deadline."""


class _Adapter(HTTPAdapter):
    """Connections with deadlines, directly and through proxies."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS = {
    "http": type("_PlainPool", (HTTPConnectionPool,), {"ConnectionCls": _PlainConnection}),
    "https": type("_SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": _SecureConnection}),
}


@dataclass(slots=True, kw_only=True, eq=False)
class _Exchange:
    """One request under way, with its deadline."""

    limits: HttpLimits
    headers_s: float
    line: socket.socket | None = None
    expired: bool = False

    def until(self, seconds: float) -> None:
        """The answer, or its next part, must be there within so many seconds."""
        if self.line is not None:
            _DEADLINES.cut(self, self.line, seconds)

    def __enter__(self) -> Self:
        _EXCHANGE.current = self
        return self

    def __exit__(self, *_: object) -> None:
        _EXCHANGE.current = None
        self.expired = self.line is not None and not _DEADLINES.keep(self)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No credentials but ours: without this, requests would take what ~/.netrc has for the host."""
    return request


def limited_session(connections: int) -> requests.Session:
    """A session that keeps no more connections to a host than its provider allows; who is late waits."""
    return _session(pool_maxsize=connections, pool_block=True)


def _session(**pool: Any) -> requests.Session:
    session = requests.Session()
    session.auth = _as_it_is
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(**{"pool_maxsize": CONNECTIONS, **pool}))
    return session


@dataclass(slots=True, kw_only=True)
class Http:
    """A session with limits."""

    limits: HttpLimits = field(default_factory=HttpLimits)
    milliseconds: bool = False
    """Whether the provider states Retry-After in milliseconds."""
    clock: Callable[[], float] = time.monotonic
    session: requests.Session = field(default_factory=_session)
    time_left: TimeLeft = field(default_factory=TimeLeft)
    """Of the run: no exchange goes on past it."""

    def send(  # noqa: PLR0913 - a request has many parts
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        sink: IO[bytes] | None = None,
        skip_body_of: int | None = None,
        secret: bool = False,
        most_bytes: int | None = None,
    ) -> requests.Response:
        """One exchange, whole body read; no status is judged.

        Redirects are followed for GET alone, a few times, never from https to http, never into the local
        network, and with a credential or a body not at all.

        Args:
            method: GET, POST, …
            url: with whatever signature it needs.
            headers: beyond the neutral User-Agent.
            json: body.
            form: body, URL-encoded.
            sink: takes the body of a success, instead of memory.
            skip_body_of: a status whose body nobody wants.
            secret: whether url or headers carry what only this host may see.
            most_bytes: of a success's body in memory, once decoded; by default that of a document.

        Raises:
            RetryableError: connection refused, reset, stalled, cut short or too slow.
            SourceError: a redirect that is not followed, a body that is too large.
        """
        most = self.limits.sizes.file_bytes if sink is not None else most_bytes
        most = self.limits.sizes.document_bytes if most is None else most
        fixed = secret or form is not None or json is not None or method.upper() not in {"GET", "HEAD"}
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate", **(headers or {})}
        for _ in range(MOST_REDIRECTS + 1):
            response = self._once(method, url, sent, json, form, sink, skip_body_of, most)
            if response.status_code not in REDIRECTS or "Location" not in response.headers:
                return response
            try:
                target = urllib.parse.urljoin(url, response.headers["Location"])
                refused = step_refused(url, target, secret=fixed)
            except ValueError:
                refused = "to no address"
            if refused is None and fixed:
                refused = "of a request that carries a credential or a body"
            if refused is not None:
                raise SourceError(
                    f"{public_url(url)}: HTTP {response.status_code}, a redirect {refused}: not followed",
                    status=response.status_code,
                    url=public_url(url),
                )
            url = target
        raise SourceError(f"{public_url(url)}: more than {MOST_REDIRECTS} redirects", url=public_url(url))

    def _once(
        self,
        method: str,
        url: str,
        sent: Mapping[str, str],
        json: Any,
        form: Mapping[str, str] | None,
        sink: IO[bytes] | None,
        skip_body_of: int | None,
        most: int,
    ) -> requests.Response:
        label, limits = public_url(url), self.limits
        left = self.time_left.seconds()
        if left <= 0:
            raise SourceError(f"{label}: not asked for, the time of this run is up", url=label)
        exchange = _Exchange(limits=limits, headers_s=min(limits.headers_s, left))
        try:
            with (
                exchange,
                self.session.request(
                    method,
                    url,
                    headers=sent,
                    json=json,
                    data=form,
                    stream=True,
                    allow_redirects=False,
                    timeout=(limits.connect_s, limits.silence_s),
                ) as response,
            ):
                unwanted = response.status_code == skip_body_of or response.status_code in REDIRECTS
                whole = min(limits.whole_s if sink is None else limits.download_s, self.time_left.seconds())
                exchange.until(whole)
                body = b"" if unwanted else self._body(response, label, sink, whole, most)
                response._content = body  # noqa: SLF001 - what `.content` would cache
                return response
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            said = "no complete answer in time" if exchange.expired else _plain(error)
            raise NoAnswerError(f"{label}: {said}", url=label) from error

    def _body(
        self, response: requests.Response, label: str, sink: IO[bytes] | None, whole_s: float, most: int
    ) -> bytes:
        if not response.ok:
            sink, most = None, self.limits.sizes.small_bytes
        pace = _Pace(self.limits, self.clock, label, whole_s)
        parts: list[bytes] = []
        size = 0
        for piece in _decoded(_pieces(response, pace), response.headers.get("Content-Encoding", ""), label):
            size += len(piece)
            if size > most:
                raise SourceError(f"{label}: body larger than {most} bytes", url=label)
            (parts.append if sink is None else sink.write)(piece)
        stated = response.headers.get("Content-Length", "")
        if stated.isdecimal() and pace.size < int(stated[:18]):
            raise RetryableError(f"{label}: {pace.size} of {stated} bytes came", url=label)
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


def _pieces(response: requests.Response, pace: _Pace) -> Iterator[bytes]:
    """The body as it comes off the line, each piece when it is there: slowness is seen by time."""
    while piece := response.raw.read1(_CHUNK, decode_content=False):
        pace.took(len(piece))
        yield piece


def _decoded(pieces: Iterable[bytes], encoding: str, label: str) -> Iterator[bytes]:
    """The body without its one compression, in pieces of bounded size: a bomb is met piece by piece."""
    kind = encoding.strip().lower()
    if kind in {"", "identity"}:
        yield from pieces
        return
    if kind not in {"gzip", "x-gzip", "deflate"}:
        raise SourceError(f"{label}: a body encoded as {shown(encoding)}", url=label)
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for piece in pieces:
            rest = piece
            while rest and not unpack.eof:
                yield unpack.decompress(rest, _CHUNK)
                rest = unpack.unconsumed_tail
        while not unpack.eof and (rest := unpack.decompress(unpack.unconsumed_tail, _CHUNK)):
            yield rest
    except zlib.error as error:
        raise RetryableError(f"{label}: a body that does not unpack ({error})", url=label) from error
    if not unpack.eof:
        raise RetryableError(f"{label}: a compressed body that ends early", url=label)


class _Pace:
    """Breaks off a body that is too slow or takes too long."""

    def __init__(self, limits: HttpLimits, clock: Callable[[], float], label: str, whole_s: float) -> None:
        self._limits, self._clock, self._label, self._whole_s = limits, clock, label, whole_s
        self.size = self._marked = 0
        self._started = self._mark = clock()

    def took(self, count: int) -> None:
        limits, now = self._limits, self._clock()
        self.size += count
        if now - self._started > self._whole_s:
            raise NoAnswerError(
                f"{self._label}: body not complete after {self._whole_s:.0f} s", url=self._label
            )
        if now - self._mark >= limits.slow_s:
            rate = (self.size - self._marked) / (now - self._mark)
            if rate < limits.least_bytes_per_s:
                raise NoAnswerError(f"{self._label}: stalled at {rate:.0f} bytes/s", url=self._label)
            self._mark, self._marked = now, self.size


def read_json(data: bytes, limits: Limits, *, label: str) -> Any:
    """A JSON document from outside, refused before it is parsed where it would take too much memory.

    Args:
        data: UTF-8 text.
        limits: of size and count.
        label: where it is from, for the message.

    Raises:
        RetryableError: where it is no JSON: a page of an overloaded server.
        SourceError: where it is too large, or too deep.
    """
    values = sum(data.count(sign) for sign in (b"[", b"{", b",", b":"))
    if len(data) > limits.document_bytes or values > limits.document_values:
        raise SourceError(f"{label}: a document of {len(data)} bytes and {values} values is too large")
    try:
        return json.loads(data.decode("utf-8-sig"))
    except RecursionError as error:
        raise SourceError(f"{label}: a document that is nested too deeply") from error
    except ValueError as error:
        raise RetryableError(f"{label}: something other than JSON ({shown(error)})") from error


def kept_headers(response: requests.Response) -> dict[str, str]:
    """The headers that are archived."""
    return {key.lower(): value for key, value in response.headers.items() if key.lower() in KEPT_HEADERS}


def server_message(response: requests.Response) -> str:
    """What the server says went wrong, in one short line."""
    try:
        body = read_json(response.content, Limits(), label="")
    except SourceError:
        return ""
    error = body.get("error", body) if isinstance(body, dict) else {}
    said = error.get("message") or error.get("description") or "" if isinstance(error, dict) else error
    return shown(str(said).strip().splitlines()[0]) if said and str(said).strip() else ""


def _plain(error: BaseException) -> str:
    """An exception of requests in few words; its own text repeats the whole request."""
    cause = error
    while cause.__context__ is not None and not isinstance(cause.__context__, SourceError):
        cause = cause.__context__
    words = public_url(str(cause)).splitlines()
    return f"{type(error).__name__} ({words[0][:160]})" if words else type(error).__name__
