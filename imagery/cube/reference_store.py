"""Where the references of a site are kept between runs: a file that holds while its members stay the same."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from evidence.files import atomic_path
from evidence.hashing import sha256_json
from imagery.cube.reference import (
    SEASONS,
    Edition,
    ReferenceParams,
    References,
    build_references,
    looks_clear,
    reference_frame,
    season_of,
)
from imagery.cube.scenes import ArchivedScene
from imagery.masks.season import USUAL_BANDS, SeasonLook
from imagery.registration.blocks import Chips

NAME = "reference.npz"
LAYOUT = 8
"""Raised when what is stored, or how it is computed, changes. Assumed: a running number."""
UNSTEADY = "unsteady"


def stored_references(
    scenes: Sequence[ArchivedScene], grid: GeoBox, params: ReferenceParams, folder: Path
) -> References:
    """The references from `folder` while they still hold, else built anew and stored there.

    Looks stay in the file until they are asked for.
    """
    path = folder / NAME
    key = sha256_json([LAYOUT, repr(grid), repr(params)])
    known = _read(path, key, grid, params)
    if known is not None and _holds(known, scenes, grid, params):
        return known
    built = build_references(scenes, grid, params)
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, key, built)
    return replace(built, looks=_StoredLooks(path, _known(built)))


def _holds(known: References, scenes: Sequence[ArchivedScene], grid: GeoBox, params: ReferenceParams) -> bool:
    """Whether the same members would be chosen today: a full season stands, another must not have gained."""
    for season in range(SEASONS):
        today = [scene for scene in scenes if season_of(scene) == season]
        examined = known.examined.get(season, ())
        if tuple(scene.digest for scene in today[: len(examined)]) != examined:
            return False
        if season in known.full:
            continue
        if any(looks_clear(scene, grid, params) for scene in today[len(examined) :]):
            return False
    return True


def _write(path: Path, key: str, built: References) -> None:
    arrays: dict[str, Any] = {}
    for k, chips in enumerate(built.member_chips.values()):
        arrays[f"features-{k}"], arrays[f"usable-{k}"] = chips.features, chips.usable
    for name, look in built.looks.items():
        arrays |= {f"look-{name}-{band}": values for band, values in look.bands.items()}
        arrays[f"look-{name}-{UNSTEADY}"] = look.unsteady
    note = {
        "key": key,
        "chips": list(built.member_chips),
        "looks": _known(built),
        "editions": [
            {
                "since": edition.since.isoformat(),
                "members": list(edition.members.items()),
                "looks": list(edition.looks.items()),
                "ground": list(edition.ground.items()),
                "prior": list(edition.prior.items()),
                "digest": edition.digest,
            }
            for edition in built.editions
        ],
        "examined": list(built.examined.items()),
        "full": sorted(built.full),
    }
    arrays["note"] = np.array(json.dumps(note))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _known(built: References) -> dict[str, tuple[float, int]]:
    """Day of the year and number of scenes of each look, by its name."""
    return {name: (look.day, look.scenes) for name, look in built.looks.items()}


def _read(path: Path, key: str, grid: GeoBox, params: ReferenceParams) -> References | None:
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        note = json.loads(str(arrays["note"]))
        if note["key"] != key:
            return None
        chips = {
            name: Chips(features=arrays[f"features-{k}"], usable=arrays[f"usable-{k}"])
            for k, name in enumerate(note["chips"])
        }
    windows, support = reference_frame(grid, params)
    return References(
        windows=windows,
        support=support,
        editions=tuple(_edition(one) for one in note["editions"]),
        member_chips=chips,
        looks=_StoredLooks(path, note["looks"]),
        examined={season: tuple(digests) for season, digests in note["examined"]},
        full=frozenset(note["full"]),
    )


def _edition(note: Mapping[str, Any]) -> Edition:
    return Edition(
        since=dt.datetime.fromisoformat(note["since"]),
        members={season: tuple(names) for season, names in note["members"]},
        looks=dict(note["looks"]),
        ground=dict(note["ground"]),
        prior={(kind[0], kind[1], kind[2]): offset for kind, offset in note["prior"]},
        digest=note["digest"],
    )


class _StoredLooks(Mapping[str, SeasonLook]):
    """Usual looks in a file, each read when it is asked for: a large site's are many megabytes."""

    def __init__(self, path: Path, known: Mapping[str, tuple[float, int]]) -> None:
        self._path, self._known = path, known

    def __getitem__(self, name: str) -> SeasonLook:
        day, scenes = self._known[name]
        with np.load(self._path, allow_pickle=False) as arrays:
            names = {band: f"look-{name}-{band}" for band in USUAL_BANDS}
            bands = {band: arrays[held] for band, held in names.items() if held in arrays}
            return SeasonLook(day=day, scenes=scenes, bands=bands, unsteady=arrays[f"look-{name}-{UNSTEADY}"])

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
