"""The house itself: whose packages these are, what the lock files may not say, what the README promises."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import rasterio
from affine import Affine
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pyproj import Transformer
from shapely.geometry import box, mapping

from tests.servers import tiny

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("evidence", "aoi", "imagery", "detection", "maps", "campwatch")
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", PACKAGES)
def test_each_package_is_ours_and_not_its_namesake(name):
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve().is_relative_to(ROOT)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-demo.lock"])
def test_lock_files_pin_hashes_and_name_no_index(name):
    text = (ROOT / name).read_text("utf-8")
    assert not re.search(r"https?://|--index-url|--extra-index|--find-links|file:", text)
    requirements = re.findall(r"^[a-z0-9][\w.\-\[\]]*==[^\s\\]+.*$", text, re.MULTILINE | re.IGNORECASE)
    assert requirements
    assert all(line.endswith("\\") for line in requirements), "a requirement without a hash"


def locked_names(name: str) -> set[str]:
    text = (ROOT / name).read_text("utf-8")
    return {canonicalize_name(found) for found in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


def test_the_locks_hold_everything_that_the_package_its_extras_and_its_tests_ask_for():
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = whole["project"]

    def names(lines: list[str]) -> set[str]:
        return {canonicalize_name(Requirement(line).name) for line in lines} - {"campwatch"}

    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    assert names(project["dependencies"]) <= locked_names("requirements.lock")
    wanted = names([*project["dependencies"], *extras, *whole["dependency-groups"]["dev"]])
    assert wanted <= locked_names("requirements-dev.lock")


def test_no_module_imports_itself_by_way_of_others():
    """Imports within functions count, those for type checkers alone do not."""
    modules = {
        path.relative_to(ROOT).as_posix()[:-3].replace("/", "."): ast.parse(path.read_text("utf-8"))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    imports = {name: _imported(tree, modules) - {name} for name, tree in modules.items()}
    assert sum(map(len, imports.values())) > len(modules)
    TopologicalSorter(imports).prepare()  # raises CycleError, and names the circle


def _imported(tree, modules):
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in typing_only:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in modules else node.module for name in whole}
    return found & set(modules)


def rooms_on_the_page() -> list[str]:
    page = (ROOT / "docs" / "house.md").read_text("utf-8")
    return re.findall(r"^\| `([a-z/]+)` \|", page, re.MULTILINE)


def test_the_page_of_the_house_names_every_folder():
    held = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in [ROOT / package, *(ROOT / package).iterdir()]
        if path.is_dir() and path.name != "__pycache__"
    }
    named = rooms_on_the_page()
    assert sorted(named) == sorted(held)


def test_every_module_and_function_that_the_walk_names_is_there():
    page = (ROOT / "docs" / "house.md").read_text("utf-8")
    walk = page.split("## A scene from source to map")[1].split("## ")[0]
    named = set(re.findall(r"`((?:evidence|aoi|imagery|detection|maps|campwatch)(?:\.\w+)+)`", walk))
    assert len(named) > 15
    modules = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    for name in named:
        module = next(m for m in sorted(modules, key=len, reverse=True) if f"{name}.".startswith(f"{m}."))
        found = importlib.import_module(module)
        for part in name.removeprefix(module).split(".")[1:]:
            found = getattr(found, part)


@pytest.mark.parametrize("package", ["imagery", "detection"])
def test_a_room_imports_only_rooms_above_it_on_the_page(package):
    order = [name.replace("/", ".") for name in rooms_on_the_page() if name.startswith(f"{package}/")]
    assert len(order) > 5
    modules = {
        path.relative_to(ROOT).as_posix()[:-3].replace("/", "."): ast.parse(path.read_text("utf-8"))
        for path in (ROOT / package).rglob("*.py")
    }
    below = [
        f"{name} imports {used}"
        for name, tree in modules.items()
        for used in _imported(tree, modules)
        if (own := name.rpartition(".")[0]) in order
        and (other := used.rpartition(".")[0]) in order
        and order.index(other) > order.index(own)
    ]
    assert below == []


def test_array_types_have_one_home():
    """`Floats` means the same in every room but the two that measure pixels, which have their own so far."""
    shared = {"np.float32", "np.float64", "np.bool_", "np.int64"}
    named = [
        f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Subscript)
        and ast.unparse(node.value.value) == "NDArray"
        and ast.unparse(node.value.slice) in shared
        and path.parts[-2] not in {"coal", "ground"}
    ]
    assert {line.partition(":")[0] for line in named} == {"evidence/arrays.py"}, named


def test_the_test_command_is_what_continuous_integration_calls():
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")


@pytest.fixture(scope="module")
def environment(tmp_path_factory, reviewed_folder):
    """campwatch as `pip install .` leaves it, found before the checkout; with the kernels compiled there.

    In a fresh clone none are before the first run in it, which is that of `reviewed_folder`.
    """
    assert reviewed_folder.is_dir()
    target = tmp_path_factory.mktemp("설치 site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*command, "--target", target, str(ROOT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for source in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for kernel in source.parent.glob(f"__pycache__/{source.stem}.*.nb[ic]"):
            copied = target / kernel.relative_to(ROOT)
            copied.parent.mkdir(exist_ok=True)
            shutil.copyfile(kernel, copied)
            shutil.copystat(source, target / source.relative_to(ROOT))
    return target


def test_pip_install_brings_the_command_and_its_data(environment):
    names = {path.name for path in environment.iterdir()}
    assert set(PACKAGES) <= names
    assert (environment / "campwatch" / "default_settings.toml").is_file()
    assert (environment / "maps" / "assets").is_dir()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


def moved(catalog: Path, *, epsg: int, origin: tuple[float, float]) -> Path:
    """The tiny catalogue laid over another place."""
    for path in catalog.parent.rglob("*.tif"):
        with rasterio.open(path) as raster:
            pixel, pixels = raster.transform.a, raster.read(1)
        transform = Affine(pixel, 0, origin[0], 0, -pixel, origin[1])
        height, width = pixels.shape
        profile = {"height": height, "width": width, "count": 1, "dtype": pixels.dtype, "nodata": 0}
        with rasterio.open(
            path, "w", driver="GTiff", crs=f"EPSG:{epsg}", transform=transform, **profile
        ) as raster:
            raster.write(pixels, 1)
    to_degrees = Transformer.from_crs(epsg, 4326, always_xy=True)
    bounds = to_degrees.transform_bounds(
        origin[0], origin[1] - tiny.SIDE_M, origin[0] + tiny.SIDE_M, origin[1]
    )
    for path in catalog.parent.rglob("item.json"):
        item = json.loads(path.read_text("utf-8"))
        item |= {"bbox": list(bounds), "geometry": mapping(box(*bounds))}
        item["properties"]["proj:epsg"] = epsg
        path.write_text(json.dumps(item), encoding="utf-8")
    return catalog


def test_the_readme_s_first_site_works_as_written(tmp_path, environment):
    """Every `campwatch` command of that chapter, verbatim; a catalogue on disk stands in for Earth Search."""
    (site,) = (block for block in blocks("json") if '"role": "aoi"' in block)
    (tmp_path / "my-place.geojson").write_text(site, encoding="utf-8")
    catalog = moved(tiny.write_catalog(tmp_path / "source"), epsg=32644, origin=(657_000.0, 2_473_000.0))
    chapter = README.split("## A first site of your own")[1].split("\n## ")[0]
    steps = [
        line for block in re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL) for line in block.splitlines()
    ]
    assert len(steps) >= 4
    source = json.dumps([{"kind": "stac", "url": catalog.as_posix()}])
    for step in steps:
        name, *arguments = shlex.split(step)
        assert name == "campwatch"
        done = subprocess.run(
            [sys.executable, "-m", "campwatch", *arguments],
            cwd=tmp_path,
            env={
                "PYTHONPATH": str(environment),
                "PATH": "",
                "CAMPWATCH_SOURCE": source,
                "HOME": str(tmp_path),
            },
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{step}\n{done.stderr}"
    assert list((tmp_path / "my-watch" / "maps").glob("my-place*.html"))
    assert list((tmp_path / "my-watch" / "exports").glob("csv*/observations*.csv"))


def test_the_readme_names_no_other_command():
    known = {"make demo", "make test", "python3 -m venv watch-env"}
    known |= {"watch-env/bin/pip install .", "watch-env/bin/campwatch demo"}
    chapter = README.split("## A first site of your own")[1].split("\n## ")[0]
    rest = [line for line in commands() if line not in chapter]
    assert set(rest) == known


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.nrt
def test_make_demo_ends_with_a_table_and_a_map_and_then_with_nothing_new(demo_folder):
    if demo_folder is None:
        pytest.skip("no make, no nrt wheel, or make has not built .venv (make demo does)")
    assert "demo-romania" in (demo_folder.parent / "said.txt").read_text("utf-8")
    assert (demo_folder / "maps" / "demo-romania.html").is_file()
    again = subprocess.run(
        ["make", "demo", f"DEMO={demo_folder}"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=600,
    )
    assert "nothing new" in again.stderr


EXTRAS = (
    "starlette uvicorn typst pyarrow pyrage distributed matplotlib rfc3161_client cryptography h5netcdf h5py"
)
"""Modules of the extras in pyproject.toml."""
IMPORT_EVERYTHING = """
import importlib, pathlib, sys

hidden, root, packages = set(sys.argv[1].split()), pathlib.Path(sys.argv[2]), sys.argv[3].split()


class Hide:
    "A finder that finds all but what is hidden; who only asks whether it is there is told that it is not."

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in hidden else self.finder.find_spec(name, path, target)


sys.meta_path[:] = map(Hide, sys.meta_path)
for package in packages:
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[-1] != "__main__":
            try:
                importlib.import_module(".".join(parts).removesuffix(".__init__"))
            except ModuleNotFoundError as err:  # of an extra, which users may leave out
                if err.name not in sys.argv[4].split():
                    raise
"""


def test_what_users_install_is_enough_to_import_everything():
    """The tests' environment holds more: an import that only it satisfies would break `make demo`."""
    locked = locked_names("requirements.lock")
    hidden = {
        module
        for module, names in importlib.metadata.packages_distributions().items()
        if module not in PACKAGES and locked.isdisjoint(map(canonicalize_name, names))
    }
    assert {"pytest", "hypothesis"} <= hidden
    assert "numpy" not in hidden
    command = [
        sys.executable,
        "-c",
        IMPORT_EVERYTHING,
        " ".join(hidden),
        str(ROOT),
        " ".join(PACKAGES),
        EXTRAS,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=200)
    assert done.returncode == 0, done.stderr
