"""Gradebooks to compare a batch with."""

from __future__ import annotations

import pytest

from grader.batch import gradebooks, safe_csv
from grader.batch.scores import read_scores
from grader.errors import BadCall
from grader.model import Points

ROWS = [
    gradebooks.LONG,
    ("ada", "Ada", "q1", "q1.loss", "2", "3", "failed", "the sign", ""),
    ("ada", "Ada", "q1", "q1.step", "1", "1", "passed", "", ""),
]


def test_the_rows_of_a_student_are_summed() -> None:
    (score,) = read_scores(safe_csv.dumps(ROWS).encode())
    assert (score.student.key, score.points) == ("ada", Points(3))


@pytest.mark.parametrize("end", ["ad", "ada,Ada,q1", "ada,Ada,q1,q1.step,1,1,pas"])
def test_a_file_that_is_cut_off_is_refused_with_its_line(end: str) -> None:
    content = safe_csv.dumps(ROWS[:2]) + end
    with pytest.raises(BadCall, match=r"line 3 is cut off: it has \d of 9 columns"):
        read_scores(content.encode())
