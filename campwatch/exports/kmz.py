"""KMZ for Google Earth: a folder per site, layer and year, a view of each site, imagery on the ground."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import shapely
from lxml import etree
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

from aoi.geodesy import parts
from aoi.records import Site
from campwatch.exports.bundle import Bundle, Table, as_time, time_names
from campwatch.exports.labels import row_label, row_sentences, site_label
from campwatch.exports.pictures import FOLDER, SitePicture, in_degrees
from campwatch.exports.site_tables import SUPPORT_NOTE, SUPPORTS
from campwatch.exports.vector import plain_records
from campwatch.exports.xml import Element, Maker, clean_text
from campwatch.language import told
from evidence.files import atomic_path, write_zip
from evidence.layers import Layer

KML = "http://www.opengis.net/kml/2.2"
_E = Maker(KML)
_PIXELS_PER_MM = 3.0
_RANGE = 1.3
"""Distance of the eye over the site's diagonal."""


def write_kmz(bundle: Bundle, path: Path, *, pictures: Sequence[SitePicture] = ()) -> Path:
    """Write `doc.kml` in a KMZ, with the pictures of each site in it."""
    overlays = [(picture, f"{FOLDER}/{picture.name}.png", *in_degrees(picture)) for picture in pictures]
    text = etree.tostring(
        _document(bundle, overlays), xml_declaration=True, encoding="UTF-8", pretty_print=True
    )
    with atomic_path(path) as temporary:
        write_zip(temporary, [("doc.kml", text), *((name, png) for _, name, png, _ in overlays)])
    return path


Overlay = tuple[SitePicture, str, bytes, tuple[float, float, float, float]]
"""Picture, its name in the KMZ, PNG, and west, south, east and north."""


def _document(bundle: Bundle, overlays: Sequence[Overlay] = ()) -> Element:
    stamp = bundle.stamp
    title = "campwatch" + (told(" – RESTRICTED") if stamp.restricted else "")
    document = _E(
        "Document",
        _E("name", title),
        _E("open", "1"),
        _E("description", _balloon([f"{told(what)}: {told(value)}" for what, value in stamp.items()])),
    )
    for table in bundle.tables:
        if table.layer.has_geometry:
            document.append(_style(table.layer))
    for site in bundle.sites:
        folder = _E("Folder", _E("name", clean_text(site_label(site))), _E("open", "1"), _look_at(site))
        own = [overlay for overlay in overlays if overlay[0].site_id == site.id]
        if own:
            folder.append(_overlays(own))
        for table in bundle.tables:
            if table.layer.has_geometry:
                _append_layer(folder, table, site.id)
        document.append(folder)
    return _E("kml", document)


def _look_at(site: Site) -> Element:
    """The whole site from above."""
    west, south, east, north = site.aoi.bounds
    centre = site.aoi.centroid
    _, _, across = Geod(ellps="WGS84").inv(west, south, east, north)
    return _E(
        "LookAt",
        _E("longitude", f"{centre.x:.6f}"),
        _E("latitude", f"{centre.y:.6f}"),
        _E("altitude", "0"),
        _E("heading", "0"),
        _E("tilt", "0"),
        _E("range", f"{_RANGE * across:.0f}"),
        _E("altitudeMode", "relativeToGround"),
    )


def _overlays(own: Sequence[Overlay]) -> Element:
    """The pictures of a site; each is shown from its date to that of the next."""
    folder = _E("Folder", _E("name", "Imagery · 영상"), _E("visibility", "1"), _E("open", "0"))
    following = [*(picture.look.local_date for picture, *_ in own[1:]), None]
    for (picture, name, _, (west, south, east, north)), until in zip(own, following, strict=True):
        span = [_E("begin", picture.look.local_date), *([_E("end", until)] if until else [])]
        folder.append(
            _E(
                "GroundOverlay",
                _E("name", f"{picture.look.local_date}, {picture.look.scene_id}"),
                _E("visibility", "0" if until else "1"),
                _E("description", _balloon([f"True colour. {picture.attribution}."])),
                _E("TimeSpan", *span),
                _E("drawOrder", "0"),
                _E("Icon", _E("href", name)),
                _E(
                    "LatLonBox",
                    _E("north", f"{north:.8f}"),
                    _E("south", f"{south:.8f}"),
                    _E("east", f"{east:.8f}"),
                    _E("west", f"{west:.8f}"),
                ),
            )
        )
    return folder


def _append_layer(folder: Element, table: Table, site_id: str) -> None:
    """A folder of the layer, with one for each year where its rows have times."""
    mine = (table.frame["site_id"] == site_id).to_numpy()
    if not mine.any():
        return
    note = [SUPPORT_NOTE] if table.name in SUPPORTS else []
    layer = _E(
        "Folder",
        _E("name", told(table.layer.title)),
        _E("visibility", _visible(table.layer)),
        _E("open", "0"),
        _E("description", _balloon([table.layer.title, *note, table.attribution])),
    )
    begin, _ = time_names(table.layer)
    years: dict[str, Element] = {}
    for row, geometry in zip(plain_records(table.plain[mine]), table.frame.geometry[mine], strict=True):
        moment = as_time(row.get(begin)) if begin else None
        place = layer
        if moment is not None:
            year = f"{moment:%Y}"
            if year not in years:
                years[year] = _E(
                    "Folder", _E("name", year), _E("visibility", _visible(table.layer)), _E("open", "0")
                )
            place = years[year]
        place.append(_placemark(table, row, geometry))
    layer.extend(years[year] for year in sorted(years))
    folder.append(layer)


def _placemark(table: Table, row: dict[str, Any], geometry: BaseGeometry | None) -> Element:
    note = [SUPPORT_NOTE] if table.name in SUPPORTS else []
    mark = _E(
        "Placemark",
        _E("name", clean_text(row_label(table.layer, row))),
        _E("visibility", _visible(table.layer)),
        _E("description", _balloon([*row_sentences(table, row), *note, table.attribution])),
        *_times(table.layer, row),
        _E("styleUrl", f"#{table.name}"),
        _E(
            "ExtendedData",
            *(
                _E("Data", _E("value", clean_text(_text(value))), name=name)
                for name, value in row.items()
                if value is not None
            ),
        ),
    )
    if geometry is not None and not geometry.is_empty:
        mark.append(_geometry(geometry))
    return mark


def _visible(layer: Layer) -> str:
    return "1" if layer.style.shown_at_first else "0"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _balloon(lines: Iterable[str]) -> str:
    """Lines as the HTML that Google Earth takes descriptions for; nothing in them is markup."""
    return "<br>".join(html.escape(clean_text(told(line))) for line in lines)


def _times(layer: Layer, row: dict[str, Any]) -> Iterator[Element]:
    if layer.moment and row.get(layer.moment):
        yield _E("TimeStamp", _E("when", str(row[layer.moment])))
    elif layer.span:
        first, last = (row.get(name) if name else None for name in layer.span)
        begin = [_E("begin", day)] if (day := _kml_date(first)) else []
        end = [_E("end", day)] if (day := _kml_date(last)) else []
        if begin or end:
            yield _E("TimeSpan", *begin, *end)


def _kml_date(value: Any) -> str | None:
    """The date as KML takes it, of an EDTF date: a qualifier is left out, an open end is none."""
    text = str(value or "").rstrip("?~%")
    if text[:4].isdigit() and all(c.isdigit() or c in "-:TZ." for c in text):
        return text
    return None


def _style(layer: Layer) -> Element:
    style = layer.style
    red, green, blue = style.rgb()
    colour = f"{blue:02x}{green:02x}{red:02x}"
    return _E(
        "Style",
        _E("IconStyle", _E("color", f"ff{colour}"), _E("scale", "0.8")),
        _E("LineStyle", _E("color", f"ff{colour}"), _E("width", f"{style.width_mm * _PIXELS_PER_MM:.1f}")),
        _E(
            "PolyStyle",
            _E("color", f"{round(255 * style.fill_opacity):02x}{colour}"),
            _E("fill", "1" if style.fill_opacity else "0"),
        ),
        id=layer.name,
    )


def _geometry(geometry: BaseGeometry) -> Element:
    simple = [_simple(part) for part in parts(shapely.orient_polygons(geometry))]
    return simple[0] if len(simple) == 1 else _E("MultiGeometry", *simple)


def _simple(part: BaseGeometry) -> Element:
    if isinstance(part, shapely.Polygon):
        holes = [_E("innerBoundaryIs", _ring(ring)) for ring in part.interiors]
        return _E("Polygon", _E("tessellate", "1"), _E("outerBoundaryIs", _ring(part.exterior)), *holes)
    if isinstance(part, shapely.Point):
        return _E("Point", _coordinates(part))
    return _E("LineString", _E("tessellate", "1"), _coordinates(part))


def _ring(ring: BaseGeometry) -> Element:
    return _E("LinearRing", _coordinates(ring))


def _coordinates(part: BaseGeometry) -> Element:
    return _E("coordinates", " ".join(f"{x:.7f},{y:.7f}" for x, y in shapely.get_coordinates(part)))
