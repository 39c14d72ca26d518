"""Factors on the errors of areas: written by `benchmarks.stockpiles.intervals`, not by hand."""

from __future__ import annotations

VERSION = "none"
"""Of the table: digest of the method and the seeds that it was fitted on."""
FACTORS: tuple[tuple[str, float, float], ...] = ()
"""(stratum, factor on the random error, factor on the errors that all looks share)."""
