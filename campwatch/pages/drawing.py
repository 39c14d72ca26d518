"""Maps on request, from the ledger as it stands and the archive."""

from __future__ import annotations

from pathlib import Path

from campwatch.pages.first_page import write_first_page
from campwatch.pages.paths import shown_state
from campwatch.reviews.validation import all_checks
from campwatch.run.derived import derived_files
from campwatch.run.progress import Progress
from campwatch.run.site_bench import SiteBench
from campwatch.run.site_job import site_work
from campwatch.workspace import Workspace, readable_sites
from evidence.errors import ExportError
from evidence.ledger import Ledger


def draw(
    workspace: Workspace, sites: tuple[str, ...], *, restricted: bool | None, progress: Progress
) -> list[Path]:
    """Write the maps of the named sites, or of all, and the first page of that profile over every site.

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
        if drawn and restricted is not None:
            every = readable_sites(workspace)
            checks = all_checks(ledger, every)
            drawn.append(write_first_page(workspace, ledger, every, checks=checks, restricted=restricted))
    return drawn
