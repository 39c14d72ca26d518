"""Who may ask: a one-time link opens a session; Host, Origin and page key are checked; no cross-origin.

A page of another origin must neither read nor post. A cookie alone does not see to that, because another
program's page on this machine is of the same site: every request also has to come from this origin
(`Sec-Fetch-Site`, `Origin`), and one that writes carries a key that only our own pages hold.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEY_HEADER = "x-campwatch-key"
ENTRY = "/enter"
MOST_SESSIONS = 16
"""Open at once; the oldest is closed for the next."""
FROM_HERE = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site that a browser sends for our own pages and for an address that was typed."""
WELCOME = (
    '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>campwatch</title>'
    '<link rel="icon" href="data:,"><meta http-equiv="refresh" content="0;url=/">'
    '<p><a href="/">campwatch</a></p></html>'
)
HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(slots=True, kw_only=True)
class Session:
    """One browser that came in by a link."""

    cookie: str
    key: str
    """Held by our pages; every request that writes carries it."""
    reader: str = ""
    """The reviewer's code, said once; another reader opens another session."""


@dataclass(slots=True)
class Sessions:
    """Open sessions and the one link that is still unused."""

    announce: Callable[[str], None]
    """Told of each new token; a used one never opens a second session."""
    token: str = ""
    held: dict[str, Session] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The first token is there at once."""
        self._renew()

    def _renew(self) -> None:
        self.token = secrets.token_urlsafe(24)
        self.announce(self.token)

    def enter(self, token: str) -> Session | None:
        """A session for the unused token; None for any other."""
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return None
        session = Session(cookie=secrets.token_urlsafe(24), key=secrets.token_urlsafe(24))
        if len(self.held) >= MOST_SESSIONS:
            self.held.pop(next(iter(self.held)))
        self.held[session.cookie] = session
        self._renew()
        return session


class Guard:
    """ASGI middleware before everything else."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions, port: int) -> None:
        """`port` is the one that is listened on; only loopback names with it are our Host."""
        self._app, self._sessions, self._port = app, sessions, port
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._cookie = f"campwatch-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say no and nothing else."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets here

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, sealed)

    def _answer(self, scope: Scope) -> Response | None:
        """What is said instead of the page; None where the request may pass."""
        request = Request(scope)
        if Headers(scope=scope).getlist("host") not in [[host] for host in self._hosts]:
            return _no("this is not the address that is served")
        if not self._from_here(request, request.headers["host"]):
            return _no("requests of other pages are refused")
        if request.url.path == ENTRY and request.method == "GET":
            return self._entered(request)
        return self._of_session(request)

    def _of_session(self, request: Request) -> Response | None:
        """The same for a request that came from here, by its cookie and its page's key."""
        session = self._sessions.held.get(request.cookies.get(self._cookie, ""))
        if session is None:
            return _no("open the link that campwatch serve printed; each link opens one session", 401)
        if request.method not in {"GET", "HEAD"}:
            said = request.headers.get(KEY_HEADER, "")
            if not hmac.compare_digest(said.encode(), session.key.encode()):
                return _no("the key of the page is missing")
            if request.headers.get("content-type", "").partition(";")[0] != "application/json":
                return _no("only JSON is taken", 415)
        request.scope["campwatch"] = session
        return None

    def _from_here(self, request: Request, host: str) -> bool:
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return False
        if request.method not in {"GET", "HEAD"} and origin is None:
            return False
        site = request.headers.get("sec-fetch-site")
        # The link itself may be followed from a terminal or a mail program that is a web page.
        return site is None or site in FROM_HERE or (request.url.path == ENTRY and origin is None)

    def _entered(self, request: Request) -> Response:
        session = self._sessions.enter(request.query_params.get("token", ""))
        if session is None:
            return _no("this link was used already, or is not ours; the newest one is on the terminal", 401)
        # Not a redirect: the next request then comes from our own page, wherever the link was followed.
        answer = HTMLResponse(WELCOME)
        answer.set_cookie(self._cookie, session.cookie, httponly=True, samesite="strict", path="/")
        return answer


def _no(text: str, status: int = 403) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=status)
