"""Tiled TIFFs without their pixels: where the blocks lie, and a small TIFF made of some of them.

A cloud-optimised GeoTIFF is read in two steps: its directory, then the blocks that a window touches. The
blocks go, compressed as they are, into a small TIFF in memory, which GDAL decodes like any other.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from evidence.limits import Limits

Read = Callable[[int, int], bytes]
"""(first byte, length) to these bytes of the file."""

WIDTH, HEIGHT, BITS, SAMPLES = 256, 257, 258, 277
"""Tags. Defined by TIFF 6.0."""
BLOCK_WIDTH, BLOCK_HEIGHT, OFFSETS, SIZES = 322, 323, 324, 325
"""Tags. Defined by TIFF 6.0."""
_SUBFILES = frozenset({254, 255, 330, 34665, 34853})
"""Tags that lead to other images; these are left behind."""
_WRITTEN = frozenset({WIDTH, HEIGHT, OFFSETS, SIZES})

_BYTES = MappingProxyType(
    {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
)
_INTEGERS = MappingProxyType({1: "B", 3: "H", 4: "I", 16: "Q"})
_LONG, _NEWEST_CLASSIC_KIND = 4, 13
"""Kinds of values. Defined by TIFF 6.0."""
_MOST_TAGS = 500
"""Of one directory. Assumed: files have some twenty."""
WIDEST = 1 << 24
"""Pixels along a side; a tile of Sentinel-2 has 10,980."""


class BrokenTiffError(ValueError):
    """No TIFF, or one that contradicts itself."""


class NotTiledError(ValueError):
    """A TIFF that is not laid out in tiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One entry of the directory."""

    kind: int
    count: int
    value: bytes
    """In the file's byte order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The first image of a tiled TIFF."""

    order: str
    """`<` or `>`, as in `struct`."""
    tags: Mapping[int, Tag]
    bands: int
    width: int
    height: int
    block_width: int
    block_height: int
    offsets: tuple[int, ...]
    """Of each block, row by row; 0 where the block is empty."""
    sizes: tuple[int, ...]
    sample_bytes: int = 2

    @property
    def block_columns(self) -> int:
        """Blocks from left to right."""
        return math.ceil(self.width / self.block_width)

    @property
    def block_rows(self) -> int:
        """Blocks from top to bottom."""
        return math.ceil(self.height / self.block_height)

    def block(self, row: int, column: int) -> tuple[int, int]:
        """(first byte, length) of a block; a length of 0 means that it was never written."""
        index = row * self.block_columns + column
        return self.offsets[index], self.sizes[index]


def read_layout(read: Read, limits: Limits | None = None) -> Layout:
    """The directory of the first image.

    Args:
        read: gives bytes of the file; asked for the directory and its arrays alone.
        limits: of the directory, and of a block once it is decoded.

    Raises:
        BrokenTiffError: where the file is no TIFF, or one that contradicts itself.
        NotTiledError: where it is laid out in strips.
    """
    limits = limits or Limits()
    order, tags = _directory(read, limits.directory_bytes)
    if BLOCK_WIDTH not in tags and WIDTH in tags:
        raise NotTiledError("a TIFF without tiles")
    missing = [tag for tag in (WIDTH, HEIGHT, BLOCK_WIDTH, BLOCK_HEIGHT, OFFSETS, SIZES) if tag not in tags]
    if missing:
        raise BrokenTiffError(f"a TIFF without the tags {missing}")

    def number(tag: int) -> int:
        return _numbers(tags[tag], order)[0]

    layout = Layout(
        order=order,
        tags=MappingProxyType(tags),
        bands=number(SAMPLES) if SAMPLES in tags else 1,
        width=number(WIDTH),
        height=number(HEIGHT),
        block_width=number(BLOCK_WIDTH),
        block_height=number(BLOCK_HEIGHT),
        offsets=_numbers(tags[OFFSETS], order),
        sizes=_numbers(tags[SIZES], order),
        sample_bytes=_widest_sample(tags, order),
    )
    return _checked(layout, limits)


def small_tiff(
    layout: Layout,
    blocks: Mapping[tuple[int, int], bytes],
    rows: range,
    columns: range,
    *,
    whole: bool = False,
) -> bytes:
    """A TIFF of the blocks in `rows` and `columns`, which GDAL reads as it would have read them in place.

    Its georeference is that of the whole image, since the tags are: the caller knows what it cut out.

    Args:
        layout: of the file that the blocks come from.
        blocks: compressed, by (row, column); one that is missing reads as empty.
        rows: of blocks.
        columns: of blocks.
        whole: state the size of the whole image rather than that of the blocks.
    """
    width = layout.width if whole else len(columns) * layout.block_width
    height = layout.height if whole else len(rows) * layout.block_height
    pieces = [blocks.get((row, column), b"") for row in rows for column in columns]
    kept = {
        code: tag
        for code, tag in layout.tags.items()
        if code not in _WRITTEN | _SUBFILES and tag.kind <= _NEWEST_CLASSIC_KIND
    }
    order = layout.order
    tags = kept | {
        WIDTH: _longs([width], order),
        HEIGHT: _longs([height], order),
        OFFSETS: _longs([0] * len(pieces), order),
        SIZES: _longs([len(piece) for piece in pieces], order),
    }
    start = 8 + 2 + 12 * len(tags) + 4 + sum(_padded(tag) for tag in tags.values())
    tags[OFFSETS] = _longs(_places(pieces, start), order)
    return _directory_bytes(tags, order) + b"".join(pieces)


def _places(pieces: Sequence[bytes], start: int) -> list[int]:
    places = []
    for piece in pieces:
        places.append(start if piece else 0)
        start += len(piece)
    return places


def _directory_bytes(tags: Mapping[int, Tag], order: str) -> bytes:
    place = 8 + 2 + 12 * len(tags) + 4
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    entries, values = struct.pack(f"{order}H", len(tags)), b""
    for code in sorted(tags):
        tag = tags[code]
        size = _padded(tag)
        field = struct.pack(f"{order}I", place + len(values)) if size else tag.value.ljust(4, b"\0")
        entries += struct.pack(f"{order}HHI", code, tag.kind, tag.count) + field
        values += tag.value.ljust(size, b"\0") if size else b""
    return head + entries + b"\0\0\0\0" + values


def _padded(tag: Tag) -> int:
    """Bytes that a value takes outside its entry, on even places; 0 where it fits inside."""
    return 0 if len(tag.value) <= 4 else len(tag.value) + len(tag.value) % 2  # noqa: PLR2004 - of the format


def _longs(values: Sequence[int], order: str) -> Tag:
    return Tag(kind=_LONG, count=len(values), value=struct.pack(f"{order}{len(values)}I", *values))


def _directory(read: Read, most_bytes: int) -> tuple[str, dict[int, Tag]]:
    start = read(0, 16)
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    if order is None or len(start) < 16:  # noqa: PLR2004 - longer than any header
        raise BrokenTiffError(f"no TIFF, it begins with {start[:16]!r}")
    version = struct.unpack(f"{order}H", start[2:4])[0]
    if version == 42:  # noqa: PLR2004 - of the format
        (place,), big = struct.unpack(f"{order}I", start[4:8]), False
    elif version == 43:  # noqa: PLR2004 - BigTIFF
        (place,), big = struct.unpack(f"{order}Q", start[8:16]), True
    else:
        raise BrokenTiffError(f"no TIFF, it begins with {start[:16]!r}")
    return order, _entries(read, place, order, most_bytes, big=big)


def _entries(read: Read, place: int, order: str, left: int, *, big: bool) -> dict[int, Tag]:
    counter, entry, inside = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    lead = struct.calcsize(f"{order}{counter}")
    count = struct.unpack(f"{order}{counter}", _exactly(read, place, lead))[0]
    if not 0 < count <= _MOST_TAGS:
        raise BrokenTiffError(f"a TIFF with {count} tags")
    step = struct.calcsize(f"{order}{entry}") + inside
    table = _exactly(read, place + lead, count * step)
    tags = {}
    for index in range(count):
        row = table[index * step : (index + 1) * step]
        code, kind, length = struct.unpack(f"{order}{entry}", row[: step - inside])
        size = _BYTES.get(kind, 0) * length
        left -= size
        if left < 0:
            raise BrokenTiffError(f"a TIFF whose tags take too much, {size} bytes in tag {code}")
        value = row[step - inside :]
        if size > inside:
            value = _exactly(read, struct.unpack(f"{order}{'Q' if big else 'I'}", value)[0], size)
        if size:
            tags[code] = Tag(kind=kind, count=length, value=value[:size])
    return tags


def _exactly(read: Read, first: int, length: int) -> bytes:
    found = read(first, length)
    if len(found) != length:
        raise BrokenTiffError(f"a TIFF that ends before byte {first + length}")
    return found


def _numbers(tag: Tag, order: str) -> tuple[int, ...]:
    letter = _INTEGERS.get(tag.kind)
    if letter is None or tag.count < 1:
        raise BrokenTiffError(f"a TIFF with a tag of kind {tag.kind} where whole numbers are due")
    return struct.unpack(f"{order}{tag.count}{letter}", tag.value)


def _widest_sample(tags: Mapping[int, Tag], order: str) -> int:
    """Bytes of the widest sample."""
    bits = _numbers(tags[BITS], order) if BITS in tags else (1,)
    return -(-max(bits) // 8)


def _checked(layout: Layout, limits: Limits) -> Layout:
    sides = (layout.width, layout.height, layout.block_width, layout.block_height)
    if min(sides) < 1 or max(sides) > WIDEST:
        raise BrokenTiffError(f"a TIFF of {layout.width} by {layout.height} pixels")
    size = layout.block_width * layout.block_height * layout.sample_bytes
    if size > limits.block_bytes or layout.sample_bytes > 8:  # noqa: PLR2004 - of a number
        raise BrokenTiffError(f"a TIFF whose blocks take {size} bytes each")
    expected = layout.block_columns * layout.block_rows
    if len(layout.offsets) != expected or len(layout.sizes) != expected:
        raise BrokenTiffError(f"a TIFF with {len(layout.offsets)} blocks where {expected} are due")
    return layout


def touched(first: float, count: float, block: int) -> range:
    """Numbers of the blocks along one side that `count` pixels from `first` on touch."""
    return range(int(first) // block, (int(first + count) - 1) // block + 1)
