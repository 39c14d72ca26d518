"""Logs: lines for people on stderr, or one JSON object a line for machines."""

from __future__ import annotations

import datetime as dt
import json
import logging
from enum import StrEnum
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from campwatch.language import told
from evidence.errors import WorkspaceError


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


FIELDS = "fields"
"""Name under which a record brings further members of its JSON object (`extra={FIELDS: {...}}`)."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, what the record brings, and the exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
        document = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


class _SpokenFormatter(logging.Formatter):
    """The message in the language that people are spoken to."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return told(super().format(record))


FILE_BYTES, FILES_KEPT = 1_000_000, 10
"""Of a log file before it is put aside, and how many of these are kept beside it."""


def set_up(console: Console, *, log_format: LogFormat, level: int, file: Path | None = None) -> None:
    """Send log records of `level` and above to `console`'s file, and what matters later to a file of its own.

    Args:
        console: for people, or a journal.
        log_format: of what goes there; the file has a JSON object a line.
        level: of what goes there; the file has all that a run tells.
        file: put aside when it is full, so that a machine without a journal keeps what was said.

    Raises:
        WorkspaceError: where the file cannot be written.
    """
    handler: logging.Handler
    if log_format is LogFormat.JSON:
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(JsonFormatter())
    else:
        handler = RichHandler(console=console, show_path=False, show_time=level <= logging.DEBUG)
        handler.setFormatter(_SpokenFormatter("%(message)s"))
    handler.setLevel(level)
    handlers = [handler] if file is None else [handler, _file_handler(file)]
    logging.basicConfig(level=logging.WARNING, handlers=handlers, force=True)
    for package in ("evidence", "aoi", "imagery", "detection", "maps", "campwatch"):
        logging.getLogger(package).setLevel(level if file is None else min(level, logging.INFO))


def _file_handler(file: Path) -> logging.Handler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        kept = RotatingFileHandler(file, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
    except OSError as err:
        raise WorkspaceError(f"the log {file} cannot be written: {err.strerror or err}") from err
    kept.setFormatter(JsonFormatter())
    return kept
