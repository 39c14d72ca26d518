"""Custody heads and declared questions anchored outside: a time stamp (RFC 3161), or a page for a notary.

A *statement* is a short text: the newest hash of every chain, the digest over them, the questions declared
so far. A time-stamping service that the user names signs its SHA-256 together with the time; the answer is
kept in custody and checked by `verify`. Until there is one, every output says "by our own clock".
"""

from __future__ import annotations

import base64
import datetime as dt
import html
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from campwatch.extras import extra_module
from campwatch.identity import Clock, new_run_id, system_clock, timestamp
from campwatch.questions.custody import DECLARED
from campwatch.run.derived import open_for_append
from campwatch.workspace import Workspace
from evidence.anchors import ANCHORED, Anchor, anchor_of
from evidence.custody import WORKSPACE_CHAIN, CustodyEntry, heads_digest
from evidence.errors import Finding, SettingsError, SourceError, WatchError
from evidence.files import write_text
from evidence.hashing import canonical_json, sha256_bytes
from evidence.ledger import Ledger

if TYPE_CHECKING:
    from cryptography import x509
    from rfc3161_client import TimeStampRequest

MOST_BYTES = 200_000
"""Of a time-stamping service's answer; they are some kilobytes long."""
SECONDS = 60.0
"""Within which it must have answered."""


class AnchorError(WatchError):
    """A time stamp that was not given, or does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A time-stamping service, and the certificate that its answers must lead back to."""

    url: str
    certificate: Path
    """PEM, of the root (and of what lies between, where the service does not send it)."""


def statement(ledger: Ledger) -> str:
    """What is anchored, as text with one spelling.

    Raises:
        AnchorError: where the ledger is empty.
    """
    heads = ledger.heads()
    if not heads:
        raise AnchorError("nothing to anchor: the ledger is empty")
    declared = [
        {"question": entry.data["question"], "sha256": entry.data["sha256"], "declared": entry.time}
        for _, entry, _ in ledger.custody_stream()
        if entry.action == DECLARED
    ]
    return canonical_json({"head": heads_digest(heads), "heads": heads, "declared": declared})


def service_of(workspace: Workspace) -> Service:
    """The service that the settings name.

    Raises:
        SettingsError: where they name none, or its certificate cannot be read.
    """
    told = workspace.settings.anchor
    if told.url is None or told.certificate is None:
        raise SettingsError(
            "no time-stamping service is named: [anchor] url and certificate in campwatch.toml"
        )
    return Service(url=told.url, certificate=workspace.folder / told.certificate)


def anchor_heads(
    workspace: Workspace, service: Service, *, actor: str = "campwatch", clock: Clock = system_clock
) -> Anchor:
    """Have the heads of all chains time-stamped, and keep the stamp in custody.

    Raises:
        AnchorError: where the service refuses, or its answer does not hold.
        SourceError: where it does not answer.
    """
    roots = _certificates(service.certificate)
    with open_for_append(workspace, create=False) as ledger:
        text = statement(ledger)
        rfc3161 = _stamps()
        builder = rfc3161.TimestampRequestBuilder().data(text.encode()).nonce(nonce=True)
        request = builder.hash_algorithm(rfc3161.HashAlgorithm.SHA256).build()
        answer = _post(service.url, request.as_bytes())
        stamped = _checked(answer, text, roots, request=request)
        details = {
            "kind": "rfc3161",
            "statement": text,
            "service": service.url,
            "answer": base64.b64encode(answer).decode(),
            "certificates": [_pem(root) for root in roots],
            "stamped": stamped.isoformat(),
        }
        return _keep(ledger, details, actor=actor, clock=clock)


def keep_notarised(
    workspace: Workspace, text: str, words: str, *, actor: str, clock: Clock = system_clock
) -> Anchor:
    """Put into custody that a printed statement was notarised, in the words of who saw it done.

    Args:
        workspace: whose heads the statement names.
        text: the statement, as it was printed.
        words: who notarised it, where and when.
        actor: a code, not a name.
        clock: now.

    Raises:
        AnchorError: where the statement never was one of this ledger.
    """
    with open_for_append(workspace, create=False) as ledger:
        if not _was_stated(ledger, text):
            raise AnchorError("this statement names heads that the ledger never had")
        return _keep(ledger, {"kind": "notary", "statement": text, "words": words}, actor=actor, clock=clock)


def _keep(ledger: Ledger, details: dict[str, Any], *, actor: str, clock: Clock) -> Anchor:
    ledger.append(
        [],
        chain=WORKSPACE_CHAIN,
        run_id=new_run_id(clock),
        time=timestamp(clock),
        actor=actor,
        action=ANCHORED,
        details=details,
    )
    entry = ledger.last_entry(WORKSPACE_CHAIN, ANCHORED)
    if entry is None:
        raise AnchorError("the anchor was not kept")
    return anchor_of(entry)


def write_page(path: Path, text: str) -> Path:
    """The statement as a page to print, sign and have notarised."""
    digest = sha256_bytes(text.encode())
    lines = "".join(f"<p class=mono>{html.escape(text[at : at + 64])}</p>" for at in range(0, len(text), 64))
    return _written(
        path,
        f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>campwatch: statement of custody</title>
<style>@page {{ size: A4; margin: 20mm }} body {{ font: 11pt serif }}
.mono {{ font: 9pt monospace; margin: 0 }}
.line {{ border-bottom: 1px solid; height: 14mm }}</style>
<h1>Statement of custody</h1>
<p>The ledger of this workspace stood as the following text says. Whoever holds the ledger later can compute
the text again (<code>campwatch anchor --print</code> of a copy, <code>campwatch verify --head</code>).</p>
<p>SHA-256 of the text, UTF-8, without line breaks:</p><p class=mono>{digest}</p>
<h2>Text</h2>{lines}
<h2>Seen and signed</h2>
<div class=line>Name and office</div><div class=line>Place and date</div><div class=line>Signature, seal</div>
</html>
""",
    )


def _written(path: Path, text: str) -> Path:
    write_text(path, text)
    return path


# ---------------------------------------------------------------- checking


def anchor_findings(ledger: Ledger) -> Iterator[Finding]:
    """Time stamps and notarised statements in custody that do not hold."""
    heads: dict[str, str] = {}
    for entry, digest in ledger.custody_links():
        if entry.action == ANCHORED and entry.chain == WORKSPACE_CHAIN:
            where = f"anchor {entry.chain} #{entry.position}"
            told = anchor_of(entry)
            if told.kind == "rfc3161" and told.head != heads_digest(heads):
                yield Finding(where=where, what="names another head than the ledger had then")
            yield from (Finding(where=where, what=text) for text in _stamp_faults(entry))
        heads[entry.chain] = digest


def _stamp_faults(entry: CustodyEntry) -> Iterator[str]:
    if entry.data["kind"] != "rfc3161":
        return
    roots = [_x509().load_pem_x509_certificate(pem.encode()) for pem in entry.data["certificates"]]
    try:
        stamped = _checked(base64.b64decode(entry.data["answer"]), entry.data["statement"], roots)
    except AnchorError as err:
        yield str(err)
        return
    if stamped.isoformat() != entry.data["stamped"]:
        yield f"says {entry.data['stamped']}, the time stamp says {stamped.isoformat()}"


def _was_stated(ledger: Ledger, text: str) -> bool:
    heads: dict[str, str] = {}
    for _, entry, digest in ledger.custody_stream():
        heads[entry.chain] = digest
        if f'"head":"{heads_digest(heads)}"' in text:
            return True
    return False


def _checked(
    answer: bytes,
    text: str,
    roots: list[x509.Certificate],
    *,
    request: TimeStampRequest | None = None,
) -> dt.datetime:
    """The time that a service gives this text, after signature, chain, nonce and imprint held."""
    rfc3161 = _stamps()
    try:
        response = rfc3161.decode_timestamp_response(answer)
        builder = rfc3161.VerifierBuilder.from_request(request) if request else rfc3161.VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(response, text.encode())
    except (rfc3161.VerificationError, ValueError) as err:
        raise AnchorError(f"the time stamp does not hold: {err}") from err
    moment: dt.datetime = response.tst_info.gen_time.astimezone(dt.UTC)
    return moment


def _stamps() -> Any:
    return extra_module("rfc3161_client", "anchor", "a time stamp")


def _x509() -> Any:
    return extra_module("cryptography.x509", "anchor", "a time stamp")


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        found: list[x509.Certificate] = _x509().load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as err:
        raise SettingsError(f"no certificate of the time-stamping service at {path}: {err}") from err
    return found


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - of no use elsewhere

    return certificate.public_bytes(Encoding.PEM).decode()


def _post(url: str, query: bytes) -> bytes:
    """A service's answer: no redirect is followed, no more is read than an answer can be long."""
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    until = time.monotonic() + SECONDS
    try:
        with requests.post(
            url, data=query, headers=headers, timeout=(10, 20), allow_redirects=False, stream=True
        ) as response:
            if response.status_code != requests.codes.ok:
                raise SourceError("the time-stamping service refused", status=response.status_code, url=url)
            body = b""
            for piece in response.iter_content(4096):
                body += piece
                if len(body) > MOST_BYTES or time.monotonic() > until:
                    raise SourceError("the time-stamping service answers without end", url=url)
            return body
    except requests.RequestException as err:
        raise SourceError(f"the time-stamping service did not answer: {type(err).__name__}", url=url) from err
