"""The ground's history on real places of which it is known what happened: single pixels, a quarry, a town.

    python -m benchmarks.expansion.known_ground ../shared/data FOLDER [--write]

*Pixels* are tutorial series of pyxccd (Harmonized Landsat Sentinel and Sentinel-2; clear by their own quality
bands): a forest in Sichuan that burnt in March 2024, one that was logged between 2024-04-03 and 04-08, and a
field with two harvests a year. The *quarry* (aurora-mine0, India) hardly changed in 2019 to 2023; over the
*town* (Bolzano) nothing was opened in June 2022. These two are rows of `campwatch run` on their catalogues in
FOLDER, which is kept and gone on from. Nothing was fitted on them, but that bare at
start counts whole pixels was decided after a first look at the quarry, and the fire's first day (28 March)
and the column of likely looks after a first look at the pixels.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.expansion.arguments import described
from benchmarks.manual import write_table
from detection.ground.history import fit_history
from detection.ground.params import GroundParams
from detection.ground.records import DISTURBANCES, FOOTPRINTS
from detection.ground.series import SCALE, UNSEEN, GroundSeries
from evidence.ledger import Ledger

FIRE, LOGGING = dt.date(2024, 3, 28), dt.date(2024, 4, 3)
"""Days before the first clear look on which the pixel itself looks otherwise."""
HLS_CLEAR, MSI_CLEAR = {"0"}, {"0"}
QUARRY_HA = 4.1
"""Of bare ground at the start, by the data set's own description."""
BOLZANO = [(11.32, 46.482), (11.357, 46.482), (11.357, 46.505), (11.32, 46.505), (11.32, 46.482)]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return [{name.lower(): value for name, value in row.items()} for row in csv.DictReader(lines)]


def pixel(rows: list[dict[str, str]]) -> GroundSeries:
    """The clear looks of one pixel."""
    looks = {}
    for row in rows:
        hls = "dates" in row
        clear = row["qa"] in HLS_CLEAR if hls else row["qa60"] in MSI_CLEAR
        red, nir, swir = (
            float(row[name]) for name in (("red", "nir", "swir1") if hls else ("b4", "b8", "b11"))
        )
        if clear and nir + red > 0 and nir + swir > 0:
            day = (
                int(row["dates"]) - dt.date(1970, 1, 1).toordinal()
                if hls
                else (dt.datetime.strptime(row["tile"][:8], "%Y%m%d").date() - dt.date(1970, 1, 1)).days  # noqa: DTZ007
            )
            looks[day] = ((nir - red) / (nir + red), (nir - swir) / (nir + swir))
    days = np.array(sorted(looks), np.int64)
    index = np.array([looks[int(day)] for day in days]).T[:, :, None]
    steps = np.clip(np.round(index / SCALE), int(UNSEEN) + 1, -int(UNSEEN) - 1).astype(np.int16)
    return GroundSeries(
        index=steps, haze=np.zeros((len(days), 1), np.uint8), day=days, scene_ids=tuple(map(str, days)),
        shape=(1, 1), early=np.full((3, 1), np.nan, np.float32),
    )  # fmt: skip


def pixel_line(name: str, series: GroundSeries, last_quiet: dt.date | None) -> list[str]:
    """Cells of the table: clear looks, looks told before, clear looks until told, told at the end."""
    params = GroundParams()
    history = fit_history(series, params)
    likely, sure = (
        history.filtered[:, 0] > round(255 * level) for level in (params.events.likely, params.events.sure)
    )
    quiet = np.ones(len(series.day), bool)
    if last_quiet is not None:
        quiet = series.day <= (last_quiet - dt.date(1970, 1, 1)).days

    def when(told: NDArray[np.bool_]) -> str:
        first = np.flatnonzero(told[~quiet])
        return "–" if quiet.all() else str(first[0] + 1) if first.size else "never"

    return [name, str(len(series.day)), f"{sure[quiet].mean():.1%}", when(likely), when(sure)]


def pixels_table(data: Path) -> list[str]:
    folder = data / "pixel-series"
    logging = [
        row for part in ("0", "12", "34", "56", "78", "910")
        for row in _rows(folder / f"7_logging_hls_w{part}.csv")
    ]  # fmt: skip
    lines = [
        "| pixel | clear looks | surely disturbed without cause | likely on clear look | surely on |",
        "|---|---|---|---|---|",
    ]
    for name, rows, quiet in (
        ("forest that burnt", _rows(folder / "1_hls_sc.csv"), FIRE),
        ("forest that was logged", logging, LOGGING),
        ("field with two harvests", _rows(folder / "3_crop_sentinel2.csv"), None),
    ):
        lines.append(f"| {' | '.join(pixel_line(name, pixel(rows), quiet))} |")
    return lines


def run(folder: Path, catalogue: Path, site: dict[str, object]) -> list[str]:
    """Cells: looks, provisional, persistent, bare at start and open by year, of a workspace that was run."""
    if not (folder / "campwatch.toml").exists():
        (folder / "sites").mkdir(parents=True)
        url = json.dumps(str(catalogue.resolve()))
        settings = f'[[source]]\nkind = "stac"\nurl = {url}\n'
        (folder / "campwatch.toml").write_text(settings, encoding="utf-8")
        (folder / "sites" / "site.geojson").write_text(json.dumps(site), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "campwatch", "-C", str(folder), "run"], check=True, stdout=subprocess.DEVNULL
    )
    with Ledger(folder / "ledger.sqlite") as ledger:
        events = [row.row.data for row in ledger.current(DISTURBANCES.name)]
        accounts = [row.row.data for row in ledger.current(FOOTPRINTS.name)]
    sure = sum(e["machine_status"] in {"persistent", "closed"} for e in events)
    bare = accounts[-1]["bare_at_start_ha"]
    found = "–" if bare["value"] is None else f"{bare['value']:.2f} ({bare['low']:.2f}–{bare['high']:.2f})"
    return [str(len(events) - sure), str(sure), found, bare["reason"] or ""]


def places_table(data: Path, folder: Path) -> list[str]:
    quarry = json.loads((data / "aurora-mine0" / "site.geojson").read_text("utf-8"))
    town = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"role": "aoi", "id": "bolzano", "name": "Bolzano"},
                "geometry": {"type": "Polygon", "coordinates": [BOLZANO]},
            }
        ],
    }
    lines = [
        "| place | provisional events | persistent | bare at start, ha | reason |",
        "|---|---|---|---|---|",
    ]
    for name, part, site in (
        (f"quarry, {QUARRY_HA} ha bare", "aurora-mine0", quarry),
        ("town, June 2022", "bolzano-stac", town),
    ):
        cells = run(folder / part, data / part / "catalog.json", site)
        lines.append(f"| {' | '.join([name, *cells])} |")
    return lines


def main() -> None:
    parser = described(__doc__)
    parser.add_argument("data", type=Path, help="folder with pixel-series, aurora-mine0, bolzano-stac")
    parser.add_argument("folder", type=Path, help="for the workspaces")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/expansion.md")
    asked = parser.parse_args()
    lines = [*pixels_table(asked.data), "", *places_table(asked.data, asked.folder)]
    print("\n".join(lines))
    if asked.write:
        write_table("expansion.md", "known-ground", lines, method=["measure_ground"], seeds="real imagery")


if __name__ == "__main__":
    main()
