"""What a QGIS project shows beside its vector layers: imagery, themes, times, print layouts."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from lxml import etree
from pyproj import CRS, Transformer

from aoi.records import Site
from campwatch.exports.bundle import SUFFIX, Bundle, as_time
from campwatch.exports.pictures import FOLDER, SitePicture
from campwatch.exports.xml import Element, Maker
from campwatch.language import told
from imagery.cube.observations import OBSERVATIONS

_E = Maker()
Drawn = tuple[str, str, str, str]
"""Id, name, source and provider of a layer."""
_PAGE, _MAP, _LABEL, _LEGEND, _SCALE = "65638", "65639", "65641", "65642", "65646"
"""Kinds of items of a layout, as QGIS numbers them."""
_PAPER_MM = (297.0, 210.0)
_MAP_MM = (10.0, 20.0, 195.0, 168.0)
"""Left, top, width and height of the map on the paper."""
_ROOM = 1.08
"""The map shows this much more than the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """A picture as a layer of the project."""

    picture: SitePicture
    path: Path

    @property
    def id(self) -> str:
        """Of the layer."""
        return f"campwatch_picture_{self.picture.name}".replace("-", "_")

    @property
    def name(self) -> str:
        """Of the layer."""
        return f"{self.picture.site_id}, {self.picture.look.local_date}"

    @property
    def source(self) -> str:
        """Beside the project."""
        return f"./{FOLDER}/{self.path.name}"

    def tree_node(self) -> Element:
        """In the tree of layers."""
        return _node((self.id, self.name, self.source, "gdal"))


def _node(drawn: Drawn) -> Element:
    node = etree.Element("layer-tree-layer")
    for key, value in zip(("id", "name", "source", "providerKey"), drawn, strict=True):
        node.set(key, value)
    node.set("checked", "Qt::Checked")
    node.set("expanded", "0")
    return node


def record_times(bundle: Bundle) -> tuple[dt.datetime, dt.datetime]:
    """First and last look of the export."""
    found = [as_time(s.row.data["datetime"]) for s in bundle.rows.get(OBSERVATIONS.name, ())]
    moments = sorted(moment for moment in found if moment is not None)
    now = as_time(bundle.stamp.as_of) or dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (moments[0], moments[-1] + dt.timedelta(days=1)) if moments else (now, now)


def _iso(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def layer_times(begin: str, end: str | None) -> Element:
    """The columns by which the temporal controller shows and hides features."""
    attributes = {
        "enabled": "1", "mode": "2" if end else "1", "startField": begin + SUFFIX,
        "endField": end + SUFFIX if end else "", "durationField": "", "durationUnit": "min",
        "fixedDuration": "0", "accumulate": "0", "startExpression": "", "endExpression": "", "limitMode": "0",
    }  # fmt: skip
    return _E("temporal", _E("fixedRange", _E("start"), _E("end")), **attributes)


def project_times(times: tuple[dt.datetime, dt.datetime]) -> Element:
    """From the first look to the last, by months."""
    return _E(
        "ProjectTimeSettings",
        _E("TemporalRange", _E("start", _iso(times[0])), _E("end", _iso(times[1]))),
        timeStep="1", timeStepUnit="mo", frameRate="1", cumulativeTemporalRange="0",
    )  # fmt: skip


def raster_layers(rasters: Sequence[Raster], times: tuple[dt.datetime, dt.datetime]) -> list[Element]:
    """The pictures as layers; each is shown until the next one of its site."""
    until = {
        a.id: b.picture.look.datetime for a, b in pairwise(rasters) if a.picture.site_id == b.picture.site_id
    }
    first: dict[str, str] = {}
    for raster in rasters:
        first.setdefault(raster.picture.site_id, raster.id)
    return [
        _raster_layer(
            raster,
            times[0] if first[raster.picture.site_id] == raster.id else raster.picture.look.datetime,
            until.get(raster.id, times[1]),
        )
        for raster in rasters
    ]


def _raster_layer(raster: Raster, begin: dt.datetime, end: dt.datetime) -> Element:
    colours = _E(
        "rasterrenderer", _E("rasterTransparency"),
        type="multibandcolor", redBand="1", greenBand="2", blueBand="3", alphaBand="4", opacity="1",
    )  # fmt: skip
    return _E(
        "maplayer",
        _E("id", raster.id),
        _E("datasource", raster.source),
        _E("layername", raster.name),
        _E(
            "abstract",
            f"{told('True colour')}, {raster.picture.look.scene_id}. {raster.picture.attribution}",
        ),
        _E("srs", reference_system(raster.picture.epsg)),
        _E("provider", "gdal"),
        _E("resourceMetadata", _E("title", raster.name), _E("rights", raster.picture.attribution)),
        _E("pipe", _E("provider"), colours),
        _E(
            "temporal",
            _E("fixedRange", _E("start", _iso(begin)), _E("end", _iso(end))),
            enabled="1", mode="0", fetchMode="0",
        ),
        type="raster",
    )  # fmt: skip


def reference_system(epsg: int) -> Element:
    """A coordinate system as QGIS reads it: by its text, then by its code."""
    text = CRS.from_epsg(epsg).to_wkt()
    return _E("spatialrefsys", _E("wkt", text), _E("srid", str(epsg)), _E("authid", f"EPSG:{epsg}"))


def theme_names(rasters: Sequence[Raster]) -> list[tuple[str, Raster | None]]:
    """One theme without imagery, and one for each picture."""
    return [(_theme(None), None), *((_theme(raster), raster) for raster in rasters)]


def _theme(raster: Raster | None) -> str:
    """Its name in the language that is spoken."""
    return told(f"Imagery {raster.name}" if raster else "Outlines")


def themes(drawn: Sequence[Drawn], rasters: Sequence[Raster]) -> Element:
    """What is shown together."""
    out = etree.Element("visibility-presets")
    for name, raster in theme_names(rasters):
        shown = [*(identifier for identifier, *_ in drawn), *([raster.id] if raster else [])]
        out.append(
            _E(
                "visibility-preset",
                *(_E("layer", id=identifier, visible="1") for identifier in shown),
                name=name,
            )
        )
    return out


def layouts(bundle: Bundle, drawn: Sequence[Drawn], rasters: Sequence[Raster]) -> Element:
    """A page for each site: map with coordinates, title, legend, scale, whom to name."""
    out = etree.Element("Layouts")
    for site in bundle.sites:
        newest = [raster for raster in rasters if raster.picture.site_id == site.id][-1:]
        out.append(_layout(bundle, site, drawn, newest[0] if newest else None))
    return out


def _layout(bundle: Bundle, site: Site, drawn: Sequence[Drawn], raster: Raster | None) -> Element:
    epsg = raster.picture.epsg if raster else 4326
    map_id = _uuid(f"{site.id}/map")
    name = f"{site.name} · {site.name_ko}" if site.name_ko else site.name
    title = name + (told(f", imagery of {raster.picture.look.local_date}") if raster else "")
    if bundle.stamp.restricted:
        title += told(" – RESTRICTED")
    credit = f"{raster.picture.attribution}. " if raster else ""
    caution = told("Outlines are supports of a measurement, not areas.")
    left, top, width, height = _MAP_MM
    legend = [(identifier, _wrapped(name), source, provider) for identifier, name, source, provider in drawn]
    return _E(
        "Layout",
        _E("Snapper", tolerance="5", snapToGuides="1", snapToItems="1", snapToGrid="0"),
        _E("Grid", resolution="10", resUnits="mm", offsetX="0", offsetY="0", offsetUnits="mm"),
        _E("PageCollection", _item(_PAGE, f"{site.id}/page", (0.0, 0.0, *_PAPER_MM))),
        _label(f"{site.id}/title", title, (left, 8.0, 277.0, 10.0), points=16),
        _label(
            f"{site.id}/foot",
            f"{credit}{caution} {told(bundle.stamp.footer())}",
            (left, top + height + 3.0, 277.0, 14.0), points=8,
        ),
        _legend(f"{site.id}/legend", map_id, legend, (left + width + 5.0, top)),
        _scale_bar(f"{site.id}/scale", map_id, site, (left + width + 5.0, top + height - 16.0)),
        _map(site, epsg, _theme(raster)),
        name=f"{site.name} (A4)", units="mm", worldFileMap=map_id, printResolution="200",
    )  # fmt: skip


def _wrapped(name: str) -> str:
    """A name in lines that fit beside the map."""
    return "|".join(textwrap.wrap(name, 38))


def _uuid(name: str) -> str:
    """The same for the same name: the file does not differ from day to day."""
    return "{" + str(uuid5(NAMESPACE_URL, f"campwatch/{name}")) + "}"


def _item(
    kind: str, name: str, place: tuple[float, float, float, float], *parts: Element, **more: str
) -> Element:
    left, top, width, height = place
    at = f"{left:g},{top:g},mm"
    uuid = _uuid(name)
    return _E(
        "LayoutItem",
        _E("FrameColor", red="0", green="0", blue="0", alpha="255"),
        _E("BackgroundColor", red="255", green="255", blue="255", alpha="255"),
        *parts,
        type=kind, uuid=uuid, templateUuid=uuid, id=name.rsplit("/", maxsplit=1)[-1], position=at,
        positionOnPage=at,
        size=f"{width:g},{height:g},mm", referencePoint="0", visibility="1", opacity="1", zValue="1",
        frame="true" if kind == _MAP else "false", outlineWidthM="0.3,mm", frameJoinStyle="miter",
        background="false" if kind in {_LABEL, _SCALE} else "true", blendMode="0", itemRotation="0",
        positionLock="false", excludeFromExports="0", groupUuid="", **more,
    )  # fmt: skip


def _font(points: float) -> str:
    return f"Noto Sans KR,{points:g},-1,5,50,0,0,0,0,0"


def _text_style(points: str) -> Element:
    return _E(
        "text-style",
        fontFamily="Noto Sans KR", fontSize=points, fontSizeUnit="Point", textColor="0,0,0,255",
    )  # fmt: skip


def _label(name: str, text: str, place: tuple[float, float, float, float], *, points: float) -> Element:
    return _item(
        _LABEL, name, place, _E("LabelFont", description=_font(points), style=""),
        _E("FontColor", red="0", green="0", blue="0", alpha="255"),
        labelText=text, htmlState="0", halign="1", valign="32", marginX="0", marginY="0",
    )  # fmt: skip


def _map(site: Site, epsg: int, theme: str) -> Element:
    left, bottom, right, top = _shown(site, epsg)
    step = _round((right - left) / 4)
    grid = _E(
        "ComposerMapGrid",
        _text_style("7"),
        name="coordinates", uuid=_uuid(f"{site.id}/grid"), show="1", gridStyle="3", unit="0",
        intervalX=f"{step:g}", intervalY=f"{step:g}", offsetX="0", offsetY="0", showAnnotation="1",
        annotationFormat="0", annotationPrecision="0" if epsg != 4326 else "3", frameAnnotationDistance="1",  # noqa: PLR2004 - degrees
        leftAnnotationPosition="0", rightAnnotationPosition="0", topAnnotationPosition="0",
        bottomAnnotationPosition="0", leftAnnotationDisplay="0", rightAnnotationDisplay="3",
        topAnnotationDisplay="3", bottomAnnotationDisplay="0", leftAnnotationDirection="1",
        gridFrameStyle="0", position="3", blendMode="0", crossLength="3",
    )  # fmt: skip
    return _item(
        _MAP, f"{site.id}/map", _MAP_MM,
        _E("Extent", xmin=f"{left:.6f}", ymin=f"{bottom:.6f}", xmax=f"{right:.6f}", ymax=f"{top:.6f}"),
        _E("crs", reference_system(epsg)),
        _E("LayerSet"),
        grid,
        followPreset="true", followPresetName=theme, keepLayerSet="false", drawCanvasItems="false",
        mapRotation="0", labelMargin="0,mm", mapFlags="0", isTemporal="0",
    )  # fmt: skip


def _shown(site: Site, epsg: int) -> tuple[float, float, float, float]:
    """West, south, east and north of the map: the site with room, in the shape of the paper."""
    west, south, east, north = site.aoi.bounds
    move = Transformer.from_crs("EPSG:4326", f"EPSG:{epsg}", always_xy=True)
    left, bottom, right, top = move.transform_bounds(west, south, east, north)
    width, height = (right - left) * _ROOM, (top - bottom) * _ROOM
    shape = _MAP_MM[2] / _MAP_MM[3]
    width, height = max(width, height * shape), max(height, width / shape)
    x, y = (left + right) / 2, (bottom + top) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _round(value: float) -> float:
    power = 10.0 ** len(f"{value:.0f}") / 10.0 if value >= 1.0 else 0.001
    return max((s * power for s in (1.0, 2.0, 5.0) if s * power <= value), default=power)


def _legend(name: str, map_id: str, drawn: Sequence[Drawn], at: tuple[float, float]) -> Element:
    tree = etree.Element("layer-tree-group")
    for one in drawn:
        node = _node(one)
        label = _E("Option", type="QString", name="legend/title-label", value=one[1])
        node.append(_E("customproperties", _E("Option", label, type="Map")))
        tree.append(node)
    styles = _E(
        "styles",
        *(
            _E(
                "style", _E("styleFont", description=_font(8), style=""),
                name=style, alignment="1", indent="0", marginTop="2", marginLeft="2",
            )
            for style in ("title", "group", "subgroup", "symbol", "symbolLabel")
        ),
    )  # fmt: skip
    return _item(
        _LEGEND, name, (*at, 75.0, 100.0), styles, tree,
        map_uuid=map_id, title="", resizeToContents="1", wrapChar="|", columnCount="1", symbolWidth="6",
        symbolHeight="3.5", boxSpace="1", columnSpace="2", legendFilterByAtlas="0", splitLayer="0",
        equalColumnWidth="0", titleAlignment="1", symbolAlignment="1", fontColor="#000000",
    )  # fmt: skip


def _scale_bar(name: str, map_id: str, site: Site, at: tuple[float, float]) -> Element:
    west, south, east, north = _shown(site, 3857)
    del south, north
    metres = _round((east - west) / 8)
    return _item(
        _SCALE, name, (*at, 70.0, 12.0),
        _text_style("8"),
        _E("strokeColor", red="0", green="0", blue="0", alpha="255"),
        _E("fillColor", red="0", green="0", blue="0", alpha="255"),
        _E("fillColor2", red="255", green="255", blue="255", alpha="255"),
        mapUuid=map_id, style="Single Box", unitType="meters", unitLabel="m", numSegments="2",
        numSegmentsLeft="0", numUnitsPerSegment=f"{metres:g}", numMapUnitsPerScaleBarUnit="1", height="2",
        segmentSizeMode="0", labelBarSpace="2", boxContentSpace="1", outlineWidth="0.3", alignment="0",
        minBarWidth="20", maxBarWidth="70", segmentMillimeters="15",
    )  # fmt: skip
