"""The OpenAPI document. FastAPI generates it; this module adds security schemes and the schemas of errors and
reports. The first paragraph of a route's docstring is the summary of the operation, the others are its description."""

from __future__ import annotations

from functools import cache, partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from grader.api.problems import MEDIA_TYPE, ProblemBody
from grader.model import Json
from grader.render import as_json

ABOUT = """Submit over HTTP, watch the grading, get the report.

Programs send `Authorization: Bearer …`. Browsers have a session cookie, and send the header `X-CSRF-Token` with every
change. Error responses have the media type `application/problem+json` (RFC 9457). Requests for a resource that the
caller may not see are answered as if it did not exist."""

SECURITY: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A program's token"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "grader",
        "description": "A browser's session; with https its name is __Host-grader",
    },
}


def problem_response(description: str) -> dict[str, Any]:
    """Return the description of an error response, for the argument `responses` of a route."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


LOCATION: dict[str, Any] = {"headers": {"Location": {"schema": {"type": "string"}}}}
"""Description of a response with the header Location, for the argument `responses` of a route."""


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of error responses by status, for the argument `responses` of a route or router."""
    return {status: problem_response(HTTPStatus(status).phrase) for status in statuses}


def install(app: FastAPI) -> None:
    """Make the application serve this module's OpenAPI document."""

    # FastAPI's own way to extend it
    app.openapi = cache(partial(_document, app))  # type: ignore[method-assign]


def _document(app: FastAPI) -> Json:
    """Return the OpenAPI document: FastAPI's, with summaries split from descriptions, and with the schemas of problems
    and reports. The names of a report's schemas begin with "Report", to be different from the API's."""
    document: Json = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
    for path in document["paths"].values():
        for operation in path.values():
            summary, _, description = operation["description"].partition("\n\n")
            operation |= {"summary": summary.rstrip("."), "description": description}
    components = document["components"]
    components["securitySchemes"] = SECURITY
    schemas = components["schemas"]
    problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs") | {"Problem": problem}
    report = as_json.schema(ref_template="#/components/schemas/Report{model}")
    for name, schema in report.pop("$defs").items():
        schemas[f"Report{name}"] = schema
    del report["$schema"]
    schemas["Report"] = report
    document["security"] = [{"bearer": []}, {"cookie": []}]
    return document
