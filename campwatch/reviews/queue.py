"""One site on the reviewer's desk: its findings, where each stands, and what may be put into its ledger."""

from __future__ import annotations

from dataclasses import dataclass

from aoi.records import Site
from campwatch.identity import Clock
from campwatch.reviews.findings import PLACE, Finding, Place, all_places, findings_at, random_places
from campwatch.reviews.labels import Labels, take_labels
from campwatch.reviews.sampled_rates import keep_rates
from campwatch.reviews.verdicts import ReviewState, import_review, review_states
from campwatch.workspace import Workspace
from evidence.errors import LedgerError
from evidence.ledger import AppendResult, Ledger
from maps.review_format import ReviewFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A site with its open ledger."""

    workspace: Workspace
    site: Site
    ledger: Ledger

    def findings(self) -> dict[tuple[str, str], Finding]:
        """Everything that can be judged, as it stands."""
        return findings_at(self.ledger, self.site.id)

    def places(self) -> list[Place]:
        """Random places without a detection."""
        shapes = [found.geometry for found in self.findings().values()]
        return random_places(self.site, [shape for shape in shapes if shape is not None])

    def states(self) -> list[ReviewState]:
        """Where each finding and place stands."""
        return review_states(self.ledger, self.site.id, places=self.places())

    def newest_run(self) -> str:
        """The run whose figures stand.

        Raises:
            LedgerError: where the site has never been measured.
        """
        entries = self.ledger.custody(self.site.id)
        if not entries:
            raise LedgerError(f"{self.site.id} has never been measured")
        return entries[-1].run_id

    def kind_of(self, subject: str) -> str:
        """What kind of finding has this id.

        Raises:
            LedgerError: where none or more than one has.
        """
        kinds = [kind for kind, known in self.findings() if known == subject]
        kinds += [PLACE for place in self.places() if place.place_id == subject]
        if len(kinds) != 1:
            raise LedgerError(f"{len(kinds)} findings of {self.site.id} have the id {subject}")
        return kinds[0]

    def take(self, review: ReviewFile, clock: Clock) -> AppendResult:
        """Put a review file into the ledger.

        Raises:
            LedgerError: where it is a review of another site.
        """
        if review.site_id != self.site.id:
            raise LedgerError(f"a review of {review.site_id} cannot be taken for {self.site.id}")
        return import_review(self.ledger, review, clock=clock, places=all_places(self.site))

    def take_labels(self, labels: Labels, clock: Clock) -> AppendResult:
        """Put the labels of a sample into the ledger, and what it says once they are complete."""
        taken = take_labels(self.ledger, labels, clock=clock)
        keep_rates(self.ledger, self.site.id, clock=clock)
        return taken
