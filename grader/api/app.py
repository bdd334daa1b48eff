"""The application: every router, one way of answering what goes wrong."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from grader import __version__
from grader.api import courses, operations, pages, people, problems, regrades, sessions, submissions
from grader.api.identity import Identify
from grader.service import Service

STATIC = Path(__file__).parent / "static"


def create_app(service: Service) -> FastAPI:
    """JSON under /api/v1, pages at /. Routes find `service` by `grader.api.wiring.TheService`."""
    app = FastAPI(
        title="grader", version=__version__, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None
    )
    app.state.service = service
    problems.install(app)
    app.add_middleware(Identify)
    for part in (operations, courses, people, submissions, regrades, sessions, pages):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC, check_dir=False), name="static")
    return app
