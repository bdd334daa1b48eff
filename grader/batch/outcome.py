"""Where everybody stands: who handed in what, what it is worth, and why there is no score where there is none.

A pure function of what is known, so that another due date or another late policy asks for no grading.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from grader.batch.export import HandIn
from grader.batch.folder import REPORT
from grader.batch.people import Student
from grader.batch.queue import Received
from grader.batch.run import Receipt, Run, Unreadable
from grader.batch.scores import Old
from grader.batch.whose import Attribution
from grader.course.late import Lateness, applied, lateness
from grader.model import Points, Report, show_points


class Standing(StrEnum):
    GRADED = "graded"
    PARTLY_GRADED = "partly graded"
    """Some points wait for a person, and are no part of the score."""
    NO_CODE = "code not submitted"
    """Written answers alone: there is no score, and no zero."""
    MISSING = "missing"
    UNCLEAR = "unclear"
    UNREADABLE = "unreadable"
    FAILED = "our failure"
    NOT_YET = "not graded yet"


@dataclass(frozen=True)
class Dates:
    due: dt.datetime | None = None
    policy: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Wishes:
    column: str
    """What the gradebook's column is called."""
    gradescope: bool = False
    compare_with: tuple[Old, ...] | None = None
    """Another gradebook."""


@dataclass(frozen=True)
class Result:
    """One student's line."""

    student: Student
    standing: Standing
    why: str = ""
    """Of a standing that needs one."""
    hand_in: HandIn | None = None
    digest: str = ""
    """Of the files."""
    shares_with: tuple[str, ...] = ()
    """Who has handed in the same files."""
    late: Lateness | None = None
    """None where it is not asked for."""
    points: Points | None = None
    """Of what is decided, before lateness."""
    final: Points | None = None
    """After it."""
    decided: Points | None = None
    waiting: Points | None = None
    possible: Points | None = None
    feedback: str = ""
    """What the report's page is called when it goes back to the platform; empty where there is none."""

    @property
    def status(self) -> str:
        """For a gradebook's column: whether the score is all there is, and if not, what it lacks."""
        words = [self.standing.value + (f": {self.why}" if self.why else "")]
        if self.late is not None and (self.late.is_late or self.late is _UNKNOWN):
            words.append(self.late.sentence)
        if self.shares_with:
            words.append(f"the same files as {', '.join(self.shares_with)}")
        if not self.student.enrolled:
            words.append("not in the roster")
        return "; ".join(words)


_UNKNOWN = Lateness(Points(1), "No timestamp: no late penalty applied.")


class Outcomes:
    """Reports are read one at a time: a class need not fit into memory."""

    def __init__(self, attribution: Attribution, run: Run, dates: Dates, back: Callable[[HandIn, str], str]) -> None:
        """`back`: what a file is called when it goes back to where the hand-in came from."""
        self._back = back
        self._attribution = attribution
        self._run = run
        self._dates = dates
        self._doubts = _doubts(attribution)
        self._sharing: Mapping[str, Mapping[str, Sequence[str]]] = {}

    def __iter__(self) -> Iterator[tuple[Result, Report | None]]:
        """In the roster's order."""
        self._sharing = _sharing(self._attribution, self._run.receipts)
        for student in self._attribution.students:
            yield self._result(student)

    def _result(self, student: Student) -> tuple[Result, Report | None]:
        claimed = self._attribution.claimed.get(student.key)
        if claimed is None:
            why = self._doubts.get(student.key, "")
            return Result(student, Standing.UNCLEAR if why else Standing.MISSING, why), None
        hand_in = claimed.hand_in
        base = Result(student, Standing.NOT_YET, hand_in=hand_in, late=self._late(student, hand_in))
        match self._run.receipts.get(hand_in.place):
            case None:
                return base, None
            case Unreadable(why):
                return replace(base, standing=Standing.UNREADABLE, why=why), None
            case Received() as receipt:
                return self._graded(base, receipt)

    def _graded(self, base: Result, receipt: Received) -> tuple[Result, Report | None]:
        others = self._sharing_with(base, receipt.digest)
        report = self._run.report(receipt.content)
        if report is None:
            failed = self._run.failed.get(receipt.content, "")
            standing = Standing.NO_CODE if receipt.missing else Standing.NOT_YET
            standing = Standing.FAILED if failed else standing
            return replace(base, standing=standing, why=failed or receipt.missing, shares_with=others), None
        if not report.code_submitted:
            base = replace(base, standing=Standing.NO_CODE, why=receipt.missing)
        else:
            standing = Standing.PARTLY_GRADED if report.waiting else Standing.GRADED
            base = replace(base, standing=standing, why=_waits(report))
            final = applied(report.points, base.late) if base.late else report.points
            base = replace(base, points=report.points, final=final)
        result = replace(
            base,
            digest=receipt.digest,
            shares_with=others,
            decided=report.decided,
            waiting=report.waiting,
            possible=report.possible,
            feedback=self._back(base.hand_in, REPORT) if base.hand_in and base.hand_in.files else "",
        )
        return result, report

    def _sharing_with(self, base: Result, digest: str) -> tuple[str, ...]:
        places = self._sharing.get(digest, {}).items()
        return tuple(name for place, names in places if base.hand_in and place != base.hand_in.place for name in names)

    def _late(self, student: Student, hand_in: HandIn) -> Lateness | None:
        """None where nobody asks. What nobody knows costs nothing, and the gradebook says so."""
        submitted = student.submitted_at or hand_in.submitted_at
        if submitted is not None:
            return lateness(submitted, self._dates.due, student.extension, self._dates.policy)
        if hand_in.marked_late:
            return Lateness(Points(1), "Late, no timestamp: no penalty applied.", True)
        return None if self._dates.due is None else _UNKNOWN


def for_students(report: Report, result: Result) -> Report:
    """Return the report with the gradebook's late penalty, and without suggestions for written answers, which are for
    those who mark them."""
    parts = (replace(p, written=tuple(replace(w, opinion=None) for w in p.written)) for p in report.parts)
    late = result.late.penalty(result.final, report.decided) if result.late else None
    return replace(report, parts=tuple(parts), late=late)


def _waits(report: Report) -> str:
    """What is no part of the score yet."""
    if not report.waiting:
        return "" if report.scope.is_full else f"{report.scope.label}: not the grade"
    by_people = [w.id for part in report.parts for w in part.written if not w.decided]
    open_checks = [c.id for c in report.checks if not c.status.is_decided]
    words = f"{show_points(report.waiting)} points await marking" if by_people else ""
    if open_checks:
        words = (
            f"{show_points(report.waiting)} points are not graded yet, of which {', '.join(open_checks)} were not run"
        )
    return words if report.scope.is_full else f"{words} ({report.scope.label}: not the grade)"


def _doubts(attribution: Attribution) -> Mapping[str, str]:
    return {key: doubt.why for doubt in attribution.unclear for key in doubt.candidates}


def _sharing(attribution: Attribution, receipts: Mapping[str, Receipt]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Digest → the places of the hand-ins with these files → whose they are."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for student in attribution.students:
        claimed = attribution.claimed.get(student.key)
        receipt = receipts.get(claimed.hand_in.place) if claimed else None
        if claimed and isinstance(receipt, Received):
            found[receipt.digest][claimed.hand_in.place].append(student.shown)
    return found
