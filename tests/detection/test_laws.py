"""What is computed without `scipy.stats`, which takes half a second to load, is what that says to the bit."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detection.coal.spectra import LIKENESS, chi_square_quantile
from detection.ground.states import normal_density
from detection.radar.second_opinion import _ranks
from tests.conftest import ROOT


def test_the_normal_density():
    rng = np.random.default_rng(0)
    x, sd = rng.normal(size=(1, 501)), rng.uniform(0.01, 2.0, (50, 1))
    assert np.array_equal(normal_density(x, 0.3, sd), stats.norm.pdf(x, 0.3, sd))


@pytest.mark.parametrize("degrees", range(1, 12))
def test_the_chi_square_quantile(degrees):
    assert chi_square_quantile(LIKENESS, degrees) == stats.chi2.ppf(LIKENESS, degrees)


@given(values=st.lists(st.integers(0, 5) | st.floats(-1.0, 1.0), min_size=1, max_size=30))
def test_ranks_with_ties(values):
    assert np.array_equal(_ranks(np.array(values, float)), stats.rankdata(values))


def test_a_run_does_without_it():
    """The modules that measure a scene and redraw what rests on it."""
    code = (
        "import sys, campwatch.run.site_bench, campwatch.run.measure; sys.exit('scipy.stats' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=200).returncode == 0
