"""GeoPackage, GeoParquet and GeoJSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import shapely

from campwatch.exports.bundle import Bundle, Table, with_times
from campwatch.exports.dictionary import data_dictionary, provenance
from campwatch.exports.formats import named
from campwatch.extras import extra_module
from evidence.files import atomic_path, write_text
from evidence.results import write_layer

JSON_DECIMALS = 7


def write_geopackage(bundle: Bundle, path: Path) -> Path:
    """Every table as a layer of one geometry type, with times as times; `provenance` and `data_dictionary`.

    Only a table that mixes points or lines with polygons has no type of its own.
    """
    with atomic_path(path) as temporary:
        for table in bundle.tables:
            frame = with_times(table.layer, table.frame)
            typed = {"geometry_type": geometry_type(table)} if table.layer.has_geometry else {}
            multi = typed.get("geometry_type", "").startswith("Multi")
            told = _metadata(bundle, table)
            write_layer(frame, temporary, table.name, layer_metadata=told, promote_to_multi=multi, **typed)
        for name, frame in (("provenance", provenance(bundle)), ("data_dictionary", data_dictionary())):
            write_layer(frame, temporary, name)
    return path


_TYPES = ("Point", "MultiLineString", "MultiPolygon")
"""By dimension."""


def geometry_type(table: Table) -> str:
    """The type that all geometries of a table have; `Unknown` where they are of several dimensions."""
    shapes = table.frame.geometry.dropna().to_numpy()
    found = set(shapely.get_dimensions(shapes).tolist()) - {-1}
    if len(found) > 1:
        return "Unknown"
    (dimension,) = found or {2}
    if dimension == 0 and (shapely.get_num_geometries(shapes) > 1).any():
        return "MultiPoint"
    return _TYPES[dimension]


def _metadata(bundle: Bundle, table: Table) -> dict[str, str]:
    return {**dict(bundle.stamp.items()), "title": table.layer.title, "attribution": table.attribution}


def write_parquet(bundle: Bundle, folder: Path) -> list[Path]:
    """One (Geo)Parquet file per table; the stamp is in the schema's metadata under `campwatch`.

    Raises:
        WatchError: where pyarrow is not installed.
    """
    extra_module("pyarrow", "parquet", "GeoParquet")
    return [
        _write_parquet(
            bundle, table, named(folder, table.name, ".parquet", restricted=bundle.stamp.restricted)
        )
        for table in bundle.tables
    ]


def _write_parquet(bundle: Bundle, table: Table, path: Path) -> Path:
    import pyarrow.parquet as pq  # noqa: PLC0415 - only here

    with atomic_path(path) as temporary:
        table.frame.to_parquet(temporary, index=False)
        held = pq.read_table(temporary)
        told = json.dumps(_metadata(bundle, table), ensure_ascii=False).encode()
        metadata = {**(held.schema.metadata or {}), b"campwatch": told}
        pq.write_table(held.replace_schema_metadata(metadata), temporary, compression="zstd")
    return path


def write_geojson(bundle: Bundle, folder: Path) -> list[Path]:
    """One RFC 7946 collection per table with geometry; the stamp is a member of its own."""
    return [
        _write_geojson(
            bundle, table, named(folder, table.name, ".geojson", restricted=bundle.stamp.restricted)
        )
        for table in bundle.tables
        if table.layer.has_geometry
    ]


def _write_geojson(bundle: Bundle, table: Table, path: Path) -> Path:
    properties = plain_records(table.plain)
    features = [
        {"type": "Feature", "properties": told, "geometry": _rfc7946(geometry)}
        for told, geometry in zip(properties, table.frame.geometry, strict=True)
    ]
    document = {"type": "FeatureCollection", "campwatch": _metadata(bundle, table), "features": features}
    write_text(path, json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def plain_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; what is missing is None."""
    objects = frame.astype(object)
    kept = objects.where(objects.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in kept.to_dict("records")]


def _rfc7946(geometry: Any) -> Any:
    if geometry is None or geometry.is_empty:
        return None
    turned = shapely.orient_polygons(geometry)
    return shapely.geometry.mapping(shapely.transform(turned, lambda points: points.round(JSON_DECIMALS)))
