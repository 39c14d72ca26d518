"""From a workspace to the files of one format."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from campwatch.exports.bundle import Bundle, collect, find
from campwatch.exports.formats import ExportFormat, export_folder, named
from campwatch.extras import extra_module
from campwatch.run.progress import Progress, Step, log_step
from campwatch.workspace import Workspace
from evidence.errors import ExportError
from evidence.ledger import Ledger

__all__ = ["ExportFormat", "ExportOptions", "export"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What an export is asked to hold."""

    restricted: bool = False
    """Whether to show what is not marked public; file names then say so."""
    as_of_run: str | None = None
    sites: tuple[str, ...] = field(default=())
    """Only these; all where empty."""
    finding: str | None = None
    """Row, disturbance or pile that chips and bags are about."""
    out: Path | None = None
    """Folder to write to; below `exports/` of the workspace where None."""


def export(
    workspace: Workspace, kind: ExportFormat, options: ExportOptions, *, progress: Progress = log_step
) -> list[Path]:
    """Write the files of one format; the first is the one to open.

    Raises:
        ExportError: where nothing may be shown, or the format needs a finding and none is named.
        LedgerError: where there is no such run.
    """
    if kind is ExportFormat.BAG and options.finding is None:
        raise ExportError("a bag is about one finding: name its row, disturbance or pile with --finding")
    told = partial(Step, site_id=", ".join(options.sites) or kind.value)
    progress(told(doing="reading rows"))
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        bundle = collect(
            workspace,
            ledger,
            restricted=options.restricted,
            as_of_run=options.as_of_run,
            only=options.sites,
        )
        if options.finding is not None:  # a file about one finding names no other site
            _, stored = find(bundle, options.finding)
            bundle = bundle.of(stored.row.site_id)
        progress(told(doing=f"writing {kind.value}"))
        folder = options.out or export_folder(
            workspace.exports_folder, kind.value, restricted=options.restricted, as_of_run=options.as_of_run
        )
        if kind is ExportFormat.CHIPS:
            from campwatch.exports.chips import write_chips  # noqa: PLC0415 - each format loads its libraries

            return write_chips(workspace, bundle, folder, finding=options.finding)
        if kind is ExportFormat.BAG:
            extra_module("matplotlib", "report", "an evidence bag")
            from campwatch.exports.bag import write_bag  # noqa: PLC0415

            return [write_bag(workspace, ledger, bundle, folder, finding=str(options.finding))]
        return _write_tables(workspace, bundle, kind, folder)


_WITH_PICTURES = (ExportFormat.KMZ, ExportFormat.QGIS)
_WRITERS = {
    ExportFormat.CSV: ("csv_files", "write_csv", None),
    ExportFormat.XLSX: ("excel", "write_excel", ".xlsx"),
    ExportFormat.GPKG: ("vector", "write_geopackage", ".gpkg"),
    ExportFormat.PARQUET: ("vector", "write_parquet", None),
    ExportFormat.GEOJSON: ("vector", "write_geojson", None),
    ExportFormat.KMZ: ("kmz", "write_kmz", ".kmz"),
    ExportFormat.QGIS: ("qgis", "write_qgis", None),
    ExportFormat.WORD: ("word", "write_word", ".docx"),
    ExportFormat.CITATIONS: ("citations", "write_citations", None),
}
"""(module, function, suffix of a single file or None where the format is a folder)."""


def _write_tables(workspace: Workspace, bundle: Bundle, kind: ExportFormat, folder: Path) -> list[Path]:
    module, function, suffix = _WRITERS[kind]
    write = getattr(importlib.import_module(f"campwatch.exports.{module}"), function)
    if kind in _WITH_PICTURES:
        from campwatch.exports.pictures import site_pictures  # noqa: PLC0415 - each format loads its libraries

        write = partial(write, pictures=site_pictures(workspace, bundle))
    if suffix is None:
        return list(write(bundle, folder))
    path: Path = write(bundle, named(folder, "campwatch", suffix, restricted=bundle.stamp.restricted))
    return [path]
