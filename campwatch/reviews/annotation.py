"""What derived files add to the ledger's rows, and what of a blind review they leave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aoi.records import Site
from campwatch.reviews.records import REVIEWS
from campwatch.reviews.states import READERS_NEEDED, ReviewState, review_states
from campwatch.reviews.validation import Checks, all_checks, with_validation
from detection.records import DISTURBANCES
from evidence.ledger import Ledger
from evidence.rows import StoredRow

WITHHELD = "withheld until a second reviewer has judged it without sight of this"
_TOLD = ("verdict", "reason_code", "likelihood", "confidence", "evidence_viewed", "note")
"""What of a verdict would tell the second reviewer what the first one said."""

Annotate = Callable[[list[StoredRow]], list[StoredRow]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteNotes:
    """What one site's rows are told with."""

    checks: Checks = field(default_factory=dict)
    blind: frozenset[str] = frozenset()
    """Row ids of verdicts that no file tells yet."""
    status: Mapping[str, str] = field(default_factory=dict)
    """Review status by disturbance."""


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
        blind=frozenset(verdict.row_id for state in states for verdict in _blind(state)),
        status={
            state.subject: state.review_status for state in states if state.kind == DISTURBANCES.reviewed_as
        },
    )


def _blind(state: ReviewState) -> Sequence[Any]:
    return state.holding if len(state.holding) < READERS_NEEDED else ()


def _annotated(stored: StoredRow, notes: SiteNotes) -> StoredRow:
    layer, data = stored.row.layer, stored.row.data
    if layer == REVIEWS.name and stored.row_id in notes.blind:
        return _with(stored, {**dict.fromkeys(_TOLD), "reason": WITHHELD})
    if layer == DISTURBANCES.name:
        status = notes.status.get(stored.row.subject, data.get("review_status"))
        stored = _with(stored, {"review_status": status})
    return with_validation(stored, notes.checks)


def _with(stored: StoredRow, told: Mapping[str, Any]) -> StoredRow:
    return replace(stored, row=replace(stored.row, data={**stored.row.data, **told}))
