"""Where a cube lives: in memory, or as a time-major Zarr in the cache, a slab per scene.

A scene is written once under the digest of its bytes; adding one adds one slab. The store belongs to one
grid, one set of parameters and one reference: when any of these changes it is another store.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec

from evidence.files import write_text
from imagery.cube_packing import FILL, as_bits, packed
from imagery.cube_scene import MASKS, SceneImage

CHUNK_ROWS = 256
LAYOUT = 9
"""Raised when what is stored, or how it is computed, changes."""
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
