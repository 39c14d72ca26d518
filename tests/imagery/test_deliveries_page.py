"""The page on what providers deliver names tests that exist, and says what the code says."""

from __future__ import annotations

import ast

from benchmarks import deliveries, manual


def test_every_habit_names_a_test_that_exists() -> None:
    missing = []
    for habit in deliveries.HABITS:
        path, _, name = habit.test.partition("::")
        tree = ast.parse((manual.ROOT / "tests" / path).read_text(encoding="utf-8"))
        if name not in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}:
            missing.append(habit.test)
    assert missing == []


def test_the_page_is_what_the_command_writes() -> None:
    held = {place.name: place.text for place in manual.places() if place.page == deliveries.PAGE}
    for name, lines in (
        ("deliveries", deliveries.habits_table()),
        ("known deliveries", deliveries.known_table()),
    ):
        assert "\n".join(lines) in held[name], "python -m benchmarks.deliveries --write"
