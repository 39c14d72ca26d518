"""Numbers that decide a figure: each in a Params record, with unit, meaning and source."""

from __future__ import annotations

import ast

import pytest

from benchmarks import parameters
from benchmarks.parameters import ROOT

PLAIN = {0, 1, 2, -1, 0.5}
"""Numbers that need none: halves, doubles, indices."""
FORMULAS = {
    "cubic_weights": "the cubic convolution kernel of Keys 1981",
    "_equatorial": "the low-precision sun of the Astronomical Almanac",
    "sun_position": "the sidereal time of the Astronomical Almanac",
    "wilson_share": "the score interval of Wilson 1927",
    "share_of_looks_with_coal": "the score interval of Wilson 1927",
    "mover": "the score interval of Wilson 1927, for differences Newcombe 1998",
    "_below": "the normal deviate of Student's t of Wallace 1959",
    "_kendall": "the variance of Kendall's S with ties of Hirsch, Slack and Smith 1982",
    "from_disagreement": "error of a majority of three readers and its derivative",
    "ross_thick": "the volumetric kernel of Roujean, Leroy and Deschamps 1992",
}
"""Functions whose numbers are those of a published formula."""


def test_every_parameter_says_where_it_is_from():
    held = list(parameters.parameters(*parameters.ROOMS))
    assert len(held) > 100
    assert [f"{one.module}.{one.record}.{one.name}" for one in held if not one.has_source] == []


def test_the_page_of_parameters_is_what_the_code_says():
    assert parameters.PAGE.read_text("utf-8") == parameters.page(), "python -m benchmarks.parameters --write"


def test_every_named_number_says_where_it_is_from():
    held = list(parameters.constants(*parameters.NAMED, *parameters.PLUMBING))
    assert len(held) > 40
    assert [f"{one.module}.{one.name} = {one.value}" for one in held if not one.has_source] == []


@pytest.mark.parametrize("room", parameters.NAMED)
def test_no_bare_number_in_a_method(room):
    paths = sorted((ROOT / room).rglob("*.py"))
    assert paths
    assert [found for path in paths for found in bare_numbers(path.read_text("utf-8"), path.name)] == []


def test_bare_numbers_are_seen():
    source = "def f(x):\n    return x * 0.37 + x[..., 3] ** 3\n\n\nLIMIT = 0.37\n"
    assert bare_numbers(source, "m.py") == ["m.py:2 f: 0.37"]


def bare_numbers(source: str, name: str) -> list[str]:
    """Numbers within functions that are neither plain, nor an index, an exponent or a shape."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or type(node.value) not in {int, float} or node.value in PLAIN:
            continue
        above = list(_above(node, parents))
        function = next((n for n in above if isinstance(n, ast.FunctionDef | ast.ClassDef)), None)
        if not isinstance(function, ast.FunctionDef) or function.name in FORMULAS:
            continue
        if any(isinstance(n, ast.Subscript) for n in above) or _is_exponent(node, above):
            continue
        found.append(f"{name}:{node.lineno} {function.name}: {node.value}")
    return found


def _above(node, parents):
    while node in parents:
        node = parents[node]
        yield node


def _is_exponent(node, above):
    return isinstance(above[0], ast.BinOp) and isinstance(above[0].op, ast.Pow) and above[0].right is node
