"""What the sources listed when they were last asked, so that `status` can say it without asking again."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evidence.files import write_text
from imagery.listing import Listing
from imagery.records import Product
from imagery.sources.items import parse_time

log = logging.getLogger(__name__)

_KEPT = ("id", "collection", "platform", "tile", "datatake", "relative_orbit", "baseline")


def write_listing(path: Path, listing: Listing) -> None:
    """Renew what is known of the listing's interval; what is known of other times stays.

    Nothing is written where nothing changed, or where a source did not answer: then the older word counts.
    """
    if listing.troubles:
        return
    older = read_listing(path, listing.site_id)
    kept = [(p, name) for p, name in older.listed if not listing.since <= p.datetime < listing.until]
    merged = sorted([*kept, *listing.listed], key=lambda pair: (pair[0].datetime, pair[1], pair[0].id))
    document = {
        "since": min(older.since, listing.since).isoformat(),
        "until": max(older.until, listing.until).isoformat(),
        "exhaustive": listing.exhaustive and (older.exhaustive or not older.listed),
        "products": [_entry(product, name) for product, name in merged],
    }
    if not path.exists() or _load(path) != document:
        write_text(path, json.dumps(document, ensure_ascii=False, indent=None, separators=(",", ":")))


def read_listing(path: Path, site_id: str) -> Listing:
    """What was written last; an empty listing where that was nothing, or is not readable."""
    document = _load(path)
    since, until = (document.get(key) for key in ("since", "until"))
    return Listing(
        site_id=site_id,
        since=parse_time(since) if since else dt.datetime.max.replace(tzinfo=dt.UTC),
        until=parse_time(until) if until else dt.datetime.min.replace(tzinfo=dt.UTC),
        listed=list(_products(document.get("products", []))),
        exhaustive=bool(document.get("exhaustive")),
    )


def _entry(product: Product, source: str) -> dict[str, Any]:
    told = {key: value for key in _KEPT if (value := getattr(product, key)) is not None}
    return {"source": source, "datetime": product.datetime.isoformat(), **told}


def _products(entries: Iterable[dict[str, Any]]) -> Iterable[tuple[Product, str]]:
    for entry in entries:
        told: dict[str, Any] = {key: entry.get(key) for key in _KEPT}
        product = Product(
            **told,
            source=entry["source"],
            datetime=parse_time(entry["datetime"]),
            assets={},
            bounds=(0.0, 0.0, 0.0, 0.0),
        )
        yield product, entry["source"]


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("%s is not readable and is left out: %s", path, error)
        return {}
    return document if isinstance(document, dict) else {}
