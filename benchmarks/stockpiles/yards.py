"""Simulated yards under one changed assumption at a time, kept so that variants measure the same pixels.

Simulated, not real. `FITTED` seeds set limits and the calibration of intervals; `JUDGED` ones did not.
"""

from __future__ import annotations

import argparse
import ast
import copyreg
import datetime as dt
import hashlib
import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from affine import Affine

from aoi.records import Site
from benchmarks.cube.simulated_archive import archive_site
from benchmarks.manual import ROOT, digest_of, kept_in
from benchmarks.stockpiles.layouts import ONLY_ZONES, layout, zone_truth
from detection.coal.blocks import in_order
from detection.coal.family import WAVELENGTH_NM
from detection.coal.measure import StockpileParams, StockpileResult, measured_years, result_of_years
from detection.coal.years import year_bytes, year_from
from detection.coal.zones import stockyards
from imagery.bands import OPTICAL_BANDS
from imagery.cube.loading import load_cube
from imagery.simulate import SimulatedSite, simulate_site
from imagery.simulate.params import CoalRank, SimulationParams, with_conditions


def _read_only(held: dict[str, Any]) -> MappingProxyType[str, Any]:
    return MappingProxyType(held)


copyreg.pickle(MappingProxyType, lambda held: (_read_only, (dict(held),)))  # of a site's zones
FITTED = tuple(range(510, 562))
JUDGED = (*range(800, 808), *range(1120, 1142))
"""800 and 801 were looked at while earlier methods changed; lignite of 803, the half-coal yard of 1124, and
the hills of 1126 and 1135 while this one did."""
KNOTS_NM = (490.0, 665.0, 842.0, 1610.0, 2190.0)
RISING = (0.045, 0.050, 0.055, 0.055, 0.055)
"""Reflectance of coal at `KNOTS_NM`; assumed."""
RANKS = (CoalRank.FLAT, CoalRank.BITUMINOUS, CoalRank.SUBBITUMINOUS)


HEIGHTS_KNOWN = "relief 600 m, by catalogue and heights"
"""The same ground through catalogue, archive, masks and cube, with heights as an archive holds them."""
HEIGHTS_PX = 6
"""Cells of the simulator in a pixel of the heights: 30 m, as Copernicus GLO-30."""


def _spectrum(reflectance: tuple[float, ...]) -> tuple[float, ...]:
    at = [WAVELENGTH_NM[band] for band in OPTICAL_BANDS]
    return tuple(map(float, np.interp(at, KNOTS_NM, reflectance)))


CONDITIONS: MappingProxyType[str, Callable[[int], dict[str, Any]]] = MappingProxyType(
    {
        "flat .05": lambda _: {"spectrum": _spectrum((0.05,) * 5)},
        ".045-.055": lambda _: {"spectrum": _spectrum(RISING)},
        "undusted": lambda _: {"dust": 0.0},
        "judged": lambda _: {},
        "any of three ranks": lambda seed: {"rank": RANKS[seed % 3]},
        "lignite": lambda _: {"rank": CoalRank.LIGNITE},
        "half-coal yard": lambda _: {"half_yard": True},
        "wet": lambda _: {"wet": True},
        "winter": lambda _: {"winter": True},
        "relief 600 m": lambda _: {"relief_m": 600.0},
        HEIGHTS_KNOWN: lambda _: {"relief_m": 600.0},
    }
)
"""What a condition changes of the layout of a seed; ranks vary from site to site as the family says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """One site as it is measured, and what is true of it."""

    condition: str
    seed: int
    site: Site
    cube: xr.Dataset
    truth_ha: dict[tuple[str, dt.date], float]
    """By zone and day."""


def params_of(condition: str, seed: int) -> SimulationParams:
    """The layout of a seed under a condition."""
    return with_conditions(layout(seed), **CONDITIONS[condition](seed))


def yard_of(condition: str, seed: int, folder: Path) -> Yard:
    """One site, simulated unless the folder has it."""
    path = kept_in(folder, ["simulate_site"]) / f"{condition.replace(' ', '_')}-{seed}.pickle"
    if path.exists():
        return pickle.loads(path.read_bytes())  # noqa: S301 - written here
    simulated = simulate_site(params_of(condition, seed), seed=seed)
    cube = cube_with_heights(simulated, condition, seed) if condition == HEIGHTS_KNOWN else simulated.cube()
    days = sorted(set(cube["time"].values.astype("datetime64[D]").tolist()))
    zones = [zone.id for zone in stockyards(cube, simulated.site)]
    yard = Yard(
        condition=condition,
        seed=seed,
        site=simulated.site,
        cube=cube,
        truth_ha={(zone, day): zone_truth(simulated, zone, day) for zone in zones for day in days},
    )
    path.write_bytes(pickle.dumps(yard))
    return yard


def cube_with_heights(simulated: SimulatedSite, condition: str, seed: int) -> xr.Dataset:
    """The cube (time, y, x) as a run makes it, light on slopes taken out by heights of 30 m without error."""
    with tempfile.TemporaryDirectory() as folder:
        archived = archive_site(params_of(condition, seed), seed, Path(folder))
        world = simulated.truth.world
        height = world.land.height_m
        rows, columns = (side // HEIGHTS_PX for side in height.shape)
        inner = height[: rows * HEIGHTS_PX, : columns * HEIGHTS_PX]
        coarse = inner.reshape(rows, HEIGHTS_PX, columns, HEIGHTS_PX).mean(axis=(1, 3))
        heights = Path(folder) / "heights.tif"
        profile = {"driver": "GTiff", "width": columns, "height": rows, "count": 1, "dtype": "float32"}
        to_ground = world.frame.world_transform * Affine.scale(HEIGHTS_PX)
        with rasterio.open(
            heights, "w", **profile, crs=f"EPSG:{world.frame.epsg}", transform=to_ground
        ) as opened:
            opened.write(coarse.astype(np.float32), 1)
        return load_cube(archived.products, archived.grid, aoi=simulated.site.aoi, dem=[heights])


MEASURING = (
    "areas", "background", "blocks", "burn_scars", "dark_ground", "family", "fraction", "ground",
    "matched_filter", "mixture", "onset", "rows", "search", "smoothing", "spectra",
    "stockpile_records", "tracking", "water", "years", "zones",
)  # fmt: skip
"""Modules that what is measured in a year depends on; intervals and verdicts come after."""


def keep_options(about: str | None) -> argparse.Namespace:
    """`keep`, `kept` and `write` of a benchmark whose measured sites stay in a folder.

    Args:
        about: the benchmark's docstring.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--kept", action="store_true", help="only what the folder has")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


@cache
def measured_digest() -> str:
    """Digest of the code that measures a year, without its imports and docstrings."""
    digest = hashlib.sha256()
    for name in MEASURING:
        tree = ast.parse((ROOT / "detection" / "coal" / f"{name}.py").read_text("utf-8"))
        for node in ast.walk(tree):
            if hasattr(node, "body") and isinstance(node.body, list):
                node.body = [one for one in node.body if not _says_nothing(one)]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:12]


def _says_nothing(node: ast.stmt) -> bool:
    """Whether a statement is an import or a docstring."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Import | ast.ImportFrom)


def years_path(name: str, folder: Path) -> Path:
    """Where the measured years of a cube are kept."""
    kept = folder / f"years-{measured_digest()}-{digest_of('simulate_site')}"
    kept.mkdir(parents=True, exist_ok=True)
    return kept / f"{name.replace(' ', '_').replace('/', '_')}.pickle"


def kept_result(
    name: str,
    folder: Path,
    made: Callable[[], tuple[xr.Dataset, Site]],
    params: StockpileParams = ONLY_ZONES,
) -> StockpileResult:
    """What the method says of a cube, its years measured unless the folder has them.

    Args:
        name: of the cube within the folder.
        folder: for years.
        made: the cube and its site.
        params: of intervals and verdicts, and whether piles are looked for; years are measured with the
            default ones else.
    """
    path = years_path(name, folder)
    if path.exists():
        site, zones, held = pickle.loads(path.read_bytes())  # noqa: S301 - written here
        years = [year_from(one) for one in held]
    else:
        cube, site = made()
        zones = tuple(zone.id for zone in stockyards(cube, site))
        with_default = StockpileParams(find_piles=params.find_piles)
        years = measured_years(in_order(cube), site, None, with_default, None)
        path.write_bytes(pickle.dumps((site, zones, [year_bytes(year) for year in years])))
    return result_of_years(years, site, zones, coal=None, params=params)


def result_of(yard: Yard, folder: Path, params: StockpileParams = ONLY_ZONES) -> StockpileResult:
    """What the method says of a yard."""
    name = f"{yard.condition}-{yard.seed}"
    return kept_result(name, folder, lambda: (yard.cube, yard.site), params)
