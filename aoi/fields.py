"""Properties of a feature, read once, by name and type; what nobody asked for is told."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from evidence.errors import AoiError

Choice = TypeVar("Choice", bound=StrEnum)
MAX_TEXT = 20_000
EXTRA = "extra"


def is_absent(value: Any) -> bool:
    """Whether a property says nothing: null, NaN (a table's null), or blank text."""
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or (isinstance(value, str) and not value.strip())
    )


_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Signs that turn the direction of what follows, which can hide what a text says."""


def visible(text: str) -> str:
    """A text without signs that are none: controls, noncharacters, changes of direction."""
    return "".join(
        sign
        for sign in text
        if sign in "\n\t"
        or not (unicodedata.category(sign) == "Cc" or sign in _TURNS or _is_noncharacter(ord(sign)))
    ).strip()


def _is_noncharacter(point: int) -> bool:
    """Of the 66 that Unicode will never assign."""
    return point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF  # noqa: PLR2004 - of Unicode


class Fields:
    """The properties of one feature.

    Args:
        properties: as the file has them.
        where: how to name the feature in a message.
    """

    def __init__(self, properties: Mapping[str, Any], *, where: str) -> None:  # noqa: D107
        self.properties = properties
        self.where = where
        self._asked: set[str] = {EXTRA}

    def raw(self, name: str) -> Any:
        """The value as it is, None where absent."""
        self._asked.add(name)
        value = self.properties.get(name)
        return None if is_absent(value) else value

    def text(self, name: str) -> str | None:
        """Text without blanks around it; whole numbers are taken as their digits."""
        value = self.raw(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None:
            return None
        if not isinstance(value, str):
            raise AoiError(f"{self.where}: {name} is {type(value).__name__}, not text")
        if len(value) > MAX_TEXT:
            raise AoiError(f"{self.where}: {name} has {len(value)} characters; {MAX_TEXT} is the most")
        value = visible(value)
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise AoiError(f"{self.where}: {name} is not text that UTF-8 can hold") from error
        return value.strip()

    def required(self, name: str) -> str:
        """Text that must be there."""
        value = self.text(name)
        if value is None:
            raise AoiError(f"{self.where}: {name} is missing")
        return value

    def metres(self, name: str) -> float | None:
        """A length above zero."""
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise AoiError(f"{self.where}: {name} is {str(value)[:40]!r}, not a number")
        if not 0.0 < value < 1e7:  # noqa: PLR2004 - a quarter of the globe
            raise AoiError(f"{self.where}: {name} {value} is not a length in metres")
        return float(value)

    def flag(self, name: str) -> bool:
        """True or false; false where absent."""
        value = self.raw(name)
        if value in (None, False, True):
            return bool(value)
        raise AoiError(f"{self.where}: {name} is {str(value)[:40]!r}, neither true nor false")

    def choice(self, name: str, kind: type[Choice], default: Choice | None = None) -> Choice:
        """One of the values of `kind`."""
        value = self.text(name)
        if value is None and default is not None:
            return default
        if value not in {member.value for member in kind}:
            known = ", ".join(member.value for member in kind)
            raise AoiError(f"{self.where}: {name} {value!r} is not one of {known}")
        return kind(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self.raw(name)
        if value is None:
            return ()
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise AoiError(f"{self.where}: {name} is not a list of texts")
        members = Fields({str(i): v for i, v in enumerate(value)}, where=f"{self.where}: {name}")
        return tuple(text for key in members.properties if (text := members.text(key)) is not None)

    def table(self, name: str) -> Mapping[str, Any]:
        """An object; empty where absent."""
        value = self.raw(name)
        if value is None:
            return MappingProxyType({})
        if not isinstance(value, Mapping):
            raise AoiError(f"{self.where}: {name} is {type(value).__name__}, not an object")
        return value

    def kept(self, keep: Iterable[str]) -> Mapping[str, Any]:
        """What was kept before, and the unknown properties that are kept by name now."""
        kept = {str(key): value for key, value in self.table(EXTRA).items()}
        wanted = set(keep) - self._asked
        kept |= {key: self.properties[key] for key in sorted(wanted & set(self.properties))}
        for key, value in kept.items():
            check_plain(value, where=f"{self.where}: {key}")
        return MappingProxyType(kept)

    def dropped(self, keep: Iterable[str]) -> tuple[str, ...]:
        """Names of the properties that nobody asked for and that say something."""
        ignored = self._asked | set(keep)
        return tuple(k for k, v in self.properties.items() if k not in ignored and not is_absent(v))


def check_plain(value: Any, *, where: str, depth: int = 0) -> None:
    """Refuse a kept value that JSON cannot hold and give back the same."""
    if depth > 8:  # noqa: PLR2004 - deeper is no property
        raise AoiError(f"{where}: nested more than 8 deep")
    if isinstance(value, Mapping):
        for key, member in value.items():
            check_plain(str(key), where=where, depth=depth + 1)
            check_plain(member, where=where, depth=depth + 1)
    elif isinstance(value, (list, tuple)):
        for member in value:
            check_plain(member, where=where, depth=depth + 1)
    elif isinstance(value, str):
        Fields({"text": value}, where=where).text("text")
    elif isinstance(value, float) and not math.isfinite(value):
        raise AoiError(f"{where}: {value} cannot be kept")
    elif value is not None and not isinstance(value, (bool, int, float)):
        raise AoiError(f"{where}: {type(value).__name__} cannot be kept")
