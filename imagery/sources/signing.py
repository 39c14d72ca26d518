"""Credentials of single reads: shared-access signatures, S3 signatures and bearer tokens, in memory only."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
import re
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from evidence.errors import SourceError
from imagery.sources.addresses import origin
from imagery.sources.http import Http, read_json
from imagery.sources.items import parse_time
from imagery.sources.retry import Retrier

SAS_URL = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
MARGIN = dt.timedelta(minutes=5)
"""A token is renewed this long before it ends."""

TOKEN_MARGIN = dt.timedelta(minutes=1)
"""The same of a bearer token, which lasts ten minutes; half its time where that is less."""

_BLOB = re.compile(r"^https://([^./]+)\.blob\.core\.windows\.net/([^/]+)/")


class Signer(Protocol):
    """What lets a file be read."""

    def authorised(self, href: str) -> tuple[str, Mapping[str, str]]:
        """The address to read and the headers to send for `href`, good for some minutes at least."""
        ...

    def forget(self) -> None:
        """Begin anew: a credential was refused."""
        ...


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

    def authorised(self, href: str) -> tuple[str, Mapping[str, str]]:
        """`href` with a token; no headers."""
        return self.sign(href), {}

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


_AWS4, _UNSIGNED = "AWS4-HMAC-SHA256", "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Keys:
    """A user's own keys of an object store."""

    access_key: SecretStr
    secret_key: SecretStr


class S3Signer:
    """Signs reads from one S3 endpoint; other addresses stay as they are.

    Signature version 4 in headers, as the documentation of Amazon S3 describes it ("Authenticating Requests:
    Using the Authorization Header"). A range is not signed, so that it may be chosen afterwards.
    """

    def __init__(
        self,
        keys: S3Keys,
        endpoint: str,
        *,
        region: str = "default",
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """Keep the keys; the secret one is never sent."""
        self._keys, self._endpoint, self._region, self._now = keys, endpoint, region, now

    def authorised(self, href: str) -> tuple[str, Mapping[str, str]]:
        """`href` (path-style, percent-encoded) as it is, with a signature in headers."""
        if origin(href) != origin(self._endpoint):
            return href, {}
        parts = urllib.parse.urlsplit(href)
        stamp = self._now().strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/{self._region}/s3/aws4_request"
        signed = {"host": parts.netloc, "x-amz-content-sha256": _UNSIGNED, "x-amz-date": stamp}
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        names = ";".join(signed)
        request = f"GET\n{parts.path}\n{parts.query}\n{lines}\n{names}\n{_UNSIGNED}"
        digest = hashlib.sha256(request.encode()).hexdigest()
        key = f"AWS4{self._keys.secret_key.get_secret_value()}".encode()
        for word in (*scope.split("/"), f"{_AWS4}\n{stamp}\n{scope}\n{digest}"):
            key = hmac.digest(key, word.encode(), "sha256")
        access = self._keys.access_key.get_secret_value()
        told = f"{_AWS4} Credential={access}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
        return href, {
            "Authorization": told,
            "x-amz-content-sha256": _UNSIGNED,
            "x-amz-date": stamp,
        }

    def forget(self) -> None:
        """Nothing is kept: each read is signed anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user's account, for a token."""

    username: SecretStr
    password: SecretStr
    client_id: str = "cdse-public"
    """Of the provider's public client, which needs no secret of its own."""


class BearerTokens:
    """OpenID Connect tokens for the downloads of one host; other addresses stay as they are."""

    def __init__(
        self,
        account: Account,
        *,
        token_url: str,
        download_url: str,
        http: Http | None = None,
        retrier: Retrier | None = None,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """Nothing is sent before the first file is read.

        Args:
            account: whose.
            token_url: where it is changed for a token.
            download_url: the one origin that sees the token.
            http: session and limits.
            retrier: shared with the searches.
            now: tells when a token has ended.
        """
        self._account, self._token_url, self._download_url = account, token_url, download_url
        self._http, self._retrier, self._now = http or Http(), retrier or Retrier(), now
        self._lock = threading.Lock()
        self._renewal: str | None = None
        self._until, self._token = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), ""

    def authorised(self, href: str) -> tuple[str, Mapping[str, str]]:
        """`href` as it is, with a token in a header."""
        if origin(href) != origin(self._download_url):
            return href, {}
        with self._lock:
            if self._until <= self._now():
                self._retrier.call(self._renew, what="token")
            return href, {"Authorization": f"Bearer {self._token}"}

    def forget(self) -> None:
        """Drop the token: it was refused."""
        with self._lock:
            self._until = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

    def _renew(self) -> None:
        renewal, self._renewal = self._renewal, None
        form = {"client_id": self._account.client_id}
        if renewal is not None:
            form |= {"grant_type": "refresh_token", "refresh_token": renewal}
        else:
            form |= {
                "grant_type": "password",
                "username": self._account.username.get_secret_value(),
                "password": self._account.password.get_secret_value(),
            }
        response = self._http.send(
            "POST", self._token_url, form=form, secret=True, most_bytes=self._http.limits.sizes.small_bytes
        )
        if renewal is not None and response.status_code in {400, 401}:
            self._renew()  # the session has ended: the account opens another
            return
        answer = read_json(self._http.judge(response).content, self._http.limits.sizes, label=self._token_url)
        try:
            self._token = checked_token(answer["access_token"])
            lasts = dt.timedelta(seconds=float(answer["expires_in"]))
            self._until = self._now() + max(lasts - TOKEN_MARGIN, lasts / 2)
            self._renewal = checked_token(answer["refresh_token"]) if "refresh_token" in answer else None
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise SourceError(
                f"{self._token_url}: answered something other than a token", url=self._token_url
            ) from error
