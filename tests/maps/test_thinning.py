"""Which looks are native, which are display copies, and where pictures lie."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maps import composites
from maps.images import (
    STEP_PX,
    Window,
    draw_look,
    geobox_of,
    merge_windows,
    plan_pictures,
    to_mercator,
    window_around,
)
from maps.pictures import look_pictures
from maps.records import ImageRule, SiteMapData
from maps.site_map import write_site_map

Make = Callable[..., SiteMapData]


def test_newest_days_are_native_and_older_looks_are_copies_with_native_windows(make: Make) -> None:
    data = make()
    cube = data.cube
    assert cube is not None
    rule = ImageRule(window_margin_m=20.0)
    plan = plan_pictures(cube, [data.site.zones[0].geometry], rule)
    assert plan.native_times == {15, 16, 17}
    stretch = {b.id: composites.common_stretch(cube, b) for b in composites.available(cube)}
    new = [p for p in draw_look(cube, 17, plan, stretch, []) if p.view == "true"]
    old = [p for p in draw_look(cube, 2, plan, stretch, []) if p.view == "true"]
    assert [p.role for p in new] == ["native"]
    assert [p.role for p in old] == ["copy", "native"]
    assert old[1].shape[0] < new[0].shape[0]


def test_native_pictures_are_lossless(make: Make) -> None:
    cube = make().cube
    assert cube is not None
    plan = plan_pictures(cube, [], ImageRule())
    stretch = {b.id: composites.common_stretch(cube, b) for b in composites.available(cube)}
    picture = next(p for p in draw_look(cube, 17, plan, stretch, []) if p.view == "true")
    layer = cube.isel(time=17)
    stack = np.stack([layer[b].values for b in ("red", "green", "blue")])
    painted = composites.paint(to_mercator(stack, geobox_of(cube), plan.grid), stretch["true"])
    shown = np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGBA"))
    opaque = painted[..., 3] == 255
    assert np.array_equal(shown[..., 3], painted[..., 3])
    assert np.array_equal(shown[opaque], painted[opaque])


def test_one_stretch_for_all_dates(make: Make) -> None:
    cube = make().cube
    assert cube is not None
    band_set = composites.TRUE_COLOUR
    whole = composites.common_stretch(cube, band_set)
    reflectance = np.full((3, 1, 1), 0.08, dtype=np.float32)
    assert (
        composites.paint(reflectance, whole)[0, 0, 0] == composites.paint(reflectance.copy(), whole)[0, 0, 0]
    )
    darker = cube.copy()
    darker["red"] = darker["red"].where(np.arange(18)[:, None, None] != 3, 0.9)
    assert composites.common_stretch(darker, band_set).low == pytest.approx(whole.low, abs=0.01)


def test_pictures_beyond_the_budget_lie_beside_the_page(make: Make, tmp_path: Path) -> None:
    data = make()
    small = replace(data, rule=replace(data.rule, page_budget_mb=0.02))
    page = write_site_map(tmp_path / "site.html", small)
    beside = sorted((tmp_path / "site.restricted.files").glob("*.js"))
    assert beside
    whole = write_site_map(tmp_path / "whole.html", data)
    assert not (tmp_path / "whole.restricted.files").exists()
    assert page.stat().st_size < whole.stat().st_size


def test_a_second_run_is_the_same_and_leaves_no_strangers(make: Make, tmp_path: Path) -> None:
    data = replace(make(), rule=replace(make().rule, page_budget_mb=0.02))
    first = write_site_map(tmp_path / "site.html", data).read_bytes()
    stranger = tmp_path / "site.restricted.files" / "0123456789abcdef0123.js"
    stranger.write_text("old", encoding="utf-8")
    assert write_site_map(tmp_path / "site.html", data).read_bytes() == first
    assert not stranger.exists()


def test_windows_that_touch_become_one() -> None:
    assert merge_windows([(0, 10, 0, 10), (10, 20, 5, 9), (40, 50, 40, 50)]) == [
        (0, 20, 0, 10),
        (40, 50, 40, 50),
    ]


def test_windows_lie_on_a_lattice_so_that_small_growth_moves_none(make: Make) -> None:
    data = make()
    assert data.cube is not None
    grid = plan_pictures(data.cube, [], ImageRule()).grid
    window = window_around(data.site.zones[0].geometry, grid, 20.0)
    assert window is not None
    top, bottom, left, right = window
    assert (top % STEP_PX, left % STEP_PX) == (0, 0)
    assert bottom % STEP_PX == 0 or bottom == grid.shape[0]
    assert right % STEP_PX == 0 or right == grid.shape[1]


def test_a_geometry_outside_the_grid_has_no_window(make: Make) -> None:
    data = make()
    assert data.cube is not None
    grid = plan_pictures(data.cube, [], ImageRule()).grid
    from shapely import box

    assert window_around(box(0, 0, 1, 1), grid, 50) is None


def test_the_stretch_leaves_the_masks_of_the_cube_alone(make: Make) -> None:
    cube = make().cube
    assert cube is not None
    cube["snow"].values[2, :50] = True
    cube["valid"].values[2] = True
    before = cube["valid"].values.copy()
    both = [composites.common_stretch(cube, band_set) for band_set in composites.available(cube)]
    assert (cube["valid"].values == before).all()
    assert both == [composites.common_stretch(cube, band_set) for band_set in composites.available(cube)]


def test_a_window_that_moves_draws_only_the_looks_that_have_windows(make: Make) -> None:
    cube = make().cube
    assert cube is not None
    cube = cube.assign_coords(content=("time", [f"look-{k}" for k in range(cube.sizes["time"])]))
    plan = plan_pictures(cube, [], ImageRule())
    drawn: dict[str, bytes] = {}
    stretches = {b.id: composites.common_stretch(cube, b) for b in composites.available(cube)}

    def draw(windows: tuple[Window, ...], time: int) -> None:
        moved = replace(plan, windows=windows)
        look_pictures(cube, time, moved, stretches=stretches, before=[], drawn=drawn)

    newest, oldest = max(plan.native_times), 1
    assert oldest not in plan.native_times
    for windows in ((), ((0, 16, 0, 16),)):
        draw(windows, newest)
        draw(windows, oldest)
    assert len(drawn) == 1 + 2


def test_change_is_taken_against_the_same_season(make: Make) -> None:
    cube = make().cube
    assert cube is not None
    seen = np.asarray(cube["valid"].mean(dim=("y", "x")).values)
    before = composites.season_looks(cube["time"].values, seen, 17)
    assert before == [9]
    change = composites.bareness_change(cube, 17, before)
    assert np.nanmean(change[32:38, 37:50]) > 0.3
    assert abs(float(np.nanmean(change[50:, :30]))) < 0.05
