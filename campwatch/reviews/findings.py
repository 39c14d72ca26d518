"""Findings as a reviewer saw them, what has changed in their evidence since, and random places among them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from aoi.geodesy import box_around
from aoi.records import Site
from campwatch.layers import LAYERS
from evidence.custody import CustodyEntry
from evidence.errors import LedgerError
from evidence.hashing import sha256_bytes, sha256_json
from evidence.layers import Kind, LayerSpec
from evidence.ledger import Ledger
from evidence.rows import StoredRow
from imagery.cube.observations import OBSERVATIONS

MOVED_SHARE = 0.10
"""Symmetric difference, as a share of the area seen, from which an outline is another one: a tenth of a
0.25 ha patch is two and a half pixels, beyond what a registration residual of .1 to .2 pixels moves."""


def reviewed_layers() -> dict[str, LayerSpec]:
    """The layers whose subjects are judged, by what reviewers call one of them."""
    return {spec.reviewed_as: spec for spec in LAYERS.values() if spec.reviewed_as}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Everything that the ledger says of one subject."""

    kind: str
    subject: str
    rows: Mapping[str, StoredRow]
    """By time, in order."""
    scenes: Mapping[str, str]
    """Digest of each scene that the rows rest on."""

    @property
    def newest(self) -> StoredRow:
        """The row of the latest time."""
        return self.rows[max(self.rows)]

    @property
    def geometry(self) -> BaseGeometry | None:
        """Of the newest row."""
        return row_geometry(self.newest)

    @property
    def evidence_sha256(self) -> str:
        """Digest of what the rows say and of the scenes that they rest on."""
        said = [
            [time, dict(stored.row.data), sha256_bytes(stored.row.geometry or b"")]
            for time, stored in self.rows.items()
        ]
        return sha256_json({"said": said, "scenes": dict(self.scenes)})

    def until(self, time: str) -> Finding:
        """Without what came after `time`."""
        rows = {at: stored for at, stored in self.rows.items() if at <= time}
        return Finding(kind=self.kind, subject=self.subject, rows=rows, scenes=self.scenes)


def row_geometry(stored: StoredRow) -> BaseGeometry | None:
    """The shape of a row, EPSG:4326."""
    return None if stored.row.geometry is None else shapely.from_wkb(stored.row.geometry)


def findings_at(ledger: Ledger, site_id: str, *, seq: int | None = None) -> dict[tuple[str, str], Finding]:
    """Every finding of a site by (kind, subject), as of row `seq` of the ledger or now."""
    rows = _rows_at(ledger, site_id, seq)
    digests = _scene_digests(ledger, site_id, seq)
    looks = rows[OBSERVATIONS.name]
    scene_at = {str(s.row.data["datetime"]): str(s.row.data["scene_id"]) for s in looks}
    found: dict[tuple[str, str], Finding] = {}
    for kind, spec in reviewed_layers().items():
        subjects: dict[str, dict[str, StoredRow]] = {}
        for stored in sorted(rows[spec.name], key=lambda s: s.row.time):
            subjects.setdefault(stored.row.subject, {})[stored.row.time] = stored
        for subject, by_time in subjects.items():
            scenes = {s: digests.get(s, "") for s in _scenes(by_time.values(), scene_at)}
            found[kind, subject] = Finding(kind=kind, subject=subject, rows=by_time, scenes=scenes)
    return found


def _rows_at(ledger: Ledger, site_id: str, seq: int | None) -> dict[str, list[StoredRow]]:
    wanted = (*(spec.name for spec in reviewed_layers().values()), OBSERVATIONS.name)
    layers: dict[str, list[StoredRow]] = {name: [] for name in wanted}
    if seq is None:
        for stored in ledger.current(site_id=site_id):
            layers.get(stored.row.layer, []).append(stored)
        return layers
    newest = {s.row.key: s for s in ledger.rows() if s.row.site_id == site_id and s.seq <= seq}
    for stored in newest.values():
        if not stored.row.retired:
            layers.get(stored.row.layer, []).append(stored)
    return layers


def _scenes(rows: Iterable[StoredRow], scene_at: Mapping[str, str]) -> list[str]:
    """Scenes that rows name; a row that names none rests on the scene of its own time."""
    found: set[str] = set()
    for stored in rows:
        named = stored.row.data.get("scene_ids")
        if named:
            found.update(str(scene) for scene in named)
        elif stored.row.time in scene_at:
            found.add(scene_at[stored.row.time])
    return sorted(found)


def _scene_digests(ledger: Ledger, site_id: str, seq: int | None) -> Mapping[str, str]:
    """Digest of each scene, from the custody entry of the measurement in force."""
    digests: Mapping[str, str] = {}
    for entry in ledger.custody(site_id):
        if entry.action == "measure" and (seq is None or _last_row(entry) <= seq):
            digests = entry.data.get("inputs", {}).get("scenes", {})
    return digests


def _last_row(entry: CustodyEntry) -> int:
    """Sequence number of the last row that had been written when this entry had."""
    return int(entry.data["rows"]["first"]) + int(entry.data["rows"]["count"]) - 1


def seq_of_run(ledger: Ledger, site_id: str, run_id: str) -> int:
    """The last row of the ledger that a map of this run showed.

    Raises:
        LedgerError: where the ledger holds no such run.
    """
    entries = [e for e in ledger.custody() if e.run_id == run_id]
    if not entries:
        raise LedgerError(
            f"the ledger holds no run {run_id} of {site_id}: is this the workspace of that map?"
        )
    return max(_last_row(entry) for entry in entries)


def changed_evidence(then: Finding, now: Finding | None) -> list[str]:
    """Why a verdict on `then` has to be given again; empty where it stands.

    Looks that were added since do not reopen a verdict. A scene that was replaced or withdrawn does, and so
    does a state, a figure or an outline that is no longer the one that was judged.
    """
    if now is None:
        return ["the finding is gone"]
    causes = []
    for scene, digest in sorted(then.scenes.items()):
        if scene not in now.scenes:
            causes.append(f"scene {scene} is no longer part of it")
        elif now.scenes[scene] != digest:
            causes.append(f"scene {scene} was reprocessed")
    gone = [time for time in then.rows if time not in now.rows]
    causes += [f"{len(gone)} of its dates are gone, the first {min(gone)}"] if gone else []
    for time, stored in then.rows.items():
        if time in now.rows:
            causes += _row_changes(stored, now.rows[time])
    return causes


def _row_changes(then: StoredRow, now: StoredRow) -> list[str]:
    if then.row_id == now.row_id:
        return []
    where = f" at {then.row.time}" if then.row.time else ""
    old, new = then.row.data, now.row.data
    causes = []
    for column in LAYERS[then.row.layer].judged:
        was, is_now = old.get(column.name), new.get(column.name)
        if column.kind is Kind.QUANTITY:
            causes += [f"{column.name} left its interval{where}"] if _left(was, is_now) else []
        elif was != is_now:
            causes.append(f"{column.name} was {was}, is {is_now}{where}")
    if _moved(row_geometry(then), row_geometry(now)):
        causes.append(f"the outline moved{where}")
    return causes


def _left(old: Any, new: Any) -> bool:
    """Whether a quantity is no longer inside the interval that was judged."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return bool(old != new)
    if old["value"] is None or new["value"] is None:
        return (old["value"] is None) != (new["value"] is None)
    return not float(old["low"]) <= float(new["value"]) <= float(old["high"])


def _moved(old: BaseGeometry | None, new: BaseGeometry | None) -> bool:
    if old is None or new is None:
        return old is not new
    if old.area == 0:
        return not bool(old.equals(new))
    return float(old.symmetric_difference(new).area) > MOVED_SHARE * float(old.area)


PLACE = "place"
HALF_SIDE_M = 50.0
"""A place is a square of one hectare: large enough to be recognised in any image."""
DEFAULT_COUNT = 10
TRIES = 4000
"""Draws of the sequence; a small site is full before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A square to be looked at although nothing was detected there."""

    place_id: str
    geometry: BaseGeometry
    """EPSG:4326."""


def random_places(
    site: Site, detections: Sequence[BaseGeometry], *, count: int = DEFAULT_COUNT
) -> list[Place]:
    """The first `count` places of the site's own random sequence that touch no detection.

    The sequence follows from the site's id and aoi alone, so that a place keeps its id from run to run; a
    place that is detected later leaves the queue, and the next one of the sequence takes its turn.
    """
    taken = shapely.union_all([g for g in detections if not g.is_empty]) if detections else None
    found = []
    for place in _sequence(site, tries=TRIES):
        if taken is None or not place.geometry.intersects(taken):
            found.append(place)
        if len(found) == count:
            break
    return found


def all_places(site: Site, *, count: int = 200) -> list[Place]:
    """The beginning of the sequence, whatever was detected since."""
    return list(itertools.islice(_sequence(site, tries=TRIES), count))


def _sequence(site: Site, *, tries: int) -> Iterator[Place]:
    """Squares at random within the aoi, none over an earlier one; those drawn before are remembered."""
    seed = sha256_json({"site": site.id, "aoi": site.aoi.wkt})
    if seed not in _DRAWN:
        if len(_DRAWN) >= MOST_DRAWN:
            _DRAWN.pop(next(iter(_DRAWN)))
        _DRAWN[seed] = ([], _squares(site, seed, tries=tries))
    known, more = _DRAWN[seed]
    for k in itertools.count():
        if k == len(known):
            place = next(more, None)
            if place is None:
                return
            known.append(place)
        yield known[k]


_DRAWN: dict[str, tuple[list[Place], Iterator[Place]]] = {}
MOST_DRAWN = 8
"""Sites whose sequences are remembered: to draw one takes a third of a second."""


def _squares(site: Site, seed: str, *, tries: int) -> Iterator[Place]:
    rng = np.random.default_rng(int(seed[:16], 16))
    west, south, east, north = site.bounds
    middle = box_around([site.aoi.centroid], margin_m=2 * HALF_SIDE_M).bounds
    apart = np.array([middle[2] - middle[0], middle[3] - middle[1]]) / 2
    drawn = np.empty((0, 2))
    for lon, lat in rng.uniform((west, south), (east, north), size=(tries, 2)).tolist():
        if (np.abs(drawn - (lon, lat)) < apart).all(axis=1).any():
            continue
        square = box_around([Point(lon, lat)], margin_m=HALF_SIDE_M)
        if site.aoi.contains(square):
            drawn = np.vstack([drawn, (lon, lat)])
            yield Place(place_id=f"place-{sha256_json([seed, lon, lat])[:8]}", geometry=square)
