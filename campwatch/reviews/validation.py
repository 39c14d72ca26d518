"""What an interval was checked against at a site, how it did, and the sentence that every output carries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from aoi.geodesy import area_ha
from aoi.records import Site, ZoneKind
from campwatch.alerts.book import ALERTS
from campwatch.alerts.rules import ALERTED_LAYERS
from campwatch.layers import LAYERS
from campwatch.reviews.findings import row_geometry
from campwatch.reviews.labels import CANNOT_TELL, THIRD, drawn_sample, labels_of
from campwatch.reviews.records import MANUAL_OBSERVATIONS
from detection.coal.records import STOCKPILE_AREAS
from detection.reader_labels import resolve_labels
from detection.references import (
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
    labels = SiteCheck(kind=ReferenceKind.LABELS, references=_labels(ledger, site, as_of_run))
    summary = next(iter(stockpile_validation(ledger, site, as_of_run=as_of_run)), None)
    piles = SiteCheck(kind=ReferenceKind.OUTLINES, references=summary.n if summary else 0, summary=summary)
    by_kind = {ReferenceKind.NONE: SiteCheck(), ReferenceKind.LABELS: labels, ReferenceKind.OUTLINES: piles}
    return {name: by_kind[spec.references or ReferenceKind.NONE] for name, spec in interval_layers().items()}


def _labels(ledger: Ledger, site: Site, as_of_run: str | None) -> int:
    """Resolved labels of the newest sample."""
    drawn = drawn_sample(ledger, site.id, as_of_run=as_of_run)
    if drawn is None:
        return 0
    found = labels_of(ledger, site.id, drawn.row.data["sample_id"], as_of_run=as_of_run)
    one, two = (found.get(reader, {}) for reader in drawn.row.data["readers"])
    resolved, _ = resolve_labels(one, two, found.get(THIRD, {}))
    return sum(label != CANNOT_TELL for label in resolved.values())


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
