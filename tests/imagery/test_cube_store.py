"""Scenes on the grid as they are kept in the cache: a file each, whole or not there."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from imagery.cube.scene import MASKS
from imagery.cube.store import CHUNK_ROWS, SUFFIX, CubeStore, HeldBlocks, lazy_variable, packed, unpacked

SHAPE = (2 * CHUNK_ROWS + 8, 60)
BANDS = ("red", "nir")
ORDER = ["d3", "d0", "d4"]
KEYS = [
    {},
    {"time": 1},
    {"y": slice(250, 270)},
    {"y": 3},
    {"time": [0, 2], "y": slice(5, 500, 7), "x": slice(3, 9)},
    {"y": [5, 400, 2], "x": 7},
    {"time": 2, "y": 3, "x": 4},
    {"y": slice(10, 10)},
    {"time": [], "y": 3},
    {"y": slice(None, None, -1)},
    {"time": 1, "y": slice(4, 2)},
    {"y": [511, 512]},
]


@pytest.fixture(scope="module")
def scenes():
    rng = np.random.default_rng(7)
    made = {}
    for k in range(5):
        bands = {band: rng.random(SHAPE).astype(np.float32) for band in BANDS}
        bands["red"][3, 4] = np.nan
        masks = {name: rng.random(SHAPE) > 0.5 for name in MASKS}
        made[f"d{k}"] = SimpleNamespace(reflectance=bands, masks=masks, record={"time": f"2024-01-0{k + 1}"})
    return made


@pytest.fixture(scope="module")
def store(scenes, tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    made = CubeStore.open(root, "k" * 64, BANDS, SHAPE)
    for digest, scene in scenes.items():
        made.add(digest, scene)
    return root


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_what_is_read_is_what_was_written_in_any_part(store, scenes, key):
    again = CubeStore.open(store, "k" * 64, BANDS, SHAPE)
    assert {digest: record["time"] for digest, record in again.records.items()} == {
        digest: scene.record["time"] for digest, scene in scenes.items()
    }
    red = np.stack([unpacked(packed(scenes[digest].reflectance["red"])) for digest in ORDER])
    mask = np.stack([scenes[digest].masks[MASKS[-1]] for digest in ORDER])
    for name, whole in (("red", red), (MASKS[-1], mask)):
        lazy = lazy_variable(again, name, ORDER)
        wanted = xr.Variable(lazy.dims, whole).isel(key)
        found = lazy.isel(key)
        assert found.shape == wanted.shape
        np.testing.assert_array_equal(found.values, wanted.values)


def test_a_scene_that_was_not_written_to_its_end_is_not_there(tmp_path, scenes, monkeypatch):
    store = CubeStore.open(tmp_path, "k" * 64, BANDS, SHAPE)
    store.add("d0", scenes["d0"])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("evidence.files.sync_file", full)
    with pytest.raises(OSError, match="No space left"):
        store.add("d1", scenes["d1"])
    assert set(store.records) == set(CubeStore.open(tmp_path, "k" * 64, BANDS, SHAPE).records) == {"d0"}
    assert [path.name for path in store.folder.iterdir()] == [f"d0{SUFFIX}"]


def test_another_key_drops_what_was_kept(tmp_path, scenes):
    CubeStore.open(tmp_path, "k" * 64, BANDS, SHAPE).add("d0", scenes["d0"])
    assert CubeStore.open(tmp_path, "j" * 64, BANDS, SHAPE).records == {}
    assert CubeStore.open(tmp_path, "k" * 64, BANDS, SHAPE).records == {}


def test_what_was_read_is_held_up_to_a_bound_and_a_copy_begins_without():
    held, read = HeldBlocks(most=2500), []

    def block(name):
        read.append(name)
        return np.zeros(1000, np.uint8)

    for name in ("a", "b", "a", "c", "a", "b"):
        assert held.get((name, "red", 0), lambda name=name: block(name)).size == 1000
    assert read == ["a", "b", "c", "b"]  # of three that do not fit together, b was asked for longest ago
    copy.deepcopy(held).get(("b", "red", 0), lambda: block("again"))
    assert read[-1] == "again"
