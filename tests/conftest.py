"""What every test shares: where optional data are, and what is skipped, with a reason, where they are not."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher

from campwatch.language import ENGLISH, speak
from campwatch.run.allocation import keep_freed_memory

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
HOSTILE = "<img src=x onerror=window.__hit=1></script><script>window.__hit=1</script>{{7*7}}"
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def nrt_data_folder() -> Path | None:
    """Where the nrt wheel keeps its imagery; found without importing it."""
    spec = importlib.util.find_spec("nrt")
    if spec is None or spec.submodule_search_locations is None:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    return folder if (folder / "sentinel2_cube_subset_romania_10m.nc").exists() else None


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A kernel is compiled by one process of a test run; the others wait and read it from numba's cache.

    The compiler's own lock comes first: a thread that waits for it must not hold a kernel.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    folder = tmp_path_factory.getbasetemp().parent / "kernels"
    folder.mkdir(exist_ok=True)
    compile_kernel = Dispatcher.compile

    def compile_alone(self: Dispatcher, sig: object) -> object:
        kernel = self.py_func
        name = hashlib.sha256(f"{kernel.__module__} {kernel.__qualname__}".encode()).hexdigest()[:16]
        with global_compiler_lock, FileLock(folder / f"{name}.lock"):
            return compile_kernel(self, sig)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Dispatcher, "compile", compile_alone)
        yield


@pytest.fixture(scope="session", autouse=True)
def memory_kept() -> None:
    """As in a run."""
    keep_freed_memory()


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """A command that was run within a test leaves its language behind, as a process of its own would not."""
    yield
    speak(ENGLISH)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    no_shared = pytest.mark.skip(reason="../shared is not beside this checkout (development machines only)")
    no_nrt = pytest.mark.skip(reason="the nrt wheel is not installed: pip install --no-deps nrt==0.2.1")
    for item in items:
        if item.get_closest_marker("shared") and not SHARED.is_dir():
            item.add_marker(no_shared)
        if item.get_closest_marker("nrt") and nrt_data_folder() is None:
            item.add_marker(no_nrt)
    long_files = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in long_files)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one for all tests of a process: a second driver beside it cannot start."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def reviewed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of one small site that was run once, for all tests that review or serve it: copy it first.

    Processes of one test run share it; the site's name is hostile.
    """
    from campwatch.run.pipeline import RunOptions, run_workspace
    from campwatch.workspace import open_workspace
    from tests.campwatch.conftest import site_document, write_workspace
    from tests.servers import tiny

    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "reviewed 검토"
    with FileLock(f"{root}.lock"):
        if not (root / "made").exists():
            catalog = tiny.write_catalog(root / "catalog", dates=tiny.days(6, step=10))
            document = site_document()
            document["features"][0]["properties"]["name"] = HOSTILE
            run_workspace(open_workspace(write_workspace(root / "watch", catalog, document)), RunOptions())
            (root / "made").touch()
    return root / "watch"


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """What `make demo` makes, made once for all processes of a test run; None where it cannot be made.

    What it said stands in `said.txt` beside the folder.
    """
    if shutil.which("make") is None or not (ROOT / ".venv" / ".demo").exists() or nrt_data_folder() is None:
        return None
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo 데모"
    with FileLock(f"{root}.lock"):
        if not (root / "said.txt").exists():
            made = subprocess.run(
                ["make", "demo", f"DEMO={root / 'watch'}"], cwd=ROOT, capture_output=True, encoding="utf-8",
                check=False, timeout=600,
            )  # fmt: skip
            assert made.returncode == 0, made.stderr
            (root / "said.txt").write_text(made.stderr, encoding="utf-8")
    return root / "watch"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real imagery; only in tests marked `shared`."""
    return SHARED / "data"


@pytest.fixture(scope="session")
def romania_folder() -> Path:
    """The folder of the Romania cubes; only in tests marked `nrt`."""
    folder = nrt_data_folder()
    assert folder is not None
    return folder
