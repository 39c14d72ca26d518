"""Features as a file has them, before anybody has said what they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One feature of a file."""

    where: str
    """How to name it in a message."""
    geometry: BaseGeometry
    """Valid, EPSG:4326."""
    name: str | None = None
    folder: tuple[str, ...] = ()
    """Folders or layer that hold it, outermost first."""
    begin: str | None = None
    """EDTF date from a time span, where the file has one."""
    end: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


NAME_FIELDS = frozenset({"name", "title", "label", "이름", "명칭", "시설명"})
"""Fields that hold a feature's name, in small letters."""


def name_of(properties: Mapping[str, Any]) -> str | None:
    """The name of a feature, from the first of its fields that is called one and holds text."""
    return next(
        (v for key, v in properties.items() if key.casefold() in NAME_FIELDS and isinstance(v, str)), None
    )


def why_none(notices: Sequence[str]) -> str:
    """In brackets, why the first feature of a file was left out that holds no other; empty where none was."""
    return next((f" ({notice})" for notice in notices if notice.endswith("left out")), "")


def by_kind(geometry: Mapping[str, Any], where: str, notices: list[str]) -> list[Mapping[str, Any]]:
    """A GeoJSON geometry, taken apart where it collects different kinds.

    A point beside an outline is its label and is left out; outlines and paths are features of their own.
    """
    flat = list(_flat(geometry))
    kinds = {
        kind: [g for g in flat if str(g.get("type")).endswith(kind)]
        for kind in ("Polygon", "LineString", "Point")
    }
    held = [kind for kind, members in kinds.items() if members]
    if held == ["Point"] and len(flat) > 1:
        notices.append(f"{where}: holds {len(flat)} points, which were taken apart")
        return flat
    if len(held) <= 1:
        return [geometry]
    if kinds["Point"]:
        notices.append(f"{where}: a point beside its outline was taken for a label and left out")
        held.remove("Point")
    if len(held) > 1:
        notices.append(f"{where}: holds outlines and paths, which were taken apart")
    return [{"type": "GeometryCollection", "geometries": kinds[kind]} for kind in held]


def _flat(geometry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    members = geometry.get("geometries")
    if geometry.get("type") == "GeometryCollection" and isinstance(members, list):
        for member in members:
            if isinstance(member, Mapping):
                yield from _flat(member)
    else:
        yield geometry
