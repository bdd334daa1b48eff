"""Whose a submission is, and when that is for a person to say."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from grader.batch import people
from grader.batch.export import Export, ExportedSubmission
from grader.batch.file_tree import tree_of_folder
from grader.batch.matching import Matching, match_submissions
from grader.batch.people import ClassStudent as Student
from grader.errors import BadCall

ROSTER = """\
name,id,email,login
Ada Lovelace,11,ada@x.edu,al1
Grace Hopper,12,grace@x.edu,gh1
Kim Lee,13,kim@x.edu,kl1
Kim Lee,14,kim@y.edu,kl2
"""


def students(text: str = ROSTER) -> list[Student]:
    return people.read(text.encode())


def submission(place: str, *authors: Student, hour: int | None = None) -> ExportedSubmission:
    at = dt.datetime(2026, 11, 20, hour, tzinfo=dt.UTC) if hour is not None else None
    return ExportedSubmission(place, authors, (("mlp.py", f"{place}/mlp.py"),), at)


def attributed(*submissions: ExportedSubmission, roster: list[Student] | None = None) -> Matching:
    empty = tree_of_folder(Path("/nowhere"))
    return match_submissions(Export("test", empty, submissions), students() if roster is None else roster)


def claims(found: Matching) -> dict[str, str]:
    return {key: matches.submission.place for key, matches in found.matches.items()}


def test_namesakes_with_a_submission_each_keep_their_own() -> None:
    namesakes = people.with_keys(students("name,submission\nJohn Smith,js1\nJohn Smith,js2\n"))
    found = attributed(
        submission("js1", Student(label="js1")), submission("js2", Student(label="js2")), roster=namesakes
    )
    assert [found.matches[student.key].submission.place for student in namesakes] == ["js1", "js2"]


@pytest.mark.parametrize(
    ("who", "how"),
    [
        (Student(ids=("11",)), "id"),
        (Student(email="ADA@x.edu"), "e-mail address"),
        (Student(login="AL1"), "login"),
        (Student(name="Lovelace, Ada"), "name"),
        (Student(name="lovelaceada"), "name"),
        (Student(ids=("11",), name="Augusta King"), "id"),
        *((Student(label=a), "folder") for a in ("11", "al1", "ada@x.edu", "ada", "Ada Lovelace", "lovelace ada")),
    ],
)
def test_a_student_is_recognised_by_any_unique_identifier(who: Student, how: str) -> None:
    found = attributed(submission("x", who))
    assert claims(found) == {"al1": "x"}
    assert found.matches["al1"].how == how


@pytest.mark.parametrize(
    ("who", "says"),
    [
        (Student(name="Kim Lee"), "may be several people"),
        (Student(label="kim"), "may be several people"),
        (Student(ids=("11",), email="grace@x.edu"), "id of Ada Lovelace .*, e-mail address of Grace Hopper"),
    ],
)
def test_a_submission_that_fits_several_students_is_unclear(who: Student, says: str) -> None:
    found = attributed(submission("x", who))
    assert claims(found) == {}
    (unclear,) = found.unclear
    assert len(unclear.candidates) == 2
    assert re.search(says, unclear.why)


def test_two_facts_together_settle_what_one_does_not() -> None:
    assert claims(attributed(submission("x", Student(name="Kim Lee", email="kim@y.edu")))) == {"kl2": "x"}


def test_the_rosters_own_column_settles_what_is_unclear() -> None:
    roster = students("name,id,submission\nKim Lee,13,\nKim Lee,14,Kim Lee_9\n")
    assert list(claims(attributed(submission("Kim Lee_9", Student(name="Kim Lee")), roster=roster)).values()) == [
        "Kim Lee_9"
    ]


def test_the_newest_submission_with_a_known_time_counts() -> None:
    found = attributed(submission("b", Student(ids=("11",)), hour=9), submission("a", Student(ids=("11",)), hour=10))
    assert claims(found) == {"al1": "a"}
    assert [(u.submission.place, u.why) for u in found.replaced] == [("b", "Ada Lovelace has submitted again: a")]


@pytest.mark.parametrize("hours", [(None, None), (9, None), (9, 9)])
def test_submissions_without_distinct_times_are_unclear(hours: tuple[int | None, int | None]) -> None:
    found = attributed(
        *(submission(place, Student(ids=("11",)), hour=hour) for place, hour in zip("ab", hours, strict=True))
    )
    assert claims(found) == {}
    assert [u.candidates for u in found.unclear] == [("al1",), ("al1",)]


def test_who_is_not_in_the_roster_is_told_apart() -> None:
    found = attributed(submission("x", Student(label="eve")))
    (outsider,) = [s for s in found.students if not s.enrolled]
    assert (outsider.name, claims(found)) == ("eve", {"eve": "x"})


def test_a_group_is_everybodys_and_one_doubt_takes_nothing_from_the_others() -> None:
    found = attributed(submission("x", Student(ids=("11",)), Student(ids=("12",)), Student(name="Kim Lee")))
    assert claims(found) == {"al1": "x", "gh1": "x"}
    assert [u.candidates for u in found.unclear] == [("kl1", "kl2")]


def test_keys_are_folders_that_no_two_students_share() -> None:
    found = students("name,id\n李 小龍,1\n../..,2\nKim Lee,3\nkim-lee,4\nJosé,5\n")
    keys = [s.key for s in found]
    assert len(set(keys)) == 5
    assert all(key.isascii() and "/" not in key and not key.startswith(".") for key in keys)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("points\n1\n", "must name one of the columns"),
        ("id,email\n1,a@x\n1,b@x\n", "have the id 1"),
        ("id,name,section\n,,ML\n", "line 2 has no name"),
        ("id,extension\n1,soon\n", "line 2: 'soon' is not a valid date"),
        ("id,extension\n1,0001-01-01T00:00+14:00\n", "is not a valid date for a course: write one from 1970 to 2999"),
    ],
)
def test_an_invalid_roster_says_what_to_fix(text: str, says: str) -> None:
    with pytest.raises(BadCall, match=says):
        students(text)


def test_canvas_gradebooks_and_moodle_worksheets_are_rosters() -> None:
    canvas = 'Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n"Lovelace, Ada",11,U1,al1,ML\n'
    (ada,) = students(canvas)
    assert (ada.ids, ada.login, ada.cells["Section"]) == (("11", "U1"), "al1", "ML")
    (grace,) = students("Identifier,Full name,Email address\nParticipant 12,Grace Hopper,grace@x.edu\n")
    assert (grace.ids, grace.email) == (("12",), "grace@x.edu")
