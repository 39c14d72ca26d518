"""Sites and what belongs to them, as read from a validated site file. Geometry is EPSG:4326, lon lat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from shapely import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry


class Sensitivity(StrEnum):
    """Who may see it; what is not marked public is restricted."""

    PUBLIC = "public"
    RESTRICTED = "restricted"


class ZoneKind(StrEnum):
    """What a zone is for."""

    STOCKYARD = "stockyard"
    PIT = "pit"
    SPOIL = "spoil"
    HOUSING = "housing"
    CONTROL = "control"
    EXCLUSION = "exclusion"
    COAL_REFERENCE = "coal_reference"


class Extent(StrEnum):
    """Whether a traced perimeter is closed by evidence all the way round."""

    COMPLETE = "complete"
    PARTIAL = "partial"


class Purpose(StrEnum):
    """Why a site is looked at."""

    SUBJECT = "subject"
    COMPARISON = "comparison"
    """A place of the same kind without prisoners' labour on record: what coal looks like elsewhere."""
    CONTROL = "control"
    """A place where the answer is known, or known to mislead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedImage:
    """The image that a perimeter was traced on; versions traced on one image share its shift."""

    provider: str | None = None
    id: str | None = None
    date: str | None = None
    resolution_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """One dated perimeter as one analyst traced it."""

    boundary_id: str
    geometry: BaseGeometry
    """Polygon or MultiPolygon when complete; may be lines when partial."""
    valid_from: str
    """EDTF date, first day in force."""
    valid_to: str | None = None
    """EDTF date, first day no longer in force (half-open); None while in force."""
    extent: Extent = Extent.COMPLETE
    source: str | None = None
    image: TracedImage | None = None
    accuracy_m: float | None = None
    accuracy_kind: str | None = None
    """rmse | ce90."""
    basis: str | None = None
    """observed | inferred | copied | testimony."""
    criterion: str | None = None
    """What the traced line is: fence | posts | road | administrative | other."""
    capture: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """The picture traced on: `sha256`, `date` as displayed, `licence`."""
    digitised_by: str | None = None
    """A code, not a name."""
    note: str | None = None
    sensitivity: Sensitivity = Sensitivity.RESTRICTED
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Properties kept by name on the user's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A part of the site with a meaning of its own."""

    id: str
    kind: ZoneKind
    geometry: Polygon | MultiPolygon
    name: str | None = None
    sensitivity: Sensitivity = Sensitivity.RESTRICTED
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPoint:
    """A point that somebody published for the place, with how far it can be trusted."""

    id: str
    geometry: Point
    name: str | None = None
    source: str | None = None
    source_url: str | None = None
    accuracy_m: float | None = None
    confidence: str | None = None
    note: str | None = None
    sensitivity: Sensitivity = Sensitivity.RESTRICTED
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One place to watch."""

    id: str
    """Slug: lower-case letters, digits, hyphens."""
    name: str
    aoi: Polygon | MultiPolygon
    """Where to look: an ordering box or polygon, never a camp boundary."""
    name_ko: str | None = None
    aliases: tuple[str, ...] = ()
    kind: str | None = None
    status: str | None = None
    source: str | None = None
    source_url: str | None = None
    accuracy_m: float | None = None
    confidence: str | None = None
    note: str | None = None
    derived: bool = False
    """Whether the aoi was derived by rule from a published point."""
    accepted: bool = True
    """Whether imagery of the aoi may be ordered; a derived aoi is off until somebody accepts it."""
    purpose: Purpose = Purpose.SUBJECT
    contested: tuple[str, ...] = ()
    """What sources disagree about, one sentence each."""
    reported_area_km2: float | None = None
    """Extent of the place as its sources report it; no boundary follows from it."""
    sensitivity: Sensitivity = Sensitivity.RESTRICTED
    boundaries: tuple[Boundary, ...] = ()
    """Ordered by `valid_from`."""
    zones: tuple[Zone, ...] = ()
    points: tuple[PublishedPoint, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def zones_of(self, kind: ZoneKind) -> tuple[Zone, ...]:
        """The zones of one kind."""
        return tuple(zone for zone in self.zones if zone.kind is kind)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees; west > east across the antimeridian (RFC 7946, 5.2)."""
        west, south, east, north = self.aoi.bounds
        if east - west > 180.0:  # noqa: PLR2004 - half the globe: the aoi was cut at ±180°
            sides = [part.bounds for part in getattr(self.aoi, "geoms", (self.aoi,))]
            west, east = min(b[0] for b in sides if b[0] > 0.0), max(b[2] for b in sides if b[2] <= 0.0)
        return west, south, east, north
