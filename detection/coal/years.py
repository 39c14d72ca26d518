"""A record of many years, measured year by year: what a closed year gave stays as it is.

A calendar year is measured from its own looks and those of the year before; the first two years that hold
looks are measured together. So a new scene costs the looks of the open year and the last one, however long
the record is, and the figures of a year follow from the set of its looks and of the looks before, in whatever
order they came. From year to year three things are carried: where coal was found outside the zones, the
piles of the last look, and how many numbers were given to piles.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from aoi.records import Site
from detection.coal.family import FamilyFit
from detection.coal.records import Stockpile, StockpileArea
from detection.coal.spectra import CoalSpectrum
from detection.coal.stockpile_records import StockpileParams
from detection.coal.tracking import PileLook, Tracked
from detection.coal.verdicts import SubjectYear
from evidence.record_reading import record_document, record_from

Bools = NDArray[np.bool_]
HEAD_BYTES = 8
"""That say how long the head is. A choice of layout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a year takes over from the years before."""

    found: Mapping[str, Bools] = field(default_factory=dict)
    """Ground (y, x) outside the zones on which coal was found, by id."""
    tracked: Mapping[str, Tracked] = field(default_factory=dict)
    """Piles of the last look by subject, masks on the whole grid."""
    fits: Mapping[str, FamilyFit] = field(default_factory=dict)
    """What dark ground said of the coal of each subject."""
    water: NDArray[np.float32] | None = None
    """(plane, y, x) looks that showed water, lit looks, ln likelihood ratio of ponds, on the whole grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class YearOfCoal:
    """What one year, or the first two, gave."""

    areas: tuple[StockpileArea, ...]
    piles: tuple[Stockpile, ...]
    doubtful_ha: float
    """Ground outside the zones that may hold coal at the end and was not called a pile."""
    last_look: dt.datetime
    """Of the year, UTC."""
    subjects: Mapping[str, SubjectYear]
    """What the year says of zones and found ground, by id."""
    carried: Carried
    """For the next year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Looks that are measured together."""

    use: NDArray[np.intp]
    """Positions in the cube."""
    own: NDArray[np.intp]
    """Which of those looks, counted among them, the figures are wanted for."""


def spans(times: NDArray[np.datetime64]) -> Iterator[Span]:
    """The first two years with looks together, then each year with the one before."""
    year = times.astype("datetime64[Y]")
    every = np.unique(year)
    for last in range(max(0, min(1, len(every) - 1)), len(every)):
        use = np.flatnonzero((year == every[last]) | (year == every[max(last - 1, 0)]))
        own = np.arange(len(use)) if last <= 1 else np.flatnonzero(year[use] == every[last])
        yield Span(use=use, own=own)


def year_key(
    method: str,
    cube: xr.Dataset,
    site: Site,
    carried: Carried,
    coal: CoalSpectrum | None,
    params: StockpileParams,
) -> str:
    """A digest of all that a span's figures follow from: same key, same figures.

    Args:
        method: name and version of the measurement.
        cube: the span's looks; their content is the coordinate `content` where there is one (a digest of all
            that the pixels follow from), else the pixels themselves.
        site: measured.
        carried: from the years before.
        coal: calibration, where there is one.
        params: knobs.
    """
    zones = [(zone.id, str(zone.kind), zone.geometry.wkb_hex) for zone in site.zones]
    digest = hashlib.sha256(f"{method}|{params!r}|{coal!r}|{site.id}|{site.aoi.wkb_hex}|{zones}".encode())
    digest.update(f"|{cube.odc.geobox!r}|{sorted(map(str, cube.data_vars))}".encode())
    for name in ("time", "scene_id", "content"):
        if name in cube.coords:
            digest.update(f"|{cube[name].values.astype(str).tolist()}".encode())
    if "content" not in cube.coords:
        for name in sorted(map(str, cube.data_vars)):
            digest.update(np.ascontiguousarray(cube[name].values).tobytes())
    digest.update(_carried_bytes(carried))
    return digest.hexdigest()


def year_bytes(year: YearOfCoal) -> bytes:
    """The year as bytes, for keeping."""
    told = {
        "areas": [record_document(area) for area in year.areas],
        "piles": [record_document(pile) for pile in year.piles],
        "doubtful_ha": year.doubtful_ha,
        "last_look": year.last_look.isoformat(),
        "subjects": {name: asdict(one) for name, one in year.subjects.items()},
    }
    head = json.dumps(told, allow_nan=False).encode()
    return len(head).to_bytes(HEAD_BYTES, "big") + head + _carried_bytes(year.carried)


def year_from(held: bytes) -> YearOfCoal:
    """The inverse of `year_bytes`."""
    end = HEAD_BYTES + int.from_bytes(held[:HEAD_BYTES], "big")
    told = json.loads(held[HEAD_BYTES:end])
    return YearOfCoal(
        areas=tuple(record_from(StockpileArea, area) for area in told["areas"]),
        piles=tuple(record_from(Stockpile, pile) for pile in told["piles"]),
        doubtful_ha=told["doubtful_ha"],
        last_look=dt.datetime.fromisoformat(told["last_look"]),
        subjects={name: SubjectYear(**one) for name, one in told["subjects"].items()},
        carried=_carried_from(held[end:]),
    )


def _carried_bytes(carried: Carried) -> bytes:
    """An npz file: the masks as bits, all else as JSON in front of them."""
    looks = [(name, look) for name, state in carried.tracked.items() for look in state.looks]
    told = {
        "found": list(carried.found),
        "numbers": {name: state.numbers for name, state in carried.tracked.items()},
        "fits": {name: fit.document() for name, fit in carried.fits.items()},
        "looks": [(name, look.number, list(look.parents), look.first.isoformat()) for name, look in looks],
    }
    masks = [*carried.found.values(), *(look.mask for _, look in looks)]
    buffer = io.BytesIO()
    head = np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)
    shape = np.array(masks[0].shape if masks else (0, 0))
    water = np.zeros((0, 0, 0), dtype=np.float32) if carried.water is None else carried.water
    np.savez(buffer, told=head, shape=shape, masks=np.packbits(np.array(masks, dtype=bool)), water=water)
    return buffer.getvalue()


def _carried_from(held: bytes) -> Carried:
    with np.load(io.BytesIO(held)) as opened:
        told, shape = json.loads(opened["told"].tobytes()), opened["shape"].tolist()
        count = len(told["found"]) + len(told["looks"])
        water = opened["water"]
        bits = np.unpackbits(opened["masks"], count=count * shape[0] * shape[1])
    masks = iter(bits.astype(bool).reshape(count, *shape))
    found = {name: next(masks) for name in told["found"]}
    looks: dict[str, list[PileLook]] = {name: [] for name in told["numbers"]}
    for name, number, parents, first in told["looks"]:
        day = np.datetime64(first).item()
        looks[name].append(PileLook(number=number, parents=tuple(parents), mask=next(masks), first=day))
    tracked = {
        name: Tracked(looks=tuple(looks[name]), numbers=count) for name, count in told["numbers"].items()
    }
    fits = {name: FamilyFit.from_document(fit) for name, fit in told["fits"].items()}
    return Carried(found=found, tracked=tracked, fits=fits, water=water if water.size else None)
