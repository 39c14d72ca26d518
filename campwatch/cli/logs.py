"""Logs: lines for people on stderr, or one JSON object a line for machines."""

from __future__ import annotations

import datetime as dt
import json
import logging
from enum import StrEnum

from rich.console import Console
from rich.logging import RichHandler


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
        told = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def set_up(console: Console, *, log_format: LogFormat, level: int) -> None:
    """Send log records of `level` and above to `console`'s file."""
    handler: logging.Handler
    if log_format is LogFormat.JSON:
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(JsonFormatter())
    else:
        handler = RichHandler(console=console, show_path=False, show_time=level <= logging.DEBUG)
        handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for package in ("evidence", "aoi", "imagery", "detection", "maps", "campwatch"):
        logging.getLogger(package).setLevel(level)
