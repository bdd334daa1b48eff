"""Health, metrics and the queue, for those who run the service."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, text
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from grader.kit.answer import failed_call
from grader.model import Died, Failure, Limit, Stopped
from grader.store import counts, leases
from grader.workers.events import Event, GradingCost
from grader.workers.job_runner import deaths
from tests.api.world import WRONG, World
from tests.conftest import ROOT
from tests.helm import rendered


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


def test_each_grading_is_observed_once_and_no_report_is_read_for_it(world: World) -> None:
    world.hand_in("ada")
    grading = world.grade_next()
    cost = GradingCost("toy", "submission", 3.0, 2.0, {"q1.1": 1.0}, ("cpu",))
    world.service.events.publish(Event(grading, "state", "graded", done=True, cost=cost))
    read: list[str] = []
    event.listen(world.service.store._engine, "before_cursor_execute", lambda *query: read.append(query[2]))
    for _ in range(2):
        found = numbers(world)
    assert found["grader_grading_seconds_count", "toy", "submission"] == 1
    assert found["grader_phase_seconds_count", "toy", "q1.1"] == 1
    assert found["grader_sandbox_deaths_total", "toy", "cpu"] == 1
    assert read
    assert not any("report" in query for query in read)


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
    checks = [SimpleNamespace(id=id, failed_call=call) for id, call in calls.items()]
    assert deaths(SimpleNamespace(checks=checks)) == (of,)


def test_metrics_are_closed_to_other_machines_unless_they_have_a_token(world: World) -> None:
    elsewhere = TestClient(world.client.app, client=("203.0.113.7", 50000))
    assert elsewhere.get("/metrics").status_code == 401
    assert world.client.get("/metrics").status_code == 200


@pytest.mark.parametrize("name", ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP"])
def test_metrics_without_a_token_are_closed_to_what_a_proxy_passes_on(world: World, name: str) -> None:
    assert world.client.get("/metrics", headers={name: "127.0.0.1"}).status_code == 401


def test_metrics_behind_a_proxy_that_leaves_no_trace_need_a_token(world: World) -> None:
    statuses = {}
    for url in ("https://grader.example.edu", "http://localhost:8000", "http://[::1]:8000"):
        world.service.settings.url = url
        statuses[url] = world.client.get("/metrics").status_code
    assert [*statuses.values()] == [401, 200, 200]


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


def test_each_alert_rests_on_a_metric_that_exists(world: World) -> None:
    world.hand_in("ada")
    world.client.post("/api/v1/courses/ml/assignments/toy/submissions", headers=world.headers("ada"))
    names = {name for name, *_ in numbers(world)} | {"up"}
    rules = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
    for rule in rules:
        metrics = {*re.findall(r"grader_\w+|\bup\b", rule["expr"])}
        assert metrics
        assert metrics <= names, rule["alert"]
    operator = (ROOT / "docs" / "operator.md").read_text("utf-8")
    assert [rule["alert"] for rule in rules if f"`{rule['alert']}`" not in operator] == []


def test_a_first_internal_error_is_an_increase(world: World) -> None:
    """Prometheus sees none if a counter begins with 1."""
    assert numbers(world)["grader_problems_total", "internal-error"] == 0


@pytest.mark.parametrize("free_mib", [0, 17])
def test_readiness_tells_whether_the_disk_has_room_for_an_upload(
    world: World, monkeypatch: pytest.MonkeyPatch, free_mib: int
) -> None:
    disk = SimpleNamespace(free=free_mib << 20)
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: disk)
    part = world.client.get("/readyz").json()["parts"]["uploads"]
    assert part["ok"] is (free_mib == 17)
    assert part["ok"] or "has 0 MiB left" in part["why"]


def test_metrics_tell_which_part_is_not_ready_and_what_no_worker_takes(world: World) -> None:
    world.hand_in("ada")
    found = numbers(world)
    assert (found["grader_ready", "database"], found["grader_ready", "sandbox"]) == (1, 0)
    assert found["grader_unserved",] == 1
    assert found["grader_request_seconds_count", "/api/v1/courses/{course}/assignments/{assignment}/submissions"] == 1


def test_the_log_of_requests_names_the_person_by_id_and_escapes_what_acts(world: World) -> None:
    with capture_logs() as logs:
        world.client.get("/courses/a%1b[2J%E2%80%AEb", headers=world.headers("ada"))
    (line,) = [line for line in logs if line["event"] == "request"]
    assert line["person"] == world.people["ada"].id
    assert line["path"] == r"/courses/a\x1b[2J\u202eb"


def test_the_scaler_of_the_chart_counts_what_waits_and_what_runs(world: World) -> None:
    scaler = rendered("scaler.enabled=true")["ScaledObject", "grader-worker"]["spec"]
    query = text(scaler["triggers"][0]["metadata"]["query"])
    for number in range(3):
        world.hand_in("ada" if number % 2 else "bob", f"{WRONG}# {number}\n")
    world.grade_next("wrong")
    with world.service.store.write() as tx:
        assert leases.claim(tx, "a worker") is not None
    with world.service.store.read() as tx:
        waiting = sum(queued.gradings for queued in counts.waiting(tx))
        assert tx.execute(query).scalar_one() == waiting + 1 == 2
