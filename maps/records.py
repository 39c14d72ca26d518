"""What a map is drawn from: one site with imagery, measurements, reviews and rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shapely.geometry.base import BaseGeometry

from aoi.records import Site
from detection.sampling.references import SiteCheck
from evidence.anchors import Anchor
from evidence.layers import LayerSpec
from evidence.quantity import Quantity
from evidence.rows import Row

if TYPE_CHECKING:
    import xarray as xr  # loads slowly, and names and profiles need no cube


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One chance to see the site: what became of it."""

    datetime: dt.datetime
    """UTC, timezone-aware."""
    status: str
    """used | unusable | missing | failed."""
    detail: str = ""
    scene_id: str | None = None
    valid_fraction: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One reviewer's judgement, as imported from a review file."""

    subject: str
    """Id of the disturbance, pile or zone."""
    verdict: str
    reason_code: str
    likelihood: str | None
    confidence: str | None
    reviewer: str
    """A code, not a name."""
    reviewed_at: dt.datetime
    note: str = ""
    evidence_viewed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """One finding, or random place, on the reviewer's desk."""

    kind: str
    """disturbance | pile | zone | boundary_change | place."""
    subject: str
    status: str
    """awaiting_first | awaiting_second | reopened | disputed | undecided | accepted | rejected."""
    because: tuple[str, ...] = ()
    """What changed since it was judged."""
    shown_before: bool = False
    """Whether earlier verdicts on it have been shown, so that the next one is not blind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedAlert:
    """One alert of the site, with what raised it."""

    alert_id: str
    rule: str
    subject: str
    state: str
    """open | closed."""
    raised_at: dt.datetime
    detail: str
    """In words, with the figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomPlace:
    """A square in the queue although nothing was detected there."""

    place_id: str
    geometry: BaseGeometry
    """EPSG:4326."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """Which run the figures are from."""

    run_id: str
    as_of: dt.datetime
    """UTC, timezone-aware."""
    version: str
    """Of the software."""
    anchor: Anchor | None = None
    """The newest custody head that was vouched for outside; None where times are by our own clock alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who the map is for."""

    restricted: bool = False
    """Whether restricted parts are shown; the file name and every view then say so."""
    coordinate_decimals: int | None = None
    """Public maps only: vertices are rounded to this many decimals of a degree."""
    delay_days: int = 0
    """Public maps only: nothing younger than this before `RunInfo.as_of` is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRule:
    """How imagery is thinned; printed on the page, never applied silently."""

    native_days: int = 90
    """Looks of this many days before the newest are native and lossless over the whole site."""
    window_margin_m: float = 150.0
    """Around zones and disturbances older looks are native and lossless too, with this margin."""
    overview_px: int = 720
    """Longer side of the display copy of an older look."""
    overview_quality: int = 82
    """WebP quality of the display copy."""
    block_px: int = 768
    """Native imagery comes in blocks of this side, loaded as they come into view."""
    page_budget_mb: float = 12.0
    """Imagery inside the page, newest looks first; the rest lies in files beside it."""
    beside_budget_mb: float = 90.0
    """Files beside the page, newest looks first; beyond it older looks have no native windows, but copies."""
    min_valid_fraction: float = 0.02
    """Looks that saw less carry no picture; the reason is listed instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteMapData:
    """Everything that the map of one site shows."""

    site: Site
    run: RunInfo
    cube: xr.Dataset | None = None
    drawn: MutableMapping[str, bytes] | None = None
    """Pictures of earlier maps by key; extended."""
    """(time, y, x) as `imagery.cube.loading.load_cube` gives it; read one date at a time."""
    looks: tuple[Look, ...] = ()
    """Looks that left no picture (missing, failed); those of the cube are added."""
    layers: Mapping[str, LayerSpec] = field(default_factory=dict)
    """What the rows are of, by name, in the order of the page."""
    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    """Current rows of the site by layer."""
    verdicts: tuple[Verdict, ...] = ()
    """Those that still hold."""
    queue: tuple[QueueItem, ...] = ()
    """What can be judged, in the order in which it should be."""
    places: tuple[RandomPlace, ...] = ()
    alerts: tuple[RaisedAlert, ...] = ()
    """Restricted maps only."""
    last_reviews: Mapping[str, dt.datetime] = field(default_factory=dict)
    """Newest verdict by reviewer's code; restricted maps only."""
    checks: Mapping[str, SiteCheck] = field(default_factory=dict)
    """What references of the site stand behind the intervals, by layer."""
    new_since: dt.datetime | None = None
    """When anybody last reviewed the site: what came since is new to a reader who has given no code."""
    profile: Profile = field(default_factory=Profile)
    rule: ImageRule = field(default_factory=ImageRule)
    simulated: bool = False
    """Whether the imagery is computed; every view then says so."""
    attribution: str | None = None
    """Of the imagery; None for the Copernicus Sentinel notice with the years shown."""
    time_zone: str = "Asia/Pyongyang"
    """For local dates beside UTC."""
    korean: Callable[[str], str] | None = None
    """Reads reasons and details, which are kept in English, in Korean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSummary:
    """One line of the first page."""

    site: Site
    map_path: str | None = None
    """Of the site's map, relative to the first page."""
    last_look: dt.datetime | None = None
    """Newest usable look, UTC."""
    last_attempt: dt.datetime | None = None
    """Newest look of any status, UTC."""
    not_seen_reason: str | None = None
    """Why the newest look saw nothing; None where it did."""
    stockpile_ha: Quantity | None = None
    """Sum over the zones that this page may show, each at its newest figure; None where one is missing."""
    stockpile_zones: tuple[tuple[str, Quantity | None, dt.date | None], ...] = ()
    """(zone, newest figure, its date) of these zones."""
    stockpile_hidden: bool = False
    """Whether zones of the site are left out of it, because they are not public."""
    stockpile_date: dt.date | None = None
    footprint_ha: Quantity | None = None
    footprint_epoch: str | None = None
    outside_ha: Quantity | None = None
    stockpile_check: SiteCheck = field(default_factory=SiteCheck)
    """What references of the site stand behind the interval."""
    footprint_check: SiteCheck = field(default_factory=SiteCheck)
    new_findings: int = 0
    """Since `new_since`."""
    new_by: Mapping[str, int] = field(default_factory=dict)
    """The same since each reviewer's own last verdict."""
    new_all: int = 0
    """What is new to somebody who never reviewed the site."""
    new_since: dt.datetime | None = None
    awaiting_first_review: int = 0
    awaiting_second_review: int = 0
    open_alerts: int = 0
    trend: str | None = None
    """rising | falling | none, only together with `trend_test`."""
    trend_test: str | None = None
    """Test, p-value, span; without it no trend is shown."""
