from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from detection.ground.events import Event, find_events, since_change
from detection.ground.history import fit_history
from detection.ground.params import GroundParams
from detection.ground.series import read_series
from tests.detection.made_ground import STARTS, ground

PARAMS = GroundParams()
CUT = {"y": slice(4, 26), "x": slice(4, 24)}
EDGE = 16
"""Column beside the clearing of columns 10 to 15."""


def events_of(cube: xr.Dataset) -> list[Event]:
    history = fit_history(read_series(cube), PARAMS)
    return find_events(history, cube.odc.geobox, "here", np.full(history.series.shape, 0.01))


def mixed(share: float, *, grows_over: bool) -> xr.Dataset:
    """The made clearing with an edge column of which a share is cleared; it may turn green bit by bit."""
    green, cleared = ground(cleared=False), ground()
    age = np.maximum(np.arange(cleared.sizes["time"]) - STARTS, 0)
    left = np.maximum(1.0 - age / 30.0, 0.2) if grows_over else np.ones(len(age))
    for band in ("blue", "green", "red", "nir"):
        lost = (cleared[band] - green[band]).to_numpy()
        lost[:, 10:20, EDGE] = share * lost[:, 10:20, EDGE - 1]
        cleared[band] = green[band] + (lost * left[:, None, None]).astype(np.float32)
    return cleared.isel(CUT).load()


@pytest.mark.parametrize("grows_over", [False, True])
@pytest.mark.parametrize("share", [0.25, 0.5])
def test_an_edge_pixel_counts_by_its_share_of_the_inside_whatever_grows_over(share, grows_over) -> None:
    (event,) = events_of(mixed(share, grows_over=grows_over))
    columns = np.concatenate([event.pixels, event.rim]) % (CUT["x"].stop - CUT["x"].start) + CUT["x"].start
    rows = np.concatenate([event.pixels, event.rim]) // (CUT["x"].stop - CUT["x"].start) + CUT["y"].start
    weight = np.concatenate([event.weight, event.rim_weight])
    middle = (rows >= 11) & (rows < 19)
    gain = PARAMS.events.edge_gain
    assert weight[middle & (columns == EDGE)].mean() == pytest.approx(min(gain * share, 1.0), abs=0.08)
    assert weight[middle & (columns == EDGE - 1)].mean() > 0.9
    assert abs(weight[middle & (columns == EDGE + 1)].mean()) < 0.06


def test_a_lone_pixel_that_touches_no_other_is_no_event() -> None:
    cube = ground(cleared=False).isel(CUT).load()
    cube["red"][STARTS:, 8, 8], cube["nir"][STARTS:, 8, 8] = 0.14, 0.2
    assert events_of(cube) == []


def test_what_was_as_expected_before_a_change_says_nothing_against_it() -> None:
    odds, since = since_change(np.array([-4.0, -1.0, 6.0, 5.0]), -6.8)
    assert odds == pytest.approx([-10.8, -7.8, -0.8, 4.2])
    assert since.tolist() == [0, 1, 2, 2]
