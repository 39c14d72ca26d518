"""The first page: what is new, not seen, or awaiting review, and every site's latest figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import folium

from detection.sampling.references import ENOUGH
from evidence.files import write_text
from maps.disclosure import public_summaries
from maps.page import OfflineMap, asset
from maps.paths import map_path
from maps.payload import check, korean_of, moment, quantity, script_json
from maps.records import Profile, RunInfo, SiteSummary
from maps.site_map import script_json_text

FORMAT = "campwatch-overview/1"
SCRIPTS = ("core.js", "outline.js", "overview.js")
ALONE_DEGREES = 0.05
"""Half the side of the view around a single site."""


def _line(summary: SiteSummary, time_zone: str) -> dict[str, Any]:
    site = summary.site
    last = None if summary.last_look is None else moment(summary.last_look, time_zone)
    attempt = None if summary.last_attempt is None else moment(summary.last_attempt, time_zone)
    since = None if summary.new_since is None else moment(summary.new_since, time_zone)
    west, south, east, north = site.bounds
    return {
        "id": site.id, "name": site.name, "name_ko": site.name_ko, "aliases": list(site.aliases),
        "kind": site.kind,
        "status": site.status, "map": summary.map_path, "last": last, "attempt": attempt,
        "not_seen": summary.not_seen_reason, "stockpile": quantity(summary.stockpile_ha),
        "zones": [
            {"name": name, "area": quantity(area), "date": None if day is None else day.isoformat()}
            for name, area, day in summary.stockpile_zones
        ],
        "zones_hidden": summary.stockpile_hidden, "new_by": dict(summary.new_by), "new_all": summary.new_all,
        "stockpile_date": None if summary.stockpile_date is None else summary.stockpile_date.isoformat(),
        "footprint": quantity(summary.footprint_ha), "epoch": summary.footprint_epoch,
        "outside": quantity(summary.outside_ha),
        "checks": {"stockpile": check(summary.stockpile_check), "footprint": check(summary.footprint_check)},
        "new": summary.new_findings, "since": since,
        "first_review": summary.awaiting_first_review, "second_review": summary.awaiting_second_review,
        "alerts": summary.open_alerts, "trend": summary.trend if summary.trend_test else None,
        "trend_test": summary.trend_test,
        "middle": [round((south + north) / 2, 3), round((west + east) / 2, 3)],
    }  # fmt: skip


def _bounds(lines: Sequence[dict[str, Any]]) -> list[list[float]]:
    latitudes = [line["middle"][0] for line in lines] or [39.0]
    longitudes = [line["middle"][1] for line in lines] or [127.0]
    return [
        [min(latitudes) - ALONE_DEGREES, min(longitudes) - ALONE_DEGREES],
        [max(latitudes) + ALONE_DEGREES, max(longitudes) + ALONE_DEGREES],
    ]


def _page(content: dict[str, Any], lines: Sequence[dict[str, Any]], *, restricted: bool) -> OfflineMap:
    bounds = _bounds(lines)
    middle = ((bounds[0][0] + bounds[1][0]) / 2, (bounds[0][1] + bounds[1][1]) / 2)
    before, after = asset("overview.html").split("<!-- map -->")
    data = f'<script type="application/json" id="cw-data">{script_json(content)}</script>'
    strings = (
        f'<script type="application/json" id="cw-strings">{script_json_text(asset("strings.json"))}</script>'
    )
    outline = (
        f'<script type="application/json" id="cw-outline">{script_json_text(asset("outline.json"))}</script>'
    )
    page = OfflineMap(
        title=f"campwatch{' (restricted)' if restricted else ''}",
        location=middle,
        zoom_start=7,
        attribution_control=False,
        scroll_wheel_zoom=False,
        style=asset("page.css") + asset("overview.css"),
        before=before.replace("{{flags}}", " is-restricted" if restricted else ""),
        after=f"{after}{data}\n{strings}\n{outline}",
        program="\n".join(asset(name) for name in SCRIPTS),
    )
    folium.FitBounds(bounds, padding=(24, 24), max_zoom=11).add_to(page)
    return page


def write_overview(
    path: Path,
    summaries: Sequence[SiteSummary],
    *,
    run: RunInfo | None = None,
    profile: Profile | None = None,
    time_zone: str = "Asia/Pyongyang",
    simulated: bool = False,
    korean: Callable[[str], str] | None = None,
) -> Path:
    """Write the first page; a restricted one gets ``.restricted`` into its name.

    Args:
        path: of the page, usually ``maps/index.html``.
        summaries: one line per site; without the restricted profile restricted sites are left out.
        run: which run the figures are from.
        profile: who the page is for.
        time_zone: for local dates beside UTC.
        simulated: whether the figures are of simulated sites.
        korean: reads a reason, which is kept in English, in Korean.

    Returns:
        The path that was written.
    """
    restricted = profile is not None and profile.restricted
    shown = public_summaries(summaries, restricted=restricted)
    lines = [_line(summary, time_zone) for summary in shown]
    content: dict[str, Any] = {
        "format": FORMAT,
        "sites": lines,
        "withheld": len(summaries) - len(shown),
        "restricted": restricted,
        "enough": ENOUGH,
        "simulated": simulated,
        "dates": [],
        "run": None
        if run is None
        else {"id": run.run_id, "version": run.version, **moment(run.as_of, time_zone)},
    }
    content["korean"] = korean_of(content, korean)
    target = map_path(path, restricted=restricted)
    write_text(target, _page(content, lines, restricted=restricted).to_html())
    return target
