import datetime as dt
from pathlib import Path

from shapely import box

from aoi.records import Site
from maps.overview import write_overview
from maps.records import Profile, RunInfo, SiteMapData, SiteSummary
from maps.site_map import write_site_map

RUN = RunInfo(run_id="r1", as_of=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), version="0")


def test_pages_name_no_script_or_style_of_others(tmp_path: Path) -> None:
    site = Site(id="a", name="A", aoi=box(126.0, 39.5, 126.1, 39.6))
    data = SiteMapData(site=site, run=RUN, profile=Profile(restricted=True))
    page = write_site_map(tmp_path / "a.html", data).read_text(encoding="utf-8")
    first = write_overview(
        tmp_path / "index.html", [SiteSummary(site=site)], run=RUN, profile=Profile(restricted=True)
    )
    assert first.name == "index.restricted.html"
    assert 'src="http' not in page
    assert "cdn" not in page
