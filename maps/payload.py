"""Records to the plain values that the page reads. Numbers stay numbers, text stays text."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import mgrs
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from aoi.records import Boundary, PublishedPoint, Site, Zone
from detection.sampling.accuracy import MIN_AGREEMENT
from detection.sampling.references import ENOUGH, SampleSummary, SiteCheck
from evidence.anchors import Anchor
from evidence.layers import Column, Kind, LayerSpec
from evidence.quantity import Quantity
from evidence.rows import Row
from maps.disclosure import rounded
from maps.records import Look, QueueItem, RaisedAlert, SiteMapData, Verdict

FULL_DECIMALS = 7
"""A centimetre; finer than any vertex is known."""
FINEST, FINEST_PUBLIC = 5, 3
"""Decimals of the middle of a site: a metre, and on public pages a hundred metres."""


def script_json(value: object) -> str:
    """JSON that cannot end a script element, start a comment or break a line in one."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def quantity(q: Quantity | Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Value and interval, or the reason why there is none; of a quantity or of the row that it is kept in."""
    if q is None:
        return None
    told = q.to_dict() if isinstance(q, Quantity) else q
    if told["value"] is None or told["low"] is None or told["high"] is None:
        return {"reason": told["reason"]}
    numbers = {
        short: float(f"{told[name]:.6g}") for short, name in (("v", "value"), ("l", "low"), ("h", "high"))
    }
    return {**numbers, "level": told["level"]}


def _anchor(anchor: Anchor | None) -> dict[str, str] | None:
    """Who vouches for which custody head since when; None where nobody outside does."""
    return None if anchor is None else {"head": anchor.head[:16], "time": anchor.time, "by": anchor.words}


def moment(when: dt.datetime, zone: str) -> dict[str, str]:
    """One instant in UTC and on the local clock; the two dates may differ."""
    local = when.astimezone(ZoneInfo(zone))
    return {
        "utc": when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "local": local.strftime("%Y-%m-%d %H:%M"),
    }


def check(found: SiteCheck) -> dict[str, Any]:
    """What stands behind an interval, for the page to say in its language."""
    told: dict[str, Any] = {
        "kind": str(found.kind),
        "n": found.references,
        "enough": found.enough,
        "outcome": str(found.outcome),
    }
    if found.summary is not None:
        summary = found.summary
        told |= {"bias": summary.bias_ha, "rmse": summary.rmse_ha, "covered": summary.covered}
    if found.sample is not None:
        told["sample"] = _sample(found.sample)
    return told


def _sample(sample: SampleSummary) -> dict[str, Any]:
    """Result of a random sample, or why it says nothing of the map."""
    return {
        "fault": sample.fault and str(sample.fault), "units": sample.units, "resolved": sample.resolved,
        "unclear": sample.unclear, "differed": sample.agreement.disagreed, "read": sample.agreement.n,
        "alpha": quantity(sample.agreement.alpha), "needed": MIN_AGREEMENT, "users": quantity(sample.users),
        "producers": quantity(sample.producers), "mapped": sample.mapped_ha, "area": quantity(sample.area_ha),
        "map_date": sample.map_date, "draws": sample.draws,
    }  # fmt: skip


class Payload:
    """Turns the records of one map into plain values, with the profile's rounding."""

    def __init__(self, data: SiteMapData) -> None:
        """`data` is disclosed already."""
        self.data = data
        public_decimals = None if data.profile.restricted else data.profile.coordinate_decimals
        self.decimals = FULL_DECIMALS if public_decimals is None else public_decimals

    def geometry(self, geometry: BaseGeometry | None) -> Mapping[str, Any] | None:
        """GeoJSON, rounded."""
        shape = rounded(geometry, self.decimals)
        return None if shape is None else mapping(shape)

    def moment(self, when: dt.datetime) -> dict[str, str]:
        """One instant, UTC and local."""
        return moment(when, self.data.time_zone)

    def site(self, site: Site) -> dict[str, Any]:
        """Header facts."""
        return {
            "id": site.id, "name": site.name, "name_ko": site.name_ko, "aliases": list(site.aliases),
            "kind": site.kind, "status": site.status, "source": site.source, "source_url": site.source_url,
            "accuracy_m": site.accuracy_m, "confidence": site.confidence, "note": site.note,
            "derived": site.derived, "bounds": list(site.bounds), "aoi": self.geometry(site.aoi),
            "where": self.where(site),
        }  # fmt: skip

    def where(self, site: Site) -> dict[str, Any]:
        """Middle of the site's area: decimal degrees, DMS, MGRS to 10 m; in public rounded, without MGRS."""
        middle = site.aoi.centroid
        finest = min(self.decimals, FINEST if self.data.profile.restricted else FINEST_PUBLIC)
        lat, lon = round(middle.y, finest), round(middle.x, finest)
        told: dict[str, Any] = {"lat": lat, "lon": lon, "dms": f"{_dms(lat, 'NS')} {_dms(lon, 'EW')}"}
        if self.data.profile.restricted:
            grid = mgrs.MGRS().toMGRS(lat, lon, MGRSPrecision=4)
            told["mgrs"] = f"{grid[:-10]} {grid[-10:-8]} {grid[-8:-4]} {grid[-4:]}"
        return told

    def boundary(self, b: Boundary) -> dict[str, Any]:
        """One dated perimeter."""
        image = b.image
        return {
            "id": b.boundary_id, "from": b.valid_from, "to": b.valid_to, "extent": str(b.extent),
            "source": b.source, "accuracy_m": b.accuracy_m, "accuracy_kind": b.accuracy_kind,
            "basis": b.basis,
            "digitised_by": b.digitised_by if self.data.profile.restricted else None,  # people stay at home
            "note": b.note, "restricted": b.sensitivity.value == "restricted",
            "image": None if image is None else [image.provider, image.id, image.date, image.resolution_m],
            "geometry": self.geometry(b.geometry),
        }  # fmt: skip

    def zone(self, z: Zone) -> dict[str, Any]:
        """One zone."""
        return {
            "id": z.id, "kind": str(z.kind), "name": z.name, "geometry": self.geometry(z.geometry),
            "restricted": z.sensitivity.value == "restricted",
        }  # fmt: skip

    def point(self, p: PublishedPoint) -> dict[str, Any]:
        """One published point."""
        return {
            "id": p.id, "name": p.name, "source": p.source, "accuracy_m": p.accuracy_m,
            "confidence": p.confidence,
            "note": p.note, "geometry": self.geometry(p.geometry),
        }  # fmt: skip

    def layer(self, spec: LayerSpec, rows: Iterable[Row]) -> dict[str, Any]:
        """One layer with its rows in the order of time: every column by its name, and how it is shown."""
        columns = [column for column in spec.columns if column.kind is not Kind.OUTLINE]
        style = spec.style
        told = [self.row(spec, row) for row in sorted(rows, key=lambda row: row.time)]
        return {
            "name": spec.name,
            "title": [spec.title, spec.title_ko],
            "columns": [
                {"name": c.name, "kind": c.kind.value, "unit": c.unit, "meaning": [c.meaning, c.meaning_ko]}
                for c in columns
            ],
            "outlines": [
                {"name": outline, "title": [layer.title, layer.title_ko]}
                for outline, layer in zip(_outlines(spec), spec.outlines, strict=True)
            ],
            "printed": [name for name, *_ in spec.printed.columns] if spec.printed else [],
            "has_geometry": spec.has_geometry,
            "style": {"line": style.line, "fill": style.fill_opacity, "dashed": style.dashed},
            "check": None if spec.references is None else check(self._check_of(spec)),
            "label": spec.label,
            "rows": by_column(told),
        }

    def _check_of(self, spec: LayerSpec) -> SiteCheck:
        return self.data.checks.get(spec.name, SiteCheck())

    def row(self, spec: LayerSpec, row: Row) -> dict[str, Any]:
        """One row: its columns, its time on both clocks, its shapes."""
        told: dict[str, Any] = {
            column.name: _cell(column, row.data.get(column.name))
            for column in spec.columns
            if column.kind is not Kind.OUTLINE
        }
        told["subject"] = told.get("subject", row.subject)
        if row.time and "/" not in row.time and "T" in row.time:
            told |= self.moment(dt.datetime.fromisoformat(row.time))
        shape = None if row.geometry is None else shapely.from_wkb(row.geometry)
        told["geometry"] = self.geometry(shape)
        for outline in _outlines(spec):
            drawn = row.data.get(outline)
            told[outline] = self.geometry(shapely.from_geojson(json.dumps(drawn))) if drawn else None
        return told

    def look(self, look: Look) -> dict[str, Any]:
        """A look that left no picture."""
        return {
            **self.moment(look.datetime), "status": look.status, "detail": look.detail,
            "scene": look.scene_id, "valid": look.valid_fraction,
        }  # fmt: skip

    def alert(self, alert: RaisedAlert) -> dict[str, Any]:
        """One alert and what raised it."""
        return {
            "id": alert.alert_id, "rule": alert.rule, "subject": alert.subject, "state": alert.state,
            **self.moment(alert.raised_at), "detail": alert.detail,
        }  # fmt: skip

    def queued(self, item: QueueItem) -> dict[str, Any]:
        """One line of the queue."""
        return {
            "kind": item.kind, "subject": item.subject, "status": item.status,
            "because": list(item.because), "shown": item.shown_before,
        }  # fmt: skip

    def review(self, verdicts: tuple[Verdict, ...]) -> dict[str, Any]:
        """Review state by subject; a single verdict is not told, so that the second stays blind."""
        by_subject: dict[str, list[Verdict]] = {}
        for verdict in verdicts:
            by_subject.setdefault(verdict.subject, []).append(verdict)
        return {subject: self._review_of(own) for subject, own in by_subject.items()}

    def _review_of(self, verdicts: list[Verdict]) -> dict[str, Any]:
        reviewers = sorted({v.reviewer for v in verdicts})
        if len(reviewers) < 2:  # noqa: PLR2004 - two persons
            return {"state": "one", "reviewers": reviewers, "verdicts": []}
        return {"state": "two", "reviewers": reviewers, "verdicts": [self._verdict(v) for v in verdicts]}

    def _verdict(self, v: Verdict) -> dict[str, Any]:
        return {
            "verdict": v.verdict, "reason": v.reason_code, "likelihood": v.likelihood,
            "confidence": v.confidence,
            "reviewer": v.reviewer, **self.moment(v.reviewed_at), "note": v.note,
            "evidence": list(v.evidence_viewed),
        }  # fmt: skip

    def records(self) -> dict[str, Any]:
        """Everything but the looks of the cube."""
        d = self.data
        return {
            "site": self.site(d.site),
            "run": {
                "id": d.run.run_id,
                "version": d.run.version,
                "anchor": _anchor(d.run.anchor),
                **self.moment(d.run.as_of),
            },
            "profile": {
                "restricted": d.profile.restricted,
                "delay_days": d.profile.delay_days,
                "decimals": None if d.profile.restricted else d.profile.coordinate_decimals,
            },
            "simulated": d.simulated,
            "time_zone": d.time_zone,
            "boundaries": [self.boundary(b) for b in d.site.boundaries],
            "zones": [self.zone(z) for z in d.site.zones],
            "points": [self.point(p) for p in d.site.points],
            "layers": [
                self.layer(spec, d.rows.get(name, ())) for name, spec in d.layers.items() if spec.on_map
            ],
            "looks": [self.look(x) for x in d.looks],
            "reviews": self.review(d.verdicts),
            "alerts": [self.alert(alert) for alert in d.alerts],
            "last_reviews": {code: self.moment(when) for code, when in d.last_reviews.items()},
            "queue": [self.queued(item) for item in d.queue],
            "places": [{"id": p.place_id, "geometry": self.geometry(p.geometry)} for p in d.places],
            "enough": ENOUGH,
        }


def _dms(degrees: float, letters: str) -> str:
    """Degrees, minutes and whole seconds (30 m), as in 39°33'24"N."""
    seconds = round(abs(degrees) * 3600)
    minutes, second = divmod(seconds, 60)
    degree, minute = divmod(minutes, 60)
    return f"{degree}°{minute:02d}'{second:02d}\"{letters[degrees < 0]}"


def by_column(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows by column, each value written as seldom as the column allows; `core.js` makes rows of it again.

    Returns:
        the number of rows, ``n``, and ``columns`` by name: ``{"same": value}``, ``{"each": [value, …]}``, or
        ``{"of": [value, …], "at": [index, …]}`` where that is shorter, as for the outline of a pile that does
        not change from look to look. A column without a value is left out.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    return {"n": len(rows), "columns": {name: told for name, told in columns.items() if told is not None}}


def _column(values: list[Any]) -> dict[str, Any] | None:
    texts = [json.dumps(value, sort_keys=True, separators=(",", ":")) for value in values]
    place = {text: k for k, text in enumerate(dict.fromkeys(texts))}
    if len(place) == 1:
        return None if values[0] is None else {"same": values[0]}
    at = [place[text] for text in texts]
    coded = sum(map(len, place)) + sum(len(str(k)) for k in at)
    if coded < sum(map(len, texts)):
        return {"of": [json.loads(text) for text in place], "at": at}
    return {"each": values}


def _outlines(spec: LayerSpec) -> list[str]:
    """The columns with second geometries."""
    return [column.name for column in spec.columns if column.kind is Kind.OUTLINE]


def _cell(column: Column, value: Any) -> Any:
    """A value as the page reads it; numbers to six digits."""
    if column.kind is Kind.QUANTITY:
        return quantity(value)
    if column.kind is Kind.REAL and value is not None:
        return float(f"{value:.6g}")
    return value


SAID = frozenset({"reason", "detail", "because", "not_seen", "notes", "why"})
"""Keys of texts that rows and looks hold in English."""


def korean_of(content: Any, korean: Callable[[str], str] | None) -> dict[str, str]:
    """The Korean of every reason and detail in a page's data that has one.

    Args:
        content: of the page.
        korean: reads a text in Korean; without it there is none.
    """
    if korean is None:
        return {}
    read = {text: korean(text) for text in sorted(set(_said(content)))}
    return {text: other for text, other in read.items() if other != text}


def _said(content: Any, key: str = "") -> Iterator[str]:
    if isinstance(content, str):
        if key in SAID and content:
            yield content
    elif isinstance(content, Mapping):
        for name, part in content.items():
            yield from _said(part, name)
    elif isinstance(content, list | tuple):
        for part in content:
            yield from _said(part, key)
