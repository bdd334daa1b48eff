"""The marking status of one answer."""

from __future__ import annotations

import datetime as dt

import pytest

from grader.marking.status import Stage, marking_status
from grader.model import Points
from grader.store.answer_marks import AnswerMark
from grader.store.records import Person
from grader.store.rubrics import RubricItem

WORTH = Points(5)
WHEN = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def mark(points: str, who: str = "ann", moderates: bool = False) -> AnswerMark:
    return AnswerMark("q1", "d", Person(who, who, who), (), Points(points), "", moderates, WHEN)


@pytest.mark.parametrize(
    ("answer_marks", "markers", "stage", "points"),
    [
        ([], 1, Stage.UNMARKED, None),
        ([], 2, Stage.UNMARKED, None),
        ([mark("3")], 1, Stage.MARKED, 3),
        ([mark("3"), mark("4", "bob")], 1, Stage.MARKED, 4),
        ([mark("3")], 2, Stage.SECOND, None),
        ([mark("3"), mark("3", "bob")], 2, Stage.MARKED, 3),
        ([mark("3"), mark("4", "bob")], 2, Stage.MODERATOR, None),
        ([mark("3"), mark("4", "bob"), mark("3", "cleo")], 2, Stage.MODERATOR, None),
        ([mark("3"), mark("4", "bob"), mark("3.5", "cleo", True)], 2, Stage.MARKED, Points("3.5")),
        ([mark("2", "cleo", True), mark("5")], 1, Stage.MARKED, 2),
    ],
)
def test_an_answer_is_decided_by_one_reader_by_two_who_agree_or_by_a_moderator(
    answer_marks: list[AnswerMark], markers: int, stage: Stage, points: Points | None
) -> None:
    found = marking_status(answer_marks, markers, WORTH)
    assert (found.stage, found.decides and found.decides.points(WORTH)) == (stage, points)


def test_two_readers_agree_about_points_whatever_they_ticked() -> None:
    item = RubricItem("i", "q1", "Right", Points(9))
    ticked = AnswerMark("q1", "d", Person("ann", "ann", "Ann"), (item,), Points(0), "", False, WHEN)
    assert marking_status([ticked, mark("5", "bob")], 2, WORTH).stage is Stage.MARKED
