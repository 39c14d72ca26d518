"""What a brought file would become: a role for each feature, to be looked at before anything is written.

A boundary never becomes the aoi: where a file holds no aoi, the box is derived around what it holds, with
2 km to spare. What cannot be told from names, folders, dates and shapes is asked, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shapely import LineString, MultiLineString, Point, get_coordinates

from aoi.candidates import Candidate, dates_in
from aoi.features import Feature, Role
from aoi.geodesy import box_around
from aoi.names import slug_from
from aoi.readers import read_candidates
from aoi.records import Extent, ZoneKind
from aoi.registry import MARGIN_M, UNKNOWN_ACCURACY_M, suspects
from aoi.site_file import SiteReading, site_of_features
from evidence.errors import AoiError
from evidence.limits import Limits

SKIP = "skip"
BOUNDARY_WORDS = ("boundary", "perimeter", "fence", "border", "경계", "울타리", "철조망")
AOI_WORDS = ("aoi", "ordering box", "ordering window", "area of interest", "관측구역")
ZONE_WORDS: Mapping[ZoneKind, tuple[str, ...]] = {
    ZoneKind.COAL_REFERENCE: ("coal reference", "reference coal"),
    ZoneKind.STOCKYARD: ("stockyard", "stockpile", "coal yard", "coal pile", "저탄", "야적"),
    ZoneKind.PIT: ("pit", "open cast", "갱"),
    ZoneKind.SPOIL: ("spoil", "tailings", "waste rock", "버럭"),
    ZoneKind.HOUSING: ("housing", "houses", "barracks", "주거", "주택"),
    ZoneKind.CONTROL: ("control",),
    ZoneKind.EXCLUSION: ("exclusion", "exclude"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the user says about features, by name or number as text."""

    roles: Mapping[str, str] = field(default_factory=dict)
    """aoi | boundary | point | zone:KIND | skip."""
    dates: Mapping[str, str] = field(default_factory=dict)
    """EDTF date from which a boundary is in force."""
    keep: tuple[str, ...] = ()
    public: bool = False
    """Whether features that say nothing of their sensitivity are public."""
    site_id: str | None = None
    site_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One feature and what it would become."""

    number: int
    candidate: Candidate
    role: Role | None
    """None while it has to be asked."""
    kind: ZoneKind | None = None
    date: str | None = None
    why: str = ""
    skipped: bool = False

    @property
    def question(self) -> str | None:
        """What has to be asked before the feature can be taken over."""
        if self.skipped:
            return None
        if self.role is None:
            return "role"
        return "date" if self.role is Role.BOUNDARY and self.date is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A file and what it would become."""

    name: str
    features: tuple[Proposed, ...]
    notices: tuple[str, ...]

    @property
    def questions(self) -> tuple[Proposed, ...]:
        """Features that cannot be taken over before something is answered."""
        return tuple(feature for feature in self.features if feature.question is not None)


def propose(path: Path, *, answers: Answers | None = None, limits: Limits | None = None) -> Proposal:
    """What the file would become.

    Args:
        path: the file.
        answers: to questions that it leaves open.
        limits: of what is read.

    Raises:
        AoiError: where the file cannot be read, or an answer names no feature of it.
    """
    given = answers or Answers()
    notices: list[str] = []
    candidates = read_candidates(path, notices, limits)
    features = [_proposed(n, c, alone=len(candidates) == 1) for n, c in enumerate(candidates, start=1)]
    _check_answers(features, given)
    answered = tuple(_answered(feature, given) for feature in features)
    for feature in answered:
        found = suspects(feature.candidate.geometry)
        notices += [f"{feature.candidate.where}: looks like {entry.name}. {entry.reason}" for entry in found]
    return Proposal(name=path.stem, features=answered, notices=tuple(notices))


def _check_answers(features: Sequence[Proposed], answers: Answers) -> None:
    known = {key for feature in features for key in keys_of(feature)}
    unknown = sorted((set(answers.roles) | set(answers.dates)) - known)
    if unknown:
        raise AoiError(f"no feature is called {unknown[0]!r}")


def keys_of(feature: Proposed) -> tuple[str, ...]:
    """What an answer may call a feature: its number or its name."""
    return tuple(key for key in (str(feature.number), feature.candidate.name) if key)


def _answered(feature: Proposed, answers: Answers) -> Proposed:
    for key in keys_of(feature):
        if key in answers.roles:
            feature = with_role(feature, answers.roles[key])
        if key in answers.dates:
            feature = replace(feature, date=answers.dates[key])
    return feature


def with_role(feature: Proposed, answer: str) -> Proposed:
    """The feature with the role that a user gave it."""
    if answer == SKIP:
        return replace(feature, role=None, skipped=True, why="left out on your word")
    role, _, kind = answer.partition(":")
    if role not in set(Role):
        raise AoiError(f"role {answer!r} is not aoi, boundary, point, zone:KIND or skip")
    if (role == Role.ZONE) != bool(kind) or (kind and kind not in set(ZoneKind)):
        known = ", ".join(f"zone:{k.value}" for k in ZoneKind)
        raise AoiError(f"role {answer!r}: a zone needs its kind, as in {known}")
    return replace(
        feature, role=Role(role), kind=ZoneKind(kind) if kind else None, skipped=False, why="your word"
    )


def _proposed(number: int, candidate: Candidate, *, alone: bool) -> Proposed:
    role, kind, why = _guess(candidate, alone=alone)
    return Proposed(number=number, candidate=candidate, role=role, kind=kind, date=_date(candidate), why=why)


def _date(candidate: Candidate) -> str | None:
    stated = candidate.properties.get("valid_from")
    if isinstance(stated, str) and stated.strip():
        return stated.strip()
    if candidate.begin is not None:
        return candidate.begin
    for text in (candidate.name or "", *reversed(candidate.folder)):
        dates = dates_in(text)
        if dates:
            return dates[0] if len(dates) == 1 else None
    return None


def _guess(candidate: Candidate, *, alone: bool) -> tuple[Role | None, ZoneKind | None, str]:
    stated = candidate.properties.get("role")
    if isinstance(stated, str) and stated in set(Role):
        kind = candidate.properties.get("kind")
        return (
            Role(stated),
            ZoneKind(kind)
            if stated == Role.ZONE and isinstance(kind, str) and kind in set(ZoneKind)
            else None,
            "its role",
        )
    if isinstance(candidate.geometry, Point):
        return Role.POINT, None, "a point"
    if isinstance(candidate.geometry, (LineString, MultiLineString)):
        return Role.BOUNDARY, None, "an open path is a partial perimeter"
    for words in (candidate.name, *reversed(candidate.folder)):
        found = _by_words((words or "").casefold())
        if found is not None:
            return *found, f"the name {words!r}"
    if _date(candidate) is not None:
        return Role.BOUNDARY, None, "it has a date"
    return (Role.AOI, None, "the only polygon") if alone else (None, None, "nothing says what it is")


def _by_words(text: str) -> tuple[Role, ZoneKind | None] | None:
    for kind, words in ZONE_WORDS.items():
        if any(_says(text, word) for word in words):
            return Role.ZONE, kind
    if any(_says(text, word) for word in AOI_WORDS):
        return Role.AOI, None
    return (Role.BOUNDARY, None) if any(_says(text, word) for word in BOUNDARY_WORDS) else None


def _says(text: str, word: str) -> bool:
    """Whether a text holds a word, as a word where it is written in Latin letters."""
    if not word.isascii():
        return word in text
    plain = "".join(char if char.isalnum() else " " for char in text)
    return f" {word} " in f" {' '.join(plain.split())} " or f" {word}s " in f" {' '.join(plain.split())} "


def site_from(proposal: Proposal, *, answers: Answers | None = None) -> SiteReading:
    """The site that a proposal without open questions makes.

    Raises:
        AoiError: where something is still open, or the features do not make a site.
    """
    given = answers or Answers()
    if proposal.questions:
        first = proposal.questions[0]
        more = f" (and {len(proposal.questions) - 1} more)" if len(proposal.questions) > 1 else ""
        raise AoiError(f"{first.candidate.where}: the {first.question} is not known{more}")
    taken = [feature for feature in proposal.features if not feature.skipped]
    notices = list(proposal.notices)
    features = _features(taken, given)
    name = given.site_name or proposal.name
    if not any(feature.role is Role.AOI for feature in taken):
        features.insert(0, _derived_aoi(taken, name, given))
        notices.append("no aoi in the file: a box was derived with 2 km beyond everything in it")
    reading = site_of_features(features, name=name, keep=given.keep, notices=notices)
    renamed = replace(
        reading.site,
        id=given.site_id or reading.site.id,
        name=given.site_name or reading.site.name,
        accepted=True,
    )
    return SiteReading(site=renamed, notices=reading.notices)


def _features(taken: Iterable[Proposed], answers: Answers) -> list[Feature]:
    used: set[str] = set()
    return [
        Feature(
            where=feature.candidate.where,
            geometry=feature.candidate.geometry,
            properties=_properties(feature, answers, used),
        )
        for feature in taken
    ]


def _properties(feature: Proposed, answers: Answers, used: set[str]) -> dict[str, Any]:
    candidate = feature.candidate
    assert feature.role is not None  # noqa: S101 - site_from has refused open questions
    found = dict(candidate.properties) | {"role": feature.role.value}
    if answers.public:
        found.setdefault("sensitivity", "public")
    if candidate.name is not None and feature.role is not Role.BOUNDARY:
        found["name"] = candidate.name
    if feature.role is Role.AOI:
        return found
    key = "boundary_id" if feature.role is Role.BOUNDARY else "id"
    if not found.get(key):
        found[key] = _fresh(slug_from(candidate.name or "") or f"{feature.role.value}-{feature.number}", used)
    if feature.role is Role.BOUNDARY:
        found.pop("name", None)
        found |= {"valid_from": feature.date, "valid_to": found.get("valid_to") or candidate.end}
        if isinstance(candidate.geometry, (LineString, MultiLineString)):
            found["extent"] = Extent.PARTIAL.value
    elif feature.role is Role.ZONE:
        found["kind"] = feature.kind.value if feature.kind else found.get("kind")
    return found


def _fresh(wanted: str, used: set[str]) -> str:
    name, number = wanted, 1
    while name in used:
        number += 1
        name = f"{wanted}-{number}"
    used.add(name)
    return name


def _derived_aoi(taken: Sequence[Proposed], name: str, answers: Answers) -> Feature:
    places, margins = [], []
    for feature in taken:
        geometry = feature.candidate.geometry
        margin = MARGIN_M
        if isinstance(geometry, Point):
            accuracy = feature.candidate.properties.get("accuracy_m")
            margin += accuracy if isinstance(accuracy, (int, float)) else UNKNOWN_ACCURACY_M
        vertices = [Point(x, y) for x, y in get_coordinates(geometry)]
        places += vertices
        margins += [margin] * len(vertices)
    if not places:
        raise AoiError("nothing was taken over from the file")
    properties: dict[str, Any] = {"role": Role.AOI.value, "name": name, "derived": True}
    if answers.public:
        properties["sensitivity"] = "public"
    return Feature(where="derived aoi", geometry=box_around(places, margin_m=margins), properties=properties)
