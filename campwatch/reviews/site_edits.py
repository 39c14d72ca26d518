"""Zones and boundaries into a site file from what was seen: proposed, accepted, edited or refused.

A site without a stockyard has no coal figure by zone, and one without a boundary no figure outside it. What
was found is proposed as a yard; a person accepts it, draws it otherwise or refuses it, and names the image.
The next run measures what was written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import shapely
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pyproj import CRS, Transformer
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from aoi.edtf import first_day
from aoi.features import Basis, Criterion
from aoi.geodesy import area_ha
from aoi.records import Extent, Site, ZoneKind
from aoi.site_file import file_bytes, read_whole_site, site_document, site_of, write_site
from campwatch.identity import Clock, new_run_id, site_digest, timestamp
from detection.coal.records import STOCKPILES
from detection.ground.records import DISTURBANCES
from evidence.errors import AoiError
from evidence.files import write_bytes
from evidence.ledger import Ledger
from evidence.rows import StoredRow
from maps.review_format import Code, EvidenceImage, Geometry, Long, Short

ACTION = "edit site file"
"""Of the custody entries; a refusal is one too."""
FOUND = re.compile(r"(?:^|/)(found-\d+)(?:/|$)")
"""Within the id of a pile that lies outside the zones (detection.coal)."""
YARD_MARGIN_M = 30.0
"""Around what was found: three pixels, so that a pile that moves within its yard stays in it (assumed)."""
YARD_KINDS = frozenset({"coal", "soil_spoil", "vegetation_loss", "built"})
"""Kinds of newly bared ground that a yard can be; water, fire, roads and recovery cannot."""
YARD_LEAST_HA = 0.25
"""Bared ground below this is not proposed: coal is not measured on it where 20 m bands decide (DESIGN)."""
MOST_BARE = 10
"""Patches of bared ground that are proposed at once, the largest (assumed: one screen)."""


class Decision(StrEnum):
    """What a person made of a proposal."""

    ACCEPTED = "accepted"
    EDITED = "edited"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class YardProposal:
    """Ground that may be a stockyard, with why."""

    proposal_id: str
    because: str
    """pile: coal was found there outside the zones; bare_ground: ground was bared."""
    geometry: BaseGeometry
    """EPSG:4326: the find with a margin."""
    area_ha: float
    """Of that outline, on the ellipsoid."""
    found_ha: Mapping[str, Any] | None
    """The newest figure of the find, as its row holds it."""
    first_seen: str
    last_seen: str


def yard_proposals(ledger: Ledger, site: Site) -> list[YardProposal]:
    """Found piles, then bared ground by size; without what lies in a yard, is excluded or was refused."""
    refused = _refused(ledger, site.id)
    settled = [zone.geometry for zone in site.zones if zone.kind in {ZoneKind.STOCKYARD, ZoneKind.EXCLUSION}]
    found = [*_piles(ledger, site), *_bare_ground(ledger, site)]
    proposals: list[YardProposal] = []
    taken: list[BaseGeometry] = [*settled]
    for proposal in found:
        middle = proposal.geometry.representative_point()
        if proposal.proposal_id not in refused and not any(shape.intersects(middle) for shape in taken):
            proposals.append(proposal)
            taken.append(proposal.geometry)
    return proposals


def _piles(ledger: Ledger, site: Site) -> list[YardProposal]:
    groups: dict[str, list[StoredRow]] = {}
    for stored in ledger.current(STOCKPILES.name, site_id=site.id):
        match = FOUND.search(stored.row.subject)
        if match and stored.row.geometry is not None:
            groups.setdefault(match.group(1), []).append(stored)
    made = []
    for name, rows in sorted(groups.items()):
        rows.sort(key=lambda stored: stored.row.time)
        ground = shapely.union_all([shapely.from_wkb(s.row.geometry) for s in rows if s.row.geometry])
        made.append(
            _proposal(f"pile:{name}", "pile", ground, site, rows[-1].row.data["area_ha"],
                      rows[0].row.time[:10], rows[-1].row.time[:10])
        )  # fmt: skip
    return made


def _bare_ground(ledger: Ledger, site: Site) -> list[YardProposal]:
    rows = [
        stored
        for stored in ledger.current(DISTURBANCES.name, site_id=site.id)
        if stored.row.data["machine_status"] == "persistent"
        and stored.row.data["kind"] in YARD_KINDS
        and stored.row.geometry is not None
        and float(stored.row.data["area_ha"]["value"] or 0.0) >= YARD_LEAST_HA
    ]
    rows.sort(key=lambda stored: -float(stored.row.data["area_ha"]["value"]))
    made = []
    for stored in rows[:MOST_BARE]:
        data = stored.row.data
        ground = shapely.from_wkb(stored.row.geometry or b"")
        since = str(data["first_seen"])[:10]
        subject = f"bare_ground:{stored.row.subject}"
        made.append(_proposal(subject, "bare_ground", ground, site, data["area_ha"], since, ""))
    return made


def _proposal(
    name: str, because: str, ground: BaseGeometry, site: Site, figure: Mapping[str, Any], *seen: str
) -> YardProposal:
    outline = _with_margin(ground, YARD_MARGIN_M).intersection(site.aoi)
    return YardProposal(
        proposal_id=name, because=because, geometry=outline, area_ha=area_ha(outline), found_ha=figure,
        first_seen=seen[0], last_seen=seen[1],
    )  # fmt: skip


def _with_margin(ground: BaseGeometry, margin_m: float) -> BaseGeometry:
    """The ground's hull with a margin in metres; a yard is drawn simply, not pixel by pixel."""
    middle = ground.centroid
    local = CRS.from_proj4(f"+proj=aeqd +lat_0={middle.y} +lon_0={middle.x} +datum=WGS84 +units=m")
    there = Transformer.from_crs(4326, local, always_xy=True)
    back = Transformer.from_crs(local, 4326, always_xy=True)

    def moved(shape: BaseGeometry, transformer: Transformer) -> BaseGeometry:
        return shapely.transform(shape, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))

    hull = moved(ground, there).convex_hull.buffer(margin_m, join_style="mitre")
    return shapely.set_precision(moved(hull, back), 1e-7)


def _refused(ledger: Ledger, site_id: str) -> set[str]:
    """Proposals that somebody decided on already; one that was written lies in its zone."""
    return {
        str(entry.data["proposal"])
        for entry in ledger.custody(site_id)
        if entry.action == ACTION and entry.data.get("decision") == Decision.REFUSED.value
    }


# ------------------------------------------------------------------ what a person says


def _slug(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", text):
        raise ValueError("an id is letters, digits, dots, hyphens and underscores")
    return text


def _edtf(text: str) -> str:
    try:
        first_day(text, where="the date")
    except AoiError as error:
        raise ValueError(str(error)) from error
    return text


Name = Annotated[str, AfterValidator(_slug)]
Day = Annotated[str, Field(max_length=32), AfterValidator(_edtf)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    editor: Code
    """A code, not a name."""
    image: EvidenceImage
    """What it was seen on."""
    note: Long = ""


class ZoneEdit(_Said):
    """A zone to be written, or a proposal that is refused."""

    decision: Decision
    proposal: Short | None = None
    id: Name | None = None
    kind: ZoneKind = ZoneKind.STOCKYARD
    name: Short | None = None
    geometry: Geometry | None = None
    public: bool = False


class BoundaryEdit(_Said):
    """A perimeter to be written, with what it was traced on and how well."""

    boundary_id: Name
    geometry: Geometry
    valid_from: Day
    criterion: Criterion
    extent: Extent = Extent.COMPLETE
    basis: Basis = Basis.OBSERVED
    accuracy_m: Annotated[float, Field(gt=0, le=1000)]
    accuracy_kind: Literal["rmse", "ce90"] = "rmse"
    source: Short
    public: bool = False


def parse_edit(kind: type[ZoneEdit | BoundaryEdit], document: Any) -> Any:
    """What a person said, checked.

    Raises:
        AoiError: where it does not hold; names the first field at fault.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"]) or "edit"
        raise AoiError(f"{place}: {fault['msg']}") from error


# ------------------------------------------------------------------ writing


def write_zone(ledger: Ledger, path: Path, edit: ZoneEdit, *, clock: Clock) -> Site:
    """Write a zone into the site file at `path`, or a refusal into custody alone.

    Raises:
        AoiError: where the zone does not hold, or its id is taken; the file stays as it was.
    """
    site = read_whole_site(path).site
    told: dict[str, Any] = {"decision": edit.decision.value, "proposal": edit.proposal}
    if edit.decision is Decision.REFUSED:
        if edit.proposal is None:
            raise AoiError("a refusal names the proposal that is refused")
        _record(ledger, site, edit, told, clock=clock)
        return site
    proposed = {p.proposal_id: p for p in yard_proposals(ledger, site)}.get(edit.proposal or "")
    geometry = edit.geometry or (mapping(proposed.geometry) if proposed else None)
    if geometry is None:
        raise AoiError("a zone needs an outline, or a proposal that still stands")
    zone_id = edit.id or _free_id({zone.id for zone in site.zones}, "yard")
    feature = {
        "role": "zone", "id": zone_id, "kind": edit.kind.value, "name": edit.name,
        "sensitivity": "public" if edit.public else "restricted",
    }  # fmt: skip
    return _write(ledger, path, site, edit, feature, geometry, told | {"zone": zone_id}, clock=clock)


def write_boundary(ledger: Ledger, path: Path, edit: BoundaryEdit, *, clock: Clock) -> Site:
    """Write a traced perimeter into the site file at `path`.

    Raises:
        AoiError: where it does not hold, or its id is taken; the file stays as it was.
    """
    site = read_whole_site(path).site
    image = edit.image
    feature = {
        "role": "boundary", "boundary_id": edit.boundary_id, "valid_from": edit.valid_from,
        "criterion": edit.criterion.value, "extent": edit.extent.value, "basis": edit.basis.value,
        "accuracy_m": edit.accuracy_m, "accuracy_kind": edit.accuracy_kind, "source": edit.source,
        "digitised_by": edit.editor, "note": edit.note or None,
        "image": {"provider": image.provider, "id": image.image_id, "date": image.date.isoformat(),
                  "resolution_m": image.resolution_m},
        "sensitivity": "public" if edit.public else "restricted",
    }  # fmt: skip
    told = {"decision": "traced", "boundary": edit.boundary_id}
    return _write(ledger, path, site, edit, feature, edit.geometry, told, clock=clock)


def _free_id(taken: set[str], stem: str) -> str:
    return next(name for n in range(1, len(taken) + 2) if (name := f"{stem}-{n:02d}") not in taken)


def _write(
    ledger: Ledger,
    path: Path,
    site: Site,
    edit: _Said,
    properties: Mapping[str, Any],
    geometry: Mapping[str, Any],
    told: Mapping[str, Any],
    *,
    clock: Clock,
) -> Site:
    if not shape(dict(geometry)).intersects(site.aoi):
        raise AoiError(f"the outline lies outside the area of {site.id}")
    members: Sequence[Any] = site_document(site)["features"]
    kept = {name: value for name, value in properties.items() if value is not None}
    added = {"type": "Feature", "properties": kept, "geometry": geometry}
    changed = site_of({"type": "FeatureCollection", "features": [*members, added]}, name=site.id).site
    before, digest = file_bytes(path), site_digest(path)
    write_site(path, changed)
    try:
        files = {"before": digest, "after": site_digest(path)}
        _record(ledger, site, edit, {**told, "site_file": files, "feature": added}, clock=clock)
    except BaseException:
        write_bytes(path, before)  # what custody does not tell of was not done
        raise
    return changed


def _record(ledger: Ledger, site: Site, edit: _Said, told: Mapping[str, Any], *, clock: Clock) -> None:
    ledger.append(
        [],
        chain=site.id,
        run_id=new_run_id(clock),
        time=timestamp(clock),
        actor=edit.editor,
        action=ACTION,
        details={**told, "image": edit.image.model_dump(mode="json"), "note": edit.note},
    )
