"""The pages of a workspace over loopback: routes, and the server that holds them."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from campwatch.serve.guard import Guard, Session, Sessions
from campwatch.serve.work import Work
from evidence.errors import WatchError, WorkspaceError
from maps.page import POLICY
from maps.payload import script_json
from maps.review_format import CODE_PATTERN

LIVE_POLICY = POLICY.replace("connect-src 'none'", "connect-src 'self'").replace(" file:", "")
"""The page's own policy, with requests to this server alone."""
DRAWING = (
    '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>campwatch</title>'
    '<link rel="icon" href="data:,"><script>setTimeout(() => location.reload(), 1500)</script>'
    "<p>The page is being drawn from the archive. 페이지를 그리는 중입니다.</p></html>"
)
"""While a page is drawn; it asks again by itself (a refresh by `meta` stays where a link has a fragment)."""
MOST_BODY = 1_000_000
PAGE = re.compile(r"[\w.-]+\.html")
PICTURE = re.compile(r"[\w.-]+\.js")
CODE = re.compile(CODE_PATTERN)


def live_page(text: str, told: dict[str, Any]) -> str:
    """A page from the maps folder with what makes it live: its policy, and what it may do."""
    body = "</head>\n<body>\n"
    live = f'<script type="application/json" id="cw-live">{script_json(told)}</script>\n'
    return text.replace(POLICY, LIVE_POLICY, 1).replace(body, body + live, 1)


def make_app(work: Work, sessions: Sessions, *, port: int) -> Starlette:
    """The application behind its guard."""
    routes = [
        Route("/", _answering(work, _home)),
        Route("/api/state", _answering(work, _state)),
        Route("/api/proposals", _answering(work, _proposals)),
        Route("/api/reader", _answering(work, _reader), methods=["POST"]),
        Route("/api/review", _answering(work, _review), methods=["POST"]),
        Route("/api/draft", _answering(work, _draft), methods=["POST"]),
        Route("/api/zone", _answering(work, _zone), methods=["POST"]),
        Route("/api/boundary", _answering(work, _boundary), methods=["POST"]),
        Route("/api/label", _answering(work, _label), methods=["POST"]),
        Route("/{page}", _answering(work, _page)),
        Route("/{folder}/{picture}", _answering(work, _picture)),
    ]
    app = Starlette(routes=routes)
    app.add_middleware(Guard, sessions=sessions, port=port)
    return app


Handler = Callable[[Work, Request], Awaitable[Response]]


def _answering(work: Work, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler, with known errors in words."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(work, request)
        except WorkspaceError as error:
            return JSONResponse({"error": str(error)}, status_code=409)
        except WatchError as error:
            return JSONResponse({"error": str(error)}, status_code=422)

    return answer


def _session(request: Request) -> Session:
    session: Session = request.scope["campwatch"]
    return session


async def _body(request: Request) -> dict[str, Any]:
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > MOST_BODY:
            raise WatchError(f"more than {MOST_BODY} bytes")
    try:
        document = json.loads(data)
    except ValueError as error:
        raise WatchError("not JSON") from error
    if not isinstance(document, dict):
        raise WatchError("not an object")
    return document


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise WatchError(f"{name} is missing")
    return value


def _part(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise WatchError(f"{name} is not an object")
    return value


def _who(request: Request) -> str:
    reader = _session(request).reader
    if not reader:
        raise WatchError("say who reads first: a code, not a name")
    return reader


async def _home(work: Work, request: Request) -> Response:
    page = await run_in_threadpool(work.first_page)
    return await _live(work, request, page, None)


async def _page(work: Work, request: Request) -> Response:
    name = request.path_params["page"]
    if not PAGE.fullmatch(name):
        return _missing()
    if name in {"index.html", "index.restricted.html"}:
        return await _home(work, request)
    site_id = await run_in_threadpool(work.site_of_page, name)
    if site_id is None:
        return _missing()
    page = await run_in_threadpool(work.site_page, site_id)
    return HTMLResponse(DRAWING) if page is None else await _live(work, request, page, site_id)


async def _live(work: Work, request: Request, page: Path, site_id: str | None) -> Response:
    session = _session(request)
    told: dict[str, Any] = {"review": work.review, "key": session.key, "reader": session.reader}
    if site_id is None:
        told["pages"] = await run_in_threadpool(work.page_names)
    elif work.review:
        told |= await run_in_threadpool(work.state, site_id)
        told["drafts"] = work.drafts(site_id, session.reader) if session.reader else {}
        if session.reader:
            told["labelling"] = await run_in_threadpool(work.labelling, site_id, session.reader)
        told["proposals"] = await run_in_threadpool(work.proposals, site_id)
    try:
        text = await run_in_threadpool(page.read_text, "utf-8")
    except OSError:
        return _missing()
    return HTMLResponse(live_page(text, told), headers={"content-security-policy": LIVE_POLICY})


async def _picture(work: Work, request: Request) -> Response:
    folder, name = request.path_params["folder"], request.path_params["picture"]
    if not folder.endswith(".files") or not PICTURE.fullmatch(name) or not PICTURE.fullmatch(f"{folder}.js"):
        return _missing()
    path = work.workspace.maps_folder / folder / name
    if not await run_in_threadpool(path.is_file):
        return _missing()
    return FileResponse(path, media_type="text/javascript")


def _missing() -> Response:
    return PlainTextResponse("not here\n", status_code=404)


async def _state(work: Work, request: Request) -> Response:
    return JSONResponse(await run_in_threadpool(work.state, request.query_params.get("site", "")))


async def _proposals(work: Work, request: Request) -> Response:
    return JSONResponse(await run_in_threadpool(work.proposals, request.query_params.get("site", "")))


async def _reader(work: Work, request: Request) -> Response:
    """A session has one reader: another person opens another link, so that verdicts stay blind."""
    document, session = await _body(request), _session(request)
    code = _text(document, "code")
    if not CODE.fullmatch(code):
        raise WatchError("a code is letters, digits, dots and hyphens, at most 32")
    if session.reader not in {"", code}:
        raise WatchError(f"this session is {session.reader}'s; the next reader opens the newest link")
    session.reader = code
    site_id = _text(document, "site")
    told = {"reader": code, "drafts": work.drafts(site_id, code)}
    return JSONResponse(told | {"labelling": await run_in_threadpool(work.labelling, site_id, code)})


async def _review(work: Work, request: Request) -> Response:
    document = await _body(request)
    done = await run_in_threadpool(work.take, _text(document, "site"), _who(request), document)
    return JSONResponse(done)


async def _draft(work: Work, request: Request) -> Response:
    document, reader = await _body(request), _who(request)
    draft = None if document.get("draft") is None else _part(document, "draft")
    site_id, subject = _text(document, "site"), _text(document, "subject")
    if site_id not in work.workspace.site_ids():
        raise WatchError("no such site")
    await run_in_threadpool(work.keep_draft, site_id, reader, subject, draft)
    return JSONResponse({"kept": draft is not None})


async def _zone(work: Work, request: Request) -> Response:
    document = await _body(request)
    site_id, edit = _text(document, "site"), _part(document, "edit")
    return JSONResponse(await run_in_threadpool(work.edit_zone, site_id, _who(request), edit))


async def _boundary(work: Work, request: Request) -> Response:
    document = await _body(request)
    site_id, edit = _text(document, "site"), _part(document, "edit")
    return JSONResponse(await run_in_threadpool(work.edit_boundary, site_id, _who(request), edit))


async def _label(work: Work, request: Request) -> Response:
    document = await _body(request)
    said = _part(document, "said")
    return JSONResponse(await run_in_threadpool(work.label, _text(document, "site"), _who(request), said))


def listen(port: int) -> socket.socket:
    """A socket on loopback alone; port 0 takes a free one.

    Raises:
        WorkspaceError: where the port is taken.
    """
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it would let two programs share a port
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind(("127.0.0.1", port))
        held.listen()
    except OSError as error:
        held.close()
        raise WorkspaceError(f"port {port} cannot be listened on: {error.strerror}") from error
    return held


def make_server(app: Starlette) -> uvicorn.Server:
    """The server, without a log of what was asked."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, date_header=False, lifespan="off",
        ws="none", timeout_graceful_shutdown=3,
    )  # fmt: skip
    return uvicorn.Server(config)
