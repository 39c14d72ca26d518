"""The history of the ground beside the `nrt` package on that package's simulator: same dates and noise.

Two steps, since `nrt` needs an environment of its own (`pip install nrt==0.3.0`):

    NRT_PYTHON benchmarks/expansion/nrt_side_by_side.py oracle FOLDER SEED …
    python -m benchmarks.expansion.nrt_side_by_side judge FOLDER SEED …

`oracle` simulates, runs nrt's tuned EWMA and leaves cubes and its own report; `judge` runs ours on the same
cubes. Nothing was chosen on it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

SPLIT = np.datetime64("2020-01-01")
DATES = np.arange("2018-01-01", "2022-06-15", dtype="datetime64[W]")
WINDOW_DAYS = 180
SIDE = 200
SPEEDS = ("fit, px per CPU second", "update, px·looks per CPU second")


def score(alert: np.ndarray, break_index: np.ndarray) -> dict[str, float]:
    """Detections within 180 days after the break are true; `alert` holds days since 1970, 0 for none."""
    breaks, days = break_index != -1, DATES.astype("datetime64[D]").astype(int)
    when = np.where(breaks, days[break_index], 10**7)
    found = alert > 0
    true = found & (alert >= when) & (alert <= when + WINDOW_DAYS)
    precision = true.sum() / max(found.sum(), 1)
    recall = true.sum() / (true.sum() + (breaks & ~found).sum())
    return {
        "F1": float(2 * precision * recall / (precision + recall)),
        "delay": float(np.median((alert - when)[true])),
        "stable": float((found & ~breaks).sum() / (~breaks).sum()),
    }


def oracle(folder: Path, seed: int) -> None:
    import datetime as dt  # noqa: PLC0415
    import random  # noqa: PLC0415

    from nrt.data import simulate  # noqa: PLC0415
    from nrt.monitor.ewma import EWMA  # noqa: PLC0415

    np.random.seed(seed)  # noqa: NPY002 - the simulator draws from the global generator
    random.seed(seed)
    drawn = simulate.make_cube_parameters(
        shape=(SIDE, SIDE), n_outliers_interval=(0, 5), n_nan_interval=(0, 7),
        break_idx_interval=(105, DATES.size - 20),
    )  # fmt: skip
    cube = simulate.make_cube(dates=DATES, params_ds=drawn)
    history = cube.sel(time=slice("2018-01-01", "2019-12-31"))
    later = cube.sel(time=slice("2020-01-01", "2022-12-31"))

    def made() -> EWMA:
        return EWMA(trend=False, harmonic_order=1, lambda_=0.3, sensitivity=4, threshold_outlier=10)

    made().fit(history.isel(x=slice(0, 4), y=slice(0, 4)), method="OLS")
    monitor, start = made(), time.process_time()
    monitor.fit(history, method="OLS", n_threads=2)
    fitted = time.process_time() - start
    start = time.process_time()
    for array, date in zip(later.values, later.time.values.astype("M8[s]").astype(dt.datetime), strict=True):
        monitor.monitor(array=array, date=date)
    updated = time.process_time() - start
    alert = monitor._report(layers=["detection_date"], dtype=np.uint16).squeeze().astype(int)  # noqa: SLF001
    index = drawn.break_idx.values
    row = {**score(alert, index), "fit": SIDE**2 / fitted, "update": SIDE**2 * later.sizes["time"] / updated}
    np.savez(folder / f"nrt-{seed}.npz", values=cube.values.astype(np.float32), breaks=index)
    (folder / f"nrt-{seed}.json").write_text(json.dumps(row), encoding="utf-8")


def judge(folder: Path, seed: int) -> list[str]:
    from detection.ground.history import fit_history  # noqa: PLC0415
    from detection.ground.params import CouplingParams, GroundParams  # noqa: PLC0415
    from detection.ground.series import SCALE, UNSEEN, GroundSeries  # noqa: PLC0415

    held = np.load(folder / f"nrt-{seed}.npz")
    values, breaks = held["values"].reshape(DATES.size, -1), held["breaks"].ravel()
    steps = np.round(np.nan_to_num(values) / SCALE)
    index = np.where(np.isfinite(values), steps, UNSEEN)
    index = index.astype(np.int16)
    days = DATES.astype("datetime64[D]").astype(int)
    series = GroundSeries(
        index=index[None], haze=np.zeros(index.shape, np.uint8), day=days,
        scene_ids=tuple(map(str, DATES)), shape=(SIDE, SIDE),
        early=np.full((3, index.shape[1]), np.nan, np.float32),
    )  # fmt: skip
    params = GroundParams(coupling=CouplingParams(strength=0.0))  # its pixels have nothing in common
    start = time.process_time()
    history = fit_history(series, params)
    cost = values.size / (time.process_time() - start)
    later = series.day >= SPLIT.astype("datetime64[D]").astype(int)
    likely, ever = (
        np.where((told := (history.filtered > round(255 * least)) & later[:, None]).any(axis=0),
                 series.day[told.argmax(axis=0)], 0)
        for least in (params.events.likely, params.events.sure)
    )  # fmt: skip
    final = np.where(history.smoothed[-1] > round(255 * params.events.likely), ever, 0)
    speed = f"{cost:,.0f} | –"
    theirs = json.loads((folder / f"nrt-{seed}.json").read_text(encoding="utf-8"))
    return [
        _row(seed, "nrt EWMA, tuned", theirs, f"{theirs['fit']:,.0f} | {theirs['update']:,.0f}"),
        _row(seed, "ours, ever likely", score(likely, breaks), speed),
        _row(seed, "ours, ever sure", score(ever, breaks), speed),
        _row(seed, "ours, standing at the end", score(final, breaks), speed),
    ]


def _row(seed: int, name: str, row: dict[str, float], speed: str) -> str:
    return f"| {seed} | {name} | {row['F1']:.3f} | {row['delay']:.0f} d | {row['stable']:.1%} | {speed} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )  # not shared: the first step runs where only nrt is installed
    parser.add_argument("step", choices=("oracle", "judge"))
    parser.add_argument("folder", type=Path, help="for cubes and nrt's report")
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--write", action="store_true", help="write the table into docs/expansion.md")
    chosen = parser.parse_args()
    if chosen.step == "oracle":
        for seed in chosen.seeds:
            oracle(chosen.folder, seed)
        return
    lines = [
        f"| seed | method | F1 | median delay | false alarms on stable pixels | {' | '.join(SPEEDS)} |",
        "|---|---|---|---|---|---|---|",
        *(line for seed in chosen.seeds for line in judge(chosen.folder, seed)),
    ]
    print("\n".join(lines))
    if chosen.write:
        from benchmarks.manual import write_table  # noqa: PLC0415 - not where only nrt is installed

        write_table(
            "expansion.md", "nrt", lines, method=["measure_ground"],
            seeds=f"seeds {', '.join(map(str, chosen.seeds))} of nrt's simulator",
            by="python -m benchmarks.expansion.nrt_side_by_side",
        )  # fmt: skip


if __name__ == "__main__":
    main()
