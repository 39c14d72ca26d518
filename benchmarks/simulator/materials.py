"""The simulator's table of reflectance: measured spectra resampled to the bands of Sentinel-2.

    python -m benchmarks.simulator.materials --write

Reads the measured spectra of the ``earthlib`` wheel (1.1.0, MIT: roads, roofs, char, litter and gravel by
field spectrometers in Santa Barbara and in the Joint Fire Science Program; soils of the ICRAF-ISRIC library)
and, where ``../shared/data/spectra`` is there, those of USGS splib07 (Kokaly et al. 2017, public domain).
Bands are Gaussians of the nominal centres and widths of Sentinel-2A: an approximation of the real responses.
Rows of other origin (assumed curves, Korba, the Romania cube) are kept as they stand in the table.
Of a large class some are taken at even steps of rank in mean reflectance, so that its spread stays.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.manual import ROOT
from imagery.bands import OPTICAL_BANDS

TABLE = ROOT / "imagery" / "simulate" / "spectra.csv"
SHARED = ROOT.parent / "shared" / "data" / "spectra" / "materials.csv"
EARTHLIB, USGS = "earthlib-1.1.0", "usgs-splib07"
CENTRES_NM = (492.7, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 1613.7, 2202.4)
WIDTHS_NM = (65, 35, 30, 14, 14, 19, 105, 21, 90, 174)
"""Full widths at half maximum of Sentinel-2A (ESA, spectral response functions, nominal values)."""
CLASSES = {
    "asphalt": ("asphalt", 18),
    "road": ("road", 16),
    "parking": ("parking_lot", 10),
    "shingle": ("comp_shingle", 12),
    "tile": ("concrete_tile", 8),
    "metal": ("metal", 6),
    "gravel": ("gravel", 8),
    "litter": ("litter", 8),
    "soil": ("soil", 32),
    "char": ("char", 21),
}
"""Our word, the class of earthlib, and how many of it."""
NOT_BLACK = ("ash", "graysoil", "difubr", "scorch", "ash_litter")
"""Of earthlib's class of char: ash, grey soil and scorched leaves, which are not char."""
LEAST = 0.005
"""Spectra that fall below this anywhere are broken (a reed of the class of litter is 0 up to 1 µm)."""
NAMED = {
    "asphalt": ("Asphalt GDS376",),
    "roofing_felt": ("Roofing_Felt",),
    "tar_paper": ("Tar_Paper GDS285",),
    "tar_roof": ("Asphalt_Tar GDS346",),
    "burnt_ground": ("BurnArea_",),
    "magnetite": ("Magnetite",),
    "rust": ("Rusted_Tin",),
    "slush": ("Melting_snow mSnw15", "Melting_snow mSnw16 "),
}
"""Our word, and how names of splib07 begin."""

Row = dict[str, str]


def of_earthlib() -> Iterator[Row]:
    spec = importlib.util.find_spec("earthlib")
    if spec is None or spec.origin is None:
        raise SystemExit("this needs the earthlib wheel (pip install --no-deps earthlib==1.1.0)")
    home = Path(spec.origin).parent / "data"
    header = (home / "spectra.sli.hdr").read_text(encoding="utf-8")
    listed = header.rsplit("wavelength = {", 1)[1].split("}")[0]
    wavelength = np.array([1000 * float(one) for one in listed.split(",")])
    with (home / "spectra.csv").open(encoding="utf-8") as stream:
        about = list(csv.DictReader(stream))
    spectra = np.fromfile(home / "spectra.sli", "<f4").reshape(len(about), wavelength.size)
    by_class: dict[str, list[int]] = defaultdict(list)
    for k, one in enumerate(about):
        whole = one["LEVEL_4"] == "measured" and spectra[k].min() > LEAST
        if whole and not (one["LEVEL_3"] == "char" and one["NAME"] in NOT_BLACK):
            by_class[one["LEVEL_3"]].append(k)
    for word, (name, count) in CLASSES.items():
        ranked = sorted(by_class[name], key=lambda k: float(spectra[k].mean()))
        chosen = np.unique(np.linspace(0, len(ranked) - 1, count + 2)[1:-1].round().astype(int))
        for k in (ranked[i] for i in (chosen if len(ranked) > count else range(len(ranked)))):
            yield row(EARTHLIB, word, about[k]["NAME"], resampled(wavelength, spectra[k]))


def resampled(wavelength_nm: NDArray[np.float64], spectrum: NDArray[np.float32]) -> NDArray[np.float64]:
    """Reflectance at the bands: Gaussian-weighted means."""
    sigma = np.array(WIDTHS_NM)[:, None] / (2 * np.sqrt(2 * np.log(2)))
    weight = np.exp(-0.5 * ((wavelength_nm[None, :] - np.array(CENTRES_NM)[:, None]) / sigma) ** 2)
    return np.asarray((weight @ spectrum) / weight.sum(axis=1))


def of_usgs() -> Iterator[Row]:
    with SHARED.open(encoding="utf-8") as stream:
        for one in csv.DictReader(stream):
            for word, beginnings in NAMED.items():
                if one["library"] == USGS and one["name"].startswith(beginnings):
                    values = np.array([float(one[band]) for band in OPTICAL_BANDS])
                    yield row(USGS, word, " ".join(one["name"].split()), values)


def row(source: str, material: str, name: str, values: NDArray[np.float64]) -> Row:
    named = {"source": source, "material": material, "name": name}
    return named | {band: f"{value:.4f}" for band, value in zip(OPTICAL_BANDS, values, strict=True)}


def table() -> list[Row]:
    with TABLE.open(encoding="utf-8") as stream:
        kept = list(csv.DictReader(stream))
    again = {EARTHLIB, USGS} if SHARED.is_file() else {EARTHLIB}
    rows = [one for one in kept if one["source"] not in again]
    return [*rows, *of_earthlib(), *(of_usgs() if SHARED.is_file() else ())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into the simulator")
    chosen, rows = parser.parse_args(), table()
    print(f"{len(rows)} spectra of {len({one['material'] for one in rows})} materials")
    if chosen.write:
        with TABLE.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
