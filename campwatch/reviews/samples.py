"""A validation sample: drawn once, labelled blind by two readers, resolved, and what it comes to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from aoi.geodesy import box_around
from aoi.grid import site_grid
from campwatch.identity import new_run_id, system_clock, timestamp
from campwatch.reviews.desk import Desk
from campwatch.reviews.findings import row_geometry
from campwatch.reviews.labels import CANNOT_TELL, THIRD, drawn_sample, labels_of, write_labels
from campwatch.reviews.sample_files import SamplePoint, write_sample_files
from detection.accuracy import AccuracyReport, ReaderError, Stratum, estimate_accuracy, tally
from detection.reader_labels import resolve_labels
from detection.records import DISTURBANCES, FOOTPRINTS
from detection.sampling import (
    STABLE,
    SamplingParams,
    allocate,
    change_strata,
    draw_sample,
)
from evidence.errors import MeasurementError
from evidence.hashing import sha256_json
from evidence.quantity import Quantity
from evidence.rows import Row, StoredRow, plain

METHOD = "sample/1"
HALF_PIXEL_M = 5.0
CODE_DIGITS = 5
DEFAULT_READERS = ("A", "B")


def draw_or_report(
    desk: Desk, *, n: int | None = None, readers: tuple[str, ...] = (), seed: int | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Go on with the site's sample where nothing is asked anew, else draw one."""
    drawn = drawn_sample(desk.ledger, desk.site.id)
    if drawn is None or n is not None or readers or seed is not None:
        return draw(
            desk, params=SamplingParams(n=n or 300), readers=readers or DEFAULT_READERS, seed=seed or 1
        )
    return report(desk, drawn)


def mapped_change(desk: Desk) -> list[tuple[int, BaseGeometry]]:
    """(year, ground) that the machine says was first disturbed then: patches, or what footprints gained."""
    patches = [
        (dt.date.fromisoformat(str(s.row.data["first_seen"])[:10]).year, shape)
        for s in desk.ledger.current(DISTURBANCES.name, site_id=desk.site.id)
        if s.row.data["machine_status"] == "persistent" and (shape := row_geometry(s)) is not None
    ]
    return patches or _gained(desk.ledger.current(FOOTPRINTS.name, site_id=desk.site.id))


def _gained(footprints: Sequence[StoredRow]) -> list[tuple[int, BaseGeometry]]:
    before: BaseGeometry = shapely.MultiPolygon()
    change = []
    for stored in sorted(footprints, key=lambda s: str(s.row.data["epoch_start"])):
        shape = row_geometry(stored)
        if shape is not None:
            change.append((int(str(stored.row.data["epoch_start"])[:4]), shape.difference(before)))
            before = before.union(shape)
    return [(year, shape) for year, shape in change if not shape.is_empty]


def draw(
    desk: Desk, *, params: SamplingParams, readers: tuple[str, ...], seed: int
) -> tuple[dict[str, Any], list[str]]:
    """Draw the sample, keep it in the ledger, write a folder for each reader.

    Raises:
        MeasurementError: where nothing was mapped, or not exactly two readers are named.
    """
    if len(set(readers)) != 2 or THIRD in readers:  # noqa: PLR2004 - two blind readers
        raise MeasurementError(f"a sample needs two readers, not {', '.join(readers)}")
    rng = np.random.default_rng(seed)
    strata = change_strata(site_grid(desk.site), desk.site.aoi, mapped_change(desk), params=params)
    units = draw_sample(strata, allocate(strata.strata, n=params.n, per_rare=params.per_rare), rng=rng)
    by_name = {f"u{i}": asdict(unit) for i, unit in enumerate(units)}
    told = {
        "seed": seed,
        "readers": list(readers),
        "params": asdict(params),
        "strata": [asdict(stratum) for stratum in strata.strata],
        "classes": list(dict.fromkeys([*(s.mapped for s in strata.strata), STABLE])),
        "units": by_name,
    }
    sample_id = f"s-{sha256_json(plain(told))[:8]}"
    codes = {reader: _codes(list(by_name), rng) for reader in (*readers, THIRD)}
    row = _row(desk, plain(told | {"sample_id": sample_id, "codes": codes}))
    _append(desk, row)
    folders = [write_reader(desk, row.data, reader) for reader in readers]
    lines = [f"{s.name}: {s.area_ha:.1f} ha, {_drawn_in(row.data, s.name)} points" for s in strata.strata]
    lines += [f"for {reader}: {folder}" for reader, folder in zip(readers, folders, strict=True)]
    lines.append("give each reader one folder only; then: campwatch review import labels.csv")
    return {"sample": sample_id, "n": len(units), "folders": [str(f) for f in folders]}, lines


def _drawn_in(drawn: Mapping[str, Any], stratum: str) -> int:
    return sum(unit["stratum"] == stratum for unit in drawn["units"].values())


def _codes(units: list[str], rng: np.random.Generator) -> dict[str, str]:
    """Unit by the reader's own code, in the reader's own order: nothing can be read across two readers."""
    numbers = rng.choice(10**CODE_DIGITS, size=len(units), replace=False)
    order = rng.permutation(len(units))
    return {f"p{numbers[i]:0{CODE_DIGITS}d}": units[i] for i in order}


def _row(desk: Desk, data: Mapping[str, Any]) -> Row:
    return Row(
        layer="samples",
        site_id=desk.site.id,
        subject=str(data["sample_id"]),
        time="",
        method=METHOD,
        params_hash=sha256_json(data["params"]),
        inputs_hash=sha256_json([data["strata"], data["units"]]),
        data=data,
    )


def _append(desk: Desk, row: Row) -> None:
    desk.ledger.append(
        [row],
        chain=desk.site.id,
        run_id=new_run_id(system_clock),
        time=timestamp(system_clock),
        actor="campwatch",
        action="sample",
        details={"sample": row.data["sample_id"], "seed": row.data["seed"]},
    )


def write_reader(desk: Desk, drawn: Mapping[str, Any], reader: str, units: Sequence[str] = ()) -> Path:
    """One reader's folder: points.kmz, chips.json, labels.csv; no stratum and no earlier label in it."""
    folder = desk.workspace.exports_folder / "samples" / desk.site.id / str(drawn["sample_id"]) / reader
    wanted = set(units or drawn["units"])
    codes: Mapping[str, str] = drawn["codes"][reader]
    points = [_point(code, drawn["units"][unit]) for code, unit in codes.items() if unit in wanted]
    folder.mkdir(parents=True, exist_ok=True)
    allowed = [*sorted(str(name) for name in drawn["classes"]), CANNOT_TELL]
    write_sample_files(desk, folder, points, allowed=allowed, sample_id=str(drawn["sample_id"]))
    write_labels(
        folder / "labels.csv",
        site_id=desk.site.id,
        sample_id=str(drawn["sample_id"]),
        reader=reader,
        points=[point.code for point in points],
    )
    return folder


def _point(code: str, unit: Mapping[str, Any]) -> SamplePoint:
    centre = Point(unit["lon"], unit["lat"])
    square = box_around([centre], margin_m=HALF_PIXEL_M)
    return SamplePoint(code=code, square=square, row=int(unit["row"]), column=int(unit["column"]))


def report(desk: Desk, drawn: StoredRow) -> tuple[dict[str, Any], list[str]]:
    """How far the labelling is; once it is done, accuracies and areas beside what is mapped."""
    data = drawn.row.data
    sample_id, readers = str(data["sample_id"]), tuple(data["readers"])
    found = labels_of(desk.ledger, desk.site.id, sample_id)
    one, two = (found.get(reader, {}) for reader in readers)
    missing = {reader: len(data["units"]) - len(found.get(reader, {})) for reader in readers}
    document: dict[str, Any] = {"sample": sample_id, "missing": missing}
    if any(missing.values()):
        return document, [f"{reader}: {n} labels missing" for reader, n in missing.items()]
    resolved, waiting = resolve_labels(one, two, found.get(THIRD, {}))
    if waiting:
        folder = write_reader(desk, data, THIRD, waiting)
        lines = [f"the readers differ on {len(waiting)} points; for somebody who has seen neither: {folder}"]
        return document | {"waiting": len(waiting), "folder": str(folder)}, lines
    accuracy = estimate(data, resolved, one, two)
    unclear = sum(label == CANNOT_TELL for label in resolved.values())
    return document | {"unclear": unclear, "report": asdict(accuracy)}, _lines(accuracy, unclear)


def estimate(
    data: Mapping[str, Any], resolved: Mapping[str, str], one: Mapping[str, str], two: Mapping[str, str]
) -> AccuracyReport:
    """Accuracies and areas from resolved labels; points where nobody could tell are left out."""
    strata = [Stratum(**stratum) for stratum in data["strata"]]
    clear = {unit: label for unit, label in resolved.items() if label != CANNOT_TELL}
    labels = [(str(data["units"][unit]["stratum"]), label) for unit, label in clear.items()]
    disagreed = sum(one[unit] != two[unit] for unit in clear)
    readers = ReaderError.from_disagreement(disagreed, len(clear)) if clear else ReaderError()
    classes = [str(name) for name in data["classes"]]
    return estimate_accuracy(strata, tally(strata, labels, classes), classes, reader_error=readers)


def _lines(found: AccuracyReport, unclear: int) -> list[str]:
    lines = [
        f"{found.n} labels, {unclear} more points where nobody could tell",
        f"overall accuracy {_told(found.overall)}",
        f"a resolved label is wrong with probability {found.reader_error.rate:.4f}, which is corrected for",
    ]
    for by in found.by_class:
        mapped = "not mapped" if by.mapped_ha is None else f"mapped {by.mapped_ha:.1f} ha"
        lines.append(
            f"{by.name}: area {_told(by.area_ha)} ha, {mapped}; "
            f"user's {_told(by.users)}, producer's {_told(by.producers)}"
        )
    return lines


def _told(quantity: Quantity) -> str:
    if quantity.value is None:
        return f"not assessable ({quantity.reason})"
    return f"{quantity.value:.2f} [{quantity.low:.2f} to {quantity.high:.2f}]"
