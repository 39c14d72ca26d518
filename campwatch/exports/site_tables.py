"""Sites, boundary versions, zones and published points as tables with geometry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd

from aoi.records import Boundary, PublishedPoint, Site, Zone
from campwatch.exports.disclosure import coarse
from evidence.layers import Column, Kind, Layer


def _text(name: str, meaning: str) -> Column:
    return Column(name=name, kind=Kind.TEXT, meaning=meaning)


_ACCURACY = Column(name="accuracy_m", kind=Kind.REAL, meaning="how far it can be trusted", unit="m")

SITES = Layer(
    name="sites",
    title="Sites: where we look; an ordering box or polygon, never a camp boundary",
    columns=(
        _text("site_id", "the site"),
        _text("name", "name"),
        _text("name_ko", "name in Korean"),
        Column(name="aliases", kind=Kind.LIST, meaning="other names, separated by semicolons"),
        _text("kind", "what kind of place"),
        _text("status", "what is said of it"),
        _text("source", "who says where it is"),
        _text("source_url", "where they say so"),
        _ACCURACY,
        _text("note", "what to keep in mind"),
    ),
    has_geometry=True,
)
BOUNDARIES = Layer(
    name="boundaries",
    title="Dated perimeters as analysts traced them",
    columns=(
        _text("site_id", "the site"),
        _text("boundary_id", "the version"),
        _text("valid_from", "first day in force (EDTF)"),
        _text("valid_to", "first day no longer in force (EDTF); empty while in force"),
        _text("extent", "complete or partial"),
        _text("source", "who traced it from what"),
        _text("image", "provider, id and date of the image"),
        _ACCURACY,
        _text("accuracy_kind", "rmse or ce90"),
        _text("basis", "observed, inferred or copied"),
        _text("sensitivity", "public or restricted"),
    ),
    has_geometry=True,
)
ZONES = Layer(
    name="zones",
    title="Parts of a site with a meaning of their own",
    columns=(
        _text("site_id", "the site"),
        _text("zone_id", "the zone"),
        _text("kind", "stockyard, pit, spoil, housing, control, exclusion or coal_reference"),
        _text("name", "name"),
        _text("sensitivity", "public or restricted"),
    ),
    has_geometry=True,
)
POINTS = Layer(
    name="points",
    title="Points that others published for the place",
    columns=(
        _text("site_id", "the site"),
        _text("point_id", "the point"),
        _text("name", "name"),
        _text("source", "who published it"),
        _text("source_url", "where"),
        _ACCURACY,
        _text("confidence", "as published"),
        _text("note", "what to keep in mind"),
        _text("sensitivity", "public or restricted"),
    ),
    has_geometry=True,
)
SITE_LAYERS = (SITES, BOUNDARIES, ZONES, POINTS)


def site_frames(sites: Sequence[Site], *, decimals: int | None) -> list[tuple[Layer, gpd.GeoDataFrame]]:
    """(layer, table) of everything that the site files say."""
    shapes: dict[str, list[tuple[dict[str, Any], Any]]] = {
        SITES.name: [(_site_cells(site), site.aoi) for site in sites],
        BOUNDARIES.name: [(_cells(site, part), part.geometry) for site in sites for part in site.boundaries],
        ZONES.name: [(_cells(site, part), part.geometry) for site in sites for part in site.zones],
        POINTS.name: [(_cells(site, part), part.geometry) for site in sites for part in site.points],
    }
    return [(layer, _frame(layer, shapes[layer.name], decimals)) for layer in SITE_LAYERS]


def _frame(
    layer: Layer, held: Sequence[tuple[dict[str, Any], Any]], decimals: int | None
) -> gpd.GeoDataFrame:
    names = [column.name for column in layer.columns]
    geometry = [shape if decimals is None else coarse(shape, decimals) for _, shape in held]
    frame = gpd.GeoDataFrame([cells for cells, _ in held], columns=names, geometry=geometry, crs="EPSG:4326")
    types = {c.name: "Float64" if c.kind is Kind.REAL else "string" for c in layer.columns}
    return frame.astype(types)


def _site_cells(site: Site) -> dict[str, Any]:
    names = ("name", "name_ko", "kind", "status", "source", "source_url", "accuracy_m", "note")
    told = {name: getattr(site, name) for name in names}
    return told | {"site_id": site.id, "aliases": "; ".join(site.aliases) or None}


def _cells(site: Site, part: Boundary | Zone | PublishedPoint) -> dict[str, Any]:
    told: dict[str, Any] = {"site_id": site.id, "sensitivity": part.sensitivity.value}
    names: tuple[str, ...]
    match part:
        case Boundary():
            names = (
                "boundary_id",
                "valid_from",
                "valid_to",
                "source",
                "accuracy_m",
                "accuracy_kind",
                "basis",
            )
            image = part.image
            shown = (image.provider, image.id, image.date) if image else ()
            told |= {"extent": part.extent.value, "image": " ".join(t for t in shown if t) or None}
        case Zone():
            names = ("name",)
            told |= {"zone_id": part.id, "kind": part.kind.value}
        case PublishedPoint():
            names = ("name", "source", "source_url", "accuracy_m", "confidence", "note")
            told |= {"point_id": part.id}
    return told | {name: getattr(part, name) for name in names}
