"""The digest of the code that decides a figure: what changes it, and what does not."""

from __future__ import annotations

import textwrap

import pytest

from campwatch.identity import DECIDING, PACKAGES, ROOT
from evidence.errors import WatchError
from evidence.source_code import SourceTree

MEASURE = '''
"""Module."""
from __future__ import annotations
import numpy as np
from pack.numbers import LIMIT
from pack import tools as t

def measure(x: float) -> float:
    """What is measured."""
    return np.sum(x) * LIMIT + t.more(x)

def unused():
    return 1
'''
NUMBERS = "LIMIT = 3.0\nOTHER = 4.0\n"
TOOLS = "SCALE = 2\ndef more(x):\n    from pack.deep import least\n    return least(x) * SCALE\n"
DEEP = "def least(x):\n    return x - 1\n"


@pytest.fixture
def tree(tmp_path):
    """A function that writes the package with some files changed, and gives its digest."""
    held = {"measuring": MEASURE, "numbers": NUMBERS, "tools": TOOLS, "deep": DEEP, "__init__": ""}

    def digest(entry="measure", **changed):
        folder = tmp_path / "pack"
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.py"):
            old.unlink()
        for name, text in (held | changed).items():
            if text is not None:
                (folder / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        return SourceTree(tmp_path, ["pack"]).closure([entry])

    return digest


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("measuring", "What is measured", "What, is measured"),
        ("measuring", "    return np.sum", "    # a comment\n    return np.sum"),
        ("measuring", "x: float) -> float", "x: int) -> int"),
        ("measuring", "return 1", "return 2"),
        ("numbers", "OTHER = 4.0", "OTHER = 5.0"),
        ("numbers", "LIMIT = 3.0", 'LIMIT = 3.0\n"""What it is."""'),
        ("deep", "x - 1", "(x - 1)"),
    ],
)
def test_what_decides_nothing_leaves_the_digest(tree, name, old, new):
    text = {"measuring": MEASURE, "numbers": NUMBERS, "deep": DEEP}[name]
    assert old in text
    assert tree(**{name: text.replace(old, new)}).digest == tree().digest


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("measuring", "np.sum", "np.mean"),
        ("measuring", "import numpy as np", "import other as np"),
        ("measuring", "import LIMIT", "import OTHER as LIMIT"),
        ("numbers", "3.0", "3.5"),
        ("tools", "SCALE = 2", "SCALE = 3"),
        ("deep", "x - 1", "x - 2"),
        ("deep", "def least", "calls = []\ncalls.append(1)\ndef least"),
    ],
)
def test_what_decides_a_figure_changes_the_digest(tree, name, old, new):
    text = {"measuring": MEASURE, "numbers": NUMBERS, "tools": TOOLS, "deep": DEEP}[name]
    assert old in text
    assert tree(**{name: text.replace(old, new)}).digest != tree().digest


def test_a_definition_that_moves_leaves_the_digest(tree):
    moved = MEASURE.replace("from pack.numbers import LIMIT", "from pack.elsewhere import LIMIT")
    assert tree(measuring=moved, numbers=None, elsewhere=NUMBERS).digest == tree().digest
    folded = TOOLS.replace("    from pack.deep import least\n", "") + DEEP
    assert tree(tools=folded, deep=None).digest == tree().digest


def test_two_definitions_of_one_name_are_told_apart(tree):
    both = {"numbers": "LIMIT = 3.0\n", "other": "LIMIT = 4.0\n"}
    one = "from pack.other import LIMIT as B\nfrom pack.numbers import LIMIT as A\n"
    one += "def measure(x):\n    return A - B\n"
    swapped = one.replace("pack.other import LIMIT as B", "pack.other import LIMIT as A").replace(
        "pack.numbers import LIMIT as A", "pack.numbers import LIMIT as B"
    )
    assert tree(measuring=one, **both).digest != tree(measuring=swapped, **both).digest


def test_names_that_a_package_offers_lazily_are_followed(tree):
    face = '_WHERE = {"measure": "measuring"}\ndef __getattr__(name):\n    return name\n'
    user = "from pack import measure\ndef run(x):\n    return measure(x)\n"
    direct = user.replace("from pack import", "from pack.measuring import")
    assert ("pack.measuring", "measure") in tree("run", __init__=face, user=user).definitions
    assert tree("run", user=direct).digest == tree("run", __init__=face, user=user).digest


def test_an_entry_must_be_defined_once(tree):
    with pytest.raises(WatchError, match="0 modules: none"):
        tree("nothing")
    with pytest.raises(WatchError, match=r"2 modules: pack\.measuring, pack\.twice"):
        tree(twice="def measure(x):\n    return x\n")


def test_files_beside_a_module_that_reads_them_count(tree, tmp_path):
    reading = DEEP + "from importlib.resources import files\n"
    before = tree(deep=reading).digest
    (tmp_path / "pack" / "table.csv").write_text("1\n", encoding="utf-8")
    assert tree(deep=reading).digest != before
    assert tree().digest == tree().digest


def test_our_own_rows_are_decided_by_measuring_and_not_by_what_surrounds_it():
    closure = SourceTree(ROOT, PACKAGES).closure(DECIDING)
    modules = closure.modules
    assert {"numpy", "scipy", "xarray", "rasterio", "shapely"} <= closure.packages
    assert {name.split(".")[0] for name in modules} <= {
        "evidence",
        "aoi",
        "imagery",
        "detection",
        "campwatch",
    }
    outside = (
        "imagery.simulate",
        "imagery.sources",
        "imagery.archive.fetch",
        "evidence.tables",
        "maps",
    )
    assert [name for name in modules if name.startswith(outside)] == []
    own = [name for name in modules if name.startswith("campwatch.")]
    assert not {"campwatch.cli.app", "campwatch.run.pipeline", "campwatch.run.rebuild"} & set(own)
    assert ("evidence.rows", "record_data") in closure.definitions
