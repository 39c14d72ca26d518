"""Reflectance as small integers, in the source's own step; masks as the bits of one byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numba
import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing
from zarr.codecs import BloscCodec

from evidence.files import write_text
from imagery.cube.scene import MASKS, SceneImage

SCALE = 1e-4
"""Reflectance per stored number, 1. Assumed: that of Level-2A."""
FILL = -32768
"""Stored number of what was not seen. By definition: the least of its type."""
LOWEST, HIGHEST = -1.0, 3.2
"""Reflectance that is stored, 1. Derived from scale and type."""


@numba.njit(cache=True)
def _packed(values: NDArray[np.float32], out: NDArray[np.int16]) -> None:
    low, high, scale = np.float32(LOWEST), np.float32(HIGHEST), np.float32(1.0 / SCALE)
    for k in range(values.size):
        value = values[k]
        if np.isnan(value):
            out[k] = FILL
        else:
            out[k] = np.int16(np.rint(min(max(value, low), high) * scale))


@numba.njit(cache=True)
def _unpacked(stored: NDArray[np.int16], out: NDArray[np.float32]) -> None:
    scale, missing = np.float32(SCALE), np.float32(np.nan)
    for k in range(stored.size):
        out[k] = missing if stored[k] == FILL else np.float32(stored[k]) * scale


def packed(values: NDArray[np.float32]) -> NDArray[np.int16]:
    """Reflectance as int16, `FILL` where missing."""
    out: NDArray[np.int16] = np.empty(values.shape, np.int16)
    _packed(np.ascontiguousarray(values, np.float32).reshape(-1), out.reshape(-1))
    return out


def unpacked(stored: NDArray[Any]) -> NDArray[np.float32]:
    """Stored numbers as reflectance, NaN where missing."""
    out: NDArray[np.float32] = np.empty(np.shape(stored), np.float32)
    _unpacked(np.ascontiguousarray(stored, np.int16).reshape(-1), out.reshape(-1))
    return out


def as_bits(masks: Mapping[str, NDArray[np.bool_]], names: Sequence[str]) -> NDArray[np.uint8]:
    """Masks of one shape as one byte per pixel, the first name in the lowest bit."""
    bits = np.zeros(masks[names[0]].shape, np.uint8)
    for k, name in enumerate(names):
        bits |= masks[name].view(np.uint8) << k
    return bits


def of_bits(bits: NDArray[Any], name: str, names: Sequence[str]) -> NDArray[np.bool_]:
    """One mask of the bytes."""
    mask: NDArray[np.bool_] = (np.asarray(bits) & np.uint8(1 << list(names).index(name))) != 0
    return mask


CHUNK_ROWS = 256
"""Rows of the grid in one piece on disk. Assumed."""
LAYOUT = 9
"""Raised when what is stored, or how it is computed, changes. Assumed: a running number."""
MANIFEST = "scenes.json"
MASK_BITS = "masks"
"""The array that holds every mask, a bit each, in the order of `MASKS`."""


@dataclass(slots=True)
class CubeStore:
    """A Zarr group with one slab per scene, and a manifest that names the complete ones."""

    folder: Path
    bands: tuple[str, ...]
    shape: tuple[int, int]
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By scene digest: coordinate values and `slab`, the index in the arrays."""

    @classmethod
    def open(cls, root: Path, key: str, bands: Sequence[str], shape: tuple[int, int]) -> CubeStore:
        """The store for `key` below `root`; other keys' stores are dropped, they are derived."""
        folder = root / f"cube-{key[:16]}"
        for other in root.glob("cube-*"):
            if other != folder and other.is_dir():
                shutil.rmtree(other, ignore_errors=True)
        store = cls(folder=folder, bands=tuple(bands), shape=shape)
        manifest = folder / MANIFEST
        if manifest.exists():
            store.records = json.loads(manifest.read_text(encoding="utf-8"))
        else:
            store._create()
        return store

    def _create(self) -> None:
        """Empty arrays (time, y, x)."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        group = zarr.open_group(self.folder / "data.zarr", mode="w")
        chunks = (1, min(CHUNK_ROWS, self.shape[0]), self.shape[1])
        codec = BloscCodec(cname="lz4", clevel=1, shuffle="bitshuffle")
        for name in (*self.bands, MASK_BITS):
            kind, fill = (np.int16, FILL) if name in self.bands else (np.uint8, 0)
            group.create_array(
                name, shape=(0, *self.shape), chunks=chunks, dtype=kind, fill_value=fill, compressors=codec
            )
        self._save()

    def _save(self) -> None:
        write_text(self.folder / MANIFEST, json.dumps(self.records))

    def add(self, digest: str, image: SceneImage) -> None:
        """Write one scene; it exists once the manifest names it."""
        group = zarr.open_group(self.folder / "data.zarr", mode="r+")
        slab = len(self.records)
        for name in (*self.bands, MASK_BITS):
            array = group[name]
            if not isinstance(array, zarr.Array):
                raise TypeError(name)
            if array.shape[0] <= slab:
                array.resize((slab + 1, *self.shape))
            banded = name in self.bands
            array[slab] = packed(image.reflectance[name]) if banded else as_bits(image.masks, MASKS)
        self.records[digest] = {**image.record, "slab": slab}
        self._save()

    def array(self, name: str) -> zarr.Array[Any]:
        """The stored array (slab, y, x); that of all masks for a mask's name."""
        held = name if name in self.bands else MASK_BITS
        array = zarr.open_group(self.folder / "data.zarr", mode="r")[held]
        if not isinstance(array, zarr.Array):
            raise TypeError(name)
        return array


def column(records: Sequence[Mapping[str, Any]], name: str) -> NDArray[Any]:
    """One coordinate of all records."""
    values = [record[name] for record in records]
    if name == "time":
        return np.array(values, "datetime64[ns]")
    return np.array(values)


class SlabArray(BackendArray):
    """A stored array with its slabs in the order of time; bands come out as reflectance."""

    def __init__(self, store: CubeStore, name: str, slabs: NDArray[np.int64]) -> None:  # noqa: D107
        self.store, self.name, self.slabs = store, name, slabs
        self.shape = (len(slabs), *store.shape)
        self.dtype = np.dtype(np.float32 if name in store.bands else np.bool_)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:  # noqa: D105
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self._read
        )

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """One slab after the other, so that no more than the answer and a slab is held."""
        array = self.store.array(self.name)
        wanted = self.slabs[key[0]]
        if np.ndim(wanted) == 0:
            return self._decoded(array[(int(wanted), *key[1:])])
        parts = [self._decoded(array.oindex[(int(slab), *key[1:])]) for slab in wanted]
        empty = self._decoded(array.oindex[(slice(0, 0), *key[1:])])
        return np.stack(parts) if parts else empty

    def _decoded(self, stored: Any) -> NDArray[Any]:
        values = np.asarray(stored)
        return unpacked(values) if self.name in self.store.bands else of_bits(values, self.name, MASKS)


def lazy_variable(store: CubeStore, name: str, slabs: NDArray[np.int64]) -> xr.Variable:
    """(time, y, x), read when used."""
    data = indexing.LazilyIndexedArray(SlabArray(store, name, slabs))
    return xr.Variable(("time", "y", "x"), data)
