"""Marking answers over HTTP: blind, in an order of one's own, the same answer once."""

from __future__ import annotations

from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import update

from grader.marking.groups import short_hash
from grader.model import Json
from grader.model.answers import digest_of
from grader.store import answer_marks, people
from grader.store.answer_marks import NewMark
from grader.store.records import Counts, Role, TokenKind
from grader.store.rubrics import OfferedQuestion
from grader.store.tables import answers as table
from tests.api.world import ASSIGNMENT, COURSE, SUBMISSIONS, World, answering

QUESTION = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}/questions/q1.1.written"
BECAUSE = {"answers": digest_of("because")}
OPINION = [
    {"asked": "g", "comparison": "equal", "points": 1.5, "possible": 1.5, "words": "equal", "evidence": "12 networks"}
]


@pytest.fixture
def room(world: World) -> World:
    """ "mary" is staff too; whatever anybody hands in has no answer until `answer` says so."""
    world.reports = dict(world.reports)
    with world.service.store.write() as tx:
        for login in ("mary", "olga"):
            person = people.put_person(tx, login, login.title())
            people.put_member(tx, COURSE, person.id, Role.STAFF)
            world.people[login] = person
            world.tokens[login] = people.new_token(tx, person.id, TokenKind.PROGRAM, "tests")
    return world


def answer(room: World, login: str, text: str) -> str:
    """Hands in a notebook with this answer, and grades it; returns the submission's id."""
    id = room.hand_in(login)
    room.reports["answer"] = answering(room.reports["right"], text)
    room.grade_next("answer")
    return id


def suggest(room: World, judgements: list[Json]) -> None:
    """As if the machine had had this opinion of every answer."""
    with room.service.store.write() as tx:
        tx.execute(update(table).values(opinion={"judgements": judgements}))


def ask(room: World, method: str, path: str, who: str = "grace", body: Any = None) -> Response:
    got = room.client.request(method, path, json=body, headers=room.headers(who))
    assert got.status_code < 300, got.text
    return got


def listed(room: World, who: str = "grace", query: str = "") -> list[Json]:
    return list(ask(room, "GET", f"{QUESTION}/answers{query}", who).json())


def page_of(text: str) -> str:
    """The page of the group of this text, which the machine has not read."""
    return f"/courses/{COURSE}/assignments/{ASSIGNMENT}/marking/q1.1.written/groups/{group_of(text)}"


def group_of(text: str) -> str:
    return short_hash("text", digest_of(text))


def mark(room: World, text: str, who: str = "grace", **given: object) -> Json:
    return dict(ask(room, "PUT", f"{QUESTION}/answers/{digest_of(text)}/mark", who, given).json())


def item(room: World, points: float, text: str = "Right", who: str = "grace", question: str = QUESTION) -> str:
    return str(ask(room, "POST", f"{question}/rubric", who, {"text": text, "points": points}).json()["id"])


def worth(room: World, id: str, who: str = "ada") -> Json:
    return dict(ask(room, "GET", f"/api/v1/submissions/{id}", who).json()["score"])


def test_an_item_of_another_course_is_not_found_whether_it_is_used_or_not(room: World) -> None:
    theirs = item(room, 1, who="root", question=QUESTION.replace(f"/{COURSE}/", "/other/"))
    for _ in range(2):
        refused = room.client.delete(f"{QUESTION}/rubric/{theirs}", headers=room.headers("grace"))
        assert refused.status_code == 404
        with room.service.store.write() as tx:
            question = OfferedQuestion("other", ASSIGNMENT, "q1.1.written")
            answer_marks.put(tx, question, digest_of("x"), room.people["root"].id, NewMark(items=(theirs,)))


def test_the_same_answer_is_read_once_and_without_names(room: World) -> None:
    answer(room, "ada", "because")
    answer(room, "bob", "  because\n")
    (found,) = listed(room)
    assert (found["students"], found["stage"]) == (2, "unmarked")
    text = ask(room, "GET", f"{QUESTION}/answers").text
    assert not [login for login in ("ada", "bob") if login in text.lower()]


def test_both_authors_of_an_answer_get_its_points(room: World) -> None:
    ids = {login: answer(room, login, "because") for login in ("ada", "bob")}
    mark(room, "because", items=[item(room, 1)], comment="Yes.")
    for login, id in ids.items():
        score = worth(room, id, login)
        (question,) = score["questions"]
        assert (score["final"], score["waiting"]) == (5, 0)
        assert (question["state"], question["comment"]) == ("decided", "Yes.")
        assert question["items"] == [{"text": "Right", "points": 1}]


@pytest.mark.parametrize(
    "shows",
    [
        "![image.png](attachment:image.png)",
        "Here:\n![my derivation](https://example.org/mine.png)",
        "![mine][1]\n\n[1]: mine.png",
        '<IMG src="attachment:image.png">',
        r"\includegraphics{mine}",
    ],
)
def test_an_image_that_others_name_alike_is_each_ones_own(room: World, shows: str) -> None:
    ids = {login: answer(room, login, shows) for login in ("ada", "bob")}
    first, second = listed(room)
    assert (first["students"], second["students"]) == (1, 1)
    ask(room, "PUT", f"{QUESTION}/answers/{first['digest']}/mark", body={"adjustment": 1})
    assert {worth(room, id, login)["written"] for login, id in ids.items()} == {None, 1}


def test_a_submission_is_partly_graded_until_its_answers_are_marked(room: World) -> None:
    id = answer(room, "ada", "because")
    states = [ask(room, "GET", f"/api/v1/submissions/{id}", "ada").json()["state"]]
    room.set(held=True)
    states.append(ask(room, "GET", f"/api/v1/submissions/{id}", "ada").json()["state"])
    room.set(held=False)
    mark(room, "because", adjustment=1)
    states.append(ask(room, "GET", f"/api/v1/submissions/{id}", "ada").json()["state"])
    assert states == ["partly_graded", "graded", "graded"]


def test_a_resubmission_with_the_same_answer_keeps_its_points(room: World) -> None:
    answer(room, "ada", "because")
    mark(room, "because", adjustment=1)
    assert worth(room, answer(room, "ada", "because"))["written"] == 1


def test_a_changed_answer_waits_again_and_is_shown_as_marked_before(room: World) -> None:
    answer(room, "ada", "because")
    mark(room, "because", adjustment=1)
    id = answer(room, "ada", "since")
    found = ask(room, "GET", f"/api/v1/submissions/{id}", "ada").json()
    assert (found["score"]["written"], found["score"]["waiting"]) == (None, 1.5)
    assert found["marked_before"] == ["q1.1.written"]
    assert [(p["answer"], p["marked_before"]) for p in listed(room)] == [("since", True)]


def test_where_the_best_counts_every_answer_is_read(room: World) -> None:
    room.set(counts=Counts.BEST)
    for text in ("because", "since"):
        answer(room, "ada", text)
    assert sorted(found["answer"] for found in listed(room)) == ["because", "since"]


def test_what_the_machine_suggests_is_for_staff(room: World) -> None:
    id = answer(room, "ada", "because")
    suggest(room, OPINION)
    (found,) = listed(room)
    assert found["suggestion"]["points"] == 1.5
    assert found["suggestion"]["grounds"][0]["evidence"] == "12 networks"
    states = [worth(room, id, who)["questions"][0]["state"] for who in ("grace", "ada")]
    assert states == ["suggested", "waiting"]
    assert "12 networks" not in ask(room, "GET", f"/api/v1/submissions/{id}", "ada").text


def test_a_mark_is_held_with_the_points(room: World) -> None:
    room.set(held=True)
    id = answer(room, "ada", "because")
    mark(room, "because", adjustment=1, comment="between us")
    assert "between us" not in ask(room, "GET", f"/api/v1/submissions/{id}", "ada").text
    assert worth(room, id)["final"] is None


def test_two_readers_do_not_see_each_other_and_a_moderator_decides(room: World) -> None:
    id = answer(room, "ada", "because")
    ask(room, "PUT", QUESTION, body={"markers": 2})
    assert mark(room, "because", adjustment=1, comment="first")["stage"] == "second marker"
    assert listed(room, "mary")[0]["others"] == []
    assert mark(room, "because", "mary", adjustment=0.5)["stage"] == "moderator"
    assert (worth(room, id)["written"], listed(room, "mary", "?waiting=true")) == (None, [])
    (open_,) = listed(room, "olga", "?waiting=true")
    assert {given["points"] for given in open_["others"]} == {1, 0.5}
    for points in (0.75, 0.25):  # and may change the decision
        mark(room, "because", "olga", adjustment=points, moderates=True)
        assert worth(room, id)["written"] == points


@pytest.mark.parametrize("who", ["grace", "mary"])
def test_only_a_third_person_moderates_and_only_if_two_markers_differ(room: World, who: str) -> None:
    id = answer(room, "ada", "because")
    ask(room, "PUT", QUESTION, body={"markers": 2})
    alone = {"adjustment": 0.5, "moderates": True}
    path = f"{QUESTION}/answers/{digest_of('because')}/mark"
    stages = []
    for marker, points in (("grace", 1), ("mary", 0.75)):
        got = room.client.request("PUT", path, json=alone, headers=room.headers(who))
        stages.append((got.status_code, listed(room)[0]["stage"]))
        mark(room, "because", marker, adjustment=points)
    assert stages == [(422, "unmarked"), (422, "second marker")]
    assert room.client.put(path, json=alone, headers=room.headers(who)).status_code == 422
    assert worth(room, id)["written"] is None


def test_a_mark_that_is_taken_back_leaves_the_answer_unmarked(room: World) -> None:
    id = answer(room, "ada", "because")
    mark(room, "because", adjustment=1)
    ask(room, "DELETE", f"{QUESTION}/answers/{digest_of('because')}/mark")
    assert worth(room, id)["waiting"] == 1.5


def test_a_list_of_submissions_has_the_same_score(room: World) -> None:
    answer(room, "ada", "because")
    mark(room, "because", adjustment=1)
    assert [s["score"]["final"] for s in ask(room, "GET", SUBMISSIONS).json()] == [5]


def test_an_empty_form_gives_no_mark(room: World) -> None:
    answer(room, "ada", "because")
    page = page_of("because")
    asked = room.client.post(
        page, data={"adjustment": "0", "answers": digest_of("because")}, headers=room.headers("grace")
    )
    assert (asked.status_code, listed(room)[0]["stage"]) == (422, "unmarked")
    said = room.client.post(
        page,
        data={"comment": "Empty.", "answers": digest_of("because")},
        headers=room.headers("grace"),
        follow_redirects=False,
    )
    assert (said.status_code, listed(room)[0]["points"]) == (303, 0)


def test_without_javascript_a_phrase_is_used_and_a_comment_added_to_the_bank(room: World) -> None:
    answer(room, "ada", "because")
    page = page_of("because")
    form = {"items": [item(room, 1)], "comment": "Why?", "phrase": "Mind the sign.", "keep": "true"} | BECAUSE
    room.client.post(page, data=form, headers=room.headers("grace"), follow_redirects=False)
    assert listed(room)[0]["own"]["comment"] == "Why?\n\nMind the sign."
    assert [p["text"] for p in ask(room, "GET", QUESTION).json()["phrases"]] == ["Why?"]


@pytest.mark.parametrize("form", [{"comment": "x" * 9_990, "phrase": "y" * 100}, {"items": ["0" * 26] * 51}])
def test_a_form_with_too_long_a_comment_is_refused(room: World, form: Json) -> None:
    answer(room, "ada", "because")
    page = page_of("because")
    assert room.client.post(page, data=form | BECAUSE, headers=room.headers("grace")).status_code == 422
