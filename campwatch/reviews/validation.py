"""What an interval was checked against at a site, how it did, and what derived files say of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from aoi.geodesy import area_ha
from aoi.records import Site, ZoneKind
from campwatch.alerts.book import ALERTS
from campwatch.alerts.rules import ALERTED_LAYERS
from campwatch.layers import LAYERS
from campwatch.reviews.findings import row_geometry
from campwatch.reviews.labels import sample_result
from campwatch.reviews.records import MANUAL_OBSERVATIONS, REVIEWS
from campwatch.reviews.verdicts import review_states
from detection.boundary.records import BOUNDARY_CHANGES
from detection.coal.records import STOCKPILE_AREAS
from detection.ground.records import DISTURBANCES
from detection.sampling.references import (
    ReferencePair,
    ReferenceSummary,
    SiteCheck,
    compare_references,
)
from evidence.layers import LayerSpec, ReferenceKind
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import StoredRow

FINEST_M = 1.0
"""Resolution that an image needs to serve as a reference."""
DAYS_APART = 5
"""A pile is not the same pile for much longer."""
Checks = Mapping[str, SiteCheck]
"""By layer."""


def interval_layers() -> dict[str, LayerSpec]:
    """The layers whose rows hold intervals that something can be said of, by name."""
    return {name: spec for name, spec in LAYERS.items() if spec.references is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What somebody saw in one zone on one day, beside the figure nearest in time."""

    zone_id: str
    date: dt.date
    reference_ha: float
    images: tuple[str, ...]
    measured: StoredRow | None
    """None where the reference cannot be used."""
    unused: str = ""
    """Why it cannot."""

    @property
    def pair(self) -> ReferencePair | None:
        """Figure and reference, where there are both."""
        if self.measured is None:
            return None
        area = Quantity.from_dict(self.measured.row.data["area_ha"])
        return ReferencePair(date=self.date, measured=area, reference_ha=self.reference_ha)


def references(ledger: Ledger, site: Site, *, as_of_run: str | None = None) -> list[Reference]:
    """Every outline or absence that was given, those that cannot serve with the reason."""
    areas = ledger.current(STOCKPILE_AREAS.name, site_id=site.id, as_of_run=as_of_run)
    seen: dict[tuple[str, dt.date], list[StoredRow]] = {}
    refused = []
    for stored in ledger.current(MANUAL_OBSERVATIONS.name, site_id=site.id, as_of_run=as_of_run):
        if stored.row.data["kind"] in {"outline", "absent"}:
            zone, day = _zone(site, stored), dt.date.fromisoformat(stored.row.data["image_date"])
            fault = _fault(zone, stored)
            if fault:
                refused.append(_refused(stored, zone, day, fault))
            else:
                seen.setdefault((str(zone), day), []).append(stored)
    told = [_reference(zone, day, held, areas) for (zone, day), held in sorted(seen.items())]
    return [*told, *refused]


def _fault(zone: str | None, stored: StoredRow) -> str:
    if zone is None:
        return "names no stockyard zone and lies in none"
    metres = float(stored.row.data["image_resolution_m"])
    return f"its image has {metres:g} m, {FINEST_M:g} m is needed" if metres > FINEST_M else ""


def _refused(stored: StoredRow, zone: str | None, day: dt.date, fault: str) -> Reference:
    return Reference(
        zone_id=zone or "",
        date=day,
        reference_ha=_reference_ha(stored),
        images=(str(stored.row.data["image"]),),
        measured=None,
        unused=fault,
    )


def _reference(zone: str, day: dt.date, held: Sequence[StoredRow], areas: Sequence[StoredRow]) -> Reference:
    nearest = _nearest(zone, day, areas)
    return Reference(
        zone_id=zone,
        date=day,
        reference_ha=_mean_by_observer(held),
        images=tuple(dict.fromkeys(str(stored.row.data["image"]) for stored in held)),
        measured=nearest,
        unused="" if nearest else f"no figure of the zone within {DAYS_APART} days",
    )


def _mean_by_observer(held: Sequence[StoredRow]) -> float:
    """What all outlines of one observer come to; the mean where several observers drew the same day."""
    totals: dict[str, float] = {}
    for stored in held:
        observer = str(stored.row.data.get("observer", ""))
        totals[observer] = totals.get(observer, 0.0) + _reference_ha(stored)
    return sum(totals.values()) / len(totals)


def _reference_ha(stored: StoredRow) -> float:
    shape = row_geometry(stored)
    return 0.0 if stored.row.data["kind"] == "absent" or shape is None else area_ha(shape)


def _zone(site: Site, stored: StoredRow) -> str | None:
    """The stockyard that an observation names, or lies in."""
    yards = site.zones_of(ZoneKind.STOCKYARD)
    if stored.row.data["label"] in {zone.id for zone in yards}:
        return str(stored.row.data["label"])
    shape = row_geometry(stored)
    return next((z.id for z in yards if shape is not None and z.geometry.contains(shape.centroid)), None)


def _nearest(zone: str, day: dt.date, areas: Sequence[StoredRow]) -> StoredRow | None:
    """The zone's figure nearest in time, of those near enough."""
    near = [
        (abs((dt.datetime.fromisoformat(s.row.data["datetime"]).date() - day).days), s.row.time, s)
        for s in areas
        if s.row.data["zone_id"] == zone and s.row.data["area_ha"]["value"] is not None
    ]
    near = [item for item in near if item[0] <= DAYS_APART]
    return min(near, key=lambda item: item[:2])[2] if near else None


def stockpile_validation(
    ledger: Ledger, site: Site, *, as_of_run: str | None = None
) -> list[ReferenceSummary]:
    """Bias, RMSE and interval coverage at this site, by season and size."""
    found = references(ledger, site, as_of_run=as_of_run)
    return compare_references([pair for reference in found if (pair := reference.pair) is not None])


def site_checks(ledger: Ledger, site: Site, *, as_of_run: str | None = None) -> dict[str, SiteCheck]:
    """What stands behind the intervals of each layer at one site, now or as of a run."""
    summary = next(iter(stockpile_validation(ledger, site, as_of_run=as_of_run)), None)
    piles = SiteCheck(kind=ReferenceKind.OUTLINES, references=summary.n if summary else 0, summary=summary)
    told = {
        name: piles if spec.references is ReferenceKind.OUTLINES else SiteCheck()
        for name, spec in interval_layers().items()
    }
    result = sample_result(ledger, site.id, as_of_run=as_of_run)
    if result is not None:
        found = result.summary
        layer = str(result.drawn.row.data.get("layer", DISTURBANCES.name))
        told[layer] = SiteCheck(
            kind=ReferenceKind.LABELS, references=found.n if found.fault is None else 0, sample=found
        )
    return told


def all_checks(
    ledger: Ledger, sites: Iterable[Site], *, as_of_run: str | None = None
) -> dict[str, dict[str, SiteCheck]]:
    """The checks of several sites, by site id."""
    return {site.id: site_checks(ledger, site, as_of_run=as_of_run) for site in sites}


def with_validation(stored: StoredRow, checks: Checks) -> StoredRow:
    """The row with `validated_on` and `validation`, where it holds an interval."""
    data = stored.row.data
    layer = stored.row.layer
    about = ALERTED_LAYERS.get(str(data.get("rule"))) if layer == ALERTS.name else layer
    if about not in interval_layers():
        return stored
    check = checks.get(about, SiteCheck())
    told = {"validation": check.text}
    if layer != ALERTS.name:
        told["validated_on"] = check.validated_on(data.get("validated_on"))
    return replace(stored, row=replace(stored.row, data={**data, **told}))


def alert_validation(checks: Checks, rule: str) -> str | None:
    """The sentence for an alert of this rule; None where the alert holds no interval."""
    layer = ALERTED_LAYERS.get(rule)
    return None if layer is None else checks.get(layer, SiteCheck()).text


def validation_texts(checks: Checks) -> dict[str, str]:
    """The sentence by layer."""
    return {layer: check.text for layer, check in checks.items()}


def validation_lines(checks: Checks) -> list[str]:
    """The same for people: one line for layers that share a sentence."""
    layers: dict[str, list[str]] = {}
    for layer in interval_layers():
        layers.setdefault(checks.get(layer, SiteCheck()).text, []).append(layer)
    if len(layers) == 1:
        return list(layers)
    return [f"{', '.join(names)}: {text}" for text, names in layers.items()]


HEAD = ("group", "n", "bias ha", "RMSE ha", "inside the interval")


def reference_table(found: Sequence[Reference]) -> list[str]:
    """The summary by season and size, then what could not serve and why."""
    summaries = _summaries(found)
    lines = [_line(HEAD)] if summaries else ["no reference stands beside a figure yet (campwatch review add)"]
    lines += [_line(_cells(summary)) for summary in summaries]
    for reference in found:
        if reference.unused:
            where = reference.zone_id or "no zone"
            lines.append(f"not used: {where}, {reference.date}, {reference.images[0]}: {reference.unused}")
    return lines


def reference_document(found: Sequence[Reference], check: SiteCheck) -> dict[str, Any]:
    """The same for programs, with each reference beside its figure."""
    return {
        "validation": check.text,
        "validated": check.enough,
        "summaries": [asdict(summary) for summary in _summaries(found)],
        "references": [_told(reference) for reference in found],
    }


def _summaries(found: Sequence[Reference]) -> list[ReferenceSummary]:
    return compare_references([pair for reference in found if (pair := reference.pair) is not None])


def _told(reference: Reference) -> dict[str, Any]:
    told: dict[str, Any] = {
        "zone_id": reference.zone_id,
        "date": reference.date.isoformat(),
        "reference_ha": reference.reference_ha,
        "images": list(reference.images),
        "unused": reference.unused or None,
    }
    if reference.measured is not None:
        data = reference.measured.row.data
        told |= {
            "row_id": reference.measured.row_id,
            "datetime": data["datetime"],
            "area_ha": data["area_ha"],
        }
    return told


def _cells(summary: ReferenceSummary) -> tuple[str, ...]:
    share = f"{summary.covered:.0%}"
    return (summary.group, str(summary.n), f"{summary.bias_ha:+.3f}", f"{summary.rmse_ha:.3f}", share)


def _line(cells: Sequence[str]) -> str:
    widths = (16, 5, 9, 9, 20)
    first, *rest = (text for text in cells)
    return f"{first:<{widths[0]}}" + "".join(f"{t:>{w}}" for t, w in zip(rest, widths[1:], strict=True))


WITHHELD = "withheld until a second reviewer has judged it without sight of this"
_TOLD = ("verdict", "reason_code", "cause", "likelihood", "confidence", "evidence_viewed", "note")
"""What of a verdict would tell the second reviewer what the first one said."""
ANNOTATED = frozenset({*_TOLD, "reason", "review_status", "validated_on", "validation"})
"""Columns that follow from other rows too."""

Annotate = Callable[[list[StoredRow]], list[StoredRow]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteNotes:
    """What one site's rows are told with."""

    checks: Checks = field(default_factory=dict)
    blind: frozenset[str] = frozenset()
    """Row ids of verdicts that no file tells yet."""
    status: Mapping[str, str] = field(default_factory=dict)
    """Review status by disturbance."""
    cause: Mapping[str, str] = field(default_factory=dict)
    """Cause that two reviewers gave, by boundary change."""


def annotation(
    ledger: Ledger,
    sites: Sequence[Site],
    *,
    as_of_run: str | None = None,
    checks: Mapping[str, Checks] | None = None,
) -> Annotate:
    """Adds what stands behind each interval and where its review is; keeps first verdicts blind.

    Args:
        ledger: of the rows.
        sites: whose rows they are.
        as_of_run: count references as things stood then; verdicts that are blind now stay so.
        checks: where they are known already.
    """
    checks = checks or all_checks(ledger, sites, as_of_run=as_of_run)
    notes = {site.id: _notes(ledger, site, checks.get(site.id, {})) for site in sites}
    nothing = SiteNotes()

    def annotate(rows: list[StoredRow]) -> list[StoredRow]:
        return [_annotated(stored, notes.get(stored.row.site_id, nothing)) for stored in rows]

    return annotate


def _notes(ledger: Ledger, site: Site, checks: Checks) -> SiteNotes:
    if not ledger.current(REVIEWS.name, site_id=site.id):
        return SiteNotes(checks=checks)
    states = review_states(ledger, site.id)
    return SiteNotes(
        checks=checks,
        blind=frozenset(
            verdict.row_id for state in states if state.blind for verdict in (*state.standing, *state.earlier)
        ),
        status={
            state.subject: state.review_status for state in states if state.kind == DISTURBANCES.reviewed_as
        },
        cause={
            state.subject: cause
            for state in states
            if state.kind == BOUNDARY_CHANGES.reviewed_as and (cause := state.cause) is not None
        },
    )


def _annotated(stored: StoredRow, notes: SiteNotes) -> StoredRow:
    layer, data = stored.row.layer, stored.row.data
    if layer == REVIEWS.name and stored.row_id in notes.blind:
        return _with(stored, {**dict.fromkeys(_TOLD), "reason": WITHHELD})
    if layer == DISTURBANCES.name:
        status = notes.status.get(stored.row.subject, data.get("review_status"))
        stored = _with(stored, {"review_status": status})
    if layer == BOUNDARY_CHANGES.name and stored.row.subject in notes.cause:
        stored = _with(stored, {"cause": notes.cause[stored.row.subject]})
    return with_validation(stored, notes.checks)


def _with(stored: StoredRow, told: Mapping[str, Any]) -> StoredRow:
    return replace(stored, row=replace(stored.row, data={**stored.row.data, **told}))
