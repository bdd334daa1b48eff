import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import jsonschema_rs
import pytest

from grader.model import Report, Status
from grader.render.gradescope import gradescope
from tests.unit.render import samples

FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
DOCUMENTED: dict[str, Any] = {
    "type": "object",
    "required": ["score", "tests"],
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "leaderboard": {"type": "array"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "score": {"type": "number"},
                    "max_score": {"type": "number"},
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string"},
                    "name_format": FORMAT,
                    "number": {"type": "string"},
                    "output": {"type": "string"},
                    "output_format": FORMAT,
                    "tags": {"type": "array"},
                    "visibility": VISIBILITY,
                    "extra_data": {"type": "object"},
                },
            },
        },
    },
}


def test_of(report: Report, id: str) -> dict[str, Any]:
    (test,) = (t for t in gradescope(report)["tests"] if t["extra_data"]["id"] == id)
    return dict(test)


test_of.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["perfect", "wrong", "unreadable", "code_only", "precheck", "hostile"])
def test_only_documented_fields_are_written_and_they_survive_json(name: str) -> None:
    results = gradescope(getattr(samples, name)())
    jsonschema_rs.validate(DOCUMENTED, results)
    assert json.loads(json.dumps(results, ensure_ascii=False).encode()) == results


@pytest.mark.parametrize("name", ["perfect", "wrong", "code_only", "precheck"])
def test_the_tests_add_up_to_the_assignments_points_and_the_score_to_what_was_earned(name: str) -> None:
    report = getattr(samples, name)()
    results = gradescope(report)
    assert sum(Fraction(t["max_score"]) for t in results["tests"]) == report.possible
    assert sum(Fraction(t["score"]) for t in results["tests"] if "score" in t) == report.points == results["score"]


def test_hundredths_of_points_do_not_drift() -> None:
    report = samples.perfect()
    tenth = Fraction(1, 10)
    parts = tuple(
        replace(p, checks=tuple(replace(c, points=tenth, possible=tenth) for c in p.checks)) for p in report.parts
    )
    assert gradescope(replace(report, parts=parts))["score"] == 2.2


def test_answers_in_words_are_no_zeros_but_are_named() -> None:
    results = gradescope(samples.wrong())
    waiting = [t for t in results["tests"] if "score" not in t]
    assert len(waiting) == 10
    assert sum(t["max_score"] for t in waiting) == 40
    assert all("status" not in t and "Awaits marking" in t["output"] for t in waiting)
    assert "Await marking, and not in the score yet: q1.1.written" in results["output"]
    assert "(40 points)" in results["output"]
    assert "No answer was found for q3.2.written; a marker will check." in results["output"]
    assert len(results["extra_data"]["waiting_for_a_person"]) == 10


def test_a_check_that_waits_for_the_submission_is_no_zero() -> None:
    report = samples.precheck()
    results = gradescope(report)
    waiting = [c.id for c in report.checks if c.status is Status.NOT_RUN]
    assert not {t["extra_data"]["id"] for t in results["tests"] if "score" in t} & set(waiting)
    assert f"Not graded yet, and not in the score: {waiting[0]}" in results["output"]


def test_a_lost_check_says_why_and_where() -> None:
    test = test_of(samples.wrong(), "q2.2.W1")
    assert test["name"].endswith(" (q2.2.W1)")
    assert (test["number"], test["score"], test["max_score"], test["status"]) == ("2.2", 0.0, 3.0, "failed")
    assert test["output"] == (
        f"{samples.MISSING_1_OVER_N.reason}\nmlp.py:61  grads['W1'] = X.T.dot(dhidden) + reg * W1"
    )


def test_nothing_that_a_student_wrote_is_interpreted() -> None:
    results = gradescope(samples.hostile())
    written = json.dumps(results, ensure_ascii=False)
    assert "\\u001b" not in written
    assert not any(c in written for c in "\x1b\x9b\u202e")
    formats = {results[k] for k in ("output_format", "test_output_format", "test_name_format")}
    assert formats | {t["output_format"] for t in results["tests"]} == {"text"}


def test_an_incomplete_run_says_that_it_is_not_the_grade() -> None:
    assert gradescope(samples.code_only())["output"].startswith("This is not the grade: only q2.2 was graded.")
    assert "not the grade" not in gradescope(samples.wrong())["output"]


def test_the_time_is_what_the_checks_took_together() -> None:
    report = samples.wrong()
    assert gradescope(report)["execution_time"] == pytest.approx(
        sum(u.wall_seconds for u in report.usage.values()), abs=1e-3
    )


def test_code_that_was_not_submitted_is_no_zero_and_is_said_first() -> None:
    made = gradescope(samples.without_code())
    assert made["output"].startswith("Code not submitted, and not in the score: mlp.py was not submitted")
    assert not any("score" in test or "status" in test for test in made["tests"])
    assert made["extra_data"]["code_submitted"] is False
