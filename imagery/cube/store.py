"""Reflectance as small integers, in the source's own step; masks as the bits of one byte."""

from __future__ import annotations

import json
import shutil
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
import xarray as xr
from numcodecs import Blosc
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from evidence.arrays import Bools, Floats32
from evidence.files import atomic_path, remove_leftovers
from imagery.cube.scene import MASKS, SceneImage

SCALE = 1e-4
"""Reflectance per stored number, 1. Assumed: that of Level-2A."""
FILL = -32768
"""Stored number of what was not seen. By definition: the least of its type."""
LOWEST, HIGHEST = -1.0, 3.2
"""Reflectance that is stored, 1. Derived from scale and type."""


@numba.njit(cache=True)
def _packed(values: Floats32, out: NDArray[np.int16]) -> None:
    low, high, scale = np.float32(LOWEST), np.float32(HIGHEST), np.float32(1.0 / SCALE)
    for k in range(values.size):
        value = values[k]
        if np.isnan(value):
            out[k] = FILL
        else:
            out[k] = np.int16(np.rint(min(max(value, low), high) * scale))


@numba.njit(cache=True)
def _unpacked(stored: NDArray[np.int16], out: Floats32) -> None:
    scale, missing = np.float32(SCALE), np.float32(np.nan)
    for k in range(stored.size):
        out[k] = missing if stored[k] == FILL else np.float32(stored[k]) * scale


def packed(values: Floats32) -> NDArray[np.int16]:
    """Reflectance as int16, `FILL` where missing."""
    out: NDArray[np.int16] = np.empty(values.shape, np.int16)
    _packed(np.ascontiguousarray(values, np.float32).reshape(-1), out.reshape(-1))
    return out


def unpacked(stored: NDArray[Any]) -> Floats32:
    """Stored numbers as reflectance, NaN where missing."""
    out: Floats32 = np.empty(np.shape(stored), np.float32)
    _unpacked(np.ascontiguousarray(stored, np.int16).reshape(-1), out.reshape(-1))
    return out


def as_bits(masks: Mapping[str, Bools], names: Sequence[str]) -> NDArray[np.uint8]:
    """Masks of one shape as one byte per pixel, the first name in the lowest bit."""
    bits = np.zeros(masks[names[0]].shape, np.uint8)
    for k, name in enumerate(names):
        bits |= masks[name].view(np.uint8) << k
    return bits


def of_bits(bits: NDArray[Any], name: str, names: Sequence[str]) -> Bools:
    """One mask of the bytes."""
    mask: Bools = (np.asarray(bits) & np.uint8(1 << list(names).index(name))) != 0
    return mask


CHUNK_ROWS = 256
"""Rows of a block: what is read at once of a scene of a large site. Assumed."""
LAYOUT = 11
"""Raised when what is stored, or how it is computed, changes. Assumed: a running number."""
MASK_BITS = "masks"
"""The plane that holds every mask, a bit each, in the order of `MASKS`."""
SUFFIX = ".scene"
CODEC = Blosc(cname="lz4", clevel=1, shuffle=Blosc.BITSHUFFLE)
LENGTH = struct.Struct("<Q")
"""Of the header, before it."""

HELD_BYTES = 256_000_000
"""Of blocks that were read last: a small site is read from the disk once in a run. Assumed."""

Blocks = Mapping[str, Sequence[tuple[int, int]]]
"""By plane, (offset in the file, bytes) of each block of rows."""


class HeldBlocks:
    """Blocks that were read last, unpacked; of too many bytes what was asked for longest ago goes first."""

    def __init__(self, most: int = HELD_BYTES) -> None:  # noqa: D107
        self._most, self._bytes = most, 0
        self._held: OrderedDict[tuple[str, str, int], NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[HeldBlocks], tuple[int]]:
        """A copy holds nothing yet."""
        return HeldBlocks, (self._most,)

    def get(self, key: tuple[str, str, int], read: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The block of (scene, plane, number), read where it is not held; nobody writes into it."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        block = read()
        with self._lock:
            if key not in self._held:
                self._held[key] = block
                self._bytes += block.nbytes
            while self._bytes > self._most:
                self._bytes -= self._held.popitem(last=False)[1].nbytes
        return block


@dataclass(slots=True)
class CubeStore:
    """A folder with one file per scene: a header, then every band and the masks in blocks of rows."""

    folder: Path
    bands: tuple[str, ...]
    shape: tuple[int, int]
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Coordinate values by the digest of what a scene's pixels hang on."""
    _blocks: dict[str, Blocks] = field(default_factory=dict)
    _held: HeldBlocks = field(default_factory=HeldBlocks)

    @classmethod
    def open(
        cls, root: Path, key: str, bands: Sequence[str], shape: tuple[int, int], *, alone: bool = True
    ) -> CubeStore:
        """The store for `key` below `root`.

        Args:
            root: of all stores of a site.
            key: what every scene hangs on.
            bands: of the scenes.
            shape: of the grid.
            alone: whether nobody else writes there now: leftovers, and other keys' stores, which are derived,
                are dropped.
        """
        folder = root / f"cube-{key[:16]}"
        store = cls(folder=folder, bands=tuple(bands), shape=shape)
        folder.mkdir(parents=True, exist_ok=True)
        if alone:
            for other in root.glob("cube-*"):
                if other != folder and other.is_dir():
                    shutil.rmtree(other, ignore_errors=True)
            remove_leftovers(folder)
        for path in folder.glob(f"*{SUFFIX}"):
            store._take(path)
        return store

    def _take(self, path: Path) -> None:
        with path.open("rb") as stream:
            (length,) = LENGTH.unpack(stream.read(LENGTH.size))
            header = json.loads(stream.read(length))
        self.records[path.stem], self._blocks[path.stem] = header["record"], header["blocks"]

    def add(self, digest: str, image: SceneImage) -> None:
        """Write one scene, whole or not at all."""
        blocks: dict[str, list[tuple[int, int]]] = {}
        parts: list[bytes] = []
        at = 0
        for name in (*self.bands, MASK_BITS):
            plane = as_bits(image.masks, MASKS) if name == MASK_BITS else packed(image.reflectance[name])
            blocks[name] = []
            for start in range(0, self.shape[0], CHUNK_ROWS):
                part = CODEC.encode(np.ascontiguousarray(plane[start : start + CHUNK_ROWS]))
                blocks[name].append((at, len(part)))
                parts.append(part)
                at += len(part)
        header = json.dumps({"record": image.record, "blocks": blocks}).encode()
        path = self.folder / f"{digest}{SUFFIX}"
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            stream.writelines([LENGTH.pack(len(header)), header, *parts])
        self._take(path)

    def keep(self, wanted: Sequence[str]) -> None:
        """Remove every scene that is not among `wanted`: one that another has taken the place of."""
        for digest in set(self.records) - set(wanted):
            (self.folder / f"{digest}{SUFFIX}").unlink(missing_ok=True)
            del self.records[digest], self._blocks[digest]

    def read(self, digest: str, name: str, first: int, end: int) -> NDArray[Any]:
        """Rows of a band as they are stored, (y, x); of all masks for a mask's name."""
        plane = name if name in self.bands else MASK_BITS
        kind = np.int16 if name in self.bands else np.uint8
        rows = [
            self._held.get((digest, plane, number), partial(self._block, digest, plane, number, kind))
            for number in range(first // CHUNK_ROWS, -(-end // CHUNK_ROWS))
        ]
        start = first // CHUNK_ROWS * CHUNK_ROWS
        held = rows[0] if len(rows) == 1 else np.concatenate(rows)
        return held[first - start : end - start]

    def _block(self, digest: str, plane: str, number: int, kind: type[np.generic]) -> NDArray[Any]:
        """One block of rows, from the disk."""
        offset, size = self._blocks[digest][plane][number]
        with (self.folder / f"{digest}{SUFFIX}").open("rb") as stream:
            (length,) = LENGTH.unpack(stream.read(LENGTH.size))
            stream.seek(LENGTH.size + length + offset)
            return np.frombuffer(CODEC.decode(stream.read(size)), kind).reshape(-1, self.shape[1])


def column(records: Sequence[Mapping[str, Any]], name: str) -> NDArray[Any]:
    """One coordinate of all records."""
    values = [record[name] for record in records]
    if name == "time":
        return np.array(values, "datetime64[ns]")
    return np.array(values)


class SceneArray(BackendArray):
    """A band or mask of stored scenes in the order of time; bands come out as reflectance."""

    def __init__(self, store: CubeStore, name: str, digests: Sequence[str]) -> None:  # noqa: D107
        self.store, self.name, self.digests = store, name, np.array(digests)
        self.shape = (len(digests), *store.shape)
        self.dtype = np.dtype(np.float32 if name in store.bands else np.bool_)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:  # noqa: D105
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self._read
        )

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """One scene after the other, so that no more than the answer and a scene is held."""
        wanted, rows = self.digests[key[0]], np.arange(self.shape[1])[key[1]]
        if np.ndim(wanted) == 0:
            return self._scene(str(wanted), rows, key[2])
        columns = np.arange(self.shape[2])[key[2]]
        out: NDArray[Any] = np.empty((len(wanted), *np.shape(rows), *np.shape(columns)), self.dtype)
        for k, digest in enumerate(wanted):
            out[k] = self._scene(str(digest), rows, key[2])
        return out

    def _scene(self, digest: str, rows: Any, columns: Any) -> NDArray[Any]:
        if np.size(rows) == 0:
            return np.empty((0, *np.shape(np.arange(self.shape[2])[columns])), self.dtype)
        first, end = int(np.min(rows)), int(np.max(rows)) + 1
        held = self.store.read(digest, self.name, first, end)
        whole = np.ndim(rows) and len(rows) == end - first and (len(rows) == 1 or rows[0] < rows[-1])
        held = held if whole else held[rows - first]
        held = held if columns == slice(None) else held[..., columns]
        return unpacked(held) if self.name in self.store.bands else of_bits(held, self.name, MASKS)


def lazy_variable(store: CubeStore, name: str, digests: Sequence[str]) -> xr.Variable:
    """(time, y, x), read when used."""
    data = indexing.LazilyIndexedArray(SceneArray(store, name, digests))
    return xr.Variable(("time", "y", "x"), data)
