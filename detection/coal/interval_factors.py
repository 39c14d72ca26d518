"""Factors on the errors of areas: written by `benchmarks.stockpiles.intervals`, not by hand."""

from __future__ import annotations

VERSION = "acb02426f922; seeds 510 to 539"
"""Of the table: digest of the modules that measure a year, and the seeds that it was fitted on."""
FACTORS: tuple[tuple[str, float, float], ...] = (
    ("nothing", 1.000, 1.000),
    ("small", 1.719, 1.254),
    ("middle", 1.719, 1.254),
    ("large", 1.719, 1.254),
    ("other", 1.719, 1.254),
    ("without_swir", 1.719, 1.254),
)
"""(stratum, factor on the random error, factor on the errors that all looks share)."""
