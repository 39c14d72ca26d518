"""Coal piles with exact outlines on every date: appear, grow, shrink, vanish, split, merge."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from shapely import Polygon

from evidence.arrays import Floats
from imagery.simulate.params import CoalParams, PilePlan, SimulationParams

ASPECT = 2.0
"""Length to width of a pile, as in the error table that detection floors come from (DOMAIN §5)."""
GAP_M = 30.0
"""Ground between the largest outlines of two neighbours."""
FLOOR_HA = 0.01
"""A pile smaller than this is swept: 0."""
VERTICES = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class PileTruth:
    """One pile through time, with its outline in metres of the site's grid."""

    pile_id: str
    zone_id: str
    parents: tuple[str, ...] = ()
    knots: tuple[tuple[dt.date, float], ...]
    """(date, hectares on the ellipsoid); linear between; nothing before the first, the last value stays."""
    until: dt.date | None = None
    """First day on which it is no longer itself (it split, merged or was taken away)."""
    unit_outline: Floats
    """(vertex, xy) about 0 with an area of 1 m²."""
    centre_m: tuple[float, float]
    areal_scale: float

    def area_ha(self, day: dt.date) -> float:
        """Plan area on the ellipsoid; 0 where it is not."""
        if day < self.knots[0][0] or (self.until is not None and day >= self.until):
            return 0.0
        days = [knot[0].toordinal() for knot in self.knots]
        area = float(np.interp(day.toordinal(), days, [knot[1] for knot in self.knots]))
        return area if area >= FLOOR_HA else 0.0

    def outline(self, day: dt.date) -> Polygon | None:
        """Outline in metres of the site's grid, or None where there is no pile."""
        area = self.area_ha(day)
        if area == 0:
            return None
        return Polygon(self.unit_outline * np.sqrt(area * 1e4 * self.areal_scale) + np.asarray(self.centre_m))

    @property
    def largest_ha(self) -> float:
        """Largest area that it ever has."""
        return max(area for _, area in self.knots)


def _unit_outline(rng: np.random.Generator) -> Floats:
    """A wavy 2:1 ellipse, turned at most 15° from east-west, of area 1."""
    angle = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    phase = rng.uniform(0, 2 * np.pi, 2)
    radius = 1 + 0.06 * np.sin(3 * angle + phase[0]) + 0.04 * np.sin(5 * angle + phase[1])
    x, y = ASPECT * radius * np.cos(angle), radius * np.sin(angle)
    turn = rng.uniform(-np.pi / 12, np.pi / 12)
    points = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=1)
    return np.asarray(points / np.sqrt(Polygon(points).area))


def drawn_plans(params: SimulationParams, rng: np.random.Generator) -> tuple[PilePlan, ...]:
    """Histories drawn from the seed: one steady, one splits, two merge, others come, grow and go."""
    coal, since, until = params.coal, params.since, params.until
    days = (until - since).days

    def at(share: float) -> dt.date:
        return since + dt.timedelta(days=round(share * days))

    low, high = coal.area_range_ha
    plans = []
    for k in range(coal.n_piles):
        size = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        a, b, c = np.sort(rng.uniform(0.1, 0.95, 3))
        factors = rng.uniform(0.5, 1.0, 3)
        kinds = {
            0: PilePlan(areas=((since, size),)),
            1: PilePlan(
                areas=((since, size * 0.6), (at(0.45), size), (at(1.0), size * 0.7)),
                fate="splits",
                fate_date=at(0.55),
            ),
            2: PilePlan(
                areas=((since, size * 0.4), (at(0.6), size * 0.5)), fate="merges", fate_date=at(0.65)
            ),
            3: PilePlan(areas=((since, size * 0.3), (at(0.6), size * 0.5), (at(1.0), size * 0.9))),
        }
        history = ((at(a), 0.0), (at(b), size * float(factors[0])), (at(c), size), (at(0.97), size * 0.2))
        gone = ((at(a * 0.5), 0.0), (at(a), size), (at(b), size * float(factors[1])), (at(c), 0.0))
        plans.append(kinds.get(k, PilePlan(areas=history if k % 2 else gone)))
    if coal.n_piles == 3:  # noqa: PLR2004 - the third has nobody to merge with
        plans[2] = replace(plans[2], fate="stays", fate_date=None)
    return tuple(plans)


@dataclass(frozen=True, slots=True)
class _Family:
    """Piles that share a slot: side by side, before they merge or after they split; or one alone."""

    middle: PileTruth
    pair: tuple[PileTruth, PileTruth] | None = None
    pair_first: bool = False

    def members(self) -> list[tuple[PileTruth, float]]:
        """Each pile with its distance east of the slot's centre, in order of time."""
        if self.pair is None:
            return [(self.middle, 0.0)]
        left, right = (_box_m(pile.largest_ha)[0] for pile in self.pair)
        beside = [(self.pair[0], -right / 2), (self.pair[1], left / 2)]
        return [*beside, (self.middle, 0.0)] if self.pair_first else [(self.middle, 0.0), *beside]

    def box_m(self) -> tuple[float, float]:
        """Room that the family takes."""
        boxes = [_box_m(pile.largest_ha) for pile in (self.middle, *(self.pair or ()))]
        return max(boxes[0][0], sum(box[0] for box in boxes[1:])), max(box[1] for box in boxes)


def build_piles(
    params: SimulationParams, centre_m: tuple[float, float], areal_scale: float, rng: np.random.Generator
) -> tuple[tuple[PileTruth, ...], tuple[float, float]]:
    """Piles with room for each at its largest, and the stockyard's size (east-west, north-south), metres."""
    coal: CoalParams = params.coal
    plans = coal.plans if coal.plans is not None else drawn_plans(params, rng)
    families = _families(plans, areal_scale, rng)
    places, size = _slots([family.box_m() for family in families])
    placed = tuple(
        replace(pile, centre_m=(centre_m[0] + x + east, centre_m[1] + y))
        for family, (x, y) in zip(families, places, strict=True)
        for pile, east in family.members()
    )
    return (placed if coal.present else ()), size


def _families(plans: Sequence[PilePlan], areal_scale: float, rng: np.random.Generator) -> list[_Family]:
    """Piles of the plans, with the children that splits and merges make."""
    families: list[_Family] = []
    waiting: PileTruth | None = None
    for number, plan in enumerate(plans, start=1):
        pile = PileTruth(
            pile_id=f"sim-pile-{number:02d}",
            zone_id="stockyard",
            knots=plan.areas,
            until=plan.fate_date if plan.fate != "stays" else None,
            unit_outline=_unit_outline(rng),
            centre_m=(0.0, 0.0),
            areal_scale=areal_scale,
        )
        if waiting is not None:
            families.append(_merged(waiting, pile, rng))
            waiting = None
        elif plan.fate == "splits":
            families.append(_split(pile, rng))
        elif plan.fate == "merges":
            waiting = pile
        else:
            families.append(_Family(pile))
    if waiting is not None:
        raise ValueError("the last pile plan merges with the next, and there is none")
    return families


def _child(
    parents: Sequence[PileTruth],
    suffix: str,
    knots: list[tuple[dt.date, float]],
    rng: np.random.Generator,
) -> PileTruth:
    return replace(
        parents[0],
        pile_id=f"{parents[0].pile_id}{suffix}",
        parents=tuple(parent.pile_id for parent in parents),
        knots=tuple(knots),
        until=None,
        unit_outline=_unit_outline(rng),
    )


def _split(pile: PileTruth, rng: np.random.Generator) -> _Family:
    """The pile, and then two of 60 % and 40 % of it; the plan's later areas are shared likewise."""
    day = pile.until or pile.knots[-1][0]
    before = replace(pile, until=None).area_ha(day)
    knots = ((day, before), *(knot for knot in pile.knots if knot[0] > day))
    shares = {"a": 0.6, "b": 0.4}
    left, right = (
        _child([pile], name, [(when, share * area) for when, area in knots], rng)
        for name, share in shares.items()
    )
    return _Family(pile, (left, right))


def _merged(one: PileTruth, other: PileTruth, rng: np.random.Generator) -> _Family:
    """Two piles, and then one with the area of both, which follows the other's plan from then on."""
    day = one.until or one.knots[-1][0]
    total = one.area_ha(day - dt.timedelta(days=1)) + other.area_ha(day - dt.timedelta(days=1))
    own = max(other.area_ha(day), FLOOR_HA)
    knots = [(day, total), *((when, total * area / own) for when, area in other.knots if when > day)]
    ended = replace(other, until=day)
    return _Family(_child([one, ended], "m", knots, rng), (one, ended), pair_first=True)


def _slots(boxes: Sequence[tuple[float, float]]) -> tuple[list[tuple[float, float]], tuple[float, float]]:
    """Centres in rows without overlap, about (0, 0), and the size of the yard that holds them."""
    row_width = max(
        [width for width, _ in boxes] + [np.sqrt(2 * sum(w * h for w, h in boxes))], default=100.0
    )
    places: list[tuple[float, float]] = []
    x = y = row_height = widest = 0.0
    for width, height in boxes:
        if x > 0 and x + width > row_width:
            x, y, row_height = 0.0, y + row_height, 0.0
        places.append((x + width / 2, y + height / 2))
        x, row_height = x + width, max(row_height, height)
        widest = max(widest, x)
    total = (max(widest, 100.0), max(y + row_height, 60.0))
    centred = [(px - total[0] / 2, py - total[1] / 2) for px, py in places]
    return centred, (total[0] + 2 * GAP_M, total[1] + 2 * GAP_M)


def _box_m(area_ha: float) -> tuple[float, float]:
    """Bounding box of the largest outline at any turn, with half a gap on every side."""
    short = np.sqrt(max(area_ha, FLOOR_HA) * 1e4 / (np.pi * ASPECT)) * 1.1
    long, tilt = ASPECT * short, np.pi / 12
    return (
        float(2 * (long * np.cos(tilt) + short * np.sin(tilt)) + GAP_M),
        float(2 * (long * np.sin(tilt) + short * np.cos(tilt)) + GAP_M),
    )
