from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from imagery.bands import OPTICAL_BANDS
from imagery.simulate import (
    CoalParams,
    CoalRank,
    LandParams,
    PatchPlan,
    PilePlan,
    PondPlan,
    SimulatedSite,
    SimulationParams,
    WeatherParams,
    farmed_site,
    measured_materials,
    measured_spectra,
    simulate_site,
    unchanged_site,
    with_conditions,
)
from imagery.simulate.params import CoalParams as Coal
from imagery.simulate.spectra import SPECTRA, TABLE, Material, coal_spectrum, moistened, soaked
from imagery.simulate.terrain import nearest_cells, sun_position

DAY = dt.datetime(2018, 6, 20, 2, tzinfo=dt.UTC)
PLAIN = SimulationParams(
    size_px=60, until=dt.date(2019, 1, 1), weather=WeatherParams(cloudiness=0, haze=0, snow=0, rain=0)
)
SIX = [OPTICAL_BANDS.index(band) for band in ("blue", "green", "red", "nir", "swir16", "swir22")]


def ground(site: SimulatedSite, when: dt.datetime = DAY) -> np.ndarray:
    sun = sun_position(when, lon=site.params.lon, lat=site.params.lat)
    return site.world.reflectance(when.date(), sun, OPTICAL_BANDS)


def test_every_row_of_the_table_has_a_source_and_is_reflectance() -> None:
    assert {row.source for row in TABLE} == {
        "assumed", "earthlib-1.1.0", "usgs-splib07", "korba-2023-01-10", "romania-cube",
    }  # fmt: skip
    for row in TABLE:
        assert row.reflectance.shape == (len(OPTICAL_BANDS),)
        assert 0 < row.reflectance.min() <= row.reflectance.max() < 1


def test_materials_vary_within_their_class() -> None:
    assert {
        "asphalt",
        "road",
        "roofing_felt",
        "tar_paper",
        "char",
        "burnt_ground",
        "magnetite",
        "soil",
    } < set(measured_materials())
    for name in ("asphalt", "road", "char", "soil", "magnetite"):
        spectra = np.array([row.reflectance for row in measured_spectra(name)])
        assert len(spectra) >= 10
        assert np.log(spectra).std(axis=0).min() > 0.2
    with pytest.raises(ValueError, match="no measured spectrum"):
        measured_spectra("coal")


def test_water_darkens_as_angstrom_says() -> None:
    flat = np.full(10, 0.043, np.float32)
    assert soaked(flat)[0] == pytest.approx(0.043 / (1.33**2 * 0.957 + 0.043), rel=1e-6)
    assert soaked(SPECTRA["coal_flat"])[SIX] == pytest.approx(
        [0.024, 0.025, 0.026, 0.027, 0.023, 0.016], abs=6e-4
    )
    np.testing.assert_allclose(moistened(flat, 0.0), flat)


def test_coal_of_a_rank_spreads_about_its_curve() -> None:
    rng = np.random.default_rng(1)
    for rank in CoalRank:
        drawn = np.log([coal_spectrum(Coal(rank=rank, dustiness=0), rng) for _ in range(400)])
        middle = np.log(coal_spectrum(Coal(rank=rank, dustiness=0, vary=0), rng))
        assert drawn.mean(axis=0) == pytest.approx(middle, abs=0.05)
        assert drawn.std(axis=0) == pytest.approx(np.full(10, np.hypot(0.28, 0.09)), rel=0.15)
    steep = [float(coal_spectrum(Coal(rank=r, vary=0, dustiness=0), rng)[[8, 2]] @ [1, -1]) for r in CoalRank]
    assert steep == sorted(steep)


def test_piles_show_the_spectrum_asked_for() -> None:
    own = tuple(np.linspace(0.05, 0.06, 10))
    coal = CoalParams(
        plans=(PilePlan(areas=((PLAIN.since, 1.5),)),), spectrum=own, halo_fraction=0, halo_m=10
    )
    site = simulate_site(replace(PLAIN, coal=coal, land=LandParams(texture=0, relief_m=0)), seed=3)
    full = site.world.coal_cover(DAY.date()) == 1
    seen = ground(site)[:, full] / site.world.land.texture[full]
    now = site.world.weather.on(DAY.date())
    assert now.wetness < 0.05
    assert np.median(seen, axis=1) == pytest.approx(
        moistened(np.array(own, np.float32), now.wetness), rel=0.05
    )


def test_patches_have_their_area_and_come_and_go() -> None:
    patch = PatchPlan(
        material="asphalt", area_ha=0.72, variant=3, periods=((dt.date(2018, 5, 1), dt.date(2018, 9, 1)),)
    )
    site = simulate_site(with_conditions(unchanged_site(size_px=60), patches=(patch,)), seed=4)
    world, (covering,) = site.world, site.world.coverings
    assert covering.cells.sum() * 25e-4 / world.frame.areal_scale == pytest.approx(0.72, abs=0.003)
    yard = world.mine.yard.cells(DAY.date())
    assert (yard & covering.cells).sum() > 0.95 * covering.cells.sum()
    rows = [
        world.rows(day)[covering.cells] for day in (dt.date(2018, 4, 30), DAY.date(), dt.date(2018, 9, 1))
    ]
    assert [(one == covering.row).all() for one in rows] == [False, True, False]
    shown = world.land.palette.own[covering.row]
    np.testing.assert_allclose(shown, measured_spectra("asphalt")[3].reflectance)
    assert site.truth.pile_area_ha(DAY.date()) == 0


def test_ponds_rise_and_fall_within_a_muddy_rim() -> None:
    params = with_conditions(PLAIN, ponds=(PondPlan(area_ha=0.5, at_m=(-200, 0), lowest=-0.2),))
    world = simulate_site(replace(params, size_px=100), seed=5).world
    (pond,) = world.land.ponds
    inside = pond.reach < 9
    days = [dt.date(2017, 1, 5) + dt.timedelta(days=20 * k) for k in range(34)]
    water = np.array([(world.rows(day)[inside] == Material.WATER).sum() for day in days]) * 25e-4
    assert water.max() > 0.4
    assert water.min() < 0.15
    mud = world.rows(days[0])[inside] == pond.rim
    assert mud.any()


def test_a_default_site_has_the_materials_alone() -> None:
    land = simulate_site(PLAIN, seed=1).world.land
    assert land.palette.own == {}
    assert land.rows is land.labels


def test_conditions_change_what_they_name() -> None:
    changed = with_conditions(
        PLAIN, rank="lignite", dust=0.0, wet=True, half_yard=True, relief_m=600, winter=True, swir=False,
        town_ha=3.0, rail_yard=True, black_shale=True,
    )  # fmt: skip
    assert changed.coal.rank is CoalRank.LIGNITE
    assert changed.land.relief_m == 600
    assert not [band for band in changed.sensor.bands if band.startswith("swir")]
    names = set(simulate_site(changed, seed=2).world.land.palette.names.values())
    assert {"ballast", "black_shale", "road"} <= names


def test_half_of_the_yard_is_coal_where_asked() -> None:
    made = [
        simulate_site(replace(PLAIN, coal=CoalParams(yard_fines=share, n_piles=2)), seed=6)
        for share in (0.0, 0.5)
    ]
    bare, black = (ground(one) for one in made)
    yard = made[0].world.mine.yard.cells(DAY.date()) & (made[0].world.coal_cover(DAY.date()) == 0)
    assert (black[8] < bare[8] - 0.01)[yard].mean() > 0.95
    assert (black[8] == bare[8])[~made[0].world.mine.yard.cells(DAY.date())].all()


def test_snow_beside_piles_gets_dusty() -> None:
    winter = dt.datetime(2018, 1, 20, 2, tzinfo=dt.UTC)
    plans = (PilePlan(areas=((PLAIN.since, 1.0),)),)
    made = [
        simulate_site(
            replace(PLAIN, weather=WeatherParams(snow=8), coal=CoalParams(plans=plans, snow_dust=share)),
            seed=7,
        )
        for share in (0.0, 0.5)
    ]
    day = next(
        day
        for day in (winter + dt.timedelta(days=k) for k in range(60))
        if made[0].world.weather.on(day.date()).snow > 0.8
        and made[0].world.weather.on(day.date()).snow_age_days > 2
    )
    clean, dusty = (ground(one, day)[0] for one in made)
    assert (dusty <= clean + 1e-6).all()
    assert (dusty < 0.9 * clean).sum() > 100


def test_farmed_slopes_are_burnt_in_april_and_sown_by_june() -> None:
    site = simulate_site(farmed_site(size_px=60, until=dt.date(2019, 1, 1)), seed=8)
    scars = np.zeros(site.world.frame.world_shape, bool)
    for scar in site.world.land.burn_scars:
        scars |= scar.cells
    april, june = (site.world.labels(dt.date(2018, month, 20)) == Material.BURNT for month in (4, 6))
    assert (april & ~scars).sum() > 50
    assert not (june & ~scars).any()


def test_the_nearest_cells_are_those_of_a_full_stable_sort() -> None:
    values = np.random.default_rng(3).integers(0, 40, (31, 17)).astype(float)
    for count in (0, 1, 100, 527, 600):
        expected = np.argsort(values, axis=None, kind="stable")[:count]
        np.testing.assert_array_equal(nearest_cells(values, count), expected)


def test_what_was_asked_for_has_a_control_zone_around_it() -> None:
    params = with_conditions(unchanged_site(size_px=120), ponds=1, town_ha=3.0, rail_yard=True)
    site = simulate_site(params, seed=2)
    zones = {zone.id: site.world.frame for zone in site.site.zones}
    assert {"control-town", "control-rails", "control-pond-1"} < set(zones)
    again = simulate_site(unchanged_site(size_px=120), seed=2).site.zones
    assert [zone.id for zone in again] == ["stockyard", "control-yard", "control-forest"]
