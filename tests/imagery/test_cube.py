from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import odc.geo.xr  # noqa: F401 - registers the accessor
import pytest
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely import box

from aoi.grid import site_grid
from aoi.records import Site
from evidence.errors import MeasurementError
from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
from imagery.cube.fusion import SourceProduct, read_scene
from imagery.cube.loading import load_cube
from imagery.cube.reference import ReferenceParams, References, base_until, build_references
from imagery.cube.scene import CubeParams
from imagery.cube.scenes import group_archived
from imagery.records import ArchivedProduct
from imagery.sources.static import StaticCatalog

WriteProduct = Callable[..., ArchivedProduct]
BANDS = ("blue", "green", "red", "nir", "swir16")


def ground(seed: int = 0, shape: tuple[int, int] = (140, 140)) -> dict[str, NDArray[np.uint16]]:
    """Smooth bare ground as raw numbers with the offset in them, and its classes."""
    generator = np.random.default_rng(seed)
    base = generator.normal(0, 60, shape).cumsum(axis=0).cumsum(axis=1) / 60
    base = np.clip(base, -250, 1500)
    levels = {"blue": 1400, "green": 1600, "red": 1700, "nir": 3000}
    bands = {band: (level + base).astype(np.uint16) for band, level in levels.items()}
    bands["swir16"] = (2600 + base[::2, ::2]).astype(np.uint16)
    bands["scl"] = np.full((shape[0] // 2, shape[1] // 2), 5, np.uint8)
    return bands


def test_one_step_per_scene_in_reflectance(write_product: WriteProduct, small_grid: GeoBox) -> None:
    bands = ground()
    cube = load_cube([write_product(bands)], small_grid)
    assert cube.odc.geobox == small_grid
    assert cube.red.dims == ("time", "y", "x")
    assert cube.red.dtype == np.float32
    expected = bands["red"][:96, :112] * 1e-4 - 0.1
    np.testing.assert_allclose(cube.red[0], expected, atol=2e-4)
    assert cube.status.item() == "used"
    assert cube.offset_applied.item() == pytest.approx(-0.1)
    assert cube.valid.all()
    assert cube.swir16.attrs["native_resolution_m"] == 20


def test_tiles_of_one_pass_are_fused(write_product: WriteProduct, small_grid: GeoBox) -> None:
    whole, half = ground(), ground()
    for band, dn in half.items():
        dn[:, dn.shape[1] // 3 :] = 0
        half[band] = dn
    products = [write_product(half, tile="A"), write_product(whole, tile="B", when="2023-06-01T02:36:14")]
    cube = load_cube(products, small_grid)
    assert cube.sizes["time"] == 1
    assert not cube.red.isnull().any()
    assert cube.valid.all()


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_what_a_look_could_not_show_is_said_as_a_share(
    write_product: WriteProduct, small_grid: GeoBox, share: float
) -> None:
    bands = ground()
    for dn in bands.values():
        dn[:, : round(112 * share * dn.shape[1] / 140)] = 0
    cube = load_cube([write_product(bands)], small_grid, params=CubeParams(register=False))
    assert cube.status.item() == "used"
    assert f"no data on {share:.0%} of the site" in cube.detail.item()
    assert cube.valid_fraction.item() == pytest.approx(1 - share, abs=0.03)


def test_an_all_cloud_scene_is_kept_with_its_reason(write_product: WriteProduct, small_grid: GeoBox) -> None:
    cloudy = {band: np.full_like(dn, 7000) for band, dn in ground().items() if band != "scl"}
    cloudy["scl"] = np.full((70, 70), 9, np.uint8)
    products = [write_product(ground()), write_product(cloudy, when="2023-06-06T02:36:00")]
    cube = load_cube(products, small_grid)
    assert cube.status.values.tolist() == ["used", "unusable"]
    assert "cloud" in str(cube.detail.values[1])
    assert not cube.valid[1].any()


@pytest.mark.parametrize("scl_class", [2, 3, 6, 7])
def test_classes_that_sen2cor_gives_coal_stay_valid(
    write_product: WriteProduct, small_grid: GeoBox, scl_class: int
) -> None:
    bands = ground()
    bands["scl"][10:20, 10:20] = scl_class
    cube = load_cube([write_product(bands)], small_grid)
    assert cube.valid.all()


def test_clamped_zero_is_ground_and_nodata_is_missing(
    write_product: WriteProduct, small_grid: GeoBox
) -> None:
    bands = ground()
    applied = {band: dn - 1000 if band != "scl" else dn for band, dn in bands.items()}
    applied["blue"][:20, :20] = 0
    for dn in applied.values():
        dn[-6:, -6:] = 0
    flags = {"earthsearch:boa_offset_applied": True}
    cube = load_cube([write_product(applied, properties=flags)], small_grid)
    assert cube.blue[0, 5, 5] == pytest.approx(0.0, abs=1e-3)
    assert cube.valid[0, 5, 5]
    assert cube.offset_applied.item() == 0.0


def test_nothing_to_load_is_an_error(small_grid: GeoBox) -> None:
    with pytest.raises(MeasurementError, match="no archived product"):
        load_cube([], small_grid)


def test_a_cached_cube_is_the_same_and_a_new_scene_costs_one_scene(
    write_product: WriteProduct, small_grid: GeoBox, tmp_path: Path
) -> None:
    products = [write_product(ground(), when=f"2023-06-0{day}T02:36:00") for day in (1, 3, 6)]
    params = CubeParams(register=False, use_history=False)
    plain = load_cube(products, small_grid, params=params)
    done: list[int] = []
    for upto in (2, 3):
        cached = load_cube(
            products[:upto],
            small_grid,
            params=params,
            cache_dir=tmp_path / "cache",
            memory_gb=1e-6,
            progress=lambda k, n: done.append(n),  # noqa: ARG005
        )
    assert done == [2, 2, 1]
    np.testing.assert_allclose(cached.red.values, plain.red.values, atol=1e-4)
    np.testing.assert_array_equal(cached.valid.values, plain.valid.values)
    np.testing.assert_array_equal(cached.isel(y=3, x=5).red.values, cached.red.values[:, 3, 5])
    np.testing.assert_array_equal(cached.isel(time=[2, 0], y=slice(4, 9)).red, cached.red.values[[2, 0], 4:9])


def test_what_does_not_fit_needs_a_cache(write_product: WriteProduct, small_grid: GeoBox) -> None:
    with pytest.raises(MeasurementError, match="cache"):
        load_cube([write_product(ground())], small_grid, memory_gb=1e-6)


def bolzano(folder: Path, archive: Archive) -> tuple[list[ArchivedProduct], GeoBox]:
    site = Site(id="bolzano", name="Bolzano", aoi=box(11.3140, 46.4762, 11.3640, 46.5095))
    since, until = dt.datetime(2022, 6, 1, tzinfo=dt.UTC), dt.datetime(2022, 7, 1, tzinfo=dt.UTC)
    source = StaticCatalog(folder / "bolzano-stac" / "catalog.json")
    fetch_new(site, archive, [source], since=since, until=until)
    return archive.products("bolzano"), site_grid(site)


@pytest.mark.shared
def test_the_real_dates_of_bolzano(shared_data: Path, tmp_path: Path) -> None:
    products, grid = bolzano(shared_data, Archive(tmp_path / "archive"))
    cube = load_cube(products, grid, cache_dir=tmp_path / "cache")
    fraction = dict(zip(cube["time"].dt.day.values.tolist(), cube["valid_fraction"].values, strict=True))
    assert all(fraction[day] < 0.02 for day in (5, 7, 22))
    assert all(fraction[day] > 0.97 for day in (10, 12, 15, 20, 25, 27, 30))
    assert (cube["offset_applied"] == 0.0).all()
    assert (cube["status"] == "used").sum() == 9
    assert float(np.hypot(cube["dx_m"], cube["dy_m"]).max()) < 5.0
    again = load_cube(
        products, grid, cache_dir=tmp_path / "cache", progress=lambda *_: pytest.fail("nothing is new")
    )
    np.testing.assert_array_equal(again["red"].values, cube["red"].values)


def files_read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read from now on, in order."""
    import imagery.cube.fusion as cube_read

    read: list[Path] = []
    original = cube_read.read_window

    def counted(path: Path, grid: GeoBox) -> object:
        read.append(path)
        return original(path, grid)

    monkeypatch.setattr(cube_read, "read_window", counted)
    return read


def test_a_new_scene_is_read_once_and_no_other_again(
    write_product: WriteProduct, small_grid: GeoBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = files_read(monkeypatch)
    products = [write_product(ground(), when=f"2023-06-{day:02d}T02:36:00") for day in range(1, 10)]
    load_cube(products[:8], small_grid, cache_dir=tmp_path / "cache")
    read.clear()
    load_cube(products, small_grid, cache_dir=tmp_path / "cache")
    assert sorted(read) == sorted(products[8].bands.values())  # each file of the new scene, once


def test_a_member_of_the_reference_is_read_once_beside_its_classes(
    write_product: WriteProduct, small_grid: GeoBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = files_read(monkeypatch)
    products = [write_product(with_plants(), when=f"2023-06-{day:02d}T02:36:00") for day in range(1, 10)]
    references = build_references(group_archived(products), small_grid, ReferenceParams())
    assert len(references.member_chips) == 7
    assert {read.count(product.bands["green"]) for product in products[:7]} == {1}


def test_the_cubes_knobs_and_the_invariant_residual_are_recorded(
    write_product: WriteProduct, small_grid: GeoBox
) -> None:
    products = [write_product(ground(), when=f"2023-06-{day:02d}T02:36:00") for day in (1, 3, 6)]
    cube = load_cube(products, small_grid, params=CubeParams(min_valid_fraction=0.03))
    assert json.loads(cube.attrs["cube_params"])["min_valid_fraction"] == 0.03
    np.testing.assert_allclose(cube["invariant_ratio"], 1.0, atol=0.01)
    assert (cube["invariant_residual"] < 0.002).all()


def test_a_cloud_probability_in_the_archive_hides(write_product: WriteProduct, small_grid: GeoBox) -> None:
    bands = ground()
    bands["clp"] = np.zeros((70, 70), np.uint8)
    bands["clp"][:20] = 250
    cube = load_cube([write_product(bands)], small_grid)
    assert cube.cloud[0, :36].all()
    assert cube.valid[0, 60:].all()


def test_a_dem_takes_reliefs_shadow_out(
    write_product: WriteProduct, small_grid: GeoBox, tmp_path: Path
) -> None:
    import rasterio

    height = np.zeros((140, 140), np.float32)
    height[60] = 400.0
    origin = small_grid.transform * Affine.translation(-12, -12)
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "height": 140, "width": 140}
    with rasterio.open(
        tmp_path / "dem.tif", "w", **profile, crs=str(small_grid.crs), transform=origin
    ) as target:
        target.write(height, 1)
    product = write_product(ground(), when="2023-01-06T02:36:00")
    cube = load_cube([product], small_grid, dem=[tmp_path / "dem.tif"])
    assert cube.shadow[0, 30:44].mean() > 0.8
    assert not cube.valid[0, 30:44].values[cube.shadow[0, 30:44].values].any()
    assert cube.attrs["dem_digest"]


def different(write_product: WriteProduct, days: list[dt.date]) -> list[ArchivedProduct]:
    """Clear looks that differ a little, so that another reference is another result."""
    made = []
    for k, day in enumerate(days):
        bands = ground()
        rng = np.random.default_rng(k)
        for band in ("blue", "green", "red", "nir", "swir16"):
            noise = rng.normal(0, 12, bands[band].shape)
            bands[band] = (bands[band] + noise + 4 * k).astype(np.uint16)
        made.append(write_product(bands, when=f"{day}T02:36:00"))
    return made


def test_a_clear_scene_of_a_young_season_changes_nothing_before_it(
    write_product: WriteProduct, small_grid: GeoBox, tmp_path: Path
) -> None:
    days = [dt.date(2023, 6, 1) + dt.timedelta(days=5 * k) for k in range(6)]
    products = different(write_product, days)
    before = load_cube(products[:5], small_grid, cache_dir=tmp_path / "cache")
    done: list[int] = []
    after = load_cube(
        products, small_grid, cache_dir=tmp_path / "cache", progress=lambda _, n: done.append(n)
    )
    assert done == [1]
    assert after.content.values[:5].tolist() == before.content.values.tolist()
    np.testing.assert_array_equal(after.red.values[:5], before.red.values)
    whole = load_cube(products, small_grid)
    assert whole.content.values.tolist() == after.content.values.tolist()
    np.testing.assert_allclose(after.red.values, whole.red.values, atol=1e-4)
    np.testing.assert_array_equal(after.dx_m.values, whole.dx_m.values)


def test_every_order_of_arrival_gives_the_same_cube(
    write_product: WriteProduct, small_grid: GeoBox, tmp_path: Path
) -> None:
    days = [dt.date(2023, 6, 1) + dt.timedelta(days=5 * k) for k in range(7)]
    days += [dt.date(2023, 10, 1) + dt.timedelta(days=5 * k) for k in range(2)]
    products = different(write_product, days)
    batch = load_cube(products, small_grid)
    rng = np.random.default_rng(5)
    for trial in range(3):
        order = rng.permutation(len(products))
        for upto in (4, 7, 9):
            arrived = [products[k] for k in sorted(order[:upto])]
            cube = load_cube(arrived, small_grid, cache_dir=tmp_path / str(trial))
        assert cube.content.values.tolist() == batch.content.values.tolist()
        np.testing.assert_array_equal(cube.dx_m.values, batch.dx_m.values)
        np.testing.assert_allclose(cube.red.values, batch.red.values, atol=1e-4)
        assert len(list((tmp_path / str(trial)).rglob("*.scene"))) == len(products)


def test_an_edition_holds_the_members_of_its_day(write_product: WriteProduct, small_grid: GeoBox) -> None:
    days = [dt.date(2023, 6, 1) + dt.timedelta(days=5 * k) for k in range(9)]
    scenes = group_archived(different(write_product, days))
    references = build_references(scenes, small_grid, ReferenceParams())
    held = [references.at(scene).members[2] for scene in scenes]
    assert [len(names) for names in held] == [5, 5, 5, 5, 5, 6, 7, 7, 7]
    assert [set(names) <= {s.id for s in scenes[: max(5, k + 1)]} for k, names in enumerate(held)] == [
        True
    ] * 9
    looks = [references.at(scene).looks[2].scenes for scene in scenes]
    assert looks == [5, 5, 5, 5, 5, 6, 7, 7, 7]


def test_after_its_first_year_a_clear_scene_of_a_thin_season_changes_nothing_before_it(
    write_product: WriteProduct, small_grid: GeoBox, tmp_path: Path
) -> None:
    params = CubeParams(reference=ReferenceParams(base_scenes=6))
    days = [dt.date(2023, 6, 1), dt.date(2023, 7, 1)]
    days += [dt.date(2023, 9, 10) + dt.timedelta(days=5 * k) for k in range(4)]
    days += [dt.date(2024, 3, 5), dt.date(2024, 6, 20), dt.date(2024, 7, 3), dt.date(2024, 12, 5)]
    products = different(write_product, days)
    whole = load_cube(products, small_grid, params=params)
    assert (whole.status == "used").all()
    for upto in range(7, len(products) + 1):
        done: list[int] = []
        cube = load_cube(
            products[:upto],
            small_grid,
            params=params,
            cache_dir=tmp_path / "cache",
            progress=lambda _, n, done=done: done.append(n),
        )
        assert len(done) == (7 if upto == 7 else 1)
        assert cube.content.values.tolist() == whole.content.values[:upto].tolist()
    np.testing.assert_array_equal(cube.dx_m.values, whole.dx_m.values)


def test_the_first_member_of_a_season_is_put_where_its_neighbour_lies(
    write_product: WriteProduct, small_grid: GeoBox
) -> None:
    days = [dt.date(2023, 9, 10) + dt.timedelta(days=5 * k) for k in range(5)]
    products = different(write_product, days)
    east = {band: np.roll(dn, 2 if len(dn) == 140 else 1, axis=1) for band, dn in ground().items()}
    moved = write_product(east, when="2024-12-20T02:36:00")
    params = ReferenceParams(base_scenes=5)
    scenes = group_archived([*products, moved])
    references = build_references(scenes, small_grid, params)
    inner = (..., slice(8, -8), slice(8, -8))
    one, other = (references.member_chips[scene.id].features[inner].ravel() for scene in scenes[-2:])
    assert np.corrcoef(one, other)[0, 1] > 0.8


FLAG = "earthsearch:boa_offset_applied"
DENIED = {FLAG: True}


def with_plants() -> dict[str, NDArray[np.uint16]]:
    """Ground whose plants stand where the offset puts them: its numbers prove the offset."""
    bands = ground()
    bands["nir"] += 800
    return bands


def hazy_and_brown() -> dict[str, NDArray[np.uint16]]:
    """Ground that has the offset too, and is so unlike the other that it proves neither."""
    bands = ground()
    bands["blue"] += 1000
    bands["nir"] -= 1100
    return bands


def offsets_of(products: list[ArchivedProduct], grid: GeoBox) -> tuple[References, list[SourceProduct]]:
    """The references, and each scene's product as it is settled against that of its day."""
    scenes = group_archived(products)
    references = build_references(scenes, grid, ReferenceParams())
    told = []
    for scene in scenes:
        sources = read_scene(scene, grid, (*BANDS, "scl"))
        told += references.at(scene).settled(scene, sources, grid, ReferenceParams())
    return references, told


def test_an_offset_that_nothing_proves_proves_nothing_of_others(
    write_product: WriteProduct, small_grid: GeoBox
) -> None:
    autumn = [write_product(with_plants(), when=f"2023-09-{day:02}T02:36:00") for day in (5, 10, 15)]
    winter = [
        write_product(hazy_and_brown(), when=f"2023-12-{day:02}T02:36:00", properties=DENIED)
        for day in (5, 10, 15, 20)
    ]
    references, told = offsets_of([*autumn, *winter], small_grid)
    edition = references.editions[0]
    assert (sorted(edition.looks), sorted(edition.ground)) == ([0, 3], [3])
    assert [one.proven for one in told] == [True] * 3 + [False] * 4
    assert edition.prior == {("test", "05.10", "None"): pytest.approx(-0.1)}


def test_what_any_clear_scene_of_the_beginning_proves_is_told_its_first_days(
    write_product: WriteProduct, small_grid: GeoBox
) -> None:
    winter = write_product(hazy_and_brown(), when="2023-01-05T02:36:00", properties=DENIED)
    days = (5, 10, 15, 20, 25)
    autumn = [write_product(with_plants(), when=f"2023-09-{day:02}T02:36:00") for day in days]
    sixth = write_product(with_plants(), when="2023-10-05T02:36:00", properties=DENIED)
    _, before = offsets_of([winter, *autumn], small_grid)
    references, after = offsets_of([winter, *autumn, sixth], small_grid)
    assert [len(edition.members[3]) for edition in references.editions] == [5, 6]
    assert before[0].offset == pytest.approx(0.0)
    assert after[0].offset == pytest.approx(-0.1)
    assert after[0].evidence.endswith("as its like")
    assert [one.offset for one in after[1:]] == pytest.approx([-0.1] * 6)


def test_the_beginning_of_a_record_has_a_year_and_scenes_enough() -> None:
    params = ReferenceParams(base_days=365, base_scenes=73, base_members=5)
    often = [dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=3 * k) for k in range(300)]
    assert base_until(often, often[::4], params) == often[0] + dt.timedelta(days=365)
    seldom = [dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=20 * k) for k in range(100)]
    assert base_until(seldom, seldom[::4], params) == seldom[72]
    assert base_until(seldom, seldom[80:], params) == seldom[84]
    assert base_until(seldom[:9], [], params) == seldom[0] + dt.timedelta(days=365)
