"""Cells that spreadsheets open: harmless, and nothing is lost."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from grader.batch.safe_csv import dumps, escaped, unescaped

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(CELLS | st.sampled_from(["=1+1", "+1", "-1", "'-1", "''=x", "@x", "\tx", "\rx", "-2.5", "-2e5"]))
def test_every_cell_is_read_unchanged_and_none_is_a_formula(cell: str) -> None:
    written = escaped(cell)
    assert unescaped(written) == cell
    assert not written.startswith(("=", "+", "@", "\t", "\r", "\n"))
    assert not written.startswith("-") or float(written) <= 0


@given(st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=5))
def test_a_table_comes_back_as_it_was(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(dumps(rows), newline="")))
    assert [[unescaped(cell) for cell in row] for row in read] == rows
