"""Registration on known shifts: the cube's own on real dates, methods compared, and simulated truth.

``python -m benchmarks.cube.registration [--bolzano FOLDER] [--part known] [--keep FOLDER] [--write]``. A
shift of up to 2 pixels is put into one real date, which is measured against other dates before and after.
The difference of the two estimates should be the shift: this tells repeatability, not accuracy. On simulated
sites (fetched, archived, loaded as ever) the true shift is known, and accuracy is told. With `--keep` the
lines of each part stay, so that a run that was cut short may be taken up again.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.cube.known_shifts import HEADS, known_rows
from benchmarks.cube.masks import PARAMS
from benchmarks.cube.real_sites import places
from benchmarks.cube.simulated_archive import archive_site
from benchmarks.manual import write_table
from imagery.cube.loading import load_cube
from imagery.cube.scene import CubeParams
from imagery.registration.blocks import high_pass
from imagery.registration.correlation import RefineParams, correlate, refine, spectra

Image = NDArray[np.float32]
Estimate = Callable[[Image, Image], tuple[float, float]]
BANDS = ("blue", "green", "red", "nir")
SIDE = 96
"""Of the square that is compared; the same in both places."""
SEEDS = (514, 515)
REACH = 5
UPSAMPLING = 50


def plain(image: Image) -> Image:
    return image


def detail(image: Image) -> Image:
    return high_pass([image], np.ones(image.shape, bool))[0]


def local_contrast(image: Image) -> Image:
    fine = detail(image)
    return (fine / (np.sqrt(ndimage.gaussian_filter(fine**2, 8.0)) + 1e-4)).astype(np.float32)


def gradient(image: Image) -> Image:
    return ndimage.gaussian_gradient_magnitude(image, 1.0).astype(np.float32)


def peak(reference: Image, image: Image) -> tuple[float, float]:
    """Masked correlation at whole lags, a parabola through its peak."""
    seen = np.ones(image.shape, bool)
    surface, _ = correlate(spectra(reference, seen, REACH), spectra(image, seen, REACH), REACH, 64)
    row, col = np.unravel_index(np.argmax(surface[1:-1, 1:-1]), (2 * REACH - 1, 2 * REACH - 1))
    row, col = int(row) + 1, int(col) + 1
    return (
        col - REACH + _vertex(surface[row, col - 1 : col + 2]),
        row - REACH + _vertex(surface[row - 1 : row + 2, col]),
    )


def _vertex(three: NDArray[np.float64]) -> float:
    bend = three[0] - 2 * three[1] + three[2]
    return float(0.5 * (three[0] - three[2]) / bend) if bend else 0.0


def least_squares(reference: Image, image: Image) -> tuple[float, float]:
    """Robust least squares from the correlation's pixel: what the cube uses."""
    seen = np.ones(image.shape, bool)
    dx, dy = peak(reference, image)
    found = refine(reference, seen, image, seen, float(round(dx)), float(round(dy)), 300, RefineParams())
    return float(found[0]), float(found[1])


def fourier(*, phase: bool) -> Estimate:
    """Correlation in the Fourier domain, its peak refined by a matrix (Guizar-Sicairos et al. 2008)."""

    def estimate(reference: Image, image: Image) -> tuple[float, float]:
        window = np.outer(*(np.hanning(side) for side in image.shape))
        spectra = [np.fft.fft2((part - part.mean()) * window) for part in (reference, image)]
        product = spectra[1] * np.conj(spectra[0])
        product = product / np.maximum(np.abs(product), 1e-12) if phase else product
        surface = np.fft.fftshift(np.fft.ifft2(product).real)
        top, left = (side // 2 - REACH for side in image.shape)
        near = surface[top : top + 2 * REACH + 1, left : left + 2 * REACH + 1]
        row, col = (int(i) - REACH for i in np.unravel_index(np.argmax(near), near.shape))
        fine = np.arange(-60, 61) / UPSAMPLING
        down, across = (
            np.exp(2j * np.pi * np.outer(at + fine, np.fft.fftfreq(side)))
            for at, side in zip((row, col), image.shape, strict=True)
        )
        zoomed = (down @ product @ across.T).real
        i, j = np.unravel_index(np.argmax(zoomed), zoomed.shape)
        return float(col + fine[j]), float(row + fine[i])

    return estimate


METHODS: dict[tuple[str, str], tuple[Estimate, Callable[[Image], Image]]] = {
    ("correlation peak, parabola", "high-pass"): (peak, detail),
    ("least squares, robust", "reflectance"): (least_squares, plain),
    ("least squares, robust (taken)", "high-pass"): (least_squares, detail),
    ("least squares, robust", "high-pass, local contrast"): (least_squares, local_contrast),
    ("least squares, robust", "gradient magnitude"): (least_squares, gradient),
    ("phase correlation", "high-pass"): (fourier(phase=True), detail),
    ("phase correlation", "gradient magnitude"): (fourier(phase=True), gradient),
    ("cross-correlation, Fourier upsampled", "high-pass"): (fourier(phase=False), detail),
    ("cross-correlation, Fourier upsampled", "high-pass, local contrast"): (
        fourier(phase=False),
        local_contrast,
    ),
    ("cross-correlation, Fourier upsampled", "gradient magnitude"): (fourier(phase=False), gradient),
}


def clear_dates(cube: xr.Dataset, most: int) -> list[int]:
    """Steps that see everything, spread over the series."""
    clear = (cube["valid_fraction"].values > 0.99) & (cube["snow_fraction"].values < 0.01)
    found = np.flatnonzero(clear & (cube["status"].values == "used"))
    return [int(k) for k in found[np.unique(np.linspace(0, len(found) - 1, most).round().astype(int))]]


def errors(cube: xr.Dataset, most: int, seed: int) -> dict[tuple[str, str], list[float]]:
    """Per method, error per axis of each date: the median of the bands, less what was put in."""
    rng = np.random.default_rng(seed)
    dates = clear_dates(cube, most)
    month = cube["time"].dt.month.values
    found: dict[tuple[str, str], list[float]] = {key: [] for key in METHODS}
    for k in dates:
        others = sorted(
            (j for j in dates if j != k),
            key=lambda j: min((month[j] - month[k]) % 12, (month[k] - month[j]) % 12),
        )
        dx, dy = rng.uniform(-2, 2, 2)
        sets = []
        for band in BANDS:
            images = np.nan_to_num(cube[band].values)
            reference = np.median(images[others[:7]], axis=0)
            moved = ndimage.shift(images[k], (dy, dx), order=3, mode="nearest")
            sets.append([np.nan_to_num(_cut(a)).astype(np.float32) for a in (reference, images[k], moved)])
        for key, (estimate, feature) in METHODS.items():
            steps = []
            for parts in sets:
                reference, before, after = (feature(part) for part in parts)
                one, two = estimate(reference, before), estimate(reference, after)
                steps.append((two[0] - one[0] - dx, two[1] - one[1] - dy))
            found[key] += [float(value) for value in np.nanmedian(np.array(steps), axis=0)]
    return found


def _cut(image: Image) -> Image:
    top, left = ((length - SIDE) // 2 for length in image.shape)
    return image[max(top, 2) : max(top, 2) + SIDE, max(left, 2) : max(left, 2) + SIDE]


def compared(bolzano_items: Path | None, most: int, seed: int) -> Iterator[str]:
    """The table of methods."""
    results = {}
    params = CubeParams(bands=BANDS, use_history=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, (products, grid) in places(bolzano_items, Path(folder)).items():
            results[name] = errors(load_cube(products, grid, params=params), most, seed)
    counts = ", ".join(
        f"{name}: {len(found[next(iter(METHODS))]) // 2} dates" for name, found in results.items()
    )
    yield f"| method | feature | {' | '.join(f'{name}, RMSE px' for name in results)} |"
    yield "|---|---|" + "---|" * len(results)
    for key in METHODS:
        cells = [f"{np.sqrt(np.mean(np.square(found[key]))):.3f}" for found in results.values()]
        yield f"| {key[0]} | {key[1]} | {' | '.join(cells)} |"
    yield ""
    yield f"{counts}; shifts drawn with seed {seed}."


def known(bolzano_items: Path | None, seed: int, rounds: int) -> Iterator[str]:
    """The table of known shifts on real dates."""
    yield f"| {' | '.join(HEADS)} |"
    yield "|" + "---|" * len(HEADS)
    with tempfile.TemporaryDirectory() as folder:
        for name, place in places(bolzano_items, Path(folder)).items():
            yield from known_rows(name, place, seed=seed, rounds=rounds)
    yield ""
    yield f"{rounds} shifts per date, drawn with seed {seed}."


def simulated(seeds: list[int], keep: Path | None) -> Iterator[str]:
    """Shifts of simulated products against the truth, the common shift of the reference taken out."""
    heads = ("seed", "scenes", "accepted", "clear and refused", "RMSE dx, px", "RMSE dy, px")
    yield f"| {' | '.join((*heads, 'largest error, px', 'median residual, px'))} |"
    yield "|---|---|---|---|---|---|---|---|"
    for seed in seeds:
        with tempfile.TemporaryDirectory() as temporary:
            folder = (keep or Path(temporary)) / f"{seed}-120"
            folder.mkdir(parents=True, exist_ok=True)
            archived = archive_site(dataclasses.replace(PARAMS, size_px=120), seed, folder)
            cube = load_cube(archived.products, archived.grid)
        found = np.column_stack([cube["dx_m"].values, cube["dy_m"].values]) / 10
        raw = np.array([archived.on(time).raw_shift_m for time in cube["time"].values]) / 10
        good = np.isfinite(found).all(axis=1)
        left = (found - raw)[good]
        left = left - np.median(left, axis=0)
        clear = np.array([1 - np.logical_or(*archived.sky(t)).mean() for t in cube["time"].values]) > 0.9
        rmse = np.sqrt((left**2).mean(axis=0))
        cells = [
            str(seed),
            str(good.size),
            str(int(good.sum())),
            f"{int((clear & ~good).sum())} of {int(clear.sum())}",
            f"{rmse[0]:.3f}",
            f"{rmse[1]:.3f}",
            f"{np.abs(left).max():.2f}",
            f"{np.nanmedian(cube['residual_px'].values):.3f}",
        ]
        yield "| " + " | ".join(cells) + " |"


def kept(name: str, make: Callable[[], Iterator[str]], keep: Path | None) -> list[str]:
    """The lines of a table, from `keep` where they were made before."""
    note = None if keep is None else keep / f"{name}.md"
    if note is not None and note.exists():
        return note.read_text(encoding="utf-8").splitlines()
    lines = []
    for line in make():
        lines.append(line)
        print(line, flush=True)
    if note is not None:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text("\n".join(lines), encoding="utf-8")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bolzano", type=Path, help="folder of the static catalogue")
    parser.add_argument("--dates", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3, help="shifts per date")
    parser.add_argument("--seed", type=int, default=23, help="of the shifts put in")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument(
        "--keep", type=Path, help="folder for the simulated archives, and for lines that are done"
    )
    parser.add_argument("--part", choices=("known", "methods", "simulated"), help="one part alone")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    parts = {
        "registration known table": lambda: known(args.bolzano, args.seed, args.rounds),
        "registration methods table": lambda: compared(args.bolzano, args.dates, args.seed),
        "registration simulated table": lambda: simulated(args.seeds, args.keep),
    }
    for name, make in parts.items():
        if args.part is None or args.part in name:
            lines = kept(name, make, args.keep)
            if args.write:
                made_up = "simulated" in name
                method = ["load_cube", "simulate_site"] if made_up else ["load_cube"]
                seeds = f"seeds {args.seeds}" if made_up else f"real imagery; shifts of seed {args.seed}"
                write_table("imagery-cube.md", name, lines, method=method, seeds=seeds)


if __name__ == "__main__":
    main()
