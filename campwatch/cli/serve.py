"""`campwatch serve`: the pages live on this machine."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from campwatch.cli.session import say
from campwatch.extras import extra_module


def serve(
    context: typer.Context,
    *,
    review: Annotated[
        bool, typer.Option("--review", help="Take verdicts, zones and boundaries; shows what is restricted.")
    ] = False,
    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the first page.")] = True,
    restricted: Annotated[
        bool | None, typer.Option("--restricted/--public", help="As for `campwatch map`.")
    ] = None,
) -> None:
    """Serve the pages to browsers on this machine, until Ctrl-C; read-only unless --review."""
    for name in ("starlette", "uvicorn"):
        extra_module(name, "serve", "serve")
    from campwatch.serve.app import listen, make_app, make_server  # noqa: PLC0415 - an extra
    from campwatch.serve.guard import ENTRY, Sessions  # noqa: PLC0415
    from campwatch.serve.work import Work  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    if review and restricted is False:
        raise typer.BadParameter("a reviewer needs the restricted pages: --review without --public")
    workspace = open_workspace(context.obj.folder)
    workspace.chosen_paths()
    held = listen(port)
    address = f"http://127.0.0.1:{held.getsockname()[1]}"

    def announce(token: str) -> None:
        say(f"open once: {address}{ENTRY}?token={token}")

    sessions = Sessions(announce)
    work = Work(workspace, review=review, restricted=restricted)
    work.start()
    context.obj.report({"address": address, "review": review})
    if browser:
        webbrowser.open(f"{address}{ENTRY}?token={sessions.token}")
    try:
        make_server(make_app(work, sessions, port=held.getsockname()[1])).run(sockets=[held])
    finally:
        work.close()
