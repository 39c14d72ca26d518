"""Runs as rows: one per run and site, told from the custody chains."""

from __future__ import annotations

import itertools

from evidence.custody import CustodyEntry
from evidence.custody_table import Stored
from evidence.layers import NO_SCENES, LayerSpec, Rows, Shown, column, record
from evidence.ledger import Ledger
from evidence.rows import Row, StoredRow, record_data
from evidence.runs import links_until, row_count


@record
class RunRecord:
    """What one run did at one site."""

    started_at: str = column(
        "first custody entry of the run on this site, UTC", "이 대상지에 대한 실행의 첫 보관 기록(UTC)",
        shown=Shown.PUBLIC,
    )  # fmt: skip
    ended_at: str = column(
        "last custody entry of the run on this site, UTC", "이 대상지에 대한 실행의 마지막 보관 기록(UTC)",
        shown=Shown.PUBLIC,
    )  # fmt: skip
    actor: str = column("who or what, as a code", "누가 또는 무엇이(코드)", shown=Shown.PUBLIC)
    actions: tuple[str, ...] = column("what was done", "수행한 일", shown=Shown.PUBLIC)
    rows_appended: int = column(
        "rows that the run added or took back", "실행이 추가하거나 철회한 행 수", shown=Shown.PUBLIC
    )
    code_version: str | None = column("version of campwatch", "campwatch 버전", shown=Shown.PUBLIC)
    head: str = column(
        "hash of the site's last custody entry of this run", "이 실행의 마지막 보관 기록 해시값",
        shown=Shown.PUBLIC,
    )  # fmt: skip


def run_rows(ledger: Ledger, as_of_run: str | None = None, site_id: str | None = None) -> list[StoredRow]:
    """One row per run and chain, in the order of time; of one chain or of all."""
    held = [link for link in links_until(ledger, as_of_run) if site_id in {None, link[1].chain}]
    links = sorted(held, key=lambda link: (link[1].run_id, link[1].chain, link[0]))
    groups = itertools.groupby(links, key=lambda link: (link[1].run_id, link[1].chain))
    rows = [_run_row(list(group)) for _, group in groups]
    return sorted(rows, key=lambda stored: stored.seq)


def _run_row(links: list[Stored]) -> StoredRow:
    first, (last_seq, last, head) = links[0][1], links[-1]
    row = Row(
        layer=RUNS.name,
        site_id=first.chain,
        subject=first.run_id,
        time=first.time,
        method=RUNS.method,
        params_hash="",
        inputs_hash="",
        data=record_data(
            RunRecord(
                started_at=first.time,
                ended_at=last.time,
                actor=first.actor,
                actions=tuple(dict.fromkeys(entry.action for _, entry, _ in links)),
                rows_appended=sum(row_count(entry) for _, entry, _ in links),
                code_version=next((_version(e) for _, e, _ in links if _version(e)), None),
                head=head,
            )
        ),
    )
    return StoredRow(seq=last_seq, row_id=row.row_id, run_id=first.run_id, as_of=last.time, row=row)


def _version(entry: CustodyEntry) -> str | None:
    told: str | None = entry.data.get("code", {}).get("campwatch")
    return told


RUNS = LayerSpec(
    name="runs",
    title="Runs: who did what, when, as the custody chains tell it",
    title_ko="실행: 보관 기록에 따른 누가 언제 무엇을 했는지",
    record=RunRecord,
    method="custody/1",
    subject="run",
    time=("started_at",),
    scenes=NO_SCENES,
    from_imagery=False,
    rows=Rows.PUBLIC,
    on_map=False,
    derived=run_rows,
)
