"""Pages of a submission: the progress of its grading or its report, and the receipt."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from decimal import Decimal
from threading import Lock
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api import admission
from grader.api import submissions as api
from grader.api.assignments import known_course
from grader.api.frame import page
from grader.api.identity import Caller, TheCaller, TheService
from grader.api.pages.progress import progress_of
from grader.api.schemas import NAME, TEXT, MarkIn, SubmissionId
from grader.api.views import SubmissionView, all_gradings, assignment_of, find, report_of
from grader.course.scores import Score
from grader.model import ZERO, Report, show_points
from grader.render.html import Totals, context
from grader.render.phrases import counted
from grader.render.plots import Plot, plots
from grader.service import Service
from grader.store.database import Tx
from grader.store.records import State

router = APIRouter(include_in_schema=False)


@router.get("/submissions/{id}")
def show_submission(request: Request, id: SubmissionId, service: TheService, caller: TheCaller) -> Response:
    with service.store.read() as tx:
        view = find(tx, service, caller, id)
        shown = _about(tx, service, caller, view)
        if view.grading.state is not State.GRADED:
            return page(request, "progress.html", **shown, progress=progress_of(tx, service, caller, view))
        report = report_of(tx, caller, view)
    return page(request, "report.html", **shown, **_report_variables(report, view))


def _about(tx: Tx, service: Service, caller: Caller, view: SubmissionView) -> dict[str, Any]:
    """Return the template variables that the pages of a submission have in common."""
    is_staff = caller.is_staff(view.submission.course)
    return {
        "view": view,
        "course": known_course(tx, view.submission.course),
        "task": assignment_of(service, view.submission),
        "is_staff_here": is_staff,
        "is_own": any(author.id == caller.person.id for author in view.submission.authors),
        "gradings": all_gradings(tx, caller, view) if is_staff else (),
    }


def _report_variables(report: Report, view: SubmissionView) -> dict[str, Any]:
    found = context(report, _cached_plots(view.grading.id, report))
    if view.score and view.score.final is not None:
        found["totals"] = _score_totals(view.score)
    decided = {q.question: q for q in view.score.questions if q.points is not None} if view.score else {}
    return found | {"marks": decided}


def _score_totals(score: Score) -> Totals:
    """Return the totals to show at the top of a report, including marks and the late penalty."""
    final = score.final if score.final is not None else ZERO
    words = f"of {show_points(score.decided)} points"
    if score.waiting:
        words += f" · {counted(score.waiting)} {'awaits' if score.waiting == 1 else 'await'} marking"
    if score.absent:
        words += f" · {show_points(score.absent)} not submitted"
    return Totals(show_points(final), words, final, score.decided, score.possible, score.absent)


@router.get("/submissions/{id}/receipt")
def show_receipt(request: Request, id: SubmissionId, service: TheService, caller: TheCaller) -> Response:
    with service.store.read() as tx:
        view = find(tx, service, caller, id)
        receipt = admission.receipt_of(tx, service, view)
        return page(request, "receipt.html", **_about(tx, service, caller, view), receipt=receipt)


@router.post("/submissions/{id}/marks")
def mark_check(
    id: SubmissionId,
    service: TheService,
    caller: TheCaller,
    check: Annotated[str, Form(pattern=NAME)],
    points: Annotated[Decimal | Literal[""], Form()] = "",
    comment: Annotated[str, Form(max_length=10_000, pattern=TEXT)] = "",
) -> Response:
    """Set the mark of a check. If `points` is empty, remove the mark."""
    if points == "":
        api.delete_mark(id, check, service, caller)
    else:
        api.put_mark(id, check, MarkIn(points=points, comment=comment), service, caller)
    return RedirectResponse(f"/submissions/{id}#check-marks", 303)


@router.post("/submissions/{id}/cancel")
def cancel(id: SubmissionId, service: TheService, caller: TheCaller) -> Response:
    api.cancel_submission(id, service, caller)
    return RedirectResponse(f"/submissions/{id}", 303)


# ── a cache of plots ─────────────────────────────────────────────────────────────────────────────────

_MOST_CACHED = 64
_drawn_before: OrderedDict[tuple[str, ...], Sequence[Plot]] = OrderedDict()
_drawing = Lock()


def _cached_plots(grading: str, report: Report) -> Sequence[Plot]:
    """Return the plots of a report. The plots are cached by grading and by the evidence that the caller may see."""
    key = (grading, *(evidence.name for evidence in report.evidence))
    with _drawing:
        found = _drawn_before.pop(key, None)
    if found is None:
        found = plots(report.evidence)
    with _drawing:
        _drawn_before[key] = found
        while len(_drawn_before) > _MOST_CACHED:
            _drawn_before.popitem(last=False)
    return found
