"""Gradebooks to compare a batch with."""

from __future__ import annotations

import pytest

from grader.batch import gradebooks, safe_csv
from grader.batch.scores import read_scores
from grader.errors import BadCall

ROWS = [
    gradebooks.LONG,
    ("ada", "Ada", "q1", "q1.loss", "2", "3", "failed", "the sign", ""),
    ("ada", "Ada", "q1", "q1.step", "1", "1", "passed", "", ""),
]


def test_a_row_for_each_check_is_no_gradebook() -> None:
    with pytest.raises(BadCall, match=r"give gradebook\.csv"):
        read_scores(safe_csv.dumps(ROWS).encode())
