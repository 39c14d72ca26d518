"""What every export says about itself: release, run, custody head, profile, whom to name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from aoi.records import Site
from campwatch.language import told
from campwatch.reviews.validation import Checks, validation_lines
from detection.sampling.references import SiteCheck
from evidence.anchors import OWN_CLOCK

NO_RELEASE = "no release"
COPERNICUS = "Contains modified Copernicus Sentinel data"
LANDSAT = "Landsat imagery courtesy of the U.S. Geological Survey"
SOURCE_NOT_STATED = "source not stated in the site file"
SIMULATED = "Simulated imagery: no such place exists"
WORDING = (
    "Imagery shows activity, not who works. Stockpile figures are plan area of probable coal; "
    "not volume, tonnage, production or origin."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Where an export comes from and who may see it."""

    release_id: str | None
    """None where the data were not released under a citable id."""
    run_id: str
    """The newest run that measured what the export shows: `reproduce` takes it."""
    as_of: str
    """When that run wrote its rows, UTC."""
    custody_head: str
    """Digest of all custody heads at that time, as the run printed it."""
    heads: Mapping[str, str]
    """Custody head of each site shown."""
    version: str
    """Of the software."""
    measured: Mapping[str, str] = field(default_factory=dict)
    """The run that measured each site shown last."""
    restricted: bool
    coordinate_decimals: int | None = None
    """Public exports: vertices are rounded to this many decimals of a degree."""
    delay_days: int = 0
    """Public exports: nothing younger than this before `as_of` is shown."""
    simulated: tuple[str, ...] = ()
    """Sites that do not exist."""
    checks: Mapping[str, Checks] = field(default_factory=dict)
    """What stands behind the intervals, by site and layer."""
    clock: str = f"times are {OWN_CLOCK}"
    """Whose clock the times of custody are by."""
    language: str = ""
    """Of a file that is not English: who answers for its words, and which language governs."""

    @property
    def release(self) -> str:
        """The release id, or that there is none."""
        return self.release_id or NO_RELEASE

    @property
    def profile(self) -> str:
        """Public or restricted, with what that changed."""
        if self.restricted:
            return "RESTRICTED: holds what is not marked public"
        parts = ["public"]
        if self.coordinate_decimals is not None:
            parts.append(f"coordinates rounded to {self.coordinate_decimals} decimals of a degree")
        if self.delay_days:
            parts.append(f"nothing younger than {self.delay_days} days before the run")
        return "; ".join(parts)

    def of(self, site_id: str) -> Stamp:
        """The same for a file about one site: it names no other."""
        return replace(
            self,
            heads={site: head for site, head in self.heads.items() if site == site_id},
            measured={site: run for site, run in self.measured.items() if site == site_id},
            run_id=self.measured.get(site_id, self.run_id),
            simulated=tuple(site for site in self.simulated if site == site_id),
            checks={site: checks for site, checks in self.checks.items() if site == site_id},
        )

    @property
    def clock_short(self) -> str:
        """The same in few words."""
        return f"times {OWN_CLOCK}" if self.clock.startswith("times are") else "custody anchored outside"

    def items(self) -> list[tuple[str, str]]:
        """(what, value) for tables and metadata."""
        return [
            ("release", self.release),
            ("run", self.run_id),
            ("as of", self.as_of),
            *((f"run that measured {site}", run) for site, run in self.measured.items()),
            ("custody head", self.custody_head),
            *((f"custody head of {site}", head) for site, head in self.heads.items()),
            ("clock", self.clock),
            ("software", f"campwatch {self.version}"),
            ("profile", self.profile),
            (
                "intervals",
                "value, low and high at the level of the row; empty with a reason where not assessable",
            ),
            *((f"validation of {site}", line) for site, line in self.validation()),
            ("wording", WORDING),
            *([("language", self.language)] if self.language else []),
            *((f"site {site}", SIMULATED) for site in self.simulated),
        ]

    def validation(self) -> list[tuple[str, str]]:
        """(site, what references stand behind its intervals)."""
        sites = [*self.checks] or ["every site"]
        return [(site, "; ".join(validation_lines(self.checks.get(site, {})))) for site in sites]

    def check(self, site_id: str, layer: str) -> str:
        """The sentence for the intervals of one layer at one site."""
        return self.checks.get(site_id, {}).get(layer, SiteCheck()).text

    def footer(self) -> str:
        """One line for the foot of figures and pages."""
        parts = (
            f"campwatch {self.version}", self.release, f"run {self.run_id}",
            f"custody head {self.custody_head[:16]}…", self.profile.split(":")[0], self.clock_short,
            *([self.language] if self.language else []),
        )  # fmt: skip
        return " · ".join(told(part) for part in parts)


def imagery_attribution(sensors: Iterable[str], years: Iterable[int], *, simulated: bool = False) -> str:
    """Whom to name for imagery of these sensors and years."""
    if simulated:
        return SIMULATED
    families = {sensor.split("-")[0] for sensor in sensors}
    span = sorted(set(years))
    text = "" if not span else f" {span[0]}" if len(span) == 1 else f" {span[0]}–{span[-1]}"
    notices = [f"{COPERNICUS}{text}"] if families != {"landsat"} else []
    return "; ".join([*notices, *([LANDSAT] if "landsat" in families else [])])


def site_attribution(site: Site) -> str:
    """Whom to name for the site's place and outline."""
    parts = [site.source, site.source_url]
    return ", ".join(part for part in parts if part) or SOURCE_NOT_STATED


def site_notice(attribution: str, site_id: str, stamp: Stamp) -> str:
    """Of the attribution of several sites, what concerns one."""
    if site_id in stamp.simulated:
        return SIMULATED if SIMULATED in attribution else attribution
    others = tuple(f"{site}: " for site in stamp.simulated)
    return "; ".join(part for part in attribution.split("; ") if not part.startswith(others)) or attribution
