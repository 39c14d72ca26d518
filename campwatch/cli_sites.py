"""`campwatch sites`: the registry. Text for people on stderr, results on stdout, `--json` one document."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from aoi.checks import registry_findings, site_findings
from aoi.edtf import first_day
from aoi.features import Role
from aoi.geodesy import area_ha
from aoi.grid import site_grid
from aoi.proposal import SKIP, Answers, Proposal, Proposed, propose, site_from, with_role
from aoi.records import Site
from aoi.registry import search, shipped_sites
from aoi.site_file import SiteReading, read_site_file, site_document, write_site
from campwatch.settings import FILE_NAME, read_settings
from evidence.errors import AoiError
from evidence.files import is_temporary
from evidence.limits import Limits

app = typer.Typer(
    name="sites", help="Where to look: list, show, add, accept and validate sites.", no_args_is_help=True
)
FAILED, INCOMPLETE = 1, 3


def sites_folder(ctx: typer.Context) -> Path:
    """The folder of site files of the workspace that the command line named."""
    folder: Path = ctx.obj.folder
    return folder / "sites"


def site_paths(folder: Path) -> list[Path]:
    """The site files of a folder, by name."""
    return sorted(path for path in folder.glob("*.geojson") if path.is_file() and not is_temporary(path))


def read_folder(folder: Path) -> tuple[list[tuple[Path, SiteReading]], list[str]]:
    """What can be read, and a line for each file that cannot."""
    readings, failures = [], []
    for path in site_paths(folder):
        try:
            readings.append((path, read_site_file(path)))
        except AoiError as error:
            failures.append(str(error))
    return readings, failures


def tell(lines: Iterable[str]) -> None:
    """Text for people."""
    for line in lines:
        typer.echo(line, err=True)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))


def _summary(site: Site) -> dict[str, Any]:
    return {
        "id": site.id,
        "name": site.name,
        "name_ko": site.name_ko,
        "kind": site.kind,
        "purpose": site.purpose.value,
        "derived": site.derived,
        "accepted": site.accepted,
        "aoi_ha": round(area_ha(site.aoi), 1),
        "boundaries": len(site.boundaries),
        "zones": len(site.zones),
        "points": len(site.points),
        "contested": list(site.contested),
    }


def _line(site: Site) -> str:
    state = "" if site.accepted else "  [box derived, not accepted]"
    contested = f"  [contested: {len(site.contested)}]" if site.contested else ""
    korean = f" {site.name_ko}" if site.name_ko else ""
    return f"{site.id:<22} {site.purpose.value:<10} {site.name}{korean}{state}{contested}"


@app.command("list")
def list_sites(
    ctx: typer.Context,
    query: Annotated[str | None, typer.Argument(help="A name in any spelling.")] = None,
    *,
    shipped: Annotated[bool, typer.Option("--shipped", help="The sites that come with campwatch.")] = False,
) -> None:
    """List the sites of the workspace, or those that are shipped."""
    readings, failures = ([], []) if shipped else read_folder(sites_folder(ctx))
    sites = list(shipped_sites()) if shipped else [reading.site for _, reading in readings]
    found = search(query, sites) if query else sites
    tell(failures)
    if ctx.obj.json:
        _print_json([_summary(site) for site in found])
    else:
        for site in found:
            typer.echo(_line(site))
        tell([] if found else ["no sites; `campwatch sites list --shipped` shows what can be added"])
    if failures:
        raise typer.Exit(INCOMPLETE)


def one_site(name: str, sites: Iterable[Site]) -> Site:
    """The one site that answers to an id or a name.

    Raises:
        AoiError: where there is none or more than one.
    """
    known = list(sites)
    by_id = [site for site in known if site.id == name]
    found = by_id or search(name, known)
    if len(found) != 1:
        which = ", ".join(site.id for site in found[:6]) or "none"
        raise AoiError(f"{len(found)} sites answer to {name!r}: {which}")
    return found[0]


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Id or name, in any spelling.")],
    *,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Of the sites that come with campwatch.")
    ] = False,
) -> None:
    """Show one site: names, sources, conflicts, boundaries, zones, grid."""
    readings, failures = ([], []) if shipped else read_folder(sites_folder(ctx))
    sites = shipped_sites() if shipped else [reading.site for _, reading in readings]
    tell(failures)
    site = one_site(name, sites)
    grid = site_grid(site)
    findings = site_findings(site)
    if ctx.obj.json:
        grid_json = {"crs": str(grid.crs), "shape": [grid.shape.y, grid.shape.x], "pixel_m": 10}
        _print_json(_summary(site) | {"grid": grid_json, "findings": findings, "file": site_document(site)})
        return
    for line in _description(site):
        typer.echo(line)
    typer.echo(f"grid         {grid.crs}, {grid.shape.x} × {grid.shape.y} pixels of 10 m")
    tell(findings)


def _description(site: Site) -> list[str]:
    plain = {
        "site": f"{site.id}: {site.name} {site.name_ko or ''}".rstrip(),
        "aliases": "; ".join(site.aliases),
        "kind": site.kind,
        "purpose": site.purpose.value,
        "status": site.status,
        "source": " ".join(text for text in (site.source, site.source_url) if text),
        "accuracy": f"{site.accuracy_m:g} m" if site.accuracy_m else None,
        "confidence": site.confidence,
        "aoi": f"{area_ha(site.aoi):,.0f} ha, an ordering box, not a boundary{_state(site)}",
        "note": site.note,
    }
    lines = [f"{key:<12} {value}" for key, value in plain.items() if value]
    lines += [f"{'contested':<12} {text}" for text in site.contested]
    lines += [
        f"boundary     {b.boundary_id}: {b.valid_from} to {b.valid_to or 'now'}, {b.extent}, {b.sensitivity}"
        for b in site.boundaries
    ]
    lines += [f"{'zone':<12} {z.id}: {z.kind.value}, {area_ha(z.geometry):.2f} ha" for z in site.zones]
    lines += [
        f"point        {p.id}: {p.geometry.y:.5f} {p.geometry.x:.5f} ± {p.accuracy_m or '?'} m, {p.source}"
        for p in site.points
    ]
    return lines


def _state(site: Site) -> str:
    return "" if not site.derived else f" (derived, {'accepted' if site.accepted else 'not accepted'})"


def _pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    pairs = [text.rpartition("=") for text in texts]
    if any(not key or not value for key, _, value in pairs):
        raise typer.BadParameter(f"{option} wants FEATURE=VALUE")
    return {key: value for key, _, value in pairs}


@app.command()
def add(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(help="GeoJSON, KML, KMZ, GeoPackage or Shapefile; or a shipped site's id.")
    ],
    *,
    role: Annotated[list[str] | None, typer.Option(help="FEATURE=aoi|boundary|point|zone:KIND|skip")] = None,
    date: Annotated[
        list[str] | None, typer.Option(help="FEATURE=EDTF date from which it is in force")
    ] = None,
    keep: Annotated[list[str] | None, typer.Option(help="Name of an unknown property to keep.")] = None,
    site_id: Annotated[str | None, typer.Option("--id", help="Id of the site.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the site.")] = None,
    public: Annotated[bool, typer.Option("--public", help="What says nothing else is public.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Take the preview as it is.")] = False,
) -> None:
    """Add a site: preview, questions, then one file in sites/."""
    answers = Answers(
        roles=_pairs(role or (), "--role"),
        dates=_pairs(date or (), "--date"),
        keep=tuple(keep or ()),
        public=public,
        site_id=site_id,
        site_name=name,
    )
    reading = _shipped(source) or _proposed(Path(source), answers, ask=not yes, limits=_limits(ctx))
    target = sites_folder(ctx) / f"{reading.site.id}.geojson"
    if target.exists():
        raise AoiError(f"{target.name} exists in sites/; give another --id, or remove it first")
    tell([*reading.notices, *site_findings(reading.site)])
    tell([f"would be written as sites/{target.name}:", *_description(reading.site)])
    if not yes and not typer.confirm("Write it?", err=True):
        raise typer.Exit(FAILED)
    write_site(target, reading.site)
    _print_json(_summary(reading.site)) if ctx.obj.json else typer.echo(str(target))


def _shipped(source: str) -> SiteReading | None:
    """The shipped site of that id, unless a file has the name."""
    known = {site.id: site for site in shipped_sites()}
    if source not in known or Path(source).is_file():
        return None
    return SiteReading(site=known[source], notices=())


def _limits(ctx: typer.Context) -> Limits:
    """What a site file may take, by the settings of the workspace where there are some."""
    path = ctx.obj.folder / FILE_NAME
    return Limits.of_gigabytes(read_settings(path).limits.memory_gb) if path.is_file() else Limits()


def _proposed(path: Path, answers: Answers, *, ask: bool, limits: Limits) -> SiteReading:
    proposal = propose(path, answers=answers, limits=limits)
    tell(_preview(proposal))
    if ask:
        proposal = replace(proposal, features=tuple(_asked(feature) for feature in proposal.features))
    return site_from(proposal, answers=answers)


def _preview(proposal: Proposal) -> list[str]:
    lines = ["the file holds:"]
    for feature in proposal.features:
        what = "left out" if feature.skipped else feature.role.value if feature.role else "?"
        kind = f":{feature.kind.value}" if feature.kind else ""
        date = f" from {feature.date}" if feature.role is Role.BOUNDARY and feature.date else ""
        shape = feature.candidate.geometry.geom_type
        lines.append(
            f"  {feature.number}. {feature.candidate.where}: {shape} -> {what}{kind}{date} ({feature.why})"
        )
    return lines


def _asked(feature: Proposed) -> Proposed:
    """The feature with what had to be asked; an answer that is none is asked again."""
    while feature.question is not None:
        try:
            feature = _once_asked(feature)
        except AoiError as error:
            tell([str(error)])
    return feature


def _once_asked(feature: Proposed) -> Proposed:
    if feature.question == "role":
        text = f"{feature.candidate.where}: aoi, boundary, point, zone:KIND or {SKIP}?"
        return with_role(feature, typer.prompt(text, err=True).strip())
    date = typer.prompt(f"{feature.candidate.where}: in force from (EDTF date)?", err=True).strip()
    first_day(date, where=feature.candidate.where)
    return replace(feature, date=date)


@app.command()
def accept(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Id or name.")]) -> None:
    """Accept a derived ordering box: from now on imagery is ordered for it."""
    readings, _ = read_folder(sites_folder(ctx))
    site = one_site(name, [reading.site for _, reading in readings])
    path = next(path for path, reading in readings if reading.site == site)
    write_site(path, replace(site, accepted=True))
    _print_json({"id": site.id, "accepted": True}) if ctx.obj.json else typer.echo(f"{site.id}: accepted")


@app.command()
def validate(ctx: typer.Context) -> None:
    """Check every site file; exit code 1 where one cannot be read."""
    readings, failures = read_folder(sites_folder(ctx))
    notices = [f"{path.name}: {notice}" for path, reading in readings for notice in reading.notices]
    notices += [f"{path.name}: {line}" for path, reading in readings for line in site_findings(reading.site)]
    notices += registry_findings([reading.site for _, reading in readings])
    if ctx.obj.json:
        _print_json({"valid": len(readings), "errors": failures, "notices": notices})
    else:
        tell([*failures, *notices])
        typer.echo(f"{len(readings)} valid, {len(failures)} not, {len(notices)} notices")
    if failures:
        raise typer.Exit(FAILED)
