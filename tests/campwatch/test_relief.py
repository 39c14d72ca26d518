"""Heights that a source brings are used by a run: no setting but the collection is needed."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from affine import Affine

from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.run.site_bench import kept_cube
from campwatch.run.site_job import site_work
from campwatch.workspace import open_workspace
from evidence.ledger import Ledger
from tests.servers import tiny

from .conftest import site_document, write_workspace


@pytest.fixture(scope="module")
def hilly(tmp_path_factory):
    """A workspace whose catalogue lists a winter's looks and a terrain model with a ridge, after one run."""
    folder = tmp_path_factory.mktemp("hilly")
    start = tiny.days(1)[0].replace(month=1, day=6)
    catalog = tiny.write_catalog(folder / "source", dates=tiny.days(3, start=start))
    west, south, east, north = tiny.tile_bounds()
    step = (east - west) / 300
    heights = np.full((300, 300), 100.0, np.float32)
    heights[140:144] = 500.0
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": 4326, "height": 300, "width": 300}
    across = Affine(step, 0, west, 0, -(north - south) / 300, north)
    with rasterio.open(folder / "source" / "dem.tif", "w", **profile, transform=across) as dataset:
        dataset.write(heights, 1)
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "Copernicus_DSM_COG_10_N39_00_E126_00_DEM",
        "collection": "cop-dem-glo-30",
        "bbox": [west, south, east, north],
        "properties": {"datetime": "2021-04-22T00:00:00Z", "platform": "TanDEM-X", "proj:epsg": 4326},
        "assets": {"data": {"href": "dem.tif", "type": "image/tiff; application=geotiff"}},
        "links": [],
    }
    (folder / "source" / "dem.json").write_text(json.dumps(item), encoding="utf-8")
    document = json.loads(catalog.read_text("utf-8"))
    document["links"].append({"rel": "item", "href": "./dem.json"})
    catalog.write_text(json.dumps(document), encoding="utf-8")
    workspace = open_workspace(write_workspace(folder / "watch", catalog, site_document()))
    run_workspace(workspace, RunOptions())
    return workspace


def test_a_run_hides_the_shadow_of_relief_that_a_source_brought(hilly):
    work = site_work(hilly, hilly.folder / "sites" / "tiny.geojson")
    assert len(work.dem) == 1
    cube = kept_cube(hilly, work)
    assert cube.attrs["dem_digest"]
    assert 0.02 < float(cube["shadow"].mean()) < 0.5
    assert not bool((cube["shadow"] & cube["valid"]).any())


def test_the_heights_are_among_what_the_measurement_followed_from(hilly):
    with Ledger(hilly.ledger_path, read_only=True) as ledger:
        entry = ledger.last_entry("tiny", "measure")
    assert len(entry.data["knobs"]["terrain"]["dem"]) == 1
