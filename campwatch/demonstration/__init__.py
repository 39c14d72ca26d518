"""The demo: the main job on embedded data, a real forest and a simulated camp mine with its truth.

Neither needs credentials or a network. The forest is real and holds no coal; the mine is computed, and says
so.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from campwatch import study
from campwatch.demonstration import romania, simulated
from campwatch.study import Study
from campwatch.workspace import Workspace, create_workspace, open_workspace
from evidence.errors import WatchError
from evidence.files import write_text

_SETTINGS = """\
# The demo's workspace. Each source is a static STAC catalogue below this folder.
{sources}
[monitor]
since = 2015-06-23

[map]
time_zone = "UTC"

[alerts]
no_look_days = 100000                     # the demo's imagery ends years ago
"""
_SOURCE = '[[source]]\nkind = "stac"\nurl = "{url}"\n'


def prepare_demo(folder: Path, *, progress: Callable[[str], object]) -> Workspace:
    """The demo's workspace in `folder`, made where it is missing; a part that is missing is added."""
    progress("simulated site: computing imagery and truth")
    catalogs = [_made(folder, simulated.CATALOG, simulated.make_simulated)]
    try:
        catalogs.insert(0, _made(folder, romania.CATALOG, romania.make_romania))
    except WatchError as err:
        progress(f"without the real site: {err}")
    text = _SETTINGS.format(sources="\n".join(_SOURCE.format(url=url) for url in catalogs))
    if not (folder / "campwatch.toml").exists():
        return create_workspace(folder, settings_text=text)
    write_text(folder / "campwatch.toml", text)
    return open_workspace(folder)


def simulated_workspace(folder: Path | str) -> Study:
    """A workspace with the demo's simulated mine alone, measured once; made where it is missing.

    No such place exists: everything in it is computed, and `campwatch.simulated_mine` knows what is true.

    Args:
        folder: of the workspace.

    Raises:
        WorkspaceError: where the folder cannot be written.
    """
    folder = Path(folder).absolute()
    if (folder / "campwatch.toml").is_file():
        return study.open_workspace(folder)
    catalog = _made(folder, simulated.CATALOG, simulated.make_simulated)
    workspace = study.create_workspace(
        folder, settings_text=_SETTINGS.format(sources=_SOURCE.format(url=catalog))
    )
    from campwatch.run.pipeline import run_workspace  # noqa: PLC0415 - loads what pixels need
    from campwatch.run.records import RunOptions  # noqa: PLC0415 - the same

    run_workspace(workspace, RunOptions())
    return workspace


def _made(folder: Path, catalog: str, make: Callable[[Path], None]) -> str:
    """Make a catalogue unless it is there; the catalogue file is written last."""
    if not (folder / catalog).exists():
        make(folder)
    return catalog


def show_truth(workspace: Workspace, *, progress: Callable[[str], object]) -> None:
    """Write the simulated site's figures beside their truth, and say how many intervals hold it."""
    path = workspace.folder / "simulated-against-truth.csv"
    if path.exists():
        return
    comparisons = simulated.against_truth(workspace)
    simulated.write_comparison(comparisons, path)
    held = sum(comparison.covered for comparison in comparisons)
    progress(f"simulated site: {held} of {len(comparisons)} intervals hold the truth ({path})")
