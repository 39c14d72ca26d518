"""A static STAC catalogue on disk; assets that it names by URL are read over HTTP like any other."""

from __future__ import annotations

import datetime as dt
import json
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from evidence.errors import SourceError
from imagery.records import FetchedProduct, Product
from imagery.sources.cog import CogReader
from imagery.sources.items import is_sensed_in, product_from_item
from imagery.sources.windows import read_window

Bounds = tuple[float, float, float, float]


class StaticCatalog:
    """A `SceneSource` over the items of a catalogue file, a collection, an item file or a folder of items."""

    masks_first = False
    """Reading from disk costs nothing, so nothing is left out for cloud."""

    def __init__(self, path: Path, *, name: str | None = None) -> None:
        """Remember where the catalogue is; nothing is read yet.

        Args:
            path: catalog.json, collection.json, one item, an item collection, or a folder of these.
            name: how the source is called; by default after the folder.
        """
        self._path = Path(path).absolute()
        folder = self._path if self._path.is_dir() else self._path.parent
        self._name = name or f"static:{folder.name}"
        self._products: tuple[Product, ...] | None = None

    @property
    def name(self) -> str:
        """`static:` and the folder's name."""
        return self._name

    def products(self) -> tuple[Product, ...]:
        """Every product of the catalogue, ordered by time and id."""
        if self._products is None:
            found = {
                (product.collection, product.id): product
                for path, item in read_items(self._path)
                for product in [product_from_item(item, source=self._name, resolve=_resolver(path.parent))]
            }
            self._products = tuple(sorted(found.values(), key=lambda product: (product.datetime, product.id)))
        return self._products

    def search(self, bounds: Bounds, since: dt.datetime, until: dt.datetime) -> Iterable[Product]:
        """Products that touch `bounds` (degrees) and were sensed in ``[since, until)``."""
        return [
            product
            for product in self.products()
            if is_sensed_in(product, since, until) and overlaps(product.bounds, bounds)
        ]

    def extent(self) -> tuple[int, Bounds | None]:
        """How many products there are, and the box around them all."""
        boxes = [product.bounds for product in self.products()]
        if not boxes:
            return 0, None
        wests, souths, easts, norths = zip(*boxes, strict=True)
        return len(boxes), (min(wests), min(souths), max(easts), max(norths))

    def fetch(self, product: Product, bands: Iterable[str], bounds: Bounds) -> FetchedProduct:
        """Source pixels of `bands` over `bounds` on the product's own lattice."""
        wanted = [band for band in bands if band in product.assets]
        remote = [band for band in wanted if "://" in product.assets[band].href]
        there = self._reader.fetch(product, remote, bounds) if remote else None
        here = {band: read_window(product.assets[band], bounds) for band in wanted if band not in remote}
        found = {**here, **(there.rasters if there else {})}
        return FetchedProduct(
            product=product,
            rasters={band: found[band] for band in wanted},
            headers=there.headers if there else {},
        )

    def stop(self) -> None:
        """End every wait for a file on the net: the run is being broken off."""
        self._reader.stop()

    @cached_property
    def _reader(self) -> CogReader:
        return CogReader()


def overlaps(one: Bounds, other: Bounds) -> bool:
    """Whether two boxes share ground; a shared edge is none."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def read_items(path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The items that `path` leads to, each with the file it stands in.

    Links are followed; a folder, or a catalogue whose links lead to no item, is searched for item files.

    Raises:
        SourceError: where the file is missing or holds no item at all.
    """
    if path.is_dir():
        path = path / "catalog.json" if (path / "catalog.json").exists() else path
    found = list(_scan(path)) if path.is_dir() else list(_walk(path, set()))
    if not found and path.is_file():
        found = list(_scan(path.parent))
    if not found:
        raise SourceError(f"{path} leads to no STAC item")
    yield from found


def _walk(path: Path, seen: set[Path]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    if path in seen:
        return
    seen.add(path)
    document = _load(path)
    kind = document.get("type")
    if kind == "Feature":
        yield path, document
    elif kind == "FeatureCollection":
        yield from ((path, feature) for feature in document.get("features") or [])
    else:
        for link in document.get("links") or []:
            target = local_path(str(link.get("href", "")), path.parent)
            if link.get("rel") in {"child", "item", "items"} and target is not None and target.is_file():
                yield from _walk(target.resolve(), seen)


def _scan(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for path in sorted(folder.rglob("*.json")):
        document = _load(path)
        if document.get("type") == "Feature" and "assets" in document:
            yield path, document


def _load(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} is not readable JSON: {error}") from error
    return document if isinstance(document, dict) else {}


def local_path(href: str, folder: Path) -> Path | None:
    """The file that `href` names, seen from `folder`; None for an address on the net."""
    if href.startswith("file:"):
        return Path(urllib.parse.unquote(urllib.parse.urlsplit(href).path))
    if "://" in href:
        return None
    plain = folder / href
    return plain if plain.exists() else folder / urllib.parse.unquote(href)


def _resolver(folder: Path) -> Any:
    parents: dict[Path, Path] = {}

    def resolve(href: str) -> str:
        path = local_path(href, folder)
        if path is None:
            return href
        if path.parent not in parents:
            parents[path.parent] = path.parent.resolve()
        return str(parents[path.parent] / path.name)

    return resolve
