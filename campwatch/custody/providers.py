"""Do providers still give what was archived? Cited scenes, fetched again and compared pixel by pixel.

What differs is not tampering by itself: a provider may have processed a scene anew. It says whether somebody
else could make the same figures from the same provider today.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import rasterio

from aoi.records import Site
from campwatch.run.sources import build_sources
from campwatch.workspace import Workspace, readable_sites
from evidence.errors import SourceError
from evidence.ledger import Ledger
from imagery.archive.store import Archive
from imagery.cube.scenes import group_archived
from imagery.records import ArchivedProduct, Product, SceneSource

AROUND = dt.timedelta(minutes=1)
"""Of a product's moment: what is searched for it."""


class Given(StrEnum):
    """What a provider gives today for an archived product."""

    SAME = "same pixels"
    OTHER_PIXELS = "other pixels"
    OTHER_PROCESSING = "another processing"
    NOT_LISTED = "not listed"
    NOT_ASKED = "no source of that name in the settings"
    FAILED = "could not be fetched"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAnswer:
    """One archived product beside what its provider gives today."""

    site_id: str
    product_id: str
    source: str
    given: Given
    detail: str = ""


def ask_providers(workspace: Workspace, *, scenes: int) -> Iterator[ProviderAnswer]:
    """Fetch cited scenes again and compare them with the archive.

    Args:
        workspace: nothing is written to it.
        scenes: at most so many of a site, spread over its years; each costs what it cost at first.
    """
    sources = {source.name: source for source in build_sources(workspace)}
    archive = Archive(workspace.archive_folder)
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        for site in readable_sites(workspace):
            for product in _cited(archive, ledger, site, scenes):
                yield _asked(product, site, sources.get(product.source))


def _cited(archive: Archive, ledger: Ledger, site: Site, scenes: int) -> list[ArchivedProduct]:
    entry = ledger.last_entry(site.id, "measure")
    cited = {} if entry is None else entry.data["inputs"]["scenes"]
    found = [scene for scene in group_archived(archive.optical(site.id)) if scene.id in cited]
    chosen = {round(at) for at in np.linspace(0, len(found) - 1, min(scenes, len(found)))}
    return [product for at in sorted(chosen) for product in found[at].products]


def _asked(product: ArchivedProduct, site: Site, source: SceneSource | None) -> ProviderAnswer:
    def answer(given: Given, detail: str = "") -> ProviderAnswer:
        return ProviderAnswer(
            site_id=site.id, product_id=product.id, source=product.source, given=given, detail=detail
        )

    if source is None:
        return answer(Given.NOT_ASKED)
    try:
        listed = list(source.search(site.bounds, product.datetime - AROUND, product.datetime + AROUND))
        same = [one for one in listed if isinstance(one, Product) and one.id == product.id]
        if not same:
            like = [one for one in listed if isinstance(one, Product) and one.tile == product.tile]
            named = ", ".join(f"{one.id} ({one.baseline})" for one in like)
            return answer(Given.OTHER_PROCESSING if like else Given.NOT_LISTED, named)
        bands = tuple(band for band in product.bands if band in same[0].assets)
        fetched = source.fetch(same[0], bands, site.bounds)
    except SourceError as err:
        return answer(Given.FAILED, str(err))
    differing = [band for band in bands if not _equal(product, band, fetched.rasters[band].pixels)]
    if differing:
        return answer(Given.OTHER_PIXELS, " ".join(differing))
    return answer(Given.SAME, f"{len(bands)} bands")


def _equal(product: ArchivedProduct, band: str, pixels: np.ndarray) -> bool:
    with rasterio.open(product.bands[band]) as dataset:
        return bool(np.array_equal(dataset.read(1), pixels))


def answer_lines(answers: Sequence[ProviderAnswer]) -> list[str]:
    """What differs, one line each, and the count of what does not."""
    lines = [
        f"{one.site_id} {one.product_id}: {one.source}: {one.given} {one.detail}".rstrip()
        for one in answers
        if one.given is not Given.SAME
    ]
    same = len(answers) - len(lines)
    return [*lines, f"{same} of {len(answers)} products are given today as they were archived"]
