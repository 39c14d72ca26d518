"""Events: cells that became disturbed together, and how surely and since when.

A cell is a pixel in one episode. Cells that touch and whose onsets lie close in time are one event. What is
said of it rests on the mean share of the whole patch, look by look: its likelihood ratio against ground as
expected, with a variance that its pixels have in common (forty pixels are not forty witnesses) beside the
part
that averages out, and with prior odds that count how often and of how many places the question is asked.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_dilation, binary_erosion, generate_binary_structure, uniform_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, logit

from aoi.pixels import crs_wkt, world
from detection.ground.burns import burn_rate, patch_red
from detection.ground.days import month_of
from detection.ground.history import History
from detection.ground.params import HALF, ONE, YEAR_DAYS, EventParams
from detection.ground.states import EPISODE, decoded, episodes, for_good, normal_density, seasons, shares
from evidence.arrays import Bools, Floats, Ints
from imagery.robust import MAD_TO_SD

Planes = NDArray[np.float32]

BLOCKS = (3, 6)
"""Sides of the blocks, in pixels, on which it is measured how much neighbours have in common."""
QUIET = 64
"""Of 255: a pixel that was never more likely disturbed than this, a quarter, is undisturbed. Assumed."""
NEARLY_WHOLE = 0.8
"""Share of a block that is seen and undisturbed when it speaks. Assumed."""
LEAST_BLOCKS = 12
"""A spread needs so many. Assumed."""
EPISODES = 4
"""Episodes of a pixel, in mean over all of them, for which there is room. Assumed."""
FLOOR_TOLERANCE = 0.95
"""Share of the mapping floor that whole pixels may fall short of it. Assumed."""
CORNERS = generate_binary_structure(2, 2)
LEAST_INSIDE = 3
"""Pixels that an inside has at least. Assumed."""
NARROW = 0.8
"""Quantile of mean shares from which cells stand for the inside of a narrow patch. Assumed."""
SHARE_LIMITS = (-1.0, 1.5)
"""Shares of one look beyond which it is a stray; assumed."""
MIXING_VARIANCE = 0.01
"""Of a share, 10 % squared, that no scatter of looks tells: light from beside, shade. Assumed."""
TINY = 1e-9
"""Bound of arithmetic: what is divided by is no less. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Cells that became disturbed together. Days count from 1970-01-01; looks are indices."""

    event_id: str
    pixels: Ints
    """(cell,) pixel of the grid, row by row; one pixel can hold several cells of events apart in time."""
    onset: Ints
    """(cell,) look from which it was disturbed."""
    end: Ints
    """(cell,) first look on which it no longer was; -1 while it lasts."""
    founding: Bools
    """(cell,) whether it was there when the event reached the mapping floor."""
    weight: Floats
    """(cell,) share of the pixel that changed."""
    rim: Ints
    """(cell of the rim,) pixels beside, of which less changed than makes a cell."""
    rim_weight: Floats
    """(cell of the rim,) may be below nought, so that noise adds up to nothing."""
    rim_onset: Ints
    rim_end: Ints
    looks: Ints
    """(look,) on which enough of the founding cells was seen."""
    evidence: Floats
    """(look,) log-likelihood ratio of the founding cells' mean share against ground as expected."""
    share: Floats
    """(look,) that share."""
    sd: Floats
    """(look,) and its error."""
    probability: float
    """At the end."""
    first_seen: int
    first_seen_low: int
    first_seen_high: int
    provisional_day: int
    """Day of the look on which it was first told; -1 before."""
    persistent_day: int

    @property
    def is_persistent(self) -> bool:
        """Whether enough looks agreed."""
        return self.persistent_day >= 0


def find_events(
    history: History, grid: GeoBox, site_id: str, weights: Floats, cube: xr.Dataset | None = None
) -> list[Event]:
    """Events of a history, largest first.

    Args:
        history: of the site.
        grid: its lattice.
        site_id: part of every name.
        weights: (y, x), hectares of the aoi in each pixel.
        cube: (time, y, x) reflectance by which soil is told from what burnt; without it nothing is.
    """
    p, day = history.params.events, history.series.day
    if len(day) == 0:
        return []
    table = np.empty((EPISODES * history.smoothed.shape[1], len(EPISODE)), np.int64)
    count = episodes(history.smoothed, round(ONE * p.likely), round(ONE * p.sure), table)
    cells = table[:count]
    cells = cells[weights.ravel()[cells[:, 0]] > 0]
    least = p.min_ha / float(weights.max())
    patches = [cells[member] for member in _linked(cells, day, history.series.shape, p, least)]
    large = [m for m in patches if weights.ravel()[m[:, 0]].sum() >= p.min_ha * FLOOR_TOLERANCE]
    if not large:
        return []
    common = common_variance(history)
    told = [_event(history, mine, common, grid, site_id, least, cube) for mine in large]
    found = [event for event in told if event is not None]
    taken = np.zeros(history.smoothed.shape[1], np.bool_)
    for event in found:
        taken[event.pixels] = True
    found = [_weighted(history, event, taken) for event in _named_once(found)]
    return sorted(_rims_once(found, taken.size), key=lambda e: (-len(e.pixels), e.event_id))


def _linked(cells: Ints, day: Ints, shape: tuple[int, int], p: EventParams, least: float) -> list[Ints]:
    """Rows of `cells` that belong together.

    Cells that touch and begin together are a patch. Patches that touch later are one event where they share a
    side, as a pit that grows does; a clearing beside an older one touches it by a corner.
    """
    if len(cells) == 0:
        return []
    order = np.argsort(cells[:, 0], kind="stable")
    pixel, onset = cells[order, 0], day[cells[order, 1]]
    one, two, gap = _touching(pixel, onset, shape)
    near = gap <= p.founding_days
    patch = _components(one[near], two[near], len(cells))
    later = (gap <= p.link_days) & (patch[one] != patch[two])
    group = _merged(patch, one[later], two[later], least, p)
    ranked = np.argsort(group, kind="stable")
    return [order[part] for part in np.split(ranked, np.flatnonzero(np.diff(group[ranked])) + 1)]


def _touching(pixel: Ints, onset: Ints, shape: tuple[int, int]) -> tuple[Ints, Ints, Ints]:
    """Pairs of cells, sorted by pixel, that are neighbours, and the days between their onsets."""
    row, column = pixel // shape[1], pixel % shape[1]
    pairs = [np.zeros((2, 0), np.int64)]
    for dy, dx in ((0, 1), (1, -1), (1, 0), (1, 1)):
        ok = (column + dx >= 0) & (column + dx < shape[1]) & (row + dy < shape[0])
        target = pixel + dy * shape[1] + dx
        low, high = np.searchsorted(pixel, target, "left"), np.searchsorted(pixel, target, "right")
        for extra in range(int((high - low).max(initial=0))):
            has = ok & (low + extra < high)
            pairs.append(np.stack([np.flatnonzero(has), (low + extra)[has]]))
    one, two = np.concatenate(pairs, axis=1)
    return one, two, np.abs(onset[one] - onset[two])


def _components(one: Ints, two: Ints, count: int) -> Ints:
    graph = coo_array((np.ones(len(one), np.int8), (one, two)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _merged(patch: Ints, one: Ints, two: Ints, least: float, p: EventParams) -> Ints:
    """(cell,) number of the event of each cell: patches that share a side, and small ones with a large one.

    Args:
        patch: (cell,) number of its patch.
        one: cells that touch
        two: a cell of another patch.
        least: cells below which a patch is too small to stand alone.
        p: numbers.
    """
    size = np.bincount(patch)
    swap = (size[patch[one]] > size[patch[two]]) | (
        (size[patch[one]] == size[patch[two]]) & (patch[one] > patch[two])
    )
    small, large = patch[np.where(swap, two, one)], patch[np.where(swap, one, two)]
    touching = np.unique(np.stack([small, large, np.where(swap, two, one)]), axis=1)
    pairs, contact = np.unique(touching[:2], axis=1, return_counts=True)
    own = size[pairs[0]]
    # One that is too small to stand alone goes with one other, and joins no two.
    order = np.lexsort((pairs[1], -contact, pairs[0]))
    first = np.zeros(len(order), np.bool_)
    first[order[np.flatnonzero(np.diff(pairs[0][order], prepend=-1))]] = True
    joined = np.where(own < least, first, contact >= p.shared_side * np.sqrt(own))
    return _components(pairs[0][joined], pairs[1][joined], len(size))[patch]


def common_variance(history: History) -> Floats:
    """(block, time) variance of the share that blocks of undisturbed pixels have in common on a look."""
    t = len(history.smoothed)
    out = np.zeros((len(BLOCKS), t))
    quiet = history.smoothed.max(axis=0) < QUIET
    for i in range(t):
        share, variance = decoded(history.model.code[i])
        seen = np.isfinite(share) & quiet & (variance < history.params.events.informative_sd**2)
        for k, side in enumerate(BLOCKS):
            out[k, i] = _block_variance(share, variance, seen, history.series.shape, side)
    return out


def _block_variance(share: Planes, variance: Planes, seen: Bools, shape: tuple[int, int], side: int) -> float:
    def mean(x: Planes) -> Floats:
        plane = np.where(seen, x, 0.0).astype(np.float64).reshape(shape)
        return np.asarray(uniform_filter(plane, side, mode="constant")[side // 2 :: side, side // 2 :: side])

    part = mean(np.ones_like(share))
    full = part > NEARLY_WHOLE
    if full.sum() < LEAST_BLOCKS:
        return 0.0
    middle = mean(np.clip(share, -1, 1))[full] / part[full]
    alone = np.median(mean(variance)[full] / part[full] / (part[full] * side**2))
    spread = MAD_TO_SD * np.median(np.abs(middle - np.median(middle)))
    return float(max(spread**2 - alone, 0.0) + np.median(middle) ** 2)


def _event(
    history: History,
    cells: Ints,
    common: Floats,
    grid: GeoBox,
    site_id: str,
    least: float,
    cube: xr.Dataset | None,
) -> Event | None:
    p, day = history.params.events, history.series.day
    pixels, onset, end = cells.T
    days = day[onset]
    # Strays that became disturbed long before the mapping floor was reached date nothing.
    reached = np.sort(days)[min(math.ceil(least), len(days)) - 1]
    founding = np.abs(days - reached) <= p.founding_days
    looks, share, sd, evidence = patch_evidence(history, pixels[founding], common)
    began = onset[founding]
    begin = day[int(np.median(began))]
    since = np.maximum(day[looks], begin)
    months = history.params.start.growing_months
    grown = seasons(since, months) - seasons(np.array([begin]), months)
    burnt: Floats | float = 0.0
    if cube is not None and month_of(begin) in history.params.burns.months:
        red = patch_red(cube, history.series, pixels[founding])[looks]
        burnt = burn_rate(red, share, day[looks], looks >= began.min(), grown, history.params.burns)
    lasting = for_good(
        history.model.group[pixels[founding]], (since - begin) / YEAR_DAYS, grown, history.params.rates, burnt
    )
    told = _told(history, looks, evidence, sd, lasting, int(np.median(began)), int(began.min()))
    if told is None:
        return None
    return Event(
        event_id=event_name(pixels[founding], grid, f"{site_id}|{crs_wkt(grid)[:60]}"),
        pixels=pixels, onset=onset, end=end, founding=founding, weight=np.ones(len(pixels)),
        rim=np.zeros(0, np.int64), rim_weight=np.zeros(0), rim_onset=np.zeros(0, np.int64),
        rim_end=np.zeros(0, np.int64), looks=looks, evidence=evidence, share=share, sd=sd, **told,
    )  # fmt: skip


def patch_evidence(history: History, pixels: Ints, common: Floats) -> tuple[Ints, Floats, Floats, Floats]:
    """Looks that show enough of a patch, its mean share, the error of that, and log-likelihood ratios."""
    p, e = history.params.events, history.params.emission
    t = len(history.series.day)
    x, v = np.empty((t, len(pixels)), np.float32), np.empty((t, len(pixels)), np.float32)
    shares(history.model, pixels, x, v)
    seen = np.isfinite(x)
    looks = np.flatnonzero(seen.mean(axis=1) >= p.least_seen)
    x, v, seen = x[looks].astype(np.float64), v[looks].astype(np.float64), seen[looks]
    w = np.where(seen, 1.0 / np.where(seen, v, 1.0), 0.0)
    total = w.sum(axis=1)
    mean = np.where(seen, x * w, 0.0).sum(axis=1) / total
    both = np.interp(np.sqrt(len(pixels)), BLOCKS, [0.0, 1.0])
    shared = (1.0 - both) * common[0, looks] + both * common[1, looks]
    sd = np.sqrt(shared + 1.0 / total)
    hazy = (history.model.haze[np.ix_(looks, pixels)] / ONE * seen).sum(axis=1) / seen.sum(axis=1)
    stray = p.stray + (1.0 - p.stray) * hazy

    def mixture(parts: tuple[tuple[float, float, float], ...]) -> Floats:
        return np.asarray(sum(w * normal_density(mean, m, np.hypot(sd, s)) for w, m, s in parts))

    gone = 0.5 * mixture(e.bared) + 0.5 * mixture(e.thinned)
    side = np.where(mean > 0, e.expected_sd, e.greener_sd)
    here = (
        2.0
        * normal_density(mean, 0.0, np.hypot(sd, side))
        * np.hypot(sd, side)
        / (np.hypot(sd, e.expected_sd) + np.hypot(sd, e.greener_sd))
    )
    ratio = np.log((1 - stray) * gone + stray * 0.5) - np.log((1 - stray) * here + stray * 0.5)
    return looks, mean, sd, ratio


def _told(
    history: History, looks: Ints, evidence: Floats, sd: Floats, lasting: Floats, onset: int, earliest: int
) -> dict[str, Any] | None:
    """Since when a patch is told of, how surely, and when it began.

    `lasting` (look,) is how likely loss of that age is not one for now.
    """
    p, r, day = history.params.events, history.params.rates, history.series.day
    after = looks >= earliest
    if not after.any():
        return None
    prior = np.log((r.bared + r.thinned) * p.prior_days / YEAR_DAYS)
    when = looks[after]
    odds, since = since_change(evidence[after], prior)
    odds = np.maximum.accumulate(odds)
    provisional = np.flatnonzero(expit(odds) * lasting[after] >= p.provisional)
    if provisional.size == 0:
        return None
    first = int(when[provisional[0]])
    sure = np.flatnonzero(
        (odds >= logit(p.persistent))
        & (lasting[after] >= p.sure)
        & (evidence[after] > 0)
        & (day[when] >= day[when[since]] + p.apart_days)
    )
    before = looks < earliest
    clear = before & (evidence < p.unchanged) & (sd < p.informative_sd)
    low = day[looks[clear][-1]] if clear.any() else day[0]
    seen = int(day[min(onset, first)]) if onset <= first else int(day[onset])
    high = max(int(day[first]), seen)
    return {
        "probability": float(expit(odds[-1]) * lasting[-1]),
        "first_seen": seen,
        "first_seen_low": min(int(low) - p.partly_days, seen),
        "first_seen_high": high + p.later_days,
        "provisional_day": int(day[first]),
        "persistent_day": int(day[when[sure[0]]]) if sure.size else -1,
    }


def since_change(evidence: Floats, prior: float) -> tuple[Floats, Ints]:
    """(look,) log odds of a change that came on any look so far, and the look that it most likely came on.

    What was as expected before the change says nothing against it (Page 1954): on every look the change may
    be taken to come anew at its prior odds.
    """
    odds, since = np.empty(len(evidence)), np.zeros(len(evidence), np.int64)
    for k, told in enumerate(evidence):
        goes_on = k > 0 and odds[k - 1] > prior
        odds[k] = told + (odds[k - 1] if goes_on else prior)
        since[k] = since[k - 1] if goes_on else k
    return odds, since


def _weighted(history: History, event: Event, taken: Bools) -> Event:
    """The event with the share of each edge pixel that changed, and of pixels beside it.

    An edge pixel is a mixture of changed and unchanged ground, so that on every look it shows that share of
    what the inside shows: a regression through the origin on the inside's mean, look by look, whatever
    grows over since.
    """
    p, shape = history.params.events, history.series.shape
    mask = np.zeros(shape, np.bool_)
    mask.ravel()[event.pixels] = True
    core = np.asarray(binary_erosion(mask, structure=CORNERS))
    ring = np.flatnonzero((binary_dilation(mask, structure=CORNERS) & ~mask).ravel() & ~taken)
    nearest = _nearest(ring, event.pixels, shape)
    onset, end = event.onset[nearest], event.end[nearest]
    within = core.ravel()[event.pixels]
    x, worth = told_shares(history, np.concatenate([event.pixels, ring]))
    n = len(event.pixels)
    until = len(x) if (event.end < 0).any() else int(event.end.max())
    look = np.arange(len(x))[:, None]
    worth[until:] = 0.0
    worth[look < np.concatenate([event.onset, onset])] = 0.0
    inside = within if within.sum() >= LEAST_INSIDE else _barest(x[:, :n], worth[:, :n])
    total = worth[:, :n][:, inside].sum(axis=1)
    level = (x * worth)[:, :n][:, inside].sum(axis=1) / np.maximum(total, TINY)
    square = (worth * level[:, None] ** 2).sum(axis=0)
    share = (worth * x * level[:, None]).sum(axis=0) / np.maximum(square, TINY)
    share = np.where(square > TINY, p.edge_gain * share, np.nan)
    weight = np.where(within | ~np.isfinite(share[:n]), 1.0, np.clip(share[:n], 0.0, 1.0))
    rim = np.clip(np.nan_to_num(share[n:]), p.least_share, 1.0)
    return replace(event, weight=weight, rim=ring, rim_weight=rim, rim_onset=onset, rim_end=end)


def _rims_once(events: Sequence[Event], pixels: int) -> list[Event]:
    """Events whose rims do not overlap: a pixel beside several counts with the one that took most of it.

    The share of a pixel that changed is that of all its neighbours together; counted with each of them it
    would stand there twice, which at 30 m was half of a pit's growth.
    """
    most, owner = np.full(pixels, -np.inf), np.full(pixels, -1)
    for number, event in sorted(enumerate(events), key=lambda one: one[1].event_id):
        larger = event.rim_weight > most[event.rim]
        some = event.rim[larger]
        most[some], owner[some] = event.rim_weight[larger], number
    kept = [owner[event.rim] == number for number, event in enumerate(events)]
    return [
        replace(e, rim=e.rim[k], rim_weight=e.rim_weight[k], rim_onset=e.rim_onset[k], rim_end=e.rim_end[k])
        for e, k in zip(events, kept, strict=True)
    ]


def _barest(x: Floats, worth: Floats) -> Bools:
    """(cell,) the barest fifth of cells, at least one: what stands for the inside of a narrow patch."""
    total = worth.sum(axis=0)
    mean = np.where(total > 0, (x * worth).sum(axis=0) / np.maximum(total, TINY), -np.inf)
    return np.asarray(mean >= np.quantile(mean, NARROW))


def _nearest(one: Ints, two: Ints, shape: tuple[int, int]) -> Ints:
    """For each pixel of `one` the position in `two` of the nearest one."""
    if one.size == 0:
        return np.zeros(0, np.int64)
    a = np.stack(np.unravel_index(one, shape), axis=1)
    b = np.stack(np.unravel_index(two, shape), axis=1)
    return np.array([int(((b - row) ** 2).sum(axis=1).argmin()) for row in a], np.int64)


def told_shares(history: History, pixels: Ints) -> tuple[Floats, Floats]:
    """(look, pixel) bare share, noughts where not seen or hazy, and what each tells: inverse variances."""
    t = len(history.series.day)
    x, v = np.empty((t, len(pixels)), np.float32), np.empty((t, len(pixels)), np.float32)
    shares(history.model, np.asarray(pixels, np.int64), x, v)
    seen = np.isfinite(x) & (history.model.haze[:, pixels] < HALF)
    worth = np.where(seen, 1.0 / (np.where(seen, v, 1.0) + MIXING_VARIANCE), 0.0).astype(np.float64)
    return np.where(seen, np.clip(x, *SHARE_LIMITS), 0.0).astype(np.float64), worth


def event_name(pixels: Ints, grid: GeoBox, prefix: str) -> str:
    """The name of the lowest-ranked of an event's founding cells (min-wise hashing, Broder 1997)."""
    rows, columns = np.unravel_index(pixels, grid.shape)
    corners = [world(grid, int(c), int(r)) for c, r in zip(columns, rows, strict=True)]
    texts = [f"{prefix}|{x:.0f}|{y:.0f}" for x, y in corners]
    return "d-" + min(hashlib.sha256(text.encode()).hexdigest() for text in texts)[:12]


def unused_name(name: str, used: Collection[str]) -> str:
    """This name, or the first of those after it that is not used: ground that was disturbed again."""
    while name in used:
        name = "d-" + hashlib.sha256(f"{name}|again".encode()).hexdigest()[:12]
    return name


def _named_once(events: Sequence[Event]) -> list[Event]:
    """The same; of those that share their lowest-ranked cell the earliest keeps the name."""
    out: list[Event] = []
    names: set[str] = set()
    for event in sorted(events, key=lambda e: (e.first_seen, e.event_id)):
        name = unused_name(event.event_id, names)
        names.add(name)
        out.append(replace(event, event_id=name))
    return out


def overlap(one: Ints, two: Ints) -> float:
    """Share of the smaller set of pixels that both have in common."""
    return len(np.intersect1d(one, two)) / max(min(len(one), len(two)), 1)
