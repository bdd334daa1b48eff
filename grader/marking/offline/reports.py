"""Offline marking of a folder of reports, such as the output folder of `grader batch`.

Importing marks writes two files to the folder: `marks.json` with the marks, and `written.csv` with every student's
points.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from grader.assignments.catalogue import Assignment
from grader.batch import cells
from grader.batch.folder import GRADED, OPINIONS
from grader.errors import BadCall
from grader.marking.groups import distinct_answers, sorted_groups
from grader.marking.offline.sheet import Key, QuestionSheet
from grader.model import ZERO, Json, Points, Report, show_points
from grader.model.answers import Decision, WrittenAnswer, of_report
from grader.render import as_json
from grader.store.answer_marks import AnswerMark, NewMark
from grader.store.answers import SubmittedAnswer
from grader.store.files import write
from grader.store.records import Counts, Person

MARKS_FILE, TOTALS_FILE = "marks.json", "written.csv"
CHECKS = "by machine"
"""Text in the column `question` of `written.csv`, in the row with a student's autograded points."""
TITLES = ("student", "question", "state", "points", "possible", "comment")

_MARKER = Person("", "", "")
_TIME = dt.datetime.min
"""A folder of reports has one marker, and no times."""


@dataclass(frozen=True)
class ReportFolder:
    """A folder of reports, with the marks of their written answers."""

    assignment: Assignment
    path: Path

    @cached_property
    def reports(self) -> Mapping[str, Report]:
        """The students' reports, by the name of the report's folder or file."""
        folder = self.path / "students"
        if not folder.is_dir():
            folder = self.path
        files = {*folder.glob("*/report.json"), *folder.glob("*.json")} - {self.path / MARKS_FILE}
        reports = {}
        for file in sorted(files):
            student = file.parent.name if file.name == "report.json" else file.stem
            reports[student] = _report(file, self.assignment.id)
        if not reports:
            raise BadCall(
                f"{self.path} has no reports: give the output folder of grader batch, or a folder of JSON reports"
            )
        return reports

    @cached_property
    def answers(self) -> Mapping[str, Sequence[WrittenAnswer]]:
        """The students' written answers, with suggestions. `grader batch` stores the suggestions in a separate file,
        because students must not see them."""
        file = self.path / GRADED / OPINIONS
        stored = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        answers = {}
        for student, report in self.reports.items():
            opinions = stored.get(report.submission.digest, {})
            answers[student] = [_with_opinion(answer, opinions) for answer in of_report(report, student)]
        return answers

    def sheets(self, questions: Collection[str] | None = None) -> list[QuestionSheet]:
        """Return the answers to these questions, or to all questions if None, without students' names."""
        manifest = self.assignment.questions
        marks = self._marks()
        sheets = []
        for question in questions or manifest:
            if question not in manifest:
                raise BadCall(
                    f"{self.assignment.id} has no written question {question!r}: it has {', '.join(manifest)}"
                )
            worth = manifest[question].points
            distinct = distinct_answers(self._submitted(question), Counts.BEST, _stored(question, marks), 1, worth)
            sheets.append(QuestionSheet(question, worth, sorted_groups(distinct, {}, _MARKER.id)))
        return sheets

    def _submitted(self, question: str) -> list[SubmittedAnswer]:
        return [
            SubmittedAnswer(student, (student,), _TIME, answer)
            for student, answers in self.answers.items()
            for answer in answers
            if answer.question == question
        ]

    def keep(self, filled: Mapping[Key, NewMark]) -> int:
        """Write the marks of a filled sheet to marks.json and all points to written.csv. Return the number of changed
        marks."""
        stored = self._marks()
        marks = {**stored, **filled}
        rows = []
        for (question, digest), mark in sorted(marks.items()):
            points = show_points(mark.adjustment)
            rows.append({"question": question, "digest": digest, "points": points, "comment": mark.comment})
        write(self.path / MARKS_FILE, json.dumps(rows, indent=1) + "\n")
        table: list[Sequence[str]] = [TITLES]
        for student in self.reports:
            table += self._rows(student, marks)
        write(self.path / TOTALS_FILE, cells.dumps(table))
        return sum(stored.get(key) != mark for key, mark in filled.items())

    def _marks(self) -> dict[Key, NewMark]:
        file = self.path / MARKS_FILE
        if not file.exists():
            return {}
        try:
            return {
                (row["question"], row["digest"]): NewMark((), Points(row["points"]), row["comment"])
                for row in json.loads(file.read_text("utf-8"))
            }
        except (OSError, ValueError, TypeError, KeyError):
            raise BadCall(f"{file} is not a valid file of marks: move it away and import the marks again") from None

    def _rows(self, student: str, marks: Mapping[Key, NewMark]) -> Iterator[Sequence[str]]:
        """Yield a student's rows in `written.csv`: the autograded points, each question, and the total."""
        checks = [check for check in self.reports[student].checks if check.status.is_decided]
        total = sum((check.points for check in checks), ZERO)
        possible = sum((check.possible for check in checks), ZERO)
        yield student, CHECKS, Decision.DECIDED, show_points(total), show_points(possible), ""
        for answer in self.answers[student]:
            mark = marks.get((answer.question, answer.digest))
            points, state, comment = answer.decided, answer.state, ""
            if mark is not None:
                points, state, comment = mark.adjustment, Decision.DECIDED, mark.comment
            total += points or ZERO
            question = self.assignment.questions.get(answer.question)
            worth = question.points if question else ZERO
            shown = "" if points is None else show_points(points)
            yield student, answer.question, state, shown, show_points(worth), comment
        yield student, "total", "", show_points(total), show_points(self.assignment.points), ""


def _report(file: Path, assignment: str) -> Report:
    """Read a JSON report from a file.

    Raises:
        BadCall: If the file is not a report, or a report of another assignment.
    """
    try:
        report = as_json.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, BadCall) as error:
        raise BadCall(f"{file} is not a report: {error}") from None
    if report.assignment.id != assignment:
        raise BadCall(f"{file} is a report of {report.assignment.id!r}, not of {assignment}")
    return report


def _with_opinion(answer: WrittenAnswer, opinions: Mapping[str, Sequence[Json] | None]) -> WrittenAnswer:
    return replace(answer, suggestion=answer.suggestion or as_json.opinion_of(opinions.get(answer.question)))


def _stored(question: str, marks: Mapping[Key, NewMark]) -> dict[str, list[AnswerMark]]:
    """Return the marks of a question by the digest of the answer, as the service's database has them."""
    stored = {}
    for (place, digest), mark in marks.items():
        if place == question:
            stored[digest] = [AnswerMark(place, digest, _MARKER, (), mark.adjustment, mark.comment, False, _TIME)]
    return stored
