"""Runs as rows: one per run and site, told from the custody chains."""

from __future__ import annotations

import itertools

from evidence.custody import CustodyEntry
from evidence.custody_table import Stored
from evidence.errors import LedgerError
from evidence.ledger import Ledger
from evidence.rows import Row, StoredRow

METHOD = "custody/1"
MEASURED = "measure"
"""The action of an entry that rows were measured with."""


def layer_rows(ledger: Ledger, layer: str, *, as_of_run: str | None = None) -> list[StoredRow]:
    """The current rows of a layer; those of `runs` come from custody, which is where runs are kept."""
    kept = ledger.current(layer, as_of_run=as_of_run)
    return kept or (run_rows(ledger, as_of_run=as_of_run) if layer == "runs" else [])


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
    return next((link for link in reversed(links) if _row_count(link[1])), links[-1])


def last_measured(links: list[Stored]) -> dict[str, CustodyEntry]:
    """The newest measurement of each site among `links`: what `reproduce` can make again."""
    return {entry.chain: entry for _, entry, _ in links if entry.action == MEASURED}


def release_of(links: list[Stored], shown: list[Stored]) -> str | None:
    """The newest release that froze the very rows of `shown`, among all `links`; None where there is none."""
    last = last_with_rows(shown)[0]
    told = None
    rows_until = 0
    for seq, entry, _ in links:
        rows_until = seq if _row_count(entry) else rows_until
        if entry.action == "release" and rows_until == last:
            told = str(entry.data["release"])
    return told


def run_rows(ledger: Ledger, *, as_of_run: str | None = None) -> list[StoredRow]:
    """One row per run and chain, in the order of time."""
    links = sorted(links_until(ledger, as_of_run), key=lambda link: (link[1].run_id, link[1].chain, link[0]))
    groups = itertools.groupby(links, key=lambda link: (link[1].run_id, link[1].chain))
    rows = [_run_row(list(group)) for _, group in groups]
    return sorted(rows, key=lambda stored: stored.seq)


def _run_row(links: list[Stored]) -> StoredRow:
    first, (last_seq, last, head) = links[0][1], links[-1]
    row = Row(
        layer="runs",
        site_id=first.chain,
        subject=first.run_id,
        time=first.time,
        method=METHOD,
        params_hash="",
        inputs_hash="",
        data={
            "started_at": first.time,
            "ended_at": last.time,
            "actor": first.actor,
            "actions": list(dict.fromkeys(entry.action for _, entry, _ in links)),
            "rows_appended": sum(_row_count(entry) for _, entry, _ in links),
            "code_version": next((_version(e) for _, e, _ in links if _version(e)), None),
            "head": head,
        },
    )
    return StoredRow(seq=last_seq, row_id=row.row_id, run_id=first.run_id, as_of=last.time, row=row)


def _row_count(entry: CustodyEntry) -> int:
    return int(entry.data.get("rows", {}).get("count", 0))


def _version(entry: CustodyEntry) -> str | None:
    told: str | None = entry.data.get("code", {}).get("campwatch")
    return told
