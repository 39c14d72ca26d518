"""Tiled JPEG 2000 without its pixels: where the tile-parts lie, and a small file made of some of them.

The counterpart of `imagery.sources.tiff` for the files of the Copernicus Data Space. Where the tile-parts lie
stands in TLM segments of the main header (Sentinel-2 since 2024), or is found by going from one tile-part's
header to the next (ISO/IEC 15444-1, annex A). The parts go, compressed as they are, into a small file in
memory, which GDAL decodes like any other.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rasterio.windows import Window

from evidence.limits import Limits
from imagery.sources.tiff import BrokenTiffError, NotTiledError, Read, touched

SIGNATURES = (b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
"""First bytes of a JP2 file, and of a bare codestream."""

_SOC, _SIZ, _TLM, _SOT, _SOD, _EOC = 0xFF4F, 0xFF51, 0xFF55, 0xFF90, 0xFF93, b"\xff\xd9"
_TILE_PART = 12
"""Bytes of a tile-part's own header. Defined by ISO/IEC 15444-1."""
_CODESTREAM = b"jp2c"
_BOX, _LONG_BOX = 8, 16
"""Bytes of the head of a box, and of a long one. Defined by ISO/IEC 15444-1."""
WIDEST = 1 << 24
"""Pixels along a side; a tile of Sentinel-2 has 10,980."""
MOST_BOXES = 64
"""Before the codestream; Sentinel-2's files have six. Assumed."""
MOST_PARTS = 4096
"""Tile-parts of a file; Sentinel-2's have 121 at most. Assumed."""
MOST_AFTER = 1 << 16
"""Bytes after the codestream that are looked at for a georeference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One tile-part."""

    tile: int
    first: int
    """Byte of the file."""
    length: int
    last: bool
    """Whether the tile is known to end with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codestream:
    """A tiled JPEG 2000 file without its tiles."""

    boxes: bytes
    """Those around the codestream: sizes, georeference."""
    main: bytes
    """The main header without the places of the tile-parts."""
    width: int
    height: int
    tile_width: int
    tile_height: int
    sample_bytes: int
    start: int
    """Byte of the first tile-part."""
    end: int
    """Byte after the codestream; the length of the file where it says nothing."""
    stated: tuple[Part, ...]
    """Tile-parts as the main header states them; empty where it does not."""

    @property
    def tile_columns(self) -> int:
        """Tiles from left to right."""
        return -(-self.width // self.tile_width)

    @property
    def tile_rows(self) -> int:
        """Tiles from top to bottom."""
        return -(-self.height // self.tile_height)

    def tiles(self, window: Window) -> frozenset[int]:
        """Indices of the tiles that `window` touches."""
        rows = touched(window.row_off, window.height, self.tile_height)
        columns = touched(window.col_off, window.width, self.tile_width)
        return frozenset(row * self.tile_columns + column for row in rows for column in columns)

    def parts(self, tiles: frozenset[int], peek: Read) -> list[Part]:
        """The tile-parts of `tiles`, as stated, or found by going along the file.

        Raises:
            BrokenTiffError: where they are not all there.
        """
        found, open_tiles = [], set(tiles)
        for part in self.stated or self._walk(peek):
            if part.tile in tiles:
                found.append(part)
                if part.last:
                    open_tiles.discard(part.tile)
            if not open_tiles:
                break
        if missing := tiles - {part.tile for part in found}:
            raise BrokenTiffError(f"a JPEG 2000 file without the tiles {sorted(missing)}")
        return found

    def _walk(self, peek: Read) -> Iterator[Part]:
        place, seen = self.start, dict[int, int]()
        for _ in range(MOST_PARTS):
            if place + _TILE_PART > self.end:
                return
            header = peek(place, _TILE_PART)
            if header[:2] == _EOC:
                return
            if len(header) < _TILE_PART:
                raise BrokenTiffError("a JPEG 2000 file that ends within a tile-part")
            marker, _, tile, length, _, of = struct.unpack(">HHHIBB", header)
            length = length or self.end - len(_EOC) - place
            if marker != _SOT or length <= _TILE_PART or tile >= self.tile_columns * self.tile_rows:
                raise BrokenTiffError(f"a JPEG 2000 file with {header!r} where a tile-part is due")
            seen[tile] = seen.get(tile, 0) + 1
            yield Part(tile=tile, first=place, length=length, last=seen[tile] == of)
            place += length
        raise BrokenTiffError(f"a JPEG 2000 file of more than {MOST_PARTS} tile-parts")

    def file_of(self, parts: bytes) -> bytes:
        """A file of some tile-parts: sizes and georeference are those of the whole image."""
        body = self.main + parts + _EOC
        return self.boxes + struct.pack(">I4s", len(body) + _BOX, _CODESTREAM) + body

    def empty_file(self) -> bytes:
        """A file without pixels, for its place on the ground."""
        return self.file_of(struct.pack(">HHHIBBH", _SOT, 10, 0, _TILE_PART + 2, 0, 1, _SOD))


def read_codestream(read: Read, limits: Limits | None = None) -> Codestream:
    """The main header of a JPEG 2000 file.

    Args:
        read: gives bytes of the file, fewer at its end; asked for boxes and the main header alone.
        limits: of the header, and of a tile once it is decoded.

    Raises:
        BrokenTiffError: where the file is no JPEG 2000, or one that contradicts itself.
        NotTiledError: where a tile is so large that the file is better read whole.
    """
    limits = limits or Limits()
    boxes, begin, end = _boxes(read, limits.directory_bytes)
    segments, start = _segments(read, begin, limits.directory_bytes)
    size = next((body for code, body in segments if code == _SIZ), b"")
    if len(size) < 38 or segments[0][0] != _SIZ:  # noqa: PLR2004 - of the format: one component
        raise BrokenTiffError("a JPEG 2000 file without its sizes")
    _, width, height, x, y, tile_width, tile_height, tile_x, tile_y, bands = struct.unpack(">H8IH", size[:36])
    bits = (size[36] & 0x7F) + 1
    if x or y or tile_x or tile_y:
        raise NotTiledError("a JPEG 2000 image that does not begin at its origin")
    if not all(0 < side <= WIDEST for side in (width, height)) or not tile_width or not tile_height:
        raise BrokenTiffError(f"a JPEG 2000 image of {width} by {height} pixels")
    tile_width, tile_height = min(tile_width, width), min(tile_height, height)
    if tile_width * tile_height * 4 * bands > limits.block_bytes:  # OpenJPEG decodes to 32 bits
        raise NotTiledError(f"a JPEG 2000 image whose tiles have {tile_width} by {tile_height} pixels")
    main = struct.pack(">H", _SOC) + b"".join(
        struct.pack(">HH", code, len(body) + 2) + body for code, body in segments if code != _TLM
    )
    tlm = [body for code, body in segments if code == _TLM]
    count = -(-width // tile_width) * -(-height // tile_height)
    return Codestream(
        boxes=boxes,
        main=main,
        width=width,
        height=height,
        tile_width=tile_width,
        tile_height=tile_height,
        sample_bytes=-(-bits // 8),
        start=start,
        end=end,
        stated=tuple(_stated(tlm, start, count)),
    )


def _boxes(read: Read, most: int) -> tuple[bytes, int, int]:
    """The boxes around the codestream, and its first and last byte."""
    if read(0, 4) == SIGNATURES[1]:
        raise NotTiledError("a bare codestream, which has no georeference of its own")
    place, kept = 0, b""
    for _ in range(MOST_BOXES):
        head = read(place, _LONG_BOX)
        if len(head) < _LONG_BOX:
            break
        length, kind = struct.unpack(">I4s", head[:_BOX])
        lead = _BOX
        if length == 1:
            length, lead = struct.unpack(">Q", head[_BOX:])[0], _LONG_BOX
        if kind == _CODESTREAM:
            end = place + length if length else WIDEST * WIDEST
            after = read(end, MOST_AFTER) if length else b""
            return kept + _whole_boxes(after), place + lead, end
        if length < lead or place + length > most:
            break
        kept += _exactly(read, place, length)
        place += length
    raise BrokenTiffError("a JPEG 2000 file without a codestream")


def _whole_boxes(data: bytes) -> bytes:
    """What follows the codestream, as far as it is complete boxes."""
    place = 0
    while place + _BOX <= len(data):
        length = struct.unpack(">I", data[place : place + 4])[0]
        if length < _BOX or place + length > len(data):
            break
        place += length
    return data[:place]


def _segments(read: Read, begin: int, most: int) -> tuple[list[tuple[int, bytes]], int]:
    """Marker segments of the main header (code, body), and where the first tile-part begins."""
    if _exactly(read, begin, 2) != struct.pack(">H", _SOC):
        raise BrokenTiffError("a JPEG 2000 file whose codestream does not begin")
    place, found = begin + 2, list[tuple[int, bytes]]()
    while place - begin < most:
        code, length = struct.unpack(">HH", _exactly(read, place, 4))
        if code == _SOT:
            if not found:
                break
            return found, place
        if code < 0xFF00 or length < 2:  # noqa: PLR2004 - of the format
            break
        found.append((code, _exactly(read, place + 4, length - 2)))
        place += 2 + length
    raise BrokenTiffError("a JPEG 2000 file without a main header")


def _stated(bodies: list[bytes], start: int, count: int) -> Iterator[Part]:
    """Tile-parts of the TLM segments; nothing where they are not of the kind that names each part.

    Raises:
        BrokenTiffError: where they name tiles that are none.
    """
    entries: list[tuple[int, int]] = []
    for body in sorted(bodies, key=lambda body: body[:1]):
        if len(body) < 2:  # noqa: PLR2004 - of the format
            return
        numbers, lengths = (body[1] >> 4) & 3, (body[1] >> 6) & 1
        step = numbers + (4 if lengths else 2)
        rest = body[2:]
        if numbers == 3 or len(rest) % step:  # noqa: PLR2004 - of the format
            return
        for place in range(0, len(rest), step):
            tile = int.from_bytes(rest[place : place + numbers], "big") if numbers else len(entries)
            entries.append((tile, int.from_bytes(rest[place + numbers : place + step], "big")))
    if len(entries) > MOST_PARTS or any(tile >= count or size <= _TILE_PART for tile, size in entries):
        raise BrokenTiffError("a JPEG 2000 file whose list of tile-parts is none")
    final = {tile: index for index, (tile, _) in enumerate(entries)}
    for index, (tile, size) in enumerate(entries):
        yield Part(tile=tile, first=start, length=size, last=final[tile] == index)
        start += size


def _exactly(read: Callable[[int, int], bytes], first: int, length: int) -> bytes:
    found = read(first, length)
    if len(found) != length:
        raise BrokenTiffError(f"a JPEG 2000 file that ends before byte {first + length}")
    return found


def joined(parts: list[Part], pieces: Mapping[int, bytes]) -> bytes:
    """The tile-parts in the order of the file, each checked to be what its place promised.

    Raises:
        BrokenTiffError: where one is another, or cut short.
    """
    found = b""
    for part in parts:
        piece = pieces[part.first]
        tile = struct.unpack(">H", piece[4:6])[0] if len(piece) == part.length else -1
        if piece[:2] != struct.pack(">H", _SOT) or tile != part.tile:
            raise BrokenTiffError(f"a JPEG 2000 file whose tile {part.tile} does not lie where it should")
        found += piece
    return found
