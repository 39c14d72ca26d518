"""Coal as a family of spectra over rank, wetness and dust, fitted to the dark persistent ground of a zone.

Coal of another rank, dustier or wetter, has another spectrum, and no library of measured coal spectra could
be had. A single prior spectrum therefore measures flat (anthracite-like) coal as nearly none. The family is a
mixture of log-normal components; the logarithm of a zone's spectrum in one year is

    ln s = family component + deviation of the zone + deviation of the year,

a random-effects model whose parts are normal, so that one year's dark ground updates the zone's spectrum in
closed form (Rasmussen & Williams 2006, appendix A.2), and what is learned in one year is the prior of the
next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from detection.coal.spectra import DARKEST, GRAIN, LIKENESS, RELATIVE_GRAIN, CoalSpectrum, chi_square_quantile

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
RIDGE = 1e-6
"""Variance of ln reflectance that keeps a covariance invertible. Assumed: rounding."""
LEAST_OWN = 0.1
"""Share of a mixed pixel that is taken for its own at least. Assumed."""
WATER_PER_CM = MappingProxyType({"swir16": 6.7, "swir22": 16.5})
"""Absorption of liquid water (Hale and Querry 1973); none that counts in the other bands."""

WAVELENGTH_NM = MappingProxyType(
    {
        "blue": 492.7,
        "green": 559.8,
        "red": 664.6,
        "rededge1": 704.1,
        "rededge2": 740.5,
        "rededge3": 782.8,
        "nir": 832.8,
        "nir08": 864.7,
        "swir16": 1613.7,
        "swir22": 2202.4,
    }
)
"""Nominal band centres of Sentinel-2A, nanometres (ESA)."""
KNOTS = ("blue", "green", "red", "nir", "swir16", "swir22")
COARSE_BANDS = frozenset({"rededge1", "rededge2", "rededge3", "nir08", "swir16", "swir22"})
"""Bands with pixels of 20 m."""
SWIR = frozenset({"swir16", "swir22"})
CALIBRATED = "calibrated"
"""Name of the component that a calibration gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """One component of the family: dry coal of about one rank."""

    name: str
    """In the column `family`."""
    reflectance: tuple[float, ...]
    """At `KNOTS`, 0..1."""
    weight: float
    """Prior probability."""
    source: str


FAMILY = (
    Rank(
        name="flat_black",
        reflectance=(0.042, 0.043, 0.045, 0.047, 0.051, 0.052),
        weight=0.30,
        source="assumed; bracketed by new tar paper and carbon black (USGS splib07)",
    ),
    Rank(
        name="bituminous",
        reflectance=(0.041, 0.044, 0.048, 0.058, 0.086, 0.086),
        weight=0.25,
        source="assumed between its neighbours; new tar paper (USGS splib07) has this curve",
    ),
    Rank(
        name="dusty",
        reflectance=(0.042, 0.046, 0.052, 0.069, 0.130, 0.125),
        weight=0.30,
        source="measured: Korba, Sentinel-2 L2A of 2023-01-10; swir22 assumed",
    ),
    Rank(
        name="lignite",
        reflectance=(0.052, 0.062, 0.078, 0.112, 0.215, 0.200),
        weight=0.15,
        source="assumed; direction (brighter, steeper) Song et al. 2017, Mao et al. 2014",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyParams:
    """How wide the family is, what is dark persistent ground, and when a fit to it is believed."""

    level_sd: float = 0.28
    """ln reflectance, all bands together, of one component. Measured: spread of dark ground at Korba."""
    shape_sd: float = 0.09
    """ln reflectance of single bands. Measured: ratios at Korba (nir/red 1.16 to 1.35 over p10 to p90)."""
    shape_length: float = 0.25
    """Correlation length of the shape, in ln wavelength. Assumed."""
    year_level_sd: float = 0.08
    """ln reflectance: how one year's coal differs from another's at one zone as a whole. Assumed."""
    year_shape_sd: float = 0.03
    """The same of single bands. Assumed."""
    transfer_level_sd: float = 0.15
    """ln reflectance: how coal of one site differs from marked coal of another as a whole. Assumed, from the
    level of blackest cores within Korba (nir .036 to .068)."""
    transfer_shape_sd: float = 0.05
    """The same of single bands. Assumed."""
    observed_sd: float = 0.08
    """ln reflectance: error of the medians of dark ground, half of it common to the bands. Assumed."""
    impurity_sd: float = 0.5
    """Error of the share of other ground that is taken off dark ground, as a part of what it changes.
    Assumed."""
    least_pure: float = 0.5
    """Share of the reflectance that is left at least. Assumed."""
    wet_index: float = 1.33
    """Refractive index of water: wet reflectance is R / (n² (1 − R) + R) (Ångström 1925)."""
    film_cm: float = 0.02
    """Centimetres of water over wet coal, passed twice. Assumed."""
    wetness: float = 0.25
    """How wet the coal is that medians of two months show, 0 dry to 1 soaked, in ln reflectance. Assumed."""
    wetness_sd: float = 0.25
    """One standard deviation of that, from zone to zone. Assumed."""
    dark_share: float = 0.02
    """Share of a zone's pixel medians that is taken for its darkest ground. Prototype on simulated yards.
    Assumed."""
    fewest_dark: int = 8
    """Pixel medians that it holds at least. Assumed."""
    together_days: float = 60.0
    """Days whose looks give one median of a pixel. Assumed."""
    fewest_looks: int = 3
    """Looks that such a median needs. Assumed."""
    fewest_dark_medians: int = 2
    """Medians in which ground must be dark to count as dark ground that coal may hide in: once alone it is
    wet or shaded. Assumed."""
    greenest: float = 0.3
    """NDVI of a median from which ground is plants. Measured: coal at Korba lies below .2."""
    plants_ndvi: float = 0.4
    """NDVI of any median from which ground holds plants for a season. Assumed."""
    least_sun_deg: float = 35.0
    """Elevation of the sun at noon under which looks teach nothing while there are others: shaded slopes are
    as dark as coal. Assumed."""
    ground_quantile: float = 0.6
    """Quantile of the brightness of a zone and what lies around it that stands for its ground. Prototype.
    Assumed."""
    fitting_distance: float = 1.2
    """Mean square distance of dark ground from the family, per band, up to which it is coal-like. Measured:
    zones without coal 2.1 to 7.2, coal on fitting yards .07 to .74, small piles painted into forest 1.05."""
    darkest_ratio: float = 0.6
    """Brightness of dark ground over that of its zone below which it is dark. Prototype on simulated yards.
    Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkGround:
    """The darkest persistent ground of one zone in one year, by one way of ranking."""

    reflectance: Floats
    """(band,) median."""
    impurity: Floats
    """(band,) share of other ground that the instrument's blur mixes into it, by the size of its patches."""
    ground: Floats
    """(band,) what lies around."""
    ratio: float
    """Brightness (red to swir) over that of the zone's ground."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFit:
    """What a zone's dark ground says about its coal after some years; the covariance goes with it."""

    names: tuple[str, ...]
    """Components: ranks of `FAMILY`, or `CALIBRATED` alone."""
    bands: tuple[str, ...]
    log_weight: Floats
    """(component,) normalised."""
    mean: Floats
    """(component, band) ln reflectance of the zone."""
    covariance: Floats
    """(component, band, band)."""
    distance: float
    """Mean square distance per band of the dark ground from the family, mean of the years; NaN without
    any."""
    ratio: float
    """Least brightness over the zone's ground of any year; NaN without dark ground."""
    years: int
    """That had dark ground."""

    @property
    def name(self) -> str:
        """The likeliest component."""
        return self.names[int(np.argmax(self.log_weight))]

    def is_dark(self, params: FamilyParams) -> bool:
        """Whether the zone has ground that is dark beside its own."""
        return self.years > 0 and self.ratio < params.darkest_ratio

    def is_like_coal(self, params: FamilyParams) -> bool:
        """Whether the dark ground of its years looks like a part of the family."""
        return self.years > 0 and self.distance < params.fitting_distance

    def moments(self, params: FamilyParams) -> tuple[Floats, Floats]:
        """Mean (band,) and covariance (band, band) of ln reflectance in any one year."""
        weight = np.exp(self.log_weight)
        mean = weight @ self.mean
        away = self.mean - mean
        within = np.tensordot(weight, self.covariance, axes=1)
        between = (weight[:, None] * away).T @ away
        return mean, within + between + year_covariance(self.bands, params)

    def spectrum(self, name: str, params: FamilyParams) -> CoalSpectrum:
        """The zone's coal as the mixture takes it."""
        mean, covariance = self.moments(params)
        value = np.exp(mean)
        return CoalSpectrum(
            id=name,
            bands=self.bands,
            mean=tuple(map(float, value)),
            sd=tuple(float(v) for v in np.sqrt(np.diag(covariance)) * value),
            matrix=tuple(tuple(map(float, row)) for row in covariance * np.outer(value, value)),
        )

    def document(self) -> dict[str, Any]:
        """Plain values, for keeping."""
        return {
            "names": list(self.names),
            "bands": list(self.bands),
            "log_weight": self.log_weight.tolist(),
            "mean": self.mean.tolist(),
            "covariance": self.covariance.tolist(),
            "distance": None if np.isnan(self.distance) else self.distance,
            "ratio": None if np.isnan(self.ratio) else self.ratio,
            "years": self.years,
        }

    @classmethod
    def from_document(cls, told: Mapping[str, Any]) -> FamilyFit:
        """The inverse of `document`."""
        return cls(
            names=tuple(told["names"]),
            bands=tuple(told["bands"]),
            log_weight=np.array(told["log_weight"], dtype=np.float64),
            mean=np.array(told["mean"], dtype=np.float64),
            covariance=np.array(told["covariance"], dtype=np.float64),
            distance=float("nan") if told["distance"] is None else float(told["distance"]),
            ratio=float("nan") if told["ratio"] is None else float(told["ratio"]),
            years=int(told["years"]),
        )


def component_means(bands: Sequence[str]) -> Floats:
    """(component, band) ln reflectance of dry coal, interpolated along the wavelength."""
    knots = [WAVELENGTH_NM[band] for band in KNOTS]
    at = [WAVELENGTH_NM[band] for band in bands]
    return np.log([np.interp(at, knots, rank.reflectance) for rank in FAMILY])


def wetted(log_reflectance: Floats, bands: Sequence[str], params: FamilyParams) -> Floats:
    """(…, band) ln reflectance of the same coal when it is wet: Ångström's surface and a film of water."""
    dry = np.exp(log_reflectance)
    wet = dry / (params.wet_index**2 * (1.0 - dry) + dry)
    per_cm = np.array([WATER_PER_CM.get(band, 0.0) for band in bands])
    return np.asarray(np.log(wet) - 2.0 * params.film_cm * per_cm)


def family_covariance(bands: Sequence[str], params: FamilyParams) -> Floats:
    """(band, band) of ln reflectance within one component: a common level and a smooth shape."""
    return _level_and_shape(bands, params.level_sd, params.shape_sd, params.shape_length)


def year_covariance(bands: Sequence[str], params: FamilyParams) -> Floats:
    """(band, band) of the deviation of one year, ln reflectance."""
    return _level_and_shape(bands, params.year_level_sd, params.year_shape_sd, params.shape_length)


def transfer_covariance(bands: Sequence[str], params: FamilyParams) -> Floats:
    """(band, band) of how far one site's coal differs from another's of the same kind, ln reflectance."""
    return _level_and_shape(bands, params.transfer_level_sd, params.transfer_shape_sd, params.shape_length)


def _squares(deviation: Floats) -> Floats:
    """(…, band, band) of deviations (…, band)."""
    return deviation[..., :, None] * deviation[..., None, :]


def _level_and_shape(bands: Sequence[str], level: float, shape: float, length: float) -> Floats:
    at = np.log([WAVELENGTH_NM[band] for band in bands])
    near = np.exp(-0.5 * ((at[:, None] - at[None]) / length) ** 2)
    return np.asarray(level**2 + shape**2 * near + RIDGE * np.eye(len(at)))


def prior_fit(
    bands: Sequence[str],
    params: FamilyParams,
    marked: CoalSpectrum | None = None,
    *,
    site_id: str | None = None,
) -> FamilyFit:
    """The family before any ground was seen; around coal that was marked, where there is a calibration.

    Args:
        bands: of the measurement.
        params: of the family.
        marked: spectrum of a calibration; what sites differ by is added where it comes from another one.
        site_id: that is measured.
    """
    if marked is None:
        names, dry = tuple(rank.name for rank in FAMILY), component_means(bands)
        weight = np.array([rank.weight for rank in FAMILY])
        soaking = wetted(dry, bands, params) - dry
        mean = dry + params.wetness * soaking
        spread = family_covariance(bands, params) + _squares(params.wetness_sd * soaking)
    else:
        value, covariance = marked.select(bands)
        names, mean, weight = (CALIBRATED,), np.log(value)[None], np.ones(1)
        spread = (covariance / np.outer(value, value))[None]
        if marked.measured_at not in (None, site_id):
            spread = spread + transfer_covariance(bands, params)
    return FamilyFit(
        names=names,
        bands=tuple(bands),
        log_weight=np.log(weight / weight.sum()),
        mean=mean,
        covariance=spread,
        distance=float("nan"),
        ratio=float("nan"),
        years=0,
    )


def updated(fit: FamilyFit, prior: FamilyFit, dark: Sequence[DarkGround], params: FamilyParams) -> FamilyFit:
    """The zone's spectrum after one more year.

    Args:
        fit: after the years before.
        prior: before any year.
        dark: that year's dark ground, by several ways of ranking; of those that are darker than the zone's
            ground the one nearest the family teaches. Where none is, the year says nothing of coal that
            others show: it teaches only a zone that never had dark ground, and is forgotten once it has some.
        params: of the family.
    """
    if not dark:
        return fit
    judged = [(_distance(_evidence(prior, one, params), prior.log_weight), one) for one in dark]
    distance, chosen = min(judged, key=lambda one: (one[1].ratio >= params.darkest_ratio, one[0]))
    is_dark = chosen.ratio < params.darkest_ratio
    if fit.is_dark(params) and not is_dark:
        return fit
    if is_dark and not fit.is_dark(params):
        fit = prior
    before = 0.0 if fit.years == 0 else fit.distance * fit.years
    parts = _evidence(fit, chosen, params)
    weights = fit.log_weight + np.array([part[0] for part in parts])
    return FamilyFit(
        names=fit.names,
        bands=fit.bands,
        log_weight=weights - logsumexp(weights),
        mean=np.array([part[2] for part in parts]),
        covariance=np.array([part[3] for part in parts]),
        distance=(before + distance) / (fit.years + 1),
        ratio=float(np.fmin(fit.ratio, chosen.ratio)),
        years=fit.years + 1,
    )


_Part = tuple[float, float, Floats, Floats]


def _evidence(fit: FamilyFit, dark: DarkGround, params: FamilyParams) -> list[_Part]:
    """Per component: ln evidence, distance per band, mean and covariance of the zone's spectrum after it."""
    size = len(fit.bands)
    pure = (dark.reflectance - dark.impurity * dark.ground) / np.maximum(1.0 - dark.impurity, LEAST_OWN)
    pure = np.maximum(pure, params.least_pure * dark.reflectance)
    seen = np.log(np.maximum(pure, DARKEST))
    mixed = np.log(np.maximum(dark.reflectance, DARKEST)) - seen
    error = _median_error(fit.bands, params)
    error = error + (params.impurity_sd * mixed)[:, None] * (params.impurity_sd * mixed)
    out = []
    for mean, covariance in zip(fit.mean, fit.covariance, strict=True):
        total = covariance + error
        away = seen - mean
        far = float(away @ np.linalg.solve(total, away))
        gain = covariance @ np.linalg.inv(total)
        log_evidence = -0.5 * (far + float(np.linalg.slogdet(total)[1]))
        left = covariance - gain @ covariance
        out.append((log_evidence, far / size, mean + gain @ away, 0.5 * (left + left.T)))
    return out


def _median_error(bands: Sequence[str], params: FamilyParams) -> Floats:
    """(band, band) of ln reflectance: how far medians of a ground's looks lie from its spectrum."""
    observed = params.observed_sd**2 * 0.5 * (np.eye(len(bands)) + 1.0)
    return np.asarray(observed + year_covariance(bands, params))


def is_near(fit: FamilyFit, medians: Floats, params: FamilyParams) -> Bools:
    """(…) ground that is as near to a component as the dark ground of a zone must be; False where not seen.

    Args:
        fit: of what coal looks like.
        medians: (…, band) reflectance over looks of the same ground, NaN where not seen.
        params: of the family.
    """
    seen, error = np.log(np.maximum(medians, DARKEST)), _median_error(fit.bands, params)
    out = np.zeros(medians.shape[:-1], dtype=bool)
    for mean, covariance in zip(fit.mean, fit.covariance, strict=True):
        away = seen - mean
        square = ((away @ np.linalg.inv(covariance + error)) * away).mean(axis=-1)
        out |= square < params.fitting_distance
    return out


def _distance(parts: Sequence[_Part], log_weight: Floats) -> float:
    """Distance per band, components weighed by their prior and evidence."""
    weight = log_weight + np.array([part[0] for part in parts])
    share = np.exp(weight - logsumexp(weight))
    return float(share @ np.array([part[1] for part in parts]))


def like_family(pixels: Floats, bands: Sequence[str], params: FamilyParams) -> Bools:
    """(…) looks whose reflectance lies in the region of any component, dry or wet.

    A test of shape in ln reflectance: living vegetation, bright soil and most shade lie outside.

    Args:
        pixels: (…, band) reflectance.
        bands: their names.
        params: of the family.
    """
    seen = np.log(np.maximum(np.nan_to_num(pixels), DARKEST))
    dry = component_means(bands)
    limit = chi_square_quantile(LIKENESS, len(bands))
    out = np.zeros(pixels.shape[:-1], dtype=bool)
    for mean in (*dry, *wetted(dry, bands, params)):
        grain = (GRAIN + RELATIVE_GRAIN * np.exp(mean)) / np.exp(mean)
        precision = np.linalg.inv(family_covariance(bands, params) + np.diag(grain**2))
        away = seen - mean
        out |= ((away @ precision) * away).sum(axis=-1) < limit
    return out


def rank_spectrum(name: str, bands: Sequence[str], params: FamilyParams | None = None) -> CoalSpectrum:
    """One component of the family as a spectrum, with how far a site's coal may lie from it.

    Args:
        name: of a `Rank`.
        bands: wanted.
        params: of the family.
    """
    params = params or FamilyParams()
    index = [rank.name for rank in FAMILY].index(name)
    value = np.exp(component_means(bands)[index])
    covariance = family_covariance(bands, params) * np.outer(value, value)
    return CoalSpectrum(
        id=f"family-{name}",
        bands=tuple(bands),
        mean=tuple(map(float, value)),
        sd=tuple(map(float, np.sqrt(np.diag(covariance)))),
        matrix=tuple(tuple(map(float, row)) for row in covariance),
    )
