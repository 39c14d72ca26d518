"""A real open-cast coal mine on two dates: what is marked, and how far the two areas agree.

Two dates allow no history, so that this shows the spectral part of the method alone. What is marked on a
date: reflectance near the prior, no green plants, patches of a hectare and more, the hazy second date brought
to the first. What is measured: unclipped fractions summed over one support for both dates (the ground marked
on either), each date with its own coal (the median of what is marked on both) and its own ground beside, on
its own reflectance. A limit on every pixel turns a little haze into a fifth of the area; sums over a support
do not. The prior spectrum was measured on the first of these dates: that coal is found here is expected.

    python -m benchmarks.stockpiles.korba ../shared/data/korba [--write]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Geod
from scipy.ndimage import binary_dilation, convolve, gaussian_filter, label
from scipy.stats import theilslopes

from benchmarks.manual import DOCS, write_table
from detection.coal.family import rank_spectrum
from detection.coal.matched_filter import background, weights

mpl.use("Agg")
import matplotlib.pyplot as plt

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
DATES = ("2023-01-10", "2023-01-30")
SHARED = {"red": "B04", "nir": "B08", "swir16": "B11"}
"""Bands that both dates have."""
GREENEST = 0.2
"""NDVI above which ground is planted: the limit that the prior was measured with."""
LIMIT = 1.0
"""Mean square distance from the prior, in its standard deviations: what is expected of coal itself."""
SMALLEST_PX = 30
"""A hectare: smaller dark ground in a town is roofs and shade."""
BESIDE_PX = (2, 8)
"""Ground beside the support: from, to."""
HAZE_PX = 15.0
"""Distance over which haze is smooth."""
PICTURE = DOCS / "pictures" / "korba-coal.png"


def read(folder: Path, date: str, band: str) -> Floats:
    """(y, x) reflectance, NaN where there is none."""
    with rasterio.open(folder / f"s2_l2a_{date}_{band}.tif") as opened:
        numbers = opened.read(1).astype(np.float64)
    return np.where(numbers > 0, numbers / 65535.0, np.nan)


def alike(first: Floats, second: Floats, seen: Bools) -> Floats:
    """The second date as the first would have shown it: a robust line, and haze that is smooth in space."""
    x, y = second[seen][::7], first[seen][::7]
    slope, start, _, _ = theilslopes(y, x)
    out = start + slope * second
    away = np.where(seen, np.clip(first - out, -0.03, 0.03), 0.0)
    weight = gaussian_filter(seen.astype(np.float64), HAZE_PX)
    return np.asarray(out + gaussian_filter(away, HAZE_PX) / np.maximum(weight, 1e-6))


def coal(bands: dict[str, Floats]) -> Bools:
    """(y, x) ground that can be coal."""
    mean, covariance = rank_spectrum("dusty", tuple(SHARED)).select(tuple(SHARED))
    away = np.stack([bands[name] for name in SHARED], axis=-1) - mean
    distance = ((away @ np.linalg.inv(covariance)) * away).sum(axis=-1) / len(mean)
    ndvi = (bands["nir"] - bands["red"]) / (bands["nir"] + bands["red"])
    water = bands["swir16"] < bands["red"]
    found = (distance < LIMIT) & (ndvi < GREENEST) & ~water
    found &= convolve(found.astype(int), np.ones((3, 3), int)) > 4
    parts, count = label(found)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    large = np.flatnonzero(sizes >= SMALLEST_PX)
    return np.asarray(np.isin(parts, large[large > 0]))


def fractions(bands: dict[str, Floats], sure: Bools, support: Bools, seen: Bools) -> Floats:
    """(y, x) coal fraction against the dry ground beside the support.

    Args:
        bands: of one date, as it is.
        sure: where there is coal: its median is the date's coal.
        support: where there may be coal.
        seen: (y, x).
    """
    pixels = np.stack([bands[name] for name in SHARED], axis=-1)
    beside = binary_dilation(support, iterations=BESIDE_PX[1]) & seen
    beside &= ~binary_dilation(support, iterations=BESIDE_PX[0]) & (bands["swir16"] > bands["red"])
    middle, covariance = background(pixels[beside])
    filtered = (pixels - middle) @ weights(middle, covariance, np.median(pixels[sure], axis=0))
    return np.asarray(filtered, dtype=np.float64)


def pixel_ha(folder: Path) -> float:
    """Area of a pixel on the ellipsoid."""
    with rasterio.open(folder / f"s2_l2a_{DATES[0]}_B04.tif") as opened:
        left, bottom, right, top = opened.bounds
        count = opened.width * opened.height
    corners = ([left, right, right, left], [bottom, bottom, top, top])
    area, _ = Geod(ellps="WGS84").polygon_area_perimeter(*corners)
    return abs(area) / count / 1e4


def draw(folder: Path, found: list[Bools]) -> None:
    """The first date in natural colours, and what is marked on each date."""
    colour = np.stack([read(folder, DATES[0], band) for band in ("B04", "B03", "B02")], axis=-1)
    shown = np.clip(np.nan_to_num(colour) / 0.16, 0.0, 1.0) ** 0.7
    figure, axes = plt.subplots(1, 3, figsize=(15, 3.6), dpi=100)
    axes[0].set_title("Sentinel-2, 2023-01-10")
    axes[0].imshow(shown)
    for axis, date, mask in zip(axes[1:], DATES, found, strict=True):
        axis.imshow(shown)
        axis.imshow(np.where(mask, 1.0, np.nan), cmap="autumn", vmin=0, vmax=2, alpha=0.8)
        axis.set_title(f"probable coal, {date}")
    for axis in axes:
        axis.set_axis_off()
    figure.text(0.5, 0.02, "Korba, India. Contains modified Copernicus Sentinel data 2023", ha="center")
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(PICTURE)


def row(name: str, areas: list[float]) -> str:
    """One row of the table."""
    return f"| {name} | {areas[0]:.0f} | {areas[1]:.0f} | {100 * (areas[1] / areas[0] - 1):+.1f} % |"


def main() -> None:
    """Areas of the two dates, and the picture."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    early, late = ({n: read(options.folder, date, b) for n, b in SHARED.items()} for date in DATES)
    seen = np.all([np.isfinite(values) for date in (early, late) for values in date.values()], axis=0)
    brought = {name: alike(early[name], late[name], seen) for name in SHARED}
    with np.errstate(invalid="ignore"):
        found = [coal(bands) & seen for bands in (early, brought)]
    size = pixel_ha(options.folder)
    both, either = found[0] & found[1], found[0] | found[1]
    areas = [fractions(bands, both, either, seen)[either].sum() * size for bands in (early, late)]
    marked = [mask.sum() * size for mask in found]
    lines = [
        "| | 2023-01-10, ha | 2023-01-30, ha | difference |",
        "|---|---|---|---|",
        row("sum of fractions over the ground marked on either date", areas),
        row("pixels marked on the date alone", marked),
        "",
        f"Of the ground marked on either date {100 * both.sum() / either.sum():.0f} % is marked on both.",
    ]
    print("\n".join(lines))
    if options.write:
        draw(options.folder, found)
        write_table(
            "stockpiles.md", "korba", lines, method=["weights", "rank_spectrum"], seeds="real imagery"
        )


if __name__ == "__main__":
    main()
