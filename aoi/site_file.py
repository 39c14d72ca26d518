"""Site files: GeoJSON in EPSG:4326, one file per site, one role per feature.

`read_site` takes what people write; `write_site` writes one spelling. Everything else that can be read
(KML, GeoPackage, Shapefile) becomes a site through `aoi.proposal`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from aoi import features
from aoi.features import Feature, Role
from aoi.names import slug_from
from aoi.records import Purpose, Site
from aoi.shapes import Projector, ShapeReader
from aoi.versions import ordered_versions
from evidence.errors import AoiError
from evidence.files import WINDOWS_DEVICES, write_text
from evidence.limits import Limits

logger = logging.getLogger(__name__)
AOI_PROPERTIES = (
    "id", "name", "name_ko", "aliases", "kind", "status", "purpose", "source", "source_url", "accuracy_m",
    "confidence", "reported_area_km2", "contested", "note", "derived", "sensitivity", "extra",
)  # fmt: skip
TEXTS = ("name_ko", "kind", "status", "source", "source_url", "note")
WGS84_NAMES = ("4326", "CRS84", "WGS84")
WGS84_RADIUS_M, SAME_RADIUS_M = 6_378_137.0, 1.0
"""Of the ellipsoids of WGS 84 and GRS 80: a system on them that names no datum is within metres of WGS 84."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteReading:
    """A site and what had to be repaired or left out to read it."""

    site: Site
    notices: tuple[str, ...]


def read_site(path: Path, *, keep: Iterable[str] = ()) -> Site:
    """The site of a GeoJSON file; repairs are logged.

    Args:
        path: the file.
        keep: names of unknown properties to keep.

    Raises:
        AoiError: one line that names the feature and the reason.
    """
    reading = read_site_file(path, keep=keep)
    for notice in reading.notices:
        logger.warning("%s: %s", path.name, notice)
    return reading.site


def read_site_file(path: Path, *, keep: Iterable[str] = ()) -> SiteReading:
    """The site of a GeoJSON file, with the notices.

    Raises:
        AoiError: where it cannot be read or cannot mean what it must; the message names the file.
    """
    document = json_document(file_bytes(path), name=path.name)
    try:
        return site_of(document, name=path.stem, keep=keep)
    except AoiError as error:
        raise AoiError(f"{path.name}: {error}") from error


def read_whole_site(path: Path) -> SiteReading:
    """The site of a GeoJSON file with every property that its author gave it, to be written again.

    Raises:
        AoiError: as `read_site_file` does.
    """
    members = geojson_features(json_document(file_bytes(path), name=path.name))
    given = [member.get("properties") for member in members]
    names = {str(name) for properties in given if isinstance(properties, Mapping) for name in properties}
    return read_site_file(path, keep=sorted(names))


def file_bytes(path: Path, limits: Limits | None = None) -> bytes:
    """The file's bytes, if it is there and of a size that a site file can have.

    Raises:
        AoiError: where it cannot be read or is too large.
    """
    most = (limits or Limits()).site_file_bytes
    try:
        if path.stat().st_size > most:
            raise AoiError(f"{path.name}: larger than {most / 1e6:.0f} MB is no site file")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise AoiError(
            f"{path.name}: cannot be read ({getattr(error, 'strerror', None) or error})"
        ) from error


def json_document(data: bytes, *, name: str, limits: Limits | None = None) -> Any:
    """The JSON document in a file, whichever Unicode spelling it has.

    A position is two values and a list, 180 bytes in memory: counted before anything is parsed.

    Raises:
        AoiError: where it is empty, no JSON, or holds too many values.
    """
    limits = limits or Limits()
    values = sum(data.count(sign) for sign in (b"[", b"{", b","))
    if values > limits.site_file_coordinate_characters // 3:
        raise AoiError(f"{name}: {values} values are more than a site file holds")
    if not data.strip():
        raise AoiError(f"{name}: the file is empty")
    try:
        return json.loads(data.decode(json.detect_encoding(data)))
    except (ValueError, RecursionError) as error:
        raise AoiError(f"{name}: not JSON ({str(error)[:80]})") from error


def geojson_features(document: Any) -> list[Mapping[str, Any]]:
    """The feature objects of a GeoJSON document, whatever its outermost object is.

    Raises:
        AoiError: where it is no GeoJSON or holds no features.
    """
    if not isinstance(document, Mapping):
        raise AoiError(f"the outermost value is {type(document).__name__}, not a GeoJSON object")
    kind = str(document.get("type"))
    if kind == "Feature":
        return [document]
    if kind in {"Polygon", "MultiPolygon"}:
        return [{"type": "Feature", "properties": {}, "geometry": document}]
    members = document.get("features")
    if kind != "FeatureCollection" or not isinstance(members, list):
        esri = " (JSON of Esri: save it as GeoJSON, in EPSG:4326)" if "geometryType" in document else ""
        raise AoiError(f"type {kind[:40]!r} is not a FeatureCollection{esri}")
    if not members:
        raise AoiError("there are no features")
    if not all(isinstance(member, Mapping) for member in members):
        raise AoiError("a feature is not an object")
    return members


def projector_of(document: Mapping[str, Any], notices: list[str]) -> Projector | None:
    """How to bring the file's coordinates to EPSG:4326; None where they are.

    Raises:
        AoiError: where the file names no known system.
    """
    crs = document.get("crs")
    if crs is None:
        return None
    inner = crs.get("properties") if isinstance(crs, Mapping) else None
    name = inner.get("name") if isinstance(inner, Mapping) else None
    if not isinstance(name, str):
        raise AoiError("the crs member does not name a coordinate system")
    return projector(name, notices)


def projector(definition: str, notices: list[str]) -> Projector | None:
    """How to bring coordinates of a named system to EPSG:4326; None where they are.

    Raises:
        AoiError: where the system is not known; on first use where nobody published how its datum lies.
    """
    if definition.upper().replace(" ", "").endswith(WGS84_NAMES):
        return None
    try:
        crs = CRS.from_user_input(definition)
        transformer = Transformer.from_crs(crs, 4326, always_xy=True)
    except (ProjError, ValueError) as error:
        raise AoiError(f"coordinate system {definition[:60]!r} is not known") from error
    notices.append(f"coordinates were brought from {crs.name} to EPSG:4326")
    checked = False

    def project(x: float, y: float) -> tuple[float, float]:
        nonlocal checked
        lon, lat = transformer.transform(x, y)
        if not checked:
            _check_datum(crs, transformer)
            checked = True
        return float(lon), float(lat)

    return project


def _check_datum(crs: CRS, transformer: Transformer) -> None:
    """Refuse a system of which PROJ does not know how its datum lies: it would take the shift for zero."""
    try:
        used = transformer.get_last_used_operation()
    except ProjError:  # there was only one
        used = transformer
    ellipsoid = crs.ellipsoid
    ours = ellipsoid is not None and abs(ellipsoid.semi_major_metre - WGS84_RADIUS_M) < SAME_RADIUS_M
    if "ballpark" in used.description.lower() and not ours:
        raise AoiError(
            f"how the datum of {crs.name} lies to WGS 84 is not known here, which may be hundreds of metres: "
            "bring the file to EPSG:4326 with the program that made it"
        )


def feature_label(number: int, properties: Mapping[str, Any]) -> str:
    """How to speak of a feature: its number and what it calls itself."""
    for key in ("boundary_id", "id", "name", "Name"):
        value = properties.get(key)
        if isinstance(value, (str, int)) and str(value).strip():
            text = " ".join(str(value).split())[:60].encode("utf-8", "replace").decode()
            return f"feature {number} ({text})"
    return f"feature {number}"


def checked_features(document: Any, notices: list[str], *, skip_empty: bool = False) -> list[Feature]:
    """The features of a GeoJSON document with valid geometry.

    Args:
        document: as `json` reads it.
        notices: takes what was repaired or left out.
        skip_empty: leave out features without a geometry or of less than a pixel, with a notice; else they
            are an error.

    Raises:
        AoiError: where properties are no object, or a geometry cannot be mended.
    """
    members = geojson_features(document)
    reader = ShapeReader(notices, project=projector_of(document, notices))
    checked = []
    for number, member in enumerate(members, start=1):
        properties = member.get("properties") or {}
        if not isinstance(properties, Mapping):
            raise AoiError(f"feature {number}: its properties are {type(properties).__name__}, not an object")
        where = feature_label(number, properties)
        told = member.get("geometry")
        for part in (member, told):
            _check_one_system(document, part, where)
        if skip_empty and _is_empty(told):
            notices.append(f"{where}: no geometry, left out")
            continue
        read = reader.read_or_tell if skip_empty else reader.read
        geometry = read(told, where=where)
        if geometry is not None:
            checked.append(Feature(where=where, geometry=geometry, properties=properties))
    return checked


def _check_one_system(document: Mapping[str, Any], part: Any, where: str) -> None:
    """Refuse a feature or geometry that names another coordinate system than its file."""
    own = part.get("crs") if isinstance(part, Mapping) else None
    if own is None or own == document.get("crs"):
        return
    if document.get("crs") is not None or projector_of(part, []) is not None:
        raise AoiError(f"{where}: names a coordinate system of its own; save all features in one, EPSG:4326")


def _is_empty(geometry: Any) -> bool:
    """Whether a GeoJSON geometry holds no position."""
    if not isinstance(geometry, Mapping):
        return geometry is None
    inner = geometry.get("geometries" if geometry.get("type") == "GeometryCollection" else "coordinates")
    if geometry.get("type") == "GeometryCollection" and isinstance(inner, list):
        return all(_is_empty(member) for member in inner)
    return inner is None or inner == []


def site_of(document: Any, *, name: str, keep: Iterable[str] = ()) -> SiteReading:
    """The site of a GeoJSON document.

    Args:
        document: as `json` reads it.
        name: what to call the site if the document does not.
        keep: names of unknown properties to keep.
    """
    notices: list[str] = []
    return site_of_features(checked_features(document, notices), name=name, keep=keep, notices=notices)


def site_of_features(
    checked: Sequence[Feature], *, name: str, keep: Iterable[str] = (), notices: list[str]
) -> SiteReading:
    """The site that features with valid geometry make up.

    Args:
        checked: the features, each with its role among its properties.
        name: what to call the site if no feature does.
        keep: names of unknown properties to keep.
        notices: where repairs are told.
    """
    kept = tuple(keep)
    by_role = _by_role(checked)
    aoi = _the_aoi(by_role)
    boundaries = [features.boundary_of(f, keep=kept, notices=notices) for f in by_role[Role.BOUNDARY]]
    zones = [features.zone_of(f, keep=kept, notices=notices) for f in by_role[Role.ZONE]]
    points = [features.point_of(f, keep=kept, notices=notices) for f in by_role[Role.POINT]]
    site = _site(
        aoi,
        name=name,
        keep=kept,
        notices=notices,
        parts={
            "boundaries": ordered_versions(_unique(boundaries, "boundary_id", notices), notices),
            "zones": tuple(_unique(zones, "id", notices)),
            "points": tuple(_unique(points, "id", notices)),
        },
    )
    return SiteReading(site=site, notices=tuple(notices))


def _by_role(checked: Sequence[Feature]) -> dict[Role, list[Feature]]:
    groups: dict[Role, list[Feature]] = {role: [] for role in Role}
    roles = [feature.fields().text("role") for feature in checked]
    plain = roles == [None]
    for feature, role in zip(checked, roles, strict=True):
        known = Role.AOI if plain else feature.fields().choice("role", Role) if role else None
        if known is None:
            raise AoiError(f"{feature.where}: no role (aoi, boundary, zone or point)")
        groups[known].append(feature)
    return groups


def _the_aoi(by_role: Mapping[Role, list[Feature]]) -> Feature:
    found = by_role[Role.AOI]
    if len(found) != 1:
        labels = ", ".join(feature.where for feature in found[:4])
        raise AoiError(f"{len(found)} features have the role aoi ({labels or 'none'}); there must be one")
    return found[0]


def _unique(records: list[Any], key: str, notices: list[str]) -> list[Any]:
    """The records without exact repetitions; one id for two different things is refused."""
    seen: dict[str, Any] = {}
    for record in records:
        name = getattr(record, key)
        if name not in seen:
            seen[name] = record
        elif seen[name] == record:
            notices.append(f"{key} {name!r}: an exact repetition was dropped")
        else:
            raise AoiError(f"{key} {name!r} is given to two different features")
    return list(seen.values())


def _site(
    aoi: Feature, *, name: str, keep: tuple[str, ...], notices: list[str], parts: Mapping[str, Any]
) -> Site:
    fields = aoi.fields()
    fields.raw("role")
    title = fields.text("name") or name
    site_id = features.slug(fields, "id") if fields.text("id") else slug_from(title) or slug_from(name)
    if not site_id:
        raise AoiError(f"{aoi.where}: no id, and none can be made from the name {title[:60]!r}")
    if site_id in WINDOWS_DEVICES:
        raise AoiError(f"{aoi.where}: the id {site_id!r} is a device on Windows, where no file can bear it")
    texts: dict[str, Any] = {key: fields.text(key) for key in TEXTS}
    derived = fields.flag("derived")
    site = Site(
        id=site_id,
        name=title,
        aoi=features.polygonal(aoi),
        aliases=fields.texts("aliases"),
        accuracy_m=fields.metres("accuracy_m"),
        confidence=features.optional(fields, "confidence", features.Confidence),
        derived=derived,
        accepted=not derived if fields.raw("accepted") is None else fields.flag("accepted"),
        purpose=fields.choice("purpose", Purpose, Purpose.SUBJECT),
        contested=fields.texts("contested"),
        reported_area_km2=fields.metres("reported_area_km2"),
        sensitivity=features.sensitivity(fields),
        extra=fields.kept(keep),
        **texts,
        **parts,
    )
    features.tell_dropped(fields, keep, notices)
    return site


def site_document(site: Site) -> dict[str, Any]:
    """The site as a GeoJSON document."""
    properties = {name: getattr(site, name) for name in AOI_PROPERTIES}
    if site.accepted == site.derived:  # not what a reader takes it for
        properties["accepted"] = site.accepted
    members = [
        features.geojson_feature(Role.AOI, site.aoi, properties),
        *(features.boundary_feature(boundary) for boundary in site.boundaries),
        *(features.zone_feature(zone) for zone in site.zones),
        *(features.point_feature(point) for point in site.points),
    ]
    return {"type": "FeatureCollection", "features": members}


def site_text(site: Site) -> str:
    """The site as the text of its file: the same site, the same text."""
    return json.dumps(site_document(site), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def write_site(path: Path, site: Site) -> None:
    """Write the site file atomically."""
    write_text(path, site_text(site))
