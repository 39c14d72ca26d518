from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from imagery.records import Product
from imagery.scenes import group_passes, group_scenes, same_acquisition, scene_id

T0 = dt.datetime(2024, 3, 1, 2, 26, 1, tzinfo=dt.UTC)


def product(**changes: object) -> Product:
    values = {
        "id": "a",
        "source": "s",
        "collection": "c",
        "platform": "sentinel-2a",
        "datetime": T0,
        "assets": {},
        "bounds": (0.0, 0.0, 1.0, 1.0),
        "tile": "51SYD",
        "datatake": "043879",
    }
    return Product(**(values | changes))  # type: ignore[arg-type]


def test_tiles_of_two_zones_and_two_processings_are_one_scene() -> None:
    products = [
        product(id="east", tile="52SBJ"),
        product(id="west", datetime=T0 + dt.timedelta(seconds=14)),
        product(id="again", baseline="05.10", datatake=None, datetime=T0 - dt.timedelta(minutes=11)),
        product(id="other satellite", platform="sentinel-2b", datatake="034567"),
        product(id="next pass", datetime=T0 + dt.timedelta(minutes=98), datatake="043880"),
    ]
    scenes = group_scenes(products)
    assert [len(scene.products) for scene in scenes] == [3, 1, 1]
    assert scenes[0].id == "sentinel-2a_20240301_A043879"
    assert scenes[0].datetime == T0 - dt.timedelta(minutes=11)


def test_a_scene_without_an_orbit_number_is_named_by_its_hour() -> None:
    assert group_scenes([product(datatake=None)])[0].id == "sentinel-2a_20240301_02h"


def test_radar_frames_of_one_pass_are_one_scene_but_two_acquisitions() -> None:
    first = product(id="1", platform="sentinel-1a", tile=None)
    second = product(id="2", platform="sentinel-1a", tile=None, datetime=T0 + dt.timedelta(seconds=25))
    assert len(group_scenes([first, second])) == 1
    assert not same_acquisition(first, second)
    assert same_acquisition(first, product(id="x", platform="sentinel-1a", tile=None))


def test_a_bare_series_and_its_satellite_are_one_acquisition() -> None:
    lettered, bare = product(), product(id="b", source="t", platform="sentinel-2")
    later = product(id="c", platform="sentinel-2", datetime=T0 + dt.timedelta(days=5))
    assert same_acquisition(lettered, bare)
    assert same_acquisition(bare, lettered)
    assert not same_acquisition(lettered, later)
    assert not same_acquisition(lettered, product(platform="sentinel-2b"))
    assert not same_acquisition(product(platform="sentinel-1"), lettered)
    assert not same_acquisition(product(platform="sentinel-2", tile="52SBJ"), lettered)
    assert [scene.platform for scene in group_scenes([bare, lettered])] == ["sentinel-2a"]


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from("abc"), st.sampled_from(["51SYD", "52SBJ"])),
        max_size=30,
    )
)
def test_grouping_keeps_every_product_once_whatever_their_order(passes: list[tuple[int, str, str]]) -> None:
    products = [
        product(id=str(i), platform=f"sentinel-2{letter}", tile=tile, datetime=T0 + dt.timedelta(days=day))
        for i, (day, letter, tile) in enumerate(passes)
    ]
    scenes = group_scenes(products)
    assert sorted(p.id for scene in scenes for p in scene.products) == sorted(p.id for p in products)
    assert len(scenes) == len({(day, letter) for day, letter, _ in passes})
    assert [s.id for s in group_scenes(products[::-1])] == [s.id for s in scenes]


def test_a_platform_without_its_letter_is_the_satellite_that_passed_then() -> None:
    lettered = product(id="b", platform="sentinel-2b")
    bare = product(id="a", platform="sentinel-2")
    groups = group_passes([bare, lettered])
    assert [len(group) for group in groups] == [2]
    assert scene_id(groups[0]).startswith("sentinel-2b_")
    assert scene_id(group_passes([bare])[0]).startswith("sentinel-2_")
