"""Health, metrics and the queue, for those who run the service."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from prometheus_client.parser import text_string_to_metric_families

from grader.api.metrics import deaths
from grader.kit.answer import failed_call
from grader.model import Died, Failure, Limit, Stopped
from grader.store import leases
from tests.api.world import WRONG, World


def numbers(world: World) -> dict[tuple[str, ...], float]:
    """(name, values of its labels …) → value."""
    text = world.client.get("/metrics").text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_process_that_answers_is_alive(world: World) -> None:
    assert world.client.get("/healthz").json() == {"ok": True}


def test_readiness_names_the_part_that_is_not_ready(world: World) -> None:
    answer = world.client.get("/readyz")
    parts = answer.json()["parts"]
    assert answer.status_code == 503
    assert parts["sandbox"] == {"ok": False, "why": "no grading process is alive"}
    assert (parts["database"]["ok"], parts["queue"]["ok"]) == (True, True)


def test_a_full_queue_is_reported_and_the_service_stays_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.service.queue, "trouble", lambda: "")  # no worker is started
    world.service.settings.queue_limit = 1
    world.hand_in("ada")
    answer = world.client.get("/readyz")
    assert "GRADER_QUEUE_LIMIT" in answer.json()["parts"]["queue"]["why"]
    assert answer.status_code == 200  # a balancer that took it out would refuse submissions


def test_metrics_tell_what_waits_and_what_came_out(world: World) -> None:
    world.hand_in("ada", WRONG)
    world.grade_next("wrong")
    world.hand_in("bob")
    found = numbers(world)
    assert found["grader_database_up",] == 1
    assert found["grader_queue_length", "interactive"] == 1
    assert found["grader_workers",] == 0
    assert found["grader_queue_oldest_seconds", "interactive"] >= 0
    assert found["grader_gradings", "toy", "submission", "graded"] == 1
    assert found["grader_check_results", "toy", "q1.2.negative", "failed"] == 1
    assert found["grader_check_results", "toy", "q1.1.small", "passed"] == 1


def test_each_grading_is_observed_once(world: World) -> None:
    world.hand_in("ada")
    world.grade_next()
    for _ in range(2):
        found = numbers(world)
    assert found["grader_grading_seconds_count", "toy", "submission"] == 1
    assert found["grader_phase_seconds_count", "toy", "q1.1"] == 1


def test_what_was_refused_is_counted(world: World) -> None:
    path = "/api/v1/courses/ml/assignments/toy/submissions"
    world.client.post(path, files=[("files", ("a.docx", b""))], headers=world.headers("ada"))
    assert numbers(world)["grader_problems_total", "refused"] == 1


@pytest.mark.parametrize(
    ("failure", "of"),
    [
        (Stopped(Limit.CPU, 10), "cpu"),
        (Stopped(Limit.WALL, 900, whole_submission=True), "wall"),
        (Stopped(Limit.REPLY, 256 << 20, whole_submission=True), "reply"),
        (Died("the Python process ended in the middle of the call with exit code 3: remove os._exit"), "died"),
    ],
)
def test_deaths_are_told_by_the_failed_calls_once_a_section(failure: Failure, of: str) -> None:
    calls = {"q1.a": failed_call(failure, "loss(…)"), "q1.b": failed_call(failure, "train(…)"), "q2.c": None}
    checks = [{"id": id, "failed_call": call and asdict(call)} for id, call in calls.items()]
    assert deaths({"parts": [{"checks": checks}]}) == [of]


def test_metrics_can_have_a_token(world: World) -> None:
    world.service.settings.metrics_token = "let me in"
    assert world.client.get("/metrics").status_code == 401
    answer = world.client.get("/metrics", headers={"Authorization": "Bearer let me in"})
    assert answer.status_code == 200


def test_the_queue_shows_staff_the_gradings_of_their_courses(world: World) -> None:
    running, waiting = world.hand_in("ada"), world.hand_in("bob")
    with world.service.store.write() as tx:
        leases.claim(tx, "test worker")
    found = world.client.get("/api/v1/queue", headers=world.headers("grace")).json()
    assert [(g["submission"], g["state"]) for g in found["gradings"]] == [(running, "running"), (waiting, "queued")]
    assert found["waiting"] == {"interactive": 1}
