"""Figures for print, of every site that has what they show."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from aoi.records import Site
from campwatch.exports.bundle import Bundle, collect
from campwatch.exports.figure_footprint import FootprintFigure, draw_footprint
from campwatch.exports.figure_page import figure_style, save_figure
from campwatch.exports.figure_pair import PairFigure, ShownFinding, coarse_site, draw_pair
from campwatch.exports.figure_series import SeriesFigure, draw_series
from campwatch.exports.findings import find
from campwatch.exports.imagery import cut, finding_pair, load_looks, projected, usable_looks
from campwatch.exports.labels import row_label
from campwatch.exports.names import export_folder, file_name
from campwatch.exports.stamp import imagery_attribution
from campwatch.exports.vector import plain_records
from campwatch.reviews.findings import row_geometry
from campwatch.workspace import Workspace
from detection.coal.records import SERIES, STOCKPILE_AREAS
from detection.ground.records import FOOTPRINTS
from detection.pairs.looks import LookChoice, whole_site_pair
from evidence.errors import ExportError, WatchError
from evidence.layers import Layer
from evidence.ledger import Ledger
from evidence.rows import StoredRow
from evidence.tables import layer_table
from imagery.cube.observations import OBSERVATIONS
from maps.images import geobox_of

_log = logging.getLogger(__name__)

KINDS = ("pair", "series", "footprint")
NEAR_MARGIN_M = 150.0
"""Ground shown around a finding in its figure at least: fifteen pixels."""
NEAR_SHARE = 0.6
"""The same as a share of the finding's own extent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureOptions:
    """Which figures, of what, for whom."""

    kinds: tuple[str, ...] = KINDS
    sites: tuple[str, ...] = ()
    """Only these; all where empty."""
    before: str | None = None
    """Date of the first picture of a pair; chosen where None."""
    after: str | None = None
    finding: str | None = None
    """Only the pair that straddles this finding."""
    as_of_run: str | None = None
    restricted: bool = False
    out: Path | None = None


def write_figures(workspace: Workspace, options: FigureOptions) -> list[Path]:
    """Write PNG and SVG of each figure.

    Raises:
        ExportError: where there is nothing to draw.
    """
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        bundle = collect(
            workspace,
            ledger,
            restricted=options.restricted,
            as_of_run=options.as_of_run,
            only=options.sites,
        )
    folder = options.out or export_folder(
        workspace.exports_folder, "figures", restricted=options.restricted, as_of_run=options.as_of_run
    )
    written = []
    with figure_style():
        for site in _sites_of(bundle, options):
            for kind in ("pair",) if options.finding else options.kinds:
                for name, figure in _MAKERS[kind](workspace, bundle, site, options):
                    suffix = ".restricted" if options.restricted else ""
                    path = folder / f"{site.id}-{name}{suffix}"
                    written += save_figure(figure, path, title=f"{site.name}: {name}", stamp=bundle.stamp)
    if not written:
        raise ExportError("nothing to draw: no rows for these figures")
    return written


def _sites_of(bundle: Bundle, options: FigureOptions) -> tuple[Site, ...]:
    if options.finding is None:
        return bundle.sites
    return (bundle.site(find(bundle, options.finding)[1].row.site_id),)


def pair_figure(
    workspace: Workspace,
    bundle: Bundle,
    site: Site,
    *,
    before: str | None = None,
    after: str | None = None,
) -> Figure:
    """Before and after of one site.

    Raises:
        MeasurementError: where there are no two looks to compare.
    """
    looks = whole_site_pair(usable_looks(bundle, site.id), before=before, after=after)
    return _drawn_pair(bundle, site, looks, load_looks(workspace, site, looks), finding=None)


def finding_figure(
    workspace: Workspace,
    bundle: Bundle,
    layer: Layer,
    stored: StoredRow,
    looks: tuple[LookChoice, LookChoice],
) -> Figure:
    """The looks on either side of a finding, its outline and number in both, and where it lies."""
    site, shape = bundle.site(stored.row.site_id), row_geometry(stored)
    cube = load_looks(workspace, site, looks)
    shown = None
    if shape is not None:
        west, south, east, north = projected(shape, geobox_of(cube)).bounds
        margin = max(NEAR_MARGIN_M, NEAR_SHARE * max(east - west, north - south))
        cube = cut(cube, shape, margin_m=margin)
        (told,) = plain_records(layer_table(layer, [stored]))
        shown = ShownFinding(
            number=stored.row.subject.removeprefix(f"{site.id}/"),
            label=row_label(layer, told),
            style=layer.style,
            geometry=shape,
        )
    return _drawn_pair(bundle, site, looks, cube, finding=shown)


def _drawn_pair(
    bundle: Bundle,
    site: Site,
    looks: tuple[LookChoice, LookChoice],
    cube: xr.Dataset,
    *,
    finding: ShownFinding | None,
) -> Figure:
    notice = imagery_attribution(
        [str(platform) for platform in cube["platform"].to_numpy()],
        [look.datetime.year for look in looks],
        simulated=site.id in bundle.stamp.simulated,
    )
    shown = coarse_site(site, bundle.stamp.coordinate_decimals)
    return draw_pair(
        PairFigure(
            site=shown, cube=cube, looks=looks, stamp=bundle.stamp, attribution=notice, finding=finding
        )
    )


def _pair(
    workspace: Workspace, bundle: Bundle, site: Site, options: FigureOptions
) -> Iterator[tuple[str, Figure]]:
    if options.finding is not None:
        layer, stored = find(bundle, options.finding)
        pair = finding_pair(workspace, bundle, layer, stored)
        if pair.looks is None:
            raise ExportError(f"no pair of looks straddles {options.finding}: {pair.refused}")
        figure = finding_figure(workspace, bundle, layer, stored, pair.looks)
        yield f"before-after-{file_name(options.finding)}", figure
        return
    named = options.before is not None or options.after is not None
    try:
        figure = pair_figure(workspace, bundle, site, before=options.before, after=options.after)
    except WatchError as err:
        if named or options.kinds == ("pair",):
            raise
        _log.warning("%s: no before/after figure: %s", site.id, err)
        return
    yield "before-after", figure


def _series(
    workspace: Workspace,  # noqa: ARG001 - every maker takes the same
    bundle: Bundle,
    site: Site,
    options: FigureOptions,  # noqa: ARG001
) -> Iterator[tuple[str, Figure]]:
    areas, looks = _rows(bundle, STOCKPILE_AREAS.name, site), _rows(bundle, OBSERVATIONS.name, site)
    if areas is None or looks is None:
        return
    data = SeriesFigure(
        site=site,
        areas=areas,
        series=_rows(bundle, SERIES.name, site),
        looks=looks,
        stamp=bundle.stamp,
        attribution=_notice(bundle, site),
    )
    zones = list(dict.fromkeys(areas["zone_id"]))
    for i in range(0, len(zones), 4):
        number = f"-{i // 4 + 1}" if len(zones) > 4 else ""  # noqa: PLR2004 - panels per page
        yield f"stockpiles{number}", draw_series(data, zones[i : i + 4])


def _footprint(
    workspace: Workspace,  # noqa: ARG001 - every maker takes the same
    bundle: Bundle,
    site: Site,
    options: FigureOptions,  # noqa: ARG001
) -> Iterator[tuple[str, Figure]]:
    rows = _rows(bundle, FOOTPRINTS.name, site)
    if rows is not None:
        notice = _notice(bundle, site)
        data = FootprintFigure(site=site, footprints=rows, stamp=bundle.stamp, attribution=notice)
        yield "footprint", draw_footprint(data)


def _rows(bundle: Bundle, layer: str, site: Site) -> pd.DataFrame | None:
    table = bundle.table(layer)
    if table is None:
        return None
    own = table.plain[table.plain["site_id"] == site.id]
    return None if own.empty else own


def _notice(bundle: Bundle, site: Site) -> str:
    """Whom to name for the imagery of one site."""
    looks = _rows(bundle, OBSERVATIONS.name, site)
    if looks is None:
        return ""
    years = {int(str(moment)[:4]) for moment in looks["datetime"]}
    return imagery_attribution(set(looks["sensor"]), years, simulated=site.id in bundle.stamp.simulated)


_MAKERS: dict[str, Callable[[Workspace, Bundle, Site, FigureOptions], Iterator[tuple[str, Figure]]]] = {
    "pair": _pair,
    "series": _series,
    "footprint": _footprint,
}
