"""Pieces of a product's lattice, as Sentinel Hub is asked for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from affine import Affine
from rasterio.warp import transform_bounds

from imagery.sources.windows import MARGIN_M, SNAP_M

Bounds = tuple[float, float, float, float]

MOST_PIXELS = 2500
"""Along a side of one Process request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A piece of a product's lattice."""

    epsg: int
    left: float
    top: float
    pixel_m: float
    width: int
    height: int

    @property
    def transform(self) -> Affine:
        """Of the upper left pixel."""
        return Affine(self.pixel_m, 0, self.left, 0, -self.pixel_m, self.top)

    @property
    def bbox(self) -> Bounds:
        """(left, bottom, right, top) in metres."""
        return (
            self.left,
            self.top - self.height * self.pixel_m,
            self.left + self.width * self.pixel_m,
            self.top,
        )

    def pieces(self, most: int = MOST_PIXELS) -> Iterator[tuple[int, int, Grid]]:
        """(row, column, grid) of pieces of at most `most` pixels a side."""
        for row in range(0, self.height, most):
            for column in range(0, self.width, most):
                yield (
                    row,
                    column,
                    replace(
                        self,
                        left=self.left + column * self.pixel_m,
                        top=self.top - row * self.pixel_m,
                        width=min(most, self.width - column),
                        height=min(most, self.height - row),
                    ),
                )


def grid_over(bounds: Bounds, epsg: int, pixel_m: float) -> Grid:
    """The crop of a UTM lattice that holds `bounds` (degrees) and a margin, on multiples of 60 m.

    Corners of Sentinel-2 tiles lie on such multiples, so that bands of 10, 20 and 60 m nest.
    """
    left, bottom, right, top = transform_bounds("EPSG:4326", f"EPSG:{epsg}", *bounds, densify_pts=21)
    left, bottom = (math.floor((value - MARGIN_M) / SNAP_M) * SNAP_M for value in (left, bottom))
    right, top = (math.ceil((value + MARGIN_M) / SNAP_M) * SNAP_M for value in (right, top))
    width, height = round((right - left) / pixel_m), round((top - bottom) / pixel_m)
    return Grid(epsg=epsg, left=left, top=top, pixel_m=pixel_m, width=width, height=height)
