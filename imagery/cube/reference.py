"""The usual look of a site's ground, from the clear scenes that its reference is made of.

A reference grows: each clear scene that becomes a member of it makes an edition, and a scene is held against
the edition of its own day, so that what is measured today changes nothing that was measured before.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from odc.geo.geobox import GeoBox

from evidence.arrays import Bools, Floats32, Image, Mask
from evidence.hashing import sha256_json
from imagery.cube.fusion import (
    Kind,
    Prior,
    SourceProduct,
    classes_on_grid,
    coarse_grid,
    kind_of,
    on_grid,
    read_scene,
    scene_chips,
)
from imagery.cube.offsets import settled, speaks_against
from imagery.cube.scenes import ArchivedScene
from imagery.masks.cells import grow
from imagery.masks.scene_masks import SCL_CLOUD, SCL_NODATA, SCL_SNOW, cells_per_side
from imagery.masks.season import USUAL_BANDS, SeasonLook, Usual, basis_of, season_look, usual_on
from imagery.masks.spectra import SpectraParams, spectral_cloud, spectral_snow
from imagery.radiometry.offset import GroundParams
from imagery.registration.blocks import (
    Chips,
    RegistrationParams,
    Shift,
    aligned,
    block_windows,
    composite,
    estimate_shift,
    inner_support,
)
from imagery.resampling import shape_of

NEEDED = ("blue", "green", "red", "nir", "swir16")
"""For the looks, and for telling cloud and snow where there are no classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLook:
    """One scene on the masks' cells."""

    day: int
    """Of the year."""
    bands: Mapping[str, Image]
    """(y, x) reflectance."""
    clear: Mask
    """(y, x): no cloud near, no snow, not missing."""
    cloud_free: float
    """Share of the cells that shows ground or snow."""


def cell_look(
    scene: ArchivedScene, sources: Sequence[SourceProduct], grid: GeoBox, params: ReferenceParams
) -> CellLook:
    """What a scene shows on cells, as far as classes or its own spectra tell."""
    cells = coarse_grid(grid, cells_per_side(abs(float(grid.resolution.x))))
    held = [band for band in NEEDED if any(band in source.bands for source in sources)]
    images = {band: on_grid(sources, band, cells) for band in held}
    classes = classes_on_grid(sources, cells)
    missing = np.any([np.isnan(image) for image in images.values()], axis=0)
    if classes is None:
        cloud, snow = spectral_cloud(images, params.spectra), spectral_snow(images, params.spectra)
    else:
        cloud, snow = np.isin(classes, (*SCL_CLOUD, SCL_NODATA)), classes == SCL_SNOW
    margin = grow(cloud & ~missing, params.cloud_margin_cells)
    return CellLook(
        day=scene.datetime.timetuple().tm_yday,
        bands={band: images[band] for band in USUAL_BANDS if band in images},
        clear=~(missing | margin | snow),
        cloud_free=float((~(missing | cloud)).mean()),
    )


def look_of(looks: Sequence[CellLook], params: ReferenceParams) -> SeasonLook | None:
    """The season's medians; None where there are too few scenes."""
    shared = [band for band in USUAL_BANDS if all(band in look.bands for look in looks)]
    if len(looks) < params.least_members or not {"red", "nir"} <= set(shared):
        return None
    members = [{band: look.bands[band] for band in shared} for look in looks]
    days, clear = [look.day for look in looks], [look.clear for look in looks]
    return season_look(days, members, clear, dark_member=params.dark_member)


SEASONS = 4
"""Three months each, from December. By definition of the meteorological seasons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceParams:
    """The clear scenes of each season that others are registered to and compared with."""

    most_members: int = 7
    """Clear scenes in a season's composite. Derived: the median of seven rides out three that are wrong
    somewhere."""
    base_members: int = 5
    """Clear scenes of each season that all scenes are held against, earlier ones too, where the record's
    beginning has so many; later members count from their own day on. Derived: the median of five rides out
    two that are wrong, or hidden, somewhere."""
    base_days: float = 365.0
    """Length of the record's beginning, which gives the base, days. Derived: a year has every season once."""
    base_scenes: int = 73
    """Scenes that the record's beginning has at the least: sparse records take years for a season. Derived:
    a year of a look in five days."""
    least_members: int = 2
    """With fewer a season borrows from the season nearest to it that has enough. Assumed."""
    least_clear: float = 0.9
    """Share of the grid that a member shows free of cloud, 1. Assumed."""
    dark_member: float = 0.8
    """Share of its season's level in red and infrared below which a scene lies in shadow as a whole, 1.
    Assumed."""
    cloud_margin_cells: float = 2.0
    """By which a member's cloud is widened, cells of 20 m; as `MaskParams.cloud_margin_m`. Assumed."""
    spectra: SpectraParams = field(default_factory=SpectraParams)
    ground: GroundParams = field(default_factory=GroundParams)
    registration: RegistrationParams = field(default_factory=RegistrationParams)
    doubted: RegistrationParams = field(
        default_factory=lambda: RegistrationParams(
            least_correlation=0.35,
            least_margin=0.1,
            largest_partial_residual_px=0.25,
            largest_residual_px=0.25,
        )
    )
    """The same for a scene that is tried with what its classes call cloud: it must match better. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Composites by season, as they stood on a day."""

    windows: tuple[tuple[slice, slice], ...]
    members: Mapping[int, tuple[str, ...]]
    """Scene ids by season."""
    member_chips: Mapping[str, Chips]
    """By scene id, moved back by the member's own shift."""
    composites: Mapping[int, Chips]
    """By season, of all members."""
    looks: Mapping[int, SeasonLook]
    """The ground's usual look by season, where there are scenes enough."""
    basis: Mapping[str, Floats32]
    """The looks side by side: band to (season, y, x) on the masks' cells."""
    ground: Mapping[int, SeasonLook]
    """The same of members alone whose offset is proven: what offsets that are open are told by."""
    ground_basis: Mapping[str, Floats32]
    """As `basis`, of `ground`."""
    prior: Prior
    """What clear products of each kind turned out to need, by their own numbers or by their ground."""
    support: Bools

    def season(self, scene: ArchivedScene) -> int | None:
        """The scene's own season, else the nearest that has members; None where no season has."""
        return nearest_season(season_of(scene), self.members)

    def usual(self, scene: ArchivedScene) -> Usual | None:
        """How the ground usually looks on the scene's day; None where no season is known."""
        if not self.basis:
            return None
        days = [self.looks[season].day for season in sorted(self.looks)]
        unsteady = np.stack([self.looks[season].unsteady for season in sorted(self.looks)])
        return usual_on(self.basis, days, scene.datetime.timetuple().tm_yday, unsteady=unsteady)

    def settled(
        self, scene: ArchivedScene, sources: Sequence[SourceProduct], grid: GeoBox, params: ReferenceParams
    ) -> list[SourceProduct]:
        """The products of a scene with the offsets that proven ground and like products tell."""
        return _told_by_ground(scene, sources, (self.ground, self.ground_basis), self.prior, grid, params)

    def shift(self, scene: ArchivedScene, image: Chips, params: RegistrationParams) -> Shift | None:
        """How far the scene lies from the others of its season; None where there are no others."""
        season = self.season(scene)
        if season is None:
            return None
        others = [m for m in self.members[season] if m != scene.id]
        if not others:
            return None
        own = len(others) == len(self.members[season])
        held = self.composites[season] if own else self._without(others)
        return estimate_shift(image, held, params)

    def _without(self, others: Sequence[str]) -> Chips:
        return composite([self.member_chips[m] for m in others], support=self.support)


def season_of(scene: ArchivedScene) -> int:
    """0 for December to February, and so on."""
    return scene.datetime.month % 12 // 3


def nearest_season(own: int, members: Mapping[int, Sequence[str]]) -> int | None:
    """The season itself where it has members, else the nearest that has; None where none has."""
    known = [season for season, names in members.items() if names]
    return min(known, key=lambda s: (min((s - own) % SEASONS, (own - s) % SEASONS), s), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """A reference from one member to the next."""

    since: dt.datetime
    """Sensing time of the member that makes it, UTC; scenes before the first edition share it."""
    members: Mapping[int, tuple[str, ...]]
    """Scene ids by season."""
    looks: Mapping[int, str]
    """Names of the usual looks by season."""
    ground: Mapping[int, str]
    """The same of members alone whose offset is proven."""
    prior: Prior
    """As in `Reference`."""
    digest: str
    """Of the members' bytes, in the order in which they came, of their offsets and of `prior`; what hangs on
    the edition hangs on it."""


@dataclass(slots=True, kw_only=True)
class References:
    """The editions of one site's reference."""

    windows: tuple[tuple[slice, slice], ...]
    support: Bools
    editions: tuple[Edition, ...]
    """In order of time, the base first."""
    member_chips: Mapping[str, Chips]
    """As in `Reference`, of all editions: a member stays where it was put."""
    looks: Mapping[str, SeasonLook]
    """By the names that editions call them."""
    examined: Mapping[int, tuple[str, ...]]
    """Digests of the candidates that were looked at, by season, in order of time."""
    full: frozenset[int]
    """Seasons that take no more members."""
    _last: tuple[str, Reference] | None = None
    """The edition that was asked for last."""

    def edition(self, scene: ArchivedScene) -> Edition:
        """What was known on the scene's day."""
        return next((one for one in reversed(self.editions) if one.since <= scene.datetime), self.editions[0])

    def at(self, scene: ArchivedScene) -> Reference:
        """The reference that the scene is held against."""
        edition = self.edition(scene)
        if self._last is None or self._last[0] != edition.digest:
            self._last = edition.digest, self._reference(edition)
        return self._last[1]

    def _reference(self, edition: Edition) -> Reference:
        looks = {season: self.looks[name] for season, name in edition.looks.items()}
        basis = basis_of(looks)
        ground, ground_basis = looks, basis
        if edition.ground != edition.looks:
            ground = {season: self.looks[name] for season, name in edition.ground.items()}
            ground_basis = basis_of(ground)
        return Reference(
            windows=self.windows,
            members=edition.members,
            member_chips=self.member_chips,
            composites={s: self._composite(names) for s, names in edition.members.items()},
            looks=looks,
            basis=basis,
            ground=ground,
            ground_basis=ground_basis,
            prior=edition.prior,
            support=self.support,
        )

    def _composite(self, names: Sequence[str]) -> Chips:
        return composite([self.member_chips[name] for name in names], support=self.support)


def build_references(
    scenes: Sequence[ArchivedScene],
    grid: GeoBox,
    params: ReferenceParams,
) -> References:
    """Choose the members, register them against each other, and remember what the ground looks like.

    The first `base_members` of each season are registered as a group, as far as they lie in the beginning of
    the record, see `base_until`; each later one, in order of time, against those of its season before it, and
    stays there. What products of a kind need is told by all clear scenes of the beginning, from the first day
    on.
    """
    windows, support = reference_frame(grid, params)
    chosen = {
        season: _season([s for s in scenes if season_of(s) == season], grid, params)
        for season in range(SEASONS)
    }
    examined = {
        season: tuple(s.digest for s in [s for s in scenes if season_of(s) == season][: one.looked_at])
        for season, one in chosen.items()
    }
    growing = _Growing(grid=grid, support=support, params=params)
    clear = [member.scene.datetime for one in chosen.values() for member in one.members]
    until = base_until([scene.datetime for scene in scenes], clear, params)
    beginning = {
        season: [member for member in one.members if member.scene.datetime <= until]
        for season, one in chosen.items()
    }
    growing.begin(beginning)
    later = [
        (season, member)
        for season, one in chosen.items()
        for member in one.members[len(growing.members[season]) :]
    ]
    for season, member in sorted(later, key=lambda pair: (pair[1].scene.datetime, pair[1].scene.id)):
        growing.add(season, member)
    return References(
        windows=windows,
        support=support,
        editions=tuple(growing.editions),
        member_chips=growing.chips,
        looks=growing.looks,
        examined=examined,
        full=frozenset(s for s, one in chosen.items() if len(one.members) == params.most_members),
    )


def base_until(
    times: Sequence[dt.datetime], clear: Sequence[dt.datetime], params: ReferenceParams
) -> dt.datetime:
    """Where the beginning of a record ends: a clear scene after it changes nothing that was before.

    Args:
        times: of every scene, in order.
        clear: of those that are clear.
        params: of the reference.

    Returns:
        the last moment that counts: `base_days` and `base_scenes` have passed, and `base_members` clear ones.
    """
    ends = [times[0] + dt.timedelta(days=params.base_days)]
    for known, least in ((times, params.base_scenes), (sorted(clear), params.base_members)):
        ends += [known[min(least, len(known)) - 1]] if known else []
    return max(ends)


@dataclass(slots=True, kw_only=True)
class _Growing:
    """A reference in the making."""

    grid: GeoBox
    support: Bools
    params: ReferenceParams
    editions: list[Edition] = field(default_factory=list)
    chips: dict[str, Chips] = field(default_factory=dict)
    looks: dict[str, SeasonLook] = field(default_factory=dict)
    members: dict[int, list[_Member]] = field(default_factory=dict)
    """By season, those whose offset is open too: they fill a place, and none is made of them."""
    witnesses: dict[str, _Member] = field(default_factory=dict)
    """By scene id, who has a say in what products of a kind need: the members, and all of the beginning."""

    def begin(self, beginning: Mapping[int, Sequence[_Member]]) -> None:
        """The base: the first of each season, registered together.

        Args:
            beginning: clear scenes of the record's beginning by season, in order of time.
        """
        found, prior = _with_ground(beginning, self.grid, self.params)
        self.witnesses = {one.scene.id: one for members in found.values() for one in members}
        self.members = {
            season: list(members[: self.params.base_members]) for season, members in found.items()
        }
        base = [one for members in self.members.values() for one in members]
        cut = {one.scene.id: one.chips for one in base if one.chips is not None}
        shifts = _group_shifts(self._ids(), cut, self.support, self.params.registration)
        self.chips = {name: aligned(chip, shifts[name]) for name, chip in cut.items()}
        looks, ground = (
            {season: name for season in found if (name := self._look(season, proven=proven)) is not None}
            for proven in (False, True)
        )
        self._edition(dt.datetime.min.replace(tzinfo=dt.UTC), looks, ground, prior, (), base)

    def add(self, season: int, member: _Member) -> None:
        """One more clear scene: the edition from its day on."""
        before = self.editions[-1]
        held = self._offset(self.witnesses.get(member.scene.id, member), before)
        self.witnesses[held.scene.id] = held
        own = self._ids()
        near = season if own.get(season) else nearest_season(season, own)
        self.members[season].append(held)
        looks, ground = dict(before.looks), dict(before.ground)
        if held.chips is not None:
            cut = held.chips
            others = [] if near is None else [self.chips[name] for name in own[near]]
            step = (
                estimate_shift(cut, composite(others, support=self.support), self.params.registration)
                if others
                else None
            )
            moved = aligned(cut, (step.dx_px, step.dy_px)) if step is not None and step.accepted else cut
            self.chips[held.scene.id] = moved
            for known, proven in ((looks, False), (ground, True)):
                name = self._look(season, proven=proven)
                known.update({} if name is None else {season: name})
        prior = _prior(_votes(self.witnesses.values()))
        self._edition(held.scene.datetime, looks, ground, prior, (before.digest,), (held,))

    def _offset(self, member: _Member, before: Edition) -> _Member:
        """The member, its offset told by ground and like products where its own numbers leave it open."""
        member = member.held_against(before.prior)
        if member.proven:
            return member
        ground = {season: self.looks[name] for season, name in before.ground.items()}
        return _settled_member(member, ground, before.prior, self.grid, self.params)

    def _edition(
        self,
        since: dt.datetime,
        looks: Mapping[int, str],
        ground: Mapping[int, str],
        prior: Prior,
        before: Sequence[str],
        new: Sequence[_Member],
    ) -> None:
        told = [[one.scene.digest, sorted(one.offsets.items())] for one in new]
        self.editions.append(
            Edition(
                since=since,
                members=_lend(self._ids(), self.params.least_members),
                looks=looks,
                ground=ground,
                prior=prior,
                digest=sha256_json([*before, told, sorted(prior.items())]),
            )
        )

    def _ids(self) -> dict[int, tuple[str, ...]]:
        return {
            season: tuple(one.scene.id for one in members if one.look is not None)
            for season, members in self.members.items()
        }

    def _look(self, season: int, *, proven: bool) -> str | None:
        """The name of the season's look as it stands; None where there are too few scenes.

        Args:
            season: whose members.
            proven: of those alone whose offset is proven.
        """
        held = [one for one in self.members[season] if one.look is not None]
        chosen = [one for one in held if one.proven or not proven]
        name = (
            f"{season}-{len(held)}" if len(chosen) == len(held) else f"{season}-{len(chosen)}-of-{len(held)}"
        )
        if name not in self.looks:
            look = look_of([one.look for one in chosen if one.look is not None], self.params)
            if look is None:
                return None
            self.looks[name] = look
        return name


def reference_frame(grid: GeoBox, params: ReferenceParams) -> tuple[tuple[tuple[slice, slice], ...], Bools]:
    """Windows of the blocks, and where they may be used."""
    windows = tuple(block_windows(shape_of(grid), params.registration))
    return windows, inner_support(shape_of(grid), windows, params.registration)


class _Told(NamedTuple):
    """What is known of one product's offset; as in `SourceProduct`."""

    kind: Kind
    offset: float | None
    proven: bool
    lifted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """One clear scene of a season."""

    scene: ArchivedScene
    look: CellLook | None
    """None where its offset is open."""
    chips: Chips | None
    """The blocks that scenes are registered by; as `look`."""
    offsets: Mapping[str, _Told]
    """By product."""

    @property
    def proven(self) -> bool:
        """Whether every product's own numbers settled its offset."""
        return all(told.proven for told in self.offsets.values())

    def held_against(self, prior: Prior) -> _Member:
        """The member, no proof where lifted dark ground tells of another offset than its like need."""
        offsets = {
            name: told._replace(
                proven=told.proven and not speaks_against(prior, told.kind, told.offset, lifted=told.lifted)
            )
            for name, told in self.offsets.items()
        }
        return replace(self, offsets=offsets)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Season:
    """The clear scenes of a season, and how many candidates were looked at for them."""

    members: tuple[_Member, ...]
    looked_at: int


def _season(candidates: Sequence[ArchivedScene], grid: GeoBox, params: ReferenceParams) -> _Season:
    """The season's first clear scenes."""
    members: list[_Member] = []
    looked_at = 0
    for scene in candidates:
        if len(members) == params.most_members:
            break
        looked_at += 1
        if not looks_clear(scene, grid, params):
            continue
        sources = read_scene(scene, grid, _look_bands_of(params))
        look = _look(scene, sources, grid, params)
        if sources and (look is None or look.cloud_free >= params.least_clear):
            members.append(_member(scene, sources, look, grid, params))
    return _Season(members=tuple(members), looked_at=looked_at)


def _look_bands_of(params: ReferenceParams) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*params.registration.bands, *NEEDED)))


def _look(
    scene: ArchivedScene, sources: Sequence[SourceProduct], grid: GeoBox, params: ReferenceParams
) -> CellLook | None:
    known = [source for source in sources if source.offset is not None]
    return cell_look(scene, known, grid, params) if known else None


def _member(
    scene: ArchivedScene,
    sources: Sequence[SourceProduct],
    look: CellLook | None,
    grid: GeoBox,
    params: ReferenceParams,
) -> _Member:
    return _Member(
        scene=scene,
        look=look,
        chips=_chips([source for source in sources if source.offset is not None], grid, params),
        offsets={
            source.product.id: _Told(kind_of(source.product), source.offset, source.proven, source.lifted)
            for source in sources
        },
    )


def _chips(known: Sequence[SourceProduct], grid: GeoBox, params: ReferenceParams) -> Chips | None:
    """Blocks of the products whose offset is known, of the bands that are registered by alone."""
    if not known:
        return None
    bands = params.registration.bands
    parts = [source.of_bands((*bands, "scl")) for source in known]
    shown = [part for part in parts if any(part.bands[band].dn.any() for band in bands if band in part.bands)]
    windows = block_windows(shape_of(grid), params.registration)
    return scene_chips(shown, grid, windows, bands, params.spectra)


def _votes(members: Iterable[_Member]) -> dict[Kind, Counter[float]]:
    """What products of each kind turned out to need, by proof."""
    votes: dict[Kind, Counter[float]] = defaultdict(Counter)
    for member in members:
        for told in member.offsets.values():
            if told.proven and told.offset is not None:
                votes[told.kind][told.offset] += 1
    return votes


def _prior(votes: Mapping[Kind, Counter[float]]) -> Prior:
    return {kind: count.most_common(1)[0][0] if len(count) == 1 else None for kind, count in votes.items()}


def _sure(members: Sequence[_Member]) -> Prior:
    """What most products of a kind need by dark numbers, where lifted dark ground says otherwise of a few."""
    told = [one for member in members for one in member.offsets.values() if one.proven]
    lifted = Counter(one.kind for one in told if one.lifted)
    dark: dict[Kind, Counter[float]] = defaultdict(Counter)
    for one in told:
        if not one.lifted and one.offset is not None:
            dark[one.kind][one.offset] += 1
    return _prior({kind: count for kind, count in dark.items() if count.total() > lifted[kind]})


def _with_ground(
    chosen: Mapping[int, Sequence[_Member]], grid: GeoBox, params: ReferenceParams
) -> tuple[Mapping[int, Sequence[_Member]], Prior]:
    """The members with the offsets that proven members' ground tells, and what each kind needs."""
    sure = _sure([member for members in chosen.values() for member in members])
    chosen = {season: [one.held_against(sure) for one in members] for season, members in chosen.items()}
    prior = _prior(_votes(member for members in chosen.values() for member in members))
    if all(member.proven for members in chosen.values() for member in members):
        return chosen, prior
    looks = {
        season: look
        for season, members in chosen.items()
        if (look := look_of([m.look for m in members if m.proven and m.look is not None], params))
    }
    found = chosen
    for _ in range(2):  # ground first; then with what that tells of each kind
        found = {
            season: [
                one if one.proven else _settled_member(one, looks, prior, grid, params) for one in members
            ]
            for season, members in found.items()
        }
        prior = _prior(_votes(member for members in found.values() for member in members))
    return found, prior


def _settled_member(
    member: _Member, looks: Mapping[int, SeasonLook], prior: Prior, grid: GeoBox, params: ReferenceParams
) -> _Member:
    """The member read again, its offset told by the ground of its day and by products of its kind."""
    sources = read_scene(member.scene, grid, _look_bands_of(params))
    told = _told_by_ground(member.scene, sources, (looks, basis_of(looks)), prior, grid, params)
    return _member(member.scene, told, _look(member.scene, told, grid, params), grid, params)


def _told_by_ground(
    scene: ArchivedScene,
    sources: Sequence[SourceProduct],
    known: tuple[Mapping[int, SeasonLook], Mapping[str, Floats32]],
    prior: Prior,
    grid: GeoBox,
    params: ReferenceParams,
) -> list[SourceProduct]:
    """The products of a scene, offsets told by looks of proven members (and their basis) and by kind."""
    looks, basis = known
    days = [looks[season].day for season in sorted(looks)]
    usual = usual_on(basis, days, scene.datetime.timetuple().tm_yday) if basis else None
    return settled(sources, grid, usual, prior, margin_cells=params.cloud_margin_cells, params=params.ground)


def looks_clear(scene: ArchivedScene, grid: GeoBox, params: ReferenceParams) -> bool:
    """By the scene classes alone, which are quick to read; True where there are none."""
    sources = read_scene(scene, grid, ("red", "scl")) if _has_classes(scene) else []
    classes = classes_on_grid(sources, coarse_grid(grid, cells_per_side(abs(float(grid.resolution.x)))))
    if classes is None:
        return not _has_classes(scene)
    return float(np.isin(classes, (*SCL_CLOUD, SCL_NODATA)).mean()) <= 1.0 - params.least_clear


def _has_classes(scene: ArchivedScene) -> bool:
    return any("scl" in product.bands for product in scene.products)


def _lend(ids: Mapping[int, tuple[str, ...]], least: int) -> dict[int, tuple[str, ...]]:
    """Seasons with too few members are left to their neighbours, unless nobody has enough."""
    rich = {season: members for season, members in ids.items() if len(members) >= max(least, 2)}
    return rich or {season: members for season, members in ids.items() if members}


def _group_shifts(
    ids: Mapping[int, tuple[str, ...]],
    cut: Mapping[str, Chips],
    support: Bools,
    params: RegistrationParams,
) -> dict[str, tuple[float, float]]:
    """Shift of every member against the mean of all: within its season, then season against season."""
    shifts = dict.fromkeys(cut, (0.0, 0.0))
    for members in ids.values():
        for name in members:
            others = [cut[m] for m in members if m != name]
            found = estimate_shift(cut[name], composite(others, support=support), params) if others else None
            if found is not None and found.accepted:
                shifts[name] = (found.dx_px, found.dy_px)
    anchor = max(ids, key=lambda season: (len(ids[season]), season == SEASONS // 2), default=None)
    for season, members in ids.items():
        if not members or season == anchor or anchor is None or not ids[anchor]:
            continue
        step = estimate_shift(
            _aligned(members, cut, shifts), _aligned(ids[anchor], cut, shifts, support), params
        )
        if step.accepted:
            for name in members:
                shifts[name] = (shifts[name][0] + step.dx_px, shifts[name][1] + step.dy_px)
    centre = np.median(list(shifts.values()), axis=0) if shifts else np.zeros(2)
    return {name: (dx - float(centre[0]), dy - float(centre[1])) for name, (dx, dy) in shifts.items()}


def _aligned(
    names: Sequence[str],
    cut: Mapping[str, Chips],
    shifts: Mapping[str, tuple[float, float]],
    support: Bools | None = None,
) -> Chips:
    return composite([aligned(cut[name], shifts[name]) for name in names], support=support)
