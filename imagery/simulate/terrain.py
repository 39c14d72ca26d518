"""Streams of chance, random fields, relief, the sun, and the light that relief lets through."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numba
import numpy as np
from numpy.typing import NDArray

from evidence.arrays import Floats32, Ints


class Stream(IntEnum):
    """What the numbers are for; adding one changes no other."""

    LAND = 1
    MINE = 2
    WEATHER = 3
    PASSES = 4
    ATMOSPHERE = 5
    SENSOR = 6
    SCL = 7
    REGISTRATION = 8
    RADAR = 9
    CATALOG = 10
    SITE = 11
    FIELDS = 12
    MATERIALS = 13
    SLOPES = 14
    PATCHES = 15
    WATER = 16
    BUILT = 17
    COAL = 18
    LANDSAT = 19


def stream(seed: int, purpose: Stream, index: int = 0) -> np.random.Generator:
    """The generator for one purpose (and one scene)."""
    return np.random.default_rng([seed, int(purpose), index])


def random_field(
    rng: np.random.Generator, shape: tuple[int, int], *, slope: float, shortest_px: float = 2.0
) -> Floats32:
    """A Gaussian field with power-law spectrum, mean 0 and sd 1.

    Args:
        rng: source of chance.
        shape: (y, x).
        slope: exponent of the amplitude spectrum; 1 rough … 3 smooth.
        shortest_px: shorter wavelengths are left out.
    """
    fy = np.fft.fftfreq(shape[0])[:, None]
    fx = np.fft.rfftfreq(shape[1])[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1.0
    amplitude = frequency**-slope * (frequency <= 1 / shortest_px)
    amplitude[0, 0] = 0.0
    white = np.fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
    field = np.fft.irfft2(white * amplitude, s=shape)
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], *, slope: float, step: int) -> Floats32:
    """As `random_field`, made `step` times coarser and interpolated: for what varies slowly."""
    coarse = (shape[0] // step + 3, shape[1] // step + 3)
    return resized(random_field(rng, coarse, slope=slope), shape, step=step)


def resized(coarse: Floats32, shape: tuple[int, int], *, step: int) -> Floats32:
    """Interpolate a coarse field linearly to `shape`, one coarse cell being `step` cells."""
    down, across = (_linear(count, length, step) for count, length in zip(coarse.shape, shape, strict=True))
    fine: Floats32 = down @ coarse.astype(np.float32) @ across.T
    return fine


@cache
def _linear(count: int, length: int, step: int) -> Floats32:
    """Matrix that interpolates `count` coarse centres at `length` fine centres, flat beyond the ends."""
    position = np.clip((np.arange(length) + 0.5) / step - 0.5, 0, count - 1)
    low = np.minimum(position.astype(int), count - 2)
    matrix = np.zeros((length, count), np.float32)
    rows = np.arange(length)
    matrix[rows, low], matrix[rows, low + 1] = 1 - (position - low), position - low
    return matrix


def nearest_cells(distance: NDArray[np.floating], count: int) -> Ints:
    """Flat indices of the `count` cells of least distance, by distance and, where equal, by index."""
    flat = distance.ravel()
    count = min(count, flat.size)
    if count == 0:
        return np.zeros(0, np.int64)
    near = np.flatnonzero(flat <= np.partition(flat, count - 1)[count - 1])
    return np.asarray(near[np.argsort(flat[near], kind="stable")][:count])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """Where the sun stands."""

    elevation_deg: float
    azimuth_deg: float
    """Clockwise from north."""


def sun_position(when: dt.datetime, *, lon: float, lat: float) -> Sun:
    """Sun at a place and time (UTC), good to about half a degree (series for declination and time)."""
    day = when.timetuple().tm_yday
    angle = 2 * np.pi * (day - 81) / 365
    declination = np.radians(23.45) * np.sin(angle)
    equation_min = 9.87 * np.sin(2 * angle) - 7.53 * np.cos(angle) - 1.5 * np.sin(angle)
    solar_hours = when.hour + when.minute / 60 + when.second / 3600 + lon / 15 + equation_min / 60
    hour_angle = np.radians((solar_hours % 24 - 12) * 15)
    phi = np.radians(lat)
    up = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    east = -np.cos(declination) * np.sin(hour_angle)
    north = np.cos(phi) * np.sin(declination) - np.sin(phi) * np.cos(declination) * np.cos(hour_angle)
    return Sun(
        elevation_deg=float(np.degrees(np.arcsin(up))),
        azimuth_deg=float(np.degrees(np.arctan2(east, north)) % 360),
    )


@numba.njit(cache=True)
def _lit(height: Floats32, step_x: float, step_y: float, rise: float, highest: float) -> Floats32:
    """Share of direct light: march towards the sun until relief rises above the ray, or the ray above all."""
    rows, columns = height.shape
    lit = np.ones(height.shape, np.float32)
    for i in range(rows):
        for j in range(columns):
            x, y, ray = float(j), float(i), height[i, j]
            while True:
                x += step_x
                y += step_y
                ray += rise
                a, b = int(y + 0.5), int(x + 0.5)
                if ray > highest or a < 0 or b < 0 or a >= rows or b >= columns:
                    break
                if height[a, b] > ray:
                    lit[i, j] = 0.0
                    break
    return lit


def cast_light(height_m: Floats32, cell_m: float, sun: Sun) -> Floats32:
    """1 where the sun reaches the ground, 0 in cast shadow: (y, x), rows from north to south."""
    azimuth = np.radians(sun.azimuth_deg)
    rise = cell_m * np.tan(np.radians(max(sun.elevation_deg, 1.0)))
    lit: Floats32 = _lit(
        height_m, float(np.sin(azimuth)), float(-np.cos(azimuth)), float(rise), float(height_m.max())
    )
    return lit


def slope_gain(height_m: Floats32, cell_m: float, sun: Sun) -> Floats32:
    """cos(incidence) / cos(sun zenith) of direct light on relief: (y, x), 0 where a slope faces away."""
    south_slope, east_slope = np.gradient(height_m, cell_m)
    zenith, azimuth = np.radians(90 - sun.elevation_deg), np.radians(sun.azimuth_deg)
    towards = np.sin(zenith) * (-east_slope * np.sin(azimuth) + south_slope * np.cos(azimuth)) + np.cos(
        zenith
    )
    norm = np.sqrt(1 + south_slope**2 + east_slope**2)
    gain: Floats32 = np.clip(towards / norm / np.cos(zenith), 0.0, 2.5).astype(np.float32)
    return gain
