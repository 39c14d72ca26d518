"""The result layers: their columns, units and meanings, which tables, exports and the dictionary follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    QUANTITY = "quantity"
    """Three columns: the value, `_low` and `_high`."""
    LIST = "list"
    """Several texts, joined by spaces."""
    SECTORS = "sectors"
    """By compass sector a figure with its interval, as text: `E 12 (3 to 20); NE 8 (1 to 15)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column, or the three of a quantity."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One table of results."""

    name: str
    title: str
    columns: tuple[Column, ...]
    has_geometry: bool = False


def _text(name: str, meaning: str) -> Column:
    return Column(name=name, kind=Kind.TEXT, meaning=meaning)


def _real(name: str, meaning: str, unit: str = "") -> Column:
    return Column(name=name, kind=Kind.REAL, meaning=meaning, unit=unit)


def _quantity(name: str, meaning: str, unit: str) -> Column:
    return Column(name=name, kind=Kind.QUANTITY, meaning=meaning, unit=unit)


def _list(name: str, meaning: str) -> Column:
    return Column(name=name, kind=Kind.LIST, meaning=meaning)


COMMON_COLUMNS = (
    _text("row_id", "digest of everything the row says; the same finding has the same id"),
    _text("site_id", "the site"),
    _text("method", "name and version of the method"),
    _text("params_hash", "SHA-256 of the method's parameters"),
    _text("inputs_hash", "SHA-256 over site file, zones, boundary version and every scene used"),
    _text("run_id", "the run that appended the row"),
    _text("as_of", "when it was appended, UTC"),
    _real("level", "probability that an interval is meant to cover the truth"),
    _text("validated_on", "what the interval was checked against: simulation, painted or site_reference"),
    _text("validation", "the same in words, for this site: what references stand behind the interval"),
    _text("reason", "why there is no value, where there is none"),
)

_LAYERS = (
    Layer(
        name="observations",
        title="Looks: every scene, usable or not",
        columns=(
            _text("scene_id", "platform and datatake"),
            _text("datetime", "sensing time, UTC"),
            _text("local_date", "the date on the ground in Korea, UTC+9"),
            _text("sensor", "platform"),
            Column(name="relative_orbit", kind=Kind.INTEGER, meaning="relative orbit"),
            _text("status", "used, unusable, missing or failed"),
            _text("detail", "why it was not used"),
            _real("valid_fraction", "share of the aoi that was seen clearly", "1"),
            _real("snow_fraction", "share of the seen aoi under snow", "1"),
            _real("dx_m", "shift to the east that was measured and taken out", "m"),
            _real("dy_m", "shift to the north that was measured and taken out", "m"),
            _real("residual_px", "what the registration could not take out", "10 m pixels"),
            _real("offset_applied", "radiometric offset that was applied", "reflectance"),
            _text("baseline", "processing baseline"),
        ),
    ),
    Layer(
        name="stockpile_areas",
        title="Plan area of probable coal per zone and date; not volume, tonnage, production or origin",
        columns=(
            _text("zone_id", "the stockyard zone"),
            _text("datetime", "sensing time, UTC"),
            _quantity("area_ha", "plan area of probable coal", "ha"),
            _real("valid_fraction", "share of the zone that was seen", "1"),
            Column(
                name="below_floor",
                kind=Kind.BOOLEAN,
                meaning="too little to be told from none at this resolution",
            ),
            _list("bands", "bands that the figure rests on"),
            _list("scene_ids", "scenes that the figure rests on"),
        ),
    ),
    Layer(
        name="stockpiles",
        title="Tracked piles of probable coal per date",
        columns=(
            _text("pile_id", "kept through time"),
            _list("parents", "piles that it came from by split or merge"),
            _text("datetime", "sensing time, UTC"),
            _quantity("area_ha", "plan area of probable coal", "ha"),
            _text("first_seen", "date of the first look that shows it"),
            _text("last_seen", "date of the last look that shows it"),
        ),
        has_geometry=True,
    ),
    Layer(
        name="series",
        title="Smoothed series; null where nobody looked",
        columns=(
            _text("quantity", "what is smoothed"),
            _text("subject_kind", "zone, pile or site"),
            _text("subject_id", "which one"),
            _text("datetime", "date of the value, UTC"),
            _quantity("value", "smoothed value", "ha"),
            Column(name="n_looks", kind=Kind.INTEGER, meaning="looks that the value rests on"),
        ),
    ),
    Layer(
        name="footprints",
        title="Disturbed ground per epoch, inside and outside the boundary version in force",
        columns=(
            _text("epoch_start", "first day"),
            _text("epoch_end", "first day after"),
            _text("boundary_id", "boundary version in force; empty where there was none"),
            _quantity(
                "area_ha",
                "ground bare all season within the first boundary, or newly bare since the first season",
                "ha",
            ),
            _quantity("inside_ha", "of it inside the boundary", "ha"),
            _quantity("outside_ha", "of it outside the boundary", "ha"),
            _real("valid_fraction", "share of the aoi with enough looks", "1"),
            _list("scene_ids", "scenes that the figure rests on"),
        ),
        has_geometry=True,
    ),
    Layer(
        name="disturbances",
        title="Newly disturbed patches with ids that persist",
        columns=(
            _text("disturbance_id", "kept through time"),
            _list("parents", "patches that it came from by split or merge"),
            _text("kind", "what the ground became"),
            _text("first_seen", "best date"),
            _text("first_seen_low", "not before"),
            _text("first_seen_high", "not after"),
            _text("persistent_since", "when enough later looks agreed"),
            _text("machine_status", "provisional, persistent or withdrawn"),
            _text("cause", "why it was withdrawn, or what it waits for"),
            _text("review_status", "what a reviewer said, if any"),
            _text("boundary_id", "boundary version in force when it was first seen"),
            _text("relation", "inside, crossing, outside or no_boundary"),
            _quantity("area_ha", "area", "ha"),
            _quantity("outside_ha", "of it outside the boundary", "ha"),
            _quantity("advance_m", "farthest reach beyond the boundary", "m"),
            _real("bearing_deg", "direction of that reach, clockwise from north", "degrees"),
            Column(
                name="sector_advances",
                kind=Kind.SECTORS,
                meaning="reach beyond the boundary by compass sector, with its interval",
                unit="m",
            ),
            _list("scene_ids", "scenes that the figure rests on"),
        ),
        has_geometry=True,
    ),
    Layer(
        name="ground_changes",
        title="What happened since the first look, dated from the looks before and after",
        columns=(
            _text("change_id", "patch and direction of the change"),
            _text("kind", "what the ground became; recovery where it grew over again"),
            _text("changed_on", "best date"),
            _text("changed_on_low", "earliest date"),
            _text("changed_on_high", "latest date"),
            _text("boundary_id", "boundary version in force on that date"),
            _text("relation", "inside, crossing, outside or no_boundary"),
            _quantity("area_ha", "area", "ha"),
            _real("bareness_before", "mean of (BSI − NDVI)/2 over the year before"),
            _real("bareness_after", "mean of (BSI − NDVI)/2 over the year after"),
            _list("scene_ids", "scenes within the interval of the date"),
        ),
        has_geometry=True,
    ),
    Layer(
        name="boundary_changes",
        title="What two dated boundary versions differ by, beyond what their errors explain",
        columns=(
            _text("from_boundary_id", "the earlier version"),
            _text("to_boundary_id", "the later version"),
            _text("cause", "undetermined, ground, reinterpretation or registration"),
            _quantity("gained_ha", "ground that only the later version encloses", "ha"),
            _quantity("lost_ha", "ground that only the earlier version encloses", "ha"),
            _quantity("net_ha", "gained less lost", "ha"),
            _quantity("max_advance_m", "largest advance of the line", "m"),
            _real("bearing_deg", "direction of that advance, clockwise from north", "degrees"),
        ),
        has_geometry=True,
    ),
    Layer(
        name="reviews",
        title="Verdicts of reviewers",
        columns=(
            _text("subject", "what was judged: a disturbance, pile, zone or boundary change"),
            _text("reviewed_row_id", "the row that the reviewer saw"),
            _text("verdict", "what the reviewer said"),
            _text("reason_code", "why, as a code"),
            _text("likelihood", "word of estimative probability, where one was given"),
            _text("confidence", "high, moderate or low; never joined with the likelihood"),
            _list("evidence_viewed", "images that the reviewer looked at"),
            _text("reviewer", "a code, not a name"),
            _text("reviewed_at", "when, UTC"),
            _text("note", "in the reviewer's words"),
        ),
    ),
    Layer(
        name="manual_observations",
        title="What an analyst saw in a named image",
        columns=(
            _text("kind", "outline, count or absent"),
            _text("label", "what was drawn, counted or looked for; a zone's id"),
            _real("value", "the count, where it is one"),
            _text("image", "provider, id and date of the image"),
            _text("observer", "a code, not a name"),
            _text("observed_at", "when, UTC"),
        ),
        has_geometry=True,
    ),
    Layer(
        name="alerts",
        title="Alerts and their life",
        columns=(
            _text("alert_id", "an opaque reference"),
            _text("rule", "the rule that raised it"),
            _text("subject", "what it is about, within the site"),
            Column(
                name="occurrence", kind=Kind.INTEGER, meaning="from 1; a condition that came back counts on"
            ),
            _text("state", "open or closed"),
            _text("raised_at", "when, UTC"),
            _text("closed_at", "when, UTC; empty while open"),
            _text("detail", "in words, with the figures"),
        ),
    ),
    Layer(
        name="runs",
        title="Runs: who did what, when, as the custody chains tell it",
        columns=(
            _text("started_at", "first custody entry of the run on this site, UTC"),
            _text("ended_at", "last custody entry of the run on this site, UTC"),
            _text("actor", "who or what, as a code"),
            _list("actions", "what was done"),
            Column(name="rows_appended", kind=Kind.INTEGER, meaning="rows that the run added or took back"),
            _text("code_version", "version of campwatch"),
            _text("head", "hash of the site's last custody entry of this run"),
        ),
    ),
)

LAYERS: Mapping[str, Layer] = MappingProxyType({layer.name: layer for layer in _LAYERS})
"""Every result layer by name."""
