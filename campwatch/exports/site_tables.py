"""Sites, boundary versions, zones and published points as tables with geometry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd

from aoi.records import Boundary, PublishedPoint, Site, Zone
from detection.coal.records import STOCKPILES
from evidence.layers import BLACK, BLUE, GREY, VERMILION, Column, Kind, Layer, Style
from maps.disclosure import coarse


def _text(name: str, meaning: str, meaning_ko: str) -> Column:
    return Column(name=name, kind=Kind.TEXT, meaning=meaning, meaning_ko=meaning_ko)


_ACCURACY = Column(
    name="accuracy_m",
    kind=Kind.REAL,
    meaning="how far it can be trusted",
    meaning_ko="위치 정확도",
    unit="m",
)
_SITE = _text("site_id", "the site", "대상지")

SUPPORTS = frozenset({STOCKPILES.name, "found_stockpiles", "zones"})
"""Layers whose outlines are supports of a measurement: its area is smaller."""
SUPPORT_NOTE = "The outline is the support of the measurement, not the area: the area is the figure."

SITES = Layer(
    name="sites",
    title="Sites: where we look; an ordering box or polygon, never a camp boundary",
    title_ko="대상지: 살펴보는 곳; 주문 범위 또는 다각형이며 수용소 경계가 아님",
    label="{name}",
    style=Style(line=GREY, width_mm=0.4, dashed=True, height=10, shown_at_first=True),
    columns=(
        _SITE,
        _text("name", "name", "이름"),
        _text("name_ko", "name in Korean", "한국어 이름"),
        _text("aliases", "other names, separated by semicolons", "다른 이름(세미콜론으로 구분)"),
        _text("kind", "what kind of place", "장소의 종류"),
        _text("status", "what is said of it", "알려진 상태"),
        _text("source", "who says where it is", "위치의 출처"),
        _text("source_url", "where they say so", "출처 주소"),
        _ACCURACY,
        _text("note", "what to keep in mind", "유의할 점"),
    ),
    has_geometry=True,
)
BOUNDARIES = Layer(
    name="boundaries",
    title="Dated perimeters as analysts traced them",
    title_ko="분석가가 그린 날짜가 있는 경계",
    label="Boundary {boundary_id} from {valid_from}",
    style=Style(line=VERMILION, width_mm=0.8, height=40, shown_at_first=True),
    span=("valid_from", "valid_to"),
    columns=(
        _SITE,
        _text("boundary_id", "the version", "판본"),
        _text("valid_from", "first day in force (EDTF)", "유효한 첫날(EDTF)"),
        _text(
            "valid_to",
            "first day no longer in force (EDTF); empty while in force",
            "더 이상 유효하지 않은 첫날(EDTF); 유효하면 비어 있음",
        ),
        _text("extent", "complete or partial", "complete(전체) 또는 partial(일부)"),
        _text("source", "who traced it from what", "누가 무엇을 보고 그렸는지"),
        _text("image", "provider, id and date of the image", "영상의 제공자, id, 날짜"),
        _ACCURACY,
        _text("accuracy_kind", "rmse or ce90", "rmse 또는 ce90"),
        _text("basis", "observed, inferred or copied", "observed(관측), inferred(추정), copied(복사)"),
        _text("sensitivity", "public or restricted", "public(공개) 또는 restricted(제한)"),
    ),
    has_geometry=True,
)
ZONES = Layer(
    name="zones",
    title="Parts of a site with a meaning of their own",
    title_ko="대상지 안에서 따로 의미를 갖는 부분",
    label="Zone {zone_id} ({kind})",
    style=Style(line=BLUE, width_mm=0.5, height=30, shown_at_first=True),
    columns=(
        _SITE,
        _text("zone_id", "the zone", "구역"),
        _text(
            "kind",
            "stockyard, pit, spoil, housing, control, exclusion or coal_reference",
            "stockyard(저탄장), pit(채굴장), spoil(폐석), housing(주거), control(대조), exclusion(제외), "
            "coal_reference(기준 석탄)",
        ),
        _text("name", "name", "이름"),
        _text("sensitivity", "public or restricted", "public(공개) 또는 restricted(제한)"),
    ),
    has_geometry=True,
)
POINTS = Layer(
    name="points",
    title="Points that others published for the place",
    title_ko="다른 이들이 이 장소에 대해 공개한 지점",
    label="{name}",
    style=Style(line=BLACK, width_mm=0.5, fill_opacity=1.0, height=100),
    columns=(
        _SITE,
        _text("point_id", "the point", "지점"),
        _text("name", "name", "이름"),
        _text("source", "who published it", "공개한 사람"),
        _text("source_url", "where", "주소"),
        _ACCURACY,
        _text("confidence", "as published", "공개된 대로의 신뢰도"),
        _text("note", "what to keep in mind", "유의할 점"),
        _text("sensitivity", "public or restricted", "public(공개) 또는 restricted(제한)"),
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
