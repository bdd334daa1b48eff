"""The OpenAPI document: FastAPI's, completed with the security schemes and the error responses of all routes."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from grader.api.problems import MEDIA_TYPE, ProblemBody
from grader.model import Json
from grader.render import as_json

ABOUT = """Submit over HTTP, watch the grading, get the report.

Programs send `Authorization: Bearer …`. Browsers have a session cookie, and send the header `X-CSRF-Token` with every
change. Errors are answered in `application/problem+json` (RFC 9457). Resources that the caller may not see give the
same answer as those that do not exist."""

_OPEN = ("/healthz", "/readyz", "/metrics")
"""Paths without authentication."""
_METHODS = ("get", "put", "post", "delete", "patch")

SECURITY: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A program's token"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "grader",
        "description": "A browser's session; with https its name is __Host-grader",
    },
}


def install(app: FastAPI) -> None:
    """Make the application serve the completed document."""

    def document() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way to extend it


def name_of(route: APIRoute) -> str:
    """Return the operation id of a route: the name of its function."""
    return route.name


def _document(app: FastAPI) -> Json:
    found: Json = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
    components = found.setdefault("components", {})
    components["securitySchemes"] = SECURITY
    schemas = components.setdefault("schemas", {})
    problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs") | {"Problem": problem}
    report = as_json.schema(ref_template="#/components/schemas/Report{model}")
    schemas |= {f"Report{name}": schema for name, schema in report.pop("$defs").items()}
    schemas["Report"] = {name: value for name, value in report.items() if name != "$schema"}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    found["security"] = [{"bearer": []}, {"cookie": []}]
    for path, item in found["paths"].items():
        for method in _METHODS:
            if method in item:
                _complete(path, item[method])
    return found


def _complete(path: str, operation: Json) -> None:
    """Add the error responses of an operation to its description."""
    if path in _OPEN:
        operation["security"] = []
    responses = operation["responses"]
    for status in _problems_of(path, operation):
        known = responses.get(str(status), {})
        if any(media != MEDIA_TYPE for media in known.get("content", {})) and status != 422:
            continue  # the route answers this status in another format
        words = known.get("description", "")
        says = HTTPStatus(status).phrase if words in ("", "Validation Error") else words
        responses[str(status)] = {
            "description": says,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    operation["responses"] = dict(sorted(responses.items()))


def _problems_of(path: str, operation: Json) -> set[int]:
    declared = {int(status) for status in operation["responses"] if status.isdecimal() and int(status) >= 400}
    found = declared | {500, 503}
    if path not in _OPEN:
        found |= {401, 403, 404, 429}
    if path == "/metrics":
        found |= {401}
    if operation.get("requestBody"):
        found |= {400, 413, 422}
    return found
