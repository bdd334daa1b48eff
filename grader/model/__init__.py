"""Frozen classes for the values that all packages share. This module imports no other module of the grader.

A report and the classes in it also define the JSON of a report: pydantic takes its properties and their descriptions
from the fields, computed fields and docstrings (`grader.render.as_json`). Only reports read from JSON are validated.

Terms used in all packages:

check: one automatic test of a student's code, with an id such as "q2.2.W1" and points.
written answer: the student's text for a question that people mark; the grader only compares its formulas.
mistake: a known error that students make. The assignment contains code with this error, to recognize it.
section: a group of checks that run in one sandbox session, such as the gradient checks of one part.
long check: a check that trains a model, which takes minutes.
scope: the part of an assignment that was graded.
decided: a check or written answer is decided if the grader or a person has scored it, even with 0 points. Otherwise it
    waits for a person, was not run or was not submitted.
opinion: the automatic comparison of a written answer's formulas with the expected ones.
student's pack: an archive with which students grade their own code. It contains recorded answers instead of the
    solution, so some checks cannot run there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, computed_field

SCHEMA_VERSION: Final = 6
"""Version of the JSON of a report. Increase it when a class of the report changes."""

Points = Fraction
"""Exact points. An assignment's points are multiples of 1/100, so that every gradebook can print them exactly."""

ZERO = Points(0)


def _exact_points(number: object) -> object:
    return Points(str(number)) if isinstance(number, int | float) else number


def _number_of_points(points: Points) -> int | float:
    """Return points as a JSON number. A reader who rounds it to 1/100 gets the exact points."""
    return int(points) if points.denominator == 1 else float(points)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _number_or_nan(number: object) -> object:
    return math.nan if number is None else number


ReportedPoints = Annotated[
    Points,
    BeforeValidator(_exact_points),
    PlainSerializer(_number_of_points),
    WithJsonSchema({"type": "number", "minimum": 0}),
]
"""Points in a report."""
Plotted = Annotated[float, BeforeValidator(_number_or_nan), PlainSerializer(_finite)]
"""A value of a curve; null in JSON if it is infinite or not a number."""
Seconds = Annotated[float, PlainSerializer(lambda seconds: round(seconds, 4), return_type=float)]


def show_points(points: Points) -> str:
    """Return points as text, such as "2.5". The text is exact, because points are multiples of 1/100."""
    text = f"{float(points):.2f}".rstrip("0").rstrip(".")
    return text or "0"


def show_signed(points: Points | float) -> str:
    """Return points as text with a sign, such as "+2" or "−6"."""
    sign = "−" if points < 0 else "+"
    return sign + show_points(abs(Points(points)))


# ── submissions ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Notebook:
    """A notebook, split into cells."""

    path: str
    code: tuple[str, ...]
    """Sources of the code cells, in order."""
    code_cell_numbers: tuple[int, ...]
    """Number of each code cell among all cells, from 1, for messages."""
    cells: tuple[tuple[str, str], ...]
    """(kind, source) of every cell in order; kind is "code" or "markdown"."""


@dataclass(frozen=True)
class Submission:
    """The files of a submission, after `grader.intake` has validated them."""

    files: Mapping[str, bytes]
    """Every file that is passed to the sandbox, by its relative path."""
    notebooks: tuple[Notebook, ...]
    digest: str
    """sha256 over the names and contents of the files. An archive and the same single files have the same digest."""
    remarks: tuple[str, ...] = ()
    """Remarks to the student about the received files, such as which of them were left out."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Internal name → the student's name, for files that intake renamed. The student's names are only used in messages;
    they are neither passed to the sandbox nor part of the digest."""


# ── calls of student code ────────────────────────────────────────────────────────────────────────────


class Limit(StrEnum):
    """The resource that a call of student code exceeded: CPU time, wall time, or the size of its return value."""

    CPU = "cpu"
    WALL = "wall"
    REPLY = "reply"


@dataclass(frozen=True)
class Place:
    """A line of a student's file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class _Failed:
    before: str = field(default="", kw_only=True)
    """The step that failed before the call: "solution.py cannot be loaded". Empty if the call itself failed."""


@dataclass(frozen=True)
class Raised(_Failed):
    """The student's code raised an exception."""

    kind: str
    message: str
    place: Place | None = None
    source: str = ""
    """Text of the line that raised the exception."""
    caret: int | None = None
    """Column of a syntax error, from 1; None for other errors."""


@dataclass(frozen=True)
class Stopped(_Failed):
    """The grader ended the call because the call exceeded a limit."""

    limit: Limit
    allowed: float
    """The limit: seconds of CPU or wall time, or bytes."""
    given_up: bool = False
    """True if the call was skipped because many similar calls had exceeded the limit."""
    whole_submission: bool = False
    """True if the limit applies to the sum over all calls of the submission."""


PROCESS_ENDED = "the Python process ended in the middle of the call"
"""Beginning of `Died.detail` if the process ended by itself, or was killed by the kernel."""


@dataclass(frozen=True)
class Died(_Failed):
    """The process ended during a call: os._exit, a crash, or the kernel's out-of-memory killer."""

    detail: str


@dataclass(frozen=True)
class Unusable(_Failed):
    """Checks cannot use the result of the call: its type is not supported, for example, or it lacks an attribute."""

    detail: str


Failure = Raised | Stopped | Died | Unusable


@dataclass(frozen=True)
class Usage:
    """CPU time and wall time that running code took."""

    cpu_seconds: Seconds
    wall_seconds: Seconds

    def __add__(self, usage: Usage) -> Usage:
        cpu_seconds = self.cpu_seconds + usage.cpu_seconds
        return Usage(cpu_seconds, self.wall_seconds + usage.wall_seconds)


NOTHING_USED = Usage(0.0, 0.0)


@dataclass(frozen=True)
class Limits:
    """Limits of one sandbox session, and of all sessions of a submission together. Students' code is limited by CPU
    time; the limits on wall time only end processes that sleep."""

    load_cpu_seconds: float = 20.0
    call_cpu_seconds: float = 10.0
    session_cpu_seconds: float = 900.0
    """Limit on the CPU seconds of all calls of a session together."""
    memory_bytes: int = 2 << 30
    reply_bytes: int = 64 << 20
    disk_bytes: int = 64 << 20
    wall_seconds: float = 900.0
    """Limit on the wall-clock seconds of all calls of a submission together. Time spent waiting for a processor is not
    counted."""
    answers_bytes: int = 256 << 20
    """Limit on the memory that the grader needs for all return values of a submission."""

    def call_wall_seconds(self, cpu_seconds: float) -> float:
        """Return the wall-time limit of a call whose CPU-time limit is `cpu_seconds`. The limit is generous, so that no
        call is stopped because the machine is loaded."""
        return 30.0 + 10.0 * cpu_seconds


class NoteKind(StrEnum):
    """The kind of a note about loading the student's class or functions."""

    FAILED = "failed"
    """A file could not be loaded, so another one was used."""
    SKIPPED = "skipped"
    """A cell or statement was left out, because it failed or is not valid Python. The class seems to need it."""
    EMPTY = "empty"
    """A definition was left out, because it has empty functions where an earlier definition has code."""
    REPLACED = "replaced"
    """A later cell of the notebook defines the class again, in another way."""
    GAPS = "gaps"
    """Another file has empty functions where the graded file has code."""
    OTHER = "other"
    """Another file defines the class differently."""
    ADDED = "added"
    """A notebook adds methods to a class that a file defines."""
    ELSEWHERE = "elsewhere"
    """A function that the graded file lacks was found in another file."""
    ABSENT = "absent"
    """An imported module is missing."""


@dataclass(frozen=True)
class Note:
    """A note about loading the student's class or functions."""

    kind: NoteKind
    where: str
    why: str
    """Python's error message, or the names concerned; may be empty."""


@dataclass(frozen=True)
class Loaded:
    """The student's class or functions, and where they were found. The sandboxed process reports these values, so no
    verdict depends on them alone."""

    source: str
    """The file or notebook that defines the class or the functions."""
    names: tuple[str, ...]
    """The name of the class, then those of its attributes; or the names of the functions."""
    cells: tuple[int, ...]
    """Numbers of the notebook cells whose definitions were run."""
    notes: Annotated[tuple[Note, ...], Field(exclude=True)] = ()


# ── results ──────────────────────────────────────────────────────────────────────────────────────────


class Status(StrEnum):
    """The status of a check, a written answer or a part. Only passed, partial and failed ones have a score
    (`is_decided`)."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    WAITING = "waiting"
    """Awaits marking by a person, or release by staff."""
    NOT_RUN = "not_run"
    """The check was left out of this grading. With a student's pack, it is run after submission."""
    NOT_SUBMITTED = "not_submitted"

    @staticmethod
    def of_points(points: Points, possible: Points) -> Status:
        """Return passed, partial or failed for a check or answer that earned `points` of the possible points."""
        if points == possible:
            return Status.PASSED
        return Status.PARTIAL if points else Status.FAILED

    @property
    def is_decided(self) -> bool:
        return self is Status.PASSED or self.loses_points

    @property
    def loses_points(self) -> bool:
        return self in (Status.PARTIAL, Status.FAILED)

    @property
    def label(self) -> str:
        """The status as shown to users, such as "not run"."""
        return self.value.replace("_", " ")


@dataclass(frozen=True)
class SourceLine:
    """A line of a student's code, with its text."""

    file: str
    line: int
    source: str


@dataclass(frozen=True)
class FailedCall:
    """A failed call of the student's code, as text for the report."""

    call: str
    """The call ("loss(X, y)"), or the step that failed before it ("solution.py cannot be loaded")."""
    error: str
    """Python's message, or the limit that was exceeded."""
    advice: str = ""
    """Advice on how to fix the error; may be empty."""
    raised_at: Place | None = None
    """The line that raised the exception; None if it is unknown, or if there was no exception."""
    column: int | None = None
    """Column of a syntax error, from 1; None for other errors."""
    limit: Limit | None = None
    """The limit that ended the call, if any."""

    @property
    def explanation(self) -> str:
        """The advice, the place and Python's message, as one text."""
        column = f", column {self.column}" if self.column else ""
        where = f" ({self.raised_at}{column})" if self.raised_at else ""
        if not self.advice:
            return f"{self.error}{where}"
        return f"{self.advice}{where}. Python says: {self.error}"

    @property
    def reason(self) -> str:
        return f"{self.call}: {self.explanation}"


UNWRITTEN = "unwritten"
"""The group of results of code that still raises NotImplementedError, as the handout does."""


@dataclass(frozen=True)
class CheckResult:
    """The result of one check."""

    id: str
    """Id of the check, such as "q2.2.W1"."""
    title: str
    points: ReportedPoints
    possible: ReportedPoints
    status: Status
    """Passed, partial and failed checks are decided; the others have no score yet."""
    reason: str = ""
    """Reason for lost points, for the student. Empty if all points are earned."""
    cause: str = ""
    """The sentence in `reason` that names the cause; empty if `reason` only compares numbers."""
    failed_call: FailedCall | None = None
    """The failed call that `reason` describes; null if no call failed, or if a known cause explains the failure."""
    mistake: str = ""
    """Ids of the known mistakes that explain the failure, joined by " + "."""
    follows_from: tuple[str, ...] = ()
    """Ids of checks that failed for the same reason and have already lost points. If there are any, this check keeps
    its points."""
    line: SourceLine | None = None
    """The line of the student's code that caused the failure, if it was found."""
    remarks: tuple[str, ...] = ()
    """Remarks to the student that do not affect the points."""
    outcome: bool = False
    """True for an end result such as an accuracy. Failed checks of the code behind it should be fixed first."""

    @property
    def place(self) -> Place | None:
        return Place(self.line.file, self.line.line) if self.line else None

    @property
    def column(self) -> int | None:
        """Column of the syntax error at `line`, from 1; None for other failures."""
        return self.failed_call.column if self.failed_call else None

    @property
    def is_unwritten(self) -> bool:
        """True if the code raised NotImplementedError: the student has not written this part."""
        return self.failed_call is not None and self.failed_call.error.partition(":")[0] == NotImplementedError.__name__

    @property
    def group(self) -> str:
        """The name by which a class's results with the same cause are grouped: the known mistakes, or `UNWRITTEN`; ""
        for other causes."""
        return self.mistake or (UNWRITTEN if self.is_unwritten else "")

    @property
    def mistakes(self) -> list[str]:
        """Ids of the known mistakes that explain the failure."""
        return self.mistake.split(" + ") if self.mistake else []


class Comparison(StrEnum):
    """The result of comparing a student's written formula with the expected one."""

    EQUAL = "equal"
    TRANSPOSED = "transposed"
    """Equal, apart from a transpose."""
    UNSIMPLIFIED = "unsimplified"
    """Equal, but not in the form that the question asks for."""
    DIFFERS = "differs"
    UNREAD = "unread"
    """The formula could not be parsed completely, or is ambiguous."""


class Shelf(StrEnum):
    """The category of a written answer. Markers see the answers in the order of these categories."""

    RIGHT = "right"
    """The right value, without contradictions."""
    RIGHT_WITH_REMARKS = "right_with_remarks"
    """The right value, with something for the marker to look at: an equation that does not hold, a transposed result,
    or text that was not evaluated."""
    OTHER_VALUE = "other_value"
    RIGHT_NOT_LAST = "right_not_last"
    """The answer contains the right value, but its last formula has another value."""
    UNREAD = "unread"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True)
class FalseEquality:
    """An equation in a written answer that is false when random numbers are inserted for its variables."""

    line: int
    """Line of the answer, from 1."""
    left: str
    right: str


@dataclass(frozen=True)
class Skipped:
    """Text that stands inside the mathematics of an answer, and was not evaluated."""

    line: int
    """Line of the answer, from 1."""
    text: str
    why: str = ""


@dataclass(frozen=True)
class Judgement:
    """The comparison of the student's formula with one formula that the question asks for."""

    asked: str
    """The formula that the question asks for, in LaTeX."""
    comparison: Comparison
    points: ReportedPoints | None
    """Suggested points; null if there is no suggestion."""
    possible: ReportedPoints
    words: str
    formula: str = ""
    """The student's formula that was compared, as LaTeX."""
    evidence: str = ""
    """A counterexample as text: numbers for which the student's formula differs from the expected one."""
    remarks: tuple[str, ...] = ()
    shelf: Shelf = Shelf.UNREAD
    group: str = ""
    """Fingerprint of the final formula's value, or of the answer's text if the formula is unread. Answers with the same
    shelf and group mean the same."""
    mistake: str = ""
    """A sentence that names the value of a wrong formula, such as "It is ∂J/∂h1."; empty if the value is right or
    unknown."""
    equalities: tuple[FalseEquality, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    automatic: bool = False
    """True if the answer consists only of mathematics, and all of it was parsed without ambiguity and is true. The
    policy full-marks-only gives full points to such answers."""


@dataclass(frozen=True)
class Opinion:
    """The automatic comparison of all formulas of a written answer, for the people who mark the answer."""

    judgements: tuple[Judgement, ...]

    @property
    def is_proven(self) -> bool:
        """True if assignments with the policy "full-marks-only" give full points to the answer without a person."""
        return all(j.automatic for j in self.judgements)

    @property
    def points(self) -> Points | None:
        """Suggested points for the whole answer; None if any of its formulas has no suggestion."""
        total = ZERO
        for judgement in self.judgements:
            if judgement.points is None:
                return None
            total += judgement.points
        return total if self.judgements else None

    @property
    def shelf(self) -> Shelf:
        """The category of the answer's formula that most needs a person."""
        shelves = [judgement.shelf for judgement in self.judgements]
        return max(shelves, key=list(Shelf).index, default=Shelf.UNREAD)

    @property
    def group(self) -> str:
        """Fingerprint of the values of all formulas of the answer; empty without formulas."""
        return "+".join(judgement.group for judgement in self.judgements)


def _opinion_fields(judgements: Any) -> Any:
    return {"judgements": judgements} if isinstance(judgements, list) else judgements


def _judgements_of(opinion: Opinion | None) -> tuple[Judgement, ...] | None:
    return opinion.judgements if opinion else None


ReportedOpinion = Annotated[Opinion | None, BeforeValidator(_opinion_fields), PlainSerializer(_judgements_of)]
"""An opinion, which is a list of judgements in JSON."""


@dataclass(frozen=True)
class Written:
    """A written answer. A person marks it, unless the assignment lets the grader give full points."""

    id: str
    title: str
    possible: ReportedPoints
    found: bool
    """True if there is an answer in the submission."""
    answer: str = ""
    """Markdown as the student wrote it, several cells joined by a blank line."""
    cells: tuple[int, ...] = ()
    opinion: ReportedOpinion = None
    """The comparison of the answer's formulas; null if the question has no expected formulas."""
    decided: bool = False
    """True if the grader gave full points, as the policy full-marks-only allows."""
    notes: tuple[str, ...] = ()
    """Notes for the marker: the answer is in a code cell or an image, or other text may belong to the answer."""

    @computed_field
    @property
    def points(self) -> ReportedPoints:
        """Points that the grader gave."""
        return self.possible if self.decided else ZERO

    @computed_field
    @property
    def shelf(self) -> Shelf:
        """The category of the answer for markers."""
        if not self.found:
            return Shelf.NO_ANSWER
        return self.opinion.shelf if self.opinion else Shelf.UNREAD

    @computed_field
    @property
    def group(self) -> str:
        """Fingerprint of the values of the answer's formulas; empty without an opinion."""
        return self.opinion.group if self.opinion else ""

    @computed_field
    @property
    def status(self) -> Status:
        """Passed, waiting or not submitted."""
        if self.decided:
            return Status.PASSED
        return Status.WAITING if self.found else Status.NOT_SUBMITTED


@dataclass(frozen=True)
class Part:
    """The results of one part of an assignment."""

    id: str
    """Id of the part, such as "q1.1"."""
    title: str
    checks: tuple[CheckResult, ...] = ()
    written: tuple[Written, ...] = ()

    @computed_field
    @cached_property
    def points(self) -> ReportedPoints:
        return _sum_of_points(*self.checks, *self.written)

    @computed_field
    @cached_property
    def possible(self) -> ReportedPoints:
        return _sum_of_possible(*self.checks, *self.written)


def _sum_of_points(*results: CheckResult | Written | Part) -> Points:
    return sum((result.points for result in results), ZERO)


def _sum_of_possible(*results: CheckResult | Written | Part) -> Points:
    return sum((result.possible for result in results), ZERO)


@dataclass(frozen=True)
class Curve:
    """A curve to plot: `values[i]` belongs to x = i * `step`. Curves with the same title share a plot."""

    title: str
    """Title of the plot, such as "Training loss"."""
    y_label: str
    values: tuple[Plotted, ...] = ()
    step: int = 1
    x_label: str = "iteration"
    name: str = ""
    """Name of the curve if a run has several curves with this title, such as "validation"."""
    is_share: bool = False
    """True if the values are shares from 0 to 1, which are shown in percent."""


@dataclass(frozen=True)
class Images:
    """Square images of one size to plot."""

    title: str
    pixels: tuple[tuple[int, ...], ...]
    """Gray values 0..255 of each image, row by row."""


@dataclass(frozen=True)
class Matrix:
    """A square matrix of counts to plot, such as a confusion matrix."""

    title: str
    counts: tuple[tuple[int, ...], ...]
    row_label: str
    column_label: str


@dataclass(frozen=True)
class Evidence:
    """Data of one run that reports plot, for example of a training. Points do not depend on it."""

    name: str
    """Name of the run: the last part of the section's name, such as "large" for q1.1.large."""
    curves: tuple[Curve, ...] = ()
    images: Images | None = None
    matrix: Matrix | None = None
    accuracy: float | None = None


UNKNOWN = "unknown"
"""Value of a field of `Environment` if no code was run, or if the sandbox did not report the value."""


@dataclass(frozen=True)
class Environment:
    """The versions and settings with which a submission was graded."""

    grader: str
    python: str
    numpy: str
    blas: str
    kernel: str
    """BLAS kernel that the student's code computed with, for example "Haswell"."""
    threads: int
    isolation: str
    """The name of the sandbox, for example "bubblewrap" or "plain"."""
    grader_kernel: str = UNKNOWN
    """BLAS kernel that the reference solution computed with. No verdict depends on kernels."""
    runtime: str = ""
    """Name and digest of the requirements file, if the assignment has a separate environment; otherwise empty."""


@dataclass(frozen=True)
class LatePenalty:
    """The lateness of a submission and its penalty."""

    sentence: str
    """A sentence with the lateness and the share of the points that is deducted."""
    final: ReportedPoints | None = None
    """The score after the penalty; null if there is no penalty, or before grading."""
    decided: ReportedPoints = ZERO
    """Possible points of the checks and answers that `final` includes."""


@dataclass(frozen=True)
class ReportScope:
    """The part of an assignment that was graded. Only the full scope gives the grade."""

    only: str = ""
    """Id of the part, section or check that was graded, or "handout" for the checks that the handout lists; empty for
    all."""
    quick: bool = False
    """True if long checks were shortened."""
    without: tuple[str, ...] = ()
    """Names of the long checks that were left out."""
    precheck: bool = False
    """True if the submission was graded from a student's pack, which cannot run all checks."""

    @property
    def is_full(self) -> bool:
        return self == FULL_SCOPE

    @computed_field
    @property
    def label(self) -> str:
        """ "full", or the restrictions separated by commas: "only q2.2, quick". Then the report is not the grade."""
        restrictions = [f"only {self.only}"] if self.only else []
        if self.quick:
            restrictions.append("quick")
        restrictions += [f"without {name}" for name in self.without]
        if self.precheck:
            restrictions.append("pre-check")
        return ", ".join(restrictions) or "full"


FULL_SCOPE = ReportScope()


@dataclass(frozen=True)
class AssignmentVersion:
    """The assignment that a submission was graded with."""

    id: str
    title: str
    digest: str
    written_digest: str = ""
    """Digest of the assignment's file written.py, on which opinions on written answers depend; empty if there is
    none."""


@dataclass(frozen=True)
class GradedSubmission:
    """The graded submission, as described in a report."""

    digest: str
    files: tuple[str, ...]
    graded: Loaded | None
    """The class or functions that were graded; null if the code could not be loaded, or a pre-check does not tell."""
    missing: str = ""
    """Message to the student if no code was submitted; otherwise empty."""

    @computed_field
    @property
    def code_submitted(self) -> bool:
        return not self.missing


@dataclass(frozen=True)
class PointTotals:
    """The points of a report."""

    earned: ReportedPoints
    decided: ReportedPoints
    """Possible points of all checks and answers to which the grader has given a score without a person."""
    waiting: ReportedPoints
    """Possible points of all other checks and answers."""
    possible: ReportedPoints


@dataclass(frozen=True, kw_only=True)
class Report:
    """The report on a submission. Reports of equal files, graded with the same grader, seed and environment, differ
    only in `usage`."""

    schema: Literal[6] = SCHEMA_VERSION
    assignment: AssignmentVersion
    submission: GradedSubmission
    scope: ReportScope
    seed: str
    """The kind of the seed, "public" or "secret"."""
    environment: Environment
    parts: tuple[Part, ...]
    remarks: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    usage: Mapping[str, Usage]
    """Section → time used."""
    late: LatePenalty | None = None
    """The late penalty, which is added when the report is shown; null if the submission is not late or there is no due
    date."""

    @computed_field(alias="points")
    @property
    def totals(self) -> PointTotals:
        return PointTotals(self.points, self.decided, self.waiting, self.possible)

    @computed_field
    @property
    def first_to_fix(self) -> tuple[str, ...]:
        """Ids of checks that lost points, in the order in which to fix them: part by part, since later parts build on
        earlier ones. Within a part, the check with the most lost points is first. End results such as an accuracy are
        left out if any other check failed."""
        ranked: list[CheckResult] = []
        for part in self.parts:
            failed_checks = [check for check in part.checks if check.status.loses_points]
            ranked += sorted(failed_checks, key=lambda check: check.points - check.possible)
        causes = [check.id for check in ranked if not check.outcome]
        return tuple(causes or [check.id for check in ranked])

    @cached_property
    def points(self) -> Points:
        return _sum_of_points(*self.parts)

    @cached_property
    def decided(self) -> Points:
        """Possible points of all checks and answers to which the grader has given a score without a person."""
        decided_checks = [check for check in self.checks if check.status.is_decided]
        decided_answers = [written for written in self.written if written.decided]
        return _sum_of_possible(*decided_checks, *decided_answers)

    @property
    def waiting(self) -> Points:
        """Possible points of all checks and answers to which the grader has given no score."""
        return self.possible - self.decided

    @cached_property
    def possible(self) -> Points:
        return _sum_of_possible(*self.parts)

    @property
    def code_absent(self) -> Points:
        """Possible points of the checks if no code was submitted, otherwise zero."""
        return ZERO if self.submission.code_submitted else _sum_of_possible(*self.checks)

    @property
    def absent(self) -> Points:
        """Possible points of the checks and written answers for which nothing was submitted."""
        absent_answers = [written for written in self.written if written.status is Status.NOT_SUBMITTED]
        return self.code_absent + _sum_of_possible(*absent_answers)

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        return tuple(check for part in self.parts for check in part.checks)

    @property
    def written(self) -> tuple[Written, ...]:
        return tuple(written for part in self.parts for written in part.written)

    @property
    def lost(self) -> tuple[CheckResult, ...]:
        """The decided checks that earned less than their possible points."""
        decided = [check for check in self.checks if check.status.is_decided]
        return tuple(check for check in decided if check.points < check.possible)


Json = dict[str, Any]
