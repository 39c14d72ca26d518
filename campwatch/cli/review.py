"""`campwatch review`: what people say of what the machine found."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import shapely
import typer

from aoi.site_file import read_site
from campwatch.cli.session import say
from campwatch.cli.summaries import interval_text
from campwatch.identity import system_clock
from campwatch.reviews.desk import open_desk
from campwatch.reviews.findings import PLACE, Finding
from campwatch.reviews.labels import is_labels_file
from campwatch.reviews.queue import Desk
from campwatch.reviews.validation import references, site_checks, validation_lines, validation_texts
from campwatch.reviews.verdicts import ReviewState, kept_blind, queue, review_rates
from campwatch.workspace import Workspace, open_workspace
from detection.coal.records import STOCKPILE_AREAS
from evidence.quantity import Quantity
from maps.review_format import (
    FORMAT,
    Cause,
    Confidence,
    Judgement,
    Likelihood,
    Reason,
    parse_review,
    read_review,
)

app = typer.Typer(
    name="review",
    help="Verdicts, observations and validation samples of analysts.",
    no_args_is_help=True,
    add_completion=False,
)
Reviewer = Annotated[str, typer.Option(help="A code, not a name.")]
Image = Annotated[str | None, typer.Option(help="PROVIDER,ID,DATE,METRES of the image that was seen.")]


def _with_desk(context: typer.Context, site_id: str, job: Callable[[Desk], Any]) -> Any:
    workspace: Workspace = open_workspace(context.obj.folder)
    (path,) = workspace.chosen_paths((site_id,))
    with workspace.lock(wait=True), open_desk(workspace, read_site(path)) as desk:
        return job(desk)


@app.command("list")
def list_reviews(
    context: typer.Context,
    *,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; may be repeated.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is settled.")] = False,
    unblind: Annotated[
        bool, typer.Option("--unblind", help="Also verdicts that wait for a second: for who judges neither.")
    ] = False,
) -> None:
    """What waits for a reviewer, how far reviewers agree, what was missed."""
    workspace = open_workspace(context.obj.folder)
    document = {}
    for path in workspace.chosen_paths(tuple(site or ())):
        with open_desk(workspace, read_site(path)) as desk:
            states = desk.states()
            document[desk.site.id] = _told(desk, states, everything=everything, unblind=unblind)
    context.obj.report(document)


def _told(desk: Desk, states: list[ReviewState], *, everything: bool, unblind: bool) -> dict[str, Any]:
    shown = states if everything else queue(states)
    shown = shown if unblind else [kept_blind(state) for state in shown]
    rates = review_rates(states)
    say(f"{desk.site.id}: {len(shown)} of {len(states)} findings and places")
    where = _descriptions(desk)
    for state in shown:
        say(_line(state, where.get((state.kind, state.subject), "")))
    say(f"  agreement of blind pairs: {_share(rates.agreement)} ({rates.readers.n} pairs)")
    say(f"  findings decided by two that were rejected: {_share(rates.false_share)}")
    say(f"  random places decided by two that show a miss: {_share(rates.miss_share)}")
    checks = site_checks(desk.ledger, desk.site)
    for line in validation_lines(checks):
        say(f"  {line}")
    told = {
        "agreement": rates.agreement.to_dict(),
        "alpha": rates.readers.alpha.to_dict(),
        "pairs": rates.readers.n,
    }
    told |= {"false_share": rates.false_share.to_dict(), "miss_share": rates.miss_share.to_dict()}
    return {
        "queue": [asdict(state) for state in shown],
        "rates": told,
        "validation": validation_texts(checks),
    }


def _descriptions(desk: Desk) -> dict[tuple[str, str], str]:
    """Of each finding and place: when, how large, where; what a person asks before an id."""
    told = {key: _described(found) for key, found in desk.findings().items()}
    return told | {(PLACE, place.place_id): _middle(place.geometry) for place in desk.places()}


def _described(finding: Finding) -> str:
    """Dates, hectares with their interval, and the middle of a finding, of its newest row."""
    row = finding.newest.row
    dates = [row.data.get(name) for name in ("first_seen", "onset_from", "datetime", "year")]
    areas = [row.data.get(name) for name in ("area_ha", "net_ha", "dark_ha")]
    parts = [next((f"since {str(day)[:10]}" for day in dates[:2] if day), "")]
    if not parts[0]:
        parts = [next((str(day)[:10] for day in dates[2:] if day), "")]
    area = next((one for one in areas if isinstance(one, dict)), None)
    if area is not None:
        parts.append(f"{interval_text(area)}{' ha' if area['value'] is not None else ''}")
    if row.geometry:
        parts.append(_middle(shapely.from_wkb(row.geometry)))
    return ", ".join(part for part in parts if part)


def _middle(geometry: Any) -> str:
    middle = geometry.centroid
    return f"at {middle.y:.4f} N {middle.x:.4f} E"


def _line(state: ReviewState, described: str) -> str:
    machine = state.machine_status or "no machine status"
    said = "; ".join(f"{v.reviewer}: {v.verdict} ({v.reason_code})" for v in state.standing)
    why = f" because {'; '.join(state.reopened_because[:3])}" if state.reopened_because else ""
    shown = f"{described}; " if described else ""
    status = state.review_status.replace("_", " ")
    return f"  {state.kind} {state.subject}: {shown}{machine}; review {status}{why}" + (
        f" [{said}]" if said else ""
    )


def _share(quantity: Quantity) -> str:
    if quantity.value is None:
        return quantity.reason or ""
    return f"{quantity.value:.0%} [{quantity.low:.0%} to {quantity.high:.0%}]"


@app.command("set")
def set_verdict(  # noqa: PLR0913 - options of a command
    context: typer.Context,
    subject: Annotated[str, typer.Argument(help="Id of the finding or place.")],
    *,
    site: Annotated[str, typer.Option(help="Its site.")],
    verdict: Annotated[Judgement, typer.Option(help="What is said of it.")],
    reason: Annotated[Reason, typer.Option(help="Why.")],
    reviewer: Reviewer,
    likelihood: Annotated[Likelihood | None, typer.Option(help="How likely.")] = None,
    confidence: Annotated[Confidence | None, typer.Option(help="How sure of the basis.")] = None,
    evidence: Image = None,
    cause: Annotated[
        Cause | None, typer.Option(help="Of a boundary change; two who name an image set it.")
    ] = None,
    note: Annotated[str, typer.Option()] = "",
    not_blind: Annotated[bool, typer.Option("--not-blind", help="An earlier verdict was known.")] = False,
) -> None:
    """Give a verdict on one finding, as it stands now."""

    def job(desk: Desk) -> None:
        told = {
            "subject": subject,
            "subject_kind": desk.kind_of(subject),
            "verdict": verdict.value,
            "reason_code": reason.value,
            "likelihood": likelihood and likelihood.value,
            "confidence": confidence and confidence.value,
            "evidence_viewed": [_image(evidence)] if evidence else [],
            "cause": cause and cause.value,
            "note": note,
            "reviewed_at": _now(),
            "blind": not not_blind,
        }
        _take(context, desk, reviewer, verdicts=[told])

    _with_desk(context, site, job)


@app.command()
def add(
    context: typer.Context,
    *,
    site: Annotated[str, typer.Option(help="Its site.")],
    kind: Annotated[str, typer.Option(help="outline, count or absent.")],
    label: Annotated[str, typer.Option(help="What was drawn, counted or looked for; a zone's id.")],
    image: Annotated[str, typer.Option(help="PROVIDER,ID,DATE,METRES of the image that was seen.")],
    reviewer: Reviewer,
    value: Annotated[float | None, typer.Option(help="The count.")] = None,
    geometry: Annotated[
        Path | None,
        typer.Option(help="Polygons (GeoJSON, KML, KMZ, GeoPackage, Shapefile): an observation for each."),
    ] = None,
) -> None:
    """Add what somebody saw in a named image: an outline, a count, an absence."""
    told = {
        "kind": kind,
        "label": label,
        "value": value,
        "image": _image(image),
        "observed_at": _now(),
    }
    shapes = _outlines(geometry)

    def job(desk: Desk) -> None:
        _take(context, desk, reviewer, observations=[told | {"geometry": shape} for shape in shapes])

    _with_desk(context, site, job)


@app.command("import")
def import_files(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="Review files of map pages, or labels.csv of a sample.")
    ],
) -> None:
    """Take verdicts from a map page, or labels of a sample."""
    done = []
    for path in files:
        if is_labels_file(path):
            done.append(_take_labels(context, path))
            continue
        done.append(_take_review(context, path))
    context.obj.report(done)


def _take_review(context: typer.Context, path: Path) -> dict[str, Any]:
    review = read_review(path)
    result = _with_desk(context, review.site_id, lambda desk: desk.take(review, system_clock))
    say(f"{path.name}: {result.new} new, {result.unchanged} known already")
    return {"file": str(path), "new": result.new, "unchanged": result.unchanged}


def _take_labels(context: typer.Context, path: Path) -> dict[str, Any]:
    from campwatch.reviews.labels import read_labels  # noqa: PLC0415 - only for samples

    labels = read_labels(path)
    result = _with_desk(context, labels.site_id, lambda desk: desk.take_labels(labels, system_clock))
    say(f"{path.name}: {result.new} labels of {labels.reader} new, {result.unchanged} known already")
    return {"file": str(path), "new": result.new, "unchanged": result.unchanged}


@app.command("references")
def show_references(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="Id of the site.")],
) -> None:
    """Stockpile figures against outlines and absences of finer images: bias, RMSE, interval coverage."""
    from campwatch.reviews.validation import reference_document, reference_table  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    (path,) = workspace.chosen_paths((site,))
    with open_desk(workspace, read_site(path)) as desk:
        found = references(desk.ledger, desk.site)
        check = site_checks(desk.ledger, desk.site)[STOCKPILE_AREAS.name]
    for line in reference_table(found):
        say(line)
    say(f"{desk.site.id}: {check.text}")
    context.obj.report(reference_document(found, check))


@app.command()
def sample(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="Id of the site.")],
    *,
    n: Annotated[int | None, typer.Option("--n", help="Units in all (300); draws anew.", min=20)] = None,
    reader: Annotated[list[str] | None, typer.Option(help="Code of a reader; two draw anew.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the draw; kept with it; draws anew.", min=1)] = None,
) -> None:
    """Draw a sample for blind labelling, or say what the labels that are in come to."""
    from campwatch.reviews.samples import draw_or_report  # noqa: PLC0415

    def job(desk: Desk) -> None:
        document, lines = draw_or_report(desk, n=n, readers=tuple(reader or ()), seed=seed)
        for line in lines:
            say(line)
        context.obj.report(document)

    _with_desk(context, site, job)


def _take(context: typer.Context, desk: Desk, reviewer: str, **said: Any) -> None:
    from campwatch import __version__  # noqa: PLC0415

    document = {
        "format": FORMAT,
        "site_id": desk.site.id,
        "run_id": desk.newest_run(),
        "map_version": __version__,
        "reviewer": reviewer,
        "exported_at": _now(),
        **said,
    }
    result = desk.take(parse_review(json.dumps(document)), system_clock)
    say(f"{desk.site.id}: {result.new} new, {result.unchanged} known already")
    context.obj.report({"new": result.new, "unchanged": result.unchanged})


def _now() -> str:
    return system_clock().replace(microsecond=0).isoformat()


def _image(text: str) -> dict[str, Any]:
    provider, _, rest = text.partition(",")
    parts = [part.strip() for part in rest.rsplit(",", 2)]
    if len(parts) != 3:  # noqa: PLR2004 - id, date, metres
        raise typer.BadParameter(f"{text!r} is not PROVIDER,ID,DATE,METRES")
    try:
        day, metres = dt.date.fromisoformat(parts[1]), float(parts[2])
    except ValueError as err:
        raise typer.BadParameter(f"{text!r} is not PROVIDER,ID,DATE,METRES") from err
    return {"provider": provider, "image_id": parts[0], "date": day.isoformat(), "resolution_m": metres}


def _outlines(path: Path | None) -> list[dict[str, Any] | None]:
    from campwatch.reviews.desk import read_outlines  # noqa: PLC0415 - only where a file is named

    return [None] if path is None else [*read_outlines(path)]
