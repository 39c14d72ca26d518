"""The monitor beside the `nrt` package on that package's simulator: same dates, noise and seeds.

Two steps, since `nrt` needs an environment of its own (`pip install nrt==0.3.0`):

    NRT_PYTHON benchmarks/expansion/nrt_side_by_side.py oracle FOLDER SEED …
    python -m benchmarks.expansion.nrt_side_by_side judge FOLDER SEED …

`oracle` simulates, runs nrt's tuned EWMA and leaves cubes and its own report; `judge` runs ours on the same
cubes. The monitor's limits were chosen on seeds 101 and 102; judge on others.
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


def judge(folder: Path, seed: int) -> None:
    from detection.monitor import MonitorParams, start_monitor, update_monitor  # noqa: PLC0415

    held = np.load(folder / f"nrt-{seed}.npz")
    values, breaks = -held["values"].reshape(DATES.size, -1), held["breaks"].ravel()
    days = DATES.astype("datetime64[D]").astype(np.float64)
    past, params = DATES.astype("datetime64[D]") < SPLIT, MonitorParams()
    warm = start_monitor(values[past][:, :16], days[past], params=params)
    update_monitor(warm, values[-1][:16], days[-1], params=params)
    start = time.process_time()
    state = start_monitor(values[past], days[past], params=params)
    fitted, updated = time.process_time() - start, 0.0
    ever = np.zeros(breaks.size, np.int64)
    for row, day in zip(values[~past], days[~past], strict=True):
        start = time.process_time()
        update_monitor(state, row, day, params=params)
        updated += time.process_time() - start
        ever = np.where((ever == 0) & (state.alert_day > 0), state.alert_day, ever)
    final = np.where(state.status > 0, state.alert_day, 0)
    speed = f"{breaks.size / fitted:,.0f} | {values[~past].size / updated:,.0f}"
    theirs = json.loads((folder / f"nrt-{seed}.json").read_text(encoding="utf-8"))
    _print(seed, "nrt EWMA, tuned", theirs, f"{theirs['fit']:,.0f} | {theirs['update']:,.0f}")
    _print(seed, "ours, every alert ever raised", score(ever, breaks), speed)
    _print(seed, "ours, alerts standing at the end", score(final, breaks), speed)


def _print(seed: int, name: str, row: dict[str, float], speed: str) -> None:
    print(f"| {seed} | {name} | {row['F1']:.3f} | {row['delay']:.0f} d | {row['stable']:.1%} | {speed} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )  # not shared: the first step runs where only nrt is installed
    parser.add_argument("step", choices=("oracle", "judge"))
    parser.add_argument("folder", type=Path, help="for cubes and nrt's report")
    parser.add_argument("seeds", type=int, nargs="+")
    chosen = parser.parse_args()
    step, folder, seeds = chosen.step, chosen.folder, chosen.seeds
    if step == "judge":
        print("| seed | method | F1 | median delay | false alarms on stable pixels ", end="")
        print("| fit, px per CPU second | update, px·looks per CPU second |")
        print("|---|---|---|---|---|---|---|")
    for seed in seeds:
        {"oracle": oracle, "judge": judge}[step](folder, seed)


if __name__ == "__main__":
    main()
