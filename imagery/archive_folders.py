"""Where the archive's products lie: ``<site>/<sensor>/<year>/<item>/``, gaps beside the sensors."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from evidence.files import is_temporary
from imagery.gaps import GAPS

log = logging.getLogger(__name__)


def free_folder(parent: Path, name: str) -> Path:
    """A folder no item has been written into; an interrupted write's folder is used again."""
    candidates = (parent / (name if count == 1 else f"{name}-v{count}") for count in range(1, 1000))
    return next(folder for folder in candidates if not (folder / f"{folder.name}.json").exists())


def subfolders(folder: Path) -> list[Path]:
    """The folders in `folder`; none where it is not there."""
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def sensor_folders(site_folder: Path) -> list[Path]:
    """One folder for each sensor of a site, by name."""
    return sorted(folder for folder in subfolders(site_folder) if folder.name != GAPS)


def product_folders(site_folder: Path) -> Iterator[Path]:
    """Those of all products of a site."""
    for sensor in sensor_folders(site_folder):
        yield from sensor_products(sensor)


def sensor_products(sensor_folder: Path) -> Iterator[Path]:
    """Folders of one sensor's products, year by year."""
    for year in sorted(subfolders(sensor_folder)):
        yield from sorted(subfolders(year))


def remove_folder(folder: Path) -> int:
    """Remove a product folder whose item was never written."""
    files = [path for path in folder.iterdir() if path.is_file()]
    for path in files:
        log.info("removing %s, left by an interrupted write%s", path, " (temporary)" * is_temporary(path))
        path.unlink()
    folder.rmdir()
    return len(files)
