"""From one checked feature to one record, by role; and back to GeoJSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shapely import LineString, MultiLineString, MultiPolygon, Point, Polygon
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from aoi.edtf import first_day
from aoi.fields import Fields
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
    """The feature's polygon."""
    if not isinstance(feature.geometry, (Polygon, MultiPolygon)):
        raise AoiError(f"{feature.where}: {feature.geometry.geom_type} where a polygon must be")
    return feature.geometry


def slug(fields: Fields, name: str) -> str:
    """An id of lower-case letters, digits and hyphens."""
    value = fields.required(name)
    if len(value) > MAX_SLUG or SLUG.fullmatch(value) is None:
        raise AoiError(
            f"{fields.where}: {name} {value[:80]!r} is not a slug of lower-case letters, digits, hyphens"
        )
    return value


def identifier(fields: Fields, name: str) -> str:
    """An id as its author wrote it, on one line."""
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
    """A dated perimeter."""
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
    """A published point."""
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
