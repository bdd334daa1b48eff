"""The API's request and response bodies as pydantic models, and the conversion of records into them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Path
from pydantic import AliasPath, BaseModel, ConfigDict, Field

from grader.api.admission import Receipt
from grader.api.views import QueuePlace, SubmissionView
from grader.course.roster import LOGIN
from grader.course.scores import SubmissionState
from grader.model import Status
from grader.model.answers import Decision
from grader.store.counts import QueueEntry
from grader.store.records import Grading, Kind, RegradeState, State, Which

ID = "^[0-9a-hjkmnp-tv-z]{26}$"
NAME = "^[A-Za-z0-9._-]{1,64}$"
TEXT = r"^[^\x00]*$"
"""Pattern of text without NUL, a character that PostgreSQL cannot store."""
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
    """Base class of response bodies. Every field is always present. `model_validate` accepts records and
    dictionaries."""

    model_config = ConfigDict(frozen=True, from_attributes=True, json_schema_serialization_defaults_required=True)


class In(BaseModel):
    """Base class of request bodies. Unknown fields are errors, because they would have no effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PersonOut(Out):
    login: str = Field(examples=["ada@example.org"])
    name: str = Field(examples=["Ada Lovelace"])


class FileOut(Out):
    name: str = Field(examples=["solution.py"])
    sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    size: int = Field(description="Bytes", examples=[4200])


class LatenessOut(Out):
    is_late: bool
    remains: float = Field(description="Share of the points that remains, from 0 to 1", examples=[0.9])
    sentence: str = Field(examples=["Submitted by the due date."])


class StoredOut(Out):
    """The fields that a receipt and a submission have in common."""

    course: str = Field(examples=["ml"])
    assignment: str = Field(examples=["softmax"])
    kind: Kind
    by: PersonOut
    authors: list[PersonOut]
    received_at: dt.datetime
    digest: str = Field(description="SHA-256 hash of the names and contents of the graded files")
    files: list[FileOut] = Field(description="The submitted files")
    code_submitted: bool = Field(description="If false, the submission uses no attempt, and its checks get no points")
    late: LatenessOut


class ReceiptOut(StoredOut):
    """The confirmation that a submission is stored and will be graded."""

    submission: str = Field(examples=[_EXAMPLE])
    remarks: list[str] = Field(
        description="Remarks on the files",
        examples=[["solution.py was not submitted; upload it with the notebook."]],
    )
    position: int | None = Field(description="Place in the queue; 1 is next, null if not queued", examples=[3])
    estimate_seconds: float | None = Field(
        description="Estimated time until grading starts; null if unknown", examples=[42.0]
    )

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptOut:
        names = {"submission": receipt.view.submission.id, "remarks": receipt.remarks}
        return cls.model_validate(_view_fields(receipt.view) | _place_fields(receipt.place) | names)


def _place_fields(place: QueuePlace | None) -> dict[str, Any]:
    return {"position": place and place.position, "estimate_seconds": place and place.estimate_seconds}


class GivenItemOut(Out):
    """A rubric item that was applied to an answer."""

    text: str = Field(examples=["The sum over n is missing"])
    points: float = Field(examples=[-2.0])


class QuestionScoreOut(Out):
    """The score of one written question."""

    question: str = Field(examples=["q1.1"])
    title: str = Field(examples=["Gradient with respect to a2"])
    state: Decision = Field(description="`suggested` (shown to staff only): a person must decide on suggested points")
    points: float | None = Field(description="null until decided", examples=[5.0])
    possible: float = Field(examples=[5.0])
    by_machine: bool = Field(description="Whether full points were given automatically")
    items: list[GivenItemOut] = Field(description="The applied rubric items")
    comment: str = Field(examples=["The sum over n is missing."])


class ScoreOut(Out):
    """The current score of a submission. Points that are not decided yet are reported as waiting, not as zero."""

    machine: float | None = Field(description="Points of the code; null until graded and released", examples=[38.5])
    written: float | None = Field(description="Points of written answers; null while none is decided", examples=[None])
    earned: float | None = Field(description="Points of code and answers before the late penalty", examples=[38.5])
    final: float | None = Field(description="Points of code and answers after the late penalty", examples=[34.65])
    decided: float = Field(
        description="Possible points of the checks and answers that count in `earned` and `final`", examples=[40.0]
    )
    waiting: float = Field(description="Possible points that are not decided yet", examples=[40.0])
    absent: float = Field(description="Possible points of answers and code that were not submitted", examples=[0.0])
    possible: float = Field(examples=[80.0])
    questions: list[QuestionScoreOut] = Field(description="The written questions")
    sentence: str = Field(examples=["34.65 of 40 points. 40 more are waiting and not included."])


class GradingOut(Out):
    id: str = Field(examples=[_EXAMPLE])
    state: State
    counts: bool = Field(description="Whether this grading gives the submission its points")
    regrade: str | None = Field(description="Id of the regrade that the grading belongs to, if any", examples=[None])
    queued_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    grader: str = Field(description="The grader's version; empty until graded", examples=["0.1.0"])
    assignment_digest: str
    seed: str = Field(examples=["public"])
    points: float | None = Field(examples=[38.5])
    decided: float | None = Field(examples=[40.0])
    possible: float | None = Field(examples=[80.0])
    worker: str | None = Field(description="Name of the worker; null for students", examples=[None])
    failures: int = Field(description="Number of times that the grader failed; 0 for students")
    why: str = Field(description="Reason for the latest failure; empty for students", examples=[""])


class MarkOut(Out):
    question: str = Field(examples=["q1.1"])
    points: float = Field(examples=[2.5])
    comment: str = Field(examples=["The sum over n is missing."])
    by: PersonOut
    at: dt.datetime


class SubmissionOut(StoredOut):
    """A submission in a list."""

    id: str = Field(examples=[_EXAMPLE])
    interface: str = Field(description="The interface that was used: api, page or batch", examples=["api"])
    state: SubmissionState
    score: ScoreOut | None = Field(description="null for a pre-check, which does not count for the grade")

    @classmethod
    def of(cls, view: SubmissionView) -> SubmissionOut:
        return cls.model_validate(_view_fields(view))


def _view_fields(view: SubmissionView) -> dict[str, Any]:
    return vars(view.submission) | {"state": view.state, "late": view.late, "score": view.score}


class WholeSubmissionOut(SubmissionOut):
    """A submission with everything that the caller may see."""

    position: int | None = Field(description="Place in the queue; 1 is next, null if not queued", examples=[3])
    estimate_seconds: float | None = Field(description="Estimated time until grading starts", examples=[42.0])
    marks: list[MarkOut]
    marked_before: list[str] = Field(
        description="Questions to mark again, because the answer changed after it was marked", examples=[[]]
    )
    gradings: list[GradingOut] = Field(description="The newest first. Students see only the grading that counts")

    @classmethod
    def whole(
        cls,
        view: SubmissionView,
        place: QueuePlace | None,
        marked_before: Iterable[str],
        gradings: Sequence[Grading],
    ) -> WholeSubmissionOut:
        return cls.model_validate(
            _view_fields(view)
            | _place_fields(place)
            | {"marks": view.marks, "marked_before": sorted(marked_before), "gradings": gradings}
        )


class MarkIn(In):
    points: Decimal = Field(ge=0, le=1000, decimal_places=2, allow_inf_nan=False, examples=[2.5])
    comment: str = Field("", max_length=10_000, pattern=TEXT, examples=["The sum over n is missing."])


class RegradeIn(In):
    which: Which = Field(description="Which submissions of each student to regrade; `one` has a separate route")


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


class VerdictOut(Out):
    points: float
    possible: float
    status: Status = Field(examples=["passed"])
    mistake: str
    reason: str


class CheckChangeOut(Out):
    check: str = Field(examples=["q2.2.W1"])
    before: VerdictOut | None = Field(description="null if the check has no earlier result")
    after: VerdictOut | None


class ChangeOut(Out):
    """The change that a regrade makes to one submission."""

    submission: str = Field(examples=[_EXAMPLE])
    authors: list[PersonOut]
    state: State = Field(validation_alias=AliasPath("after", "state"), description="State of the new grading")
    before: float | None = Field(
        None, validation_alias=AliasPath("before", "points"), description="Autograded points before", examples=[38.5]
    )
    after: float | None = Field(validation_alias=AliasPath("after", "points"), examples=[40.0])
    checks: list[CheckChangeOut] = Field(description="The checks whose results differ")

    @property
    def gain(self) -> float:
        """Points added by the regrade; negative if points are lost, and 0 until the submission is regraded."""
        return round(self.after - (self.before or 0), 2) if self.after is not None else 0

    @property
    def is_gain(self) -> bool:
        return self.gain > 0

    @property
    def is_loss(self) -> bool:
        return self.gain < 0


class WholeRegradeOut(RegradeOut):
    """A regrade with its table of changes."""

    changes: list[ChangeOut] = Field(description="Submissions with changed checks come first")


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
    def of(cls, entry: QueueEntry) -> QueuedOut:
        return cls.model_validate(entry._asdict() | {"priority": entry.priority.name.lower()})


class WorkerOut(Out):
    name: str = Field(description="Machine and process", examples=["host:42"])
    processes: int = Field(description="Number of processes; one is for pre-checks only", examples=[3])
    at_a_time: int = Field(description="Number of gradings that run at the same time, without pre-checks", examples=[2])
    sandbox: str = Field(examples=["bubblewrap"])
    since: dt.datetime
    compatibility_keys: list[str] = Field(
        description="Compatibility keys of the gradings that the worker takes; empty for all",
        examples=[["grader 0.1.0 89abcdef0123, softmax 0123456789ab, numpy 2.4.6"]],
    )


class UnservedOut(Out):
    compatibility_key: str = Field(examples=["grader 0.1.0 89abcdef0123, softmax 0123456789ab, numpy 2.4.6"])
    gradings: int = Field(description="Number of waiting gradings", examples=[3])
    since: dt.datetime
    why: str = Field(description="Reason, and what to do")


class QueueOut(Out):
    waiting: dict[str, int] = Field(description="Number of waiting gradings by priority", examples=[{"interactive": 3}])
    oldest_seconds: float | None = Field(description="Waiting time of the oldest grading", examples=[12.5])
    gradings: list[QueuedOut] = Field(
        description="At most 100 gradings of courses in which the caller is staff: first running, then waiting ones"
    )
    workers: list[WorkerOut] = Field(description="Workers that are alive")
    unserved: list[UnservedOut] = Field(description="Waiting gradings that no live worker can take")


class PartOfServiceOut(Out):
    ok: bool
    why: str = Field(description="Reason if not ok, otherwise empty", examples=[""])


class ReadinessOut(Out):
    ok: bool
    parts: dict[str, PartOfServiceOut] = Field(description="database, sandbox, queue; with PostgreSQL also workers")


class AliveOut(Out):
    ok: bool
