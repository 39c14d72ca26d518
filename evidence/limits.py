"""Limits of what is taken in from outside, all from the one figure `[limits] memory_gb`."""

from __future__ import annotations

from dataclasses import dataclass

GIGABYTE = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes that are refused before anything of them is allocated.

    The shares are *assumed*: an honest body of each kind is a hundredth of its limit at 2 GB, and the limits
    of all that is in flight at once (8 products) stay below the memory that was granted.
    """

    memory_bytes: int = 2 * GIGABYTE

    @classmethod
    def of_gigabytes(cls, memory_gb: float) -> Limits:
        """From the setting."""
        return cls(memory_bytes=max(1, int(memory_gb * GIGABYTE)))

    @property
    def document_bytes(self) -> int:
        """Of a JSON body from a provider: a page of a hundred items takes about 2 MB."""
        return self.memory_bytes // 40

    @property
    def document_values(self) -> int:
        """Of a JSON document: each takes some 100 bytes in memory; a page of a hundred items holds 50,000."""
        return self.memory_bytes // 2000

    @property
    def small_bytes(self) -> int:
        """Of a token, a signature, or the body that comes with an error."""
        return min(1_000_000, self.memory_bytes // 40)

    @property
    def answer_bytes(self) -> int:
        """Of an answer of Process: 2500 by 2500 pixels of 13 bands take 160 MB uncompressed."""
        return self.memory_bytes // 8

    @property
    def window_bytes(self) -> int:
        """Of the pixels of one band: 5600 by 5600 of 16 bits at 2 GB, which is 56 km at 10 m."""
        return self.memory_bytes // 32

    @property
    def product_bytes(self) -> int:
        """Of the pixels of all bands of one product; a site of 500 km2 takes 28 MB."""
        return self.memory_bytes // 16

    @property
    def block_bytes(self) -> int:
        """Of one block of a raster once decoded; providers write 0.5 to 8 MB."""
        return self.memory_bytes // 32

    @property
    def directory_bytes(self) -> int:
        """Of the tags of a TIFF: 16 bytes a block, of which a tile of Sentinel-2 has 484."""
        return min(8_000_000, self.memory_bytes // 200)

    @property
    def file_bytes(self) -> int:
        """Of a file that goes to disk whole, never to memory: a band of a tile takes 250 MB."""
        return GIGABYTE

    @property
    def site_file_bytes(self) -> int:
        """Of a site file, unpacked: analysts' files take kilobytes, with a few hundred outlines 5 MB."""
        return self.memory_bytes // 40

    @property
    def site_file_elements(self) -> int:
        """Of elements of XML, or values of JSON, in a site file: each takes some 300 bytes in memory."""
        return self.memory_bytes // 8000

    @property
    def site_file_coordinate_characters(self) -> int:
        """Of coordinates in a site file: a position takes 180 bytes in memory and may be 4 characters."""
        return self.memory_bytes // 160
