"""A validation sample: drawn once, labelled blind by two readers, resolved, and what it comes to."""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image
from shapely.geometry import Point, Polygon, mapping
from shapely.geometry.base import BaseGeometry

from aoi.geodesy import box_around
from aoi.grid import site_grid
from campwatch.identity import new_run_id, system_clock, timestamp
from campwatch.reviews.findings import row_geometry
from campwatch.reviews.labels import CANNOT_TELL, THIRD, SampleResult, sample_result, write_labels
from campwatch.reviews.queue import Desk
from campwatch.reviews.sampled_rates import asked_rates, rate_of
from detection.ground.records import BARE_AT_START, DISTURBANCES, FOOTPRINTS
from detection.sampling.accuracy import STABLE, AccuracyReport
from detection.sampling.design import SamplingParams, allocate, change_strata, draw_sample
from evidence.errors import MeasurementError
from evidence.files import atomic_path, below, write_text, write_zip
from evidence.hashing import sha256_json
from evidence.quantity import Quantity
from evidence.rows import Row, StoredRow, plain
from imagery.archive.store import Archive
from imagery.cube.loading import load_cube
from imagery.cube.observations import OBSERVATIONS
from imagery.cube.scenes import group_archived

METHOD = "sample/1"
HALF_PIXEL_M = 5.0
CODE_DIGITS = 5
DEFAULT_READERS = ("A", "B")


def draw_or_report(
    desk: Desk, *, n: int | None = None, readers: tuple[str, ...] = (), seed: int | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Go on with the site's sample where nothing is asked anew, else draw one."""
    result = sample_result(desk.ledger, desk.site.id)
    if result is None or n is not None or readers or seed is not None:
        return draw(
            desk, params=SamplingParams(n=n or 300), readers=readers or DEFAULT_READERS, seed=seed or 1
        )
    return report(desk, result)


def mapped_change(desk: Desk) -> tuple[str, list[tuple[int, BaseGeometry]]]:
    """The layer that is mapped, and (year, ground) first disturbed: patches, or what footprints gained."""
    patches = [
        (dt.date.fromisoformat(str(s.row.data["first_seen"])[:10]).year, shape)
        for s in desk.ledger.current(DISTURBANCES.name, site_id=desk.site.id)
        if s.row.data["machine_status"] == "persistent" and (shape := row_geometry(s)) is not None
    ]
    if patches:
        return DISTURBANCES.name, patches
    return FOOTPRINTS.name, _gained(desk.ledger.current(FOOTPRINTS.name, site_id=desk.site.id))


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
    layer, change = mapped_change(desk)
    bare = [row_geometry(s) for s in desk.ledger.current(BARE_AT_START.name, site_id=desk.site.id)]
    strata = change_strata(
        site_grid(desk.site), desk.site.aoi, change, bare=next(iter(bare), None), params=params
    )
    units = draw_sample(strata, allocate(strata.strata, n=params.n, per_rare=params.per_rare), rng=rng)
    by_name = {f"u{i}": asdict(unit) for i, unit in enumerate(units)}
    asked = asked_rates(desk.ledger, desk.site)
    years = asked.classes if asked else []
    told = {
        "seed": seed,
        "layer": layer,
        "readers": list(readers),
        "params": asdict(params),
        "strata": [asdict(stratum) for stratum in strata.strata],
        "classes": [*sorted({*(s.mapped for s in strata.strata), *years} - {STABLE}), STABLE],
        "units": by_name,
        "rates": asked and asked.told(strata, units, list(by_name)),
    }
    sample_id = f"s-{sha256_json(plain(told))[:8]}"
    codes = {reader: _codes(list(by_name), rng) for reader in (*readers, THIRD)}
    row = _row(desk, plain(told | {"sample_id": sample_id, "codes": codes}))
    _append(desk, row)
    pictures = clear_looks(desk)
    folders = [write_reader(desk, row.data, reader, pictures) for reader in readers]
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


def write_reader(
    desk: Desk, drawn: Mapping[str, Any], reader: str, pictures: ClearLooks | None, units: Sequence[str] = ()
) -> Path:
    """One reader's folder: points.kmz, chips.json, labels.csv; no stratum and no earlier label in it."""
    folder = below(desk.workspace.exports_folder / "samples", desk.site.id, str(drawn["sample_id"]), reader)
    wanted = set(units or drawn["units"])
    codes: Mapping[str, str] = drawn["codes"][reader]
    points = [_point(code, drawn["units"][unit]) for code, unit in codes.items() if unit in wanted]
    folder.mkdir(parents=True, exist_ok=True)
    allowed = [*sorted(str(name) for name in drawn["classes"]), CANNOT_TELL]
    told = {"site": desk.site.id, "sample": str(drawn["sample_id"])}
    write_sample_files(folder, points, pictures, allowed=allowed, told=told)
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


def report(desk: Desk, result: SampleResult) -> tuple[dict[str, Any], list[str]]:
    """How far the labelling is; once it is done, accuracies and areas beside what is mapped."""
    data = result.drawn.row.data
    document: dict[str, Any] = {"sample": str(data["sample_id"]), "missing": dict(result.missing)}
    if any(result.missing.values()):
        return document, [f"{reader}: {n} labels missing" for reader, n in result.missing.items()]
    if result.waiting:
        folder = write_reader(desk, data, THIRD, clear_looks(desk), result.waiting)
        lines = [
            f"the readers differ on {len(result.waiting)} points; for somebody who has seen neither: {folder}"
        ]
        return document | {"waiting": len(result.waiting), "folder": str(folder)}, lines
    document |= {"unclear": result.summary.unclear, "result": asdict(result.summary)}
    if result.accuracy is None:
        return document, [f"not assessable: {result.summary.text}"]
    lines = [*_rates(result), *_lines(result.accuracy, result.summary.unclear)]
    lines.append(result.summary.text)
    return document | {"report": asdict(result.accuracy)}, lines


def _rates(result: SampleResult) -> list[str]:
    """What the sample says of the time before and after the date of the claim: the figure to cite."""
    found = rate_of(result)
    if found is None:
        return []
    new = f"newly disturbed outside {found.boundary_id}" if found.boundary_id else "newly disturbed"
    return [
        f"{new} a year before {found.split}, by the sample: {_told(found.before_ha_a_year)} ha",
        f"{new} a year after {found.split}, by the sample: {_told(found.after_ha_a_year)} ha",
        f"after less before, by the sample: {_told(found.change_ha_a_year)} ha a year",
    ]


def _lines(found: AccuracyReport, unclear: int) -> list[str]:
    lines = [
        f"{found.n} labels, {unclear} more points where nobody could tell",
        f"overall accuracy {_told(found.overall)}",
        f"probability of a wrong label {found.reader_error.rate:.4f}, which areas are corrected for",
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


CHIP_PX = 32
"""320 m: the pixel with what surrounds it."""
ENLARGED = 5
MAX_DATES = 5
CLEAR = 0.7
GAMMA = 1.6
WHITE = 0.3
"""Reflectance shown white: bright soil and concrete."""
UNSEEN = 128
"""Grey of what was not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePoint:
    """One pixel under a reader's own code."""

    code: str
    square: Polygon
    row: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One picture of one point."""

    date: str
    png: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearLooks:
    """Looks of a site as they are shown to readers."""

    dates: tuple[str, ...]
    pixels: NDArray[np.uint8]
    """(time, y, x, band) red, green, blue; half a chip of what was not seen around."""
    made: dict[tuple[int, int], tuple[Chip, ...]]
    """What was cut, for the next reader of the same point."""

    def chips(self, point: SamplePoint) -> tuple[Chip, ...]:
        """One picture of each look, the point's pixel in a frame."""
        place = point.row, point.column
        if place not in self.made:
            rows, columns = (slice(start, start + CHIP_PX) for start in place)
            windows = self.pixels[:, rows, columns]
            pairs = zip(self.dates, windows, strict=True)
            self.made[place] = tuple(Chip(date=date, png=_png(window)) for date, window in pairs)
        return self.made[place]


def write_sample_files(
    folder: Path,
    points: Sequence[SamplePoint],
    pictures: ClearLooks | None,
    *,
    allowed: Sequence[str],
    told: Mapping[str, str],
) -> None:
    """Write `points.kmz` and `chips.json`, which begins with what is `told` of the sample."""
    chips = {point.code: pictures.chips(point) if pictures is not None else () for point in points}
    document = {
        "format": "campwatch-sample/1",
        **told,
        "question": "What is the ground inside the square, and since when?",
        "labels": list(allowed),
        "attribution": "Contains modified Copernicus Sentinel data",
        "points": [_point_document(point, chips[point.code]) for point in points],
    }
    write_text(folder / "chips.json", json.dumps(document, ensure_ascii=False, indent=1))
    _write_kmz(folder / "points.kmz", points, chips, allowed)


def clear_looks(desk: Desk) -> ClearLooks | None:
    """Up to five clear looks spread over time; unregistered ones where there is no other."""
    looks = [stored.row.data for stored in desk.ledger.current(OBSERVATIONS.name, site_id=desk.site.id)]
    clear = [look for look in looks if float(look["valid_fraction"] or 0) >= CLEAR]
    used = [look for look in clear if look["status"] == "used"] or clear
    chosen = {scene for _, scene in _spread(sorted((str(u["datetime"]), str(u["scene_id"])) for u in used))}
    scenes = group_archived(Archive(desk.workspace.archive_folder).products(desk.site.id))
    products = [product for scene in scenes if scene.id in chosen for product in scene.products]
    if not products:
        return None
    cube = load_cube(products, site_grid(desk.site))
    around = ((0, 0), (CHIP_PX // 2, CHIP_PX // 2), (CHIP_PX // 2, CHIP_PX // 2))
    planes = [
        np.pad(_bright(cube[band].to_numpy()), around, constant_values=UNSEEN)
        for band in ("red", "green", "blue")
    ]
    dates = tuple(np.datetime_as_string(cube["time"].to_numpy(), unit="D").tolist())
    return ClearLooks(dates=dates, pixels=np.stack(planes, axis=-1), made={})


def _spread(looks: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Looks spread over the whole time, first and last among them."""
    if len(looks) <= MAX_DATES:
        return looks
    places = np.linspace(0, len(looks) - 1, MAX_DATES).round().astype(int)
    return [looks[i] for i in places]


def _bright(reflectance: NDArray[np.float32]) -> NDArray[np.uint8]:
    """How bright it is shown; what is missing in grey."""
    bright = np.clip(reflectance / WHITE, 0, 1) ** (1 / GAMMA)
    return np.where(np.isfinite(bright), bright * 255, UNSEEN).astype(np.uint8)


def _png(window: NDArray[np.uint8]) -> bytes:
    """Of (y, x, band); the point's pixel in a frame."""
    large = np.repeat(np.repeat(window, ENLARGED, axis=0), ENLARGED, axis=1)
    start, end = CHIP_PX // 2 * ENLARGED - 1, (CHIP_PX // 2 + 1) * ENLARGED
    for line in (start, end):
        large[start : end + 1, line] = large[line, start : end + 1] = (255, 255, 0)
    stream = io.BytesIO()
    Image.fromarray(large).save(stream, "PNG")
    return stream.getvalue()


def _point_document(point: SamplePoint, chips: Sequence[Chip]) -> dict[str, Any]:
    pictures = [
        {"date": chip.date, "png": "data:image/png;base64," + base64.b64encode(chip.png).decode()}
        for chip in chips
    ]
    return {"point": point.code, "square": mapping(point.square), "chips": pictures}


def _write_kmz(
    path: Path, points: Sequence[SamplePoint], chips: Mapping[str, Sequence[Chip]], allowed: Sequence[str]
) -> None:
    names = ", ".join(allowed)
    marks = "".join(_placemark(point, chips[point.code]) for point in points)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        f"<name>points to label</name><description>{escape(names)}</description>"
        '<Style id="p"><LineStyle><color>ff00ffff</color><width>2</width></LineStyle>'
        f"<PolyStyle><fill>0</fill></PolyStyle></Style>{marks}</Document></kml>\n"
    )
    shown = [
        (f"chips/{code}-{i}.png", chip.png)
        for code, pictures in chips.items()
        for i, chip in enumerate(pictures)
    ]
    with atomic_path(path) as temporary:
        write_zip(temporary, [("doc.kml", text.encode()), *shown])


def _placemark(point: SamplePoint, chips: Sequence[Chip]) -> str:
    ring = " ".join(f"{x:.7f},{y:.7f}" for x, y in point.square.exterior.coords)
    html = "".join(
        f'<p>{chip.date}<br/><img src="chips/{point.code}-{i}.png"/></p>' for i, chip in enumerate(chips)
    )
    return (
        f"<Placemark><name>{point.code}</name><description>{escape(html)}</description>"
        f"<styleUrl>#p</styleUrl><Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}"
        "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
    )
