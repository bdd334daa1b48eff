"""Regrades: grade submissions again, review the differences, then apply or discard the new gradings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import AliasPath, Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api.gradings import CONFLICT
from grader.api.identity import Caller, TheCaller
from grader.api.lookup import ForStaff, StaffRequest
from grader.api.openapi import LOCATION
from grader.api.problems import HttpProblem, not_found
from grader.api.schemas import In, Out, PersonOut, RegradeId, SubmissionId
from grader.api.views import assignment_of, find_for_staff
from grader.errors import BadCall
from grader.model import Status
from grader.store import regrades
from grader.store.database import Tx
from grader.store.records import Regrade, RegradeState, State, Which

router = APIRouter(prefix="/api/v1", tags=["regrades"])
pages = APIRouter(include_in_schema=False)

OF_ASSIGNMENT = "/courses/{course}/assignments/{assignment}/regrades"


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
    """Number of gradings in each state; gradings that are not in the queue yet count as queued."""


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
    varies: bool
    """The same version of the checks judged the same files differently: their results depend on chance."""

    @property
    def gain(self) -> float:
        """Points added by the regrade; negative if points are lost, and 0 until the submission is regraded."""
        if self.after is None:
            return 0
        return round(self.after - (self.before or 0), 2)


class WholeRegradeOut(RegradeOut):
    """A regrade with its table of changes."""

    changes: list[ChangeOut]
    """Submissions with changed checks come first."""


@router.post(OF_ASSIGNMENT, status_code=202, responses={202: LOCATION})
def start_regrade(staff: ForStaff, new: RegradeIn, response: Response) -> RegradeOut:
    """Start a regrade.

    Grade the latest, the best or all submissions of every student again. Scores do not change until the regrade is
    applied.
    """
    if new.which is Which.ONE:
        raise BadCall("to regrade one submission, use POST /api/v1/submissions/{id}/regrade")
    with staff.read() as (tx, _):  # choosing takes longer than queueing, and blocks no writer here
        chosen = regrades.chosen(tx, staff.course, staff.assignment, new.which)
    return _start(staff.caller, staff.course, staff.assignment, new.which, chosen, response)


@router.post(
    "/submissions/{id}/regrade",
    status_code=202,
    tags=["staff"],
    responses={202: LOCATION},
)
def regrade_submission(id: SubmissionId, caller: TheCaller, response: Response) -> RegradeOut:
    """Regrade one submission.

    The score does not change until the regrade is applied.
    """
    with caller.read() as tx:
        submission = find_for_staff(tx, caller, id)
        assignment_of(caller, submission)
    return _start(caller, submission.course, submission.assignment, Which.ONE, [id], response)


def _start(
    caller: Caller, course: str, assignment: str, which: Which, ids: Sequence[str], response: Response
) -> RegradeOut:
    """Queue new gradings of the submissions with these ids as one regrade. `which` records how they were chosen."""
    service = caller.service
    with caller.write() as tx:
        id = regrades.start(tx, course, assignment, which, caller.person.id, ids)
    regrades.enqueue_pending(service.store, service.queue)
    response.headers["Location"] = f"/api/v1/regrades/{id}"
    with caller.read() as tx:
        return regrade_out(tx, id)


@router.get(OF_ASSIGNMENT)
def list_regrades(staff: ForStaff) -> list[RegradeOut]:
    """List regrades, the newest first."""
    with staff.read() as (tx, _):
        records = regrades.of_offering(tx, staff.course, staff.assignment)
    return RegradeOut.all(records)


@router.get("/regrades/{id}")
def get_regrade(id: RegradeId, caller: TheCaller) -> WholeRegradeOut:
    """Get a regrade with its progress and the changes to each submission."""
    with caller.read() as tx:
        regrade = _find(tx, caller, id)
        changes = regrades.changes(tx, id)
    return WholeRegradeOut.model_validate(vars(regrade) | {"changes": changes})


@router.post("/regrades/{id}/apply", responses=CONFLICT)
def apply_regrade(id: RegradeId, caller: TheCaller) -> RegradeOut:
    """Apply a regrade.

    The new gradings count from now on. The old gradings and people's marks are kept.
    """
    with caller.write() as tx:
        _find(tx, caller, id)
        if not regrades.apply(tx, id):
            detail = (
                "the regrade was applied or discarded before, some of its gradings are not finished, or a newer "
                "regrade of its submissions was applied"
            )
            raise HttpProblem(409, "cannot-apply", "The regrade cannot be applied", detail)
        return regrade_out(tx, id)


@router.post("/regrades/{id}/discard", responses=CONFLICT)
def discard_regrade(id: RegradeId, caller: TheCaller) -> RegradeOut:
    """Discard a regrade, and cancel its unfinished gradings.

    Scores do not change.
    """
    with caller.write() as tx:
        regrade = _find(tx, caller, id)
        if not regrades.discard(tx, id):
            detail = f"the regrade is {regrade.state} already"
            raise HttpProblem(409, "decided", "The regrade cannot be discarded", detail)
        return regrade_out(tx, id)


def _find(tx: Tx, caller: Caller, id: str) -> Regrade:
    regrade = regrades.get(tx, id)
    if regrade is None or not caller.is_staff(regrade.course):
        raise not_found("regrade")
    return regrade


def regrade_out(tx: Tx, id: str) -> RegradeOut:
    """Return the response body for an existing regrade, with its current progress."""
    regrade = regrades.get(tx, id)
    return RegradeOut.model_validate(regrade)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────


@pages.get(OF_ASSIGNMENT)
def show_regrades(staff: ForStaff) -> Response:
    with staff.read() as (tx, offering):
        records = regrades.of_offering(tx, staff.course, staff.assignment)
        return staff.render(tx, "regrades.html", offering, regrades=records)


@pages.post(OF_ASSIGNMENT)
def send_start(staff: ForStaff, rule: Annotated[Which, Form(alias="which")] = Which.LATEST) -> Response:
    started = start_regrade(staff, RegradeIn(which=rule), Response())
    return _to_regrade(started.id)


@pages.post("/submissions/{id}/regrade")
def send_submission(id: SubmissionId, caller: TheCaller) -> Response:
    started = regrade_submission(id, caller, Response())
    return _to_regrade(started.id)


@pages.get("/regrades/{id}")
def show_regrade(request: Request, id: RegradeId, caller: TheCaller) -> Response:
    """Show a regrade: its progress, the submissions whose checks change, and buttons to apply or discard it."""
    regrade = get_regrade(id, caller)
    count = regrade.progress
    staff = StaffRequest(request, caller, regrade.course, regrade.assignment)
    with staff.read() as (tx, offering):
        return staff.render(
            tx,
            "regrade.html",
            offering,
            regrade=regrade,
            running=count.get(State.QUEUED, 0) + count.get(State.RUNNING, 0),
            all=sum(count.values()),
            changed=[change for change in regrade.changes if change.checks],
            is_open=regrade.state is RegradeState.SHADOW,  # neither applied nor discarded
        )


@pages.post("/regrades/{id}/apply")
def send_apply(id: RegradeId, caller: TheCaller) -> Response:
    apply_regrade(id, caller)
    return _to_regrade(id)


@pages.post("/regrades/{id}/discard")
def send_discard(id: RegradeId, caller: TheCaller) -> Response:
    discard_regrade(id, caller)
    return _to_regrade(id)


def _to_regrade(id: str) -> Response:
    return RedirectResponse(f"/regrades/{id}", 303)
