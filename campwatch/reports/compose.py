# ruff: noqa: E501 - texts are read whole
"""A report on some sites, composed from the rows of a release: the content, before it is Word or PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aoi.records import Site
from campwatch.exports.bundle import Bundle
from campwatch.exports.figure_page import figure_style
from campwatch.language import speaking, told
from campwatch.questions.records import ANSWERS
from campwatch.reports.claims import (
    CLAIMS,
    RATE_COLUMNS,
    RUBRIC,
    ClaimSheet,
    claim_sheets,
    quantity_sources,
    quantity_text,
    reference_epochs,
)
from campwatch.reports.content import (
    Block,
    Break,
    Grid,
    Heading,
    Line,
    Report,
    Text,
)
from campwatch.reports.site_pages import Frozen, Options, SitePages
from campwatch.reports.words import HOSTILE, METHOD, REFERENCES, word
from campwatch.reviews.records import SAMPLED_RATES
from campwatch.workspace import Workspace
from detection.ground.landsat_records import LANDSAT_RATES
from detection.ground.records import FOOTPRINTS, GROUND_RATES
from evidence.errors import ExportError
from evidence.rows import StoredRow
from imagery.cube.observations import OBSERVATIONS

ACCOUNT_HEADS = ("accounts_opened_ha", "accounts_area_ha")
RATE_HEADS = ("rates_before", "rates_after", "rates_change")
MOST_IMAGES = 400
"""Rows of the list of images that are printed; the release has all."""


def compose(
    workspace: Workspace, bundle: Bundle, frozen: Frozen, options: Options, folder: Path, *, made: str
) -> Report:
    """The whole report; figures are drawn into `folder`.

    Args:
        workspace: whose archive the figures are drawn from.
        bundle: rows of the release, of the sites in the order in which ground is counted.
        frozen: the release.
        options: language, questions, who.
        folder: for figures.
        made: when, UTC.
    """
    lang = options.language
    rows = _asked_only(bundle, options)
    sheets = claim_sheets(bundle.sites, rows)
    draft = lang == "ko" and not options.korean_signed
    footer = bundle.stamp.footer() + (" · DRAFT 초안" if draft and not bundle.stamp.language else "")
    names = ", ".join(site.name_ko if lang == "ko" and site.name_ko else site.name for site in bundle.sites)
    report = Report(
        title=f"{word('title', lang)}: {names}", language=lang, release_id=frozen.release_id, made=made,
        footer=footer, draft=draft,
    )  # fmt: skip
    for k, (site, sheet) in enumerate(zip(bundle.sites, sheets, strict=True)):
        if k:
            report.blocks.append(Break())
        own = {name: [s for s in held if s.row.site_id == site.id] for name, held in rows.items()}
        part = SitePages(workspace, bundle, site, own, sheet, frozen, options, folder, report)
        report.blocks.extend(part.first_page())
        report.blocks.extend(part.answer_pages())
        report.blocks.extend(part.area_pages())
    report.blocks.extend(_sheets_page(bundle.sites, sheets, lang))
    report.blocks.extend(_comparison(bundle.sites, rows, lang))
    report.blocks.extend(_closing(bundle, rows, lang))
    report.blocks.extend(_rows_page(report, rows))
    return report


def _asked_only(bundle: Bundle, options: Options) -> dict[str, list[StoredRow]]:
    rows = {name: list(held) for name, held in bundle.rows.items()}
    if options.questions:
        known = {s.row.data["question_id"] for s in rows.get(ANSWERS.name, ())}
        unknown = sorted(set(options.questions) - known)
        if unknown:
            raise ExportError(
                f"no answer to {', '.join(unknown)} in this release; there are: {', '.join(sorted(known)) or 'none'}"
            )
        rows[ANSWERS.name] = [
            s for s in rows.get(ANSWERS.name, ()) if s.row.data["question_id"] in options.questions
        ]
    return rows


def _sheets_page(sites: Sequence[Site], sheets: Sequence[ClaimSheet], lang: str) -> list[Block]:
    k = int(lang == "ko")
    blocks: list[Block] = [Break(), Heading(text=word("claim_sheet", lang))]
    blocks += [Text(text=line[k], style="small") for line in RUBRIC]
    for site, sheet in zip(sites, sheets, strict=True):
        lines = tuple(
            Line(
                cells=(
                    CLAIMS[line.claim][k],
                    line.finding[k],
                    "; ".join(t[k] for t in line.supports) or "–",
                    "; ".join(t[k] for t in line.against) or "–",
                    "; ".join(t[k] for t in line.not_assessable) or "–",
                ),
                rows=line.rows,
            )
            for line in sheet.lines
        )
        note = word("sheet_note", lang, n=sheet.questions, f=sheet.expected_false)
        places = ", ".join(sheet.comparison_places) or word("no_places", lang)
        note += " " + word("places", lang, places=places)
        if sheet.shared_ha:
            note += " " + word("shared", lang, ha=f"{sheet.shared_ha:.0f}")
        blocks.append(
            Grid(
                caption=f"{word('claim_sheet', lang)}: {site.name}",
                head=tuple(
                    word(key, lang) for key in ("claim", "finding", "supports", "speaks", "unassessed")
                ),
                lines=lines,
                note=note,
                widths=(0.16, 0.12, 0.24, 0.24, 0.24),
            )
        )
    return blocks


def _comparison(sites: Sequence[Site], rows: dict[str, list[StoredRow]], lang: str) -> list[Block]:
    """The ground of every site of the report, beside each other: last accounts, rates about the date of the claim."""
    accounts: list[tuple[Site, StoredRow, str]] = []
    rates: list[tuple[Site, StoredRow, str]] = []
    for site in sites:
        own = {
            spec.name: [s for s in rows.get(spec.name, ()) if s.row.site_id == site.id]
            for spec in (FOOTPRINTS, SAMPLED_RATES, LANDSAT_RATES, GROUND_RATES)
        }
        known = [
            s for s in reference_epochs(own[FOOTPRINTS.name]) if s.row.data["opened_ha"]["value"] is not None
        ]
        accounts += [(site, s, s.row.data["account_date"][:10]) for s in known[-1:]]
        rates += [
            (site, s, word("rates_sample", lang, id=s.row.data["sample_id"], n=s.row.data["labels"]))
            for s in own[SAMPLED_RATES.name]
        ]
        rates += [
            (site, s, f"{s.row.data['sensor']}, {s.row.data['resolution_m']:g} m")
            for s in (*own[LANDSAT_RATES.name], *own[GROUND_RATES.name])
            if s.row.data["boundary_role"] == "fixed" and s.row.data["before_ha_a_year"]["value"] is not None
        ]
    return [
        *_side_by_side(
            accounts, ("opened_ha", "area_ha"), ("accounts_day", *ACCOUNT_HEADS), "comparison", lang
        ),
        *_side_by_side(rates, RATE_COLUMNS, ("rates_instrument", *RATE_HEADS), "rates", lang),
    ]


def _side_by_side(
    told: Sequence[tuple[Site, StoredRow, str]],
    columns: Sequence[str],
    heads: Sequence[str],
    name: str,
    lang: str,
) -> list[Block]:
    """A table of the same figures at several places; none where there is one place."""
    if len({site.id for site, _, _ in told}) < 2:  # noqa: PLR2004 - one place is compared with none
        return []
    lines = tuple(
        Line(
            cells=(
                site.name,
                site.purpose or "–",
                which,
                *(quantity_text(s, column, korean=lang == "ko") for column in columns),
            ),
            rows=(s.row_id,),
            values=tuple(source for column in columns for source in quantity_sources(s, column)),
        )
        for site, s, which in told
    )
    places = ("comparison_place", "comparison_purpose", *heads)
    rest = 0.5 / len(columns)
    return [
        Grid(
            caption=word(f"{name}_caption", lang),
            head=tuple(word(key, lang) for key in places),
            lines=lines,
            note=word(f"{name}_note", lang),
            widths=(0.24, 0.12, 0.14, *(rest for _ in columns)),
        )
    ]


def _closing(bundle: Bundle, rows: dict[str, list[StoredRow]], lang: str) -> list[Block]:
    """Testimony, method, hostile questions, images, references."""
    methods = sorted({(s.row.layer, s.row.method) for held in rows.values() for s in held})
    blocks: list[Block] = [
        Break(),
        Heading(text=word("testimony", lang)),
        Text(text=word("testimony_text", lang), style="small"),
        Text(text="", style="blank"),
        Heading(text=word("method", lang)),
        *(Text(text=told(line, lang)) for line in METHOD),
        Grid(
            caption=word("method_caption", lang),
            head=(word("layer", lang), word("method_head", lang)),
            lines=tuple(Line(cells=cells) for cells in methods),
        ),
        *(Text(lead=site, text=told(line, lang), style="small") for site, line in bundle.stamp.validation()),
        Heading(text=word("hostile", lang)),
    ]
    for question, reply in HOSTILE:
        blocks += [Heading(text=told(question, lang), level=2), Text(text=told(reply, lang))]
    looks = sorted(rows.get(OBSERVATIONS.name, ()), key=lambda s: s.row.data["datetime"])
    shown = looks[-MOST_IMAGES:]
    blocks += [
        Break(),
        Heading(text=word("images", lang)),
        Grid(
            caption=word("images", lang),
            head=tuple(word(key, lang) for key in ("scene", "when", "used_for", "seen_share")),
            lines=tuple(
                Line(
                    cells=(
                        d["scene_id"],
                        d["datetime"][:16].replace("T", " "),
                        word(f"status_{d['status']}", lang),
                        f"{d['valid_fraction']:.0%}" if d.get("valid_fraction") is not None else "–",
                    )
                )
                for d in (s.row.data for s in shown)
            ),
            note=word("images_note", lang, shown=len(shown), looks=len(looks)),
            widths=(0.42, 0.22, 0.2, 0.16),
        ),
        Heading(text=word("references", lang)),
        *(Text(text=line, style="small") for line in REFERENCES),
    ]
    return blocks


def _rows_page(report: Report, rows: dict[str, list[StoredRow]]) -> list[Block]:
    """Which row of which table every number R… stands for."""
    lang = report.language
    layer_of = {s.row_id: name for name, held in rows.items() for s in held}
    list(report.statements())  # names every row
    lines = tuple(
        Line(cells=(name, row_id, f"csv/{layer_of[row_id]}.csv"))
        for row_id, name in sorted(report.numbers.items(), key=lambda item: int(item[1][1:]))
    )
    return [
        Heading(text=word("rows_head", lang)),
        Text(text=word("rows_text", lang, release=report.release_id), style="small"),
        Grid(
            caption=word("rows_caption", lang),
            head=tuple(word(key, lang) for key in ("rows_number", "rows_id", "rows_table")),
            lines=lines,
            widths=(0.15, 0.4, 0.45),
        ),
    ]


def write_with_style(
    workspace: Workspace, bundle: Bundle, frozen: Frozen, options: Options, folder: Path, *, made: str
) -> Report:
    """Compose with the font and line settings of figures."""
    with figure_style(), speaking(options.language):
        return compose(workspace, bundle, frozen, options, folder, made=made)
