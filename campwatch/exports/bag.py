"""A BagIt zip of one finding: what it says, from what, how, and who did what; opens without campwatch."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bagit
import shapely

from campwatch.exports.bundle import Bundle, find
from campwatch.exports.chips import finding_chips
from campwatch.exports.dictionary import data_dictionary, guarded_table, provenance
from campwatch.exports.figure_page import figure_style, save_figure
from campwatch.exports.figures import finding_figure
from campwatch.exports.formats import named
from campwatch.exports.imagery import finding_pair, scenes_of
from campwatch.exports.labels import VALIDATION_WORD, quantity_text, row_label, site_label
from campwatch.exports.stamp import WORDING
from campwatch.exports.vector import plain_records
from campwatch.language import DRAFT, KOREAN, spoken, told
from campwatch.workspace import Workspace
from detection.pairs.looks import LookPair
from evidence.custody import CustodyEntry, custody_lines
from evidence.errors import ExportError
from evidence.files import atomic_path, write_text, write_zip
from evidence.hashing import canonical_json, sha256_file
from evidence.layers import Kind, Layer
from evidence.ledger import Ledger
from evidence.rows import StoredRow
from evidence.runs import links_until
from evidence.tables import layer_table
from imagery.records import ArchivedProduct

_PUBLIC_CUSTODY = ("rows", "code")
"""What a public bag tells of a measurement; the rest may name boundaries and zones that are not public."""


def write_bag(workspace: Workspace, ledger: Ledger, bundle: Bundle, folder: Path, *, finding: str) -> Path:
    """Write the evidence zip of one finding.

    Raises:
        ExportError: where there is no such finding, or its source pixels are not in the archive.
    """
    layer, stored = find(bundle, finding)
    name = f"campwatch-{stored.row.site_id}-{stored.row_id}"
    with tempfile.TemporaryDirectory(prefix="campwatch-bag-") as temporary:
        root = Path(temporary) / name
        root.mkdir()
        _fill(root, workspace, ledger, bundle, layer, stored)
        _make_bag(root, bundle, stored)
        path = named(folder, name, ".zip", restricted=bundle.stamp.restricted)
        with atomic_path(path) as target:
            _zip(root, target)
    return path


UNPACK = (
    "1. Unpack the zip. In its folder run `sha256sum -c manifest-sha256.txt` (Linux), `shasum -a 256 "
    "-c` (macOS), `Get-FileHash` (Windows PowerShell), or any BagIt tool (RFC 8493)."
)
FOLLOW = (
    "2. In `custody.jsonl`, `previous` of an entry must equal `hash` of the one before; the last "
    "`hash` must equal the custody head of the site below, as kept by somebody other than the sender."
    " The hash of a line is the SHA-256 of its fields without `hash`, as JSON in UTF-8 with sorted "
    "keys and without spaces. Lines with `withheld` are told in part; they only link. What is long is"
    " named by its SHA-256 (`$text`, or `$parts` of a list) and stands in a line of its own before; "
    "entries of older ledgers tell it as the `difference` to the entry at `position` in `since`."
)
METHOD = (
    "Source pixels are kept as provided and never rewritten. For measuring they are turned into "
    "surface reflectance with the offset of their processing baseline (from metadata, checked against"
    " the pixels), masked for cloud, shadow and snow, and put on one 10 m grid in one UTM zone. Areas"
    " are hectares on the WGS 84 ellipsoid. An interval is meant to cover the truth with the "
    "probability in `level`; where there is no value, `reason` says why."
)


def _fill(
    root: Path, workspace: Workspace, ledger: Ledger, bundle: Bundle, layer: Layer, stored: StoredRow
) -> None:
    document = _finding_document(layer, stored)
    products = _copy_sources(root / "source", workspace, stored)
    pair = _write_derived(root, workspace, bundle, layer, stored)
    site_id = stored.row.site_id
    write_text(root / "custody.jsonl", _custody_extract(ledger, bundle, site_id))
    _write_json(root / "finding.json", document)
    _write_json(root / "finding.geojson", _feature(document, stored))
    guarded_table(layer_table(layer, [stored])).to_csv(
        root / "finding.csv", index=False, encoding="utf-8-sig"
    )
    dictionary = data_dictionary()
    dictionary[dictionary["layer"] == layer.name].to_csv(
        root / "data_dictionary.csv", index=False, encoding="utf-8-sig"
    )
    guarded_table(provenance(bundle)).to_csv(root / "provenance.csv", index=False, encoding="utf-8-sig")
    _write_json(root / "manifest.json", _manifest(root, bundle, stored, products))
    texts = {
        "method": method_text(layer, stored, _code(ledger, stored)),
        "README": readme_text(bundle, layer, stored, document, products, pair),
    }
    for name, text in texts.items():
        write_text(root / f"{name}.md", text)
        if spoken() == KOREAN:
            write_text(root / f"{name}.ko.md", korean_text(text))


def _finding_document(layer: Layer, stored: StoredRow) -> dict[str, Any]:
    told = plain_records(layer_table(layer, [stored]))[0]
    return {"layer": layer.name, "title": layer.title, "label": row_label(layer, told), "row": told}


def _feature(told: dict[str, Any], stored: StoredRow) -> dict[str, Any]:
    geometry = None if stored.row.geometry is None else shapely.from_wkb(stored.row.geometry)
    return {
        "type": "Feature",
        "properties": told["row"],
        "geometry": None if geometry is None else shapely.geometry.mapping(shapely.orient_polygons(geometry)),
    }


def _copy_sources(folder: Path, workspace: Workspace, stored: StoredRow) -> list[ArchivedProduct]:
    """The archived products of the finding's scenes, byte for byte, with their items."""
    wanted = [str(scene) for scene in stored.row.data.get("scene_ids") or ()]
    scenes = scenes_of(workspace, stored.row.site_id, wanted)
    missing = sorted(set(wanted) - {scene.id for scene in scenes})
    if missing:
        raise ExportError(f"the archive does not hold {', '.join(missing)}")
    products = [product for scene in scenes for product in scene.products]
    for product in products:
        shutil.copytree(product.item_path.parent, folder / product.item_path.parent.name)
    return products


def _write_derived(
    root: Path, workspace: Workspace, bundle: Bundle, layer: Layer, stored: StoredRow
) -> LookPair:
    """Reflectance of the two looks that straddle the finding, its mask and a figure; or why not."""
    pair = finding_pair(workspace, bundle, layer, stored)
    if pair.looks is None:
        write_text(
            root / "derived" / "none.txt", f"no pair of looks straddles this finding: {pair.refused}\n"
        )
        return pair
    site = bundle.site(stored.row.site_id)
    finding_chips(workspace, bundle, stored, pair.looks, root / "derived")
    with figure_style():
        figure = finding_figure(workspace, bundle, layer, stored, pair.looks)
        save_figure(figure, root / "derived" / "before-after", title=site.name, stamp=bundle.stamp)
    return pair


def _custody_extract(ledger: Ledger, bundle: Bundle, site_id: str) -> str:
    """The site's chain up to the head that the stamp names; public bags tell the chain and little else."""
    links = [link for link in links_until(ledger) if link[1].chain == site_id]
    last = [digest for _, _, digest in links].index(bundle.stamp.heads[site_id])
    if bundle.stamp.restricted:
        return "".join(custody_lines(links[: last + 1], ledger.text))
    return "".join(_public_line(entry, digest) + "\n" for _, entry, digest in links[: last + 1])


def _public_line(entry: CustodyEntry, digest: str) -> str:
    told = {"chain": entry.chain, "position": entry.position, "previous": entry.previous, "hash": digest}
    if entry.action == "measure":
        data = {name: entry.data[name] for name in _PUBLIC_CUSTODY if name in entry.data}
        told |= {"time": entry.time, "action": entry.action, "run_id": entry.run_id, "data": data}
    return canonical_json({**told, "withheld": True})


def _code(ledger: Ledger, stored: StoredRow) -> dict[str, Any]:
    """What the run that wrote the row told of its code."""
    entries = (entry for _, entry, _ in links_until(ledger) if entry.run_id == stored.run_id)
    told: list[dict[str, Any]] = [entry.data["code"] for entry in entries if entry.data.get("code")]
    return told[-1] if told else {}


def _manifest(
    root: Path, bundle: Bundle, stored: StoredRow, products: list[ArchivedProduct]
) -> dict[str, Any]:
    return {
        "stamp": dict(bundle.stamp.items()),
        "row_id": stored.row_id,
        "method": stored.row.method,
        "params_hash": stored.row.params_hash,
        "inputs_hash": stored.row.inputs_hash,
        "products": [
            {
                "id": product.id,
                "source": product.source,
                "platform": product.platform,
                "datetime": product.datetime.isoformat(),
                "tile": product.tile,
                "baseline": product.baseline,
                "accessed": product.properties.get("campwatch:accessed"),
                "sha256": dict(product.sha256),
            }
            for product in products
        ],
        "files": {
            path.relative_to(root).as_posix(): sha256_file(path)
            for path in sorted(root.rglob("*"))
            if path.is_file()
        },
    }


def _make_bag(root: Path, bundle: Bundle, stored: StoredRow) -> None:
    stamp = bundle.stamp
    bagit.make_bag(
        str(root),
        bag_info={
            "Source-Organization": "campwatch workspace",
            "External-Identifier": stored.row_id,
            "External-Description": f"Evidence of one finding at {stored.row.site_id}; {stamp.profile}",
            "Internal-Sender-Identifier": f"{stamp.release}; run {stamp.run_id}; head {stamp.custody_head}",
            "Bagging-Date": stamp.as_of[:10],
            "Bag-Software-Agent": f"campwatch {stamp.version}",
        },
        checksums=["sha256"],
    )


def _write_json(path: Path, document: Any) -> None:
    write_text(path, json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def _zip(root: Path, target: Path) -> None:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    write_zip(target, ((path.relative_to(root.parent).as_posix(), path.read_bytes()) for path in files))


def _heading(text: str, level: int) -> str:
    return f"{'#' * level} {text}"


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
        _heading(f"Evidence of one finding: {told['label']}", 1),
        "",
        f"Site: {site_label(site)}. Row `{stored.row_id}` of the layer `{layer.name}` ({layer.title}).",
        "",
        *_figures(layer, told["row"]),
        *_stands(told["row"]),
        *_pictures(pair),
        "",
        WORDING,
        "",
        _heading("What is here", 2),
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
        _heading("How to check it", 2),
        "",
        UNPACK,
        FOLLOW,
        "3. GeoTIFF and GeoJSON open in QGIS; `.json` and `.md` in any editor; `.csv` in a spreadsheet.",
        "",
        _heading("Provenance", 2),
        "",
        *(f"- {what}: {value}" for what, value in bundle.stamp.items()),
        *(f"- attribution: {notice}" for notice in dict.fromkeys(t.attribution for t in bundle.tables)),
    ]
    return "\n".join(lines) + "\n"


_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
_NAMED = re.compile(r"^(- `[^`]*`: )(.*)$")
_BOLD = re.compile(r"\*\*(.+?)\*\*")


def korean_text(text: str) -> str:
    """A text of the bag in Korean, line by line; the English one beside it governs."""
    return "\n".join([told(DRAFT, KOREAN), "", *map(_korean_line, text.splitlines())]) + "\n"


def _korean_line(line: str) -> str:
    """The line, or what follows its mark, whichever leaves less English."""
    if column := _NAMED.match(line):
        return f"{column[1]}{told(column[2], KOREAN)}"
    line = _BOLD.sub(lambda bold: f"**{told(bold[1], KOREAN)}**", line)
    mark, space, said = line.partition(" ")
    readings = (told(line, KOREAN), f"{mark}{space}{told(said, KOREAN)}")
    return min(readings, key=lambda read: len(_LATIN_WORD.findall(read)))


def method_text(layer: Layer, stored: StoredRow, code: Mapping[str, Any]) -> str:
    """How the row came about."""
    packages = ", ".join(f"{name} {version}" for name, version in dict(code.get("packages", {})).items())
    data = stored.row.data
    validated = data.get("validated_on") or "not stated"
    lines = [
        _heading(f"Method of row {stored.row_id}", 1),
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
        METHOD,
        "",
        _heading("Columns", 2),
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
        (
            f"- pictures: the last clear look before it, {before.local_date} ({before.scene_id}), "
            f"and the first clear look of the same season after it, {after.local_date} ({after.scene_id})"
        ),
    ]


def _figures(layer: Layer, row: Mapping[str, Any]) -> list[str]:
    return [
        f"- {column.meaning}: **{quantity_text(column, row)}**"
        for column in layer.columns
        if column.kind is Kind.QUANTITY
    ]
