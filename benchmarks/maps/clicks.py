"""Clicks and keys from the first page to a stored verdict, with the seconds that the pages themselves take.

    python -m benchmarks.maps.clicks [--write]

A small simulated site is run once and reviewed in Chromium in two ways: served (`campwatch serve --review`),
where a verdict is stored when the server says that it is in the ledger, and from disk, where it is when the
review file is downloaded. *First*: from the first page to the first stored verdict, the reader's code counted
as one entry that is typed; *further*: each verdict after it. The seconds are the machine's alone: nobody
looks or thinks in them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.manual import write_table
from benchmarks.maps.pages import CHROMIUM
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import Workspace, open_workspace
from tests.campwatch.conftest import site_document, write_workspace
from tests.campwatch.serve.test_guard import serving
from tests.servers import tiny

HEAD = "| pages | with | first verdict | further verdicts | s to the first |\n|---|---|---|---|---|"
READY = "html[data-ready=yes]"
FURTHER = 2
PATIENCE = 60.0
"""Seconds that a verdict may take."""


@dataclass
class Hand:
    """Somebody at the page, whose every click and key is counted."""

    page: Page
    acts: int = 0
    told: list[str] = field(default_factory=list)

    def click(self, selector: str) -> None:
        """One click."""
        self.page.click(selector)
        self.acts += 1

    def key(self, name: str) -> None:
        """One key."""
        self.page.keyboard.press(name)
        self.acts += 1

    def tab_to(self, selector: str) -> None:
        """The Tab key until the first such element has the focus."""
        for _ in range(60):
            if self.page.evaluate("(s) => document.activeElement.matches(s)", selector):
                return
            self.key("Tab")
        raise RuntimeError(f"the Tab key does not reach {selector}")

    def type(self, text: str) -> None:
        """The reader's code, counted once."""
        self.page.keyboard.type(text)
        self.acts += 1

    def ready(self) -> None:
        """Wait until the page can be used."""
        self.page.wait_for_selector(READY, state="attached")


def by_mouse(hand: Hand) -> None:
    """From the first page to the desk, and all that the first verdict needs."""
    hand.click("#cards a, #table a")
    hand.ready()
    hand.click("#next-step")
    hand.type("anna")
    hand.key("Enter")
    hand.click("[data-pick='likelihood:likely']")
    hand.click("[data-pick='confidence:moderate']")
    hand.click("[data-quick^=accepted]")


def by_keys(hand: Hand) -> None:
    """The same without a mouse."""
    hand.tab_to("#cards a, #table a")
    hand.key("Enter")
    hand.page.wait_for_url("**/*tiny*")
    hand.ready()
    hand.key("r")
    hand.type("bora")
    hand.key("Enter")
    hand.page.wait_for_selector("#desk")  # as a person does: the server says first what waits for the reader
    for key in (".", "/", "1"):
        hand.key(key)


def kept(page: Page, n: int, *, served: bool) -> None:
    """Wait for the n-th verdict."""
    until = time.monotonic() + PATIENCE
    while not page.evaluate(f"CW.stored >= {n}" if served else f"CW.own().length >= {n}"):
        if time.monotonic() > until:
            raise RuntimeError(f"verdict {n} is not kept")
        page.wait_for_timeout(20)


def measure(browser: Browser, address: str, way: str, *, served: bool) -> str:
    """One line of the table."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    begun = time.perf_counter()
    page.goto(address)
    hand = Hand(page)
    hand.ready()
    (by_mouse if way == "mouse" else by_keys)(hand)
    kept(page, 1, served=served)
    if not served:
        with page.expect_download():
            if way == "mouse":
                hand.click("#download")
            else:
                hand.key("d")
    seconds = time.perf_counter() - begun
    first = hand.acts
    for k in range(FURTHER):
        if way == "mouse":
            hand.click("[data-quick^=accepted]")
        else:
            hand.key("1")
        kept(page, 2 + k, served=served)
    each = (hand.acts - first) / FURTHER
    context.close()
    line = f"| {'served' if served else 'from disk'} | {way} | {first} | {each:.0f} | {seconds:.1f} |"
    print(line, flush=True)
    return line


def small_workspace(folder: Path) -> Workspace:
    """One simulated site, run once."""
    catalog = tiny.write_catalog(folder / "catalog", dates=tiny.days(6, step=10))
    workspace = open_workspace(write_workspace(folder / "watch", catalog, site_document()))
    run_workspace(workspace, RunOptions())
    return workspace


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as temporary:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        workspace = small_workspace(Path(temporary))
        lines = [HEAD]
        print(HEAD, flush=True)
        first = next(workspace.maps_folder.glob("index*.html")).as_uri()
        lines += [measure(browser, first, way, served=False) for way in ("mouse", "keys")]
        for way in ("mouse", "keys"):
            for served in serving(workspace.folder, review=True):
                address = f"http://127.0.0.1:{served.port}/enter?token={served.tokens[-1]}"
                lines.append(measure(browser, address, way, served=True))
        browser.close()
    if chosen.write:
        table = "\n".join(lines)
        write_table("maps.md", "clicks", table, method=["write_site_map"], seeds="tiny catalogue")


if __name__ == "__main__":
    main()
