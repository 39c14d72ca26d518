"""Accounts of the ground at a date: disturbed, open, and how each came from the date before.

*Disturbed* counts whole pixels of events, *open* their bare share. Every term is summed from its own cells,
so that stock before + opened − closed (+ deepened − regrown) is stock after, exactly. Intervals come
from states drawn jointly along whole paths, one set of random numbers for each event: what its cells have in
common is widened and not averaged away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import binary_erosion, label
from scipy.optimize import isotonic_regression

from detection.ground.events import CORNERS, FLOOR_TOLERANCE, Event, told_shares
from detection.ground.history import History
from detection.ground.params import DISTURBED
from detection.ground.states import sampled
from evidence.arrays import Bools, Floats, Ints

DRAWS = 48
"""Paths that are drawn of each event. Assumed."""
CHUNK = 5000
"""Cells that are looked at at once: a bound of memory. Assumed."""
COLUMNS = ("event", "pixel", "hectares", "onset", "end")
LEAST_WORTH = 1e-3
"""Sum of inverse variances below which the looks about a date say nothing of a share: half is taken then.
Assumed."""
LEAST_SHARE = 0.1
"""Bare share that a cell of an event has at least while it is disturbed: against division by next to nothing.
Assumed."""
WHOLE_LIMIT = 1.5
"""Largest share of what counts as whole that one date may give a cell, on either side of nought: noise is not
cut off, since sums are asked for. Assumed."""
COURSE_SD = 0.25
"""Error of the share of an event's ground that had come by a date, as a share of that ground, one for all its
cells: what came before the date is not there after it. Fitted on simulated sites, seeds 61 to 66, at 30 m."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """All cells of all events, rims included, one row each."""

    event: Ints
    pixel: Ints
    hectares: Floats
    """Of the aoi in the pixel, times the share of it that changed; below nought on some rims."""
    onset: Ints
    """Day."""
    end: Ints
    """Day; far in the future while it lasts."""
    share: Floats
    """(date, cell) bare share on each date of the accounts."""
    came: Floats
    """(date, cell) share of its change that had come by each date."""
    drawn: Bools
    """(draw, date, cell) whether the cell is disturbed on a drawn path."""
    dates: Ints

    def disturbed(self, k: int) -> Bools:
        """(cell,) on the k-th date."""
        day = self.dates[k]
        return np.asarray((self.onset <= day) & (self.end > day))

    def stands(self, k: int) -> Floats:
        """(cell,) share of what changed of it that is disturbed on the k-th date."""
        return np.asarray(self.came[k] * (self.end > self.dates[k]))

    def of(self, event: int) -> Cells:
        """Those of one event, which stand together."""
        first, after = np.searchsorted(self.event, [event, event + 1])
        some = slice(int(first), int(after))
        return Cells(
            event=np.zeros_like(self.event[some]), pixel=self.pixel[some], hectares=self.hectares[some],
            onset=self.onset[some], end=self.end[some], share=self.share[:, some], came=self.came[:, some],
            drawn=self.drawn[:, :, some], dates=self.dates,
        )  # fmt: skip


def account_cells(history: History, events: Sequence[Event], weights: Floats, dates: Ints) -> Cells:
    """Cells of events with what is known of them on some dates.

    Args:
        history: of the site.
        events: of the history.
        weights: (y, x), hectares of the aoi in each pixel.
        dates: days of the accounts.
    """
    parts: list[tuple[Ints, Ints, Floats, Ints, Ints]] = []
    drawn: list[Bools] = []
    for number, e in enumerate(events):
        pixel = np.concatenate([e.pixels, e.rim])
        weight = np.concatenate([e.weight, e.rim_weight]) * weights.ravel()[pixel]
        onset = history.series.day[np.concatenate([e.onset, e.rim_onset])]
        end = np.concatenate([e.end, e.rim_end])
        ended = np.where(end >= 0, history.series.day[np.maximum(end, 0)], np.iinfo(np.int64).max)
        parts.append((np.full(len(pixel), number), pixel, weight, onset, ended))
        drawn.append(_drawn(history, e, dates))
    columns = (
        [np.concatenate(c) for c in zip(*parts, strict=True)]
        if parts
        else [np.zeros(0, np.int64) for _ in COLUMNS]
    )
    share = _share_on(history, columns[1], dates)
    cells = Cells(
        event=columns[0], pixel=columns[1], hectares=np.asarray(columns[2], np.float64), onset=columns[3],
        end=columns[4], share=share, came=np.zeros_like(share), dates=dates,
        drawn=np.concatenate(drawn, axis=2) if drawn else np.zeros((DRAWS, len(dates), 0), np.bool_),
    )  # fmt: skip
    return replace(cells, came=come_by(history, cells))


def _drawn(history: History, event: Event, dates: Ints) -> Bools:
    """(draw, date, cell) of one event; cells of the rim go with the cell beside them."""
    day = history.series.day
    seed = int.from_bytes(hashlib.sha256(event.event_id.encode()).digest()[:6], "big")
    uniform = np.random.default_rng(seed).random((DRAWS, len(day)))
    paths = np.empty((DRAWS, len(day), len(event.pixels)), np.uint8)
    sampled(history.model, history.field, event.pixels, uniform, paths)
    look = np.clip(np.searchsorted(day, dates, "right") - 1, 0, len(day) - 1)
    state = np.isin(paths[:, look], DISTURBED)
    within = dates[:, None] >= day[event.onset][None] - history.params.events.link_days
    state &= within[None]
    beside = [int(np.flatnonzero((event.onset == o) & (event.end == e))[0])
              for o, e in zip(event.rim_onset, event.rim_end, strict=True)]  # fmt: skip
    return np.concatenate([state, state[:, :, beside]], axis=2)


def _share_on(history: History, pixels: Ints, dates: Ints) -> Floats:
    """(date, cell) bare share about each date, from looks near it weighted by what they tell."""
    p, day = history.params.events, history.series.day
    out = np.zeros((len(dates), len(pixels)))
    for start in range(0, len(pixels), CHUNK):
        value, worth = told_shares(history, pixels[start : start + CHUNK])
        for k, date in enumerate(dates):
            w = worth * np.exp(-0.5 * ((day - date) / p.share_days) ** 2)[:, None]
            total = w.sum(axis=0)
            level = (w * value).sum(axis=0) / np.maximum(total, LEAST_WORTH)
            out[k, start : start + CHUNK] = np.clip(np.where(total > LEAST_WORTH, level, 0.5), 0.0, 1.0)
    return out


def come_by(history: History, cells: Cells) -> Floats:
    """Share of each cell's change that had come by each date of the accounts: (date, cell), 0 to 1, rising.

    A pixel through which the edge of a pit passes for years is bare in part long before it is told: its
    ground came as its bare share rose, not on the day of the onset. Counted on that day, a record's first
    years would be poor in change and later ones rich. What an event had of its ground by a date is the sum
    over its cells of their bare share, the mean while a cell was disturbed taken as whole; that sum is made
    monotone by isotonic regression (Ayer et al. 1955), since what has come has come, whatever grows over it
    since. Cells take it in the order of their onsets.

    Args:
        history: of the site.
        cells: of its events.
    """
    level = _levels(history, cells)
    out = np.zeros_like(level)
    for event in np.unique(cells.event):
        mine = np.flatnonzero((cells.event == event) & (cells.hectares > 0))
        mine = mine[np.argsort(cells.onset[mine], kind="stable")]
        hectares = cells.hectares[mine]
        come = np.clip(isotonic_regression(level[:, mine] @ hectares).x, 0.0, hectares.sum())
        before = np.cumsum(hectares) - hectares
        out[:, mine] = np.clip((come[:, None] - before) / hectares, 0.0, 1.0)
        beside = np.flatnonzero((cells.event == event) & (cells.hectares <= 0))
        out[:, beside] = (come / max(hectares.sum(), LEAST_WORTH))[:, None]
    return out


def _levels(history: History, cells: Cells) -> Floats:
    """(date, cell) bare share about each date over its mean while the cell was disturbed; 1 when grown over.

    Looks on the date's side of the onset count: what comes at once is not smeared over the window.
    """
    p, day = history.params.events, history.series.day
    out = np.zeros((len(cells.dates), len(cells.pixel)))
    for start in range(0, len(cells.pixel), CHUNK):
        some = slice(start, start + CHUNK)
        value, worth = told_shares(history, cells.pixel[some])
        onset, end = cells.onset[some], cells.end[some]
        while_open = worth * ((day[:, None] >= onset) & (day[:, None] < end))
        whole = (while_open * value).sum(axis=0) / np.maximum(while_open.sum(axis=0), LEAST_WORTH)
        for k, date in enumerate(cells.dates):
            same_side = (day[:, None] >= onset) == (date >= onset)
            w = worth * same_side * np.exp(-0.5 * ((day - date) / p.share_days) ** 2)[:, None]
            level = (w * value).sum(axis=0) / np.maximum(w.sum(axis=0), LEAST_WORTH)
            share = np.clip(level / np.maximum(whole, LEAST_SHARE), -WHOLE_LIMIT, WHOLE_LIMIT)
            out[k, some] = np.where(end <= date, 1.0, share)
    return out


def waiting_cells(history: History, cells: Cells, k: int, weights: Floats) -> tuple[Floats, float]:
    """(pixel,) hectares that wait on the k-th date in patches of the mapping floor or more; of their edges.

    They show loss on the date and on all looks after it, are in no event then, and may be fields that lie
    fallow, or an odd season: only time tells.
    """
    day, p = history.series.day, history.params.events
    waits = (history.waiting >= 0) & (day[np.maximum(history.waiting, 0)] <= cells.dates[k])
    waits[cells.pixel[cells.disturbed(k)]] = False
    number, _ = label(waits.reshape(history.series.shape), structure=CORNERS)
    hectares = np.where(waits, weights.ravel(), 0.0)
    size = np.bincount(number.ravel(), hectares)
    large = waits & (size[number.ravel()] >= p.min_ha * FLOOR_TOLERANCE)
    edge = large & ~binary_erosion(large.reshape(history.series.shape)).ravel()
    return np.where(large, hectares, 0.0), float(hectares[edge].sum())


TERMS = ("before", "opened", "closed", "after")
OPEN_TERMS = ("open_before", "open_opened", "deepened", "regrown", "open_closed", "open_after")


def account(cells: Cells, k: int, part: Floats) -> Mapping[str, tuple[float, float]]:
    """Stocks and flows between the date before and the k-th, hectares: name → (value, random sd).

    Args:
        cells: of all events.
        k: which date; for the first, the date before is before anything.
        part: (cell,) share of each that belongs to the part asked about (inside, outside, all).
    """
    hectares = cells.hectares * part
    now = cells.stands(k)
    then = cells.stands(k - 1) if k else np.zeros_like(now)
    s1 = cells.share[k]
    s0 = cells.share[k - 1] if k else np.zeros_like(s1)
    out = {}
    d1 = cells.drawn[:, k]
    d0 = cells.drawn[:, k - 1] if k else np.zeros_like(d1)
    was, stands = cells.disturbed(k - 1) if k else np.zeros(now.shape, np.bool_), cells.disturbed(k)
    values, draws = (
        _terms(then, now, was, stands, s0, s1),
        _terms(d0.astype(np.float64), d1.astype(np.float64), d0, d1, s0, s1),
    )
    first = np.flatnonzero(np.diff(cells.event, prepend=-1))
    for name, value in values.items():
        spread = 0.0
        if len(hectares):
            sums = np.add.reduceat(draws[name] * hectares, first, axis=1)
            whole, part = (np.add.reduceat(x, first) for x in (np.abs(hectares), value * hectares))
            course = _course_sd(whole, part) if name in TERMS else np.zeros(len(first))
            spread = float(np.sqrt((sums.var(axis=0) + course**2).sum()))
        out[name] = (float((value * hectares).sum()), spread)
    return out


def _course_sd(whole: Floats, part: Floats) -> Floats:
    """(event,) error of how much of an event's ground had come: largest halfway, none before and after."""
    share = np.clip(part / np.maximum(whole, LEAST_WORTH), 0.0, 1.0)
    return np.asarray(COURSE_SD * whole * 2.0 * np.sqrt(share * (1.0 - share)))


def _terms(then: Floats, now: Floats, was: Bools, stands: Bools, s0: Floats, s1: Floats) -> dict[str, Floats]:
    """Per cell (and draw)."""
    rises = s1 - s0
    return {
        "before": then,
        "opened": np.maximum(now - then, 0.0),
        "closed": np.maximum(then - now, 0.0),
        "after": now,
        "open_before": was * s0,
        "open_opened": (~was & stands) * s1,
        "deepened": (was & stands) * np.maximum(rises, 0.0),
        "regrown": (was & stands) * np.maximum(-rises, 0.0),
        "open_closed": (was & ~stands) * s0,
        "open_after": stands * s1,
    }
