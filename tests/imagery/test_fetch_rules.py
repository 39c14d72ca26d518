from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from imagery.archive import Archive
from imagery.coverage import coverage_table
from imagery.fetch import FetchProgress, fetch_new
from imagery.gaps import GapKind
from imagery.listing import Listing, fetch_cost, list_products
from imagery.records import Product
from imagery.rhythm import expected_passes, unexplained_gaps
from imagery.sources.privacy import sentinel2_tiles, snap_outward
from imagery.sources.static import StaticCatalog
from tests.servers import tiny

ALL = {"since": dt.datetime(2015, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}


class Remote(StaticCatalog):
    """A catalogue whose pixels cost something; remembers what was asked for."""

    masks_first = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: list[tuple[str, ...]] = []

    def fetch(self, product, bands, bounds):  # type: ignore[no-untyped-def]
        self.asked.append(tuple(bands))
        return super().fetch(product, bands, bounds)


def overcast(folder: Path, *, swir: int) -> Path:
    """One product whose classes say cloud everywhere; the short-wave infrared says whether that is true."""
    path = tiny.write_catalog(folder, dates=tiny.days(1))
    tiny.write_tif(folder / "item 0" / "scl.tif", np.full((240, 240), 9, "uint8"), pixel=20)
    tiny.write_tif(folder / "item 0" / "swir16.tif", np.full((240, 240), swir, "uint16"), pixel=20)
    return path


def test_an_overcast_scene_costs_two_small_bands_and_is_written_down_with_its_rule(tmp_path: Path) -> None:
    source, archive = Remote(overcast(tmp_path / "s", swir=1000 + 4000)), Archive(tmp_path / "archive")
    report = fetch_new(tiny.site(), archive, [source], **ALL)
    assert source.asked == [("scl",), ("swir16",)]
    assert (report.fetched, len(report.left_out), report.incomplete) == ([], 1, False)
    (gap,) = archive.gaps("tiny")
    assert (gap.kind, gap.values["cloud_share"], gap.values["bright_share"]) == (GapKind.CLOUD, 1.0, 1.0)
    assert "cloud over 100.0% of the site, more than 98%" in gap.detail


def test_what_was_left_out_is_not_looked_at_again_unless_it_is_asked_for(tmp_path: Path) -> None:
    path, archive = overcast(tmp_path / "s", swir=5000), Archive(tmp_path / "archive")
    fetch_new(tiny.site(), archive, [Remote(path)], **ALL)
    again = Remote(path)
    report = fetch_new(tiny.site(), archive, [again], **ALL)
    assert (again.asked, report.known_cloud) == ([], 1)
    late = fetch_new(tiny.site(), archive, [Remote(path)], include_cloudy=True, **ALL)
    assert len(late.fetched) == 1
    assert archive.gaps("tiny") == []


@pytest.mark.parametrize("swir", [1000 + 400, 1000 + 900], ids=["snow", "coal"])
def test_dark_or_snowy_cloud_is_fetched_all_the_same(tmp_path: Path, swir: int) -> None:
    source, archive = Remote(overcast(tmp_path / "s", swir=swir)), Archive(tmp_path / "archive")
    report = fetch_new(tiny.site(), archive, [source], **ALL)
    assert len(report.fetched) == 1
    assert sorted(
        band for call in source.asked for band in call if band in report.fetched[0].bands
    ) == sorted(report.fetched[0].bands)


def test_a_clear_scene_is_asked_for_each_band_once(tmp_path: Path) -> None:
    source = Remote(tiny.write_catalog(tmp_path / "s", dates=tiny.days(1)))
    fetch_new(tiny.site(), Archive(tmp_path / "archive"), [source], **ALL)
    assert source.asked[0] == ("scl",)
    assert sorted(band for call in source.asked for band in call) == sorted(tiny.BANDS_10M | tiny.BANDS_20M)


def test_progress_tells_bytes_and_rate(tmp_path: Path) -> None:
    told: list[FetchProgress] = []
    source = StaticCatalog(tiny.write_catalog(tmp_path / "s", dates=tiny.days(2)))
    report = fetch_new(tiny.site(), Archive(tmp_path / "archive"), [source], progress=told.append, **ALL)
    assert [(step.done, step.total) for step in told] == [(1, 2), (2, 2)]
    assert told[-1].bytes == report.bytes > 0
    assert told[-1].bytes_per_s > 0


def test_the_cost_is_known_before_anything_is_fetched(tmp_path: Path) -> None:
    source, archive = (
        Remote(tiny.write_catalog(tmp_path / "s", dates=tiny.days(3))),
        Archive(tmp_path / "archive"),
    )
    listing = list_products(tiny.site(), archive, [source], **ALL)
    cost = fetch_cost(listing, ("blue", "scl"), tiny.site().bounds)
    assert (cost.products, cost.processing_units) == (3, 0.0)
    assert cost.disk_bytes == pytest.approx(3 * (1200**2 / 100 * 2 + 1200**2 / 400) * 0.6, rel=0.02)
    assert source.asked == []
    fetch_new(tiny.site(), archive, [source], listing=listing, **ALL)
    assert (
        fetch_cost(
            list_products(tiny.site(), archive, [source], **ALL), ("blue",), tiny.site().bounds
        ).products
        == 0
    )


def passes(
    platform: str, first: dt.datetime, count: int, *, step: int = 10, orbit: int = 46
) -> list[Product]:
    return [
        Product(
            id=f"{platform}{index}",
            source="s",
            collection="c",
            platform=platform,
            datetime=first + dt.timedelta(days=step * index),
            assets={},
            bounds=(0.0, 0.0, 1.0, 1.0),
            tile="51SYD",
            relative_orbit=orbit,
        )
        for index in range(count)
    ]


def test_a_hole_in_every_catalogue_is_unexplained() -> None:
    first = dt.datetime(2016, 1, 5, 2, 36, tzinfo=dt.UTC)
    seen = passes("sentinel-2a", first, 30)
    kept = seen[:8] + seen[14:]
    expected = expected_passes(kept, first, first + dt.timedelta(days=300))
    assert [likely.datetime for likely in expected] == [product.datetime for product in seen]
    missing = unexplained_gaps(expected, kept)
    assert [gap.datetime for gap in missing] == [product.datetime for product in seen[8:14]]
    assert missing[0].kind is GapKind.UNEXPLAINED
    assert "sentinel-2a on orbit R046 over 51SYD was due" in missing[0].detail


def test_nothing_is_expected_of_a_satellite_before_its_service_or_of_a_chance_pass() -> None:
    first = dt.datetime(2018, 1, 5, 2, 36, tzinfo=dt.UTC)
    expected = expected_passes(passes("sentinel-2b", first, 5), dt.datetime(2015, 1, 1, tzinfo=dt.UTC), first)
    assert min(likely.datetime for likely in expected).date() >= dt.date(2017, 7, 6)
    assert expected_passes(passes("sentinel-2b", first, 2), first, first + dt.timedelta(days=99)) == []


def test_the_table_counts_passes_by_month_and_provider(tmp_path: Path) -> None:
    dates = tiny.days(5, step=10)
    one = StaticCatalog(
        tiny.write_catalog(tmp_path / "one", dates=[dates[0], dates[1], dates[4]]), name="one"
    )
    two = StaticCatalog(tiny.write_catalog(tmp_path / "two", dates=dates[:1]), name="two")
    archive, site = Archive(tmp_path / "archive"), tiny.site(size_m=300)
    until = dt.datetime(2024, 4, 15, tzinfo=dt.UTC)
    listing = list_products(site, archive, [one, two], since=dates[0] - dt.timedelta(hours=9), until=until)
    fetch_new(site, archive, [one, two], since=listing.since, until=until, listing=listing)
    march, april = coverage_table(archive, listing)
    assert (march.month, march.expected, march.catalogued, march.fetched, march.usable) == (
        "2024-03",
        4,
        2,
        2,
        2,
    )
    assert (march.unexplained, dict(march.catalogued_by)) == (2, {"one": 2, "two": 1})
    assert dict(march.fetched_by) == {"one": 2}
    assert (april.month, april.catalogued, april.fetched) == ("2024-04", 1, 1)
    offline = coverage_table(archive, Listing(site_id=site.id, since=listing.since, until=until))
    assert [row.fetched for row in offline] == [2, 1]


def test_boxes_are_snapped_outward_and_hold_what_they_held() -> None:
    assert snap_outward((125.95, 39.45, 126.01, 39.495)) == (125.9, 39.4, 126.1, 39.5)
    assert snap_outward((126.0, 39.5, 126.1, 39.6)) == (126.0, 39.5, 126.1, 39.6)
    assert snap_outward((-0.05, -0.05, 0.05, 0.05)) == (-0.1, -0.1, 0.1, 0.1)


def test_tiles_are_those_of_the_satellites_own_grid() -> None:
    assert sentinel2_tiles((125.7, 39.3, 126.4, 39.8)) == ("51SYD", "51TYE", "52SBJ", "52TBK")
    assert sentinel2_tiles((126.0, 39.5, 126.1, 39.59)) == ("51SYD", "52SBJ")
    assert "32TPS" in sentinel2_tiles((11.32, 46.48, 11.35, 46.5))
