"""Mutated site files of every format: nothing but an AoiError of one line may come out of reading them.

    python -m benchmarks.fuzz_sites [--files 10000] [--seed 1]

Prints how many files were read and how many refused; what did something else, with its traceback, and exit
code 1.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from pathlib import Path

import geopandas as gpd
from shapely import LineString, box

from aoi.checks import site_findings
from aoi.grid import site_grid
from aoi.proposal import Answers, Proposal, propose, site_from
from aoi.readers import read_candidates
from aoi.records import Boundary, Extent, Site, TracedImage, Zone, ZoneKind
from aoi.registry import shipped_sites
from aoi.site_file import read_site_file, site_text
from evidence.errors import AoiError

TOKENS = (
    b"null", b"NaN", b"-Infinity", b"1e999", b"9" * 400, b'"126.1"', b"[]", b"{}", b"true", b"[[[", b"]]]",
    b"\x00",
    b"\xff\xfe", b"&a;", b"<Folder>", b"</Placemark>", b"-180", b"360.5", b"91", b"2016-99", b'"role":"aoi",',
    b'"type":"Point"', b"\xed\xa0\x80", b"0,0,0", b"<![CDATA[",
)  # fmt: skip
VALUES = re.compile(rb"-?\d+\.?\d*|(?<=\")[^\"\n]+(?=\")|(?<=>)[^<>\s]+(?=<)")
NUMBERS = (b"126.05", b"39.55", b"0", b"-0.0", b"181", b"-200.5", b"89.9999", b"1e5", b"126.0300001", b"2016")
ONE_SIDE = (".geojson", ".kml", ".kmz", ".gpkg")
TEXTUAL = 0.6
"""Part of the text files whose values are exchanged, the others are broken byte by byte."""
SHAPEFILE = (".shp", ".shx", ".dbf", ".prj")


def example() -> Site:
    """A site with a little of everything."""
    fence = box(126.03, 39.53, 126.07, 39.57)
    image = TracedImage(provider="simulated", id="i", date="2016-02-07", resolution_m=0.5)
    boundaries = (
        Boundary(boundary_id="v1", geometry=fence, valid_from="2016-02", image=image, accuracy_m=12.0),
        Boundary(
            boundary_id="w",
            geometry=LineString(fence.exterior.coords[:3]),
            valid_from="2019~",
            extent=Extent.PARTIAL,
        ),
    )
    yard = Zone(id="yard", kind=ZoneKind.STOCKYARD, geometry=box(126.04, 39.54, 126.045, 39.545))
    return Site(
        id="a", name="봉창리", aoi=box(125.99, 39.5, 126.11, 39.6), boundaries=boundaries, zones=(yard,)
    )


def originals(folder: Path) -> list[dict[str, bytes]]:
    """Valid files to start from: suffix to content, several suffixes for a Shapefile."""
    site = example()
    frame = gpd.GeoDataFrame(
        {"name": ["fence 2016", "pit"]}, geometry=[site.aoi, site.zones[0].geometry], crs=4326
    )
    frame.to_crs(32652).to_file(folder / "a.gpkg")
    frame.to_file(folder / "a.shp")
    frame.to_file(folder / "a.kml", driver="KML")
    kml = (folder / "a.kml").read_bytes()
    with zipfile.ZipFile(folder / "a.kmz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", kml)
    shapefile = {suffix: (folder / f"a{suffix}").read_bytes() for suffix in SHAPEFILE}
    texts = [site_text(one).encode() for one in (site, *shipped_sites()[:6])]
    return [
        *({".geojson": text} for text in texts),
        {".kml": kml},
        {".kml": kml.decode().encode("utf-16")},
        {".kmz": (folder / "a.kmz").read_bytes()},
        {".gpkg": (folder / "a.gpkg").read_bytes()},
        shapefile,
    ]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The data with one to six things wrong."""
    found = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(found) + 1)
        length = min(len(found) - at, int(rng.expovariate(1 / 12)) + 1)
        match rng.randrange(6):
            case 0 if at < len(found):
                found[at] ^= 1 << rng.randrange(8)
            case 1:
                del found[at : at + length]
            case 2:
                found[at:at] = rng.choice(TOKENS)
            case 3:
                found[at : at + length] = rng.choice(TOKENS)
            case 4:
                other = rng.randrange(len(found) + 1)
                found[at:at] = found[other : other + length * 8]
            case _:
                if rng.random() < 0.1:
                    del found[at:]
    return bytes(found)


def edited(data: bytes, rng: random.Random) -> bytes:
    """The text with one to four of its numbers or words exchanged: still well-formed, no longer meant."""
    found = data
    for _ in range(rng.randint(1, 4)):
        places = list(VALUES.finditer(found))
        if not places:
            return found
        one, other = rng.choice(places), rng.choice(places)
        word = other[0] if rng.random() < 0.5 else rng.choice(NUMBERS)
        found = found[: one.start()] + word + found[one.end() :]
    return found


def answered(proposal: Proposal) -> Answers:
    """Answers to every open question."""
    open_ = proposal.questions
    return Answers(
        roles={str(q.number): "boundary" for q in open_ if q.question == "role"},
        dates={str(q.number): "2016" for q in open_},
    )


def read_every_way(path: Path) -> None:
    """What the command line does with a brought file."""
    read_candidates(path, [])
    proposal = propose(path)
    answers = answered(proposal)
    site = site_from(propose(path, answers=answers), answers=answers).site
    site_findings(site)
    site_grid(site)
    if path.suffix == ".geojson":
        read_site_file(path)


def attempt(path: Path) -> str:
    """Read | refused | broken."""
    try:
        read_every_way(path)
    except AoiError as error:
        return "broken" if "\n" in str(error) else "refused"
    except Exception:  # noqa: BLE001 - that is what is looked for
        traceback.print_exc()
        return "broken"
    return "read"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)  # noqa: S311 - not a secret
    counts: Counter[str] = Counter()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pool = originals(folder)
        for number in range(options.files):
            members = dict(rng.choice(pool))
            victim = rng.choice(sorted(members))
            change = edited if victim in {".geojson", ".kml"} and rng.random() < TEXTUAL else mutated
            members[victim] = change(members[victim], rng)
            for suffix, data in members.items():
                (folder / f"m{suffix}").write_bytes(data)
            outcome = attempt(folder / f"m{min(members, key=[*ONE_SIDE, *SHAPEFILE].index)}")
            counts[outcome] += 1
            if outcome == "broken":
                print(f"file {number} of seed {options.seed} ({victim}) broke")
    seconds = time.monotonic() - start
    print(
        f"{options.files} mutated files, seed {options.seed}, {seconds:.0f} s: {dict(sorted(counts.items()))}"
    )
    return 1 if counts["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
