"""The OpenAPI document: what FastAPI finds out by itself, and what holds for all routes alike."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from grader.api.problems import MEDIA_TYPE
from grader.model import Json
from grader.render import as_json

ABOUT = """Submit over HTTP, watch it being graded, get the report.

Programs send `Authorization: Bearer …`; browsers have a session's cookie, and send with whatever changes something
the header `X-CSRF-Token`. Everything that goes wrong is answered as RFC 9457 says, in `application/problem+json`.
What a caller may not see is answered like what does not exist."""

_OPEN = ("/healthz", "/readyz", "/metrics")
"""Paths that ask nobody who they are."""
_METHODS = ("get", "put", "post", "delete", "patch")

PROBLEM: Json = {
    "title": "Problem",
    "description": "RFC 9457",
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "What kind of problem, for programs: /problems/…"},
        "title": {"type": "string", "description": "The same for people"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do this time"},
        "request_id": {"type": "string", "description": "To be quoted when you ask about it"},
        "errors": {
            "type": "array",
            "description": "Fields that are wrong",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
    "examples": [
        {
            "type": "/problems/refused",
            "title": "The submission cannot be read",
            "status": 422,
            "detail": "a.docx has an unsupported file type: submit solution.py, a notebook (.ipynb), or a zip of both",
            "request_id": "5f0c4a3d9b1e7c2a8d6f4b10",
        }
    ],
}

SECURITY: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token of yours, for programs"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "grader",
        "description": "A browser's session; over https its name is __Host-grader",
    },
}


def install(app: FastAPI) -> None:
    def document() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way to extend it


def name_of(route: APIRoute) -> str:
    """An operation is called like its function."""
    return route.name


def _document(app: FastAPI) -> Json:
    found: Json = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
    components = found.setdefault("components", {})
    components["securitySchemes"] = SECURITY
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    schemas["Report"] = _report_schema()
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    found["security"] = [{"bearer": []}, {"cookie": []}]
    for path, item in found["paths"].items():
        for method in _METHODS:
            if method in item:
                _complete(path, item[method])
    return found


def _complete(path: str, operation: Json) -> None:
    """Every operation can meet problems that its route does not speak of."""
    if path in _OPEN:
        operation["security"] = []
    responses = operation["responses"]
    for status in _problems_of(path, operation):
        known = responses.get(str(status), {})
        if any(media != MEDIA_TYPE for media in known.get("content", {})) and status != 422:
            continue  # it answers this status in its own way
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


def _report_schema() -> Any:
    """The report's own schema, as a component."""
    return {name: value for name, value in as_json.schema().items() if name != "$schema"}
