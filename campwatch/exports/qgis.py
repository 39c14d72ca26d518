"""A QGIS project on a read-only copy of the results, with the look of all other exports."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import shapely
from lxml import etree

from campwatch.exports.bundle import Bundle, Table, time_names
from campwatch.exports.formats import named
from campwatch.exports.pictures import SitePicture, write_picture
from campwatch.exports.qgis_views import (
    Raster,
    layer_times,
    layouts,
    project_times,
    raster_layers,
    record_times,
    themes,
)
from campwatch.exports.site_tables import SUPPORTS
from campwatch.exports.vector import geometry_type, write_geopackage
from campwatch.exports.xml import Element, Maker
from campwatch.language import told
from evidence.files import atomic_path, write_zip
from evidence.layers import Style

_E = Maker()
QGIS_VERSION = "3.22.0-Białowieża"
"""Long-term release whose format is written; later ones read it."""
_KINDS = ((0, "Point", "marker"), (1, "Line", "line"), (2, "Polygon", "fill"))
"""(dimension, name of the geometry type, kind of symbol)."""
_MARGIN = 0.05
_POLYGONS = 2


def write_qgis(bundle: Bundle, folder: Path, *, pictures: Sequence[SitePicture] = ()) -> list[Path]:
    """Write `campwatch.qgz` beside the GeoPackage and the pictures that it shows."""
    restricted = bundle.stamp.restricted
    data = named(folder, "results", ".gpkg", restricted=restricted)
    if data.exists():
        data.chmod(data.stat().st_mode | stat.S_IWUSR)  # Windows does not replace what is read-only
    write_geopackage(bundle, data)
    data.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    rasters = [
        Raster(picture=picture, path=write_picture(picture, folder, restricted=restricted))
        for picture in pictures
    ]
    project = named(folder, "campwatch", ".qgz", restricted=restricted)
    text = etree.tostring(
        project_document(bundle, data.name, rasters),
        encoding="UTF-8",
        pretty_print=True,
        doctype="<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>",
    )
    with atomic_path(project) as temporary:
        write_zip(temporary, [(f"{project.stem}.qgs", text)])
    return [project, data, *(raster.path for raster in rasters)]


def project_document(bundle: Bundle, data_name: str, rasters: Sequence[Raster] = ()) -> Element:
    """The project's XML over the GeoPackage `data_name` in the same folder."""
    layers = list(_layers(bundle, data_name))
    times = record_times(bundle)
    drawn = [
        (identifier, short_title(table), layer.findtext("datasource") or "", "ogr")
        for identifier, layer, table in layers
        if table.layer.has_geometry and table.layer.style.shown_at_first
    ]
    title = "campwatch" + (told(" – RESTRICTED") if bundle.stamp.restricted else "")
    return _E(
        "qgis",
        _E("homePath", path=""),
        _E("title", title),
        _E("projectCrs", _wgs84()),
        _tree(layers, rasters, bundle),
        _E(
            "mapcanvas",
            _E("units", "degrees"),
            _extent(bundle),
            _E("rotation", "0"),
            _srs("destinationsrs"),
            name="theMapCanvas",
        ),
        _E("projectlayers", *(layer for _, layer, _ in layers), *raster_layers(rasters, times)),
        themes(drawn, rasters),
        project_times(times),
        layouts(bundle, drawn, rasters),
        _metadata(bundle, title),
        _E(
            "properties",
            _E("Paths", _E("Absolute", "false", type="bool")),
            _E("SpatialRefSys", _E("ProjectionsEnabled", "1", type="int")),  # else projectCrs is not read
        ),
        projectname=title,
        version=QGIS_VERSION,
    )


def _layers(bundle: Bundle, data_name: str) -> Iterator[tuple[str, Element, Table]]:
    """(id, layer, table) for every table, one per dimension of its geometries, top of the map first."""
    for table in sorted(bundle.tables, key=_from_the_top):
        name = table.name
        if not table.layer.has_geometry:
            identifier = f"campwatch_{name}"
            yield identifier, _map_layer(table, identifier, data_name, None), table
            continue
        found = set(shapely.get_dimensions(table.frame.geometry.dropna().to_numpy()).tolist())
        for kind in _KINDS:
            if kind[0] in (found or {_POLYGONS}):
                identifier = f"campwatch_{name}_{kind[1].lower()}"
                yield identifier, _map_layer(table, identifier, data_name, kind), table


def _from_the_top(table: Table) -> int:
    """Sorts tables with geometry as they lie on the map, plain ones below them."""
    return -table.layer.style.height if table.layer.has_geometry else 1


def _map_layer(table: Table, identifier: str, data_name: str, kind: tuple[int, str, str] | None) -> Element:
    geometry = kind[1] if kind else "No geometry"
    mixed = kind is not None and geometry_type(table) == "Unknown"
    source = f"./{data_name}|layername={table.name}" + (f"|geometrytype={geometry}" if mixed else "")
    layer = _E(
        "maplayer",
        _E("id", identifier),
        _E("datasource", source),
        _E("layername", short_title(table)),
        _E("abstract", f"{told(table.layer.title)}. {told(table.attribution)}"),
        _srs("srs") if kind else _E("srs"),
        _E("provider", "ogr", encoding="UTF-8"),
        _E(
            "resourceMetadata",
            _E("identifier", table.name),
            _E("title", told(table.layer.title)),
            _E("abstract", told(table.layer.title)),
            _E("rights", told(table.attribution)),
        ),
        type="vector",
        geometry=geometry,
        readOnly="1",
        autoRefreshEnabled="0",
    )
    if kind:
        layer.append(renderer(table.layer.style, kind[2]))
    begin, end = time_names(table.layer)
    if begin is not None:
        layer.append(layer_times(begin, end))
    return layer


def short_title(table: Table) -> str:
    """The layer's title up to its explanation; that outlines of piles are supports."""
    title = re.split(r"[:;,]", told(table.layer.title))[0]
    return f"{title} {told('(outlines are supports, not areas)')}" if table.name in SUPPORTS else title


def renderer(style: Style, kind: str) -> Element:
    """One symbol for all features of a layer."""
    made = {"fill": _fill_symbol, "line": _line_symbol, "marker": _marker_symbol}[kind](style)
    symbol = _E("symbol", made, type=kind, name="0", alpha="1", clip_to_extent="1", force_rhr="0")
    node = etree.Element("renderer-v2", type="singleSymbol", symbollevels="0", forceraster="0")
    node.append(_E("symbols", symbol))
    return node


def _symbol_layer(name: str, /, **properties: str) -> Element:
    options = [_E("Option", type="QString", name=key, value=value) for key, value in properties.items()]
    node = _E("layer", _E("Option", *options, type="Map"), locked="0", enabled="1")
    node.set("pass", "0")
    node.set("class", name)
    for key, value in properties.items():
        node.append(_E("prop", k=key, v=value))
    return node


def _colour(style: Style, opacity: float = 1.0) -> str:
    red, green, blue = style.rgb()
    return f"{red},{green},{blue},{round(255 * opacity)}"


def _dash(style: Style) -> str:
    return "dash" if style.dashed else "solid"


def _fill_symbol(style: Style) -> Element:
    return _symbol_layer(
        "SimpleFill",
        color=_colour(style, style.fill_opacity),
        style="solid" if style.fill_opacity else "no",
        outline_color=_colour(style),
        outline_style=_dash(style),
        outline_width=str(style.width_mm),
        outline_width_unit="MM",
    )


def _line_symbol(style: Style) -> Element:
    return _symbol_layer(
        "SimpleLine",
        line_color=_colour(style),
        line_style=_dash(style),
        line_width=str(style.width_mm),
        line_width_unit="MM",
    )


def _marker_symbol(style: Style) -> Element:
    return _symbol_layer(
        "SimpleMarker",
        name="circle",
        color=_colour(style),
        outline_color="255,255,255,255",
        size="2.2",
        size_unit="MM",
    )


def _tree(layers: list[tuple[str, Element, Table]], rasters: Sequence[Raster], bundle: Bundle) -> Element:
    root = etree.Element("layer-tree-group")
    maps, imagery, tables = (
        etree.Element("layer-tree-group", name=told(n), expanded="1", checked="Qt::Checked")
        for n in ("Map", "Imagery", "Tables")
    )
    for raster in reversed(rasters):
        imagery.append(raster.tree_node())
    for identifier, layer, table in layers:
        node = etree.SubElement(maps if table.layer.has_geometry else tables, "layer-tree-layer")
        node.set("id", identifier)
        node.set("name", short_title(table))
        shown = table.layer.has_geometry and table.layer.style.shown_at_first
        node.set("checked", "Qt::Checked" if shown else "Qt::Unchecked")
        node.set("expanded", "0")
        node.set("providerKey", "ogr")
        node.set("source", layer.findtext("datasource") or "")
    note = etree.SubElement(root, "customproperties")
    note.append(
        _E(
            "Option",
            _E("Option", type="QString", name="campwatch", value=told(bundle.stamp.footer())),
            type="Map",
        )
    )
    root.extend([maps, imagery, tables])
    return root


def _wgs84() -> Element:
    return _E(
        "spatialrefsys",
        _E("proj4", "+proj=longlat +datum=WGS84 +no_defs"),
        _E("srsid", "3452"),
        _E("srid", "4326"),
        _E("authid", "EPSG:4326"),
        _E("description", "WGS 84"),
        _E("projectionacronym", "longlat"),
        _E("ellipsoidacronym", "EPSG:7030"),
        _E("geographicflag", "true"),
    )


def _srs(tag: str) -> Element:
    node = etree.Element(tag)
    node.append(_wgs84())
    return node


def _extent(bundle: Bundle) -> Element:
    west, south, east, north = shapely.total_bounds([site.aoi for site in bundle.sites])
    dx, dy = _MARGIN * (east - west), _MARGIN * (north - south)
    corners = (("xmin", west - dx), ("ymin", south - dy), ("xmax", east + dx), ("ymax", north + dy))
    return _E("extent", *(_E(tag, f"{value:.7f}") for tag, value in corners))


def _metadata(bundle: Bundle, title: str) -> Element:
    about = "\n".join(f"{told(what)}: {told(value)}" for what, value in bundle.stamp.items())
    notices = dict.fromkeys(table.attribution for table in bundle.tables)
    return _E(
        "projectMetadata",
        _E("title", title),
        _E("abstract", about),
        *(_E("rights", notice) for notice in notices),
    )
