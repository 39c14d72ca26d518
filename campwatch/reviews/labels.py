"""Labels of a sample: the file that a reader fills, the rows that it becomes, and what they come to."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from campwatch.identity import Clock, new_run_id, timestamp
from detection.sampling.accuracy import (
    STABLE,
    AccuracyReport,
    ClassAccuracy,
    ReaderAgreement,
    ReaderError,
    Stratum,
    estimate_accuracy,
    resolve_labels,
    tally,
)
from detection.sampling.references import SampleFault, SampleSummary
from evidence.errors import MeasurementError, WatchError
from evidence.files import write_text
from evidence.hashing import sha256_json
from evidence.ledger import AppendResult, Ledger
from evidence.rows import Row, StoredRow

METHOD = "sample-label/1"
CANNOT_TELL = "cannot_tell"
CHANGED = "disturbed"
"""Disturbed ground of all years together."""
DELIMITERS = (",", ";", "\t")
"""What Excel puts between columns, by the country that it is set to."""
COLUMNS = ("site", "sample", "reader", "point", "label", "note")
THIRD = "third"
"""Code of whoever decides where two readers differ."""


class LabelsError(WatchError):
    """A labels file that cannot be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What one reader said of the points of one sample."""

    site_id: str
    sample_id: str
    reader: str
    by_point: Mapping[str, tuple[str, str]]
    """(label, note) by the reader's own code of the point."""


def is_labels_file(path: Path) -> bool:
    """Whether this is labels.csv of a sample rather than a review file."""
    return path.suffix.lower() == ".csv"


def write_labels(path: Path, *, site_id: str, sample_id: str, reader: str, points: list[str]) -> Path:
    """An empty file to be filled: one line per point, in the reader's order."""
    lines = [",".join(COLUMNS), *(f"{site_id},{sample_id},{reader},{point},," for point in points)]
    write_text(path, "\ufeff" + "\n".join(lines) + "\n")
    return path


def read_labels(path: Path) -> Labels:
    """Read a filled file; lines without a label are left out.

    Raises:
        LabelsError: where it is not one, or speaks of two samples or readers.
    """
    try:
        text = _decoded(path.read_bytes())
    except (OSError, UnicodeDecodeError) as err:
        raise LabelsError(f"cannot read {path}: {err}") from err
    head = text.partition("\n")[0]
    sign = max(DELIMITERS, key=head.count)
    lines = [
        row
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=sign)
        if (row.get("label") or "").strip()
    ]
    if not lines or not set(COLUMNS) <= set(lines[0]):
        raise LabelsError(f"{path.name} has no label, or not the columns {', '.join(COLUMNS)}")
    heads = {(row["site"], row["sample"], row["reader"]) for row in lines}
    if len(heads) != 1 or len({row["point"] for row in lines}) != len(lines):
        raise LabelsError(f"{path.name} speaks of {len(heads)} samples or readers, or twice of a point")
    ((site_id, sample_id, reader),) = heads
    told = {row["point"].strip(): (row["label"].strip(), (row["note"] or "").strip()) for row in lines}
    return Labels(site_id=site_id, sample_id=sample_id, reader=reader, by_point=told)


def _decoded(data: bytes) -> str:
    """The text of a file that Excel wrote: UTF-8, UTF-16 where it says so, else the Korean code page."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp949")


def labelling(ledger: Ledger, site_id: str, reader: str) -> dict[str, Any] | None:
    """What one reader of the newest sample has to label, by the reader's own random codes.

    No stratum and nobody else's label is in it. The third reader is given what the two differ on.

    Returns:
        sample, allowed labels, points (code, lon, lat) and what the reader said already; None where there is
        no sample or it is not this reader's.
    """
    result = sample_result(ledger, site_id)
    if result is None:
        return None
    data = result.drawn.row.data
    if reader != THIRD and reader not in data["readers"]:
        return None
    own = labels_of(ledger, site_id, str(data["sample_id"])).get(reader, {})
    wanted = {*result.waiting, *own} if reader == THIRD else set(data["units"])
    codes = [(code, unit) for code, unit in data["codes"][reader].items() if unit in wanted]
    return {
        "sample": str(data["sample_id"]),
        "labels": [*sorted(str(name) for name in data["classes"]), CANNOT_TELL],
        "points": [
            {"code": code, "lon": data["units"][unit]["lon"], "lat": data["units"][unit]["lat"]}
            for code, unit in codes
        ],
        "done": {code: own[unit] for code, unit in codes if unit in own},
    }


def take_labels(ledger: Ledger, labels: Labels, *, clock: Clock) -> AppendResult:
    """Append a reader's labels.

    Raises:
        LabelsError: where the sample, reader, a point or a label is not of the draw.
    """
    drawn = drawn_sample(ledger, labels.site_id)
    if drawn is None or drawn.row.data["sample_id"] != labels.sample_id:
        raise LabelsError(f"{labels.site_id} has no sample {labels.sample_id}")
    codes: Mapping[str, str] = drawn.row.data["codes"].get(labels.reader, {})
    unknown = sorted(set(labels.by_point) - set(codes))
    if unknown:
        raise LabelsError(f"reader {labels.reader} was never given the point {unknown[0]}")
    allowed = {*drawn.row.data["classes"], CANNOT_TELL}
    wrong = sorted({label for label, _ in labels.by_point.values()} - allowed)
    if wrong:
        raise LabelsError(f"label {wrong[0]!r} is none of {', '.join(sorted(allowed))}")
    rows = [_row(labels, codes[point], *said) for point, said in sorted(labels.by_point.items())]
    return ledger.append(
        rows,
        chain=labels.site_id,
        run_id=new_run_id(clock),
        time=timestamp(clock),
        actor=labels.reader,
        action="label",
        details={"sample": labels.sample_id},
    )


def _row(labels: Labels, unit: str, label: str, note: str) -> Row:
    return Row(
        layer="sample_labels",
        site_id=labels.site_id,
        subject=f"{labels.sample_id}/{unit}/{labels.reader}",
        time="",
        method=METHOD,
        params_hash=sha256_json({}),
        inputs_hash=sha256_json({"sample": labels.sample_id}),
        data={
            "unit": unit,
            "sample": labels.sample_id,
            "reader": labels.reader,
            "label": label,
            "note": note,
        },
    )


def drawn_sample(ledger: Ledger, site_id: str, *, as_of_run: str | None = None) -> StoredRow | None:
    """The newest sample that was drawn at a site."""
    drawn = ledger.current("samples", site_id=site_id, as_of_run=as_of_run)
    return max(drawn, key=lambda stored: stored.seq) if drawn else None


def labels_of(
    ledger: Ledger, site_id: str, sample_id: str, *, as_of_run: str | None = None
) -> dict[str, dict[str, str]]:
    """(reader, unit) labels that are in."""
    found: dict[str, dict[str, str]] = {}
    for stored in ledger.current("sample_labels", site_id=site_id, as_of_run=as_of_run):
        data = stored.row.data
        if data["sample"] == sample_id:
            found.setdefault(str(data["reader"]), {})[str(data["unit"])] = str(data["label"])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleResult:
    """What the labels of a sample come to, as far as they are in."""

    drawn: StoredRow
    missing: Mapping[str, int]
    """Labels that each reader still owes."""
    waiting: tuple[str, ...]
    """Units where the two differ and the third has not spoken."""
    labels: Mapping[str, str]
    """Resolved label by unit."""
    accuracy: AccuracyReport | None
    """By class; None where there is a fault."""
    summary: SampleSummary


def sample_result(ledger: Ledger, site_id: str, *, as_of_run: str | None = None) -> SampleResult | None:
    """What the newest sample of a site says of its map; None where none was drawn."""
    drawn = drawn_sample(ledger, site_id, as_of_run=as_of_run)
    if drawn is None:
        return None
    data = drawn.row.data
    found = labels_of(ledger, site_id, str(data["sample_id"]), as_of_run=as_of_run)
    readers = [str(reader) for reader in data["readers"]]
    one, two = (found.get(reader, {}) for reader in readers)
    resolved, waiting = resolve_labels(one, two, found.get(THIRD, {}))
    clear = {unit: label for unit, label in resolved.items() if label != CANNOT_TELL}
    summary = SampleSummary(
        units=len(data["units"]),
        resolved=len(resolved),
        unclear=len(resolved) - len(clear),
        agreement=ReaderAgreement.of((one[unit], two[unit]) for unit in sorted(set(one) & set(two))),
        map_date=drawn.as_of[:10],
        draws=len(ledger.current("samples", site_id=site_id, as_of_run=as_of_run)),
    )
    fault, accuracy = None, None
    if len(resolved) < len(data["units"]):
        fault = SampleFault.UNFINISHED
    elif not summary.agreement.enough:
        fault = SampleFault.DISAGREEMENT
    else:
        differing = sum(one[unit] != two[unit] for unit in clear)
        accuracy, change = _accuracies(data, clear, differing)
        fault = SampleFault.TOO_FEW if change is None else None
        if change is not None:
            summary = replace(
                summary,
                users=change.users,
                producers=change.producers,
                mapped_ha=change.mapped_ha,
                area_ha=change.area_ha,
            )
    return SampleResult(
        drawn=drawn,
        missing={reader: len(data["units"]) - len(found.get(reader, {})) for reader in readers},
        waiting=tuple(waiting),
        labels=resolved,
        accuracy=accuracy,
        summary=replace(summary, fault=fault),
    )


def _accuracies(
    data: Mapping[str, Any], clear: Mapping[str, str], differing: int
) -> tuple[AccuracyReport | None, ClassAccuracy | None]:
    """By class, and of change of all years together; None where a stratum has too few labels that tell."""
    strata = [Stratum(**stratum) for stratum in data["strata"]]
    told = [(str(data["units"][unit]["stratum"]), label) for unit, label in clear.items()]
    classes = [str(name) for name in data["classes"]]
    try:
        error = ReaderError.from_disagreement(differing, len(clear))
        by_class = estimate_accuracy(strata, tally(strata, told, classes), classes, reader_error=error)
        pooled = [replace(stratum, mapped=_changed(stratum.mapped)) for stratum in strata]
        change = [(stratum, _changed(label)) for stratum, label in told]
        both = (CHANGED, STABLE)
        report = estimate_accuracy(pooled, tally(pooled, change, both), both, reader_error=error)
    except MeasurementError:
        return None, None
    return by_class, report.of(CHANGED)


def _changed(name: str) -> str:
    return STABLE if name == STABLE else CHANGED
