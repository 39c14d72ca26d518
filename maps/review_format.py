"""The file that a map page downloads and `campwatch review import` takes: verdicts, observations."""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from shapely.errors import ShapelyError
from shapely.geometry import shape

from evidence.errors import WatchError

FORMAT = "campwatch-review/1"
MAX_BYTES = 5_000_000
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class ReviewFileError(WatchError):
    """A review file that cannot be taken, with what is wrong in it."""


class Judgement(StrEnum):
    """What a reviewer says of a finding."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"


class Reason(StrEnum):
    """Why."""

    GROUND_WORKS = "ground_works"
    PIT_OR_SPOIL = "pit_or_spoil"
    PROBABLE_COAL = "probable_coal"
    CONSTRUCTION = "construction"
    PERIMETER = "perimeter"
    AGRICULTURE = "agriculture"
    VEGETATION = "vegetation"
    CLOUD_OR_SHADOW = "cloud_or_shadow"
    SNOW_OR_WATER = "snow_or_water"
    MISREGISTRATION = "misregistration"
    CANNOT_TELL = "cannot_tell"
    OTHER = "other"


class Likelihood(StrEnum):
    """Words of probability of ICD 203; never in one field with the confidence."""

    ALMOST_NO_CHANCE = "almost_no_chance"
    VERY_UNLIKELY = "very_unlikely"
    UNLIKELY = "unlikely"
    ROUGHLY_EVEN = "roughly_even"
    LIKELY = "likely"
    VERY_LIKELY = "very_likely"
    ALMOST_CERTAIN = "almost_certain"


class Confidence(StrEnum):
    """In the judgement's basis; apart from its likelihood."""

    HIGH = "high"
    MODERATE = "moderate"
    LOW = "low"


class Cause(StrEnum):
    """Why two boundary versions differ, as a reviewer saw it."""

    GROUND = "ground"
    """The perimeter itself was moved."""
    REINTERPRETATION = "reinterpretation"
    """The same ground was read otherwise."""
    REGISTRATION = "registration"
    """The images lie otherwise."""


def _plain(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("holds control characters")
    return text


def _known_geometry(value: dict[str, Any]) -> dict[str, Any]:
    try:
        geometry = shape(value)
    except (ShapelyError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ValueError(f"is not GeoJSON: {error}") from error
    if geometry.is_empty or not geometry.is_valid:
        raise ValueError("is empty or crosses itself")
    west, south, east, north = geometry.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):  # noqa: PLR2004 - degrees
        raise ValueError("lies outside longitude and latitude")
    return value


Short = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_plain)]
Long = Annotated[str, Field(max_length=4000), AfterValidator(_plain)]
CODE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"
Code = Annotated[str, Field(pattern=CODE_PATTERN)]
Geometry = Annotated[dict[str, Any], AfterValidator(_known_geometry)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EvidenceImage(_Strict):
    """An image that the reviewer looked at."""

    provider: Short
    image_id: Short
    date: dt.date
    resolution_m: Annotated[float, Field(gt=0, le=1000)]


class ReviewVerdict(_Strict):
    """One judgement on one finding."""

    subject: Short
    """Id of the finding, as the ledger has it."""
    subject_kind: Literal["disturbance", "pile", "zone", "boundary_change", "place"]
    verdict: Judgement
    reason_code: Reason
    likelihood: Likelihood | None = None
    confidence: Confidence | None = None
    evidence_viewed: tuple[EvidenceImage, ...] = ()
    cause: Cause | None = None
    """Of a boundary change only."""
    note: Long = ""
    reviewed_at: AwareDatetime
    blind: bool = True
    """Whether it was given without sight of an earlier verdict."""

    @model_validator(mode="after")
    def _complete(self) -> ReviewVerdict:
        """An acceptance names its evidence; a decision says how likely and how sure."""
        if self.verdict is Judgement.ACCEPTED and not self.evidence_viewed:
            raise ValueError("an acceptance needs at least one image in evidence_viewed")
        if self.verdict is not Judgement.UNDECIDED and (self.likelihood is None or self.confidence is None):
            raise ValueError("a decision needs likelihood and confidence, each in its own field")
        if self.cause is not None and (self.subject_kind != "boundary_change" or not self.evidence_viewed):
            raise ValueError("a cause is that of a boundary change, and names the image that shows it")
        return self


class ManualObservation(_Strict):
    """Something an analyst drew, counted or did not find."""

    kind: Literal["outline", "count", "absent"]
    label: Short
    """What was drawn, counted or looked for."""
    value: Annotated[float, Field(ge=0)] | None = None
    geometry: Geometry | None = None
    image: EvidenceImage
    observed_at: AwareDatetime
    note: Long = ""

    @model_validator(mode="after")
    def _complete(self) -> ManualObservation:
        """An outline has a geometry, a count has a number."""
        if self.kind == "outline" and self.geometry is None:
            raise ValueError("an outline needs a geometry")
        if self.kind == "count" and self.value is None:
            raise ValueError("a count needs a value")
        return self


class ReviewFile(_Strict):
    """Everything one reviewer did on one page."""

    format: Literal["campwatch-review/1"]
    site_id: Short
    run_id: Short
    """Run of the map that was reviewed."""
    map_version: Short
    """Software version of that map."""
    reviewer: Code
    """A code, not a name."""
    exported_at: AwareDatetime
    verdicts: tuple[ReviewVerdict, ...] = ()
    observations: tuple[ManualObservation, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> ReviewFile:
        """One verdict per finding in a file."""
        subjects = [v.subject for v in self.verdicts]
        twice = sorted({s for s in subjects if subjects.count(s) > 1})
        if twice:
            raise ValueError(f"more than one verdict on {', '.join(twice)[:200]}")
        return self


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"]) or "file"
    return f"{place}: {fault['msg']}"


def parse_review(text: str | bytes) -> ReviewFile:
    """Read the text of a review file.

    Raises:
        ReviewFileError: where it is not one; names the first field at fault.
    """
    if len(text) > MAX_BYTES:
        raise ReviewFileError(f"review file of {len(text)} bytes is longer than {MAX_BYTES}")
    try:
        return ReviewFile.model_validate_json(text)
    except ValidationError as error:
        raise ReviewFileError(f"not a review file that can be taken: {_first_fault(error)}") from error


def read_review(path: Path) -> ReviewFile:
    """Read a downloaded review file."""
    try:
        return parse_review(path.read_bytes())
    except OSError as error:
        raise ReviewFileError(f"cannot read {path}: {error}") from error
