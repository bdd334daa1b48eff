"""The document tells the truth: a fuzzer calls every operation it names, as everybody, and finds no 500."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks as conform

from grader.assignments.catalogue import Assignment
from grader.model import Report
from grader.store import requests, submissions
from tests.api.world import ASSIGNMENT, COURSE, World, living

CHECKS = [
    checks.not_a_server_error,
    conform.status_code_conformance,
    conform.content_type_conformance,
    conform.response_headers_conformance,
    conform.response_schema_conformance,
]
FEW = settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, toy: Assignment, reports: dict[str, Report]) -> Iterator[World]:
    """A world with something of every kind in it, all of it final, so that no stream of events stays open."""
    with living(tmp_path_factory.mktemp("furnished"), toy, reports) as world:
        yield world


@pytest.fixture(scope="module")
def real(furnished: World) -> dict[str, str]:
    """What the document calls {id}, by what the path is about; ada's and of her course."""
    submission = furnished.hand_in("ada")
    grading = furnished.grade_next()
    answer = furnished.client.post(f"/api/v1/submissions/{submission}/regrade", headers=furnished.headers("grace"))
    furnished.grade_next("wrong")
    with furnished.service.store.write() as tx:
        record = submissions.get(tx, submission)
        assert record is not None
        request = requests.ask(tx, record, "q1.1.written", furnished.people["ada"].id, "Why?")
    regrade = answer.json()["id"]
    return {"submissions": submission, "gradings": grading, "regrades": regrade, "requests": str(request)}


@pytest.mark.long
@pytest.mark.parametrize("login", ["ada", "grace", "root", ""])
def test_every_operation_answers_as_the_document_says(login: str, furnished: World, real: dict[str, str]) -> None:
    document = schemathesis.openapi.from_asgi("/api/v1/openapi.json", furnished.client.app)
    headers = furnished.headers(login) if login else {}
    # /readyz truly is not ready here, where no worker runs
    for found in document.exclude(path="/readyz").get_all_operations():
        operation = found.ok()
        _fuzz(operation, GenerationMode.POSITIVE, headers, real)
        can_be_wrong = operation.body or operation.query or operation.path_parameters
        if login == "root" and can_be_wrong:  # whom nothing keeps from what is behind it
            _fuzz(operation, GenerationMode.NEGATIVE, headers, real)


def _fuzz(operation: APIOperation, mode: GenerationMode, headers: dict[str, str], real: dict[str, str]) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @FEW
    def answers(case: schemathesis.Case) -> None:
        invented = dict(case.path_parameters)
        for parameters in (invented, invented | _real(case.path, invented, real)):
            case.path_parameters = parameters
            case.validate_response(case.call(headers=headers), checks=CHECKS)

    answers()


def _real(path: str, found: dict[str, object], real: dict[str, str]) -> dict[str, object]:
    known = {"course": COURSE, "assignment": ASSIGNMENT, "question": "q1.1.written", "number": 0}
    kind = path.removeprefix("/api/v1/").partition("/")[0]
    return {name: real.get(kind, "0" * 26) if name == "id" else known.get(name, found[name]) for name in found}


def test_every_operation_has_a_name_and_a_summary_and_describes_its_problems(world: World) -> None:
    document = world.client.get("/api/v1/openapi.json", headers=world.headers("ada")).json()
    operations = [o for item in document["paths"].values() for o in item.values()]
    assert len({o["operationId"] for o in operations}) == len(operations)
    assert all(o.get("summary") for o in operations)
    for operation in operations:
        problems = {s: r for s, r in operation["responses"].items() if s >= "4"}
        assert all("application/problem+json" in r["content"] or s == "503" for s, r in problems.items())
