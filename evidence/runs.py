"""The rows of a layer as of a run, and what the custody chains say of runs and releases."""

from __future__ import annotations

from evidence.custody import CustodyEntry
from evidence.custody_table import Stored
from evidence.errors import LedgerError
from evidence.layers import LayerSpec
from evidence.ledger import Ledger
from evidence.rows import StoredRow

MEASURED = "measure"
"""The action of an entry that rows were measured with."""


def layer_rows(
    ledger: Ledger, spec: LayerSpec, *, as_of_run: str | None = None, site_id: str | None = None
) -> list[StoredRow]:
    """The current rows of a layer, of the ledger or of what it is derived from; of one site or of all."""
    if spec.derived is not None:
        return spec.derived(ledger, as_of_run, site_id)
    return ledger.current(spec.name, site_id=site_id, as_of_run=as_of_run)


def links_until(ledger: Ledger, as_of_run: str | None = None) -> list[Stored]:
    """Custody as it stood when this run had ended, oldest first; all of it where no run is named.

    Raises:
        LedgerError: where there is no such run.
    """
    links = ledger.custody_as_written()
    if as_of_run is None:
        return links
    last = max((seq for seq, entry, _ in links if entry.run_id == as_of_run), default=None)
    if last is None:
        raise LedgerError(f"no run {as_of_run} in {ledger.path}")
    return [link for link in links if link[0] <= last]


def heads_of(links: list[Stored]) -> dict[str, str]:
    """The newest hash of each chain among `links`."""
    return dict(sorted({entry.chain: digest for _, entry, digest in links}.items()))


def last_with_rows(links: list[Stored]) -> Stored:
    """The newest entry that rows were appended with; the newest of all where there is none."""
    return next((link for link in reversed(links) if row_count(link[1])), links[-1])


def last_measured(links: list[Stored]) -> dict[str, CustodyEntry]:
    """The newest measurement of each site among `links`: what `reproduce` can make again."""
    return {entry.chain: entry for _, entry, _ in links if entry.action == MEASURED}


def release_of(links: list[Stored], shown: list[Stored]) -> str | None:
    """The newest release that froze the very rows of `shown`, among all `links`; None where there is none."""
    last = last_with_rows(shown)[0]
    told = None
    rows_until = 0
    for seq, entry, _ in links:
        rows_until = seq if row_count(entry) else rows_until
        if entry.action == "release" and rows_until == last:
            told = str(entry.data["release"])
    return told


def row_count(entry: CustodyEntry) -> int:
    """How many rows were appended with an entry."""
    return int(entry.data.get("rows", {}).get("count", 0))
