"""A site's own coal spectrum: measured on zones that a user marks as coal, kept in the site file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aoi.site_file import read_site
from campwatch.identity import Clock, new_run_id, site_digest, system_clock, timestamp
from campwatch.run.derived import open_for_append
from campwatch.run.site_bench import kept_cube
from campwatch.run.site_job import site_work
from campwatch.workspace import Workspace
from detection.coal.calibration import PROPERTY, calibrate_spectrum, spectrum_document
from detection.coal.spectra import CoalSpectrum
from evidence.errors import WorkspaceError
from evidence.files import write_text

CALIBRATED = "calibrate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What a calibration found, and where it is used."""

    spectrum: CoalSpectrum
    measured_at: str
    """Site whose `coal_reference` zones were looked at."""
    used_at: tuple[str, ...]


def calibrate_site(
    workspace: Workspace,
    site_id: str,
    *,
    use_at: Sequence[str] = (),
    actor: str = "campwatch",
    clock: Clock = system_clock,
) -> Calibration:
    """Measure the spectrum on a site's `coal_reference` zones, write it into site files, put it into custody.

    The next run measures those sites anew: the spectrum is part of what a site file says.

    Args:
        workspace: where.
        site_id: the site that holds the zones; its imagery must be in the archive.
        use_at: other sites that use the spectrum from now on.
        actor: a code, not a name.
        clock: now.

    Raises:
        MeasurementError: where there is no such zone, or too few dates show it.
        WorkspaceError: where the archive holds nothing of the site.
    """
    used_at = tuple(dict.fromkeys((site_id, *use_at)))
    paths = dict(zip(_in_order(workspace, used_at), workspace.chosen_paths(used_at), strict=True))
    work = site_work(workspace, paths[site_id])
    if work is None:
        raise WorkspaceError(f"the archive holds nothing of {site_id}: run it first")
    spectrum = calibrate_spectrum(kept_cube(workspace, work), work.site)
    told = spectrum_document(spectrum) | {"measured_at": site_id}
    details = {"spectrum": told, "inputs": work.recipe["inputs"], "code": work.recipe["code"]}
    run_id = new_run_id(clock)
    with open_for_append(workspace) as ledger:
        for used, path in paths.items():
            _write(path, told)
            ledger.append(
                [],
                chain=used,
                run_id=run_id,
                time=timestamp(clock),
                actor=actor,
                action=CALIBRATED,
                details=details | {"site_file_sha256": site_digest(path)},
            )
    return Calibration(spectrum=spectrum, measured_at=site_id, used_at=used_at)


def _in_order(workspace: Workspace, wanted: Sequence[str]) -> list[str]:
    """The ids of `wanted` in the order in which the workspace gives their files."""
    return [read_site(path).id for path in workspace.chosen_paths(tuple(wanted))]


def _write(path: Path, told: dict[str, Any]) -> None:
    """Put the spectrum among the extra properties of the site; everything else stays as it was written."""
    document = json.loads(path.read_text("utf-8-sig"))
    features = [document] if document["type"] == "Feature" else document["features"]
    aois = [f for f in features if (f.get("properties") or {}).get("role") == "aoi"] or features[:1]
    properties = aois[0].setdefault("properties", {})
    properties["extra"] = {**(properties.get("extra") or {}), PROPERTY: told}
    write_text(path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
