"""Students ask for regrades, and staff answer: who may ask about what and when, and what an answer changes."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from httpx2 import Response
from sqlalchemy import Engine, event

from grader.model import Json
from grader.store import people, submissions
from grader.store import requests as stored
from grader.store.database import now
from grader.store.records import Priority, Role
from tests.api.test_marks_of_checks import figures, shown
from tests.api.test_pages import Visitor, words
from tests.api.world import COURSE, WRONG, World, answering

LOST, KEPT, WRITTEN = "q1.2.negative", "q1.1.small", "q1.1.written"
AN_HOUR = dt.timedelta(hours=1)


@pytest.fixture
def submission(world: World) -> str:
    """Ada's, in which a check has lost its points."""
    id = world.hand_in("ada", WRONG)
    world.grade_next("wrong")
    return id


def ask(world: World, id: str, question: str = LOST, who: str = "ada", text: str = "−a is right") -> Response:
    path = f"/api/v1/submissions/{id}/requests"
    return world.client.post(path, json={"question": question, "text": text}, headers=world.headers(who))


def answer(world: World, request: str, points: float | None = None, who: str = "grace") -> Response:
    body = {"text": "You are right."} | ({} if points is None else {"points": points})
    return world.client.post(f"/api/v1/requests/{request}/answer", json=body, headers=world.headers(who))


def got(world: World, path: str, who: str = "ada") -> list[Json]:
    response = world.client.get(f"/api/v1/{path}", headers=world.headers(who))
    assert response.status_code == 200, response.text
    return list(response.json())


def ids(requests: list[Json]) -> list[str]:
    return [request["id"] for request in requests]


def queue(world: World, state: str = "open", after: str = "") -> list[str]:
    return ids(got(world, f"courses/{COURSE}/requests?state={state}&after={after}", "grace"))


def test_a_request_is_answered_with_new_points_which_a_regrade_keeps(world: World, submission: str) -> None:
    before = figures(world, submission)[0]
    request = ask(world, submission).json()
    assert (request["answer"], queue(world)) == (None, [request["id"]])
    answered = answer(world, request["id"], 1.5).json()
    assert (answered["earlier_points"], answered["new_points"], answered["answered_by"]) == (0, 1.5, "Grace")
    assert figures(world, submission)[0] == before + 1.5
    assert shown(world, submission, LOST)["reason"] == "You are right."
    assert (queue(world), queue(world, "answered")) == ([], [request["id"]])
    _regrade(world, submission, "wrong", apply=True)
    assert figures(world, submission)[0] == before + 1.5


def _regrade(world: World, submission: str, report: str, apply: bool = False) -> None:
    headers = world.headers("grace")
    regrade = world.client.post(f"/api/v1/submissions/{submission}/regrade", headers=headers).json()["id"]
    world.grade_next(report)
    if apply:
        assert world.client.post(f"/api/v1/regrades/{regrade}/apply", headers=headers).status_code == 200


def test_an_answer_may_leave_the_points(world: World, submission: str) -> None:
    before = figures(world, submission)
    answered = answer(world, ask(world, submission).json()["id"]).json()
    assert (answered["answer"], answered["new_points"]) == ("You are right.", None)
    assert figures(world, submission) == before
    headers = world.headers("ada")
    assert world.client.get(f"/api/v1/submissions/{submission}", headers=headers).json()["marks"] == []


def test_a_question_is_asked_about_once_until_it_is_answered(world: World, submission: str) -> None:
    first = ask(world, submission)
    assert [first.status_code, ask(world, submission).status_code] == [201, 409]
    answer(world, first.json()["id"])
    assert ask(world, submission).status_code == 201


def test_a_request_is_answered_once(world: World, submission: str) -> None:
    request = ask(world, submission).json()["id"]
    assert [answer(world, request).status_code, answer(world, request, 2).status_code] == [200, 409]
    assert shown(world, submission, LOST)["points"] == 0, "nothing of the second answer is kept"


def test_a_marked_answer_may_be_asked_about(world: World) -> None:
    world.reports = {**world.reports, "answered": answering(world.reports["right"], "because")}
    submission = world.hand_in("ada")
    world.grade_next("answered")
    assert ask(world, submission, WRITTEN).status_code == 422, "it is not decided"
    mark = f"/api/v1/submissions/{submission}/marks/{WRITTEN}"
    world.client.put(mark, json={"points": 0.5}, headers=world.headers("grace"))
    request = ask(world, submission, WRITTEN).json()["id"]
    answered = answer(world, request, 1).json()
    assert (answered["earlier_points"], answered["new_points"]) == (0.5, 1)


@pytest.mark.parametrize(
    ("question", "who", "status"),
    [(KEPT, "ada", 422), ("q9", "ada", 422), (LOST, "bob", 404), (LOST, "grace", 422), (LOST, "eve", 404)],
)
def test_only_authors_ask_and_only_about_lost_points(
    world: World, submission: str, question: str, who: str, status: int
) -> None:
    assert ask(world, submission, question, who).status_code == status
    assert queue(world) == []


@pytest.mark.parametrize("setting", [{"held": True}, {"hidden": (LOST,)}, {"hidden": ("q1.2",)}])
def test_what_is_hidden_cannot_be_asked_about(world: World, submission: str, setting: dict[str, object]) -> None:
    world.set(**setting)
    refused, unknown = ask(world, submission), ask(world, submission, "q9")
    assert (refused.status_code, unknown.status_code) == (422, 422)
    assert refused.json()["detail"].replace(LOST, "q9") == unknown.json()["detail"]
    assert "Ask for a regrade" not in Visitor(world, "ada").get(f"/submissions/{submission}")


def test_points_of_an_answer_wait_for_their_release_too(world: World, submission: str) -> None:
    """The answer would tell what is hidden."""
    answer(world, ask(world, submission).json()["id"], 1.5)
    world.set(held=True)
    page = Visitor(world, "ada").get(f"/submissions/{submission}")
    assert "You are right." not in page
    assert "You are right." in Visitor(world, "grace").get(f"/submissions/{submission}")


def test_requests_end_at_the_date_of_the_assignment(world: World, submission: str) -> None:
    world.set(requests_until=now() + AN_HOUR)
    assert "You can ask until" in Visitor(world, "ada").get(f"/submissions/{submission}")
    world.set(requests_until=now() - AN_HOUR)
    assert ask(world, submission).status_code == 422
    assert "Ask for a regrade" not in Visitor(world, "ada").get(f"/submissions/{submission}")


def test_a_date_that_is_set_is_shown(world: World) -> None:
    path, headers = f"/api/v1/courses/{COURSE}/assignments/toy", world.headers("grace")
    world.client.put(path, json={"requests_until": "2030-01-01T00:00:00Z"}, headers=headers)
    settings = world.client.get(path, headers=world.headers("ada")).json()
    assert settings["requests_until"] == "2030-01-01T00:00:00Z"


def test_what_is_not_graded_cannot_be_asked_about(world: World) -> None:
    assert ask(world, world.hand_in("ada")).status_code == 422


def test_too_many_points_are_refused_and_the_request_stays_open(world: World, submission: str) -> None:
    request = ask(world, submission).json()["id"]
    assert answer(world, request, 100).status_code == 422
    assert queue(world) == [request]


@pytest.mark.parametrize("who", ["ada", "bob", "eve"])
def test_only_staff_of_the_course_answer(world: World, submission: str, who: str) -> None:
    assert answer(world, ask(world, submission).json()["id"], who=who).status_code == 404


def test_by_links_and_forms_alone(world: World, submission: str) -> None:
    ada, grace = Visitor(world, "ada"), Visitor(world, "grace")
    own = f"/submissions/{submission}"
    page = ada.get(own)
    assert re.findall(r'<option value="([\w.]+)"', page) == [LOST]
    sent = ada.sends(own, own + "/requests", question=LOST, text="−a is <b>right</b>")
    assert sent.headers["location"] == f"{own}#requests"
    assert "q1.2.negative ◌ open" in words(ada.get(own))
    assert "<option" not in ada.get(own), "it cannot be asked about again"
    assert "Requests for a regrade" in grace.get("/")
    waiting = grace.get(f"/courses/{COURSE}/requests")
    assert "−a is &lt;b&gt;right&lt;/b&gt;" in waiting
    (link,) = re.findall(r'href="(/submissions/[^"#]+)#request-', waiting)
    _regrade(world, submission, "right")
    (form,) = re.findall(r'action="(/requests/\w+/answer)"', grace.get(link))
    assert "A regrade that is not applied yet gives 2 of 2 points" in words(grace.get(link))
    assert "not applied yet" not in ada.get(own)
    grace.sends(link, form, text="It is.", points="2")
    read = words(ada.get(own))
    assert "✓ answered" in read
    assert "points from 0 to 2 It is." in read
    assert "4 of 5.5 points" in read
    assert "It is." in words(grace.get(f"/courses/{COURSE}/requests?state=answered"))


def _many(world: World, count: int) -> None:
    """Requests of as many students, about one submission each."""
    with world.service.store.write() as tx:
        for number in range(count):
            person = people.put_person(tx, f"student{number}", f"Student {number}")
            people.put_member(tx, COURSE, person.id, Role.STUDENT)
            new = submissions.NewSubmission(
                COURSE, "toy", submissions.Kind.SUBMISSION, "api", "", person.id, (person.id,), ()
            )
            id = submissions.add(tx, new)
            world.service.queue.enqueue(tx, id, "toy", person.id, Priority.INTERACTIVE)
            record = submissions.get(tx, id)
            assert record is not None
            assert stored.ask(tx, record, LOST, person.id, "Why?")


def test_the_queue_has_pages_from_the_oldest_on_and_few_queries(world: World) -> None:
    grace = Visitor(world, "grace")
    few = _queries(world, grace)
    _many(world, 103)
    assert _queries(world, grace) == few
    first = queue(world)
    second = queue(world, after=first[-1])
    third = queue(world, after=second[-1])
    assert [len(page) for page in (first, second, third)] == [50, 50, 3]
    assert first + second + third == sorted({*first, *second, *third})
    page = grace.get(f"/courses/{COURSE}/requests")
    (after,) = re.findall(r"after=(\w+)", page)
    assert after == first[-1]


def _queries(world: World, grace: Visitor) -> int:
    """How many statements the page of the queue takes."""
    statements = []

    def count(*arguments: object) -> None:
        statements.append(arguments[2])

    engine: Engine = world.service.store._engine
    event.listen(engine, "before_cursor_execute", count)
    grace.get(f"/courses/{COURSE}/requests")
    event.remove(engine, "before_cursor_execute", count)
    return len(statements)


@pytest.mark.parametrize("points", ["-1", "1001", "0.125", "nan"])
def test_points_that_a_form_cannot_have_are_refused_with_the_reason(world: World, submission: str, points: str) -> None:
    request = ask(world, submission).json()["id"]
    for path, form in (
        (f"/requests/{request}/answer", {"text": "t"}),
        (f"/submissions/{submission}/marks", {"check": LOST}),
    ):
        refused = world.client.post(path, data=form | {"points": points}, headers=world.headers("grace"))
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid")
        assert re.search("points.*: .* should ", refused.json()["detail"])
    assert queue(world) == [request]


def test_a_request_and_an_answer_of_spaces_are_refused(world: World, submission: str) -> None:
    assert ask(world, submission, text=" \n ").status_code == 422
    ada, grace = world.headers("ada"), world.headers("grace")
    form = {"question": LOST, "text": " \n "}
    assert world.client.post(f"/submissions/{submission}/requests", data=form, headers=ada).status_code == 422
    request = ask(world, submission).json()["id"]
    assert world.client.post(f"/requests/{request}/answer", data={"text": " "}, headers=grace).status_code == 422
    assert queue(world) == [request]
