"""GeoPackage and Shapefile, through GDAL."""

from __future__ import annotations

import datetime as dt
import glob
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from shapely.geometry import mapping

from aoi.candidates import Candidate
from aoi.shapes import ShapeReader
from aoi.site_file import feature_label, projector
from evidence.errors import AoiError
from evidence.limits import Limits

MAX_FEATURES = 20_000
NAME_FIELDS = ("name", "Name", "NAME", "title", "label")


def read_table(path: Path, notices: list[str], limits: Limits | None = None) -> list[Candidate]:
    """The features of every layer.

    Args:
        path: the file; a Shapefile's others lie beside it.
        notices: takes what was repaired or left out.
        limits: of all its files together.

    Raises:
        AoiError: where GDAL cannot read the file, or a feature has no certain meaning.
    """
    limits = limits or Limits()
    size = sum(other.stat().st_size for other in path.parent.glob(f"{glob.escape(path.stem)}.*"))
    if size > limits.site_file_bytes:
        raise AoiError(f"its files take {size / 1e6:.0f} MB, more than {limits.site_file_bytes / 1e6:.0f} MB")
    found: list[Candidate] = []
    for layer in _layers(path):
        found += _layer(path, layer, notices, first=len(found) + 1)
    if not found:
        raise AoiError("there are no features")
    return found


def _layers(path: Path) -> list[str]:
    layers = _asked(lambda: pyogrio.list_layers(path))
    return [str(name) for name, kind in layers if kind is not None]


def _asked(question: Any) -> Any:
    """What GDAL answers; it raises and warns in many ways, all of which mean that it cannot read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return question()
    except Exception as error:
        raise AoiError(f"GDAL cannot read it ({' '.join(str(error).split())[:100]})") from error


def _layer(path: Path, layer: str, notices: list[str], *, first: int) -> list[Candidate]:
    read = _asked(lambda: pyogrio.raw.read(path, layer=layer, max_features=MAX_FEATURES + 1))
    meta, _, wkb, columns = read
    if wkb is None or not len(wkb):
        return []
    if len(wkb) > MAX_FEATURES:
        raise AoiError(f"layer {layer!r} has more than {MAX_FEATURES} features")
    if not meta["crs"]:
        raise AoiError(f"layer {layer!r} does not say which coordinate system it is in (a missing .prj?)")
    reader = ShapeReader(notices, project=projector(str(meta["crs"]), notices))
    names = [str(name) for name in meta["fields"]]
    rows = [
        {name: _value(column[row]) for name, column in zip(names, columns, strict=True)}
        for row in range(len(wkb))
    ]
    return [
        _candidate(layer, first + n, blob, row, reader)
        for n, (blob, row) in enumerate(zip(wkb, rows, strict=True))
    ]


def _candidate(layer: str, number: int, wkb: Any, row: dict[str, Any], reader: ShapeReader) -> Candidate:
    where = feature_label(number, row)
    if wkb is None:
        raise AoiError(f"{where}: there is no geometry")
    geometry = _asked(lambda: mapping(shapely.from_wkb(wkb)))
    name = next((row[key] for key in NAME_FIELDS if isinstance(row.get(key), str)), None)
    return Candidate(
        where=where,
        geometry=reader.read(geometry, where=where),
        name=name,
        folder=(layer,),
        properties=row,
    )


def _value(value: Any) -> Any:
    """A table's value as JSON would have it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()[:10]
    if isinstance(value, (bytes, np.ndarray)):
        return None
    return None if isinstance(value, float) and np.isnan(value) else value
