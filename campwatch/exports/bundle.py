"""What every export is made from: disclosed rows as tables, single findings among them, sites, the stamp."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from aoi.records import Site
from aoi.site_file import read_site
from campwatch import __version__
from campwatch.custody.korean import file_note
from campwatch.exports.site_tables import BOUNDARIES, POINTS, SITE_LAYERS, ZONES, site_frames
from campwatch.exports.stamp import SIMULATED, SOURCE_NOT_STATED, Stamp, imagery_attribution, site_attribution
from campwatch.layers import LAYERS
from campwatch.reviews.findings import PLACE
from campwatch.reviews.validation import Checks, all_checks, annotation
from campwatch.settings import MapSettings
from campwatch.workspace import Workspace
from detection.pairs.looks import Finding
from evidence.anchors import clock_words
from evidence.custody import heads_digest
from evidence.errors import ExportError
from evidence.layers import Column, Layer, LayerSpec
from evidence.ledger import Ledger
from evidence.record_reading import read_record
from evidence.rows import StoredRow
from evidence.runs import heads_of, last_measured, last_with_rows, layer_rows, links_until, release_of
from evidence.tables import layer_columns, layer_frames
from imagery.cube.observations import OBSERVATIONS
from maps.disclosure import Disclosure, is_public, public_site

OWN_WORD = "this workspace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One layer as it is exported."""

    layer: Layer
    columns: tuple[tuple[str, Column], ...]
    """(name in the frame, column it belongs to)."""
    frame: pd.DataFrame
    """A GeoDataFrame in EPSG:4326 where the layer has geometry."""
    attribution: str

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def plain(self) -> pd.DataFrame:
        """The frame without geometry."""
        return pd.DataFrame(self.frame.drop(columns="geometry")) if self.layer.has_geometry else self.frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Everything that one export may show."""

    stamp: Stamp
    sites: tuple[Site, ...]
    """Disclosed already."""
    rows: Mapping[str, tuple[StoredRow, ...]]
    """By layer; disclosed already."""
    tables: tuple[Table, ...]
    """Those that have rows."""

    def table(self, name: str) -> Table | None:
        """The table of a layer, where it has rows."""
        return next((table for table in self.tables if table.name == name), None)

    def site(self, site_id: str) -> Site:
        """One of the sites.

        Raises:
            ExportError: where it is not shown.
        """
        found = next((site for site in self.sites if site.id == site_id), None)
        if found is None:
            raise ExportError(f"no site {site_id} in this export; there are: {_names(self.sites)}")
        return found

    def of(self, site_id: str) -> Bundle:
        """The same for a file about one site: it names no other."""
        stamp = self.stamp.of(site_id)
        sites = tuple(site for site in self.sites if site.id == site_id)
        rows = {
            layer: tuple(stored for stored in held if stored.row.site_id == site_id)
            for layer, held in self.rows.items()
        }
        return Bundle(stamp=stamp, sites=sites, rows=rows, tables=tuple(_tables(rows, sites, stamp)))


def collect(
    workspace: Workspace,
    ledger: Ledger,
    *,
    restricted: bool = False,
    as_of_run: str | None = None,
    only: Sequence[str] = (),
    release_id: str | None = None,
) -> Bundle:
    """The rows that this export may show, current or as of a run.

    Args:
        workspace: whose.
        ledger: its truth.
        restricted: whether to show what is not marked public.
        as_of_run: as things stood when this run had ended.
        only: these sites; all where empty.
        release_id: the citable id of a release in the making; one that froze these rows is found by itself.

    Raises:
        ExportError: where nothing may be shown.
    """
    everything = [read_site(path) for path in workspace.chosen_paths(tuple(only))]
    shown = [site for site in everything if restricted or is_public(site)]
    if not shown:
        raise ExportError(
            f"nothing to export: {_names(everything)} not marked public; --restricted exports it, and says so"
        )
    links = links_until(ledger, as_of_run)
    if not links:
        raise ExportError("nothing to export: the ledger is empty")
    measured = last_measured(links)
    newest = max(measured.values(), key=lambda entry: entry.time, default=last_with_rows(links)[1])
    as_of = newest.time
    rules = MapSettings() if restricted else workspace.settings.map
    checks = all_checks(ledger, shown, as_of_run=as_of_run)
    rows = _disclosed(
        ledger, shown, as_of_run, as_of=as_of, rules=None if restricted else rules, checks=checks
    )
    sites = tuple(shown if restricted else map(public_site, shown))
    heads = heads_of(links)
    stamp = Stamp(
        release_id=release_id or release_of(ledger.custody_as_written(), links),
        run_id=newest.run_id,
        as_of=as_of,
        custody_head=heads_digest(heads),
        heads={site.id: heads[site.id] for site in sites if site.id in heads},
        measured={site.id: measured[site.id].run_id for site in sites if site.id in measured},
        version=__version__,
        restricted=restricted,
        coordinate_decimals=rules.coordinate_decimals,
        delay_days=rules.delay_days,
        simulated=tuple(site.id for site in sites if site.kind == "simulated"),
        checks=checks,
        clock=clock_words(ledger.whole(links)),
        language=file_note(ledger),
    )
    return Bundle(stamp=stamp, sites=sites, rows=rows, tables=tuple(_tables(rows, sites, stamp)))


def _disclosed(
    ledger: Ledger,
    sites: Sequence[Site],
    as_of_run: str | None,
    *,
    as_of: str,
    rules: MapSettings | None,
    checks: Mapping[str, Checks],
) -> dict[str, tuple[StoredRow, ...]]:
    annotate = annotation(ledger, sites, as_of_run=as_of_run, checks=checks)
    held: dict[str, dict[str, list[StoredRow]]] = {site.id: {} for site in sites}
    for name, spec in LAYERS.items():
        for stored in annotate(layer_rows(ledger, spec, as_of_run=as_of_run)):
            if stored.row.site_id in held:
                held[stored.row.site_id].setdefault(name, []).append(stored)
    if rules is not None:
        delay = dt.timedelta(days=rules.delay_days)
        for site in sites:
            disclosure = Disclosure(
                site,
                LAYERS,
                {name: [stored.row for stored in own] for name, own in held[site.id].items()},
                newest=dt.datetime.fromisoformat(as_of) - delay if delay else None,
                decimals=rules.coordinate_decimals,
            )
            held[site.id] = {
                name: [
                    replace(stored, row=shown)
                    for stored in own
                    if (shown := disclosure.public_row(stored.row)) is not None
                ]
                for name, own in held[site.id].items()
            }
    return {
        name: tuple(stored for site in sites for stored in held[site.id].get(name, ())) for name in LAYERS
    }


def _tables(rows: Mapping[str, tuple[StoredRow, ...]], sites: tuple[Site, ...], stamp: Stamp) -> list[Table]:
    notice = _imagery_notice(rows[OBSERVATIONS.name], stamp)
    made = [
        Table(
            layer=layer,
            columns=tuple((column.name, column) for column in layer.columns),
            frame=frame,
            attribution=_site_layer_attribution(layer, sites),
        )
        for layer, frame in site_frames(sites, decimals=stamp.coordinate_decimals)
    ]
    for name, spec in LAYERS.items():
        if rows[name]:
            named = notice if spec.from_imagery else OWN_WORD
            made += [
                Table(layer=layer, columns=tuple(layer_columns(layer)), frame=frame, attribution=named)
                for layer, frame in layer_frames(spec, rows[name])
            ]
    return [table for table in made if len(table.frame)]


def _site_layer_attribution(layer: Layer, sites: Sequence[Site]) -> str:
    traced = [b.source or SOURCE_NOT_STATED for site in sites for b in site.boundaries]
    published = [p.source or SOURCE_NOT_STATED for site in sites for p in site.points]
    told = {BOUNDARIES.name: traced, POINTS.name: published, ZONES.name: [OWN_WORD]}
    return "; ".join(dict.fromkeys(told.get(layer.name, [site_attribution(site) for site in sites])))


def _imagery_notice(looks: Sequence[StoredRow], stamp: Stamp) -> str:
    looks = [look for look in looks if look.row.site_id not in stamp.simulated]
    sensors = {str(look.row.data["sensor"]) for look in looks}
    years = {int(str(look.row.data["datetime"])[:4]) for look in looks}
    named = [imagery_attribution(sensors, years)] if looks else []
    return "; ".join([*named, *(f"{site}: {SIMULATED}" for site in stamp.simulated)])


def known_layers() -> tuple[Layer, ...]:
    """Every layer that an export can hold, with or without rows."""
    return (*SITE_LAYERS, *(layer for spec in LAYERS.values() for layer in (spec, *spec.outlines)))


def is_site_layer(layer: Layer) -> bool:
    """Whether it tells what site files say, without the columns that every row of the ledger has."""
    return layer in SITE_LAYERS


def _names(sites: Sequence[Site]) -> str:
    return ", ".join(site.id for site in sites) or "none"


_ISO = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?Z?)?[?~%]?$")
SUFFIX = "_time"


def as_time(value: Any) -> dt.datetime | None:
    """A moment in UTC of an ISO or EDTF text; its qualifier is left out; None for anything else."""
    found = _ISO.match(str(value)) if value is not None else None
    if found is None:
        return None
    *whole, fraction = found.groups()
    year, month, day, hour, minute, second = (int(part) if part else None for part in whole)
    try:
        return dt.datetime(
            year or 1, month or 1, day or 1, hour or 0, minute or 0, second or 0,
            round(1e6 * float(fraction or 0.0)), tzinfo=dt.UTC,
        )  # fmt: skip
    except ValueError:
        return None


def time_names(layer: Layer) -> tuple[str | None, str | None]:
    """The columns that begin and end what a row speaks of; the second is None for a moment."""
    if layer.moment:
        return layer.moment, None
    return layer.span or (None, None)


def with_times(layer: Layer, frame: pd.DataFrame) -> pd.DataFrame:
    """The table with a column of times beside each text column that its rows begin or end by."""
    added = frame.copy()
    for name in time_names(layer):
        if name is not None and name in frame:
            moments = [as_time(value) if pd.notna(value) else None for value in frame[name]]
            added[name + SUFFIX] = pd.Series(moments, index=frame.index, dtype="datetime64[ns, UTC]")
    return added


def find(bundle: Bundle, name: str) -> tuple[LayerSpec, StoredRow]:
    """The finding, among what this export may show.

    Raises:
        ExportError: where there is none of that name.
    """
    named = [spec for spec in LAYERS.values() if spec.finding]
    found = [(spec, stored) for spec in named for stored in bundle.rows[spec.name]]
    hits = [(spec, stored) for spec, stored in found if stored.row_id == name] or [
        (spec, stored)
        for spec, stored in found
        if name in {stored.row.subject, stored.row.data.get(str(spec.finding))}
    ]
    if hits:
        return max(hits, key=lambda hit: (_has_figure(hit[1]), hit[1].row.time, hit[1].seq))
    if name.startswith(f"{PLACE}-"):
        raise ExportError(f"{name} is a random place of the review queue: nothing was measured there")
    raise ExportError(
        f"no finding {name} in what this export may show (row, disturbance, pile, zone, change or boundary)"
    )


def _has_figure(stored: StoredRow) -> bool:
    """Whether the row's area could be assessed."""
    area = stored.row.data.get("area_ha")
    return not isinstance(area, Mapping) or area.get("value") is not None


def finding_record(layer: Layer, stored: StoredRow) -> Finding:
    """The record that a finding's row was made from."""
    found: Finding = read_record(LAYERS[layer.name].record, stored.row)
    return found
