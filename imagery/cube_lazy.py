"""Stored arrays as lazy xarray variables, without dask: pixels are read when they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from imagery.cube_packing import of_bits, unpacked
from imagery.cube_scene import MASKS
from imagery.cube_store import CubeStore


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
