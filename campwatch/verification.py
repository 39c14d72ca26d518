"""Does everything still say what it said when it was written?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyogrio
from pandas.testing import assert_frame_equal

from campwatch.layers import LAYERS
from campwatch.reviews.annotation import Annotate, annotation
from campwatch.workspace import Workspace, readable_sites
from evidence.custody import custody_lines, heads_digest
from evidence.ledger import Ledger
from evidence.runs import layer_rows
from evidence.tables import layer_frames
from evidence.verify import Finding, verify_ledger
from imagery.archive.store import Archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a check found."""

    findings: tuple[Finding, ...]
    head: str
    """Digest over all custody heads."""


def verify_workspace(
    workspace: Workspace, *, deep: bool = False, expected_head: str | None = None
) -> Verification:
    """Check the archive by bytes, the ledger by its chains, derived files by their rows.

    Args:
        workspace: to be checked; nothing is written.
        deep: also read every pixel of the archive.
        expected_head: a custody head kept elsewhere, which must have been a head of this ledger.
    """
    findings = Archive(workspace.archive_folder).verify(deep=deep)
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        findings += verify_ledger(ledger, expected_head=expected_head)
        if not findings:
            findings += _derived(workspace, ledger)
        head = heads_digest(ledger.heads())
    return Verification(findings=tuple(findings), head=head)


def _derived(workspace: Workspace, ledger: Ledger) -> list[Finding]:
    findings = []
    custody = workspace.custody_path
    if custody.exists() and custody.read_text("utf-8") != custody_lines(ledger.custody_as_written()):
        findings.append(
            Finding(where=str(custody), what="differs from the ledger (campwatch run rebuilds it)")
        )
    if workspace.results_path.exists():
        annotate = annotation(ledger, readable_sites(workspace))
        findings += _results(workspace.results_path, ledger, annotate)
    return findings


def _results(path: Path, ledger: Ledger, annotate: Annotate) -> list[Finding]:
    """By rows, not bytes: opening a GeoPackage in QGIS changes its bytes."""
    findings = []
    frames = (
        made for spec in LAYERS.values() for made in layer_frames(spec, annotate(layer_rows(ledger, spec)))
    )
    for layer, frame in frames:
        wanted = pd.DataFrame(frame.drop(columns="geometry", errors="ignore"))
        held = pd.DataFrame(pyogrio.read_dataframe(path, layer=layer.name, read_geometry=False))
        try:
            assert_frame_equal(_comparable(held), _comparable(wanted), check_dtype=False)
        except AssertionError as err:
            difference = " ".join(str(err).split())
            findings.append(
                Finding(where=f"{path} {layer.name}", what=f"differs from the ledger: {difference}")
            )
    return findings


def _comparable(table: pd.DataFrame) -> pd.DataFrame:
    """Cells as objects, missing ones as None, in the order of their ids."""
    plain = table.astype(object).where(table.notna(), None)
    columns = sorted(plain.columns)
    return plain[columns].sort_values("row_id").reset_index(drop=True)
