"""Report → JSON → Report: what the service keeps must show what the grading showed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace

import jsonschema_rs
import pytest
from rich.console import Console

from grader.errors import BadCall
from grader.model import FailedCall, LatePenalty, Limit, Place, Points, Report, ReportScope, SourceLine
from grader.render.as_json import as_json, dumps, loads, schema
from grader.render.gradescope import gradescope
from grader.render.html import html
from grader.render.terminal import Terminal
from tests.conftest import ROOT
from tests.unit.render import samples

MAKERS = (
    samples.perfect,
    samples.wrong,
    samples.very_wrong,
    samples.weak,
    samples.unreadable,
    samples.code_only,
    samples.quick,
    samples.precheck,
    samples.hostile,
    samples.without_code,
    samples.judged,
    samples.given,
)


def on_a_terminal(report: Report) -> str:
    console = Console(width=100, file=io.StringIO())
    with console.capture() as captured:
        console.print(Terminal(report))
    return captured.get()


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_a_report_comes_back_from_json_as_it_went(make: Callable[[], Report]) -> None:
    report = make()
    back = loads(dumps(report))
    jsonschema_rs.validate(schema(), as_json(report))
    assert as_json(back) == as_json(report)
    if make is not samples.perfect:  # plots take most of a page's time, and their numbers have just been compared
        back, report = replace(back, evidence=()), replace(report, evidence=())
    assert html(back) == html(report)
    assert gradescope(back) == gradescope(report)
    assert on_a_terminal(back) == on_a_terminal(report)


def test_a_failed_call_comes_back_with_its_parts() -> None:
    call = FailedCall("loss(X, y)", "it was stopped", "Vectorise it", Place("mlp.py", 61), 22, Limit.CPU)
    report = samples.code_only()
    (part,) = report.parts
    first, *others = part.checks
    first = replace(first, line=SourceLine("mlp.py", 61, "dW1 = ("), failed_call=call, reason=call.reason)
    back = loads(dumps(replace(report, parts=(replace(part, checks=(first, *others)),))))
    assert back.checks[0] == first
    assert back.scope == report.scope == ReportScope(only="q2.2")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 6}', "not json"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(BadCall, match="not a JSON report"):
        loads(text)


def test_points_are_exact() -> None:
    report = samples.code_only()
    (part,) = report.parts
    checks = tuple(replace(c, points=Points("0.35"), possible=Points("2.65")) for c in part.checks)
    late = LatePenalty("late", final=Points("1.15"), decided=Points("2.65"))
    report = replace(report, parts=(replace(part, checks=checks),), late=late)
    back = loads(dumps(report))
    assert (back.parts, back.late, back.points) == (report.parts, late, len(checks) * Points("0.35"))


def test_the_schema_in_the_folder_is_the_generated_one() -> None:
    file = ROOT / "grader" / "render" / "report.schema.json"
    assert file.read_text("utf-8") == json.dumps(schema(), indent=2) + "\n"


def test_every_field_of_the_schema_is_in_a_report() -> None:
    jsonschema_rs.meta.validate(schema())
    assert set(schema()["required"]) == set(as_json(samples.perfect()))


def test_a_damaged_report_is_refused() -> None:
    damaged = as_json(samples.code_only())
    damaged["parts"][0]["checks"][0]["points"] = "all"
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema(), damaged)
    with pytest.raises(BadCall, match="not a JSON report"):
        loads(json.dumps(damaged))


def test_a_report_of_another_schema_is_refused() -> None:
    old = json.dumps(as_json(samples.perfect()) | {"schema": 5})
    with pytest.raises(BadCall, match="schema version 5, and this grader reads version 6: grade again"):
        loads(old)
