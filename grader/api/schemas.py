"""The API's request and response bodies as pydantic models, and the conversion of records into them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from grader.api.admission import Receipt
from grader.api.waiting import QueuePlace
from grader.course.late import Lateness
from grader.course.roster import LOGIN
from grader.course.scores import QuestionScore, Score, SubmissionState
from grader.model import Points, Status
from grader.model.answers import Decision
from grader.store.counts import InQueue
from grader.store.records import (
    CheckRecord,
    File,
    Grading,
    Kind,
    Mark,
    Person,
    Regrade,
    RegradeState,
    State,
    SubmissionRecord,
    Unserved,
    Which,
    Worker,
)
from grader.store.regrades import Change
from grader.store.rubrics import RubricItem

ID = "^[0-9a-hjkmnp-tv-z]{26}$"
NAME = "^[A-Za-z0-9._-]{1,64}$"
TEXT = r"^[^\x00]*$"
"""Text without NUL, which PostgreSQL cannot store."""
_EXAMPLE = "01k9xv3d7m0q8r5t2w6y4z1abc"

SubmissionId = Annotated[str, Path(pattern=ID, description="A submission's id", examples=[_EXAMPLE])]
GradingId = Annotated[str, Path(pattern=ID, description="A grading's id", examples=[_EXAMPLE])]
RegradeId = Annotated[str, Path(pattern=ID, description="A regrade's id", examples=[_EXAMPLE])]
CourseId = Annotated[str, Path(pattern=NAME, description="A course's id", examples=["ml"])]
AssignmentId = Annotated[str, Path(pattern=NAME, description="An assignment's id", examples=["softmax"])]
QuestionId = Annotated[str, Path(pattern=NAME, description="A written question's id", examples=["q1.1"])]
MarkedId = Annotated[
    str, Path(pattern=NAME, description="A written question's or a check's id", examples=["q1.1", "q1.speed"])
]
TokenId = Annotated[str, Path(pattern=ID, description="A token's id", examples=[_EXAMPLE])]
Login = Annotated[str, Path(pattern=LOGIN, description="A person's login", examples=["ada@example.org"])]


class Out(BaseModel):
    """Response body. Every field is always present."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class In(BaseModel):
    """Request body. An unknown field is an error, because it would have no effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _number(points: Points | None) -> float | None:
    """Return points as a float. Multiples of 1/100 are printed and read back exactly."""
    return float(points) if points is not None else None


class PersonOut(Out):
    login: str = Field(examples=["ada@example.org"])
    name: str = Field(examples=["Ada Lovelace"])

    @classmethod
    def of(cls, person: Person) -> PersonOut:
        return cls(login=person.login, name=person.name)


class FileOut(Out):
    name: str = Field(examples=["solution.py"])
    sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    size: int = Field(description="Bytes", examples=[4200])

    @classmethod
    def of(cls, file: File) -> FileOut:
        return cls(name=file.name, sha256=file.sha256, size=file.size)


class LatenessOut(Out):
    is_late: bool
    remains: float = Field(description="Share of the points that remains, from 0 to 1", examples=[0.9])
    sentence: str = Field(examples=["Submitted by the due date."])

    @classmethod
    def of(cls, late: Lateness) -> LatenessOut:
        return cls(is_late=late.is_late, remains=float(late.remains), sentence=late.sentence)


class ReceiptOut(Out):
    """The confirmation that a submission is stored and will be graded."""

    submission: str = Field(examples=[_EXAMPLE])
    course: str = Field(examples=["ml"])
    assignment: str = Field(examples=["softmax"])
    kind: Kind
    by: PersonOut
    authors: list[PersonOut]
    received_at: dt.datetime
    digest: str = Field(description="sha256 over the names and bytes that are graded")
    files: list[FileOut] = Field(description="The submitted files")
    code_submitted: bool = Field(description="If not, no attempt is used up, and the code has no points")
    late: LatenessOut
    remarks: list[str] = Field(
        description="Remarks on the files",
        examples=[["solution.py was not submitted; upload it with the notebook."]],
    )
    position: int | None = Field(description="Place in the queue; 1 is next, null if it no longer waits", examples=[3])
    estimate_seconds: float | None = Field(
        description="Estimated time until grading starts; null if unknown", examples=[42.0]
    )

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptOut:
        submission, place = receipt.submission, receipt.place
        return cls(
            submission=submission.id,
            **_submission_fields(submission),
            late=LatenessOut.of(receipt.late),
            remarks=list(receipt.remarks),
            position=place.position if place else None,
            estimate_seconds=place.estimate_seconds if place else None,
        )


def _submission_fields(submission: SubmissionRecord) -> dict[str, Any]:
    return {
        "course": submission.course,
        "assignment": submission.assignment,
        "kind": submission.kind,
        "by": PersonOut.of(submission.by),
        "authors": [PersonOut.of(who) for who in submission.authors],
        "received_at": submission.received_at,
        "digest": submission.digest,
        "files": [FileOut.of(file) for file in submission.files],
        "code_submitted": submission.code_submitted,
    }


class GivenItemOut(Out):
    """A rubric item as it was applied."""

    text: str = Field(examples=["The sum over n is missing"])
    points: float = Field(examples=[-2.0])

    @classmethod
    def of(cls, item: RubricItem) -> GivenItemOut:
        return cls(text=item.text, points=float(item.points))


class QuestionScoreOut(Out):
    """The score of one written question."""

    question: str = Field(examples=["q1.1"])
    title: str = Field(examples=["Gradient with respect to a2"])
    state: Decision = Field(description="`suggested` is for staff: the machine suggests points, a person decides")
    points: float | None = Field(description="null until it is decided", examples=[5.0])
    possible: float = Field(examples=[5.0])
    by_machine: bool = Field(description="Decided by machine: mathematics alone, all of it right")
    items: list[GivenItemOut] = Field(description="The applied rubric items")
    comment: str = Field(examples=["The sum over n is missing."])

    @classmethod
    def of(cls, found: QuestionScore) -> QuestionScoreOut:
        return cls(
            question=found.question,
            title=found.title,
            state=found.state,
            points=_number(found.points),
            possible=float(found.possible),
            by_machine=found.by_machine,
            items=[GivenItemOut.of(item) for item in found.items],
            comment=found.comment,
        )


class ScoreOut(Out):
    """The current score of a submission. Undecided points are waiting and do not count as zero."""

    machine: float | None = Field(description="Points of the code; null until graded and released", examples=[38.5])
    written: float | None = Field(description="Points of written answers; null while none is decided", examples=[None])
    earned: float | None = Field(description="Both together, before the late penalty", examples=[38.5])
    final: float | None = Field(description="Both together, after the late penalty", examples=[34.65])
    decided: float = Field(description="Points that `earned` and `final` are out of", examples=[40.0])
    waiting: float = Field(description="Points that are not decided yet", examples=[40.0])
    absent: float = Field(description="Points of questions without an answer and of code not submitted", examples=[0.0])
    possible: float = Field(examples=[80.0])
    questions: list[QuestionScoreOut] = Field(description="The written questions")
    sentence: str = Field(examples=["34.65 of 40 points. 40 more are waiting and not included."])

    @classmethod
    def of(cls, score: Score) -> ScoreOut:
        return cls(
            machine=_number(score.machine),
            written=_number(score.written),
            earned=_number(score.earned),
            final=_number(score.final),
            decided=float(score.decided),
            waiting=float(score.waiting),
            absent=float(score.absent),
            possible=float(score.possible),
            questions=[QuestionScoreOut.of(question) for question in score.questions],
            sentence=score.sentence,
        )


class GradingOut(Out):
    id: str = Field(examples=[_EXAMPLE])
    state: State
    counts: bool = Field(description="Whether the submission has its points from this grading")
    regrade: str | None = Field(description="The regrade that it belongs to", examples=[None])
    queued_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    grader: str = Field(description="The grader's version; empty until graded", examples=["0.1.0"])
    assignment_digest: str
    seed: str = Field(examples=["public"])
    points: float | None = Field(examples=[38.5])
    decided: float | None = Field(examples=[40.0])
    possible: float | None = Field(examples=[80.0])
    worker: str | None = Field(description="For staff", examples=[None])
    failures: int = Field(description="Number of failed attempts to grade it; for staff")
    why: str = Field(description="Reason of the failure; for staff", examples=[""])

    @classmethod
    def of(cls, grading: Grading) -> GradingOut:
        return cls(
            id=grading.id,
            state=grading.state,
            counts=grading.counts,
            regrade=grading.regrade,
            queued_at=grading.queued_at,
            started_at=grading.started_at,
            finished_at=grading.finished_at,
            grader=grading.grader,
            assignment_digest=grading.assignment_digest,
            seed=grading.seed,
            points=_number(grading.points),
            decided=_number(grading.decided),
            possible=_number(grading.possible),
            worker=grading.worker,
            failures=grading.failures,
            why=grading.why,
        )


class MarkOut(Out):
    question: str = Field(examples=["q1.1"])
    points: float = Field(examples=[2.5])
    comment: str = Field(examples=["The sum over n is missing."])
    by: PersonOut
    at: dt.datetime

    @classmethod
    def of(cls, mark: Mark) -> MarkOut:
        return cls(
            question=mark.question,
            points=float(mark.points),
            comment=mark.comment,
            by=PersonOut.of(mark.by),
            at=mark.at,
        )


class SubmissionOut(Out):
    """A submission in a list."""

    id: str = Field(examples=[_EXAMPLE])
    course: str = Field(examples=["ml"])
    assignment: str = Field(examples=["softmax"])
    kind: Kind
    door: str = Field(examples=["api"])
    by: PersonOut
    authors: list[PersonOut]
    received_at: dt.datetime
    digest: str
    files: list[FileOut]
    code_submitted: bool
    state: SubmissionState
    late: LatenessOut
    score: ScoreOut | None = Field(description="null for a pre-check, which is never the grade")

    @classmethod
    def of(
        cls, submission: SubmissionRecord, state: SubmissionState, late: Lateness, score: Score | None
    ) -> SubmissionOut:
        return cls(**_summary_fields(submission, state, late, score))


def _summary_fields(
    submission: SubmissionRecord, state: SubmissionState, late: Lateness, score: Score | None
) -> dict[str, Any]:
    return {
        "id": submission.id,
        **_submission_fields(submission),
        "door": submission.door,
        "state": state,
        "late": LatenessOut.of(late),
        "score": ScoreOut.of(score) if score else None,
    }


class WholeSubmissionOut(SubmissionOut):
    """A submission with everything that the caller may see."""

    position: int | None = Field(description="Place in the queue; 1 is next, null if it no longer waits", examples=[3])
    estimate_seconds: float | None = Field(description="Estimated time until grading starts", examples=[42.0])
    marks: list[MarkOut]
    marked_before: list[str] = Field(description="Questions whose earlier answer had been marked", examples=[[]])
    gradings: list[GradingOut] = Field(description="The newest first; students see only the one that counts, or will")

    @classmethod
    def whole(
        cls,
        submission: SubmissionRecord,
        state: SubmissionState,
        late: Lateness,
        score: Score | None,
        place: QueuePlace | None,
        marks: Iterable[Mark],
        marked_before: Iterable[str],
        gradings: Iterable[Grading],
    ) -> WholeSubmissionOut:
        return cls(
            **_summary_fields(submission, state, late, score),
            position=place.position if place else None,
            estimate_seconds=place.estimate_seconds if place else None,
            marks=[MarkOut.of(mark) for mark in marks],
            marked_before=sorted(marked_before),
            gradings=[GradingOut.of(grading) for grading in gradings],
        )


def hundredths(value: Decimal) -> Decimal:
    if value != round(value, 2):
        raise ValueError("points are multiples of 1/100")
    return value


class MarkIn(In):
    points: Annotated[Decimal, Field(ge=0, le=1000, allow_inf_nan=False, examples=[2.5]), AfterValidator(hundredths)]
    comment: str = Field("", max_length=10_000, pattern=TEXT, examples=["The sum over n is missing."])


class RegradeIn(In):
    which: Which = Field(description="Of each student; `one` is for a single submission's own route")


class RegradeOut(Out):
    id: str = Field(examples=[_EXAMPLE])
    course: str = Field(examples=["ml"])
    assignment: str = Field(examples=["softmax"])
    which: Which
    state: RegradeState
    by: PersonOut
    created_at: dt.datetime
    decided_at: dt.datetime | None
    progress: dict[State, int] = Field(description="Number of gradings in each state")

    @classmethod
    def of(cls, regrade: Regrade, progress: Mapping[State, int]) -> RegradeOut:
        return cls(**_regrade_fields(regrade, progress))


def _regrade_fields(regrade: Regrade, progress: Mapping[State, int]) -> dict[str, Any]:
    return {
        "id": regrade.id,
        "course": regrade.course,
        "assignment": regrade.assignment,
        "which": regrade.which,
        "state": regrade.state,
        "by": PersonOut.of(regrade.by),
        "created_at": regrade.created_at,
        "decided_at": regrade.decided_at,
        "progress": dict(progress),
    }


class VerdictOut(Out):
    points: float
    possible: float
    status: Status = Field(examples=["passed"])
    mistake: str
    reason: str

    @classmethod
    def of(cls, result: CheckRecord | None) -> VerdictOut | None:
        if result is None:
            return None
        return cls(
            points=float(result.points),
            possible=float(result.possible),
            status=result.status,
            mistake=result.mistake,
            reason=result.reason,
        )


class CheckChangeOut(Out):
    check: str = Field(examples=["q2.2.W1"])
    before: VerdictOut | None = Field(description="null if that version lacks the check")
    after: VerdictOut | None


class ChangeOut(Out):
    """The change that a regrade makes to one submission."""

    submission: str = Field(examples=[_EXAMPLE])
    authors: list[PersonOut]
    state: State = Field(description="State of the new grading")
    before: float | None = Field(description="The machine's points", examples=[38.5])
    after: float | None = Field(examples=[40.0])
    checks: list[CheckChangeOut] = Field(description="The checks that differ")

    @property
    def gain(self) -> float:
        """The gained points; negative for lost points, 0 while it is not graded."""
        return round(self.after - (self.before or 0), 2) if self.after is not None else 0

    @property
    def is_gain(self) -> bool:
        return self.gain > 0

    @property
    def is_loss(self) -> bool:
        return self.gain < 0

    @classmethod
    def of(cls, change: Change) -> ChangeOut:
        return cls(
            submission=change.submission,
            authors=[PersonOut.of(who) for who in change.authors],
            state=change.after.state,
            before=_number(change.before.points) if change.before else None,
            after=_number(change.after.points),
            checks=[
                CheckChangeOut(
                    check=(after or before).check,  # type: ignore[union-attr]  # one of them is there
                    before=VerdictOut.of(before),
                    after=VerdictOut.of(after),
                )
                for before, after in change.checks
            ],
        )


class WholeRegradeOut(RegradeOut):
    """A regrade with its table of changes."""

    changes: list[ChangeOut] = Field(description="Submissions that change come first")

    @classmethod
    def whole(cls, regrade: Regrade, progress: Mapping[State, int], changes: Sequence[Change]) -> WholeRegradeOut:
        return cls(**_regrade_fields(regrade, progress), changes=[ChangeOut.of(change) for change in changes])


class QueuedOut(Out):
    grading: str = Field(examples=[_EXAMPLE])
    submission: str = Field(examples=[_EXAMPLE])
    course: str = Field(examples=["ml"])
    assignment: str = Field(examples=["softmax"])
    kind: Kind
    state: State
    priority: str = Field(examples=["interactive"])
    queued_at: dt.datetime
    started_at: dt.datetime | None
    worker: str | None = Field(examples=["host:42 1"])

    @classmethod
    def of(cls, one: InQueue) -> QueuedOut:
        grading = one.grading
        return cls(
            grading=grading.id,
            submission=grading.submission,
            course=one.course,
            assignment=one.assignment,
            kind=one.kind,
            state=grading.state,
            priority=grading.priority.name.lower(),
            queued_at=grading.queued_at,
            started_at=grading.started_at,
            worker=grading.worker,
        )


class WorkerOut(Out):
    name: str = Field(description="Machine and process", examples=["host:42"])
    processes: int = Field(description="Number of processes; one is for pre-checks only", examples=[3])
    at_a_time: int = Field(description="Number of gradings at a time, besides pre-checks", examples=[2])
    sandbox: str = Field(examples=["bubblewrap"])
    since: dt.datetime
    compatibility_keys: list[str] = Field(
        description="The gradings that it takes; empty for all",
        examples=[["grader 0.1.0 89abcdef0123, softmax 0123456789ab, numpy 2.4.6"]],
    )

    @classmethod
    def of(cls, worker: Worker) -> WorkerOut:
        return cls(
            name=worker.name,
            processes=worker.processes,
            at_a_time=worker.at_a_time,
            sandbox=worker.sandbox,
            since=worker.since,
            compatibility_keys=list(worker.compatibility_keys),
        )


class UnservedOut(Out):
    compatibility_key: str = Field(examples=["grader 0.1.0 89abcdef0123, softmax 0123456789ab, numpy 2.4.6"])
    gradings: int = Field(description="Number of waiting gradings", examples=[3])
    since: dt.datetime
    why: str = Field(description="What to do")

    @classmethod
    def of(cls, found: Unserved) -> UnservedOut:
        return cls(compatibility_key=found.compatibility_key, gradings=found.count, since=found.since, why=found.why)


class QueueOut(Out):
    waiting: dict[str, int] = Field(description="Number of waiting gradings by priority", examples=[{"interactive": 3}])
    oldest_seconds: float | None = Field(description="Waiting time of the oldest grading", examples=[12.5])
    gradings: list[QueuedOut] = Field(
        description="Running, then waiting gradings of courses that the caller is staff of, at most 100"
    )
    workers: list[WorkerOut] = Field(description="Workers that are alive")
    unserved: list[UnservedOut] = Field(description="Waiting gradings that no live worker can take")


class PartOfServiceOut(Out):
    ok: bool
    why: str = Field(description="Empty if it is ok", examples=[""])


class ReadinessOut(Out):
    ok: bool
    parts: dict[str, PartOfServiceOut] = Field(description="database, sandbox, queue; with PostgreSQL also workers")


class AliveOut(Out):
    ok: bool
