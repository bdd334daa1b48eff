"""Routes for regrades: grade submissions again, review the differences, then apply or discard the new gradings."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from grader.api.assignments import ForStaff
from grader.api.identity import Caller, TheCaller, TheService
from grader.api.openapi import LOCATION, problem_response
from grader.api.problems import HttpProblem, not_found
from grader.api.schemas import RegradeId, RegradeIn, RegradeOut, WholeRegradeOut
from grader.errors import BadCall
from grader.store import regrades
from grader.store.database import Tx
from grader.store.records import Regrade, Which

router = APIRouter(prefix="/api/v1", tags=["regrades"])

OF_ASSIGNMENT = "/courses/{course}/assignments/{assignment}/regrades"
CONFLICT: dict[int | str, dict[str, Any]] = {409: problem_response("The regrade is applied, discarded or not finished")}


@router.post(OF_ASSIGNMENT, status_code=202, summary="Start a regrade", responses={202: LOCATION})
def start_regrade(staff: ForStaff, wanted: RegradeIn, response: Response) -> RegradeOut:
    """Grade the latest, the best or all submissions of every student again. Scores do not change until the regrade is
    applied."""
    if wanted.which is Which.ONE:
        raise BadCall("to regrade one submission, use POST /api/v1/submissions/{id}/regrade")
    with staff.write() as (tx, _):
        chosen = regrades.chosen(tx, staff.course, staff.assignment, wanted.which)
        by, queue = staff.caller.person.id, staff.service.queue
        id = regrades.start(tx, staff.course, staff.assignment, wanted.which, by, chosen, queue)
        started = regrade_out(tx, id)
    queue.wake()
    response.headers["Location"] = f"/api/v1/regrades/{id}"
    return started


@router.get(OF_ASSIGNMENT, summary="List regrades")
def list_regrades(staff: ForStaff) -> list[RegradeOut]:
    """List regrades, the newest first."""
    with staff.read() as (tx, _):
        found = regrades.of_offering(tx, staff.course, staff.assignment)
        return [RegradeOut.model_validate(regrade) for regrade in found]


@router.get("/regrades/{id}", summary="One regrade")
def get_regrade(id: RegradeId, service: TheService, caller: TheCaller) -> WholeRegradeOut:
    """Return a regrade with its progress and the changes to each submission."""
    with service.store.read() as tx:
        found = _find(tx, caller, id)
        return WholeRegradeOut.model_validate(vars(found) | {"changes": regrades.changes(tx, id)})


@router.post("/regrades/{id}/apply", summary="Apply a regrade", responses=CONFLICT)
def apply_regrade(id: RegradeId, service: TheService, caller: TheCaller) -> RegradeOut:
    """Apply a regrade: the new gradings count from now on. The old gradings and people's marks are kept."""
    with service.store.write() as tx:
        _find(tx, caller, id)
        if not regrades.apply(tx, id):
            detail = "the regrade was applied or discarded before, or some of its gradings are not finished"
            raise HttpProblem(409, "cannot-apply", "The regrade cannot be applied", detail)
        return regrade_out(tx, id)


@router.post("/regrades/{id}/discard", summary="Discard a regrade", responses=CONFLICT)
def discard_regrade(id: RegradeId, service: TheService, caller: TheCaller) -> RegradeOut:
    """Discard a regrade and cancel its unfinished gradings. Scores do not change."""
    with service.store.write() as tx:
        found = _find(tx, caller, id)
        if not regrades.discard(tx, id):
            detail = f"the regrade is {found.state} already"
            raise HttpProblem(409, "decided", "The regrade cannot be discarded", detail)
        return regrade_out(tx, id)


def _find(tx: Tx, caller: Caller, id: str) -> Regrade:
    found = regrades.get(tx, id)
    if found is None or not caller.is_staff(found.course):
        raise not_found("regrade")
    return found


def regrade_out(tx: Tx, id: str) -> RegradeOut:
    """Return the response body for an existing regrade, with its current progress."""
    return RegradeOut.model_validate(regrades.get(tx, id))
