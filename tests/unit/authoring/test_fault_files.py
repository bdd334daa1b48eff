"""Edits of right solutions by .fault files."""

from __future__ import annotations

import pytest

from grader.authoring.certify import _replaced

SOURCE = "\na = 1\nb = 2\n\nc = 3\nc = 3\n"


@pytest.mark.parametrize(
    ("blocks", "edited"),
    [
        ([("a = 1\n", "\nb = 2"), ("b = 2\n", "\na = 1")], "\nb = 2\na = 1\n\nc = 3\nc = 3\n"),
        ([("b = 2\n", ""), ("a = 1\n", "\na = 5\nb = 2")], "\na = 5\nb = 2\n\nc = 3\nc = 3\n"),
        ([("c = 3\n", "\nc = 4")], None),
        ([("a = 1\nb = 2\n", ""), ("b = 2\n", "")], None),
        ([("a = 1\n", ""), ("d = 4\n", "")], None),
    ],
    ids=["two adjacent lines are swapped", "new lines repeat a later block", "twice", "overlapping", "missing"],
)
def test_all_blocks_are_found_in_the_original(blocks: list[tuple[str, str]], edited: str | None) -> None:
    assert _replaced(SOURCE, blocks) == edited
