"""The map of one site: a page that opens from disk, with pictures that did not fit beside it."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from evidence.files import write_text
from imagery.cube.observations import sensing_time
from maps import composites
from maps.composites import Stretch
from maps.dates import finding_pairs, list_dates
from maps.disclosure import disclose
from maps.images import geobox_of, plan_pictures
from maps.page import OfflineMap, asset
from maps.paths import map_path
from maps.payload import Payload, korean_of, script_json
from maps.pictures import PictureStore
from maps.records import SiteMapData

FORMAT = "campwatch-site-map/1"
SCRIPTS = (
    "core.js",
    "live.js",
    "outline.js",
    "known.js",
    "pictures.js",
    "vectors.js",
    "timeline.js",
    "charts.js",
    "details.js",
    "tools.js",
    "save.js",
    "print.js",
    "panel.js",
    "more.js",
    "labels.js",
    "review.js",
    "site_edit.js",
    "site.js",
)
MEGABYTE = 1e6
ZOOM_START = 13


def attribution(data: SiteMapData) -> str:
    """Who is to be named for the imagery."""
    if data.attribution is not None:
        return data.attribution
    if data.simulated:
        return "Simulated imagery (campwatch)"
    years = [] if data.cube is None else sorted({sensing_time(t).year for t in data.cube["time"].values})
    span = "" if not years else f" {years[0]}" if len(years) == 1 else f" {years[0]}–{years[-1]}"
    return f"Contains modified Copernicus Sentinel data{span}"


def _kept_native(data: SiteMapData) -> list[BaseGeometry]:
    shapes: list[BaseGeometry] = [zone.geometry for zone in data.site.zones]
    for name, rows in data.rows.items():
        if data.layers[name].reviewed_as and data.layers[name].from_imagery:
            shapes += [shapely.from_wkb(row.geometry) for row in rows if row.geometry is not None]
    return shapes


def _stretch(stretch: Stretch) -> dict[str, Any]:
    return {"low": list(stretch.low), "high": list(stretch.high), "gamma": stretch.gamma}


def _imagery(data: SiteMapData, payload: Payload, store: PictureStore) -> dict[str, Any]:
    """The looks with their pictures, the stretches and the rule that thinned them."""
    if data.cube is None or data.cube.sizes["time"] == 0:
        return {"dates": [], "pairs": {}, "stretches": {}, "grid": None, "change": None}
    plan = plan_pictures(data.cube, _kept_native(data), data.rule)
    dates, stretches = list_dates(data.cube, plan, payload, store, data.rule, drawn=data.drawn)
    return {
        "dates": dates,
        "pairs": finding_pairs(data.cube, plan, dates, data),
        "stretches": {name: _stretch(stretch) for name, stretch in stretches.items()},
        "grid": {
            "bounds": list(plan.grid.bounds()),
            "ground_m": plan.grid.ground_m,
            "size": [plan.grid.shape[1], plan.grid.shape[0]],
            "source": str(geobox_of(data.cube).crs),
        },
        "change": {
            "limit": composites.CHANGE_LIMIT,
            "index": "BSI" if "swir16" in data.cube else "-NDVI",
            "season_days": composites.SEASON_DAYS,
        },
    }


def _content(data: SiteMapData, payload: Payload, store: PictureStore) -> dict[str, Any]:
    rule = data.rule
    return {
        "format": FORMAT,
        **payload.records(),
        **_imagery(data, payload, store),
        "attribution": attribution(data),
        "rule": {
            "native_days": rule.native_days,
            "window_margin_m": rule.window_margin_m,
            "overview_px": rule.overview_px,
            "quality": rule.overview_quality,
            "left_out": store.left_out,
        },
        "folder": store.folder.name,
        "new_since": None if data.new_since is None else payload.moment(data.new_since),
    }


def _embedded(content: dict[str, Any], store: PictureStore) -> str:
    """Data and pictures as inert elements that the program reads."""
    parts = [f'<script type="application/json" id="cw-data">{script_json(content)}</script>']
    parts.append(
        f'<script type="application/json" id="cw-strings">{script_json_text(asset("strings.json"))}</script>'
    )
    parts.append(
        f'<script type="application/json" id="cw-outline">{script_json_text(asset("outline.json"))}</script>'
    )
    parts += [
        f'<script type="text/plain" id="cw-pic-{html.escape(key)}">{uri}</script>'
        for key, uri in sorted(store.inline.items())
    ]
    return "\n".join(parts)


def script_json_text(text: str) -> str:
    """JSON from a file of our own, made safe in the same way."""
    return text.replace("</", "<\\/")


def _page(data: SiteMapData, content: dict[str, Any], store: PictureStore) -> OfflineMap:
    west, south, east, north = data.site.bounds
    before, after = asset("site.html").split("<!-- map -->")
    flags = " is-restricted" if data.profile.restricted else ""
    return OfflineMap(
        title=f"{data.site.name}{' (restricted)' if data.profile.restricted else ''} · campwatch",
        location=((south + north) / 2, (west + east) / 2),
        zoom_start=ZOOM_START,
        zoom_control=False,
        attribution_control=False,
        zoom_snap=0.25,
        wheel_px_per_zoom_level=90,
        style=asset("page.css") + asset("site.css"),
        before=before.replace("{{flags}}", flags),
        after=after + _embedded(content, store),
        program="\n".join(asset(name) for name in SCRIPTS),
    )


def write_site_map(path: Path, data: SiteMapData) -> Path:
    """Write the map of one site and, where pictures do not fit into the page, the folder beside it.

    Args:
        path: of the page; a restricted map gets ``.restricted`` into its name.
        data: what to show; filtered here by its profile before anything is drawn.

    Returns:
        The path that was written.

    Raises:
        ExportError: where a public map is asked for of a restricted site.
    """
    shown = disclose(data)
    target = map_path(path, restricted=data.profile.restricted)
    target.parent.mkdir(parents=True, exist_ok=True)
    store = PictureStore(
        folder=target.with_name(f"{target.stem}.files"),
        budget_bytes=data.rule.page_budget_mb * MEGABYTE,
        beside_bytes=data.rule.beside_budget_mb * MEGABYTE,
    )
    payload = Payload(shown)
    content = _content(shown, payload, store)
    content["korean"] = korean_of(content, data.korean)
    write_text(target, _page(shown, content, store).to_html())
    store.remove_strangers()
    return target
