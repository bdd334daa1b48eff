"""Offline marking of a folder of reports, such as the output folder of `grader batch`.

Importing marks writes two files to the folder: `marks.json` with the marks, and `written.csv` with every student's
points.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from grader.assignments.catalogue import Assignment
from grader.batch import safe_csv
from grader.batch.folder import GRADED, OPINIONS
from grader.batch.marks import MARKS_FILE, as_stored, read_marks, write_marks
from grader.errors import BadCall
from grader.marking.groups import distinct_answers, sorted_groups
from grader.marking.offline.sheet import QuestionSheet, question_of
from grader.model import ZERO, Report, show_points
from grader.model.answers import Decision, of_report
from grader.model.grouping import grouped
from grader.render import as_json
from grader.store.answer_marks import Key, NewMark
from grader.store.answers import SubmittedAnswer
from grader.store.files import write
from grader.store.records import Counts

TOTALS_FILE = "written.csv"
CHECKS = "by machine"
"""Text in the column `question` of `written.csv`, in the row with a student's autograded points."""
TITLES = ("student", "question", "state", "points", "possible", "comment")


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
            try:
                report = as_json.loads(file.read_text("utf-8"))
            except (OSError, UnicodeDecodeError, BadCall) as error:
                raise BadCall(f"{file} is not a report: {error}") from None
            if report.assignment.id != self.assignment.id:
                raise BadCall(f"{file} is a report of {report.assignment.id!r}, not of {self.assignment.id}")
            reports[student] = report
        if not reports:
            raise BadCall(
                f"{self.path} has no reports: give the output folder of grader batch, or a folder of JSON reports"
            )
        return reports

    @cached_property
    def submitted(self) -> list[SubmittedAnswer]:
        """The students' written answers, with suggestions. `grader batch` stores the suggestions in a separate file,
        because students must not see them."""
        file = self.path / GRADED / OPINIONS
        opinions = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        submitted = []
        for student, report in self.reports.items():
            own_opinions = opinions.get(report.submission.digest, {})
            for answer in of_report(report, student):
                suggestion = answer.suggestion or as_json.opinion_of(own_opinions.get(answer.question))
                submitted.append(SubmittedAnswer(student, (student,), replace(answer, suggestion=suggestion)))
        return submitted

    def sheets(self, questions: Collection[str] | None = None) -> list[QuestionSheet]:
        """Return the answers to these questions, or to all questions if None, without students' names."""
        marks = as_stored(read_marks(self.path))
        sheets = []
        for id in questions or self.assignment.questions:
            worth = question_of(self.assignment, id).points
            submitted = [submission for submission in self.submitted if submission.answer.question == id]
            marks_of_question = {digest: given for (question, digest), given in marks.items() if question == id}
            # each student has one report, so all answers count; there is one marker, who merges no groups
            distinct = distinct_answers(submitted, Counts.BEST, marks_of_question, 1, worth)
            groups = sorted_groups(distinct, {}, "")
            sheets.append(QuestionSheet(id, worth, groups))
        return sheets

    def keep(self, filled: Mapping[Key, NewMark]) -> int:
        """Write the marks of a filled sheet to marks.json and all points to written.csv. Return the number of changed
        marks."""
        stored = read_marks(self.path)
        marks = {**stored, **filled}
        write_marks(self.path, marks)
        self._write_totals(marks)
        return sum(stored.get(key) != mark for key, mark in filled.items())

    def _write_totals(self, marks: Mapping[Key, NewMark]) -> None:
        """Write `written.csv`: for each student the autograded points, each question, and the total."""
        answers = grouped((submission.submission, submission.answer) for submission in self.submitted)
        table: list[Sequence[str]] = [TITLES]
        for student, report in self.reports.items():
            total = possible = ZERO
            for check in report.checks:
                if check.status.is_decided:
                    total += check.points
                    possible += check.possible
            table.append((student, CHECKS, Decision.DECIDED, show_points(total), show_points(possible), ""))
            for written, answer in zip(report.written, answers.get(student, ()), strict=True):
                mark = marks.get((answer.question, answer.digest))
                comment = ""
                if mark:
                    answer = replace(answer, decided=mark.adjustment)
                    comment = mark.comment
                points = ""
                if answer.decided is not None:
                    points = show_points(answer.decided)
                    total += answer.decided
                table.append((student, written.id, answer.state, points, show_points(written.possible), comment))
            table.append((student, "total", "", show_points(total), show_points(self.assignment.points), ""))
        write(self.path / TOTALS_FILE, safe_csv.dumps(table))
