"""Figures for print, of every site that has what they show."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from aoi.records import Site
from campwatch.exports.bundle import Bundle, collect, find
from campwatch.exports.figure_answer import AnswerFigure, draw_answer
from campwatch.exports.figure_boundary import BoundaryFigure, draw_boundary_change
from campwatch.exports.figure_footprint import FootprintFigure, draw_footprint
from campwatch.exports.figure_page import figure_style, figure_word, save_figure
from campwatch.exports.figure_pair import NumberedArea, PairFigure, ShownFinding, coarse_site, draw_pair
from campwatch.exports.figure_series import SeriesFigure, draw_series
from campwatch.exports.formats import export_folder, file_name
from campwatch.exports.imagery import cut, finding_pair, load_looks, projected, usable_looks
from campwatch.exports.labels import row_label
from campwatch.exports.stamp import imagery_attribution
from campwatch.exports.vector import plain_records
from campwatch.questions.records import ANSWERS
from campwatch.reviews.findings import row_geometry
from campwatch.run.progress import Progress, Step, log_step
from campwatch.workspace import Workspace
from detection.boundary.records import BOUNDARY_CHANGES
from detection.coal.records import SERIES, STOCKPILE_AREAS
from detection.ground.records import FOOTPRINTS
from detection.pairs.looks import LookChoice, whole_site_pair
from evidence.errors import ExportError, WatchError
from evidence.layers import Layer
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import StoredRow
from evidence.tables import layer_table
from imagery.cube.observations import OBSERVATIONS
from maps.images import geobox_of

_log = logging.getLogger(__name__)

KINDS = ("pair", "series", "footprint", "boundary", "answer")
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
    language: str = "en"
    """Of captions and legends: en | ko."""
    out: Path | None = None


def write_figures(
    workspace: Workspace, options: FigureOptions, *, progress: Progress = log_step
) -> list[Path]:
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
                progress(Step(site_id=site.id, doing=f"drawing {kind}"))
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
    zone_id: str | None = None,
    language: str = "en",
    bare: bool = False,
) -> tuple[Figure, tuple[LookChoice, LookChoice]]:
    """Before and after of one site, or of the ground around one of its zones; and the two looks.

    Raises:
        MeasurementError: where there are no two looks to compare.
    """
    looks = whole_site_pair(usable_looks(bundle, site.id), before=before, after=after)
    cube = load_looks(workspace, site, looks)
    areas = numbered_areas(bundle, site, looks, only=zone_id)
    focus = areas[0].geometry if zone_id is not None and areas else None
    if focus is not None:
        west, south, east, north = projected(focus, geobox_of(cube)).bounds
        cube = cut(cube, focus, margin_m=max(NEAR_MARGIN_M, NEAR_SHARE * max(east - west, north - south)))
    plain = _plain_pair(bundle, site, looks, cube)
    figure = draw_pair(replace(plain, areas=areas, focus=focus, language=language, bare=bare))
    return figure, looks


def numbered_areas(
    bundle: Bundle, site: Site, looks: tuple[LookChoice, LookChoice], *, only: str | None = None
) -> tuple[NumberedArea, ...]:
    """The measured zones of a site by number, with what each of two looks measured there."""
    frame = _rows(bundle, STOCKPILE_AREAS.name, site)
    if frame is None:
        return ()
    zones = {zone.id: zone for zone in site.zones}
    out = []
    for number, zone_id in enumerate(dict.fromkeys(frame["zone_id"]), 1):
        if zone_id not in zones or only not in {None, zone_id}:
            continue
        own = frame[frame["zone_id"] == zone_id]
        values = tuple(_on_look(own, look.scene_id) for look in looks)
        out.append(
            NumberedArea(
                number=number, name=zone_id, geometry=zones[zone_id].geometry, values=(values[0], values[1])
            )
        )
    return tuple(out)


def _on_look(own: pd.DataFrame, scene_id: str) -> str | None:
    """`0.62 ha (0.28–0.96)` of the row that rests on this scene."""
    found = own[own["scene_ids"].map(lambda ids: scene_id in str(ids).split()) & own["area_ha"].notna()]
    if found.empty:
        return None
    row = found.iloc[-1]
    return f"{row['area_ha']:.2f} ha ({row['area_ha_low']:.2f}–{row['area_ha_high']:.2f})"


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
    return draw_pair(replace(_plain_pair(bundle, site, looks, cube), finding=shown))


def _plain_pair(
    bundle: Bundle, site: Site, looks: tuple[LookChoice, LookChoice], cube: xr.Dataset
) -> PairFigure:
    """The two looks with the site's outlines as the profile shows them."""
    notice = imagery_attribution(
        [str(platform) for platform in cube["platform"].to_numpy()],
        [look.datetime.year for look in looks],
        simulated=site.id in bundle.stamp.simulated,
    )
    shown = coarse_site(site, bundle.stamp.coordinate_decimals)
    return PairFigure(site=shown, cube=cube, looks=looks, stamp=bundle.stamp, attribution=notice)


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
        figure, _ = pair_figure(
            workspace, bundle, site, before=options.before, after=options.after, language=options.language
        )
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
    options: FigureOptions,
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
        language=options.language,
    )
    zones = list(dict.fromkeys(areas["zone_id"]))
    for i in range(0, len(zones), 4):
        number = f"-{i // 4 + 1}" if len(zones) > 4 else ""  # noqa: PLR2004 - panels per page
        yield f"stockpiles{number}", draw_series(data, zones[i : i + 4])


def _footprint(
    workspace: Workspace,  # noqa: ARG001 - every maker takes the same
    bundle: Bundle,
    site: Site,
    options: FigureOptions,
) -> Iterator[tuple[str, Figure]]:
    rows = _rows(bundle, FOOTPRINTS.name, site)
    if rows is not None:
        notice = _notice(bundle, site)
        data = FootprintFigure(
            site=site, footprints=rows, stamp=bundle.stamp, attribution=notice, language=options.language
        )
        yield "footprint", draw_footprint(data)


def boundary_figures(
    workspace: Workspace, bundle: Bundle, site: Site, *, language: str = "en", bare: bool = False
) -> Iterator[tuple[StoredRow, Figure]]:
    """The two versions of every boundary change over the newest clear look."""
    looks = usable_looks(bundle, site.id)
    changes = [s for s in bundle.rows.get(BOUNDARY_CHANGES.name, ()) if s.row.site_id == site.id]
    if not looks or not changes:
        return
    clear = max(looks, key=lambda look: (round(look.valid_fraction, 1), look.datetime))
    cube = load_looks(workspace, site, [clear])
    shown = coarse_site(site, bundle.stamp.coordinate_decimals)
    versions = {version.boundary_id: version for version in shown.boundaries}
    for stored in changes:
        data = stored.row.data
        pair = (versions.get(data["from_boundary_id"]), versions.get(data["to_boundary_id"]))
        if pair[0] is None or pair[1] is None:
            continue
        quantities = {key: Quantity.from_dict(data[f"{key}_ha"]) for key in ("gained", "lost", "net")}
        told = [
            f"{figure_word(key, language)} {quantity_words(quantities[key], language)}"
            for key in ("gained", "lost")
        ]
        told.append(figure_word("net", language, text=quantity_words(quantities["net"], language)))
        figure = draw_boundary_change(
            BoundaryFigure(
                site=shown, cube=cube, look=clear, earlier=pair[0], later=pair[1],
                gained=pair[1].geometry.difference(pair[0].geometry),
                lost=pair[0].geometry.difference(pair[1].geometry), told=told, stamp=bundle.stamp,
                attribution=_notice(bundle, site), language=language, bare=bare,
            )
        )  # fmt: skip
        yield stored, figure


def quantity_words(q: Quantity, language: str) -> str:
    """`0.62 ha (0.31–0.93)`, or that there is no figure."""
    if q.value is None or q.low is None or q.high is None:
        return figure_word("no_figure", language)
    return f"{q.value:.2f} ha ({q.low:.2f}–{q.high:.2f})".replace("-", "−")


def _boundary(
    workspace: Workspace, bundle: Bundle, site: Site, options: FigureOptions
) -> Iterator[tuple[str, Figure]]:
    for stored, figure in boundary_figures(workspace, bundle, site, language=options.language):
        data = stored.row.data
        yield file_name(f"boundary-{data['from_boundary_id']}-{data['to_boundary_id']}"), figure


def answer_figure(stored: StoredRow, language: str) -> Figure | None:
    """The asked change beside ordinary years, where either can be told."""
    data = stored.row.data
    change = Quantity.from_dict(data["value"])
    split = [text.rsplit(":", 1) for text in data["placebos"]]
    placebos = tuple((name, float(value)) for name, value in split)
    if change.value is None and not placebos:
        return None
    return draw_answer(
        AnswerFigure(
            placebos=placebos, change=change, asked=data["question_id"], margin_ha=data["margin_ha"],
            language=language,
        )
    )  # fmt: skip


def _answer(
    workspace: Workspace,  # noqa: ARG001 - every maker takes the same
    bundle: Bundle,
    site: Site,
    options: FigureOptions,
) -> Iterator[tuple[str, Figure]]:
    for stored in bundle.rows.get(ANSWERS.name, ()):
        figure = answer_figure(stored, options.language) if stored.row.site_id == site.id else None
        if figure is not None:
            yield file_name(f"answer-{stored.row.data['question_id']}"), figure


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
    "boundary": _boundary,
    "answer": _answer,
}
