"""A static STAC catalogue on disk; assets that it names by URL are read over HTTP like any other."""

from __future__ import annotations

import datetime as dt
import re
import sys
import threading
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from evidence.errors import SourceError
from evidence.limits import Limits
from imagery.records import FetchedProduct, MalformedItem, Product
from imagery.sources.addresses import shown
from imagery.sources.cog import CogReader
from imagery.sources.http import read_json
from imagery.sources.items import is_sensed_in, read_listed
from imagery.sources.retry import RetryableError

Bounds = tuple[float, float, float, float]


class StaticCatalog:
    """A `SceneSource` over the items of a catalogue file, a collection, an item file or a folder of items."""

    masks_first = False
    """Reading from disk costs nothing, so nothing is left out for cloud."""

    def __init__(self, path: Path, *, name: str | None = None, reader: CogReader | None = None) -> None:
        """Remember where the catalogue is; nothing is read yet.

        Args:
            path: catalog.json, collection.json, one item, an item collection, or a folder of these.
            name: how the source is called; by default after the folder.
            reader: reads what the catalogue names by URL, within its limits everything.
        """
        self._path = Path(path).absolute()
        folder = self._path if self._path.is_dir() else self._path.parent
        self._name = name or f"static:{folder.name}"
        self._products: tuple[Product, ...] | None = None
        self._given = reader
        self._lock = threading.Lock()
        self.rejected: list[str] = []
        """Files of the catalogue that could not be read, one line each."""
        self.malformed: list[MalformedItem] = []
        """Items that cannot be products."""

    @property
    def name(self) -> str:
        """`static:` and the folder's name."""
        return self._name

    def products(self) -> tuple[Product, ...]:
        """Every product of the catalogue, ordered by time and id."""
        with self._lock:
            return self._read()

    def _read(self) -> tuple[Product, ...]:
        if self._products is None:
            found: dict[tuple[str, str], Product] = {}
            self.rejected, self.malformed = [], []
            for path, item in read_items(self._path, self.rejected, self._reader.limits):
                product = read_listed(item, source=self._name, resolve=_resolver(path.parent))
                if isinstance(product, MalformedItem):
                    self.malformed.append(product)
                    continue
                first = found.get((product.collection, product.id))
                if first is None or first.datetime == product.datetime:
                    found[product.collection, product.id] = product
                else:
                    self.malformed.append(_second_of_one_id(first, product))
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
        return self._reader.fetch(product, bands, bounds)

    def stop(self) -> None:
        """End every wait for a file on the net: the run is being broken off."""
        self._reader.stop()

    @cached_property
    def _reader(self) -> CogReader:
        return self._given or CogReader()


def overlaps(one: Bounds, other: Bounds) -> bool:
    """Whether two boxes share ground; a shared edge is none."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def read_items(
    path: Path, rejected: list[str] | None = None, limits: Limits | None = None
) -> Iterator[tuple[Path, object]]:
    """What `path` leads to as items, each with the file it stands in.

    Links are followed; a folder, or a catalogue whose links lead to no item, is searched for item files.

    Args:
        path: catalogue, collection, item, item collection or folder.
        rejected: takes a line for each file further down that cannot be read.
        limits: of one file.

    Raises:
        SourceError: where the file is missing or holds no item at all.
    """
    limits, rejected = limits or Limits(), rejected if rejected is not None else []
    if path.is_dir():
        path = path / "catalog.json" if (path / "catalog.json").exists() else path
    found = list(_scan(path, rejected, limits)) if path.is_dir() else list(_walk(path, rejected, limits))
    if not found and path.is_file():
        found = list(_scan(path.parent, rejected, limits))
    if not found:
        raise SourceError(f"{path} leads to no STAC item" + (f" ({rejected[0]})" if rejected else ""))
    yield from found


def _walk(first: Path, rejected: list[str], limits: Limits) -> Iterator[tuple[Path, object]]:
    """Items in the order of the links; a stack rather than recursion: chains may be long."""
    seen: set[Path] = set()
    waiting = [first]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        if path == first:
            document = _load(path, limits)
        else:
            try:
                document = _load(path, limits)
            except SourceError as error:
                rejected.append(shown(error))
                continue
        kind = document.get("type")
        members = document.get("features" if kind == "FeatureCollection" else "links")
        members = members if isinstance(members, list) else []
        if kind == "Feature":
            yield path, document
        elif kind == "FeatureCollection":
            yield from ((path, feature) for feature in members)
        else:
            waiting += reversed([target for link in members if (target := _linked(link, path)) is not None])


def _linked(link: object, path: Path) -> Path | None:
    """The file that a link of a catalogue leads down to."""
    if not isinstance(link, Mapping) or link.get("rel") not in {"child", "item", "items"}:
        return None
    try:
        target = local_path(str(link.get("href", "")), path.parent)
        return target.resolve() if target is not None and target.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None


def _scan(folder: Path, rejected: list[str], limits: Limits) -> Iterator[tuple[Path, object]]:
    for path in sorted(folder.rglob("*.json")):
        try:
            document = _load(path, limits)
        except SourceError as error:
            rejected.append(shown(error))
            continue
        if document.get("type") == "Feature" and "assets" in document:
            yield path, document


def _load(path: Path, limits: Limits) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > limits.document_bytes:
            raise SourceError(f"{path}: larger than {limits.document_bytes} bytes is no item")
        document = read_json(path.read_bytes(), limits, label=str(path))
    except OSError as error:
        raise SourceError(f"{path} is not readable: {error.strerror or error}") from error
    except RetryableError as error:
        raise SourceError(f"{path} is not readable JSON: {error}") from error
    return document if isinstance(document, dict) else {}


def _second_of_one_id(first: Product, second: Product) -> MalformedItem:
    days = f"{first.datetime:%Y-%m-%d} and {second.datetime:%Y-%m-%d}"
    reason = shown(f"{second.source}: products of {days} bear one id, {second.id!r}; the first is read")
    return MalformedItem(source=second.source, id=second.id, datetime=second.datetime, reason=reason)


def file_of(url: str, *, windows: bool = sys.platform == "win32") -> Path:
    """The file of a `file:` address; on Windows ``file:///C:/data`` is ``C:/data``."""
    path = urllib.parse.unquote(urllib.parse.urlsplit(url).path)
    return Path(path.lstrip("/") if windows and re.match(r"/+[A-Za-z]:", path) else path)


def local_path(href: str, folder: Path) -> Path | None:
    """The file that `href` names, seen from `folder`; None for an address on the net."""
    if href.startswith("file:"):
        return file_of(href)
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
