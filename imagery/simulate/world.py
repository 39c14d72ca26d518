"""The ground on any day, on fine cells: what it is made of and what it reflects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from evidence.arrays import Bools, Floats32
from imagery.bands import OPTICAL_BANDS
from imagery.simulate.atmosphere import DIFFUSE
from imagery.simulate.fields import STEP_DAYS, STEPS, Fields, SlopeFires, build_fields, build_slope_fires
from imagery.simulate.frame import CELL_M, Frame, from_cell, polygon_coverage, whole_lattice
from imagery.simulate.layout import OUTSIDE_REACH, Covering, Land, build_land, coverings
from imagery.simulate.mine import Mine, build_mine
from imagery.simulate.params import SimulationParams
from imagery.simulate.passes import GroundState, Weather, build_weather
from imagery.simulate.piles import PileTruth
from imagery.simulate.spectra import (
    FOREST,
    GREEN,
    SPECTRA,
    Material,
    coal_spectrum,
    material_spectra,
    moistened,
)
from imagery.simulate.terrain import Stream, Sun, cast_light, random_field, slope_gain, smooth_field, stream

Labels = NDArray[np.uint8]

PATCH_SPREAD = 0.03
"""Sd of the patterns of brightness that come and go (tuned to the Romania cube)."""
TERRAIN_LEFT = 0.6
"""Share of the slope's effect on light that is left in products."""
CANOPY = np.array([material in FOREST for material in Material])
HOLDS_SNOW = np.where(CANOPY, 0.35, 1.0).astype(np.float32)
HOLDS_SNOW[Material.WATER] = 0.15
"""Snow to be seen per material, relative to open ground: canopies hide it, rivers melt it (assumed)."""
ROOFS = (Material.BRIGHT_ROOF, Material.DARK_ROOF)
SOAKS = 0.4
"""Wetness of roofs relative to open ground: they shed water (assumed)."""
LOW_WATER, HIGH_WATER = 0.35, 0.75
"""Share of a gravel river's mean width that is water at level 0, and what a level of 1 adds (assumed)."""
BANK_M, SCOURED_M = 12.0, 25.0
"""Width of each bank, and of the strip beyond it that the greatest flood turns into gravel (assumed)."""
SOOT_DAYS = 10.0
SOOT_REACH = 2.0
"""Coal dust on snow reaches this much farther than on bare ground (assumed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that is there, on every day."""

    params: SimulationParams
    seed: int
    frame: Frame
    land: Land
    mine: Mine
    weather: Weather
    snow_lies: Floats32
    """(y, x): how much later than the mean snow melts here, -1..1."""
    season_patch: Floats32
    """(y, x): lasting departure of vegetation from the mean, sd 1."""
    fields: Fields | None
    """Calendars of parcels; None where all fields go through the year alike."""
    fires: SlopeFires | None
    """Slopes burnt in April; None where none are."""
    coverings: tuple[Covering, ...]
    """Patches of materials that were asked for."""
    coal: Floats32 | None
    """Dry reflectance of the site's coal where it has a rank or a spectrum of its own: (band,)."""
    pile_gain: Floats32
    """(y, x): factor on the reflectance of coal by pile; (1, 1) where all piles are alike."""
    yearly_gain: Mapping[int, float]
    """Factor on the reflectance of coal by year."""

    def labels(self, day: dt.date) -> Labels:
        """`Material` of each fine cell on `day`, coal apart: (y, x)."""
        return self.land.palette.material_of(self.rows(day))

    def rows(self, day: dt.date) -> Labels:
        """Row of the palette that each fine cell shows on `day`, coal and the calendars of fields apart."""
        rows = self.land.rows.copy()
        state = self.weather.on(day)
        if self.params.land.river and self.params.land.floods:
            self._river(rows, state)
        if self.fires is not None:
            black = self.fires.black(day)
            rows[black & FARMED[self.land.labels]] = Material.BURNT
        for scar in self.land.burn_scars:
            if day >= scar.day:
                rows[self._still_burnt(scar.cells, (day - scar.day).days, scar.fade_days)] = Material.BURNT
        for patch in self.mine.disturbed:
            rows[patch.cells(day)] = patch.row if patch.row is not None else patch.material
        for pond in self.land.ponds:
            water = pond.lowest + (1 - pond.lowest) * state.water
            rows[pond.reach < OUTSIDE_REACH] = pond.rim
            rows[pond.reach <= water] = Material.WATER
        for covering in self.coverings:
            if covering.there(day):
                rows[covering.cells] = covering.row
        return rows

    def _river(self, rows: Labels, state: GroundState) -> None:
        """Water as wide as its level, gravel up to the banks, and beyond them where a flood has stripped."""
        half, away = self.land.river_half_m, np.abs(self.land.river_distance_m)
        wild = np.isin(self.land.labels, RIVERSIDE)
        stripped = away < half + BANK_M + SCOURED_M * state.scoured * (0.6 + 0.4 * self.snow_lies)
        rows[(away < half + BANK_M) | (stripped & wild)] = self.land.gravel
        rows[away < half * (LOW_WATER + HIGH_WATER * state.water)] = Material.WATER

    def _still_burnt(self, cells: Bools, days: int, fade_days: float) -> Bools:
        """Cells green again one by one, in the order of a lasting field."""
        rank = 0.5 + 0.25 * self.season_patch
        burnt: Bools = cells & (rank > days / fade_days)
        return burnt

    def coal_cover(self, day: dt.date) -> Floats32:
        """Exact share of each fine cell under piles: (y, x)."""
        cover = np.zeros(self.frame.world_shape, np.float32)
        for pile in self.mine.piles:
            add_pile(cover, pile, self.frame, day)
        return cover

    def dust(self, cover: Floats32) -> Floats32:
        """Share of coal dust on open ground around piles: (y, x)."""
        coal = self.params.coal
        if coal.halo_fraction == 0 or not cover.any():
            return np.zeros_like(cover)
        near = np.zeros_like(cover)
        rows, columns = _window(cover, round(4 * coal.halo_m / CELL_M))
        spread = gaussian_filter(cover[rows, columns], coal.halo_m / CELL_M)
        near[rows, columns] = coal.halo_fraction * np.clip(2 * spread, 0, 1) * (1 - cover[rows, columns])
        return near

    def fines(self, day: dt.date, cover: Floats32) -> Floats32:
        """Share of coal in the ground beside piles, blown or trampled: (y, x); not counted as pile."""
        share = self.dust(cover)
        if self.params.coal.yard_fines:
            yard = self.mine.yard.cells(day)
            for covering in self.coverings:
                if covering.there(day):
                    yard &= ~covering.cells
            share[yard] = np.maximum(share[yard], self.params.coal.yard_fines * (1 - cover[yard]))
        return share

    def soot(self, cover: Floats32, state: GroundState) -> Floats32:
        """Share of coal dust on lying snow: (y, x)."""
        coal = self.params.coal
        found = np.zeros_like(cover)
        rows, columns = _window(cover, round(4 * SOOT_REACH * coal.halo_m / CELL_M))
        spread = gaussian_filter(cover[rows, columns], SOOT_REACH * coal.halo_m / CELL_M)
        age = min(state.snow_age_days / SOOT_DAYS, 1.0)
        found[rows, columns] = np.clip(coal.snow_dust * age * np.clip(4 * spread, 0, 1), 0, 0.9)
        return found

    def light(self, sun: Sun) -> Floats32:
        """Direct light on each fine cell relative to level ground: (y, x); 0 in cast shadow."""
        coarse = np.ascontiguousarray(self.land.height_m[::2, ::2])
        lit = cast_light(coarse, 2 * CELL_M, sun) * slope_gain(coarse, 2 * CELL_M, sun)
        level = 1 + TERRAIN_LEFT * (lit - 1)
        return np.repeat(np.repeat(level, 2, axis=0), 2, axis=1)[: coarse.shape[0] * 2, : coarse.shape[1] * 2]

    def snow_cover(self, state: GroundState) -> Floats32 | None:
        """Snow on open ground: (y, x), 0..1; None where there is none anywhere."""
        if state.snow == 0:
            return None
        return np.asarray(np.clip((state.snow - 0.5 + 0.35 * self.snow_lies) * 2.5 + 0.5, 0, 1), np.float32)

    def reflectance(
        self, day: dt.date, sun: Sun, bands: tuple[str, ...], *, response: Floats32 | None = None
    ) -> Floats32:
        """Ground reflectance on fine cells under a clear sky: (band, y, x).

        Args:
            day: the day.
            sun: where it stands.
            bands: by meaning.
            response: (row of the palette, band), factors of another instrument's bands.
        """
        state, rows = self.weather.on(day), [OPTICAL_BANDS.index(band) for band in bands]
        labels, table, holds_snow = self._shown(day, state)
        table, cover = table[:, rows], self.coal_cover(day)
        if response is not None:
            table = table * np.tile(response, (len(table) // len(response), 1))
        snow, none = self.snow_cover(state), np.zeros((1, 1), np.float32)
        sooty = self.params.coal.snow_dust > 0 and snow is not None and bool(cover.any())
        out = np.empty((len(rows), *labels.shape), np.float32)
        _compose(
            labels,
            np.ascontiguousarray(table),
            SPECTRA["snow"][rows],
            cover + self.fines(day, cover),
            cover,
            self.pile_gain,
            none if snow is None else snow,
            self.soot(cover, state) if sooty else none,
            holds_snow,
            self._texture(state),
            self.light(sun),
            DIFFUSE[rows],
            out,
        )
        return out

    def _shown(self, day: dt.date, state: GroundState) -> tuple[NDArray[np.integer], Floats32, Floats32]:
        """Rows of a table of spectra that cells show, the table, and how its rows hold snow."""
        rows, own = self.rows(day), self._own_spectra(state)
        holds_snow = HOLDS_SNOW[np.array(self.land.palette.materials)]
        if self.fields is None:
            return rows, self._spectra(day, state, own), holds_snow
        shown, late = self.fields.shown(rows, day)
        days = STEP_DAYS * np.arange(-STEPS, STEPS + 1)
        tables = [self._spectra(day, state, own, late_days=float(one)) for one in days]
        wide = ((late + STEPS) * len(tables[0]) + shown).astype(np.uint16)
        return wide, np.concatenate(tables), np.tile(holds_snow, len(days))

    def _texture(self, state: GroundState) -> Floats32:
        """Lasting texture, and the patterns that come and go over weeks."""
        first, second = state.patchiness
        now = 1 + PATCH_SPREAD * (first * self.season_patch + second * self.snow_lies)
        return np.asarray(self.land.texture * now, np.float32)

    def _spectra(
        self, day: dt.date, state: GroundState, own: Floats32, *, late_days: float = 0.0
    ) -> Floats32:
        """Reflectance of every row of the palette: (row, band); the assumed curves where `own` is NaN."""
        table = material_spectra(
            day.timetuple().tm_yday,
            wetness=state.wetness,
            phenology_shift_days=state.phenology_shift_days + late_days,
            dustiness=self.params.coal.dustiness,
        )
        table[GREEN, 3:8] *= state.greenness_gain
        whole = own.copy()
        whole[: len(table)] = np.where(np.isnan(own[: len(table)]), table, own[: len(table)])
        whole[Material.COAL] *= np.float32(self.yearly_gain.get(day.year, 1.0))
        return whole

    def _own_spectra(self, state: GroundState) -> Floats32:
        """Rows with spectra of their own as wet as on the day: (row, band); NaN in the others."""
        palette = self.land.palette
        whole = np.full((len(palette.materials), len(OPTICAL_BANDS)), np.nan, np.float32)
        for row, spectrum in palette.own.items():
            material = palette.materials[row]
            wet = {Material.WET_SOIL: 0.0}.get(material, SOAKS if material in ROOFS else 1.0) * state.wetness
            whole[row] = moistened(spectrum, wet)
        if self.coal is not None:
            whole[Material.COAL] = moistened(self.coal, max(state.wetness, self.params.coal.wetness))
        return whole


RIVERSIDE = (Material.GRASS, Material.SOIL)
"""What a flood strips."""
FARMED = np.isin(np.arange(len(Material)), [Material.CROP, Material.GRASS])
"""Rows of what slope fires burn."""


def _window(cover: Floats32, pad: int) -> tuple[slice, slice]:
    """Rows and columns that hold all cover, and `pad` cells around it."""
    rows, columns = np.nonzero(cover.any(axis=1))[0], np.nonzero(cover.any(axis=0))[0]
    return (
        slice(max(int(rows[0]) - pad, 0), int(rows[-1]) + pad + 1),
        slice(max(int(columns[0]) - pad, 0), int(columns[-1]) + pad + 1),
    )


def add_pile(cover: Floats32, pile: PileTruth, frame: Frame, day: dt.date) -> None:
    """Add one pile's exact coverage to `cover`, in place."""
    outline = pile.outline(day)
    if outline is None:
        return
    t = frame.world_transform
    west, south, east, north = outline.bounds
    first_column, first_row = int((west - t.c) / CELL_M) - 1, int((t.f - north) / CELL_M) - 1
    columns, rows = int((east - west) / CELL_M) + 4, int((north - south) / CELL_M) + 4
    part = polygon_coverage(outline, from_cell(t, first_column, first_row), (rows, columns))
    window = cover[first_row : first_row + rows, first_column : first_column + columns]
    window += part.astype(np.float32)


@numba.njit(cache=True)
def _compose(  # noqa: PLR0913, PLR0917 - arrays of a kernel
    labels: NDArray[np.integer],
    table: Floats32,
    snow_spectrum: Floats32,
    coal: Floats32,
    pile: Floats32,
    pile_gain: Floats32,
    snow: Floats32,
    soot: Floats32,
    holds_snow: Floats32,
    texture: Floats32,
    light: Floats32,
    diffuse: Floats32,
    out: Floats32,
) -> None:
    """Mix materials, coal and snow, and light them: one pass over fine cells.

    `coal` counts dust, `pile` does not: snow stays on dusty ground, and on piles as on any ground.
    """
    bands, rows, columns = out.shape
    coal_row = 10
    for band in range(bands):
        sky = diffuse[band]
        coal_value = table[coal_row, band]
        for i in range(rows):
            for j in range(columns):
                label = labels[i, j]
                share = min(coal[i, j], np.float32(1.0))
                black = coal_value
                if pile_gain.shape[0] > 1:
                    black *= pile_gain[i, j]
                value = (table[label, band] * (np.float32(1.0) - share) + black * share) * texture[i, j]
                if snow.shape[0] > 1:
                    covered = (
                        snow[i, j] * holds_snow[label] * (np.float32(1.0) - np.float32(0.5) * pile[i, j])
                    )
                    white = snow_spectrum[band]
                    if soot.shape[0] > 1:
                        white += soot[i, j] * (black - white)
                    value += covered * (white - value)
                out[band, i, j] = value * (sky + (np.float32(1.0) - sky) * light[i, j])


def build_world(params: SimulationParams, seed: int) -> World:
    """Draw a world from a seed."""
    frame = Frame(params.lon, params.lat, whole_lattice(params.size_px))
    land = build_land(params, frame, seed)
    rng = stream(seed, Stream.SITE)
    south_slope = np.gradient(land.height_m, CELL_M, axis=0)
    lies = 6 * south_slope * -1 + 0.5 * smooth_field(rng, frame.world_shape, slope=1.2, step=2)
    years = (params.since.year - 1, params.until.year)
    mine = build_mine(params, frame, land, seed)
    own, coal_rng = (
        params.coal.rank is not None or params.coal.spectrum is not None,
        stream(seed, Stream.COAL),
    )
    return World(
        params=params,
        seed=seed,
        frame=frame,
        land=land,
        mine=mine,
        weather=build_weather(params, seed),
        snow_lies=np.clip(lies, -1, 1).astype(np.float32),
        season_patch=random_field(rng, frame.world_shape, slope=0.8),
        fields=build_fields(params.land.fields, frame.world_shape, years, stream(seed, Stream.FIELDS)),
        fires=build_slope_fires(params.land.slope_fires, land.slopes, years, stream(seed, Stream.SLOPES, 1)),
        coverings=coverings(params, frame, land.palette, mine.beside_m, seed),
        coal=coal_spectrum(params.coal, coal_rng) if own else None,
        pile_gain=_pile_gain(params, frame, mine, coal_rng),
        yearly_gain={
            year: float(np.exp(params.coal.year_spread * coal_rng.standard_normal()))
            for year in range(years[0], years[1] + 1)
        },
    )


def _pile_gain(params: SimulationParams, frame: Frame, mine: Mine, rng: np.random.Generator) -> Floats32:
    """Factor on coal's reflectance around each pile: the nearest pile's."""
    draws = rng.standard_normal(len(mine.piles))
    if params.coal.pile_spread == 0 or not mine.piles:
        return np.ones((1, 1), np.float32)
    x, y = frame.cell_centres()
    away = np.stack(
        [np.hypot(x[None, :] - one.centre_m[0], y[:, None] - one.centre_m[1]) for one in mine.piles]
    )
    gains = np.exp(params.coal.pile_spread * draws).astype(np.float32)
    return np.asarray(gains[away.argmin(axis=0)])
