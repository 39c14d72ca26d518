"""Collections and the catalogue: derived from the items that are there, renewed whenever some were added."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evidence.files import below, is_temporary, path_component, write_text
from imagery.archive.gaps import GAPS
from imagery.archive.items import STAC_VERSION, item_text, read_item

LICENCE = "other"
ATTRIBUTION = "Contains modified Copernicus Sentinel data"


def write_collection(folder: Path, site_id: str) -> None:
    """Renew `collection.json` of one site and sensor."""
    items_here = (product / f"{product.name}.json" for product in sensor_products(folder))
    paths = [path for path in items_here if path.exists()]
    if not paths:
        return
    links = [
        {"rel": "root", "href": "../../catalog.json", "type": "application/json"},
        {"rel": "parent", "href": "../../catalog.json", "type": "application/json"},
    ]
    links += [
        {"rel": "item", "href": f"./{path.relative_to(folder).as_posix()}", "type": "application/geo+json"}
        for path in paths
    ]
    if _known(folder / "collection.json").get("links") == links:
        return  # items are never rewritten: the same ones give the same extent
    items = [read_item(path) for path in paths]
    _write_if_changed(
        folder / "collection.json",
        {
            "type": "Collection",
            "stac_version": STAC_VERSION,
            "stac_extensions": [],
            "id": f"{site_id}-{folder.name}",
            "title": f"{folder.name} over {site_id}",
            "description": f"Source pixels over {site_id}, unfused, on their own lattice. {ATTRIBUTION}.",
            "license": LICENCE,
            "extent": _extent(items),
            "links": links,
        },
    )


def write_catalog(root: Path) -> None:
    """Renew `catalog.json`."""
    children = sorted(root.glob("*/*/collection.json"))
    links: list[dict[str, str]] = [{"rel": "root", "href": "./catalog.json", "type": "application/json"}]
    links += [
        {"rel": "child", "href": f"./{path.relative_to(root).as_posix()}", "type": "application/json"}
        for path in children
    ]
    _write_if_changed(
        root / "catalog.json",
        {
            "type": "Catalog",
            "stac_version": STAC_VERSION,
            "id": "campwatch-archive",
            "title": "campwatch archive",
            "description": f"Source imagery by site and sensor. {ATTRIBUTION}.",
            "links": links,
        },
    )


def _extent(items: list[dict[str, Any]]) -> dict[str, Any]:
    wests, souths, easts, norths = zip(*(item["bbox"] for item in items), strict=True)
    times = sorted(item["properties"]["datetime"] for item in items)
    return {
        "spatial": {"bbox": [[min(wests), min(souths), max(easts), max(norths)]]},
        "temporal": {"interval": [[times[0], times[-1]]]},
    }


def _write_if_changed(path: Path, document: dict[str, Any]) -> None:
    text = item_text(document)
    if _known(path) != json.loads(text):
        write_text(path, text)


def _known(path: Path) -> dict[str, Any]:
    """What a collection or catalogue says; nothing where it is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


log = logging.getLogger(__name__)


def sensor_folder(site_folder: Path, sensor: str) -> Path:
    """Where the products of one sensor lie; a sensor of an unlikely name never takes the gaps' place."""
    name = path_component(sensor, default="unknown")
    return below(site_folder, f"sensor-{name}" if name.lower() == GAPS else name)


def free_folder(parent: Path, name: str) -> Path:
    """A folder no item has been written into; an interrupted write's folder is used again."""
    candidates = (parent / (name if count == 1 else f"{name}-v{count}") for count in range(1, 1000))
    return next(folder for folder in candidates if not (folder / f"{folder.name}.json").exists())


def subfolders(folder: Path) -> list[Path]:
    """The folders in `folder`; none where it is not there."""
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def sensor_folders(site_folder: Path) -> list[Path]:
    """One folder for each sensor of a site, by name."""
    return sorted(folder for folder in subfolders(site_folder) if folder.name != GAPS)


def product_folders(site_folder: Path) -> Iterator[Path]:
    """Those of all products of a site."""
    for sensor in sensor_folders(site_folder):
        yield from sensor_products(sensor)


def sensor_products(sensor_folder: Path) -> Iterator[Path]:
    """Folders of one sensor's products, year by year."""
    for year in sorted(subfolders(sensor_folder)):
        yield from sorted(subfolders(year))


def remove_folder(folder: Path) -> int:
    """Remove a product folder whose item was never written."""
    files = [path for path in folder.iterdir() if path.is_file()]
    for path in files:
        log.info("removing %s, left by an interrupted write%s", path, " (temporary)" * is_temporary(path))
        path.unlink()
    folder.rmdir()
    return len(files)
