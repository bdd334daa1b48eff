"""For staff: what waits and runs, and who grades."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from grader.api import operations as api
from grader.api.frame import page
from grader.api.identity import TheCaller
from grader.api.wiring import TheService

router = APIRouter(include_in_schema=False)


@router.get("/queue")
def show_queue(request: Request, service: TheService, caller: TheCaller) -> Response:
    """Of everybody's in numbers, and of the caller's courses one by one."""
    return page(request, "queue.html", queue=api.get_queue(service, caller), trouble=service.queue.trouble())
