"""Verdicts and observations from review files into the ledger; where each finding stands with reviewers."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import shapely
from shapely.geometry import mapping, shape

from campwatch.identity import Clock, new_run_id, timestamp
from campwatch.reviews.findings import PLACE, Finding, Place, changed_evidence, findings_at, seq_of_run
from campwatch.reviews.records import (
    MANUAL_OBSERVATIONS,
    METHOD,
    REVIEWS,
    ManualObservationRecord,
    ReviewRecord,
)
from detection.sampling.accuracy import ReaderAgreement, wilson_share
from evidence.errors import LedgerError
from evidence.hashing import sha256_bytes, sha256_json
from evidence.ledger import AppendResult, Ledger
from evidence.quantity import Quantity
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
    cause: str | None = None
    """Of a boundary change: ground, reinterpretation or registration."""
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
        "cause": verdict.cause and verdict.cause.value,
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
        cause=data.get("cause"),
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


ACCEPTED, REJECTED = "accepted", "rejected"
READERS_NEEDED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewState:
    """One finding: what the machine says, what reviewers say, and whether that still stands."""

    kind: str
    subject: str
    machine_status: str | None
    """provisional | persistent | withdrawn, where the finding has such a thing."""
    review_status: str
    """awaiting_first | awaiting_second | reopened | disputed | undecided | accepted | rejected."""
    reopened_because: tuple[str, ...]
    standing: tuple[GivenVerdict, ...]
    """The newest verdict of each reviewer, dissent among them."""
    stale: tuple[GivenVerdict, ...] = ()
    """Of these, the ones whose evidence has changed since: kept, but they decide nothing."""
    earlier: tuple[GivenVerdict, ...]
    """What the same reviewers said before."""
    parents: tuple[str, ...] = ()

    @property
    def holding(self) -> tuple[GivenVerdict, ...]:
        """Verdicts on what is there now."""
        return tuple(verdict for verdict in self.standing if verdict not in self.stale)

    @property
    def blind(self) -> bool:
        """Whether no verdict may be told yet: fewer than two have judged what is there now."""
        return len(self.holding) < READERS_NEEDED

    @property
    def cause(self) -> str | None:
        """Cause of a boundary change, where two settled it with one verdict and each named an image."""
        causes = {verdict.cause for verdict in self.holding if verdict.evidence_viewed}
        agreed = len(causes) == 1 and all(verdict.evidence_viewed for verdict in self.holding)
        return causes.pop() if agreed and self.review_status in {ACCEPTED, REJECTED} else None

    @property
    def dissent(self) -> bool:
        """Whether reviewers contradict each other."""
        return {ACCEPTED, REJECTED} <= {verdict.verdict for verdict in self.holding}


def review_states(ledger: Ledger, site_id: str, *, places: Sequence[Place] = ()) -> list[ReviewState]:
    """Every finding of a site, then findings that are gone but had a verdict, then random places."""
    now = findings_at(ledger, site_id)
    given: dict[tuple[str, str], list[GivenVerdict]] = {}
    for verdict in given_verdicts(ledger, site_id):
        given.setdefault((verdict.kind, verdict.subject), []).append(verdict)
    seqs = {verdict.seen_seq for verdicts in given.values() for verdict in verdicts}
    then = {seq: findings_at(ledger, site_id, seq=seq) for seq in seqs}
    judged_places = [key for key in given if key[0] == PLACE]
    keys = [*now, *(key for key in given if key not in now and key[0] != PLACE)]
    keys += list(dict.fromkeys([*judged_places, *((PLACE, place.place_id) for place in places)]))
    return [_state(key, now.get(key), given.get(key, []), then) for key in keys]


def _state(
    key: tuple[str, str],
    now: Finding | None,
    given: Sequence[GivenVerdict],
    then: Mapping[int, Mapping[tuple[str, str], Finding]],
) -> ReviewState:
    standing = _standing(given)
    causes: dict[GivenVerdict, list[str]] = (
        {} if key[0] == PLACE else {verdict: _causes(verdict, now, then, key) for verdict in standing}
    )
    stale = tuple(verdict for verdict in standing if causes.get(verdict))
    data = now.newest.row.data if now is not None else {}
    return ReviewState(
        kind=key[0],
        subject=key[1],
        machine_status=data.get("machine_status"),
        review_status=_status(
            [verdict for verdict in standing if verdict not in stale], reopened=bool(stale)
        ),
        reopened_because=tuple(dict.fromkeys(cause for found in causes.values() for cause in found)),
        standing=standing,
        stale=stale,
        earlier=tuple(verdict for verdict in given if verdict not in standing),
        parents=tuple(str(parent) for parent in data.get("parents", ())),
    )


def _causes(
    verdict: GivenVerdict,
    now: Finding | None,
    then: Mapping[int, Mapping[tuple[str, str], Finding]],
    key: tuple[str, str],
) -> list[str]:
    seen = then[verdict.seen_seq].get(key)
    return changed_evidence(seen.until(verdict.seen_until), now) if seen else []


def _standing(given: Sequence[GivenVerdict]) -> tuple[GivenVerdict, ...]:
    newest = {verdict.reviewer: verdict for verdict in sorted(given, key=lambda v: v.reviewed_at)}
    return tuple(newest[reviewer] for reviewer in sorted(newest))


def _status(holding: Sequence[GivenVerdict], *, reopened: bool) -> str:
    """From the verdicts that still hold; `reopened` until somebody has judged what is there now."""
    said = {verdict.verdict for verdict in holding}
    if not holding:
        return "reopened" if reopened else "awaiting_first"
    if {ACCEPTED, REJECTED} <= said:
        return "disputed"
    if len(holding) < READERS_NEEDED:
        return "awaiting_second"
    return said.pop() if len(said) == 1 else "undecided"


def queue(states: Iterable[ReviewState]) -> list[ReviewState]:
    """What waits for somebody, random places spread among the findings."""
    waiting = [s for s in states if s.review_status not in {ACCEPTED, REJECTED, "undecided"} and _matters(s)]
    rank = {"reopened": 0, "disputed": 1, "awaiting_second": 2, "awaiting_first": 3}
    findings = sorted((s for s in waiting if s.kind != PLACE), key=lambda s: rank[s.review_status])
    places = [s for s in waiting if s.kind == PLACE]
    if not findings or not places:
        return [*findings, *places]
    step = max(1, math.ceil(len(findings) / len(places)))
    blocks = [findings[i : i + step] for i in range(0, len(findings), step)]
    mixed = itertools.zip_longest(blocks, places)
    return [state for block, place in mixed for state in (*(block or ()), *((place,) if place else ()))]


def _matters(state: ReviewState) -> bool:
    """What the machine took back, and nobody ever judged, need not be judged."""
    return bool(state.standing) or state.machine_status != "withdrawn"


def last_reviews(states: Iterable[ReviewState]) -> dict[str, dt.datetime]:
    """When each reviewer last gave a verdict, by code."""
    newest: dict[str, dt.datetime] = {}
    for state in states:
        for verdict in (*state.standing, *state.earlier):
            at = dt.datetime.fromisoformat(verdict.reviewed_at)
            newest[verdict.reviewer] = max(at, newest.get(verdict.reviewer, at))
    return dict(sorted(newest.items()))


def kept_blind(state: ReviewState) -> ReviewState:
    """Without what was said, now or before, until two have judged what is there now."""
    if not state.blind:
        return state
    return replace(
        state,
        standing=tuple(map(_silent, state.standing)),
        stale=tuple(map(_silent, state.stale)),
        earlier=tuple(map(_silent, state.earlier)),
    )


def _silent(verdict: GivenVerdict) -> GivenVerdict:
    return replace(
        verdict, verdict="given", reason_code="blind", likelihood=None, confidence=None, note="",
        evidence_viewed=(), cause=None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRates:
    """How good the machine and its reviewers are, as far as verdicts tell."""

    agreement: Quantity
    """Share of pairs of blind decisions on the same subject that agree."""
    readers: ReaderAgreement
    """Agreement of the same pairs beyond chance."""
    false_share: Quantity
    """Share of findings that two decided with one voice that were rejected."""
    miss_share: Quantity
    """Share of random places, decided by two, that show what the machine did not detect."""


def review_rates(states: Iterable[ReviewState]) -> ReviewRates:
    """Agreement of blind readers, false findings and misses."""
    states = list(states)
    pairs = [
        (one.verdict, two.verdict)
        for state in states
        for one, two in itertools.combinations(_decided(state.holding), 2)
        if one.blind and two.blind
    ]
    readers = ReaderAgreement.of(pairs)
    found = [said for s in states if s.kind != PLACE and (said := _said(s)) is not None]
    places = [said for s in states if s.kind == PLACE and (said := _said(s)) is not None]
    return ReviewRates(
        agreement=wilson_share(readers.n - readers.disagreed, readers.n),
        readers=readers,
        false_share=wilson_share(found.count(REJECTED), len(found)),
        miss_share=wilson_share(places.count(ACCEPTED), len(places)),
    )


def _decided(standing: Iterable[GivenVerdict]) -> list[GivenVerdict]:
    return [verdict for verdict in standing if verdict.verdict in {ACCEPTED, REJECTED}]


def _said(state: ReviewState) -> str | None:
    """What two readers decided with one voice; the verdict of one alone would be told by any count of it."""
    if state.blind:
        return None
    said = {verdict.verdict for verdict in _decided(state.holding)}
    return said.pop() if len(said) == 1 else None
