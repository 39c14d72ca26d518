"""Who a product is for: the rule that decides whether restricted parts are shown."""

from __future__ import annotations

from collections.abc import Iterable

from aoi.records import Sensitivity, Site
from campwatch.settings import MapSettings


def shows_restricted(asked: bool | None, settings: MapSettings, sites: Iterable[Site]) -> bool:  # noqa: FBT001
    """Whether a product shows what is restricted, and says so in its name and on every view.

    The command line decides, else the settings. Where neither says anything, a product is public as far as
    there is anything public to show; where no site is public it can only be a restricted one.

    Args:
        asked: ``--restricted`` or ``--public``; None where neither was given.
        settings: of the workspace.
        sites: that the product is about.
    """
    if asked is not None:
        return asked
    if settings.restricted is not None:
        return settings.restricted
    return all(site.sensitivity is Sensitivity.RESTRICTED for site in sites)
