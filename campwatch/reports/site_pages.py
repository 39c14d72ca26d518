# ruff: noqa: E501 - texts are read whole
"""One site of a report: its first page, an answer a page, and what was measured at it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image

from aoi.records import Site
from campwatch.exports.bundle import Bundle
from campwatch.exports.figure_footprint import FootprintFigure, draw_footprint
from campwatch.exports.figure_page import save_figure
from campwatch.exports.figure_series import SeriesFigure, draw_series
from campwatch.exports.figures import answer_figure, boundary_figures, pair_figure
from campwatch.exports.stamp import imagery_attribution
from campwatch.language import told
from campwatch.questions.records import ANSWERS
from campwatch.reports.claims import (
    CLAIMS,
    ClaimSheet,
    quantity_sources,
    quantity_text,
    reason_in_korean,
    reference_epochs,
)
from campwatch.reports.content import (
    Block,
    Break,
    Count,
    Facts,
    Grid,
    Heading,
    Line,
    Picture,
    Report,
    Text,
    Value,
)
from campwatch.reports.words import word
from campwatch.workspace import Workspace
from detection.answers.judgement import Verdict
from detection.answers.sentences import VERDICTS, years_text
from detection.coal.records import STOCKPILE_AREAS
from detection.ground.records import FOOTPRINTS
from evidence.errors import WatchError
from evidence.rows import StoredRow
from imagery.cube.observations import OBSERVATIONS

_log = logging.getLogger(__name__)
ACCOUNTS = ("area_ha", "inside_ha", "outside_ha", "opened_ha")
"""What the table of disturbed ground holds of each year."""
FIGURE_ONE_MM = 88.0
"""Height of figure 1 at most: page one holds it."""


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


@dataclass(frozen=True, slots=True)
class SitePages:
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
        """`en` or `ko`."""
        return self.options.language

    def say(self, key: str, **told: object) -> str:
        """A text of `campwatch.reports.words` in the report's language."""
        return word(key, self.lang, **told)

    def first_page(self) -> list[Block]:
        """Page one, in the order that readers of such reports know."""
        stamp, say = self.bundle.stamp, self.say
        mark = say("restricted") if stamp.restricted else say("public")
        if self.report.draft:
            mark += f" · {say('draft')}"
        release = f"{self.frozen.release_id}, {self.frozen.created[:10]} · {say('made')} {self.report.made[:16]} UTC."
        organisation = self.options.organisation or say("not_stated")
        analysts = ", ".join(self.options.analysts) or say("not_stated")
        blocks: list[Block] = [
            Text(text=mark, style="mark"),
            Heading(text=self.report.title, level=0),
            Facts(
                items=(
                    Text(lead=say("release"), text=f"{release} {say('governing')}"),
                    Text(lead=say("place"), text=self._place()),
                    Text(lead=say("organisation"), text=f"{organisation}; {analysts} ({say('codes')})."),
                    self._imagery(),
                )
            ),
            *self._questions(),
            self._judgements(),
            Facts(
                items=(
                    Text(lead=say("against"), text=self._listed([one.against for one in self.sheet.lines])),
                    self._unseen(),
                    Text(lead=say("rests"), text=self._rests()),
                    Text(lead=say("likelihood"), text=self._likelihood()),
                )
            ),
            *self._figure_one(),
        ]
        manifest = self.frozen.manifest_sha256[:16] + "…"
        told = say(
            "verify_text", release=self.frozen.release_id, manifest=manifest, head=self.frozen.head[:16]
        )
        blocks.append(Text(lead=say("verify"), text=told, style="small"))
        return blocks

    def _questions(self) -> list[Block]:
        """Questions asked, when and by whose clock, with the verdict in a word."""
        answers = self.own.get(ANSWERS.name, [])
        if not answers:
            return [Facts(items=(Text(lead=self.say("questions"), text=self.say("no_questions")),))]
        k = self._k()
        note = self.say("clock_note")
        if self.sheet.questions > 1:
            note += " " + self.say("together", n=self.sheet.questions, f=self.sheet.expected_false)
        lines = tuple(
            Line(
                cells=(
                    f"{s.row.data['question_id']}: {s.row.data['title']}",
                    s.row.data["declared_at"][:16].replace("T", " "),
                    VERDICTS[Verdict(s.row.data["verdict"])][k],
                ),
                rows=(s.row_id,),
                values=(
                    Value(
                        row_id=s.row_id, column="declared_at",
                        printed=s.row.data["declared_at"][:16].replace("T", " "),
                    ),
                ),
            )
            for s in answers
        )  # fmt: skip
        head = (self.say("questions"), self.say("declared_head"), self.say("answer_head"))
        return [Grid(head=head, lines=lines, note=note, widths=(0.56, 0.18, 0.26))]

    def _judgements(self) -> Grid:
        """C, A, B1, B2 in a line each with their intervals."""
        k = self._k()
        return Grid(
            head=(self.say("judgements"), self.say("finding"), self.say("figures_head")),
            lines=tuple(
                Line(
                    cells=(CLAIMS[one.claim][k], one.finding[k], one.text[k]),
                    rows=one.rows,
                    values=one.values,
                )
                for one in self.sheet.lines
            ),
            widths=(0.2, 0.13, 0.67),
        )

    def answer_pages(self) -> list[Block]:
        """Every answer in full: the sentence to paste, when it was declared, a figure."""
        answers = self.own.get(ANSWERS.name, [])
        blocks: list[Block] = [Break(), Heading(text=self.say("answers_head"))] if answers else []
        for stored in answers:
            data = stored.row.data
            k = self._k()
            column = "sentence_ko" if k else "sentence_en"
            blocks += [
                Heading(text=f"{data['question_id']}: {data['title']}", level=2),
                Text(
                    lead=VERDICTS[Verdict(data["verdict"])][k], text=data[column], rows=(stored.row_id,),
                    values=(Value(row_id=stored.row_id, column=column, printed=data[column]),),
                ),
                Text(
                    text=self.say(
                        "declared_long", when=data["declared_at"], sha=data["question_sha256"],
                        years=years_text(data["reference_years"]) or "–", n=data["questions_of_these_rows"],
                    ),
                    style="small", rows=(stored.row_id,),
                    values=(
                        Value(row_id=stored.row_id, column="question_sha256", printed=data["question_sha256"]),
                        Value(row_id=stored.row_id, column="declared_at", printed=data["declared_at"]),
                    ),
                ),
            ]  # fmt: skip
            figure = answer_figure(stored, self.lang)
            if figure is not None:
                blocks.append(
                    Picture(
                        path=self._saved(figure, f"answer-{data['question_id']}"),
                        caption=self.say(
                            "answer_caption", id=data["question_id"],
                            value=quantity_text(stored, "value", korean=bool(k)),
                        ),
                        alt=self.say("answer_alt", id=data["question_id"]),
                        rows=(stored.row_id,),
                        values=quantity_sources(stored, "value"),
                    )
                )  # fmt: skip
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

    def _count(self, *statuses: str) -> Count:
        n = sum(d["status"] in statuses if statuses else True for d in self._looks())
        where = {"site_id": [self.site.id]} | ({"status": list(statuses)} if statuses else {})
        return Count(layer=OBSERVATIONS.name, where=where, printed=str(n))

    def _imagery(self) -> Text:
        looks = self._looks()
        lead = self.say("imagery")
        if not looks:
            return Text(lead=lead, text=self.say("not_stated"))
        counts = (
            self._count(), self._count("used"), self._count("unusable", "no_data"),
            self._count("missing", "failed"),
        )  # fmt: skip
        text = self.say(
            "imagery_text", first=looks[0]["datetime"][:10], last=looks[-1]["datetime"][:10],
            looks=counts[0].printed, used=counts[1].printed, unused=counts[2].printed,
            missing=counts[3].printed, sensors=", ".join(sorted({d["sensor"] for d in looks})),
        )  # fmt: skip
        return Text(lead=lead, text=text, values=counts)

    def _listed(self, groups: Sequence[Sequence[tuple[str, str]]]) -> str:
        told = dict.fromkeys(pair[self._k()].rstrip(".") for group in groups for pair in group)
        return "; ".join(told) + "." if told else self.say("never")

    def _unseen(self) -> Text:
        looks = self._looks()
        days = [dt.date.fromisoformat(d["datetime"][:10]) for d in looks if d["status"] == "used"]
        gaps = [(b - a, a, b) for a, b in pairwise(sorted(set(days)))]
        gap = max(gaps, default=None)
        counts = (self._count(), self._count("unusable", "no_data"), self._count("missing", "failed"))
        text = self.say(
            "unseen_text", looks=counts[0].printed, unused=counts[1].printed, missing=counts[2].printed,
            gap=gap[0].days if gap else "–", start=gap[1] if gap else "–", end=gap[2] if gap else "–",
        )  # fmt: skip
        return Text(lead=self.say("not_seen"), text=text, values=counts)

    def _rests(self) -> str:
        text = "; ".join(line for _, line in self.bundle.stamp.of(self.site.id).validation()) + "."
        return told(text, self.lang)

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
        found = self._pair()
        return [found] if isinstance(found, Text) else [replace(found, width_mm=self._pair_width(found))]

    def _pair_width(self, picture: Picture) -> float:
        """So that page one holds the pair: at most this high."""
        with Image.open(picture.path) as opened:
            width, height = opened.size
        return min(170.0, FIGURE_ONE_MM * width / height)

    def _pair(self, zone_id: str | None = None, number: int = 0) -> Picture | Text:
        """Before and after of the site or around one zone; or why there is none."""
        try:
            figure, looks = pair_figure(
                self.workspace, self.bundle, self.site, zone_id=zone_id, language=self.lang, bare=True
            )
        except WatchError as err:
            return Text(text=self.say("no_pair", reason=err), style="small")
        before, after = (look.local_date for look in looks)
        zones = self._zones()
        shown = zones if zone_id is None else [zone_id]
        scenes = [look.scene_id for look in looks]
        told = [(f"{zones.index(zone) + 1}. {zone}", self._on_looks(zone, scenes)) for zone in shown]
        found = [stored for _, on_looks in told for stored in on_looks if stored is not None]
        areas = "; ".join(
            f"{name}: " + ", ".join(
                f"{letter} {quantity_text(s, 'area_ha', korean=bool(self._k())) if s else self.say('no_figure')}"
                for letter, s in zip("ab", on_looks, strict=True)
            )
            for name, on_looks in told
        ) or "–"  # fmt: skip
        place = self.site.name if zone_id is None else zone_id
        return Picture(
            path=self._saved(figure, f"pair-{number}" if zone_id else "pair"),
            caption=self.say(
                "pair_caption", site=place, before=before, after=after, areas=areas, credit=self._notice()
            ),
            alt=self.say("pair_alt", site=place, before=before, after=after),
            rows=tuple(s.row_id for s in found),
            values=tuple(source for s in found for source in quantity_sources(s, "area_ha")),
        )

    def _on_looks(self, zone: str, scenes: Sequence[str]) -> list[StoredRow | None]:
        """What was measured in a zone on each of some scenes."""
        own = [
            s
            for s in self.own.get(STOCKPILE_AREAS.name, ())
            if s.row.data["zone_id"] == zone and s.row.data["area_ha"]["value"] is not None
        ]
        return [next((s for s in own if scene in s.row.data["scene_ids"]), None) for scene in scenes]

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
        """A page for each numbered area: pair, chart, observed, assessed, cannot be seen; then the ground."""
        blocks: list[Block] = []
        for n, zone_id in enumerate(self._zones(), 1):
            blocks += [Break(), Heading(text=self.say("areas", n=n, name=f"{self.site.name}, {zone_id}"))]
            blocks += self._observed(zone_id)
            blocks += [self._pair(zone_id, n), *self._chart(zone_id, n)]
        return [*blocks, *self._ground_page(len(self._zones()) + 1), *self._perimeter_page()]

    def _chart(self, zone_id: str, n: int) -> list[Block]:
        areas, looks = self._frame(STOCKPILE_AREAS.name), self._frame(OBSERVATIONS.name)
        if areas is None or looks is None:
            return []
        data = SeriesFigure(
            site=self.site, areas=areas, series=self._frame("series"), looks=looks,
            stamp=self.bundle.stamp, attribution=self._notice(), language=self.lang, bare=True,
        )  # fmt: skip
        return [
            Picture(
                path=self._saved(draw_series(data, [zone_id]), f"zone-{n}"),
                caption=self.say("chart_caption", site=zone_id),
                alt=self.say("chart_alt", site=zone_id),
            )
        ]

    def _ground_page(self, n: int) -> list[Block]:
        ground = self._frame(FOOTPRINTS.name)
        if ground is None:
            return []
        k = self._k()
        epochs = reference_epochs(self.own.get(FOOTPRINTS.name, ()))
        figure = draw_footprint(
            FootprintFigure(
                site=self.site, footprints=ground, stamp=self.bundle.stamp, attribution=self._notice(),
                language=self.lang, bare=True,
            )
        )  # fmt: skip
        line = next(one for one in self.sheet.lines if one.claim == "B2")
        return [
            Break(),
            Heading(text=self.say("areas", n=n, name=f"{self.site.name}, {CLAIMS['B2'][k]}")),
            Text(lead=self.say("observed"), text=line.text[k], rows=line.rows, values=line.values),
            Text(lead=self.say("assessed"), text=line.finding[k] + "."),
            Text(lead=self.say("cannot_see"), text=self.say("cannot_see_text")),
            Picture(
                path=self._saved(figure, "ground"),
                caption=self.say("ground_caption", site=self.site.name),
                alt=self.say("ground_alt", site=self.site.name),
            ),
            *self._accounts(epochs),
        ]

    def _accounts(self, epochs: Sequence[StoredRow]) -> Iterator[Grid]:
        """The table of every year that has a figure; none where none has."""
        lines = tuple(map(self._account, (s for s in epochs if s.row.data["area_ha"]["value"] is not None)))
        if lines:
            version = epochs[0].row.data["boundary_id"] or "–"
            yield Grid(
                caption=self.say("accounts_caption", site=self.site.name, version=version),
                head=tuple(self.say(f"accounts_{name}") for name in ("day", *ACCOUNTS)),
                lines=lines,
                note=self.say("accounts_note"),
                widths=(0.12, 0.22, 0.22, 0.22, 0.22),
            )

    def _account(self, stored: StoredRow) -> Line:
        figures = (quantity_text(stored, column, korean=bool(self._k())) for column in ACCOUNTS)
        return Line(
            cells=(stored.row.data["account_date"][:10], *figures),
            rows=(stored.row_id,),
            values=tuple(source for column in ACCOUNTS for source in quantity_sources(stored, column)),
        )

    def _perimeter_page(self) -> list[Block]:
        """The two versions of every boundary change."""
        k = self._k()
        drawn = list(boundary_figures(self.workspace, self.bundle, self.site, language=self.lang, bare=True))
        if not drawn:
            return []
        line = next(one for one in self.sheet.lines if one.claim == "B1")
        blocks: list[Block] = [
            Break(),
            Heading(text=f"{self.site.name}, {CLAIMS['B1'][k]}"),
            Text(lead=self.say("observed"), text=line.text[k], rows=line.rows, values=line.values),
            Text(lead=self.say("assessed"), text=line.finding[k] + "."),
            Text(lead=self.say("cannot_see"), text=self.say("cannot_see_perimeter")),
        ]
        for stored, figure in drawn:
            data = stored.row.data
            names = {"earlier": data["from_boundary_id"], "later": data["to_boundary_id"]}
            blocks.append(
                Picture(
                    path=self._saved(figure, f"perimeter-{names['earlier']}-{names['later']}"),
                    caption=self.say(
                        "perimeter_caption", **names, net=quantity_text(stored, "net_ha", korean=bool(k)),
                        credit=self._notice(),
                    ),
                    alt=self.say("perimeter_alt", **names),
                    width_mm=120.0,
                    rows=(stored.row_id,),
                    values=quantity_sources(stored, "net_ha"),
                )
            )  # fmt: skip
        return blocks

    def _observed(self, zone_id: str) -> list[Block]:
        rows = [s for s in self.own.get(STOCKPILE_AREAS.name, ()) if s.row.data["zone_id"] == zone_id]
        newest = sorted(rows, key=lambda s: s.row.data["datetime"])
        known = [s for s in newest if s.row.data["area_ha"]["value"] is not None]
        k = self._k()
        blocks: list[Block] = []
        if known:
            last = known[-1]
            text = quantity_text(last, "area_ha", korean=bool(k))
            values = quantity_sources(last, "area_ha")
            if last.row.data["dark_ha"]["value"] is not None:
                dark = quantity_text(last, "dark_ha", korean=bool(k))
                text += f"; {self.say('dark', text=dark)}"
                values += quantity_sources(last, "dark_ha")
            told = self.say("latest", when=last.row.data["datetime"][:10], text=text) + "."
            blocks.append(Text(lead=self.say("observed"), text=told, rows=(last.row_id,), values=values))
        elif newest:
            reason = newest[-1].row.data["area_ha"]["reason"]
            blocks.append(
                Text(
                    lead=self.say("observed"),
                    text=self.say("none", reason=reason_in_korean(reason) if k else reason) + ".",
                )
            )
        one = self.sheet.presence.get(zone_id)
        verdict = VERDICTS[one.verdict if one else Verdict.CANNOT_BE_TOLD][k]
        if one and one.reason:
            verdict += f" ({reason_in_korean(one.reason) if k else one.reason})"
        asked = [s for s in self.own.get(ANSWERS.name, ()) if zone_id in s.row.data["zones"]]
        told_answers = [
            f"{s.row.data['question_id']}: {VERDICTS[Verdict(s.row.data['verdict'])][k]}" for s in asked
        ]
        blocks.append(Text(lead=self.say("assessed"), text="; ".join([verdict, *told_answers]) + "."))
        blocks.append(Text(lead=self.say("cannot_see"), text=self.say("cannot_see_text")))
        return blocks
