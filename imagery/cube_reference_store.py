"""The reference on disk, so that a new scene costs one scene and not the reading of all members."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from evidence.files import atomic_path
from evidence.hashing import sha256_json
from imagery.cube_reference import (
    SEASONS,
    Reference,
    ReferenceParams,
    build_reference,
    looks_clear,
    reference_frame,
    season_of,
)
from imagery.cube_scenes import ArchivedScene
from imagery.masks_usual import USUAL_BANDS, SeasonLook, basis_of
from imagery.registration_chips import Chips, composite

NAME = "reference.npz"
LAYOUT = 3
UNSTEADY = "unsteady"


def stored_reference(
    scenes: Sequence[ArchivedScene], grid: GeoBox, params: ReferenceParams, folder: Path
) -> Reference:
    """The reference from `folder` while it still holds, else built anew and stored there."""
    path = folder / NAME
    key = sha256_json([LAYOUT, repr(grid), repr(params)])
    known = _read(path, key, grid, params)
    if known is not None and _holds(known, scenes, grid, params):
        return known
    built = build_reference(scenes, grid, params)
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, key, built)
    return built


def _holds(
    reference: Reference, scenes: Sequence[ArchivedScene], grid: GeoBox, params: ReferenceParams
) -> bool:
    """Whether the same members would be chosen today: a full season stands, another must not have gained."""
    for season in range(SEASONS):
        today = [scene for scene in scenes if season_of(scene) == season]
        examined = reference.examined.get(season, ())
        if tuple(scene.digest for scene in today[: len(examined)]) != examined:
            return False
        if season in reference.full:
            continue
        if any(looks_clear(scene, grid, params) for scene in today[len(examined) :]):
            return False
    return True


def _write(path: Path, key: str, reference: Reference) -> None:
    arrays: dict[str, Any] = {}
    for k, chips in enumerate(reference.member_chips.values()):
        arrays[f"features-{k}"], arrays[f"usable-{k}"] = chips.features, chips.usable
    for season, look in reference.looks.items():
        arrays |= {f"look-{season}-{band}": values for band, values in look.bands.items()}
        arrays[f"look-{season}-{UNSTEADY}"] = look.unsteady
    note = {
        "key": key,
        "members": {str(season): list(names) for season, names in reference.members.items()},
        "chips": list(reference.member_chips),
        "looks": {str(season): [look.day, look.scenes] for season, look in reference.looks.items()},
        "prior": [[list(kind), offset] for kind, offset in reference.prior.items()],
        "digest": reference.digest,
        "examined": {str(season): list(digests) for season, digests in reference.examined.items()},
        "full": sorted(reference.full),
    }
    arrays["note"] = np.array(json.dumps(note))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _read(path: Path, key: str, grid: GeoBox, params: ReferenceParams) -> Reference | None:
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        note = json.loads(str(arrays["note"]))
        if note["key"] != key:
            return None
        windows, support = reference_frame(grid, params)
        chips = {
            name: Chips(features=arrays[f"features-{k}"], usable=arrays[f"usable-{k}"])
            for k, name in enumerate(note["chips"])
        }
        looks = {
            int(season): SeasonLook(
                day=day,
                scenes=scenes,
                bands=_look_bands(arrays, season),
                unsteady=arrays[f"look-{season}-{UNSTEADY}"],
            )
            for season, (day, scenes) in note["looks"].items()
        }
    members = {int(season): tuple(names) for season, names in note["members"].items()}
    return Reference(
        windows=windows,
        members=members,
        member_chips=chips,
        composites={s: composite([chips[m] for m in names], support=support) for s, names in members.items()},
        looks=looks,
        basis=basis_of(looks),
        prior={(kind[0], kind[1], kind[2]): offset for kind, offset in note["prior"]},
        digest=note["digest"],
        support=support,
        examined={int(season): tuple(digests) for season, digests in note["examined"].items()},
        full=frozenset(note["full"]),
    )


def _look_bands(arrays: Any, season: str) -> dict[str, Any]:
    names = {band: f"look-{season}-{band}" for band in USUAL_BANDS}
    return {band: arrays[name] for band, name in names.items() if name in arrays}
