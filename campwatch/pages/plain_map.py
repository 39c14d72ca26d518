"""A plain `folium.Map` of a site for notebooks: its outlines and newest figures, whole without a network."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import folium
import numpy as np
import shapely

from aoi.site_file import read_site
from campwatch.layers import LAYERS
from campwatch.study import Study
from detection.coal.records import STOCKPILES
from detection.ground.records import DISTURBANCES, FOOTPRINTS
from evidence.errors import WorkspaceError
from evidence.layers import LayerSpec
from maps import composites
from maps.images import encode_colours, geobox_of, mercator_grid, to_mercator
from maps.page import OfflineMap

STYLE = "html, body { margin: 0; height: 100%; } .folium-map { position: absolute; inset: 0; }"
QUALITY = 82
"""Of the picture (WebP)."""
SHOWN = (FOOTPRINTS.name, DISTURBANCES.name, STOCKPILES.name)
"""Layers that are drawn where nothing else is asked for."""
CLEAR_SHARE = 0.9
"""Share of the site that a look has seen at least to be the picture (assumed); else the clearest is."""


def site_map(
    watch: Study, site_id: str, *, layers: tuple[str, ...] = SHOWN, date: dt.date | None = None
) -> folium.Map:
    """A map of one site, to be shown in a notebook or to be added to with folium's own layers.

    It shows everything that the ledger holds, restricted or not: it is for whoever has the workspace.

    Args:
        watch: the workspace.
        site_id: whose map.
        layers: names of layers with geometry; each at its newest time by subject.
        date: of the picture, the nearest look to it; the newest clear look where None.

    Returns:
        a `folium.Map` with Leaflet in it, which asks no server for anything.

    Raises:
        AoiError: where there is no such site.
        WorkspaceError: where a layer has no geometry.
    """
    (path,) = watch.chosen_paths((site_id,))
    site = read_site(path)
    west, south, east, north = site.bounds
    page = OfflineMap(
        title=f"{site.id} (restricted) · campwatch",
        location=((south + north) / 2, (west + east) / 2),
        style=STYLE,
    )
    _add_picture(page, watch, site_id, date)
    lines = [(one.geometry, one.boundary_id) for one in site.boundaries]
    _add(page, "boundary", lines, {"color": "#ffffff", "fillOpacity": 0})
    _add(page, "zone", [(one.geometry, one.id) for one in site.zones], {"color": "#8fe3ff", "fillOpacity": 0})
    for name in layers:
        spec = LAYERS.get(name)
        if spec is None or not spec.has_geometry:
            raise WorkspaceError(f"{name} is no layer with geometry")
        style = {"color": spec.style.line, "fillOpacity": spec.style.fill_opacity, "weight": 2}
        _add(page, name, _newest(watch, site_id, spec), style)
    folium.FitBounds([[south, west], [north, east]]).add_to(page)
    folium.LayerControl().add_to(page)
    return page


def _newest(watch: Study, site_id: str, spec: LayerSpec) -> list[tuple[Any, str]]:
    """Outline and words of each subject at its newest time."""
    table = watch.table(spec.name)
    own = table[(table.site_id == site_id) & table.geometry.notna()]
    if own.empty:
        return []
    subject = spec.subject.strip("{}")
    newest = own
    if spec.time and subject in own:
        newest = own.sort_values(list(spec.time)).drop_duplicates(subject, keep="last")
    told = []
    for row in newest.to_dict("records"):
        low, high = row.get("area_ha_low"), row.get("area_ha_high")
        known = low is not None and high is not None and np.isfinite([low, high]).all()
        area = f": {low:.2f} – {high:.2f} ha" if known else ""
        told.append(
            (
                row["geometry"],
                spec.label.format_map(_Blank({str(name): value for name, value in row.items()})) + area,
            )
        )
    return told


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def _add(page: folium.Map, name: str, outlines: list[tuple[Any, str]], style: dict[str, Any]) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"about": _plain(words)},
            "geometry": json.loads(shapely.to_geojson(shape)),
        }
        for shape, words in outlines
        if shape is not None and not shape.is_empty
    ]
    if not features:
        return
    layer = folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        name=name,
        style_function=lambda _: style,
        tooltip=folium.GeoJsonTooltip(fields=["about"], labels=False),
    )
    layer.add_to(page)


def _plain(text: str) -> str:
    """Words from a file without what a template or a page would read as its own."""
    return "".join(character for character in text[:200] if character not in "{}<>&%#")


def _add_picture(page: folium.Map, watch: Study, site_id: str, date: dt.date | None) -> None:
    cube = watch.cube(site_id)
    sets = composites.available(cube)
    if not sets or cube.sizes["time"] == 0:
        return
    seen = cube["valid"].mean(("y", "x")).values
    if date is not None:
        apart = np.abs(cube["time"].values - np.datetime64(date.isoformat(), "ns"))
        now = int(np.argmin(np.where(seen > 0, apart.astype("int64"), np.iinfo("int64").max)))
    else:
        clear = np.flatnonzero(seen >= CLEAR_SHARE)
        now = int(clear[-1]) if clear.size else int(np.argmax(seen))
    grid = mercator_grid(geobox_of(cube))
    stack = np.stack([cube[band].isel(time=now).values for band in sets[0].bands])
    colours = composites.paint(
        to_mercator(stack, geobox_of(cube), grid), composites.common_stretch(cube, sets[0])
    )
    uri = "data:image/webp;base64," + base64.b64encode(encode_colours(colours, quality=QUALITY)).decode(
        "ascii"
    )
    west, south, east, north = grid.bounds()
    day = str(cube["time"].values[now])[:10]
    folium.raster_layers.ImageOverlay(uri, [[south, west], [north, east]], name=day).add_to(page)
