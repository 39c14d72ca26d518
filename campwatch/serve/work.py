"""What the live pages read and write: pages, verdicts, drafts, zones and boundaries of one workspace."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shapely.geometry import mapping

from aoi.records import Site
from aoi.site_file import read_site
from campwatch import __version__
from campwatch.identity import Clock, system_clock
from campwatch.pages.drawing import draw
from campwatch.pages.paths import first_page_path, map_profile, shown_state, site_page_path
from campwatch.reviews.labels import Labels, labelling
from campwatch.reviews.queue import Desk
from campwatch.reviews.site_edits import (
    BoundaryEdit,
    ZoneEdit,
    parse_edit,
    write_boundary,
    write_zone,
    yard_proposals,
)
from campwatch.reviews.verdicts import READERS_NEEDED
from campwatch.run.derived import derived_files, rebuild_behind
from campwatch.run.progress import log_step
from campwatch.run.rebuild import review_data, run_info
from campwatch.workspace import Workspace
from evidence.errors import WatchError, WorkspaceError
from evidence.files import write_text
from evidence.ledger import Ledger
from maps.payload import Payload, quantity
from maps.records import Profile, SiteMapData
from maps.review_format import FORMAT, ReviewFile, parse_review

_log = logging.getLogger(__name__)
WAIT_SECONDS = 8.0
"""For a run that holds the workspace, before a verdict is handed back as a draft."""
QUIET_SECONDS = 15.0
"""Without a verdict, before pages are redrawn: a reader who goes on is not slowed down."""
MOST_DRAFT = 20_000
"""Characters of one draft."""
OTHER_FIELDS = ReviewFile.model_fields.keys() - {
    "format",
    "site_id",
    "run_id",
    "map_version",
    "reviewer",
    "exported_at",
    "verdicts",
}
"""Fields of a review that are taken from a reader's document as they are."""


class Work:
    """One workspace behind the pages. Safe to call from several threads."""

    def __init__(
        self, workspace: Workspace, *, review: bool, restricted: bool | None, clock: Clock = system_clock
    ) -> None:
        """Nothing is drawn yet; `restricted` as for `campwatch map`."""
        self.workspace, self.review, self._clock = workspace, review, clock
        self._asked = True if review else restricted
        self._drawing, self._drafting, self._first = (threading.Lock() for _ in range(3))
        self._at_work, self._faults = set[str](), dict[str, WatchError]()
        self._behind, self._undrawn = threading.Event(), set[str]()
        self._stop = threading.Event()
        self._redrawer = threading.Thread(target=self._redraw_behind, name="redraw", daemon=True)

    # ---------------------------------------------------------------- pages

    def page_names(self) -> dict[str, str]:
        """File name of the page of each site, whether it is drawn yet or not."""
        sites = [read_site(path) for path in self.workspace.site_paths()]
        return {site.id: site_page_path(self.workspace, site, self._profile(site)).name for site in sites}

    def site_of_page(self, name: str) -> str | None:
        """The site whose page has this file name."""
        return next((site_id for site_id, page in self.page_names().items() if page == name), None)

    def first_page(self) -> Path:
        """The first page of this profile, drawn where it is missing."""
        sites = [read_site(path) for path in self.workspace.site_paths()]
        restricted = any(self._profile(site).restricted for site in sites)
        page = first_page_path(self.workspace, sites, restricted=restricted)
        with self._first, Ledger(self.workspace.ledger_path, read_only=True) as ledger:
            from campwatch.pages.first_page import write_first_page  # noqa: PLC0415 - loads what drawing needs
            from campwatch.reviews.validation import all_checks  # noqa: PLC0415

            measured = set(ledger.heads())
            known = [site for site in sites if site.id in measured]
            return write_first_page(
                self.workspace, ledger, sites, checks=all_checks(ledger, sites), restricted=restricted
            ) if known else page  # fmt: skip

    def site_page(self, site_id: str) -> Path | None:
        """The page of a site; None while it is drawn because it shows an earlier state.

        What was said here since is put over it when it is sent, and drawn in the background.

        Raises:
            WatchError: where it could not be drawn.
        """
        site = self._site(site_id)
        page = site_page_path(self.workspace, site, self._profile(site))
        if page.exists() and (site_id in self._undrawn or self._is_current(site, page)):
            return page
        if site_id in self._faults:
            raise self._faults.pop(site_id)
        if site_id not in self._at_work:
            self._at_work.add(site_id)
            threading.Thread(target=self._draw, args=(site, page), name="draw", daemon=True).start()
        return None

    def _is_current(self, site: Site, page: Path) -> bool:
        with Ledger(self.workspace.ledger_path, read_only=True) as ledger:
            return derived_files(self.workspace).is_current(page, shown_state(ledger, site))

    def _draw(self, site: Site, page: Path) -> None:
        try:
            with self._drawing:
                if not self._is_current(site, page):
                    draw(self.workspace, (site.id,), restricted=self._asked, progress=log_step)
        except WatchError as error:
            self._faults[site.id] = error
        except OSError as error:
            self._faults[site.id] = WorkspaceError(f"the page of {site.id} cannot be drawn: {error}")
        finally:
            self._at_work.discard(site.id)

    def _profile(self, site: Site) -> Profile:
        return map_profile(self.workspace, site, restricted=self._asked)

    def _path(self, site_id: str) -> Path:
        (path,) = self.workspace.chosen_paths((site_id,))
        return path

    def _site(self, site_id: str) -> Site:
        return read_site(self._path(site_id))

    # ---------------------------------------------------------------- reading

    def state(self, site_id: str) -> dict[str, Any]:
        """Where the findings of a site stand, as its page holds it; a single verdict is not told."""
        site = self._site(site_id)
        with Ledger(self.workspace.ledger_path, read_only=True) as ledger:
            desk = Desk(workspace=self.workspace, site=site, ledger=ledger)
            data = SiteMapData(
                site=site, run=run_info(ledger, site_id), profile=self._profile(site),
                time_zone=self.workspace.settings.map.time_zone, **review_data(desk),
            )  # fmt: skip
        payload = Payload(data)
        return {
            "reviews": payload.review(data.verdicts),
            "queue": [payload.queued(item) for item in data.queue],
            "last_reviews": {code: payload.moment(when) for code, when in data.last_reviews.items()},
            "places": [{"id": p.place_id, "geometry": payload.geometry(p.geometry)} for p in data.places],
        }

    def proposals(self, site_id: str) -> list[dict[str, Any]]:
        """Ground that may be a stockyard."""
        with Ledger(self.workspace.ledger_path, read_only=True) as ledger:
            found = yard_proposals(ledger, self._site(site_id))
        return [
            {
                "id": p.proposal_id, "because": p.because, "geometry": mapping(p.geometry),
                "area": p.area_ha, "found": quantity(p.found_ha), "first": p.first_seen, "last": p.last_seen,
            }
            for p in found
        ]  # fmt: skip

    # ---------------------------------------------------------------- writing

    def take(self, site_id: str, reader: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Put verdicts and observations of one reader into the ledger, through the review import.

        Whether a verdict was blind is decided here, not by the page.

        Raises:
            WatchError: where it is no review, or a run holds the workspace.
        """
        given = document.get("verdicts", [])
        if not isinstance(given, list) or not all(isinstance(said, dict) for said in given):
            raise WatchError("verdicts are a list of objects")
        with self._writing(site_id) as desk:
            states = {(s.kind, s.subject): s for s in desk.states()}
            verdicts = []
            for said in given:
                state = states.get((str(said.get("subject_kind")), str(said.get("subject"))))
                seen = state is not None and (not state.blind or len(state.standing) >= READERS_NEEDED)
                verdicts.append({**said, "blind": not seen})
            review = parse_review(
                json.dumps(
                    {
                        "format": FORMAT, "site_id": site_id, "run_id": document.get("run_id"),
                        "map_version": str(document.get("map_version") or __version__), "reviewer": reader,
                        "exported_at": self._clock().isoformat(), "verdicts": verdicts,
                        **{name: document[name] for name in document.keys() & OTHER_FIELDS},
                    }
                )
            )  # fmt: skip
            result = desk.take(review, self._clock)
        for verdict in review.verdicts:
            self.keep_draft(site_id, reader, verdict.subject, None)
        self._fell_behind(site_id)
        return {"new": result.new, "unchanged": result.unchanged, **self.state(site_id)}

    def labelling(self, site_id: str, reader: str) -> dict[str, Any] | None:
        """The points that this reader has to label; None where no sample is this reader's."""
        with Ledger(self.workspace.ledger_path, read_only=True) as ledger:
            return labelling(ledger, self._site(site_id).id, reader)

    def label(self, site_id: str, reader: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """Put one label of a sample into the ledger."""
        labels = Labels(
            site_id=site_id, sample_id=str(said.get("sample")), reader=reader,
            by_point={str(said.get("point")): (str(said.get("label")), str(said.get("note") or "")[:4000])},
        )  # fmt: skip
        with self._writing(site_id) as desk:
            result = desk.take_labels(labels, self._clock)
        self._behind.set()
        return {"new": result.new}

    def edit_zone(self, site_id: str, reader: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Write a zone, or the refusal of a proposal."""
        edit: ZoneEdit = parse_edit(ZoneEdit, {**document, "editor": reader})
        return self._edited(
            site_id, lambda desk, path: write_zone(desk.ledger, path, edit, clock=self._clock)
        )

    def edit_boundary(self, site_id: str, reader: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Write a traced boundary."""
        edit: BoundaryEdit = parse_edit(BoundaryEdit, {**document, "editor": reader})
        return self._edited(
            site_id, lambda desk, path: write_boundary(desk.ledger, path, edit, clock=self._clock)
        )

    def _edited(self, site_id: str, write: Callable[[Desk, Path], Site]) -> dict[str, Any]:
        with self._writing(site_id) as desk:
            site = write(desk, self._path(site_id))
            payload = Payload(SiteMapData(site=site, run=run_info(desk.ledger, site_id),
                                          profile=self._profile(site)))  # fmt: skip
        self._fell_behind(site_id)
        return {
            "zones": [payload.zone(zone) for zone in site.zones],
            "boundaries": [payload.boundary(boundary) for boundary in site.boundaries],
            "proposals": self.proposals(site_id),
        }

    def _must_review(self) -> None:
        if not self.review:
            raise WorkspaceError("these pages are read-only; campwatch serve --review takes verdicts")

    @contextmanager
    def _writing(self, site_id: str) -> Iterator[Desk]:
        """The desk of a site, while no run holds the workspace."""
        self._must_review()
        site = self._site(site_id)
        until = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                held = self.workspace.lock(wait=False)
                held.__enter__()
                break
            except WorkspaceError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        try:
            with Ledger(self.workspace.ledger_path) as ledger:
                yield Desk(workspace=self.workspace, site=site, ledger=ledger)
        finally:
            held.__exit__(None, None, None)

    # ---------------------------------------------------------------- drafts

    @property
    def _drafts_path(self) -> Path:
        return self.workspace.state_folder / "drafts.json"

    def drafts(self, site_id: str, reader: str) -> dict[str, Any]:
        """What this reader began on a site, by subject; nobody else's."""
        return dict(self._all_drafts().get(site_id, {}).get(reader, {}))

    def keep_draft(self, site_id: str, reader: str, subject: str, draft: Mapping[str, Any] | None) -> None:
        """Keep what was begun, or drop it.

        Raises:
            WorkspaceError: where it is longer than a draft, or the pages are read-only.
        """
        self._must_review()
        if draft is not None and len(json.dumps(draft)) + len(subject) > MOST_DRAFT:
            raise WorkspaceError(f"a draft is shorter than {MOST_DRAFT} characters")
        with self._drafting:
            held = self._all_drafts()
            own = held.setdefault(site_id, {}).setdefault(reader, {})
            if draft is None and subject not in own:
                return
            own.pop(subject, None)
            if draft is not None:
                own[subject] = dict(draft)
            write_text(self._drafts_path, json.dumps(held, ensure_ascii=False))

    def _all_drafts(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._drafts_path.read_text("utf-8")))
        except (OSError, ValueError):
            return {}

    # ---------------------------------------------------------------- what is redrawn after

    def start(self) -> None:
        """Begin to redraw what falls behind."""
        self._redrawer.start()

    def close(self) -> None:
        """Stop, after what is behind has been written."""
        self._stop.set()
        self._behind.set()
        if self._redrawer.is_alive():
            self._redrawer.join()

    def _fell_behind(self, site_id: str) -> None:
        self._undrawn.add(site_id)
        self._behind.set()

    def _redraw_behind(self) -> None:
        while True:
            self._behind.wait()
            while self._behind.is_set() and not self._stop.is_set():
                self._behind.clear()
                self._behind.wait(QUIET_SECONDS)
            self._behind.clear()
            last = self._stop.is_set()
            self.rebuild()
            if last and not self._behind.is_set():
                return

    def rebuild(self) -> None:
        """Write tables, custody lines, the first page and the pages of the sites that fell behind."""
        waiting = [*self._undrawn]
        try:
            with self._drawing, Ledger(self.workspace.ledger_path, read_only=True) as ledger:
                rebuild_behind(self.workspace, ledger)
            for site_id in waiting:
                self._undrawn.discard(site_id)
                site = self._site(site_id)
                self._draw(site, site_page_path(self.workspace, site, self._profile(site)))
        except (WatchError, OSError) as err:
            _log.warning("derived files are behind: %s", err)
