"""The data dictionary: every column of every layer, its type, unit and meaning; and the provenance table."""

from __future__ import annotations

import pandas as pd

from campwatch.exports.bundle import Bundle, is_site_layer, known_layers
from evidence.layers import COMMON_COLUMNS, Column, Kind, Layer
from evidence.tables import column_names, layer_columns

LONGEST_CELL = 32_767
"""Characters that Excel keeps in a cell; what is longer runs over into the next row of a CSV."""
GEOMETRY = Column(
    name="geometry_wkt",
    kind=Kind.TEXT,
    meaning="geometry as WKT, EPSG:4326, longitude latitude; left out where it is longer than a cell of a "
    f"spreadsheet ({LONGEST_CELL} characters): it is in the GeoPackage and GeoJSON exports",
    meaning_ko="WKT 도형(EPSG:4326, 경도 위도); 스프레드시트 셀보다 길면 생략되며 GeoPackage와 "
    "GeoJSON 내보내기에 있음",
)
GUARD = "'"
"""Put before a text that a spreadsheet would take for a formula."""
_FORMULA_STARTS = (*"=+-@", *"\t\r\n", *"＝＋－＠")
"""What spreadsheets take for the start of a formula; the wide signs too, where the system writes Korean."""
_TYPES = {Kind.QUANTITY: "real", Kind.SECTORS: "text"}
_BOUNDS = {
    "_low": ("lower end of the interval: ", "구간의 하한: "),
    "_high": ("upper end of the interval: ", "구간의 상한: "),
}


def data_dictionary() -> pd.DataFrame:
    """Every column of every layer: type, unit, meaning."""
    lines = [
        _line(layer, name, column)
        for layer in known_layers()
        for name, column in [*_columns(layer), *([(GEOMETRY.name, GEOMETRY)] if layer.has_geometry else [])]
    ]
    lines += [
        _note("provenance", "item", "what is told", "항목"),
        _note("provenance", "value", "what it is", "값"),
    ]
    return pd.DataFrame(lines)


def provenance(bundle: Bundle) -> pd.DataFrame:
    """What the export says about itself, and whom to name for each layer."""
    lines = bundle.stamp.items()
    lines += [(f"attribution of {table.name}", table.attribution) for table in bundle.tables]
    lines.append(("guarded text", f"a text that starts with = + - @ has {GUARD} before it in CSV files"))
    return pd.DataFrame(lines, columns=["item", "value"])


def guarded(text: str) -> str:
    """`text` as a spreadsheet keeps it text."""
    return GUARD + text if text.startswith(_FORMULA_STARTS) else text


def guarded_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with every text as a spreadsheet keeps it text."""
    texts = frame.select_dtypes(include=["object", "string"])
    return frame.assign(**{str(name): texts[name].map(_guarded_cell) for name in texts})


def _guarded_cell(cell: object) -> object:
    return guarded(cell) if isinstance(cell, str) else cell


def _columns(layer: Layer) -> list[tuple[str, Column]]:
    if not is_site_layer(layer):
        return layer_columns(layer)
    return [(name, column) for column in layer.table_columns for name in column_names(column)]


def _line(layer: Layer, name: str, column: Column) -> dict[str, str]:
    end, end_ko = _BOUNDS.get(name.removeprefix(column.name), ("", ""))
    return {
        "layer": layer.name,
        "layer_title": layer.title,
        "layer_title_ko": layer.title_ko,
        "column": name,
        "type": _TYPES.get(column.kind, column.kind.value),
        "unit": column.unit,
        "meaning": end + column.meaning,
        "meaning_ko": end_ko + column.meaning_ko,
        "scope": "every layer" if column in COMMON_COLUMNS else "this layer",
    }


def _note(layer: str, column: str, meaning: str, meaning_ko: str) -> dict[str, str]:
    told = {
        "layer": layer,
        "layer_title": "What the export says about itself",
        "layer_title_ko": "내보내기 정보",
    }
    told |= {"column": column, "type": "text", "unit": ""}
    return {**told, "meaning": meaning, "meaning_ko": meaning_ko, "scope": "this layer"}
