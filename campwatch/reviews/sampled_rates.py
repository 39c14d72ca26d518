"""Rates before and after the date of the claim by a site's random sample, once it is labelled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aoi.records import Boundary, Site
from campwatch.identity import Clock, new_run_id, timestamp
from campwatch.reviews.labels import CANNOT_TELL, SampleResult, sample_result
from campwatch.reviews.records import SAMPLED_RATES, SampledRateRecord
from detection.ground.landsat_records import LANDSAT_RATES
from detection.ground.records import GROUND_RATES
from detection.sampling.accuracy import Stratum
from detection.sampling.design import SampleUnit, StratumMap, disturbed, outside_strata
from detection.sampling.rates import Sides, sampled_rates
from evidence.hashing import sha256_json
from evidence.ledger import Ledger

DAYS = ("since", "split", "until")
"""Columns of the rates' rows: first day, the date, day after the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRates:
    """What a sample is asked for beside the map's accuracy."""

    sides: Sides
    boundary: Boundary | None
    """The fixed version outside of which ground counts; None: all ground."""

    @property
    def classes(self) -> list[str]:
        """Every year that counts: a reader may see ground opened in one in which nothing was mapped."""
        last = (self.sides.until - dt.timedelta(days=1)).year
        return [disturbed(year) for year in range(self.sides.since.year, last + 1)]

    def told(self, strata: StratumMap, units: Sequence[SampleUnit], names: Sequence[str]) -> dict[str, Any]:
        """The same for the sample's row, with what of its strata and which of its units lie outside."""
        hectares: Mapping[str, float] = {s.name: s.area_ha for s in strata.strata}
        outside = [True] * len(units)
        if self.boundary is not None:
            hectares, outside = outside_strata(strata, units, self.boundary.geometry)
        return {day: str(getattr(self.sides, day)) for day in DAYS} | {
            "boundary_id": self.boundary and self.boundary.boundary_id,
            "hectares": dict(hectares),
            "units": [name for name, is_out in zip(names, outside, strict=True) if is_out],
        }


def asked_rates(ledger: Ledger, site: Site) -> AskedRates | None:
    """Days and version of the site's rates, Landsat's where there are any; None: no rates."""
    for layer in (LANDSAT_RATES, GROUND_RATES):
        for stored in ledger.current(layer.name, site_id=site.id):
            data = stored.row.data
            if data["boundary_role"] == "fixed" and data["before_ha_a_year"]["value"] is not None:
                days = {day: dt.date.fromisoformat(str(data[day])[:10]) for day in DAYS}
                version = next((b for b in site.boundaries if b.boundary_id == data["boundary_id"]), None)
                return AskedRates(sides=Sides(**days), boundary=version)
    return None


def rate_of(result: SampleResult) -> SampledRateRecord | None:
    """The rates by a sample; None where none were asked for, labels are missing or readers do not agree."""
    data = result.drawn.row.data
    asked = data.get("rates")
    if asked is None or result.accuracy is None:
        return None
    sides = Sides(**{day: dt.date.fromisoformat(asked[day]) for day in DAYS})
    strata = [Stratum(**(s | {"area_ha": asked["hectares"][s["name"]]})) for s in data["strata"]]
    labels = [
        (str(data["units"][unit]["stratum"]), result.labels[unit])
        for unit in asked["units"]
        if result.labels.get(unit, CANNOT_TELL) != CANNOT_TELL
    ]
    found = sampled_rates(strata, labels, sides, error=result.accuracy.reader_error)
    return SampledRateRecord(
        sample_id=str(data["sample_id"]),
        boundary_id=asked["boundary_id"],
        labels=len(labels),
        unclear=len(asked["units"]) - len(labels),
        map_date=dt.date.fromisoformat(result.summary.map_date),
        before_ha_a_year=found.before,
        after_ha_a_year=found.after,
        change_ha_a_year=found.change,
        **{day: getattr(sides, day) for day in DAYS},
    )


def keep_rates(ledger: Ledger, site_id: str, *, clock: Clock) -> None:
    """Put the rates by the newest sample into the ledger once it is labelled, where they are not there."""
    result = sample_result(ledger, site_id)
    found = None if result is None else rate_of(result)
    if result is None or found is None:
        return
    told = sha256_json({"sample": result.drawn.row_id, "labels": dict(result.labels)})
    row = SAMPLED_RATES.row(found, site_id=site_id, inputs_hash=told)
    if row.row_id in {s.row_id for s in ledger.current(SAMPLED_RATES.name, site_id=site_id)}:
        return
    ledger.append(
        [row],
        chain=site_id,
        run_id=new_run_id(clock),
        time=timestamp(clock),
        actor="campwatch",
        action="sample",
        details={"sample": found.sample_id, "labels": found.labels},
    )
