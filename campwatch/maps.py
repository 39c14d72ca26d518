"""Maps on request, from the ledger as it stands and the archive."""

from __future__ import annotations

from pathlib import Path

from campwatch.derived import derived_files
from campwatch.pages import shown_state
from campwatch.progress import Progress
from campwatch.site_job import site_work
from campwatch.workshop import SiteBench
from campwatch.workspace import Workspace
from evidence.errors import ExportError
from evidence.ledger import Ledger


def draw(
    workspace: Workspace, sites: tuple[str, ...], *, restricted: bool | None, progress: Progress
) -> list[Path]:
    """Write the maps of the named sites, or of all.

    Raises:
        ExportError: where a site has not been measured yet.
    """
    drawn, stamps = [], derived_files(workspace)
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        for path in workspace.chosen_paths(sites):
            work = site_work(workspace, path)
            if work is None or not ledger.custody(work.site.id):
                raise ExportError(f"{path.stem} has not been measured yet (campwatch run)")
            page = SiteBench(workspace, work, progress=progress).draw(ledger, restricted=restricted)
            stamps.stamp(page, shown_state(ledger, work.site))
            drawn.append(page)
    return drawn
