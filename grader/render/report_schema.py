"""Pydantic models of the JSON report."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from grader.model import Comparison, Limit, Opinion, Shelf, Status

SCHEMA_VERSION: Final = 5


def _exact(value: Any) -> Any:
    return value if isinstance(value, Fraction | None) else Fraction(str(value))


def _number(points: Fraction) -> int | float:
    """Return points as a JSON number. A reader who rounds it to 1/100 gets the exact points."""
    return int(points) if points.denominator == 1 else float(points)


def _finite(value: Any) -> Any:
    """Return a number unchanged, and None for NaN and infinity, which JSON cannot represent."""
    return value if value is None or math.isfinite(value) else None


def _judgements(opinion: Any) -> Any:
    return opinion.judgements if isinstance(opinion, Opinion) else opinion


Points = Annotated[
    Fraction, BeforeValidator(_exact), PlainSerializer(_number), WithJsonSchema({"type": "number", "minimum": 0})
]
Value = Annotated[float | None, BeforeValidator(_finite)]
Seconds = Annotated[float, AfterValidator(lambda seconds: round(seconds, 4))]


class JsonModel(BaseModel):
    model_config = ConfigDict(
        frozen=True, from_attributes=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class AssignmentJson(JsonModel):
    id: str
    title: str
    digest: str
    written_digest: str = Field(
        "", description="digest of the code that compares the formulas of written answers; may be empty"
    )


class GradedCodeJson(JsonModel):
    source: str = Field(description="file or notebook that defines the class or the functions")
    names: tuple[str, ...] = Field(description="the class and its attributes, or the functions")
    cells: tuple[int, ...] = Field(description="notebook cells that were run, from 1")


class SubmissionJson(JsonModel):
    digest: str
    files: tuple[str, ...]
    code_submitted: bool = True
    missing: str = Field("", description="message if no code was submitted, otherwise empty")
    graded: GradedCodeJson | None = Field(description="null if the code could not be loaded")


class ScopeJson(JsonModel):
    label: str = Field(description="'full', or the restrictions separated by commas: then the report is not the grade")
    only: str = Field("", description="a part, section or check, or 'handout'; empty for all")
    quick: bool = Field(False, description="long checks were shortened")
    without: tuple[str, ...] = Field((), description="names of long checks that were left out")
    precheck: bool = Field(False, description="graded from a student's pack")


class EnvironmentJson(JsonModel):
    grader: str
    python: str
    numpy: str
    blas: str
    kernel: str = Field(description="BLAS kernel that the student's code computed with")
    threads: int
    isolation: str = Field(description="name of the sandbox")
    grader_kernel: str = Field("unknown", description="BLAS kernel that the reference solution computed with")
    runtime: str = Field("", description="requirements file of the assignment's separate environment, and its digest")


class TotalsJson(JsonModel):
    earned: Points
    decided: Points = Field(description="possible points of decided checks and answers: passed, partial or failed")
    waiting: Points = Field(description="possible points of checks and answers that are not decided")
    possible: Points


class LineJson(JsonModel):
    file: str
    line: int
    column: int | None = Field(None, description="column of a syntax error, from 1")
    source: str


class PlaceJson(JsonModel):
    file: str
    line: int


class FailedCallJson(JsonModel):
    call: str = Field(description="the call, or the step that failed before it")
    error: str = Field(description="Python's message, or the limit that was exceeded")
    advice: str = Field("", description="advice on how to fix the error; may be empty")
    raised_at: PlaceJson | None = Field(None, description="the line that raised the exception")
    limit: Limit | None = Field(None, description="the limit that ended the call, if any")


class CheckJson(JsonModel):
    id: str = Field(description="part or section, and the name of the value that is checked: q2.2.W1")
    title: str
    points: Points
    possible: Points
    status: Status = Field(description="passed, partial and failed are decided; the others have no score yet")
    reason: str = Field(description="reason for lost points; empty if all points are earned")
    cause: str = Field("", description="the sentence in reason that names the cause; empty if reason has only numbers")
    mistake: str = Field(description="ids of the known mistakes that explain the failure, joined by ' + '")
    follows_from: tuple[str, ...] = Field(
        (), description="ids of checks that lost points to the same cause; this check keeps its points"
    )
    line: LineJson | None = Field(description="line of the student's code that caused the failure")
    failed_call: FailedCallJson | None = Field(None, description="the call that failed; null if it returned a value")
    remarks: tuple[str, ...]
    outcome: bool = Field(description="true for an end result, such as an accuracy, which depends on the other checks")


class EqualityJson(JsonModel):
    line: int = Field(description="line of the answer, from 1")
    left: str
    right: str


class SkippedJson(JsonModel):
    line: int = Field(description="line of the answer, from 1")
    text: str
    why: str = ""


class JudgementJson(JsonModel):
    asked: str = Field(description="the formula that the question asks for, in LaTeX")
    comparison: Comparison
    points: Points | None = Field(description="suggested points; null without a suggestion")
    possible: Points
    words: str
    formula: str = Field("", description="the student's formula that was compared, in LaTeX")
    evidence: str = Field("", description="a counter-example")
    remarks: tuple[str, ...] = ()
    shelf: Shelf = Shelf.UNREAD
    group: str = Field("", description="fingerprint of the value; answers with the same shelf and group mean the same")
    mistake: str = Field("", description="a sentence that names the value of a wrong formula; may be empty")
    equalities: tuple[EqualityJson, ...] = Field((), description="equalities of the answer that do not hold")
    skipped: tuple[SkippedJson, ...] = Field((), description="texts of the answer that were not evaluated")
    automatic: bool = Field(False, description="true if the policy full-marks-only gives full points")


class AnswerJson(JsonModel):
    id: str
    title: str
    points: Points = Field(description="points given automatically, if the assignment's policy allows it")
    possible: Points
    status: Literal[Status.PASSED, Status.WAITING, Status.NOT_SUBMITTED]
    found: bool = Field(description="whether there is an answer in the submission")
    answer: str
    cells: tuple[int, ...]
    notes: tuple[str, ...] = Field(
        (), description="notes for the marker: the answer is in an unusual place, or other text may belong to it"
    )
    shelf: Shelf = Shelf.UNREAD
    group: str = Field("", description="fingerprint of the whole answer; empty without an opinion")
    opinion: Annotated[tuple[JudgementJson, ...] | None, BeforeValidator(_judgements)] = Field(
        None, description="the comparison of each formula that the question asks for"
    )


class PartJson(JsonModel):
    id: str
    title: str
    points: Points
    possible: Points
    checks: tuple[CheckJson, ...]
    written: tuple[AnswerJson, ...]


class SeriesJson(JsonModel):
    step: int
    values: tuple[Value, ...]


class EvidenceJson(JsonModel):
    name: str
    accuracy: float | None
    series: dict[str, SeriesJson]
    weights: tuple[tuple[int, ...], ...]
    confusion: tuple[tuple[int, ...], ...]


class UsageJson(JsonModel):
    cpu_seconds: Seconds
    wall_seconds: Seconds


class LateJson(JsonModel):
    sentence: str
    final: Points | None = Field(description="score after the late penalty; null without a penalty, or before grading")
    decided: Points = Field(description="possible points of the checks and answers that `final` includes")


class ReportJson(JsonModel):
    """A report. Reports of equal files, graded with the same grader, seed and environment, differ only in `usage`."""

    schema_version: Literal[5] = Field(
        default=SCHEMA_VERSION, validation_alias=AliasChoices("schema", "schema_version"), serialization_alias="schema"
    )
    assignment: AssignmentJson
    submission: SubmissionJson
    scope: ScopeJson
    seed: str = Field(description="'public', or the fingerprint of the secret seed")
    environment: EnvironmentJson
    points: TotalsJson
    parts: tuple[PartJson, ...]
    first_to_fix: tuple[str, ...] = Field(description="ids of failed checks in the order in which to fix them")
    remarks: tuple[str, ...]
    evidence: tuple[EvidenceJson, ...]
    usage: dict[str, UsageJson] = Field(description="time by section")
    late: LateJson | None = Field(None, description="the late penalty, if a due date is known")
