"""One file behind a URL, read in ranges that are all of the same version of it, or not at all."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO

import requests

from evidence.errors import SourceError
from imagery.sources.addresses import public_url
from imagery.sources.http import Http, kept_headers
from imagery.sources.retry import RetryableError

HEAD_BYTES = 1 << 14
"""First request: holds the directory of a cloud-optimised GeoTIFF of full size."""

LEAST_BYTES = 1 << 12
"""Of a later request: a directory that lies elsewhere comes in one piece rather than tag by tag."""

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_PLAIN = MappingProxyType({"Accept-Encoding": "identity"})


class RangesRefusedError(SourceError):
    """The server answers a request for a range with the whole file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What tells one content of a URL from the next."""

    etag: str | None
    modified: str | None
    size: int

    def differs_from(self, other: Version) -> str | None:
        """In words; None where nothing says that they differ."""
        for name, mine, its in (
            ("ETag", self.etag, other.etag),
            ("Last-Modified", self.modified, other.modified),
            ("size", self.size, other.size),
        ):
            if mine is not None and its is not None and mine != its:
                return f"{name} was {mine}, is {its}"
        return None


class RemoteFile:
    """Bytes of one URL. What was received once is not asked for again, unless the file was replaced."""

    def __init__(self, url: str, http: Http, *, head_bytes: int = HEAD_BYTES) -> None:
        """Nothing is sent yet.

        Args:
            url: signed or not; may be set anew before another attempt.
            http: session and limits.
            head_bytes: length of the first request.

        Raises:
            SourceError: where the address is not one of HTTP.
        """
        if not url.startswith(("https://", "http://")):
            raise SourceError(
                f"{public_url(url)}: only https:// and files on disk are read", url=public_url(url)
            )
        self.url, self._http, self._head_bytes = url, http, head_bytes
        self.credentials: Mapping[str, str] = {}
        """Headers that only this host may see; may be set anew before another attempt."""
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Begin anew: the file was replaced."""
        self._held: dict[tuple[int, int], bytes] = {}
        self._version: Version | None = None
        self._headers: Mapping[str, str] = {}

    @property
    def headers(self) -> Mapping[str, str]:
        """ETag, Last-Modified and the like, as the first answer gave them; no credentials among them."""
        return self._headers

    def read(self, first: int, length: int) -> bytes:
        """Bytes from `first` on, fewer at the end of the file.

        Raises:
            RetryableError: a fault that may pass, or a file that was replaced since the first range.
            RangesRefusedError: the server only sends whole files.
        """
        if self._version is None:
            self._ask(0, max(self._head_bytes, first + length if first == 0 else 0))
        size = self._version.size if self._version else 0
        length = max(0, min(length, size - first))
        if length == 0:
            return b""
        if self._have(first, length) is None:
            self._ask(first, min(max(length, LEAST_BYTES), size - first))
        return self._have(first, length) or b""

    def peek(self, first: int, length: int) -> bytes:
        """Bytes from `first` on, and no more than these.

        Raises:
            RetryableError: as `read`.
        """
        found = self._have(first, length)
        return self._ask(first, length) if found is None else found

    def read_many(self, ranges: Mapping[int, int], pool: Executor) -> None:
        """Ask for several ranges (first byte to length) at once; `read` then answers from memory.

        Raises:
            RetryableError: as `read`.
        """
        wanted = [(first, length) for first, length in ranges.items() if self._have(first, length) is None]
        futures = [pool.submit(self._ask, first, length) for first, length in wanted]
        wait(futures)
        for future in futures:
            future.result()

    def download(self, sink: IO[bytes]) -> None:
        """The whole file in one exchange.

        Raises:
            SourceError: where it does not come.
        """
        sent = {**_PLAIN, **self.credentials}
        response = self._judged(
            self._http.send("GET", self.url, headers=sent, sink=sink, secret=bool(self.credentials))
        )
        self._headers = kept_headers(response)

    def _have(self, first: int, length: int) -> bytes | None:
        with self._lock:
            for (start, count), data in self._held.items():
                if start <= first and first + length <= start + count:
                    return data[first - start : first - start + length]
        return None

    def _ask(self, first: int, length: int) -> bytes:
        asked = f"bytes={first}-{first + length - 1}"
        response = self._http.send(
            "GET",
            self.url,
            headers={"Range": asked, **_PLAIN, **self.credentials},
            secret=bool(self.credentials),
            skip_body_of=requests.codes.ok,
            most_bytes=length,
        )
        if response.status_code == requests.codes.ok:
            raise RangesRefusedError(
                f"{public_url(self.url)}: sends whole files only", url=public_url(self.url)
            )
        data = self._judged(response).content
        self._check(response, first, length, data)
        with self._lock:
            self._held[first, len(data)] = data
        return data

    def _judged(self, response: requests.Response) -> requests.Response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            raise self._spoiled("ends before the range that was asked for")
        return self._http.judge(response)

    def _check(self, response: requests.Response, first: int, length: int, data: bytes) -> None:
        """The answer is the range that was asked for, of the version that was begun."""
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None:
            raise self._spoiled("answered a part without saying which")
        start, last, size = (int(text) for text in match.groups())
        if start != first or last - start + 1 != len(data) or last + 1 != min(first + length, size):
            raise self._spoiled(
                f"answered bytes {start}-{last} with {len(data)}, asked for {length} from {first}"
            )
        headers = response.headers
        version = Version(etag=headers.get("ETag"), modified=headers.get("Last-Modified"), size=size)
        with self._lock:
            if self._version is None:
                self._version, self._headers = version, kept_headers(response)
            difference = self._version.differs_from(version)
        if difference:
            raise ReplacedError(
                f"{public_url(self.url)}: replaced while it was read, {difference}", url=public_url(self.url)
            )

    def _spoiled(self, said: str) -> RetryableError:
        return RetryableError(f"{public_url(self.url)}: {said}", url=public_url(self.url))


class ReplacedError(RetryableError):
    """The file is another one than when its first range was read; what was read of it is worthless."""
