"""Addresses as they may be shown and kept: without what may carry a signature."""

from __future__ import annotations

import re

_SIGNED = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]*")


def public_url(text: str) -> str:
    """`text` with the query of every URL in it cut off: signatures and tokens stand there."""
    return _SIGNED.sub(r"\1", text)
