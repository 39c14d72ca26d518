"""Ten years of every pass over many sites, replayed into a ledger: its size, and what checking it costs.

Rows are made up, of the layers' own records and with figures that differ from look to look; how many a look
adds and restates is as `RATES` says, counted on the simulated mine of the demonstration. Nothing is measured.

    python -m benchmarks.runs.decade [--sites 30] [--years 10] [--write]
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from shapely import to_wkb
from shapely.geometry import Polygon

from benchmarks.manual import write_table
from campwatch.custody.backup import backup_workspace, restore_workspace
from campwatch.workspace import create_workspace
from detection.coal.records import STOCKPILE_AREAS, STOCKPILES, Stockpile, StockpileArea
from evidence.custody_table import CustodyTable
from evidence.hashing import canonical_json, sha256_json
from evidence.layers import LayerSpec
from evidence.ledger import Ledger, migrate_ledger
from evidence.ledger_schema import _SCHEMA, ROW_COLUMNS, SCHEMA_VERSION
from evidence.quantity import Quantity
from evidence.rows import Row, carried_row, plain
from imagery.cube.observations import OBSERVATIONS

PAGE, BLOCK = "backup.md", "decade"
MADE_WITH = ["RowPacking", "verify_ledger", "CustodyTable"]
PASSES = 73
"""Looks of a year: one in five days."""
DECADE = 30 * 10 * PASSES
"""Looks of thirty sites in ten years."""
FIRST = 2016
SEED = 24
SENTENCE = "Dark ground that looks like coal and that changed: it may be claimed as probable coal."
SENTENCE_KO = "석탄과 비슷하고 변화가 있었던 어두운 지면: 구간과 함께 석탄으로 추정된다고 말할 수 있다."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one look adds to the rows of a site, and what it says anew."""

    areas_restated: float = 0.45
    """Share of the open year's areas of zones whose figures change."""
    piles_a_look: float = 1.4
    """Rows of piles that a look has; those of the open year all change."""
    events_a_year: int = 4
    """Disturbances that open; all of them change at every look."""


RATES = Rates()


def quantity(rng: np.random.Generator, site: str) -> Quantity:
    value = float(rng.gamma(2.0, 0.4))
    shared = {
        f"coal-spectrum:{site}": value * 0.02,
        f"outline:{site}:yard": value * 0.05,
        f"ground:{site}:yard": 0.01,
    }
    return Quantity.measured(value, sd_random=float(rng.uniform(0.01, 0.05)), shared=shared)


def outline(rng: np.random.Generator) -> Polygon:
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    radius = 5e-4 * rng.uniform(0.6, 1.4, 28)
    return Polygon(np.column_stack([126 + radius * np.cos(angle), 39.5 + radius * np.sin(angle)]))


class Site:
    """Rows of one site, look by look."""

    def __init__(self, number: int) -> None:
        self.id = f"site-{number:02}"
        self.rng = np.random.default_rng([SEED, number])
        self.looks: list[dt.datetime] = []
        self.scenes: dict[str, str] = {}

    def look(self, moment: dt.datetime) -> list[Row]:
        self.looks.append(moment)
        scene = f"sentinel-2a_{moment:%Y%m%d}_{len(self.looks):06}"
        self.scenes[scene] = f"{int(self.rng.integers(2**62)):064x}"
        open_year = [one for one in self.looks if one.year == moment.year]
        rows = [self._observation(moment, scene)]
        rows += [
            self._area(one) for one in open_year if one == moment or self.rng.random() < RATES.areas_restated
        ]
        count = round(RATES.piles_a_look * len(open_year))
        rows += [self._pile(open_year[k % len(open_year)], k // len(open_year)) for k in range(count)]
        events = RATES.events_a_year * (moment.year - FIRST) + RATES.events_a_year * len(open_year) // PASSES
        return [carried_row(row) for row in (*rows, *map(self._event, range(events)))]

    def _row(self, layer: LayerSpec, record: StockpileArea | Stockpile) -> Row:
        inputs = sha256_json([self.id, str(record.datetime)])
        return layer.row(
            record, site_id=self.id, params_hash="ab" * 32, inputs_hash=inputs, validated_on="simulation"
        )

    def _observation(self, moment: dt.datetime, scene: str) -> Row:
        data = {
            "scene_id": scene,
            "datetime": moment,
            "local_date": moment.date(),
            "sensor": "sentinel-2",
            "relative_orbit": 103,
            "status": "used",
            "detail": None,
            "valid_fraction": float(self.rng.random()),
            "snow_fraction": 0.0,
            "dx_m": float(self.rng.normal()),
            "dy_m": float(self.rng.normal()),
            "residual_px": float(self.rng.random()),
            "offset_applied": -0.1,
            "baseline": "05.10",
        }
        return Row(
            layer=OBSERVATIONS.name,
            site_id=self.id,
            subject=scene,
            time=plain(moment),
            method="cube/1",
            params_hash="ab" * 32,
            inputs_hash=self.scenes[scene],
            data=plain(data),
        )

    def _area(self, moment: dt.datetime) -> Row:
        area = quantity(self.rng, self.id)
        record = StockpileArea(
            zone_id="yard",
            datetime=moment,
            area_ha=area,
            dark_ha=area,
            valid_fraction=float(self.rng.random()),
            below_floor=False,
            bands=("blue", "green", "red", "nir", "swir16", "swir22"),
            scene_ids=(f"sentinel-2a_{moment:%Y%m%d}_0",),
            verdict="coal_changing",
            sentence_en=SENTENCE,
            sentence_ko=SENTENCE_KO,
            family="flat_black",
            family_fit=0.452,
        )
        return self._row(STOCKPILE_AREAS, record)

    def _pile(self, moment: dt.datetime, number: int) -> Row:
        area = quantity(self.rng, self.id)
        record = Stockpile(
            pile_id=f"{self.id}/yard/{number}",
            parents=(),
            datetime=moment,
            area_ha=area,
            dark_ha=area,
            first_seen=dt.date(2016, 5, 1),
            last_seen=moment.date(),
            geometry=outline(self.rng),
            verdict="coal_changing",
            sentence_en=SENTENCE,
            sentence_ko=SENTENCE_KO,
            family="flat_black",
            family_fit=0.452,
        )
        return self._row(STOCKPILES, record)

    def _event(self, number: int) -> Row:
        cells = [f"{319000 + 10 * (k + 40 * number)} {4374000 + 10 * k}" for k in range(40)]
        names = ("area_ha", "outside_ha", "open_ha", "advance_m")
        data = {name: quantity(self.rng, self.id).to_dict() for name in names} | {
            "disturbance_id": f"d-{number:08x}",
            "parents": [],
            "kind": "soil_spoil",
            "first_seen": "2017-06-01",
            "machine_status": "persistent",
            "relation": "crossing",
            "bearing_deg": float(self.rng.uniform(0, 360)),
            "founding_cells": cells,
            "likelihood": 0.9999,
            "scene_ids": ["sentinel-2a_20170601_000001"],
        }
        return Row(
            layer="disturbances",
            site_id=self.id,
            subject=f"d-{number:08x}",
            time="",
            method="ground/1",
            params_hash="ab" * 32,
            inputs_hash="cd" * 32,
            data=plain(data),
            geometry=to_wkb(outline(self.rng)),
        )


def moments(years: int) -> Iterator[dt.datetime]:
    for year in range(FIRST, FIRST + years):
        for number in range(PASSES):
            yield dt.datetime(year, 1, 1, 2, 13, tzinfo=dt.UTC) + dt.timedelta(days=5 * number)


def replay(path: Path, sites: int, years: int) -> tuple[int, float]:
    """Append every look of every site; returns rows and processor seconds of appending."""
    made = [Site(number) for number in range(sites)]
    rows, seconds = 0, 0.0
    with Ledger(path, create=True) as ledger:
        ledger._db.execute("PRAGMA synchronous = OFF")  # noqa: SLF001 - a replay may lose its power
        for moment in moments(years):
            for site in made:
                fresh = site.look(moment)
                inputs = {"site": "ef" * 32, "scenes": site.scenes, "sha256": "01" * 32}
                now = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
                began = time.process_time()
                done = ledger.append(
                    fresh,
                    chain=site.id,
                    run_id=f"{moment:%Y%m%dT%H%M%SZ}-000000",
                    time=now,
                    actor="campwatch",
                    action="measure",
                    details={"inputs": inputs, "code": {"campwatch": "0.1.0"}, "missed": {}},
                )
                seconds += time.process_time() - began
                rows += done.new
    return rows, seconds


VERIFY = """
import resource, sys, time
from pathlib import Path
from evidence.custody_table import CustodyTable
from evidence.hashing import canonical_json, sha256_json
from evidence.layers import LayerSpec
from evidence.ledger import Ledger, migrate_ledger
from evidence.ledger_schema import _SCHEMA, ROW_COLUMNS, SCHEMA_VERSION
from evidence.verify import verify_ledger
began = time.process_time()
with Ledger(Path(sys.argv[1]), read_only=True) as ledger:
    assert verify_ledger(ledger) == []
print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def verified(path: Path) -> tuple[float, float]:
    """Processor seconds and gigabytes of memory that verifying takes, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", VERIFY, str(path)], capture_output=True, text=True, check=True
    ).stdout.split()
    return float(done[0]), float(done[1]) / 1e6


def as_version_1(source: Path, target: Path) -> None:
    """The same rows and entries as a ledger of version 1 holds them: every entry whole, no row packed."""
    with Ledger(source, read_only=True) as held, closing(sqlite3.connect(target)) as db, db:
        db.executescript(_SCHEMA)
        db.execute("INSERT INTO meta VALUES ('schema_version', '1')")
        db.execute("CREATE TEMPORARY TABLE texts (sha256, text)")  # stays empty: version 1 has none
        entries: dict[tuple[str, str], int] = {}
        custody = CustodyTable(db)
        for seq, entry in enumerate(held.custody(), start=1):
            custody.append(seq, entry, whole=True)
            entries[entry.run_id, entry.chain] = seq
        for stored in held.rows():
            row = stored.row
            identity = (stored.seq, stored.row_id, row.layer, row.site_id, row.subject, row.time)
            how = (row.method, row.params_hash, row.inputs_hash, stored.run_id, stored.as_of)
            said = (int(row.retired), canonical_json(row.data), row.geometry)
            values = (*identity, *how, *said, entries[stored.run_id, row.site_id])
            places = ", ".join("?" * len(values))
            db.execute(f"INSERT INTO rows ({ROW_COLUMNS}, entry) VALUES ({places})", values)  # noqa: S608 - constants
        for table in ("rows", "custody", "meta"):
            for verb in ("UPDATE", "DELETE"):
                refused = "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
                db.execute(f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} {refused}")


def migrated(folder: Path, years: int) -> tuple[float, float, float]:
    """Gigabytes of one site's ledger of version 1, seconds that migrating it takes, and of verifying it then.

    Rows, entries and heads must be those of before.
    """
    new, old = folder / "one-site.sqlite", folder / "version-1.sqlite"
    replay(new, 1, years)
    as_version_1(new, old)
    with Ledger(old, read_only=True) as ledger:
        before = ledger.version, ledger.heads(), [stored.row_id for stored in ledger.rows()]
    size, began = old.stat().st_size, time.process_time()
    copy = migrate_ledger(old, "before")
    seconds = time.process_time() - began
    with Ledger(old, read_only=True) as ledger:
        assert (1, ledger.heads(), [stored.row_id for stored in ledger.rows()]) == before
        assert ledger.version == SCHEMA_VERSION
    assert copy is not None
    assert copy.stat().st_size >= size
    return size / 1e9, seconds, verified(old)[0]


def migration(years: int, *, write: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        size, seconds, checked = migrated(Path(scratch), years)
    lines = [
        "| one site, years | version 1, GB | `migrate`, s of processor | rows and heads | `verify` then, s |",
        "|---|---|---|---|---|",
        f"| {years} | {size:.2f} | {seconds:.2f} | the same | {checked:.1f} |",
    ]
    print("\n".join(lines))
    if write:
        by = f"python -m benchmarks.runs.decade --migration --years {years} --write"
        method = ["migrate_ledger", "verify_ledger"]
        write_table(PAGE, "migration", lines, method=method, seeds=f"rows made up, seed {SEED}", by=by)


def backed_up(path: Path, folder: Path, sites: int) -> tuple[float, int, int]:
    """Seconds of a backup while another thread appends, rows restored, rows appended meanwhile."""
    workspace = create_workspace(folder / "watch")
    path.rename(workspace.ledger_path)
    stop = threading.Event()
    count = [0]

    def run() -> None:
        with Ledger(workspace.ledger_path) as ledger:
            site = Site(sites)
            while not stop.is_set():
                moment = dt.datetime(2030, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=count[0])
                ledger.append(
                    site.look(moment)[:1],
                    chain=site.id,
                    run_id=f"w{count[0]}",
                    time=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    actor="t",
                    action="measure",
                )
                count[0] += 1

    thread = threading.Thread(target=run)
    thread.start()
    while count[0] < 2:
        time.sleep(0.01)
    began = time.monotonic()
    try:
        made = backup_workspace(workspace, folder / "out")
    finally:
        seconds = time.monotonic() - began
        stop.set()
        thread.join()
    restored = restore_workspace(made.path, folder / "back")
    with Ledger(restored.folder / "ledger.sqlite", read_only=True) as ledger:
        held = sum(1 for _ in ledger.rows())
    return seconds, held, count[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=30)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument(
        "--migration", action="store_true", help="only that of a ledger of version 1, one site"
    )
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    if asked.migration:
        migration(asked.years, write=asked.write)
        return
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "ledger.sqlite"
        rows, seconds = replay(path, asked.sites, asked.years)
        size = path.stat().st_size
        checking, memory = verified(path)
        wall, held, meanwhile = backed_up(path, Path(scratch), asked.sites)
    looks = asked.sites * asked.years * PASSES
    lines = [
        "| | |",
        "|---|---|",
        f"| sites, years, looks | {asked.sites}, {asked.years}, {looks} |",
        f"| rows | {rows} |",
        f"| size | {size / 1e9:.2f} GB, {size / looks / 1e3:.0f} kB a look |",
        f"| size of 30 sites and ten years at this rate | {size / looks * DECADE / 1e9:.2f} GB (aim 2) |",
        f"| appending, processor | {seconds / looks * 1e3:.0f} ms a look |",
        f"| `verify` of the ledger | {checking:.0f} s of processor, {memory:.2f} GB of memory (aim 1) |",
        f"| backup while a run appends ({meanwhile} times) | {wall:.0f} s; {held} rows restored, verified |",
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    caption = f"Replayed; peak memory of the replay itself {peak:.2f} GB."
    text = "\n".join([*lines, "", caption])
    print(text)
    if asked.write:
        by = f"python -m benchmarks.runs.decade --sites {asked.sites} --years {asked.years} --write"
        write_table(PAGE, BLOCK, text, method=MADE_WITH, seeds=f"rows made up, seed {SEED}", by=by)


if __name__ == "__main__":
    main()
