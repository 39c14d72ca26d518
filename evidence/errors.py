"""The one error tree. The command line prints a `WatchError` in one line; all else is a bug.

A check that goes on to the end tells what is wrong as findings instead.
"""

from __future__ import annotations

from dataclasses import dataclass


class WatchError(Exception):
    """A known way to fail, with the values that matter in its message."""


class AoiError(WatchError):
    """A site file, geometry or date that cannot mean what it must."""


class SettingsError(WatchError):
    """A setting that is unknown, missing or out of range."""


class SourceError(WatchError):
    """A provider did not answer, or answered with something that cannot be used.

    Args:
        message: what happened, in one line.
        status: HTTP status, where there was one.
        url: what was asked for, without credentials.
    """

    def __init__(  # noqa: D107 - the class says it
        self, message: str, *, status: int | None = None, url: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.url = url


class ArchiveError(WatchError):
    """The archive holds something other than what was written into it."""


class GridMismatchError(WatchError):
    """Two arrays that must share a grid do not."""


class MeasurementError(WatchError):
    """A measurement was asked for with inputs that it cannot take."""


class LedgerError(WatchError):
    """The ledger cannot be read or written, or does not verify."""


class WorkspaceError(WatchError):
    """A folder is not a workspace, cannot be written, or is in use by another run."""


class WorkspaceHeldError(WorkspaceError):
    """Another run is at work in the workspace."""


class FileInUseError(WatchError):
    """A file cannot be replaced because another program holds it open, as Excel and QGIS do on Windows."""


class ExportError(WatchError):
    """A derived file could not be made."""


class UnsafePathError(WatchError):
    """A name from outside that would be written elsewhere than below its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it was written."""

    where: str
    """File, chain or row."""
    what: str
    """What is wrong with it, in one line, with the values that differ."""
