"""Smoothed series as rows, made from the areas that the ledger keeps.

One more look changes every value of a smoothed series a little. Kept as rows, a series would be appended
whole at each look, and the ledger would grow with the square of time; made from the areas as of a run it says
the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from detection.coal.records import SERIES, STOCKPILE_AREAS, StockpileArea
from detection.coal.series import smoothed_series
from evidence.hashing import sha256_json
from evidence.ledger import Ledger
from evidence.record_reading import read_record
from evidence.rows import StoredRow, carried_row


def series_rows(ledger: Ledger, as_of_run: str | None = None, site_id: str | None = None) -> list[StoredRow]:
    """The smoothed series as of a run, or now; of one site or of all.

    A value carries the run of the newest area of its zone, and as inputs the digest of all areas of the zone.
    Where an older ledger keeps a series as rows, these stand: they are what was published.
    """
    kept = ledger.current(SERIES.name, site_id=site_id, as_of_run=as_of_run)
    sites = {stored.row.site_id for stored in kept}
    areas = ledger.current(STOCKPILE_AREAS.name, site_id=site_id, as_of_run=as_of_run)
    fresh = sorted((area for area in areas if area.row.site_id not in sites), key=_zone)
    zones = groupby(fresh, key=lambda stored: (stored.row.site_id, stored.row.subject))
    return [*kept, *(row for _, own in zones for row in _series(list(own)))]


def _zone(stored: StoredRow) -> tuple[str, str, str]:
    return stored.row.site_id, stored.row.subject, stored.row.time


def _series(areas: Sequence[StoredRow]) -> Iterator[StoredRow]:
    """The series of one zone."""
    newest = max(areas, key=lambda stored: stored.seq)
    records = [read_record(StockpileArea, stored.row) for stored in areas]
    made_from = sha256_json([stored.row_id for stored in areas])
    for point in smoothed_series(records, level=records[-1].area_ha.level):
        row = carried_row(
            SERIES.row(
                point,
                site_id=newest.row.site_id,
                params_hash=newest.row.params_hash,
                inputs_hash=made_from,
                method=newest.row.method,
                validated_on=newest.row.data.get("validated_on"),
            )
        )
        yield StoredRow(seq=newest.seq, row_id=row.row_id, run_id=newest.run_id, as_of=newest.as_of, row=row)
