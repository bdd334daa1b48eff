"""`TheService`, the FastAPI dependency through which routes receive the service."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from grader.service import Service


def service_of(request: HTTPConnection) -> Service:
    """Return the service of the application."""
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(service_of)]
