"""Records to the plain values that the page reads. Numbers stay numbers, text stays text."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from aoi.records import Boundary, PublishedPoint, Site, Zone
from detection.accuracy import MIN_AGREEMENT
from detection.boundary.records import BoundaryChange
from detection.coal.records import SeriesPoint, Stockpile, StockpileArea
from detection.records import Disturbance, Footprint
from detection.references import ENOUGH, SampleSummary, SiteCheck
from evidence.quantity import Quantity
from maps.disclosure import rounded
from maps.records import Look, QueueItem, RaisedAlert, SiteMapData, Verdict

FULL_DECIMALS = 7
"""A centimetre; finer than any vertex is known."""


def script_json(value: object) -> str:
    """JSON that cannot end a script element, start a comment or break a line in one."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def quantity(q: Quantity | None) -> dict[str, Any] | None:
    """Value and interval, or the reason why there is none."""
    if q is None:
        return None
    if q.value is None or q.low is None or q.high is None:
        return {"reason": q.reason}
    return {
        "v": float(f"{q.value:.6g}"),
        "l": float(f"{q.low:.6g}"),
        "h": float(f"{q.high:.6g}"),
        "level": q.level,
    }


def moment(when: dt.datetime, zone: str) -> dict[str, str]:
    """One instant in UTC and on the local clock; the two dates may differ."""
    local = when.astimezone(ZoneInfo(zone))
    return {
        "utc": when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "local": local.strftime("%Y-%m-%d %H:%M"),
    }


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()[:10]


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


CHECKED_LAYERS = ("stockpile_areas", "stockpiles", "footprints", "disturbances", "boundary_changes")


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
        }  # fmt: skip

    def boundary(self, b: Boundary) -> dict[str, Any]:
        """One dated perimeter."""
        image = b.image
        return {
            "id": b.boundary_id, "from": b.valid_from, "to": b.valid_to, "extent": str(b.extent),
            "source": b.source, "accuracy_m": b.accuracy_m, "accuracy_kind": b.accuracy_kind,
            "basis": b.basis,
            "digitised_by": b.digitised_by, "note": b.note, "restricted": b.sensitivity.value == "restricted",
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

    def footprint(self, f: Footprint) -> dict[str, Any]:
        """One epoch."""
        return {
            "start": _iso(f.epoch_start), "end": _iso(f.epoch_end), "boundary_id": f.boundary_id,
            "area": quantity(f.area_ha), "inside": quantity(f.inside_ha), "outside": quantity(f.outside_ha),
            "valid": f.valid_fraction, "n_scenes": len(f.scene_ids), "geometry": self.geometry(f.geometry),
        }  # fmt: skip

    def disturbance(self, d: Disturbance) -> dict[str, Any]:
        """One patch of newly disturbed ground."""
        return {
            "id": d.disturbance_id, "parents": list(d.parents), "kind": d.kind, "first": _iso(d.first_seen),
            "first_low": _iso(d.first_seen_low), "first_high": _iso(d.first_seen_high),
            "persistent": _iso(d.persistent_since), "status": d.machine_status, "cause": d.cause,
            "boundary_id": d.boundary_id, "relation": d.relation, "area": quantity(d.area_ha),
            "outside": quantity(d.outside_ha), "advance": quantity(d.advance_m), "bearing": d.bearing_deg,
            "scenes": list(d.scene_ids), "geometry": self.geometry(d.geometry),
            "came": _iso(d.persistent_since or d.first_seen_high),
        }  # fmt: skip

    def area(self, a: StockpileArea) -> dict[str, Any]:
        """Coal area of one zone and date."""
        return {
            "zone": a.zone_id, **self.moment(a.datetime), "area": quantity(a.area_ha),
            "valid": a.valid_fraction,
            "below_floor": a.below_floor, "bands": list(a.bands), "scenes": list(a.scene_ids),
        }  # fmt: skip

    def pile(self, p: Stockpile) -> dict[str, Any]:
        """One pile on one date."""
        return {
            "id": p.pile_id, "parents": list(p.parents), **self.moment(p.datetime),
            "area": quantity(p.area_ha),
            "first": _iso(p.first_seen), "last": _iso(p.last_seen), "geometry": self.geometry(p.geometry),
        }  # fmt: skip

    def series_point(self, s: SeriesPoint) -> dict[str, Any]:
        """One smoothed value."""
        return {
            "quantity": s.quantity, "kind": s.subject_kind,
            "subject": s.subject_id, **self.moment(s.datetime),
            "value": quantity(s.value), "looks": s.n_looks,
        }  # fmt: skip

    def boundary_change(self, c: BoundaryChange) -> dict[str, Any]:
        """What two boundary versions differ by."""
        return {
            "from": c.from_boundary_id, "to": c.to_boundary_id, "cause": c.cause,
            "gained": quantity(c.gained_ha),
            "lost": quantity(c.lost_ha), "net": quantity(c.net_ha), "advance": quantity(c.max_advance_m),
            "bearing": c.bearing_deg, "geometry": self.geometry(c.geometry),
        }  # fmt: skip

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
            "run": {"id": d.run.run_id, "version": d.run.version, **self.moment(d.run.as_of)},
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
            "footprints": [self.footprint(f) for f in sorted(d.footprints, key=lambda f: f.epoch_start)],
            "disturbances": [self.disturbance(x) for x in d.disturbances],
            "areas": [self.area(a) for a in sorted(d.stockpile_areas, key=lambda a: a.datetime)],
            "piles": [self.pile(p) for p in sorted(d.stockpiles, key=lambda p: p.datetime)],
            "series": [self.series_point(s) for s in sorted(d.series, key=lambda s: s.datetime)],
            "changes": [self.boundary_change(c) for c in d.boundary_changes],
            "looks": [self.look(x) for x in d.looks],
            "reviews": self.review(d.verdicts),
            "alerts": [self.alert(alert) for alert in d.alerts],
            "last_reviews": {code: self.moment(when) for code, when in d.last_reviews.items()},
            "queue": [self.queued(item) for item in d.queue],
            "places": [{"id": p.place_id, "geometry": self.geometry(p.geometry)} for p in d.places],
            "checks": {layer: check(d.checks.get(layer, SiteCheck())) for layer in CHECKED_LAYERS},
            "enough": ENOUGH,
        }
