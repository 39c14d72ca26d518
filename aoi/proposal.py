"""What a brought file would become: a role for each feature, to be looked at before anything is written.

A boundary never becomes the aoi: where a file holds no aoi, the box is derived around what it holds, with
2 km to spare. What cannot be told from names, folders, dates and shapes is asked, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import (
    LineString,
    MultiLineString,
    Point,
    Polygon,
    STRtree,
    get_coordinates,
    line_merge,
    orient_polygons,
)
from shapely.geometry.base import BaseGeometry

from aoi.features import Feature, Role
from aoi.geodesy import area_m2, box_around, distance_m
from aoi.names import hangul_key, name_keys, slug_from
from aoi.readers import read_candidates
from aoi.readers.candidates import Candidate
from aoi.readers.dates import dates_in, is_range
from aoi.records import Extent, Site, ZoneKind
from aoi.registry import MARGIN_M, UNKNOWN_ACCURACY_M, names_of, shipped_sites, suspects
from aoi.site_file import SiteReading, site_of_features
from evidence.errors import AoiError
from evidence.limits import Limits

SKIP = "skip"
ONE_PLACE_M = 2000.0
"""Features of a list that are nearer are one place: a gate, a yard, the outline around them. Assumed."""
SAME_POINT_M = 300.0
"""Least distance within which a place lies on a published point. Assumed."""
SAME_NAME_M = 50_000.0
"""Places of one name nearer than this are one: published points were up to 31 km wrong."""
LARGEST_SITE_KM2 = 500.0
"""Above it no box is accepted without a word: a hundred times what most camps take. Assumed."""
CLOSED_WITHIN_M = 15.0
"""Gap between the ends of a path that is taken for a closed line where no accuracy is stated: the tracing
error of Google Earth's imagery in a country without ground control. Assumed."""
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
    accuracy_m: float | None = None
    """Of boundaries that state none: radial RMSE of the trace, m."""
    image: Mapping[str, str] | None = None
    """What boundaries that name no image were traced on: provider, id, date."""
    criterion: str | None = None
    """What the traced line is: fence, posts, road, administrative, other."""
    encoding: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One feature and what it would become."""

    number: int
    candidate: Candidate
    role: Role | None
    """None while it has to be asked."""
    kind: ZoneKind | None = None
    date: str | None = None
    end: str | None = None
    """EDTF date from which it no longer held, where the name says so."""
    meanings: tuple[str, ...] = ()
    """Dates that the name may mean, where it has more than one."""
    why: str = ""
    skipped: bool = False
    outline: bool = False
    """Of a place in a list: it gives the box, and is not kept."""

    @property
    def question(self) -> str | None:
        """What has to be asked before the feature can be taken over."""
        if self.skipped or self.outline:
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
    candidates = read_candidates(path, notices, limits, encoding=given.encoding)
    candidates = [_closed(candidate, given, notices) for candidate in candidates]
    features = [
        _proposed(n, c, alone=len(candidates) == 1, file_name=path.stem)
        for n, c in enumerate(candidates, start=1)
    ]
    _check_answers(features, given)
    answered = tuple(_answered(feature, given) for feature in features)
    for feature in answered:
        found = suspects(feature.candidate.geometry)
        notices += [f"{feature.candidate.where}: looks like {entry.name}. {entry.reason}" for entry in found]
    return Proposal(name=path.stem, features=answered, notices=tuple(condensed(notices)))


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
    """The feature with the role that a user gave it.

    Raises:
        AoiError: where the role is not known, or a zone has no kind.
    """
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


def condensed(notices: Sequence[str]) -> list[str]:
    """The notices, those that say the same of many features in one line."""
    said: dict[str, list[str]] = {}
    for notice in notices:
        where, mark, what = notice.partition(": ")
        said.setdefault(what if mark else notice, []).append(where if mark else "")
    lines: list[str] = []
    for what, places in said.items():
        if len(places) > SAME_NOTICES:
            lines.append(f"{what} ({places[0]} and {len(places) - 1} more)")
        else:
            lines += [f"{where}: {what}" if where else what for where in places]
    return lines


SAME_NOTICES = 3
"""Features of which the same is said one by one (assumed)."""


def _closed(candidate: Candidate, answers: Answers, notices: list[str]) -> Candidate:
    """A path that ends where it began, within the tracing accuracy, as the outline that it is."""
    path = candidate.geometry
    if isinstance(path, MultiLineString):  # traced in pieces that follow each other
        path = line_merge(path)
    stated = candidate.properties.get("accuracy_m") or answers.accuracy_m
    within = float(stated) if isinstance(stated, int | float) else CLOSED_WITHIN_M
    if not isinstance(path, LineString) or len(path.coords) < 4:  # noqa: PLR2004 - a triangle and its end
        return candidate
    first, last = path.coords[0], path.coords[-1]
    gap = distance_m(Point(first), Point(last))
    ring = Polygon([*path.coords[:-1], first] if gap else path.coords)
    if gap > within or not ring.is_valid or ring.is_empty:
        return candidate
    notices.append(
        f"{candidate.where}: the path ends where it began"
        + (f" (within {gap:.0f} m)" if gap else "")
        + " and is taken for a closed perimeter"
    )
    return replace(candidate, geometry=orient_polygons(ring, exterior_cw=False))


def _proposed(number: int, candidate: Candidate, *, alone: bool, file_name: str) -> Proposed:
    role, kind, why = _guess(candidate, alone=alone)
    dates, end = _dates(candidate, file_name if alone else "")
    return Proposed(
        number=number,
        candidate=candidate,
        role=role,
        kind=kind,
        date=dates[0] if len(dates) == 1 else None,
        end=end,
        meanings=dates if len(dates) > 1 else (),
        why=why,
    )


def _dates(candidate: Candidate, file_name: str = "") -> tuple[tuple[str, ...], str | None]:
    """Dates that a feature may be in force from (more than one: asked), and its last day."""
    stated = candidate.properties.get("valid_from")
    if isinstance(stated, str) and stated.strip():
        return (stated.strip(),), None
    if candidate.begin is not None:
        return (candidate.begin,), candidate.end
    for text in (candidate.name or "", *reversed(candidate.folder), file_name):
        dates = dates_in(text)
        if is_range(text, dates):
            return dates[:1], dates[1]
        if dates:
            return dates, None
    return (), None


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
    if _dates(candidate)[0]:
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
        meant = f" (it may mean {' or '.join(first.meanings)})" if first.meanings else ""
        many = "; a list of places is added with --each" if len(proposal.questions) > SAME_NOTICES else ""
        example = "boundary" if first.question == "role" else "2016-05"
        answer = f"; say it as in --{first.question} {first.number}={example}"
        raise AoiError(
            f"{first.candidate.where}: the {first.question} is not known{meant}{more}{answer}{many}"
        )
    taken = [feature for feature in proposal.features if not feature.skipped]
    notices = list(proposal.notices)
    features = _features([feature for feature in taken if not feature.outline], given)
    name = given.site_name or proposal.name
    if not any(feature.role is Role.AOI for feature in taken):
        features.insert(0, _derived_aoi(taken, name, given))
        notices.append("no aoi in the file: a box was derived with 2 km beyond everything in it")
    reading = site_of_features(features, name=name, keep=given.keep, notices=notices)
    wide = area_m2(reading.site.aoi) / 1e6
    notices = [*reading.notices, *(_stretched(taken, wide) if wide > LARGEST_SITE_KM2 else ())]
    renamed = replace(
        reading.site,
        id=given.site_id or reading.site.id,
        name=given.site_name or reading.site.name,
        accepted=wide <= LARGEST_SITE_KM2,
    )
    return SiteReading(site=renamed, notices=tuple(notices))


def _stretched(taken: Sequence[Proposed], km2: float) -> list[str]:
    """What made a box so large: the features farthest from the middle of all."""
    middle = Point(np.median([feature.candidate.geometry.centroid.coords[0] for feature in taken], axis=0))
    far = sorted(taken, key=lambda feature: -distance_m(feature.candidate.geometry.centroid, middle))[:3]
    named = ", ".join(feature.candidate.where for feature in far)
    return [
        f"the box takes {km2:,.0f} km2, more than {LARGEST_SITE_KM2:g}: not accepted",
        f"it is stretched by {named}; a list of places is added with --each",
        "`campwatch sites accept` takes it as it is",
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place of a file that lists many, and the shipped site that it may be."""

    reading: SiteReading
    known: Site | None = None
    outlines: tuple[str, ...] = ()
    """Features without a role or a date, which only gave the box."""


def places_from(proposal: Proposal, *, answers: Answers | None = None) -> list[Place]:
    """One site for each place of a file that lists many, none of them accepted.

    Features less than 2 km apart are one place. An outline of which nothing says what it is, or from when,
    gives the box of its place and is not kept. A place that bears the name of a shipped site within 50 km of
    it, or lies on a published point of it within its accuracy, is marked as that site.

    Raises:
        AoiError: where something is still open, or the features do not make a site.
    """
    given = answers or Answers()
    taken = [feature for feature in proposal.features if not feature.skipped]
    used: set[str] = set()
    found = []
    for members in _groups(taken):
        name = _place_name(members, proposal.name)
        group = [replace(one, outline=one.question is not None and not one.meanings) for one in members]
        part = replace(proposal, name=name, features=tuple(group), notices=())
        reading = site_from(part, answers=replace(given, site_id=None, site_name=name))
        told = {
            key: value for key, value in _said_of_place(group).items() if not getattr(reading.site, key, None)
        }
        site = replace(reading.site, id=_fresh(slug_from(name) or "place", used), accepted=False, **told)
        outlines = tuple(feature.candidate.where for feature in group if feature.outline)
        known = _known(site, group)
        found.append(Place(reading=replace(reading, site=site), known=known, outlines=outlines))
    return found


def _groups(taken: Sequence[Proposed]) -> list[list[Proposed]]:
    """Features that belong to one place, in the order of the file."""
    boxes = [_neighbourhood(feature.candidate.geometry) for feature in taken]
    near = STRtree(boxes)
    ones, others = near.query(boxes, predicate="intersects")
    links = coo_array((np.ones(len(ones)), (ones, others)), shape=(len(taken), len(taken)))
    _, labels = connected_components(links, directed=False)
    groups: dict[int, list[Proposed]] = {}
    for feature, label in zip(taken, labels.tolist(), strict=True):
        groups.setdefault(label, []).append(feature)
    return list(groups.values())


def _neighbourhood(geometry: BaseGeometry) -> Polygon:
    """The box within which other features belong to the same place."""
    vertices = [Point(x, y) for x, y in get_coordinates(geometry)]
    return box_around(vertices, margin_m=ONE_PLACE_M / 2)


def _place_name(group: Sequence[Proposed], default: str) -> str:
    """What a place is called: the first line of its outline's name, else of its first feature's."""
    ordered = sorted(group, key=lambda feature: isinstance(feature.candidate.geometry, Point))
    names = (feature.candidate.name for feature in ordered)
    return next((name.splitlines()[0].strip() for name in names if name and name.strip()), default)


def _said_of_place(group: Sequence[Proposed]) -> dict[str, Any]:
    """Further names, status and source of a place: from second lines, folders and columns."""
    lines = [line.strip() for f in group for line in (f.candidate.name or "").splitlines() if line.strip()]
    korean = next((line for line in lines if hangul_key(line)), None)
    told: dict[str, Any] = {"name_ko": korean}
    for feature in group:
        said = feature.candidate.properties
        told |= {key: said[key] for key in ("kind", "source", "note") if isinstance(said.get(key), str)}
        status = said.get("status") or (feature.candidate.folder[-1] if feature.candidate.folder else None)
        told.setdefault("status", status)
    return {key: value for key, value in told.items() if value}


def _known(site: Site, group: Sequence[Proposed]) -> Site | None:
    """The shipped site that a place is."""
    middle = site.aoi.centroid
    keys = {key for name in (site.name, site.name_ko) if name for key in name_keys(name)}
    for one in shipped_sites():
        named = any(keys & name_keys(name) for name in names_of(one))
        if named and distance_m(one.aoi.centroid, middle) < SAME_NAME_M:
            return one
    points = [feature.candidate.geometry.centroid for feature in group]
    for one in shipped_sites():
        for known in one.points:
            within = min(max(known.accuracy_m or 0.0, SAME_POINT_M), ONE_PLACE_M)
            if any(distance_m(known.geometry, point) < within for point in points):
                return one
    return None


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
        found |= {
            "valid_from": feature.date,
            "valid_to": found.get("valid_to") or candidate.end or feature.end,
        }
        found |= {key: value for key, value in _traced(answers).items() if not found.get(key)}
        if isinstance(candidate.geometry, (LineString, MultiLineString)):
            found["extent"] = Extent.PARTIAL.value
    elif feature.role is Role.ZONE:
        found["kind"] = feature.kind.value if feature.kind else found.get("kind")
    return found


def _traced(answers: Answers) -> dict[str, Any]:
    """What the user says of every traced line, and Google Earth cannot carry."""
    told = {"accuracy_m": answers.accuracy_m, "image": answers.image, "criterion": answers.criterion}
    return {key: value for key, value in told.items() if value is not None}


def _fresh(wanted: str, used: set[str]) -> str:
    name, number = wanted, 1
    while name in used:
        number += 1
        name = f"{wanted}-{number}"
    used.add(name)
    return name


def _derived_aoi(taken: Sequence[Proposed], name: str, answers: Answers) -> Feature:
    places, margins = [], []
    drawn = any(not isinstance(feature.candidate.geometry, Point) for feature in taken)
    for feature in taken:
        geometry = feature.candidate.geometry
        margin = MARGIN_M
        if isinstance(geometry, Point):
            accuracy = feature.candidate.properties.get("accuracy_m")
            unknown = (
                0.0 if drawn else UNKNOWN_ACCURACY_M
            )  # a gate beside a traced line is as well placed as that
            margin += accuracy if isinstance(accuracy, (int, float)) else unknown
        vertices = [Point(x, y) for x, y in get_coordinates(geometry)]
        places += vertices
        margins += [margin] * len(vertices)
    if not places:
        raise AoiError("nothing was taken over from the file")
    properties: dict[str, Any] = {"role": Role.AOI.value, "name": name, "derived": True}
    if answers.public:
        properties["sensitivity"] = "public"
    return Feature(where="derived aoi", geometry=box_around(places, margin_m=margins), properties=properties)
