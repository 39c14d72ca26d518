"""Small archived products, written as the archive writes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.bands import NATIVE_RESOLUTION_M
from imagery.records import ArchivedProduct

WriteProduct = Callable[..., ArchivedProduct]

CRS = "EPSG:32652"
ORIGIN = (300000.0, 4380000.0)


def write_band(path: Path, dn: NDArray[np.generic], transform: Affine, crs: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "COG", "compress": "deflate", "blocksize": 128, "crs": crs, "nodata": 0}
    height, width = dn.shape
    shape = {"height": height, "width": width, "count": 1, "dtype": dn.dtype, "transform": transform}
    with rasterio.open(path, "w", **profile, **shape) as dataset:
        dataset.write(dn, 1)


@pytest.fixture
def small_grid() -> GeoBox:
    return GeoBox((96, 112), Affine(10, 0, ORIGIN[0], 0, -10, ORIGIN[1]), CRS)


@pytest.fixture
def write_product(tmp_path: Path) -> WriteProduct:
    """Write arrays by band as one archived product; 20 m bands on a 20 m lattice."""

    def write(
        bands: Mapping[str, NDArray[np.generic]],
        *,
        when: str = "2023-06-01T02:36:00",
        tile: str = "52SBJ",
        origin: tuple[float, float] = ORIGIN,
        crs: str = CRS,
        properties: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> ArchivedProduct:
        time = dt.datetime.fromisoformat(when).replace(tzinfo=dt.UTC)
        platform = fields.pop("platform", "sentinel-2b")
        name = f"{platform}_{tile}_{time:%Y%m%dT%H%M%S}"
        paths = {}
        for band, dn in bands.items():
            step = NATIVE_RESOLUTION_M.get(band, 20)
            paths[band] = tmp_path / name / f"{band}.tif"
            write_band(paths[band], dn, Affine(step, 0, origin[0], 0, -step, origin[1]), crs)
        known = {
            "datatake": None,
            "relative_orbit": 46,
            "baseline": "05.10",
            "source": "test",
            "sha256": dict.fromkeys(bands, "0" * 64),
            "scale": dict.fromkeys(bands, 1e-4),
            "offset": dict.fromkeys(bands, -0.1),
        }
        return ArchivedProduct(
            id=name,
            item_path=tmp_path / name / "item.json",
            platform=platform,
            datetime=time,
            tile=tile,
            bands=paths,
            properties=properties or {},
            **(known | fields),
        )

    return write
