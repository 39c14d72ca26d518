"""What the options before a command say, and how results reach programs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

EXIT_ERROR = 1
EXIT_INCOMPLETE = 3
EXIT_INTERRUPTED = 130

stderr = Console(stderr=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Where the workspace is, and whether stdout is for a program."""

    folder: Path
    json: bool
    logs_only: bool = False
    """Whether stderr is for log lines alone."""
    keeps_log: bool = False
    """Whether log lines go to a file too."""

    def report(self, document: Any) -> None:
        """Print a result: one JSON document, or nothing where people read stderr."""
        if self.json:
            sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def say(text: str) -> None:
    """A line for people, as it is: no markup, no wrapping, no emoji."""
    stderr.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)
