"""The formats of `export`, named where nothing has to be loaded for it."""

from __future__ import annotations

from enum import StrEnum


class ExportFormat(StrEnum):
    """What `export` can write."""

    CSV = "csv"
    XLSX = "xlsx"
    GPKG = "gpkg"
    PARQUET = "parquet"
    GEOJSON = "geojson"
    KMZ = "kmz"
    QGIS = "qgis"
    WORD = "word"
    CITATIONS = "citations"
    CHIPS = "chips"
    BAG = "bag"
