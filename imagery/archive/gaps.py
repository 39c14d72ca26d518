"""Gaps: what could not, or need not, be looked at, and why.

"Nothing there" and "could not look" are told apart.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evidence.files import below, path_component, write_text
from evidence.hashing import sha256_bytes
from imagery.records import ArchivedProduct, MalformedItem, Product
from imagery.scenes import version_rank
from imagery.sources.items import parse_time

log = logging.getLogger(__name__)

GAPS = "gaps"
"""The folder of a site's gaps, beside those of its sensors."""


class GapKind(StrEnum):
    """Why there are no pixels."""

    NO_SCENE = "no_scene"
    """Nothing was listed in the interval."""
    CLOUD = "cloud"
    """The site's own pixels were cloud; can be fetched later all the same."""
    QUOTA = "quota"
    """The budget or the provider's quota was spent."""
    ERROR = "error"
    """The provider did not deliver, or delivered something else."""
    NO_DATA = "no_data"
    """The product was delivered, or describes itself, and shows nothing of the site: nothing has failed."""
    BANDS = "bands"
    """The product is there without bands that its provider delivers otherwise; these are asked for again."""
    UNEXPLAINED = "unexplained"
    """Orbit and tile make a pass likely, and no catalogue lists it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One product, pass or interval without pixels."""

    kind: GapKind
    sensor: str
    datetime: dt.datetime
    """Sensing time, or the start of the interval, UTC."""
    detail: str
    """The rule or the error, with its values."""
    source: str = ""
    product_id: str | None = None
    platform: str | None = None
    tile: str | None = None
    datatake: str | None = None
    baseline: str | None = None
    until: dt.datetime | None = None
    """End of the interval, where the gap is one."""
    recorded: dt.datetime | None = None
    closed: dt.datetime | None = None
    """When a later search of the whole interval succeeded."""
    attempts: int = 1
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Figures behind the rule."""

    @property
    def retry(self) -> bool:
        """Whether the next run tries again by itself."""
        return self.kind in {GapKind.ERROR, GapKind.QUOTA}

    def as_product(self) -> Product:
        """Enough of a product to ask the archive whether it has it."""
        return Product(
            id=self.product_id or "",
            source=self.source,
            collection="",
            platform=self.platform or "",
            datetime=self.datetime,
            assets={},
            bounds=(0.0, 0.0, 0.0, 0.0),
            tile=self.tile,
            datatake=self.datatake,
            baseline=self.baseline,
        )

    def concerns_newer_than(self, held: ArchivedProduct) -> bool:
        """Whether the gap is about a newer processing than the one that is held."""
        return version_rank(self.baseline) > version_rank(held.baseline)


def gap_of(product: Product, kind: GapKind, detail: str, *, sensor: str, **values: Any) -> Gap:
    """The gap that `product` leaves."""
    return Gap(
        kind=kind,
        sensor=sensor,
        datetime=product.datetime,
        detail=detail,
        source=product.source,
        product_id=product.id,
        platform=product.platform,
        tile=product.tile,
        datatake=product.datatake,
        baseline=product.baseline,
        values=MappingProxyType(values),
    )


def malformed_gap(item: MalformedItem, *, otherwise: dt.datetime) -> Gap:
    """The gap that an item leaves which cannot be a product.

    Args:
        item: what was listed.
        otherwise: its time, where the item tells none: the start of the search.
    """
    return Gap(
        kind=GapKind.ERROR,
        sensor="all",
        datetime=item.datetime or otherwise,
        detail=f"a listed item is no product: {item.reason}",
        source=item.source,
        product_id=item.id or f"item {sha256_bytes(item.reason.encode())[:16]}",
    )


def write_gap(site_folder: Path, gap: Gap) -> None:
    """Record a gap; another word on the same product or interval replaces it and counts the attempt."""
    folder = below(site_folder, GAPS, path_component(gap.sensor, default="unknown"), f"{gap.datetime:%Y}")
    path = below(folder, f"{_name(gap)}.json")
    attempts = gap.attempts
    if path.exists():
        previous = _read(path)
        attempts = previous.attempts + 1 if previous else attempts
    document = {
        "kind": gap.kind.value,
        "sensor": gap.sensor,
        "datetime": gap.datetime.isoformat(),
        "until": gap.until.isoformat() if gap.until else None,
        "detail": gap.detail,
        "source": gap.source,
        "product_id": gap.product_id,
        "platform": gap.platform,
        "tile": gap.tile,
        "datatake": gap.datatake,
        "baseline": gap.baseline,
        "recorded": gap.recorded.isoformat() if gap.recorded else None,
        "closed": gap.closed.isoformat() if gap.closed else None,
        "attempts": attempts,
        "values": dict(gap.values),
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, default=str)
    write_text(path, text.encode("utf-8", "replace").decode())


def read_gaps(site_folder: Path) -> list[Gap]:
    """Every recorded gap in the order of time."""
    found = [_read(path) for path in sorted((site_folder / GAPS).glob("*/*/*.json"))]
    return sorted((gap for gap in found if gap), key=lambda gap: (gap.datetime, gap.product_id or ""))


def _name(gap: Gap) -> str:
    subject = gap.product_id or f"{gap.kind}-{gap.until}"
    if gap.kind is GapKind.BANDS:  # beside the word on the product itself
        subject = f"{subject}-{gap.kind}"
    told = f"{gap.source}|{subject}".encode("utf-8", "surrogatepass")
    return f"{gap.datetime:%Y%m%dT%H%M%S}-{sha256_bytes(told)[:16]}"


def _read(path: Path) -> Gap | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        for key in ("datetime", "until", "recorded", "closed"):
            document[key] = parse_time(document[key]) if document.get(key) else None
        return Gap(**{**document, "kind": GapKind(document["kind"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("%s is not a readable gap: %s", path, error)
        return None
