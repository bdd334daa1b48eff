"""Offline marking of a folder of reports, such as the output folder of `grader batch`.

Importing marks writes two files to the folder: `marks.json` with the marks, and `written.csv` with every student's
points.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from grader.assignments.catalogue import Assignment
from grader.batch import cells
from grader.batch.folder import GRADED, OPINIONS
from grader.errors import BadCall
from grader.marking.offline.sheet import FilledRow, SheetLine, SheetQuestion
from grader.marking.shelves import SHELVES, place_of, short_hash
from grader.model import ZERO, Json, Points, Report, Shelf, show_points
from grader.model.answers import Decision, WrittenAnswer, decided_of_all, of_report, suggestion_of_all
from grader.model.grouping import grouped
from grader.render import as_json
from grader.store.files import write

MARKS_FILE, TOTALS_FILE = "marks.json", "written.csv"
CHECKS = "by machine"
"""Text in the column `question` of `written.csv`, in the row with a student's autograded points."""
TITLES = ("student", "question", "state", "points", "possible", "comment")

Marks = dict[tuple[str, str], FilledRow]
"""(question id, digest of an answer's text) → mark"""
EqualAnswers = list[WrittenAnswer]
"""Students' answers with the same text."""


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

    def lines(self, questions: Collection[str] | None = None) -> list[SheetLine]:
        """Return the answers to these questions, or to all questions if None, without students' names."""
        manifest = self.assignment.questions
        for question in questions or ():
            if question not in manifest:
                raise BadCall(
                    f"{self.assignment.id} has no written question {question!r}: it has {', '.join(manifest)}"
                )
        marks = self._marks()
        lines = []
        for question in questions or manifest:
            asked = SheetQuestion(question, manifest[question].points)
            for number, (shelf, group) in enumerate(self._groups(question), 1):
                for equal_answers in group:
                    mark = marks.get((question, equal_answers[-1].digest))
                    lines.append(_line(asked, equal_answers, mark, shelf, number))
        return lines

    def keep(self, filled: Iterable[FilledRow]) -> int:
        """Write the marks of a filled sheet to marks.json and all points to written.csv. Return the number of changed
        marks."""
        marks = self._marks()
        changed = 0
        for mark in filled:
            key = (mark.place, mark.digest)
            changed += marks.get(key) != mark
            marks[key] = mark
        rows = [
            {
                "question": mark.place,
                "digest": mark.digest,
                "points": show_points(mark.adjustment),
                "comment": mark.comment,
            }
            for _, mark in sorted(marks.items())
        ]
        write(self.path / MARKS_FILE, json.dumps(rows, indent=1) + "\n")
        table: list[Sequence[str]] = [TITLES]
        for student in self.reports:
            table += self._rows(student, marks)
        write(self.path / TOTALS_FILE, cells.dumps(table))
        return changed

    def _groups(self, question: str) -> list[tuple[Shelf, list[EqualAnswers]]]:
        """Return the groups of answers to a question, each with its shelf: sorted by shelf, then by number of students.
        Answers in a group are in a random order, the same in every export."""
        answers = [answer for given in self.answers.values() for answer in given if answer.question == question]
        texts = grouped((answer.digest, answer) for answer in answers if answer.is_there)
        order = sorted(texts.values(), key=lambda equal_answers: short_hash(question, equal_answers[-1].digest))
        groups = grouped((place_of(equal_answers[-1]), equal_answers) for equal_answers in order)
        places = sorted(groups, key=lambda place: (SHELVES.index(place[0]), -sum(map(len, groups[place])), place[1]))
        return [(place[0], groups[place]) for place in places]

    def _marks(self) -> Marks:
        file = self.path / MARKS_FILE
        if not file.exists():
            return {}
        marks = {}
        try:
            for row in json.loads(file.read_text("utf-8")):
                question, digest = row["question"], row["digest"]
                marks[question, digest] = FilledRow(question, digest, (), Points(row["points"]), row["comment"])
        except (OSError, ValueError, TypeError, KeyError):
            raise BadCall(f"{file} is not a valid file of marks: move it away and import the marks again") from None
        return marks

    def _rows(self, student: str, marks: Marks) -> Iterator[Sequence[str]]:
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


def _line(
    asked: SheetQuestion, equal_answers: EqualAnswers, mark: FilledRow | None, shelf: Shelf, group: int
) -> SheetLine:
    newest = equal_answers[-1]
    line = SheetLine(
        asked,
        newest.digest,
        newest.text,
        len(equal_answers),
        suggestion_of_all(equal_answers),
        shelf=shelf,
        group=group,
        waits=mark is None and decided_of_all(equal_answers) is None,
    )
    return replace(line, points=mark.adjustment, comment=mark.comment) if mark else line
