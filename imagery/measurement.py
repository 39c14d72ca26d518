"""Measurements: what turns a site's cube into records of layers, and what runs remember of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aoi.records import Site
from evidence.arrays import Room, in_memory
from evidence.layers import LayerSpec
from evidence.record_reading import record_document, record_from

if TYPE_CHECKING:
    import xarray as xr  # loads slowly, and layers are listed without a cube

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What every measurement of a site works with."""

    cube: xr.Dataset
    """(time, y, x); with `memory` its pixels may be read as they are used."""
    site: Site
    site_digest: str = ""
    """SHA-256 of what the site's file says."""
    params: Any = None
    """Of this measurement, as the settings have them."""
    memory: MutableMapping[str, bytes] | None = None
    """Parts that were computed before, by key; rows are the same with and without."""
    earlier: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Records that are there before anything is measured, by layer: what earlier runs froze, and passes that
    left no pixels."""
    others: Mapping[str, Callable[[], xr.Dataset]] = field(default_factory=dict)
    """Cubes of other instruments of the site, by sensor; loaded where they are asked for."""
    room: Room = in_memory
    """Where large arrays are put."""

    def cube_of(self, sensor: str) -> xr.Dataset | None:
        """The cube of another instrument, (time, y, x) on its own lattice; None where there is none."""
        load = self.others.get(sensor)
        return None if load is None else load()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The records of one layer, and what they were checked on."""

    layer: LayerSpec
    records: Sequence[Any]
    validated_on: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What of a measurement can be computed by others, before it is made, into what is remembered."""

    compute: Callable[[Work, int, int], None]
    """One part, counted from 0, of so many."""
    divisible: bool = False
    """Whether there can be more parts than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One step of a run."""

    layers: tuple[LayerSpec, ...]
    """What it yields."""
    stage: str
    """What a run calls it when it books time."""
    measure: Callable[[Work], Sequence[Measured]]
    params: Callable[[], Any] | None = None
    """Gives the defaults of its parameters; None where it has none."""
    settings: str | None = None
    """The table of `[measure]` that changes them; None where nothing does."""
    ahead: Ahead | None = None
    """None where all of it is computed when it is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered(MutableMapping[str, Value], Generic[Value]):
    """Values of one kind in a mapping of bytes."""

    held: MutableMapping[str, bytes]
    encode: Callable[[Value], bytes]
    decode: Callable[[bytes], Value]

    def __getitem__(self, key: str) -> Value:
        """The value."""
        return self.decode(self.held[key])

    def __setitem__(self, key: str, value: Value) -> None:
        """Keep the value."""
        self.held[key] = self.encode(value)

    def __delitem__(self, key: str) -> None:
        """Forget one value."""
        del self.held[key]

    def __contains__(self, key: object) -> bool:
        """Whether there is a value."""
        return key in self.held

    def __iter__(self) -> Iterator[str]:
        """The keys held, of every kind."""
        return iter(self.held)

    def __len__(self) -> int:
        """How many are held, of every kind."""
        return len(self.held)


def remembered_records(kind: type[Value], memory: MutableMapping[str, bytes]) -> Remembered[list[Value]]:
    """Lists of records of one kind, with their outlines."""
    return Remembered(
        held=memory,
        encode=lambda records: json.dumps(list(map(record_document, records)), allow_nan=False).encode(),
        decode=lambda data: [record_from(kind, told) for told in json.loads(data)],
    )
