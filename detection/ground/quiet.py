"""How many events were told on simulated ground where nothing was opened: a table of the manual, as a file.

Handed to the rates, not part of the method: it is measured with the method.
"""

from __future__ import annotations

import json
from importlib.resources import files

from detection.ground.rates import QuietCount


def quiet_count() -> QuietCount:
    """That of quiet sites at 10 m. Real ground may have habits that these do not have."""
    told = json.loads(files(__package__).joinpath("quiet.json").read_text("utf-8"))
    return QuietCount(events=int(told["false_events"]), units=float(told["units"]))
