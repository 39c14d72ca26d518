"""Each rule and knob of the measurement left out or changed alone, on simulated yards of fitting seeds.

    python -m benchmarks.stockpiles.ablation --keep FOLDER [--variants …] [--write]

A rule that its absence does not make worse in any condition earns no place. Never on seeds that judge.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.manual import digest_of, write_table
from benchmarks.stockpiles.layouts import CLEAR, MADE_WITH, ONLY_ZONES
from benchmarks.stockpiles.state_model import five_states, states
from benchmarks.stockpiles.yards import Yard, measured_digest, yard_of
from detection.coal.measure import StockpileParams, measure_stockpiles

SITES = (
    ("flat .05", 510), (".045-.055", 511), ("undusted", 512), ("judged", 513), ("any of three ranks", 514),
    ("wet", 516), ("winter", 517), ("relief 600 m", 518), ("lignite", 522),
)  # fmt: skip
"""Fitting seeds, that the calibration of intervals is measured on as well."""


def area(**knobs: Any) -> StockpileParams:
    """The measurement with other knobs of the sum."""
    return replace(ONLY_ZONES, area=replace(ONLY_ZONES.area, **knobs))


def fraction(**knobs: Any) -> StockpileParams:
    """The measurement with other knobs of the fraction."""
    return replace(ONLY_ZONES, fraction=replace(ONLY_ZONES.fraction, **knobs))


def _nothing(first: Any, *_: Any, **__: Any) -> Any:
    from detection.coal.onset import Onset  # noqa: PLC0415 - here alone

    none = np.zeros(first.shape, dtype=bool)
    return Onset(mask=none[0], coal=none, bare=none)


PATCHED: Mapping[str, tuple[str, Callable[..., Any]]] = MappingProxyType(
    {
        "no onset of coal": ("detection.coal.fraction.coal_onset", _nothing),
        "coal and ground as states": ("detection.coal.fraction._onset", states),
        "five states": ("detection.coal.fraction._onset", five_states),
        "no first guess of a bare yard": ("detection.coal.ground.yard_fractions", lambda *_: None),
        "no missed shadow": (
            "detection.coal.blocks.lit_looks",
            lambda _, seen, *__, **___: np.ones_like(seen),
        ),
        "cores by their fraction alone": (
            "detection.coal.fraction.mostly",
            lambda like, *_: np.ones_like(like),
        ),
        "no water by history": (
            "detection.coal.dark_ground.water_objects",
            lambda watery, *_: np.zeros(watery.shape, dtype=bool),
        ),
    }
)
STATES = "two states through time in place of onset and first guess"
FIVE = "five states (wet, shade, char) in their place"
WITHOUT = MappingProxyType(
    {
        "none of onset, likeness of cores, misfit": (
            "no onset of coal", "cores by their fraction alone", "any misfit",
        ),
        STATES: ("coal and ground as states", "no first guess of a bare yard"),
        FIVE: ("five states", "no first guess of a bare yard"),
    }
)  # fmt: skip
"""Variants that leave out or change several things."""
KNOBS: Mapping[str, StockpileParams] = MappingProxyType(
    {
        "as it is": ONLY_ZONES,
        "dust at edges as beside": area(dust_growth=0.0),
        "nearest looks do not vouch": area(brief_fraction=9.0),
        "any misfit": area(misfit_limit=1e9),
        "the prior's spectrum": fraction(own_spectrum=False),
        "other dates speak for 60 days": area(tau_days=60.0),
        "four factors": fraction(rank=4),
        "two turns": fraction(rounds=2),
    }
)
ALONE = tuple(name for name in PATCHED if "states" not in name)
VARIANTS = (*KNOBS, *ALONE, *WITHOUT)


@contextmanager
def without(variant: str) -> Iterator[StockpileParams]:
    """The measurement of a variant, while it lasts."""
    with ExitStack() as stack:
        parts = WITHOUT.get(variant, (variant,))
        for part in parts:
            if part in PATCHED:
                stack.enter_context(mock.patch(*PATCHED[part]))
        yield next((KNOBS[part] for part in parts if part in KNOBS), ONLY_ZONES)


def measured(variant: str, yard: Yard) -> list[dict[str, Any]]:
    """Errors of the clear looks of one site."""
    with without(variant) as params:
        result = measure_stockpiles(yard.cube, yard.site, params=params)
    return [
        {
            "condition": yard.condition,
            "error": one.dark_ha.value - (truth := yard.truth_ha[one.zone_id, one.datetime.date()]),
            "held": bool((one.dark_ha.low or 0.0) <= truth <= (one.dark_ha.high or 0.0)),
            "width": (one.dark_ha.high or 0.0) - (one.dark_ha.low or 0.0),
        }
        for one in result.areas
        if one.valid_fraction >= CLEAR and one.dark_ha is not None and one.dark_ha.value is not None
    ]


def table(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """One row per variant: all conditions, then the RMSE of each."""
    conditions = list(dict.fromkeys(condition for condition, _ in SITES))
    lines = [
        "| variant | looks | RMSE ha | bias ha | width ha | covers, % | " + " | ".join(conditions) + " |",
        "|---|---|---|---|---|---|" + "---|" * len(conditions),
    ]
    for name, rows in found.items():
        error = np.array([row["error"] for row in rows])
        each = []
        for condition in conditions:
            own = error[[row["condition"] == condition for row in rows]]
            each.append(f"{np.sqrt((own**2).mean()):.3f}" if len(own) else "–")
        lines.append(
            f"| {name} | {len(rows)} | {np.sqrt((error**2).mean()):.3f} | {error.mean():+.3f} "
            f"| {np.mean([row['width'] for row in rows]):.2f} "
            f"| {100 * np.mean([row['held'] for row in rows]):.0f} "
            "| " + " | ".join(each) + " |"
        )
    return lines


def kept(folder: Path, variant: str, condition: str, seed: int) -> Path:
    """Where the errors of one variant at one site are kept."""
    name = f"ablation-{variant}-{condition}-{seed}".replace(" ", "_").replace("'", "")
    home = folder / f"ablation-{measured_digest()}-{digest_of('simulate_site')}"
    home.mkdir(parents=True, exist_ok=True)
    return home / f"{name}.json"


def main() -> None:
    """Measure what is not kept, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--variants", nargs="*", default=VARIANTS, choices=VARIANTS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in options.variants}
    for condition, seed in SITES:
        for variant in options.variants:
            path = kept(options.keep, variant, condition, seed)
            if not path.exists():
                rows = measured(variant, yard_of(condition, seed, options.keep))
                path.write_text(json.dumps(rows), encoding="utf-8")
            found[variant] += json.loads(path.read_text("utf-8"))
    lines = table(found)
    print("\n".join(lines))
    if options.write:
        seeds = ", ".join(f"{condition} {seed}" for condition, seed in SITES)
        write_table("stockpiles.md", "attempts", lines, method=MADE_WITH, seeds=f"fitting seeds: {seeds}")


if __name__ == "__main__":
    main()
