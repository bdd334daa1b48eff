"""What the readings of one answer come to."""

from __future__ import annotations

import datetime as dt

import pytest

from grader.model import Points
from grader.reading.standing import Stage, standing
from grader.store.readings import Reading
from grader.store.records import Person
from grader.store.rubrics import RubricItem

WORTH = Points(5)
WHEN = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def read(points: str, who: str = "ann", moderates: bool = False) -> Reading:
    return Reading("q1", "d", Person(who, who, who), (), Points(points), "", moderates, WHEN)


@pytest.mark.parametrize(
    ("readings", "readers", "stage", "points"),
    [
        ([], 1, Stage.UNREAD, None),
        ([], 2, Stage.UNREAD, None),
        ([read("3")], 1, Stage.READ, 3),
        ([read("3"), read("4", "bob")], 1, Stage.READ, 4),
        ([read("3")], 2, Stage.SECOND, None),
        ([read("3"), read("3", "bob")], 2, Stage.READ, 3),
        ([read("3"), read("4", "bob")], 2, Stage.MODERATOR, None),
        ([read("3"), read("4", "bob"), read("3", "cleo")], 2, Stage.MODERATOR, None),
        ([read("3"), read("4", "bob"), read("3.5", "cleo", True)], 2, Stage.READ, Points("3.5")),
        ([read("2", "cleo", True), read("5")], 1, Stage.READ, 2),
    ],
)
def test_an_answer_is_decided_by_one_reader_by_two_who_agree_or_by_a_moderator(
    readings: list[Reading], readers: int, stage: Stage, points: Points | None
) -> None:
    found = standing(readings, readers, WORTH)
    assert (found.stage, found.decides and found.decides.points(WORTH)) == (stage, points)


def test_two_readers_agree_about_points_whatever_they_ticked() -> None:
    item = RubricItem("i", "q1", "Right", Points(9))
    ticked = Reading("q1", "d", Person("ann", "ann", "Ann"), (item,), Points(0), "", False, WHEN)
    assert standing([ticked, read("5", "bob")], 2, WORTH).stage is Stage.READ
