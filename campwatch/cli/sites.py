"""`campwatch sites`: the registry. Text for people on stderr, results on stdout, `--json` one document."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer

from aoi.checks import registry_findings, site_findings
from aoi.edtf import first_day
from aoi.features import Criterion, Role
from aoi.geodesy import area_ha
from aoi.grid import site_grid
from aoi.proposal import (
    SKIP,
    Answers,
    Place,
    Proposal,
    Proposed,
    places_from,
    propose,
    site_from,
    with_role,
)
from aoi.readers import FORMATS
from aoi.records import Site
from aoi.registry import search, shipped_sites
from aoi.site_file import SiteReading, read_site_file, read_whole_site, site_document, site_of, write_site
from campwatch.cli.session import put, sure
from campwatch.language import told
from campwatch.settings import FILE_NAME, read_settings
from campwatch.workspace import workspace_folder
from evidence.errors import AoiError
from evidence.files import is_temporary
from evidence.limits import Limits

app = typer.Typer(
    name="sites",
    help="Where to look: list, show, add, accept and validate sites.",
    no_args_is_help=True,
    add_completion=False,
)
FAILED, INCOMPLETE = 1, 3


def sites_folder(ctx: typer.Context) -> Path:
    """The folder of site files of the workspace that the command line named.

    Raises:
        WorkspaceError: where it is none: nothing is written into another folder.
    """
    return workspace_folder(ctx.obj.folder) / "sites"


def site_paths(folder: Path) -> list[Path]:
    """The site files of a folder, by name."""
    return sorted(path for path in folder.glob("*.geojson") if path.is_file() and not is_temporary(path))


UNREAD = frozenset(
    {".json", ".kml", ".kmz", ".gpkg", ".shp", ".zip", ".fgb", ".gpx", ".tab", ".csv", ".xlsx"}
)
"""Ends of files that `sites add` reads and `sites/` does not hold."""


def unread_files(folder: Path) -> list[str]:
    """A line for each file of the folder that looks like a place and is no site file."""
    found = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in UNREAD)
    return [
        f"{name}: not read, sites are .geojson files; `campwatch sites add` makes one of it" for name in found
    ]


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
        put(line, err=True)


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
    return f"{site.id:<22} {told(site.purpose.value):<10} {site.name}{korean}{told(state)}{told(contested)}"


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
            put(_line(site))
        tell([] if found else ["no sites; `campwatch sites list --shipped` shows what can be added"])
    if failures:
        raise typer.Exit(INCOMPLETE)


def one_site(name: str, sites: Iterable[Site]) -> Site:
    """The one site that answers to an id or a name.

    Raises:
        AoiError: where there is none or more than one.
    """
    known = list(sites)
    by_id = [site for site in known if site.id == name.strip().lower()]
    found = by_id or search(name, known)
    if not found:
        near = get_close_matches(name.strip().lower(), [site.id for site in known], n=3)
        raise AoiError(f"no site answers to {name!r}" + (f"; near it: {', '.join(near)}" if near else ""))
    if len(found) > 1:
        which = "; ".join(f"{site.id} ({_told_apart(site)})" for site in found[:6])
        raise AoiError(f"{len(found)} sites answer to {name!r}: {which}")
    return found[0]


def _told_apart(site: Site) -> str:
    """What tells a site from others of its name: kind, place."""
    middle = site.aoi.centroid
    named = " ".join(text for text in (site.name, site.name_ko) if text)
    return f"{named}, {site.kind or 'site'}, {middle.y:.2f} N {middle.x:.2f} E"


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
        put(line)
    put(f"grid         {grid.crs}, {grid.shape.x} × {grid.shape.y} pixels of 10 m")
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
    lines = [f"{told(key):<12} {told(value)}" for key, value in plain.items() if value]
    lines += [f"{told('contested'):<12} {text}" for text in site.contested]
    lines += [
        f"boundary     {b.boundary_id}: {b.valid_from} to {b.valid_to or 'now'}, {b.extent}, {b.sensitivity}"
        for b in site.boundaries
    ]
    lines += [
        f"{told('zone'):<12} {z.id}: {told(z.kind.value)}, {area_ha(z.geometry):.2f} ha" for z in site.zones
    ]
    lines += [
        f"point        {p.id}: {p.geometry.y:.5f} {p.geometry.x:.5f} ± {p.accuracy_m or '?'} m, "
        f"{p.source or 'no source stated'}"
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
        str, typer.Argument(help=f"{FORMATS}, zipped or not; or the id or name of a shipped site.")
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
    accuracy: Annotated[
        float | None, typer.Option(help="Of the traced lines: radial RMSE in metres.", min=0.0)
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="What they were traced on: PROVIDER,ID,DATE.", metavar="P,I,D")
    ] = None,
    criterion: Annotated[
        Criterion | None, typer.Option(help="What the traced line is on the ground.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of the file's texts, as in cp949.")] = None,
    each: Annotated[
        bool, typer.Option("--each", help="The file lists many places: one site for each, none accepted.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option("--to", help="Add boundaries, zones and points to this site instead.", metavar="ID"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the preview as it is.")] = False,
) -> None:
    """Add a site, or with --to what a site lacks: preview, questions, then one file in sites/."""
    answers = Answers(
        roles=_pairs(role or (), "--role"),
        dates=_pairs(date or (), "--date"),
        keep=tuple(keep or ()),
        public=public,
        site_id=site_id,
        site_name=name,
        accuracy_m=accuracy,
        image=_image(image),
        criterion=criterion,
        encoding=encoding,
    )
    if each:
        _add_each(ctx, Path(source), answers, yes=yes)
        return
    reading = _shipped(source) or _proposed(Path(source), answers, ask=not yes, limits=_limits(ctx))
    target = sites_folder(ctx) / f"{reading.site.id}.geojson"
    if to is not None:
        target = _path_of(ctx, to)
        reading = _added_to(read_whole_site(target).site, reading)
    if target.exists() and to is None:
        raise AoiError(f"{target.name} exists in sites/; give another --id, or remove it first")
    tell([*reading.notices, *site_findings(reading.site)])
    tell([f"would be written as sites/{target.name}:", *_description(reading.site)])
    if not yes and not sure("Write it?"):
        raise typer.Exit(FAILED)
    write_site(target, reading.site)
    _print_json(_summary(reading.site)) if ctx.obj.json else put(str(target))


def _path_of(ctx: typer.Context, name: str) -> Path:
    """The file of the workspace's site that a user names.

    Raises:
        AoiError: where there is none, or several.
    """
    readings, _ = read_folder(sites_folder(ctx))
    site = one_site(name, [reading.site for _, reading in readings])
    return next(path for path, reading in readings if reading.site is site)


def _added_to(site: Site, reading: SiteReading) -> SiteReading:
    """The site with the boundaries, zones and points that a file brings; its aoi and names stay.

    Raises:
        AoiError: where the file brings nothing of the kind, or an id that the site has.
    """
    new = reading.site
    have = {b.boundary_id for b in site.boundaries} | {z.id for z in site.zones} | {p.id for p in site.points}
    come = [b.boundary_id for b in new.boundaries] + [z.id for z in new.zones] + [p.id for p in new.points]
    if twice := sorted(have.intersection(come)):
        raise AoiError(f"{site.id} has {', '.join(twice)} already; give what you add another name")
    if not come:
        raise AoiError(f"the file holds no boundary, zone or point to add to {site.id}")
    held, brought = (site_document(one)["features"] for one in (site, replace(new, id=site.id)))
    parts = [one for one in brought if one["properties"]["role"] != Role.AOI]
    merged = site_of({"type": "FeatureCollection", "features": [*held, *parts]}, name=site.id)
    said = [notice for notice in reading.notices if not notice.startswith("no aoi")]
    return SiteReading(site=merged.site, notices=(*said, *merged.notices))


def _image(text: str | None) -> dict[str, str] | None:
    """Provider, id and date of an image."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    named = {key: part for key, part in zip(("provider", "id", "date"), parts, strict=False) if part}
    if "date" in named:
        first_day(named["date"], where="--image")
    return named


def _add_each(ctx: typer.Context, path: Path, answers: Answers, *, yes: bool) -> None:
    """One site for each place of a list; what a shipped site or a file in sites/ is already is left out."""
    proposal = propose(path, answers=answers, limits=_limits(ctx))
    tell(proposal.notices)
    places = places_from(proposal, answers=answers)
    folder = sites_folder(ctx)
    fresh = [p for p in places if p.known is None and not (folder / f"{p.reading.site.id}.geojson").exists()]
    tell([f"the file lists {len(places)} places:", *(_place_line(place, folder) for place in places)])
    outlines = [where for place in places for where in place.outlines]
    if outlines:
        more = f" and {len(outlines) - 1} more" if len(outlines) > 1 else ""
        tell([f"no role or date: {outlines[0]}{more}; they give their boxes and are not kept as boundaries"])
    if not fresh:
        raise AoiError("nothing in the file is new")
    if not yes and not sure(f"Write {len(fresh)} sites, none of them accepted?"):
        raise typer.Exit(FAILED)
    for place in fresh:
        write_site(folder / f"{place.reading.site.id}.geojson", place.reading.site)
    tell([f"{len(fresh)} sites written, none accepted: `campwatch sites accept ID` orders imagery for one"])
    if ctx.obj.json:
        _print_json([_summary(place.reading.site) for place in fresh])
    else:
        for place in fresh:
            put(str(folder / f"{place.reading.site.id}.geojson"))


def _place_line(place: Place, folder: Path) -> str:
    site = place.reading.site
    middle = site.aoi.centroid
    where = f"{middle.y:.4f} N {middle.x:.4f} E, {area_ha(site.aoi) / 100:.0f} km2"
    if place.known is not None:
        return f"  {site.id:<24} {where}  is shipped as {place.known.id} ({place.known.name}): left out"
    held = "exists: left out" if (folder / f"{site.id}.geojson").exists() else "new, not accepted"
    korean = f" {site.name_ko}" if site.name_ko and site.name_ko != site.name else ""
    status = f" [{site.status}]" if site.status else ""
    return f"  {site.id:<24} {where}  {site.name}{korean}{status}: {held}"


def _shipped(source: str) -> SiteReading | None:
    """The shipped site of that id or name in any case and script, unless a file has the name."""
    if Path(source).is_file() or Path(source).suffix:
        return None
    known = shipped_sites()
    if search(source, known) or source.lower() in {site.id for site in known}:
        return SiteReading(site=one_site(source, known), notices=())
    return None


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
            f"  {feature.number}. {told(feature.candidate.where)}: {shape} -> "
            f"{told(what)}{kind}{told(date)} ({told(feature.why)})"
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
        return with_role(feature, typer.prompt(told(text), err=True).strip())
    meant = f" ({' or '.join(feature.meanings)})" if feature.meanings else ""
    question = f"{feature.candidate.where}: from which day did it hold, as in 2016-02-07{meant}?"
    date = typer.prompt(told(question), err=True).strip()
    first_day(date, where=feature.candidate.where)
    return replace(feature, date=date)


@app.command()
def accept(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Id or name.")]) -> None:
    """Accept a derived ordering box: from now on imagery is ordered for it."""
    path = _path_of(ctx, name)
    site = read_whole_site(path).site
    write_site(path, replace(site, accepted=True))
    _print_json({"id": site.id, "accepted": True}) if ctx.obj.json else put(f"{site.id}: accepted")


@app.command()
def validate(ctx: typer.Context) -> None:
    """Check every site file; exit code 1 where one cannot be read."""
    readings, failures = read_folder(sites_folder(ctx))
    notices = [f"{path.name}: {notice}" for path, reading in readings for notice in reading.notices]
    notices += [f"{path.name}: {line}" for path, reading in readings for line in site_findings(reading.site)]
    notices += registry_findings([reading.site for _, reading in readings])
    notices += unread_files(sites_folder(ctx))
    if ctx.obj.json:
        _print_json({"valid": len(readings), "errors": failures, "notices": notices})
    else:
        tell([*failures, *notices])
        put(f"{len(readings)} valid, {len(failures)} not, {len(notices)} notices")
    if failures:
        raise typer.Exit(FAILED)
