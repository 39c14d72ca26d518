"""Looks of a cube in the order in which every sequential measurement takes them."""

from __future__ import annotations

import numpy as np
import xarray as xr


def in_order(cube: xr.Dataset) -> xr.Dataset:
    """The cube by time, then by scene id where it has one."""
    times = cube["time"].to_numpy()
    scenes = cube["scene_id"].to_numpy().astype(str) if "scene_id" in cube.coords else np.zeros(times.size)
    order = np.lexsort((scenes, times))
    return cube if (np.diff(order) == 1).all() else cube.isel(time=order)
