"""What an interval was checked against at a site, and how it did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from aoi.geodesy import area_ha
from aoi.records import Site, ZoneKind
from campwatch.reviews.findings import row_geometry
from campwatch.reviews.labels import CANNOT_TELL, THIRD, drawn_sample, labels_of
from detection.references import ENOUGH, ReferencePair, ReferenceSummary, compare_references
from detection.sampling import resolve_labels
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import StoredRow

FINEST_M = 1.0
"""Resolution that an image needs to serve as a reference."""
DAYS_APART = 5
"""A pile is not the same pile for much longer."""
SITE_REFERENCE = "site_reference"
NOT_VALIDATED = "interval from simulation; not validated at this site"
SAMPLED_LAYERS = ("footprints", "disturbances")
PILE_LAYERS = ("stockpile_areas", "stockpiles", "series")


def reference_pairs(ledger: Ledger, site: Site) -> list[ReferencePair]:
    """Every reference outline or absence with the measurement of its zone nearest in time."""
    measured = ledger.current("stockpile_areas", site_id=site.id)
    totals: dict[tuple[str, dt.date], float] = {}
    for stored in ledger.current("manual_observations", site_id=site.id):
        data = stored.row.data
        zone = _zone(site, stored)
        if zone and data["kind"] in {"outline", "absent"} and float(data["image_resolution_m"]) <= FINEST_M:
            key = (zone, dt.date.fromisoformat(data["image_date"]))
            totals[key] = totals.get(key, 0.0) + _reference_ha(stored)
    pairs = [_pair(zone, day, total, measured) for (zone, day), total in sorted(totals.items())]
    return [pair for pair in pairs if pair is not None]


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


def _pair(zone: str, day: dt.date, total: float, measured: Sequence[StoredRow]) -> ReferencePair | None:
    near = [
        (abs((dt.datetime.fromisoformat(s.row.data["datetime"]).date() - day).days), s)
        for s in measured
        if s.row.data["zone_id"] == zone and s.row.data["area_ha"]["value"] is not None
    ]
    near = [item for item in near if item[0] <= DAYS_APART]
    if not near:
        return None
    _, nearest = min(near, key=lambda item: (item[0], item[1].row.time))
    return ReferencePair(
        date=day, measured=Quantity.from_dict(nearest.row.data["area_ha"]), reference_ha=total
    )


def stockpile_validation(ledger: Ledger, site: Site) -> list[ReferenceSummary]:
    """Bias, RMSE and interval coverage at this site, by season and size."""
    return compare_references(reference_pairs(ledger, site))


def reference_counts(ledger: Ledger, site: Site) -> dict[str, int]:
    """References by layer: resolved labels for what is sampled, pairs for stockpiles."""
    labels = 0
    drawn = drawn_sample(ledger, site.id)
    if drawn is not None:
        found = labels_of(ledger, site.id, drawn.row.data["sample_id"])
        one, two = (found.get(reader, {}) for reader in drawn.row.data["readers"])
        resolved, _ = resolve_labels(one, two, found.get(THIRD, {}))
        labels = sum(label != CANNOT_TELL for label in resolved.values())
    pairs = len(reference_pairs(ledger, site))
    return dict.fromkeys(SAMPLED_LAYERS, labels) | dict.fromkeys(PILE_LAYERS, pairs)


def validated_on(ledger: Ledger, site: Site) -> Mapping[str, str | None]:
    """`site_reference` for each layer that has enough references here, else None: keep the method's own."""
    counts = reference_counts(ledger, site)
    return {layer: SITE_REFERENCE if n >= ENOUGH else None for layer, n in counts.items()}


def validation_texts(ledger: Ledger, site: Site) -> dict[str, str]:
    """The sentence that every output has to carry, by layer."""
    texts = {}
    for layer, n in reference_counts(ledger, site).items():
        told = f"checked against {n} references at this site" if n >= ENOUGH else NOT_VALIDATED
        texts[layer] = told if n >= ENOUGH or n == 0 else f"{told} ({n} of {ENOUGH} references)"
    return texts
