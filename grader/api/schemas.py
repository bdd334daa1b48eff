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
from grader.store.records import File, Grading, Kind, RegradeState, State, Which

ID = "^[0-9a-hjkmnp-tv-z]{26}$"
NAME = "^[A-Za-z0-9._-]{1,64}$"
TEXT = r"^[^\x00]*$"
"""Pattern of text without NUL, a character that PostgreSQL cannot store."""

SubmissionId = Annotated[str, Path(pattern=ID, description="A submission's id")]
GradingId = Annotated[str, Path(pattern=ID, description="A grading's id")]
RegradeId = Annotated[str, Path(pattern=ID, description="A regrade's id")]
CourseId = Annotated[str, Path(pattern=NAME, description="A course's id")]
AssignmentId = Annotated[str, Path(pattern=NAME, description="An assignment's id")]
QuestionId = Annotated[str, Path(pattern=NAME, description="A written question's id")]
MarkedId = Annotated[str, Path(pattern=NAME, description="A written question's or a check's id")]
TokenId = Annotated[str, Path(pattern=ID, description="A token's id")]
Login = Annotated[str, Path(pattern=LOGIN, description="A person's login")]


class Out(BaseModel):
    """Base class of response bodies. Every field is always present. `model_validate` accepts records and
    dictionaries. Docstrings of fields describe them in the OpenAPI document."""

    model_config = ConfigDict(
        frozen=True,
        from_attributes=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


class In(BaseModel):
    """Base class of request bodies. Unknown fields are errors, because they would have no effect."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PersonOut(Out):
    login: str
    name: str


class LatenessOut(Out):
    is_late: bool
    remains: float
    """Share of the points that remains, from 0 to 1."""
    sentence: str


class StoredOut(Out):
    """The fields that a receipt and a submission have in common."""

    course: str
    assignment: str
    kind: Kind
    by: PersonOut
    authors: list[PersonOut]
    received_at: dt.datetime
    digest: str
    """SHA-256 hash of the names and contents of the graded files."""
    files: list[File]
    """The submitted files."""
    code_submitted: bool
    """If false, the submission uses no attempt, and its checks get no points."""
    late: LatenessOut


class ReceiptOut(StoredOut):
    """The confirmation that a submission is stored and will be graded."""

    submission: str
    remarks: list[str]
    """Remarks on the files."""
    position: int | None
    """Place in the queue; 1 is next, null if not queued."""
    estimate_seconds: float | None
    """Estimated time until grading starts; null if unknown."""

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptOut:
        names = {"submission": receipt.view.submission.id, "remarks": receipt.remarks}
        return cls.model_validate(_view_fields(receipt.view) | _place_fields(receipt.place) | names)


def _place_fields(place: QueuePlace | None) -> dict[str, Any]:
    return {"position": place and place.position, "estimate_seconds": place and place.estimate_seconds}


class GivenItemOut(Out):
    """A rubric item that was applied to an answer."""

    text: str
    points: float


class QuestionScoreOut(Out):
    """The score of one written question."""

    question: str
    title: str
    state: Decision
    """`suggested` (shown to staff only): a person must decide on suggested points."""
    points: float | None
    """null until decided."""
    possible: float
    by_machine: bool
    """Whether full points were given automatically."""
    items: list[GivenItemOut]
    """The applied rubric items."""
    comment: str


class ScoreOut(Out):
    """The current score of a submission. Points that are not decided yet are reported as waiting, not as zero."""

    machine: float | None
    """Points of the code; null until graded and released."""
    written: float | None
    """Points of written answers; null while none is decided."""
    earned: float | None
    """Points of code and answers before the late penalty."""
    final: float | None
    """Points of code and answers after the late penalty."""
    decided: float
    """Possible points of the checks and answers that count in `earned` and `final`."""
    waiting: float
    """Possible points that are not decided yet."""
    absent: float
    """Possible points of answers and code that were not submitted."""
    possible: float
    questions: list[QuestionScoreOut]
    """The written questions."""
    sentence: str


class GradingOut(Out):
    id: str
    state: State
    counts: bool
    """Whether this grading gives the submission its points."""
    regrade: str | None
    """Id of the regrade that the grading belongs to, if any."""
    queued_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    grader: str
    """The grader's version; empty until graded."""
    assignment_digest: str
    seed: str
    points: float | None
    decided: float | None
    possible: float | None
    worker: str | None
    """Name of the worker; null for students."""
    failures: int
    """Number of times that the grader failed; 0 for students."""
    why: str
    """Reason for the latest failure; empty for students."""


class MarkOut(Out):
    question: str
    points: float
    comment: str
    by: PersonOut
    at: dt.datetime


class SubmissionOut(StoredOut):
    """A submission in a list."""

    id: str
    interface: str
    """The interface that was used: api, page or batch."""
    state: SubmissionState
    score: ScoreOut | None
    """null for a pre-check, which does not count for the grade."""

    @classmethod
    def of(cls, view: SubmissionView) -> SubmissionOut:
        return cls.model_validate(_view_fields(view))


def _view_fields(view: SubmissionView) -> dict[str, Any]:
    return vars(view.submission) | {"state": view.state, "late": view.late, "score": view.score}


class WholeSubmissionOut(SubmissionOut):
    """A submission with everything that the caller may see."""

    position: int | None
    """Place in the queue; 1 is next, null if not queued."""
    estimate_seconds: float | None
    """Estimated time until grading starts."""
    marks: list[MarkOut]
    marked_before: list[str]
    """Questions to mark again, because the answer changed after it was marked."""
    gradings: list[GradingOut]
    """The newest first. Students see only the grading that counts."""

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
    points: Decimal = Field(ge=0, le=1000, decimal_places=2, allow_inf_nan=False)
    comment: str = Field("", max_length=10_000, pattern=TEXT)


class RegradeIn(In):
    which: Which
    """Which submissions of each student to regrade; `one` has a separate route."""


class RegradeOut(Out):
    id: str
    course: str
    assignment: str
    which: Which
    state: RegradeState
    by: PersonOut
    created_at: dt.datetime
    decided_at: dt.datetime | None
    progress: dict[State, int]
    """Number of gradings in each state."""


class VerdictOut(Out):
    points: float
    possible: float
    status: Status
    mistake: str
    reason: str


class CheckChangeOut(Out):
    check: str
    before: VerdictOut | None
    """null if the check has no earlier result."""
    after: VerdictOut | None


class ChangeOut(Out):
    """The change that a regrade makes to one submission."""

    submission: str
    authors: list[PersonOut]
    state: State = Field(validation_alias=AliasPath("after", "state"))
    """State of the new grading."""
    before: float | None = Field(None, validation_alias=AliasPath("before", "points"))
    """Autograded points before."""
    after: float | None = Field(validation_alias=AliasPath("after", "points"))
    checks: list[CheckChangeOut]
    """The checks whose results differ."""

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

    changes: list[ChangeOut]
    """Submissions with changed checks come first."""


class QueuedOut(Out):
    grading: str
    submission: str
    course: str
    assignment: str
    kind: Kind
    state: State
    priority: str
    queued_at: dt.datetime
    started_at: dt.datetime | None
    worker: str | None

    @classmethod
    def of(cls, entry: QueueEntry) -> QueuedOut:
        return cls.model_validate(entry._asdict() | {"priority": entry.priority.name.lower()})


class WorkerOut(Out):
    name: str
    """Machine and process."""
    processes: int
    """Number of processes; one is for pre-checks only."""
    at_a_time: int
    """Number of gradings that run at the same time, without pre-checks."""
    sandbox: str
    since: dt.datetime
    compatibility_keys: list[str]
    """Compatibility keys of the gradings that the worker takes; empty for all."""


class UnservedOut(Out):
    compatibility_key: str
    gradings: int
    """Number of waiting gradings."""
    since: dt.datetime
    why: str
    """Reason, and what to do."""


class QueueOut(Out):
    waiting: dict[str, int]
    """Number of waiting gradings by priority."""
    oldest_seconds: float | None
    """Waiting time of the oldest grading."""
    gradings: list[QueuedOut]
    """At most 100 gradings of courses in which the caller is staff: first running, then waiting ones."""
    workers: list[WorkerOut]
    """Workers that are alive."""
    unserved: list[UnservedOut]
    """Waiting gradings that no live worker can take."""


class PartOfServiceOut(Out):
    ok: bool
    why: str
    """Reason if not ok, otherwise empty."""


class ReadinessOut(Out):
    ok: bool
    parts: dict[str, PartOfServiceOut]
    """database, sandbox, queue; with PostgreSQL also workers."""


class AliveOut(Out):
    ok: bool
