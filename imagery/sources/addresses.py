"""Addresses and words from outside as they may be shown, kept and asked."""

from __future__ import annotations

import ipaddress
import re
import urllib.parse

_SIGNED = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]*")
LONGEST_SHOWN = 200
"""Characters of words from outside that are shown. Assumed."""


def public_url(text: str) -> str:
    """`text` with the query of every URL in it cut off: signatures and tokens stand there."""
    return _SIGNED.sub(r"\1", text)


def shown(value: object) -> str:
    """Words from outside in one short printable line, without signatures."""
    text = " ".join(public_url(str(value)).split())
    plain = "".join(char if char.isprintable() else "?" for char in text)
    plain = plain.encode("utf-8", "replace").decode()
    return plain if len(plain) <= LONGEST_SHOWN else f"{plain[:LONGEST_SHOWN]}…"


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: who is asked."""
    parts = urllib.parse.urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or {"http": 80, "https": 443}.get(scheme)


def is_private(url: str) -> bool:
    """Whether an address names this machine or its neighbourhood rather than a provider."""
    host = origin(url)[1]
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def step_refused(url: str, target: str, *, secret: bool = False) -> str | None:
    """Why an answer of `url` may not lead to `target` (a redirect, a next page, a file); None where it may.

    Args:
        url: that was asked for.
        target: where its answer points.
        secret: whether something goes along that only the first host may see.
    """
    try:
        here, there = origin(url), origin(target)
    except ValueError:
        return "no address"
    if there[0] not in {"http", "https"} or not there[1]:
        return "no address of HTTP"
    if here[0] == "https" and there[0] != "https":
        return "from https to http"
    if secret and there != here:
        return f"to another host ({shown(there[1])}) with a credential or a place of interest"
    if is_private(target) and not is_private(url):
        return f"into the local network ({shown(there[1])})"
    return None
