"""A workspace from Python: its tables, its cubes and its maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from campwatch import workspace
from campwatch.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class Study(Workspace):
    """A workspace whose results are looked at: nothing here measures or appends."""

    __slots__ = ()

    def table(self, layer: str) -> pd.DataFrame:
        """The current rows of a layer; a GeoDataFrame in EPSG:4326 where it has geometry.

        Raises:
            WorkspaceError: where there is no such layer.
            LedgerError: where nothing was run yet.
        """
        from campwatch.run.rebuild import current_table  # noqa: PLC0415 - loads what tables need

        return current_table(self, layer)

    def cube(self, site_id: str) -> xr.Dataset:
        """The site's scenes on its grid, (time, y, x), as they are measured.

        Raises:
            AoiError: where there is no such site.
            WorkspaceError: where the archive holds nothing of it.
        """
        from campwatch.run.site_bench import site_cube  # noqa: PLC0415 - loads what pixels need

        return site_cube(self, site_id)

    def map(self, site_id: str) -> Path:
        """The site's page, drawn anew from the ledger as it stands.

        Raises:
            AoiError: where there is no such site.
            WorkspaceError: where the archive holds nothing of it.
        """
        from campwatch.run.site_bench import draw_site  # noqa: PLC0415 - the same

        return draw_site(self, site_id)


def open_workspace(folder: Path | str) -> Study:
    """The workspace in `folder`.

    Raises:
        WorkspaceError: where there is none.
        SettingsError: where its settings do not hold.
    """
    return _study(workspace.open_workspace(folder))


def create_workspace(folder: Path, *, settings_text: str | None = None) -> Study:
    """Make a workspace with commented settings; an existing one is refused.

    Raises:
        WorkspaceError: where there is one already, or the folder cannot be written.
    """
    return _study(workspace.create_workspace(folder, settings_text=settings_text))


def _study(held: Workspace) -> Study:
    return Study(folder=held.folder, settings=held.settings)
