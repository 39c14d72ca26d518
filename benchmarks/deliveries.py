"""What providers deliver: provider, habit, what is done, and the test that holds it.

    python -m benchmarks.deliveries            # both tables
    python -m benchmarks.deliveries --run      # runs the named tests and says of each row whether it is green
    python -m benchmarks.deliveries --write    # into docs/imagery-sources.md

`tests/imagery/test_deliveries_page.py` fails where a named test is not there or the page says something else.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.manual import write_table
from imagery.sources.known import KNOWN_DELIVERIES

ROOT = Path(__file__).resolve().parents[1]
PAGE = "imagery-sources.md"


@dataclass(frozen=True, slots=True)
class Habit:
    """One row: the test is `file::function` below tests/."""

    provider: str
    habit: str
    done: str
    test: str


D, C, S, H = (
    "imagery/test_deliveries.py",
    "imagery/test_sources_cdse.py",
    "imagery/test_sources_stac.py",
    "campwatch/test_provider_habits.py",
)
K, R = "imagery/test_known_deliveries.py", "imagery/test_sources_recorded.py"

HABITS = (
    Habit(
        "any",
        "a granule in two halves, of one baseline or two",
        "both are fetched and fused",
        f"{D}::test_halves_of_a_granule_are_both_fetched_and_fused",
    ),
    Habit(
        "any",
        "one granule in several baselines",
        "the newest official one; what another wholly covers is a duplicate",
        f"{D}::test_what_another_product_wholly_covers_is_a_duplicate",
    ),
    Habit(
        "any",
        "a look that shows part of the site",
        "the share without data is said in `detail`",
        "imagery/test_cube.py::test_what_a_look_could_not_show_is_said_as_a_share",
    ),
    Habit(
        "Earth Search",
        "items without some assets",
        "taken from the next source's product, else a gap of kind `bands`",
        f"{D}::test_a_product_without_some_bands_is_taken_from_the_next_source",
    ),
    Habit(
        "Earth Search",
        "items mended later under the same id",
        "the lacking bands alone are fetched; the others stay bit by bit",
        f"{D}::test_where_nobody_has_them_the_lack_is_a_gap_and_asked_for_again",
    ),
    Habit(
        "Planetary Computer",
        "an auxiliary file gone from the store, or cut short",
        "the look is used; the band is asked for again",
        f"{D}::test_an_auxiliary_file_that_is_gone_costs_no_look",
    ),
    Habit(
        "Planetary Computer",
        "a required file gone from the store",
        "a gap",
        f"{D}::test_a_required_file_that_is_gone_is_a_gap",
    ),
    Habit(
        "any",
        "files gone, items mended, halves and private runs through whole runs",
        "each run ends well; the next takes what was mended",
        f"{H}::test_a_run_goes_to_its_end_and_the_next_takes_what_was_mended",
    ),
    Habit(
        "Data Space",
        "private Sen2Cor runs (99.xx, N9999)",
        "after every official one; taken alone they are said",
        f"{D}::test_an_official_baseline_outranks_a_private_one",
    ),
    Habit(
        "any",
        "processings that nothing tells apart at first",
        "one rule, which the archived item and custody name",
        f"{D}::test_ties_are_told_apart_by_a_stated_rule_and_the_archive_says_which",
    ),
    Habit(
        "Data Space",
        "JPEG 2000 in an object store, keys of one's own",
        "the tiles that the site touches",
        f"{C}::test_windows_come_from_the_object_store_with_the_users_keys",
    ),
    Habit(
        "Data Space",
        "tile-parts with and without their places (TLM)",
        "read, with little more than their bytes",
        f"{C}::test_the_tiles_that_a_window_touches_are_read_and_little_more",
    ),
    Habit(
        "Data Space",
        "an account without keys",
        "whole files, with a token for the download host alone",
        f"{C}::test_an_account_without_keys_downloads_whole_files",
    ),
    Habit(
        "Data Space",
        "tokens of ten minutes, withdrawn at times",
        "renewed; asked for once more",
        f"{C}::test_a_token_that_is_withdrawn_is_asked_for_once_more",
    ),
    Habit(
        "all",
        "spellings of satellites, bands, tiles, projections (the table below)",
        "read",
        f"{K}::test_each_known_spelling_is_read",
    ),
    Habit(
        "all",
        "recorded answers, item by item",
        "nothing about them is strange",
        f"{K}::test_every_recorded_item_is_known",
    ),
    Habit(
        "all",
        "recorded pages",
        "walked as the service asks",
        f"{R}::test_recorded_pages_are_walked_as_the_service_asked",
    ),
    Habit(
        "any",
        "a satellite that is not known",
        "taken along, with a notice",
        f"{K}::test_an_unknown_satellite_is_a_notice_and_not_a_loss",
    ),
    Habit(
        "any",
        "a band under a key that is not known",
        "the look is kept, with a notice",
        f"{K}::test_a_moved_asset_key_is_a_notice_and_the_look_is_kept",
    ),
    Habit(
        "Earth Search",
        "+1000 under a flag that denies it, over ground that proves nothing",
        "the season's ground decides",
        "imagery/test_offset.py::test_ground_of_other_seasons_decides_where_numbers_prove_nothing",
    ),
    Habit(
        "any",
        "a scene without data over the site",
        "a look with the status `no_data`, asked once",
        f"{S}::test_a_product_without_a_single_value_is_a_look_not_made",
    ),
    Habit(
        "any",
        "an item that cannot be a product",
        "a gap with its reason; the others are fetched",
        "hostile/test_walls.py::test_attackers_get_nowhere",
    ),
)


def habits_table() -> list[str]:
    """Provider, habit, what is done, test."""
    lines = ["| provider | habit | what is done | test |", "|---|---|---|---|"]
    return lines + [f"| {h.provider} | {h.habit} | {h.done} | `tests/{h.test}` |" for h in HABITS]


def known_table() -> list[str]:
    """Provider, collection, what is particular, and the public item that it was read off."""
    lines = ["| provider | collection | spelling | item | seen in |", "|---|---|---|---|---|"]
    return lines + [
        f"| {row.provider} | `{row.collection}` | {row.habit} | `{row.item}` | {row.origin} |"
        for row in KNOWN_DELIVERIES
    ]


def run_tests() -> bool:
    """Run the test of each row and say how it went; whether all are green."""
    good = True
    for habit in HABITS:
        path, _, name = habit.test.partition("::")
        asked = [sys.executable, "-m", "pytest", "-q", "-x", f"tests/{path}", "-k", name]
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
        good &= done.returncode == 0
        print("green" if done.returncode == 0 else "RED", f"tests/{habit.test}", flush=True)
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    tables = {"deliveries": habits_table(), "known deliveries": known_table()}
    for lines in tables.values():
        print("\n".join(lines), end="\n\n")
    if options.write:
        for name, lines in tables.items():
            write_table(PAGE, name, lines, method=["read_listed", "list_products"], seeds="none")
    if options.run and not run_tests():
        sys.exit(1)


if __name__ == "__main__":
    main()
