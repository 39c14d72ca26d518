# ruff: noqa: E501 - texts are read whole
"""A report on some sites, composed from the rows of a release: the content, before it is Word or PDF."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from aoi.records import Site
from campwatch.exports.bundle import Bundle
from campwatch.exports.figure_footprint import FootprintFigure, draw_footprint
from campwatch.exports.figure_page import figure_style, save_figure
from campwatch.exports.figure_series import SeriesFigure, draw_series
from campwatch.exports.figures import pair_figure
from campwatch.exports.stamp import imagery_attribution
from campwatch.questions.records import ANSWERS
from campwatch.reports.claims import CLAIMS, RUBRIC, ClaimSheet, claim_sheets
from campwatch.reports.content import Block, Break, Grid, Heading, Picture, Report, Text
from campwatch.reports.words import HOSTILE, REFERENCES, word
from campwatch.workspace import Workspace
from detection.answers.judgement import Verdict
from detection.answers.sentences import VERDICTS
from detection.coal.records import STOCKPILE_AREAS
from detection.ground.records import FOOTPRINTS
from evidence.errors import ExportError
from evidence.quantity import Quantity
from evidence.rows import StoredRow
from imagery.cube.observations import OBSERVATIONS

_log = logging.getLogger(__name__)
MOST_IMAGES = 400
"""Rows of the list of images that are printed; the release has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The release that a report is made from."""

    release_id: str
    manifest_sha256: str
    head: str
    created: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a report is about, and for whom."""

    language: str = "en"
    questions: tuple[str, ...] = ()
    """Only these; all that were answered where empty."""
    organisation: str | None = None
    analysts: tuple[str, ...] = ()
    """Codes, not names."""
    korean_signed: bool = False


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
    footer = bundle.stamp.footer() + (" · DRAFT 초안" if draft else "")
    names = ", ".join(site.name_ko if lang == "ko" and site.name_ko else site.name for site in bundle.sites)
    report = Report(
        title=f"{word('title', lang)}: {names}", language=lang, release_id=frozen.release_id, made=made,
        footer=footer, draft=draft,
    )  # fmt: skip
    for k, (site, sheet) in enumerate(zip(bundle.sites, sheets, strict=True)):
        if k:
            report.blocks.append(Break())
        own = {name: [s for s in held if s.row.site_id == site.id] for name, held in rows.items()}
        part = _Part(workspace, bundle, site, own, sheet, frozen, options, folder, report)
        report.blocks.extend(part.first_page())
        report.blocks.extend(part.area_pages())
    report.blocks.extend(_sheets_page(bundle.sites, sheets, lang))
    report.blocks.extend(_closing(bundle, rows, lang))
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


@dataclass(frozen=True, slots=True)
class _Part:
    """One site of the report."""

    workspace: Workspace
    bundle: Bundle
    site: Site
    own: dict[str, list[StoredRow]]
    sheet: ClaimSheet
    frozen: Frozen
    options: Options
    folder: Path
    report: Report

    @property
    def lang(self) -> str:
        return self.options.language

    def say(self, key: str, **told: object) -> str:
        return word(key, self.lang, **told)

    def first_page(self) -> list[Block]:
        """Page one, in the order that readers of such reports know."""
        stamp, say = self.bundle.stamp, self.say
        mark = say("restricted") if stamp.restricted else say("public")
        if self.report.draft:
            mark += f" · {say('draft')}"
        answers = self.own.get(ANSWERS.name, [])
        blocks: list[Block] = [
            Text(text=mark, style="mark"),
            Heading(text=self.report.title, level=0),
            Text(
                lead=f"{say('release')}: ",
                text=f"{self.frozen.release_id}, {self.frozen.created[:10]} · {say('made')} {self.report.made} UTC. {say('governing')}",
            ),
            Text(lead=f"{say('place')}: ", text=self._place()),
            Text(
                lead=f"{say('organisation')}: ",
                text=f"{self.options.organisation or say('not_stated')}; {', '.join(self.options.analysts) or say('not_stated')} ({say('codes')}).",
            ),
            Text(lead=f"{say('imagery')}: ", text=self._imagery()),
            Text(lead=f"{say('questions')}: ", text="" if answers else say("no_questions")),
        ]
        blocks += [self._question(stored) for stored in answers]
        if len(answers) > 1:
            blocks.append(
                Text(text=say("together", n=len(answers), f=self.sheet.expected_false), style="small")
            )
        blocks.append(Text(lead=f"{say('judgements')}: ", text=""))
        blocks += [
            Text(text=line.line(self.lang), style="bullet", rows=line.rows) for line in self.sheet.lines
        ]
        blocks += [
            Text(lead=f"{say('against')}: ", text=self._listed([line.against for line in self.sheet.lines])),
            Text(lead=f"{say('not_seen')}: ", text=self._unseen()),
            Text(lead=f"{say('rests')}: ", text=self._rests()),
            Text(lead=f"{say('likelihood')}: ", text=self._likelihood()),
        ]
        blocks += self._figure_one()
        blocks.append(
            Text(
                lead=f"{say('verify')}: ",
                text=say(
                    "verify_text",
                    release=self.frozen.release_id,
                    manifest=self.frozen.manifest_sha256[:16] + "…",
                    head=self.frozen.head[:16],
                ),
                style="small",
            )
        )
        return blocks

    def _k(self) -> int:
        return int(self.lang == "ko")

    def _place(self) -> str:
        site, stamp = self.site, self.bundle.stamp
        centre = site.aoi.centroid
        decimals = 4 if stamp.coordinate_decimals is None else stamp.coordinate_decimals
        name = f"{site.name} · {site.name_ko}" if site.name_ko else site.name
        text = f"{name}; {self.say('coordinates')} {centre.y:.{decimals}f}° N, {centre.x:.{decimals}f}° E (WGS 84)"
        if stamp.coordinate_decimals is not None:
            text += f", {self.say('rounded', n=decimals)}"
        return f"{text}. {self.say('simulated')}" if site.kind == "simulated" else f"{text}."

    def _looks(self) -> list[dict[str, Any]]:
        return sorted(
            (dict(s.row.data) for s in self.own.get(OBSERVATIONS.name, ())), key=lambda d: d["datetime"]
        )

    def _imagery(self) -> str:
        looks = self._looks()
        if not looks:
            return self.say("not_stated")
        return self.say(
            "imagery_text",
            first=looks[0]["datetime"][:10], last=looks[-1]["datetime"][:10], looks=len(looks),
            used=sum(d["status"] == "used" for d in looks),
            unused=sum(d["status"] in {"unusable", "no_data"} for d in looks),
            missing=sum(d["status"] in {"missing", "failed"} for d in looks),
        )  # fmt: skip

    def _question(self, stored: StoredRow) -> Text:
        data = stored.row.data
        sentence = data["sentence_ko" if self._k() else "sentence_en"]
        verdict = VERDICTS[Verdict(data["verdict"])][self._k()]
        return Text(
            lead=f"{data['question_id']}: {verdict}. ",
            text=f"{sentence} ({self.say('declared', when=data['declared_at'])})",
            style="bullet",
            rows=(stored.row_id,),
        )

    def _listed(self, groups: Sequence[Sequence[tuple[str, str]]]) -> str:
        told = dict.fromkeys(pair[self._k()].rstrip(".") for group in groups for pair in group)
        return "; ".join(told) + "." if told else self.say("never")

    def _unseen(self) -> str:
        looks = self._looks()
        days = [dt.date.fromisoformat(d["datetime"][:10]) for d in looks if d["status"] == "used"]
        gaps = [(b - a, a, b) for a, b in pairwise(sorted(set(days)))]
        gap = max(gaps, default=None)
        return self.say(
            "unseen_text",
            unused=sum(d["status"] in {"unusable", "no_data"} for d in looks), looks=len(looks),
            missing=sum(d["status"] in {"missing", "failed"} for d in looks),
            gap=gap[0].days if gap else "–", start=gap[1] if gap else "–", end=gap[2] if gap else "–",
        )  # fmt: skip

    def _rests(self) -> str:
        return "; ".join(line for _, line in self.bundle.stamp.of(self.site.id).validation()) + "."

    def _likelihood(self) -> str:
        told = [
            f"{s.row.data['subject']}: {s.row.data.get('likelihood') or '–'} / {s.row.data.get('confidence') or '–'} ({s.row.data['reviewer']})"
            for s in self.own.get("reviews", ())
            if s.row.data.get("likelihood") or s.row.data.get("confidence")
        ]
        return "; ".join(told) + "." if told else f"{self.say('likelihood_none')}."

    def _zones(self) -> list[str]:
        return list(dict.fromkeys(s.row.data["zone_id"] for s in self.own.get(STOCKPILE_AREAS.name, ())))

    def _figure_one(self) -> list[Block]:
        try:
            figure = pair_figure(self.workspace, self.bundle, self.site)
        except ExportError as err:
            return [Text(text=self.say("no_pair", reason=err), style="small")]
        titles = [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes]
        dates = [
            title.split("(")[0].replace("a  ", "").replace("b  ", "").strip() for title in titles if title
        ][:2]
        dates += ["–"] * (2 - len(dates))
        areas = "; ".join(f"{n}. {zone}" for n, zone in enumerate(self._zones(), 1)) or "–"
        path = self._saved(figure, "pair")
        return [
            Picture(
                path=path,
                caption=self.say(
                    "pair_caption", site=self.site.name, before=dates[0], after=dates[1], areas=areas
                ),
                alt=self.say("pair_alt", site=self.site.name, before=dates[0], after=dates[1]),
                width_mm=150.0,
            )
        ]

    def _saved(self, figure: Any, name: str) -> Path:
        stem = self.folder / f"{self.site.id}-{name}"
        save_figure(figure, stem, title=f"{self.site.name}: {name}", stamp=self.bundle.stamp)
        return stem.with_name(stem.name + ".png")

    def _frame(self, layer: str) -> Any:
        table = self.bundle.table(layer)
        if table is None:
            return None
        own = table.plain[table.plain["site_id"] == self.site.id]
        return None if own.empty else own

    def _notice(self) -> str:
        looks = self._looks()
        years = {int(d["datetime"][:4]) for d in looks}
        return imagery_attribution(
            {d["sensor"] for d in looks}, years, simulated=self.site.id in self.bundle.stamp.simulated
        )

    def area_pages(self) -> list[Block]:
        """A page for each numbered area: chart, observed, assessed, cannot be seen; then the ground."""
        blocks: list[Block] = []
        areas, looks, series = (
            self._frame(STOCKPILE_AREAS.name),
            self._frame(OBSERVATIONS.name),
            self._frame("series"),
        )
        for n, zone_id in enumerate(self._zones(), 1):
            blocks += [Break(), Heading(text=self.say("areas", n=n, name=f"{self.site.name}, {zone_id}"))]
            if areas is not None and looks is not None:
                data = SeriesFigure(
                    site=self.site, areas=areas, series=series, looks=looks,
                    stamp=self.bundle.stamp, attribution=self._notice(),
                )  # fmt: skip
                path = self._saved(draw_series(data, [zone_id]), f"zone-{n}")
                blocks.append(
                    Picture(
                        path=path,
                        caption=self.say("chart_caption", site=zone_id),
                        alt=self.say("chart_alt", site=zone_id),
                    )
                )
            blocks += self._observed(zone_id)
        ground = self._frame(FOOTPRINTS.name)
        if ground is not None:
            n = len(self._zones()) + 1
            blocks += [
                Break(),
                Heading(text=self.say("areas", n=n, name=f"{self.site.name}, {CLAIMS['B2'][self._k()]}")),
            ]
            figure = draw_footprint(
                FootprintFigure(
                    site=self.site, footprints=ground, stamp=self.bundle.stamp, attribution=self._notice()
                )
            )
            blocks.append(
                Picture(
                    path=self._saved(figure, "ground"),
                    caption=self.say("ground_caption", site=self.site.name),
                    alt=self.say("ground_alt", site=self.site.name),
                )
            )
            line = next(one for one in self.sheet.lines if one.claim == "B2")
            blocks += [
                Text(lead=f"{self.say('observed')}: ", text=line.text[self._k()], rows=line.rows),
                Text(lead=f"{self.say('assessed')}: ", text=line.finding[self._k()] + "."),
                Text(lead=f"{self.say('cannot_see')}: ", text=self.say("cannot_see_text")),
            ]
        return blocks

    def _observed(self, zone_id: str) -> list[Block]:
        rows = [s for s in self.own.get(STOCKPILE_AREAS.name, ()) if s.row.data["zone_id"] == zone_id]
        newest = sorted(rows, key=lambda s: s.row.data["datetime"])
        known = [s for s in newest if s.row.data["area_ha"]["value"] is not None]
        blocks: list[Block] = []
        if known:
            area = Quantity.from_dict(known[-1].row.data["area_ha"])
            text = f"{area.value:.2f} ha ({area.level:.0%}: {area.low:.2f}–{area.high:.2f})"
            blocks.append(
                Text(
                    lead=f"{self.say('observed')}: ",
                    text=self.say("latest", when=known[-1].row.data["datetime"][:10], text=text) + ".",
                    rows=(known[-1].row_id,),
                )
            )
        elif newest:
            blocks.append(
                Text(
                    lead=f"{self.say('observed')}: ",
                    text=self.say("none", reason=newest[-1].row.data["area_ha"]["reason"]),
                )
            )
        one = self.sheet.presence.get(zone_id)
        verdict = VERDICTS[one.verdict][self._k()] if one else VERDICTS[Verdict.CANNOT_BE_TOLD][self._k()]
        asked = [s for s in self.own.get(ANSWERS.name, ()) if zone_id in s.row.data["zones"]]
        told = [
            f"{s.row.data['question_id']}: {VERDICTS[Verdict(s.row.data['verdict'])][self._k()]}"
            for s in asked
        ]
        blocks.append(Text(lead=f"{self.say('assessed')}: ", text="; ".join([verdict, *told]) + "."))
        blocks.append(Text(lead=f"{self.say('cannot_see')}: ", text=self.say("cannot_see_text")))
        return blocks


def _sheets_page(sites: Sequence[Site], sheets: Sequence[ClaimSheet], lang: str) -> list[Block]:
    k = int(lang == "ko")
    blocks: list[Block] = [Break(), Heading(text=word("claim_sheet", lang))]
    blocks += [Text(text=line[k], style="small") for line in RUBRIC]
    for site, sheet in zip(sites, sheets, strict=True):
        cells = tuple(
            (
                CLAIMS[line.claim][k],
                line.finding[k],
                "; ".join(t[k] for t in line.supports) or "–",
                "; ".join(t[k] for t in line.against) or "–",
                "; ".join(t[k] for t in line.not_assessable) or "–",
            )
            for line in sheet.lines
        )
        note = word("together", lang, n=sheet.questions, f=sheet.expected_false)
        if sheet.shared_ha:
            note += " " + word("shared", lang, ha=f"{sheet.shared_ha:.0f}")
        blocks.append(
            Grid(
                caption=f"{word('claim_sheet', lang)}: {site.name}",
                head=tuple(
                    word(key, lang) for key in ("claim", "finding", "supports", "speaks", "unassessed")
                ),
                cells=cells,
                note=note,
                widths=(0.16, 0.12, 0.24, 0.24, 0.24),
            )
        )
    return blocks


def _closing(bundle: Bundle, rows: dict[str, list[StoredRow]], lang: str) -> list[Block]:
    """Testimony, method, hostile questions, images, references."""
    k = int(lang == "ko")
    methods = sorted({(s.row.layer, s.row.method) for held in rows.values() for s in held})
    blocks: list[Block] = [
        Break(),
        Heading(text=word("testimony", lang)),
        Text(text=word("testimony_text", lang), style="small"),
        Text(text="", style="blank"),
        Heading(text=word("method", lang)),
        Grid(caption=word("method", lang), head=("layer", "method"), cells=tuple(methods)),
        *(Text(lead=f"{site}: ", text=line, style="small") for site, line in bundle.stamp.validation()),
        Heading(text=word("hostile", lang)),
    ]
    for question, reply in HOSTILE:
        blocks.append(Text(lead=f"{question[k]} ", text=reply[k]))
    looks = sorted(rows.get(OBSERVATIONS.name, ()), key=lambda s: s.row.data["datetime"])
    shown = looks[-MOST_IMAGES:]
    blocks += [
        Break(),
        Heading(text=word("images", lang)),
        Grid(
            caption=word("images", lang),
            head=tuple(word(key, lang) for key in ("scene", "when", "used_for", "seen_share")),
            cells=tuple(
                (
                    d["scene_id"],
                    d["datetime"][:16].replace("T", " "),
                    d["status"],
                    f"{d['valid_fraction']:.0%}" if d.get("valid_fraction") is not None else "–",
                )
                for d in (s.row.data for s in shown)
            ),
            note=f"{len(shown)} / {len(looks)}",
        ),
        Heading(text=word("references", lang)),
        *(Text(text=line, style="small") for line in REFERENCES),
    ]
    return blocks


def write_with_style(
    workspace: Workspace, bundle: Bundle, frozen: Frozen, options: Options, folder: Path, *, made: str
) -> Report:
    """Compose with the font and line settings of figures."""
    with figure_style():
        return compose(workspace, bundle, frozen, options, folder, made=made)
