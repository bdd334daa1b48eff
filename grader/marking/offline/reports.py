"""Offline marking of a folder of reports, such as the output folder of `grader batch`.

Importing marks writes two files to the folder: `marks.json` with the marks, and `written.csv` with every student's
points.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from grader.assignments.catalogue import Assignment
from grader.batch import cells
from grader.batch.folder import GRADED, OPINIONS
from grader.errors import BadCall
from grader.marking.offline.sheet import FilledRow, SheetLine, SheetQuestion
from grader.marking.shelves import SHELVES, place_of, short_hash
from grader.model import ZERO, Opinion, Points, Report, Shelf, show_points
from grader.model.answers import Decision, WrittenAnswer, decided_of_all, of_report, suggestion_of_all
from grader.model.grouping import grouped
from grader.render import as_json
from grader.store.files import write

MARKS_FILE, TOTALS_FILE = "marks.json", "written.csv"
OLD_MARKS_FILE = "readings.json"
"""Name of `marks.json` in folders of earlier versions."""
CHECKS = "by machine"
"""Text in the column `question` of `written.csv`, in the row with a student's autograded points."""
TITLES = ("student", "question", "state", "points", "possible", "comment")

Key = tuple[str, str]
"""(question id, digest of an answer's text)"""


@dataclass(frozen=True)
class ReportFolder:
    """A folder of reports, with the marks of their written answers."""

    assignment: Assignment
    path: Path

    @cached_property
    def reports(self) -> Mapping[str, Report]:
        """The students' reports, by the name of the report's folder or file."""
        students = self.path / "students" if (self.path / "students").is_dir() else self.path
        files = sorted(
            {*students.glob("*/report.json"), *students.glob("*.json")}
            - {self.path / MARKS_FILE, self.path / OLD_MARKS_FILE}
        )
        found = {_student(file): self._with_opinions(_report(file, self.assignment.id)) for file in files}
        if not found:
            raise BadCall(
                f"{self.path} has no reports: give the output folder of grader batch, or a folder of JSON reports"
            )
        return found

    def _with_opinions(self, report: Report) -> Report:
        """Add the comparisons of formulas to the written answers of a report. `grader batch` stores the comparisons
        separately, because students must not see them."""
        opinions = self._graded.get(report.submission.digest, {})
        parts = (
            replace(part, written=tuple(replace(w, opinion=w.opinion or opinions.get(w.id)) for w in part.written))
            for part in report.parts
        )
        return replace(report, parts=tuple(parts))

    @cached_property
    def _graded(self) -> Mapping[str, Mapping[str, Opinion | None]]:
        """Digest of a submission → question id → comparisons of formulas that `grader batch` stored."""
        found: dict[str, Mapping[str, Opinion | None]] = {}
        for file in sorted(self.path.glob("graded/*/*.json"), key=lambda file: file.stat().st_mtime):
            with suppress(BadCall):  # these files are from batches of earlier versions
                report = _report(file, self.assignment.id)
                found[report.submission.digest] = {written.id: written.opinion for written in report.written}
        with suppress(OSError, ValueError):
            stored = json.loads((self.path / GRADED / OPINIONS).read_text("utf-8"))
            found |= {
                digest: {id: as_json.opinion_of(opinion) for id, opinion in opinions.items()}
                for digest, opinions in stored.items()
            }
        return found

    def lines(self, questions: Collection[str] | None = None) -> list[SheetLine]:
        """Return the answers to these questions, or to all questions if None, without students' names."""
        asked = self.assignment.questions
        unknown = [question for question in questions or () if question not in asked]
        if unknown:
            known = ", ".join(asked)
            raise BadCall(f"{self.assignment.id} has no written question {unknown[0]!r}: it has {known}")
        texts, kept = self._texts(), self._kept()
        found: list[SheetLine] = []
        for question in questions or asked:
            same = [texts[key] for key in texts if key[0] == question]
            found += _lines(SheetQuestion(question, asked[question].points), same, kept)
        return found

    def keep(self, filled: Iterable[FilledRow]) -> int:
        """Write the marks of a filled sheet to marks.json and all points to written.csv. Return the number of changed
        marks."""
        before = self._kept()
        after = before | {(one.place, one.digest): one for one in filled}
        rows = [
            {"question": question, "digest": digest, "points": show_points(one.adjustment), "comment": one.comment}
            for (question, digest), one in sorted(after.items())
        ]
        write(self.path / MARKS_FILE, json.dumps(rows, indent=1) + "\n")
        totals = (row for student, report in self.reports.items() for row in self._rows(student, report, after))
        write(self.path / TOTALS_FILE, cells.dumps([TITLES, *totals]))
        return sum(before.get(key) != one for key, one in after.items())

    def _texts(self) -> dict[Key, list[WrittenAnswer]]:
        """Return (question, digest) → the students' answers with this text."""
        answers = (answer for student, report in self.reports.items() for answer in of_report(report, student))
        return grouped(((answer.question, answer.digest), answer) for answer in answers if answer.is_there)

    def _kept(self) -> dict[Key, FilledRow]:
        file = next((file for name in (MARKS_FILE, OLD_MARKS_FILE) if (file := self.path / name).exists()), None)
        if file is None:
            return {}
        try:
            rows = [
                FilledRow(row["question"], row["digest"], (), Points(row["points"]), row["comment"])
                for row in json.loads(file.read_text("utf-8"))
            ]
        except (OSError, ValueError, TypeError, KeyError):
            raise BadCall(f"{file} is not a valid file of marks: move it away and import the marks again") from None
        return {(one.place, one.digest): one for one in rows}

    def _rows(self, student: str, report: Report, kept: Mapping[Key, FilledRow]) -> Iterator[tuple[str, ...]]:
        """Yield a student's rows in `written.csv`: the autograded points, each question, and the total."""
        checks = [check for check in report.checks if check.status.is_decided]
        earned = sum((check.points for check in checks), ZERO)
        worth = sum((check.possible for check in checks), ZERO)
        yield student, CHECKS, Decision.DECIDED, show_points(earned), show_points(worth), ""
        for answer in of_report(report, student):
            given = kept.get((answer.question, answer.digest))
            asked = self.assignment.questions.get(answer.question)
            points = given.adjustment if given else answer.decided
            earned += points or ZERO
            yield (
                student,
                answer.question,
                Decision.DECIDED if given else answer.state,
                "" if points is None else show_points(points),
                show_points(asked.points if asked else ZERO),
                given.comment if given else "",
            )
        yield student, "total", "", show_points(earned), show_points(self.assignment.points), ""


def _student(file: Path) -> str:
    return file.parent.name if file.name == "report.json" else file.stem


def _report(file: Path, assignment: str) -> Report:
    """Read a JSON report from a file.

    Raises:
        BadCall: If the file is not a report, or a report of another assignment.
    """
    try:
        found = as_json.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, BadCall) as wrong:
        raise BadCall(f"{file} is not a report: {wrong}") from None
    if found.assignment.id != assignment:
        raise BadCall(f"{file} is a report of {found.assignment.id!r}, not of {assignment}")
    return found


def _lines(
    asked: SheetQuestion, texts: Iterable[list[WrittenAnswer]], kept: Mapping[Key, FilledRow]
) -> list[SheetLine]:
    """Return the answers to one question, sorted by shelf, then by size of the group, the largest group first. Answers
    in a group are in a random order, the same in every export."""
    groups = grouped((place_of(same[-1]), same) for same in texts)
    order = sorted(groups, key=lambda place: (SHELVES.index(place[0]), -sum(map(len, groups[place])), place[1]))
    return [
        _line(asked, same, kept.get((asked.question, same[-1].digest)), place[0], number)
        for number, place in enumerate(order, 1)
        for same in sorted(groups[place], key=lambda same: short_hash(asked.question, same[-1].digest))
    ]


def _line(
    asked: SheetQuestion, same: list[WrittenAnswer], kept: FilledRow | None, shelf: Shelf, group: int
) -> SheetLine:
    newest = same[-1]
    return SheetLine(
        asked,
        newest.digest,
        newest.text,
        len(same),
        suggestion_of_all(same),
        kept.adjustment if kept else None,
        comment=kept.comment if kept else "",
        shelf=shelf,
        group=group,
        waits=kept is None and decided_of_all(same) is None,
    )
