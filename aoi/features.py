"""From one feature, its properties read once and checked, to one record by role; and back to GeoJSON."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from shapely import LineString, MultiLineString, MultiPolygon, Point, Polygon
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from aoi.edtf import first_day
from aoi.records import Boundary, Extent, PublishedPoint, Sensitivity, TracedImage, Zone, ZoneKind
from evidence.errors import AoiError

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
MAX_SLUG = 64


class Role(StrEnum):
    """What a feature of a site file is."""

    AOI = "aoi"
    BOUNDARY = "boundary"
    ZONE = "zone"
    POINT = "point"


class AccuracyKind(StrEnum):
    """How an accuracy was stated."""

    RMSE = "rmse"
    """Radial root mean square error."""
    CE90 = "ce90"
    """Radius that holds nine in ten errors."""


class Basis(StrEnum):
    """What a perimeter rests on."""

    OBSERVED = "observed"
    INFERRED = "inferred"
    COPIED = "copied"
    TESTIMONY = "testimony"
    """What witnesses said: never public, it can reveal who they are."""


class Criterion(StrEnum):
    """What a traced line is on the ground."""

    FENCE = "fence"
    POSTS = "posts"
    ROAD = "road"
    ADMINISTRATIVE = "administrative"
    OTHER = "other"


class Confidence(StrEnum):
    """Analytic confidence, apart from likelihood."""

    HIGH = "high"
    MODERATE = "moderate"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One feature with valid geometry and its properties as they came."""

    where: str
    """How to name it in a message."""
    geometry: BaseGeometry
    properties: Mapping[str, Any] = field(default_factory=dict)

    def fields(self) -> Fields:
        """A fresh reading of the properties."""
        return Fields(self.properties, where=self.where)


def polygonal(feature: Feature) -> Polygon | MultiPolygon:
    """The feature's polygon.

    Raises:
        AoiError: where the geometry is none.
    """
    if not isinstance(feature.geometry, (Polygon, MultiPolygon)):
        raise AoiError(f"{feature.where}: {feature.geometry.geom_type} where a polygon must be")
    return feature.geometry


def slug(fields: Fields, name: str) -> str:
    """An id of lower-case letters, digits and hyphens.

    Raises:
        AoiError: where it is none.
    """
    value = fields.required(name)
    if len(value) > MAX_SLUG or SLUG.fullmatch(value) is None:
        raise AoiError(
            f"{fields.where}: {name} {value[:80]!r} is not a slug of lower-case letters, digits, hyphens"
        )
    return value


def identifier(fields: Fields, name: str) -> str:
    """An id as its author wrote it, on one line.

    Raises:
        AoiError: where it is too long or not printable.
    """
    value = fields.required(name)
    if len(value) > 2 * MAX_SLUG or not value.isprintable():
        raise AoiError(f"{fields.where}: {name} {value[:80]!r} is too long or not printable")
    return value


def optional(fields: Fields, name: str, kind: type[StrEnum]) -> str | None:
    """One of the values of `kind`, None where absent."""
    return None if fields.text(name) is None else str(fields.choice(name, kind))


def sensitivity(fields: Fields) -> Sensitivity:
    """What is not marked public is restricted."""
    return fields.choice("sensitivity", Sensitivity, Sensitivity.RESTRICTED)


def _image(fields: Fields) -> TracedImage | None:
    table = fields.table("image")
    if not table:
        return None
    inner = Fields(table, where=f"{fields.where}: image")
    date = inner.text("date")
    if date is not None:
        first_day(date, where=inner.where)
    return TracedImage(
        provider=inner.text("provider"),
        id=inner.text("id"),
        date=date,
        resolution_m=inner.metres("resolution_m") or inner.metres("resolution"),
    )


def _perimeter(feature: Feature, extent: Extent) -> BaseGeometry:
    lines = isinstance(feature.geometry, (LineString, MultiLineString))
    if extent is Extent.PARTIAL and lines:
        return feature.geometry
    if lines:
        raise AoiError(f"{feature.where}: an open path is a partial perimeter; mark it extent: partial")
    return polygonal(feature)


def boundary_of(feature: Feature, *, keep: tuple[str, ...], notices: list[str]) -> Boundary:
    """A dated perimeter.

    Raises:
        AoiError: where it ends before it begins, or a property cannot be read.
    """
    fields = feature.fields()
    fields.raw("role")
    extent = fields.choice("extent", Extent, Extent.COMPLETE)
    valid_from, valid_to = fields.required("valid_from"), fields.text("valid_to")
    start = first_day(valid_from, where=f"{feature.where}: valid_from")
    if valid_to is not None and first_day(valid_to, where=f"{feature.where}: valid_to") <= start:
        raise AoiError(f"{feature.where}: valid_to {valid_to} is not after valid_from {valid_from}")
    basis, shown = optional(fields, "basis", Basis), sensitivity(fields)
    if basis == Basis.TESTIMONY and shown is not Sensitivity.RESTRICTED:
        notices.append(f"{feature.where}: rests on testimony and stays restricted")
        shown = Sensitivity.RESTRICTED
    record = Boundary(
        boundary_id=identifier(fields, "boundary_id"),
        geometry=_perimeter(feature, extent),
        valid_from=valid_from,
        valid_to=valid_to,
        extent=extent,
        source=fields.text("source"),
        image=_image(fields),
        accuracy_m=fields.metres("accuracy_m"),
        accuracy_kind=optional(fields, "accuracy_kind", AccuracyKind),
        basis=basis,
        criterion=optional(fields, "criterion", Criterion),
        capture=fields.table("capture"),
        digitised_by=fields.text("digitised_by"),
        note=fields.text("note"),
        sensitivity=shown,
        extra=fields.kept(keep),
    )
    tell_dropped(fields, keep, notices)
    return record


def zone_of(feature: Feature, *, keep: tuple[str, ...], notices: list[str]) -> Zone:
    """A part of the site with a meaning."""
    fields = feature.fields()
    fields.raw("role")
    record = Zone(
        id=identifier(fields, "id"),
        kind=fields.choice("kind", ZoneKind),
        geometry=polygonal(feature),
        name=fields.text("name"),
        sensitivity=sensitivity(fields),
        extra=fields.kept(keep),
    )
    tell_dropped(fields, keep, notices)
    return record


def point_of(feature: Feature, *, keep: tuple[str, ...], notices: list[str]) -> PublishedPoint:
    """A published point.

    Raises:
        AoiError: where the geometry is none.
    """
    fields = feature.fields()
    fields.raw("role")
    if not isinstance(feature.geometry, Point):
        raise AoiError(f"{feature.where}: {feature.geometry.geom_type} where a point must be")
    record = PublishedPoint(
        id=identifier(fields, "id"),
        geometry=feature.geometry,
        name=fields.text("name"),
        source=fields.text("source"),
        source_url=fields.text("source_url"),
        accuracy_m=fields.metres("accuracy_m"),
        confidence=optional(fields, "confidence", Confidence),
        note=fields.text("note"),
        sensitivity=sensitivity(fields),
        extra=fields.kept(keep),
    )
    tell_dropped(fields, keep, notices)
    return record


def tell_dropped(fields: Fields, keep: tuple[str, ...], notices: list[str]) -> None:
    """Say which properties were not taken over."""
    names = fields.dropped(keep)
    if names:
        shown = ", ".join(str(name)[:40] for name in names[:8]) + (", …" if len(names) > 8 else "")  # noqa: PLR2004
        notices.append(f"{fields.where}: not taken over: {shown} (keep by name to keep)")


def to_geojson(geometry: BaseGeometry) -> dict[str, Any]:
    """A GeoJSON geometry with lists, as `json` reads it back."""
    listed: dict[str, Any] = _listed(mapping(geometry))
    return listed


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _listed(member) for key, member in value.items()}
    return [_listed(member) for member in value] if isinstance(value, (list, tuple)) else value


def geojson_feature(role: Role, geometry: BaseGeometry, properties: Mapping[str, Any]) -> dict[str, Any]:
    """A feature with the properties that say something."""
    said = {
        key: _listed(value)
        for key, value in properties.items()
        if not (
            value is None
            or (key == "derived" and not value)
            or (isinstance(value, (tuple, Mapping)) and not value)
        )
    }
    return {"type": "Feature", "properties": {"role": role.value, **said}, "geometry": to_geojson(geometry)}


def boundary_feature(boundary: Boundary) -> dict[str, Any]:
    """A boundary as its feature."""
    image = boundary.image and {
        name: value
        for name in ("provider", "id", "date", "resolution_m")
        if (value := getattr(boundary.image, name)) is not None
    }
    names = (
        "boundary_id",
        "valid_from",
        "valid_to",
        "extent",
        "source",
        "accuracy_m",
        "accuracy_kind",
        "basis",
        "criterion",
        "capture",
    )
    properties = {
        name: getattr(boundary, name) for name in (*names, "digitised_by", "note", "sensitivity", "extra")
    }
    return geojson_feature(Role.BOUNDARY, boundary.geometry, {**properties, "image": image})


def zone_feature(zone: Zone) -> dict[str, Any]:
    """A zone as its feature."""
    properties = {name: getattr(zone, name) for name in ("id", "kind", "name", "sensitivity", "extra")}
    return geojson_feature(Role.ZONE, zone.geometry, properties)


def point_feature(point: PublishedPoint) -> dict[str, Any]:
    """A published point as its feature."""
    names = ("id", "name", "source", "source_url", "accuracy_m", "confidence", "note", "sensitivity", "extra")
    return geojson_feature(Role.POINT, point.geometry, {name: getattr(point, name) for name in names})


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
        """Text without blanks around it; whole numbers are taken as their digits.

        Raises:
            AoiError: where it is no text, too long, or not Unicode.
        """
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
        """Text that must be there.

        Raises:
            AoiError: where it is missing.
        """
        value = self.text(name)
        if value is None:
            raise AoiError(f"{self.where}: {name} is missing")
        return value

    def metres(self, name: str) -> float | None:
        """A length above zero.

        Raises:
            AoiError: where it is no number above zero.
        """
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise AoiError(f"{self.where}: {name} is {str(value)[:40]!r}, not a number")
        if not 0.0 < value < 1e7:  # noqa: PLR2004 - a quarter of the globe
            raise AoiError(f"{self.where}: {name} {value} is not a length in metres")
        return float(value)

    def flag(self, name: str) -> bool:
        """True or false; false where absent.

        Raises:
            AoiError: where it is neither.
        """
        value = self.raw(name)
        if value in (None, False, True):
            return bool(value)
        raise AoiError(f"{self.where}: {name} is {str(value)[:40]!r}, neither true nor false")

    def choice(self, name: str, kind: type[Choice], default: Choice | None = None) -> Choice:
        """One of the values of `kind`.

        Raises:
            AoiError: where it is another.
        """
        value = self.text(name)
        if value is None and default is not None:
            return default
        if value not in {member.value for member in kind}:
            known = ", ".join(member.value for member in kind)
            raise AoiError(f"{self.where}: {name} {value!r} is not one of {known}")
        return kind(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts.

        Raises:
            AoiError: where it is none.
        """
        value = self.raw(name)
        if value is None:
            return ()
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise AoiError(f"{self.where}: {name} is not a list of texts")
        members = Fields({str(i): v for i, v in enumerate(value)}, where=f"{self.where}: {name}")
        return tuple(text for key in members.properties if (text := members.text(key)) is not None)

    def table(self, name: str) -> Mapping[str, Any]:
        """An object; empty where absent.

        Raises:
            AoiError: where it is none.
        """
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
    """Refuse a kept value that JSON cannot hold and give back the same.

    Raises:
        AoiError: where it is nested too deep, not finite, or of another type.
    """
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
