"""The +1000 under flags that are wrong or missing, through whole years with snow and brown ground.

    python -m benchmarks.cube.winter_offsets --seeds 561 562 [--bolzano FOLDER] [--real] [--write]
    python -m benchmarks.cube.winter_offsets --seeds --folder FOLDER --write    # of what was counted there

Simulated years at 39.5 N, the Romania cube and Bolzano. Numbers with the offset and without, under flags that
deny it in winter, always, on half of the products, or leave it open. The parameters of
`imagery.radiometry.offset.GroundParams` were read off seed 551; judged on other seeds and on real imagery.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox

from benchmarks.cube.real_sites import bolzano, romania
from benchmarks.cube.simulated_archive import archive_site
from benchmarks.manual import write_table
from imagery.bands import OPTICAL_BANDS
from imagery.cube.loading import load_cube
from imagery.cube.scene import CubeParams
from imagery.records import ArchivedProduct
from imagery.simulate import CLEAN_HABITS, SensorParams, SimulationParams

FITTED = (551,)
PARAMS = SimulationParams(
    size_px=64,
    since=dt.date(2022, 9, 1),
    until=dt.date(2023, 9, 1),
    sensor=SensorParams(bands=("blue", "green", "red", "nir", "swir16", "swir22")),
)
FLAG, WINTER, CLEAR, NEAR = "earthsearch:boa_offset_applied", (12, 1, 2, 3), 0.9, 1e-6
LEAST_STEP, SCL_WATER, SCL_BARE = 1200, 6, 5
HEADS = ("scenes", "right", "refused", "wrong", "clear", "clear refused", "clear wrong")


@dataclass(frozen=True, slots=True)
class Regime:
    """What a provider did: whether its numbers carry the offset, and the flag of each product."""

    name: str
    carries: bool
    flag: Callable[[ArchivedProduct, np.random.Generator], bool | None]
    brown: bool = False
    """Whether winters are made without green plants and water, whose numbers would prove the offset."""


REGIMES = (
    Regime("+1000, denied in winter", True, lambda p, _: True if p.datetime.month in WINTER else None),  # noqa: FBT003
    Regime("+1000, denied always", True, lambda *_: True),  # noqa: FBT003
    Regime("+1000, denied on half", True, lambda _, rng: bool(rng.random() < 0.5) or None),  # noqa: FBT003
    Regime("+1000, flag false", True, lambda *_: False),  # noqa: FBT003
    Regime("taken out, flag true", False, lambda *_: True),  # noqa: FBT003
    Regime("taken out, flag false", False, lambda *_: False),  # noqa: FBT003
    Regime("taken out, no flag", False, lambda *_: None),  # noqa: FBT003
    Regime(
        "brown winter, +1000, denied in winter",
        True,  # noqa: FBT003
        lambda p, _: True if p.datetime.month in WINTER else None,
        brown=True,
    ),
    Regime("brown winter, +1000, flag false", True, lambda *_: False, brown=True),  # noqa: FBT003
    Regime("brown winter, +1000, denied always", True, lambda *_: True, brown=True),  # noqa: FBT003
    Regime("brown winter, taken out, flag false", False, lambda *_: False, brown=True),  # noqa: FBT003
)


def shifted(product: ArchivedProduct, add: int, folder: Path) -> ArchivedProduct:
    """The product with `add` in its numbers; zero stays nodata."""
    if add == 0:
        return product
    bands = {}
    for band, path in product.bands.items():
        bands[band] = path
        if band not in OPTICAL_BANDS:
            continue
        bands[band] = folder / f"{product.id}-{band}{add:+d}.tif"
        if bands[band].exists():
            continue
        with rasterio.open(path) as source:
            numbers, profile = source.read(1).astype(np.int64), source.profile
        moved = np.where(numbers > 0, np.clip(numbers + add, 1, 65_000), 0).astype(profile["dtype"])
        plain = {key: profile[key] for key in ("width", "height", "count", "dtype", "crs", "transform")}
        with rasterio.open(bands[band], "w", driver="GTiff", nodata=0, **plain) as sink:
            sink.write(moved, 1)
    return replace(product, bands=bands)


def browned(product: ArchivedProduct, folder: Path) -> ArchivedProduct:
    """A winter product without what must be dark: plants lose their near infrared, water its class."""
    if product.datetime.month not in WINTER or not {"red", "nir"} <= set(product.bands):
        return product
    made = dict(product.bands)
    with rasterio.open(product.bands["red"]) as source:
        red = source.read(1).astype(np.int64)
    for band in {"nir", "scl"} & set(product.bands):
        with rasterio.open(product.bands[band]) as source:
            numbers, profile = source.read(1), source.profile
        if band == "nir":
            numbers = np.where(numbers > 0, np.minimum(numbers, red + LEAST_STEP), 0).astype(numbers.dtype)
        else:
            numbers = np.where(numbers == SCL_WATER, SCL_BARE, numbers).astype(numbers.dtype)
        made[band] = folder / f"{product.id}-brown-{product.bands['red'].stem}-{band}.tif"
        plain = {key: profile[key] for key in ("width", "height", "count", "dtype", "crs", "transform")}
        with rasterio.open(made[band], "w", driver="GTiff", nodata=0, **plain) as sink:
            sink.write(numbers, 1)
    return replace(product, bands=made)


def flagged(product: ArchivedProduct, flag: bool | None, *, digest: str) -> ArchivedProduct:  # noqa: FBT001
    """The product as a provider lists it that says so of a baseline that carries the offset."""
    properties: dict[str, Any] = {k: v for k, v in product.properties.items() if k != FLAG}
    properties |= {"s2:processing_baseline": "05.10", "campwatch:baseline": "05.10"}
    properties |= {} if flag is None else {FLAG: flag}
    return replace(
        product,
        baseline="05.10",
        properties=properties,
        offset=dict.fromkeys(product.offset, -0.1),
        sha256={band: f"{digest}{value}" for band, value in product.sha256.items()},
    )


def outcomes(
    products: Sequence[ArchivedProduct],
    grid: GeoBox,
    regime: Regime,
    *,
    carry: bool,
    clear: Callable[[np.datetime64], bool] | None,
    folder: Path,
) -> Counter[str]:
    """Counts of one place under one regime."""
    rng = np.random.default_rng(7)
    add = (1000 if regime.carries else 0) - (1000 if carry else 0)
    made = [
        flagged(shifted(product, add, folder), regime.flag(product, rng), digest=regime.name)
        for product in products
    ]
    made = [browned(product, folder) for product in made] if regime.brown else made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cube = load_cube(made, grid, params=CubeParams(register=False))
    wanted = -0.1 if regime.carries else 0.0
    found: Counter[str] = Counter()
    for k, time in enumerate(cube["time"].values):
        applied, detail = float(cube["offset_applied"].values[k]), str(cube["detail"].values[k])
        refused = np.isnan(applied)
        outcome = "refused" if refused else "right" if abs(applied - wanted) < NEAR else "wrong"
        seen = float(cube["valid_fraction"].values[k]) + float(cube["snow_fraction"].values[k])
        is_clear = clear(time) if clear is not None else seen >= CLEAR
        found.update([outcome, "scenes", *(["clear"] if is_clear else [])])
        found.update([f"clear {outcome}"] if is_clear else [])
        if is_clear and outcome != "right":
            print(f"{regime.name}: {time} {outcome}: {detail[:300]}")
    return found


def places(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Any]]:
    """Name of each place, and its products, grid, whether its numbers carry the offset, and what is clear."""
    for seed in options.seeds:
        archived = archive_site(PARAMS, seed, folder / f"s{seed}", habits=CLEAN_HABITS)

        def clear(time: np.datetime64, archived: Any = archived) -> bool:
            cloud, shadow = archived.sky(time)
            return bool((~cloud & ~shadow).mean() >= CLEAR)

        yield f"simulated, seed {seed}", (archived.products, archived.grid, True, clear)
    if options.real:
        yield "Romania", (*romania(folder / "romania"), False, None)
    if options.bolzano:
        yield "Bolzano", (*bolzano(options.bolzano, folder), False, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[561, 562])
    parser.add_argument("--real", action="store_true", help="Romania too, from the nrt wheel")
    parser.add_argument("--bolzano", type=Path, help="folder of the static catalogue")
    parser.add_argument(
        "--folder",
        type=Path,
        help="where archives and what was counted are kept, to go on from; else temporary",
    )
    parser.add_argument("--only", default="", help="regimes whose name holds this")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        known = folder / "outcomes.json"
        rows: dict[str, dict[str, int]] = json.loads(known.read_text()) if known.exists() else {}
        for place, (products, grid, carry, clear) in places(options, folder):
            for regime in (one for one in REGIMES if options.only in one.name):
                key = f"{place} | {regime.name}"
                if key in rows:
                    continue
                work = folder / "moved" / place.replace(" ", "-").replace(",", "")
                work.mkdir(parents=True, exist_ok=True)
                counts = outcomes(products, grid, regime, carry=carry, clear=clear, folder=work)
                rows[key] = dict(counts)
                print(key, rows[key], flush=True)
                known.write_text(json.dumps(rows))
    lines = [f"| place | numbers and flag | {' | '.join(HEADS)} |", "|" + "---|" * (len(HEADS) + 2)]
    lines += [
        f"| {key} | {' | '.join(str(row.get(head, 0)) for head in HEADS)} |" for key, row in rows.items()
    ]
    total = [sum(row.get(head, 0) for row in rows.values()) for head in HEADS]
    lines.append(f"| all | | {' | '.join(map(str, total))} |")
    print("\n".join(lines))
    if options.write:
        write_table(
            "imagery-cube.md",
            "winter offsets table",
            lines,
            method=["load_cube", "simulate_site"],
            seeds=f"fitted on seed {FITTED[0]}, judged on the places named",
        )


if __name__ == "__main__":
    main()
