"""Where each finding stands with its reviewers, and how far reviewers agree."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from campwatch.reviews.findings import Finding, changed_evidence, findings_at
from campwatch.reviews.places import PLACE, Place
from campwatch.reviews.verdicts import GivenVerdict, given_verdicts
from evidence.ledger import Ledger
from evidence.quantity import Quantity, coverage_factor

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


def kept_blind(state: ReviewState) -> ReviewState:
    """Without what a first verdict says, so that the second is given without sight of it."""
    if len(state.holding) >= READERS_NEEDED:
        return state
    silent = tuple(v if v in state.stale else _silent(v) for v in state.standing)
    return replace(state, standing=silent)


def _silent(verdict: GivenVerdict) -> GivenVerdict:
    return replace(
        verdict, verdict="given", reason_code="blind", likelihood=None, confidence=None, note="",
        evidence_viewed=(),
    )  # fmt: skip


def proportion(hits: int, n: int, *, level: float = 0.95) -> Quantity:
    """A share with Wilson's interval."""
    if n == 0:
        return Quantity.not_assessable("nobody has judged anything of the kind", level=level)
    z, p = coverage_factor(level), hits / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return Quantity.interval(p, min(p, centre - half), max(p, centre + half), level=level)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRates:
    """How good the machine and its reviewers are, as far as verdicts tell."""

    agreement: Quantity
    """Share of pairs of blind decisions on the same subject that agree."""
    kappa: float | None
    """Agreement beyond chance of the same pairs, readers exchangeable (Scott 1955); None where chance alone
    would agree always."""
    pairs: int
    false_share: Quantity
    """Share of decided findings that were rejected."""
    miss_share: Quantity
    """Share of decided random places that show what the machine did not detect."""


def review_rates(states: Iterable[ReviewState]) -> ReviewRates:
    """Agreement of blind readers, false findings and misses."""
    states = list(states)
    pairs = [
        (one.verdict, two.verdict)
        for state in states
        for one, two in itertools.combinations(_decided(state.holding), 2)
        if one.blind and two.blind
    ]
    equal = sum(one == two for one, two in pairs)
    found = [said for s in states if s.kind != PLACE and (said := _said(s)) is not None]
    places = [said for s in states if s.kind == PLACE and (said := _said(s)) is not None]
    return ReviewRates(
        agreement=proportion(equal, len(pairs)),
        kappa=_kappa(pairs),
        pairs=len(pairs),
        false_share=proportion(found.count(REJECTED), len(found)),
        miss_share=proportion(places.count(ACCEPTED), len(places)),
    )


def _decided(standing: Iterable[GivenVerdict]) -> list[GivenVerdict]:
    return [verdict for verdict in standing if verdict.verdict in {ACCEPTED, REJECTED}]


def _said(state: ReviewState) -> str | None:
    """What the readers of a finding decided with one voice."""
    said = {verdict.verdict for verdict in _decided(state.holding)}
    return said.pop() if len(said) == 1 else None


def _kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    if not pairs:
        return None
    share = sum(said == ACCEPTED for pair in pairs for said in pair) / (2 * len(pairs))
    chance = share**2 + (1 - share) ** 2
    agreed = sum(one == two for one, two in pairs) / len(pairs)
    return None if chance == 1 else (agreed - chance) / (1 - chance)
