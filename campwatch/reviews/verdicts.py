"""Verdicts and manual observations: from review files into the ledger, and back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry import mapping, shape

from campwatch.identity import Clock, new_run_id, timestamp
from campwatch.reviews.findings import Finding, findings_at, seq_of_run
from campwatch.reviews.places import PLACE, Place
from campwatch.reviews.records import (
    MANUAL_OBSERVATIONS,
    METHOD,
    REVIEWS,
    ManualObservationRecord,
    ReviewRecord,
)
from evidence.errors import LedgerError
from evidence.hashing import sha256_bytes, sha256_json
from evidence.ledger import AppendResult, Ledger
from evidence.rows import Row, StoredRow, iso_utc, plain, record_data
from maps.records import Verdict
from maps.review_format import EvidenceImage, ManualObservation, ReviewFile, ReviewVerdict

_PARAMS = sha256_json({})


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenVerdict:
    """One verdict as the ledger holds it."""

    kind: str
    subject: str
    verdict: str
    reason_code: str
    likelihood: str | None
    confidence: str | None
    reviewer: str
    reviewed_at: str
    blind: bool
    note: str
    evidence_viewed: tuple[str, ...]
    reviewed_row_id: str
    seen_seq: int
    seen_until: str
    """Newest time of the rows that were judged."""
    row_id: str


def import_review(
    ledger: Ledger, review: ReviewFile, *, clock: Clock, places: Sequence[Place] = ()
) -> AppendResult:
    """Append what a reviewer said; the same file a second time changes nothing.

    Raises:
        LedgerError: where a verdict is on something that the reviewed run did not hold.
    """
    seq = seq_of_run(ledger, review.site_id, review.run_id)
    findings = findings_at(ledger, review.site_id, seq=seq)
    known = {place.place_id: place for place in places}
    rows = [_verdict_row(review, verdict, findings, known, seq) for verdict in review.verdicts]
    rows += [_observation_row(review, observation) for observation in review.observations]
    return ledger.append(
        list({row.key: row for row in rows}.values()),
        chain=review.site_id,
        run_id=new_run_id(clock),
        time=timestamp(clock),
        actor=review.reviewer,
        action="review",
        details={"reviewed_run": review.run_id, "map_version": review.map_version},
    )


def _verdict_row(
    review: ReviewFile,
    verdict: ReviewVerdict,
    findings: dict[tuple[str, str], Finding],
    places: dict[str, Place],
    seq: int,
) -> Row:
    seen: dict[str, Any]
    if verdict.subject_kind == PLACE:
        if verdict.subject not in places:
            raise LedgerError(f"no place {verdict.subject} is in the queue of {review.site_id}")
        wkb = bytes(shapely.to_wkb(places[verdict.subject].geometry, byte_order=1))
        seen = {"reviewed_row_id": "", "seen_until": "", "evidence_sha256": sha256_bytes(wkb)}
    else:
        finding = findings.get((verdict.subject_kind, verdict.subject))
        if finding is None:
            what = f"{verdict.subject_kind} {verdict.subject}"
            raise LedgerError(f"run {review.run_id} holds no {what} at {review.site_id}")
        wkb = finding.newest.row.geometry or b""
        until = max(finding.rows)
        seen = {"reviewed_row_id": finding.newest.row_id, "seen_until": until}
        seen |= {"evidence_sha256": finding.evidence_sha256}
    told: dict[str, Any] = {
        "subject": verdict.subject,
        "subject_kind": verdict.subject_kind,
        "verdict": verdict.verdict.value,
        "reason_code": verdict.reason_code.value,
        "likelihood": verdict.likelihood and verdict.likelihood.value,
        "confidence": verdict.confidence and verdict.confidence.value,
        "evidence_viewed": [_image_text(image) for image in verdict.evidence_viewed],
        "reviewer": review.reviewer,
        "reviewed_at": iso_utc(verdict.reviewed_at),
        "blind": verdict.blind,
        "note": verdict.note,
        "reviewed_run": review.run_id,
        "seen_seq": seq,
    }
    return Row(
        layer=REVIEWS.name,
        site_id=review.site_id,
        subject=f"{verdict.subject_kind}/{verdict.subject}/{review.reviewer}",
        time=iso_utc(verdict.reviewed_at),
        method=METHOD,
        params_hash=_PARAMS,
        inputs_hash=str(seen["evidence_sha256"]),
        data=record_data(ReviewRecord(**told, **seen)),
        geometry=wkb or None,
    )


def _image_text(image: EvidenceImage) -> str:
    return f"{image.provider}/{image.image_id}/{image.date.isoformat()}/{image.resolution_m:g}m"


def _observation_row(review: ReviewFile, observation: ManualObservation) -> Row:
    geometry = shape(observation.geometry) if observation.geometry else None
    wkb = bytes(shapely.to_wkb(geometry, output_dimension=2, byte_order=1)) if geometry is not None else None
    told: dict[str, Any] = {
        "kind": observation.kind,
        "label": observation.label,
        "value": observation.value,
        "image": _image_text(observation.image),
        "image_date": observation.image.date.isoformat(),
        "image_resolution_m": observation.image.resolution_m,
        "observer": review.reviewer,
        "observed_at": iso_utc(observation.observed_at),
        "note": observation.note,
    }
    content = told | {"geometry": mapping(geometry) if geometry is not None else None}
    return Row(
        layer=MANUAL_OBSERVATIONS.name,
        site_id=review.site_id,
        subject=f"observation-{sha256_json(plain(content))[:12]}",
        time=iso_utc(observation.observed_at),
        method=METHOD,
        params_hash=_PARAMS,
        inputs_hash=sha256_json({"image": told["image"]}),
        data=record_data(ManualObservationRecord(**told)),
        geometry=wkb,
    )


def given_verdicts(ledger: Ledger, site_id: str) -> list[GivenVerdict]:
    """Every verdict ever given on a site, by subject and time."""
    given = [_given(stored) for stored in ledger.current(REVIEWS.name, site_id=site_id)]
    return sorted(given, key=lambda v: (v.kind, v.subject, v.reviewed_at, v.reviewer))


def _given(stored: StoredRow) -> GivenVerdict:
    data = stored.row.data
    return GivenVerdict(
        kind=str(data["subject_kind"]),
        subject=str(data["subject"]),
        verdict=str(data["verdict"]),
        reason_code=str(data["reason_code"]),
        likelihood=data["likelihood"],
        confidence=data["confidence"],
        reviewer=str(data["reviewer"]),
        reviewed_at=str(data["reviewed_at"]),
        blind=bool(data["blind"]),
        note=str(data["note"]),
        evidence_viewed=tuple(data["evidence_viewed"]),
        reviewed_row_id=str(data["reviewed_row_id"]),
        seen_seq=int(data["seen_seq"]),
        seen_until=str(data["seen_until"]),
        row_id=stored.row_id,
    )


def map_verdict(given: GivenVerdict) -> Verdict:
    """A verdict as a map takes it."""
    return Verdict(
        subject=given.subject,
        verdict=given.verdict,
        reason_code=given.reason_code,
        likelihood=given.likelihood,
        confidence=given.confidence,
        reviewer=given.reviewer,
        reviewed_at=dt.datetime.fromisoformat(given.reviewed_at),
        note=given.note,
        evidence_viewed=given.evidence_viewed,
    )
