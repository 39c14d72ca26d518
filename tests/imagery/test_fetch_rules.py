from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imagery.archive.coverage import coverage_table, expected_of, expected_passes, unexplained_gaps
from imagery.archive.fetch import FetchProgress, fetch_new
from imagery.archive.gaps import GapKind, gap_of
from imagery.archive.listing import Listing, fetch_cost, list_products, read_listing, write_listing
from imagery.archive.store import Archive
from imagery.records import Product
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


def test_a_rhythm_is_a_phase_of_the_cycle_whatever_the_day_and_the_orbits_name() -> None:
    """Around midnight the day changes; one provider names the orbit, another does not."""
    first = dt.datetime(2024, 1, 5, 23, 58, tzinfo=dt.UTC)
    named = passes("sentinel-2a", first, 4)
    late = [
        replace(p, id=f"{p.id}b", datetime=p.datetime + dt.timedelta(minutes=4), relative_orbit=None)
        for p in passes("sentinel-2a", first + dt.timedelta(days=40), 4)
    ]
    expected = expected_passes([*named, *late], first, first + dt.timedelta(days=80))
    assert len(expected) == 8
    assert {likely.relative_orbit for likely in expected} == {46}
    assert unexplained_gaps(expected, [*named, *late]) == []


def test_the_other_way_on_the_same_day_is_another_pass() -> None:
    first = dt.datetime(2024, 1, 5, 9, 30, tzinfo=dt.UTC)
    down = passes("sentinel-1a", first, 6, step=12, orbit=54)
    up = passes("sentinel-1a", first + dt.timedelta(hours=12), 6, step=12, orbit=61)
    expected = expected_passes([*down, *up[:3], *up[4:]], first, first + dt.timedelta(days=70))
    (missing,) = unexplained_gaps(expected, [*down, *up[:3], *up[4:]])
    assert (missing.datetime, missing.values["relative_orbit"]) == (up[3].datetime, 61)


def test_a_platform_that_was_moved_keeps_no_old_rhythm() -> None:
    before = passes("sentinel-1c", dt.datetime(2026, 4, 1, 9, 30, tzinfo=dt.UTC), 5, step=12)
    after = passes("sentinel-1c", dt.datetime(2026, 6, 26, 9, 35, tzinfo=dt.UTC), 4, step=12)
    expected = expected_passes([*before, *after], before[0].datetime, dt.datetime(2026, 8, 2, tzinfo=dt.UTC))
    assert [likely.datetime for likely in expected if likely.datetime.month > 6] == [
        p.datetime for p in after[1:]
    ]


class Provider(StaticCatalog):
    """Lists all there is."""

    lists_everything = True


def test_what_nobody_lists_is_written_down_once_and_closed_when_it_turns_up(tmp_path: Path) -> None:
    dates = tiny.days(6, step=10)
    ends = {"since": dates[0] - dt.timedelta(days=1), "until": dates[-1] + dt.timedelta(days=1)}
    path = tiny.write_catalog(tmp_path / "s", dates=[*dates[:3], *dates[4:]])
    archive, site = Archive(tmp_path / "archive"), tiny.site(size_m=300)
    first = fetch_new(site, archive, [Provider(path)], **ends)
    (gap,) = archive.gaps("tiny")
    assert (gap.kind, gap.platform, gap.datetime.date()) == (
        GapKind.UNEXPLAINED,
        "sentinel-2a",
        dates[3].date(),
    )
    assert (len(first.unexplained), first.incomplete) == (1, False)
    files = {p: p.read_bytes() for p in (archive.root / "tiny" / "gaps").rglob("*.json")}
    again = fetch_new(site, Archive(archive.root), [Provider(path)], **ends)
    assert again.unexplained == []
    assert files == {p: p.read_bytes() for p in (archive.root / "tiny" / "gaps").rglob("*.json")}
    late = tiny.write_catalog(tmp_path / "late", dates=[dates[3]])
    fetch_new(site, archive, [Provider(path), Provider(late)], **ends)
    assert archive.gaps("tiny") == []
    assert len(archive.gaps("tiny", closed=True)) == 1


def test_nothing_is_unexplained_where_a_source_failed_or_the_catalogue_is_an_extract(tmp_path: Path) -> None:
    dates = tiny.days(6, step=10)
    path = tiny.write_catalog(tmp_path / "s", dates=[*dates[:3], *dates[4:]])
    archive, site = Archive(tmp_path / "archive"), tiny.site(size_m=300)
    fetch_new(site, archive, [StaticCatalog(path)], **ALL)
    assert archive.gaps("tiny") == []
    gone = Provider(tmp_path / "nowhere.json")
    fetch_new(site, archive, [Provider(path), gone], **ALL)
    assert {gap.kind for gap in archive.gaps("tiny")} == {GapKind.ERROR}


def test_a_pass_of_yesterday_is_not_due_yet() -> None:
    listing = Listing(
        site_id="s", since=ALL["since"], until=ALL["until"], asked=dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
    )
    listing.exhaustive = True
    seen = passes("sentinel-2a", dt.datetime(2024, 3, 1, 2, 26, tzinfo=dt.UTC), 6)
    assert max(likely.datetime for likely in expected_of(listing, seen)) == seen[-1].datetime


def test_a_listing_is_kept_and_a_later_one_renews_its_interval_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "s.json"
    seen = passes("sentinel-2a", dt.datetime(2024, 3, 1, 2, 26, tzinfo=dt.UTC), 6)
    cut = seen[3].datetime
    whole = Listing(site_id="s", since=ALL["since"], until=ALL["until"], exhaustive=True)
    whole.listed = [(p, "one") for p in seen]
    write_listing(path, whole)
    kept = read_listing(path, "s")
    assert [(p.id, p.tile, p.relative_orbit, name) for p, name in kept.listed] == [
        (p.id, p.tile, p.relative_orbit, "one") for p in seen
    ]
    assert (kept.since, kept.until, kept.exhaustive) == (whole.since, whole.until, True)
    write_listing(path, replace(whole, since=cut, listed=[(p, "two") for p in seen[3:5]]))
    assert [name for _, name in read_listing(path, "s").listed] == ["one"] * 3 + ["two"] * 2
    before = path.read_bytes()
    failed = replace(whole, listed=[])
    failed.troubles.append(gap_of(seen[0], GapKind.ERROR, "search: no", sensor="all"))
    write_listing(path, failed)
    assert path.read_bytes() == before
    path.write_text("{", encoding="utf-8")
    assert read_listing(path, "s").listed == []


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
