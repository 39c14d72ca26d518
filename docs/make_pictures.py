# ruff: noqa: INP001 - a script, not part of a package
"""Pictures for the manual, taken from finished maps in Debian's chromium without a network.

    python docs/make_pictures.py MAPS_FOLDER [--out docs/pictures] [--report REPORT.pdf]

MAPS_FOLDER holds a first page (index*.html) and the page of at least one site, as `campwatch demo` or
`benchmarks/maps/simulated_maps.py` leave them. With --report the first page of a report
is drawn by pdftoppm (poppler-utils). The Korean pictures need a font with Hangul (fonts-nanum).
"""

from __future__ import annotations

import argparse
import subprocess
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DESKTOP, PHONE = (1440, 900), (390, 844)
COMPARE = "CW.change({ compare: true })"
CARD = (
    "CW.open(CW.reviewable().find((s) => s.type === 'disturbance')"
    " || CW.reviewable().find((s) => s.type === 'pile') || CW.reviewable()[0])"
)
DESK = (
    "CW.change({ tab: 'review' }); CW.setReviewer('anna');"
    " CW.setPick(CW.reviewSubject, 'confidence', 'moderate')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture: which page, how large, after doing what."""

    name: str
    first_page: bool = False
    size: tuple[int, int] = DESKTOP
    script: str = "undefined"


LAST_SUMMER = (
    "CW.change({ date: CW.dates.findLastIndex((d) => /-0[6-9]-/.test(d.utc) && d.status === 'used'"
    " && (d.valid ?? 1) > 0.9) })"
)
SHOTS = (
    Shot(name="demo-map", script=LAST_SUMMER),
    Shot(name="site-desktop"),
    Shot(name="site-compare", script=COMPARE),
    Shot(name="site-card", script=CARD),
    Shot(name="site-desk", script=DESK),
    Shot(name="site-phone-card", size=PHONE, script=CARD),
    Shot(name="site-phone-korean", size=PHONE, script="CW.setLanguage('ko')"),
    Shot(name="first-page", first_page=True),
)


def opened(browser: Browser, path: Path, size: tuple[int, int]) -> Page:
    """The page, once it is drawn."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready=yes]", state="attached")
    return page


def take(browser: Browser, shot: Shot, path: Path, out: Path) -> Path:
    """One picture."""
    page = opened(browser, path, shot.size)
    page.evaluate(f"() => {{ {shot.script}; }}")
    page.wait_for_timeout(1500)
    target = out / f"{shot.name}.png"
    page.screenshot(path=str(target))
    page.context.close()
    return target


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "pictures")
    parser.add_argument("--report", type=Path, help="A report as PDF.")
    chosen = parser.parse_args()
    pages = sorted(chosen.folder.resolve().glob("*.html"))
    first = next((p for p in pages if p.name.startswith("index")), None)
    site = next((p for p in pages if not p.name.startswith("index")), None)
    chosen.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        for shot in SHOTS:
            path = first if shot.first_page else site
            if path is not None:
                print(take(browser, shot, path, chosen.out))  # noqa: T201 - a script tells what it made
        browser.close()
    if chosen.report is not None:
        target = chosen.out / "report-first-page"
        command = ["pdftoppm", "-r", "80", "-png", "-singlefile", "-l", "1", str(chosen.report), str(target)]
        subprocess.run(command, check=True)  # noqa: S603 - our own file


if __name__ == "__main__":
    main()
