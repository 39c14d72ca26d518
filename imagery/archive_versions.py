"""Several processings of one acquisition: which counts, and whether it holds what is ordered now."""

from __future__ import annotations

from collections.abc import Sequence

from imagery.acquisitions import Acquisitions
from imagery.records import ArchivedProduct


def processing_order(product: ArchivedProduct) -> tuple[str, str, str]:
    """Sorts processings of one acquisition: baseline, then when it was made, then when it was fetched."""
    return (
        product.baseline or "",
        str(product.properties.get("campwatch:processed", "")),
        str(product.properties.get("campwatch:accessed", "")),
    )


def newest(products: Sequence[ArchivedProduct]) -> list[ArchivedProduct]:
    """Of each tile and datatake, the newest processing."""
    kept: list[ArchivedProduct] = []
    known = Acquisitions[ArchivedProduct]()
    for product in sorted(products, key=processing_order, reverse=True):
        if not known.like(product):
            known.add(product, product)
            kept.append(product)
    return kept


def covers(product: ArchivedProduct, box: tuple[float, float, float, float] | None) -> bool:
    """Whether what was ordered then holds what is ordered now."""
    had = product.properties.get("campwatch:ordering_box")
    if box is None or had is None:
        return True
    slack = 1e-9
    return bool(
        had[0] <= box[0] + slack
        and had[1] <= box[1] + slack
        and had[2] >= box[2] - slack
        and had[3] >= box[3] - slack
    )
