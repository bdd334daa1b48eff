"""How a route gets hold of what the service is made of. Apart from `app`, so that routers need not import it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from grader.service import Service


def service_of(request: HTTPConnection) -> Service:
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(service_of)]
