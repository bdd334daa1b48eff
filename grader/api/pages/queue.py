"""The queue page for staff: queued and running gradings, and workers."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from grader.api import operations as api
from grader.api.frame import page
from grader.api.identity import TheCaller, TheService
from grader.store import submissions

router = APIRouter(include_in_schema=False)


@router.get("/queue")
def show_queue(request: Request, service: TheService, caller: TheCaller) -> Response:
    """Show the size of the whole queue, and the gradings of the caller's courses."""
    queue = api.get_queue(service, caller)
    with service.store.read() as tx:
        authors = submissions.authors_of(tx, [one.submission for one in queue.gradings])
    return page(request, "queue.html", queue=queue, authors=authors, trouble=service.queue.trouble())
