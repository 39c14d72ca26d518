"""The texts of an evidence bag, for readers who have nothing but a file browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from campwatch.exports.bundle import Bundle
from campwatch.exports.labels import VALIDATION_WORD, quantity_text, site_label
from campwatch.exports.stamp import WORDING
from detection.pairs.looks import LookPair
from evidence.layers import Kind, Layer
from evidence.rows import StoredRow
from imagery.records import ArchivedProduct


def readme_text(
    bundle: Bundle,
    layer: Layer,
    stored: StoredRow,
    told: Mapping[str, Any],
    products: Sequence[ArchivedProduct],
    pair: LookPair,
) -> str:
    """What is in the bag, what it says, and how to check it with ordinary tools."""
    site = bundle.site(stored.row.site_id)
    lines = [
        f"# Evidence of one finding: {told['label']}",
        "",
        f"Site: {site_label(site)}. Row `{stored.row_id}` of the layer `{layer.name}` ({layer.title}).",
        "",
        *_figures(layer, told["row"]),
        *_stands(told["row"]),
        *_pictures(pair),
        "",
        WORDING,
        "",
        "## What is here",
        "",
        "| file | what |",
        "|---|---|",
        "| `finding.json`, `.csv`, `.geojson` | the finding, with interval, inputs and method |",
        f"| `source/` | {len(products)} source products as archived: GeoTIFFs, items, provider's metadata |",
        "| `derived/` | reflectance of two looks on either side of it, its mask, the looks as a figure |",
        "| `custody.jsonl` | who did what, when, with what: each line carries the hash of the one before |",
        "| `manifest.json` | run, code, product ids, access times and SHA-256 of every file |",
        "| `method.md` | how it was measured |",
        "| `data_dictionary.csv`, `provenance.csv` | what each column means; where this bag comes from |",
        "",
        "## How to check it",
        "",
        "1. Unpack the zip. In its folder run `sha256sum -c manifest-sha256.txt` (Linux), `shasum -a 256 -c`",
        "   (macOS), `Get-FileHash` (Windows PowerShell), or any BagIt tool (RFC 8493).",
        "2. In `custody.jsonl`, `previous` of an entry must equal `hash` of the one before; the last `hash`",
        "   must equal the custody head of the site below, as kept by somebody other than the sender.",
        "   The hash of a line is the SHA-256 of its fields without `hash`, as JSON in UTF-8 with sorted",
        "   keys and without spaces. Lines with `withheld` are told in part; they only link. What is long is",
        "   named by its SHA-256 (`$text`, or `$parts` of a list) and stands in a line of its own before;",
        "   entries of older ledgers tell it as the `difference` to the entry at `position` in `since`.",
        "3. GeoTIFF and GeoJSON open in QGIS; `.json` and `.md` in any editor; `.csv` in a spreadsheet.",
        "",
        "## Provenance",
        "",
        *(f"- {what}: {value}" for what, value in bundle.stamp.items()),
        *(f"- attribution: {notice}" for notice in dict.fromkeys(t.attribution for t in bundle.tables)),
    ]
    return "\n".join(lines) + "\n"


def method_text(layer: Layer, stored: StoredRow, code: Mapping[str, Any]) -> str:
    """How the row came about."""
    packages = ", ".join(f"{name} {version}" for name, version in dict(code.get("packages", {})).items())
    data = stored.row.data
    validated = data.get("validated_on") or "not stated"
    lines = [
        f"# Method of row {stored.row_id}",
        "",
        f"- layer: `{layer.name}`: {layer.title}",
        f"- method and version: `{stored.row.method}`",
        f"- parameters (SHA-256): `{stored.row.params_hash}`",
        f"- inputs (SHA-256 over site file and every scene that it names): `{stored.row.inputs_hash}`",
        f"- what the method was tried on before it saw any site: {validated}",
        f"- what stands behind the interval at this site: {data.get('validation') or 'no interval'}",
        f"- run: `{stored.run_id}`, written {stored.as_of}",
        f"- code: campwatch {code.get('campwatch', 'not stated')}, Python {code.get('python', 'not stated')}",
        f"- packages: {packages or 'not stated'}",
        "",
        "Source pixels are kept as provided and never rewritten. For measuring they are turned into surface",
        "reflectance with the offset of their processing baseline (from metadata, checked against the",
        "pixels), masked for cloud, shadow and snow, and put on one 10 m grid in one UTM zone. Areas are",
        "hectares on the WGS 84 ellipsoid. An interval is meant to cover the truth with the probability",
        "in `level`; where there is no value, `reason` says why.",
        "",
        "## Columns",
        "",
        *(
            f"- `{column.name}`: {column.meaning}{f' [{column.unit}]' if column.unit else ''}"
            for column in layer.columns
        ),
    ]
    return "\n".join(lines) + "\n"


def _stands(row: Mapping[str, Any]) -> list[str]:
    return [f"- {VALIDATION_WORD}: **{row['validation']}**"] if row.get("validation") else []


def _pictures(pair: LookPair) -> list[str]:
    """Which two looks the pictures are, and that the event lies between them; or why there are none."""
    if pair.looks is None:
        return [f"- pictures: none, because no pair of looks straddles the finding: {pair.refused}"]
    before, after = pair.looks
    return [
        f"- pictures: the last clear look before it, {before.local_date} ({before.scene_id}),",
        f"  and the first clear look of the same season after it, {after.local_date} ({after.scene_id})",
    ]


def _figures(layer: Layer, row: Mapping[str, Any]) -> list[str]:
    return [
        f"- {column.meaning}: **{quantity_text(column, row)}**"
        for column in layer.columns
        if column.kind is Kind.QUANTITY
    ]
