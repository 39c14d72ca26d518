"""Progress for people: one line with a bar on a terminal; elsewhere log lines, and nothing drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from campwatch.language import told
from campwatch.run.progress import Progress as Tell
from campwatch.run.progress import Step, log_step


@contextmanager
def shown_progress(console: Console) -> Iterator[Tell]:
    """What to tell each step to; the line is gone when the work is done."""
    if console.quiet or not console.is_terminal:
        yield log_step
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(told("starting"), total=None)

        def tell(step: Step) -> None:
            bars.update(task, description=told(step.text), total=step.total, completed=step.done or 0)

        yield tell
