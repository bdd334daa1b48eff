"""The application: all routers, middleware and the handling of errors."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.formparsers import MultiPartParser
from starlette.staticfiles import StaticFiles

from grader import __version__
from grader.api import (
    adjustments,
    answers,
    assignments,
    audit,
    course_platforms,
    course_scores,
    courses,
    events,
    external_login,
    failures,
    gradebook,
    gradings,
    groups,
    lti,
    members,
    offering,
    openapi,
    operations,
    packs,
    passwords,
    people,
    platforms,
    privacy,
    problems,
    questions,
    regrades,
    requests,
    scores,
    sessions,
    submissions,
)
from grader.api.identity import Identify, is_https
from grader.api.jupyterhub import JupyterHub
from grader.api.limits import RateLimits
from grader.api.mail import mailer_of
from grader.api.metrics import Metrics
from grader.api.middleware import BodyLimit, PersonLimit, Requests, SecurityHeaders, SpooledUploads
from grader.api.oidc import Provider
from grader.api.rendering import problem_page
from grader.api.sender import Sender
from grader.bounds import MAX_FILES, MAX_UPLOAD_BYTES, MIB
from grader.service import Service

STATIC = Path(__file__).parent / "static"


def create_app(service: Service) -> FastAPI:
    """Return the application, with JSON routes under /api/v1 and pages under /. Routes receive `service` through the
    dependency `grader.api.identity.TheService`."""
    mailer = mailer_of(service.settings)
    app = FastAPI(
        title="grader",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its pages would load scripts from other hosts
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        lifespan=Sender(service, mailer).running,
        form_limits={"max_files": MAX_FILES, "max_fields": 100, "max_part_size": MIB},
    )
    MultiPartParser.spool_max_size = MAX_UPLOAD_BYTES + MIB  # the body is on disk already
    app.state.service = service
    app.state.metrics = Metrics(service.store)
    service.events.listen(app.state.metrics.observe)
    problems.install(app, problem_page)
    app.state.packs = packs.StudentPacks(service.settings)
    app.state.limits = RateLimits(service.settings)
    app.state.login_services = {
        kind.name: kind(service.settings) for kind in (Provider, JupyterHub) if kind.is_set_up(service.settings)
    }
    app.state.mailer = mailer
    openapi.install(app)
    settings = service.settings
    app.add_middleware(SpooledUploads, folder=None if settings.has_postgresql else settings.home)
    for layer in (PersonLimit, Identify, BodyLimit, Requests):  # from the innermost to the outermost
        app.add_middleware(layer)
    app.add_middleware(SecurityHeaders, https=is_https(service.settings))
    app.include_router(operations.open_router, responses=openapi.problem_responses(500, 503))
    # 400 and 413 refuse a request's body; they are described for routes that read none, too
    errors = openapi.problem_responses(400, 401, 403, 404, 413, 422, 429, 500, 503)
    routes = [*operations.open_router.routes]
    routes += events.router.routes
    app.include_router(events.router, responses=errors)
    of_courses = (courses, assignments, groups, adjustments, people)
    for resource in (operations, *of_courses, submissions, gradings, questions, answers, regrades, requests, audit):
        routes += [*resource.router.routes, *resource.pages.routes]
        app.include_router(resource.router, responses=errors)
        app.include_router(resource.pages)
    for page in (
        members,
        course_platforms,
        privacy,
        offering,
        packs,
        course_scores,
        scores,
        gradebook,
        failures,
        sessions,
        passwords,
        external_login,
        platforms,
        lti,
    ):
        routes += page.pages.routes
        app.include_router(page.pages)
    app.state.routes = routes
    app.mount("/static", StaticFiles(directory=STATIC, packages=[("grader.render", "static")]), name="static")
    return app
