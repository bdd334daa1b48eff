"""Every route, and what it answers to everybody: a route that is not in the table fails, as does one that is gone.

What somebody may not see answers as what does not exist, byte for byte.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from httpx2 import Response
from sqlalchemy import select

from grader import api
from grader.assignments.catalogue import Assignment
from grader.marking.groups import short_hash
from grader.model import Points, Report
from grader.model.answers import digest_of
from grader.store import answer_marks, line_comments, lti, people, requests, rubrics, submissions
from grader.store.answer_marks import NewMark
from grader.store.database import upsert
from grader.store.lti import LinkedContext, Platform
from grader.store.records import Role, TokenKind, TokenScope
from grader.store.rubrics import OfferedQuestion
from grader.store.tables import audit, lti_scores, metadata
from tests.api.world import World, answering, living

WHO = ("nobody", "ada", "bob", "eve", "grace", "olga", "root")
"""ada, whose things are asked for; bob, a student of her course; eve, one of another; grace, its staff; olga, staff of
another; root, an admin."""

OPEN, OWN, MEMBERS, AUTHORS, STAFF, ANY_STAFF, ADMINS, ALL = (
    "+++++++",  # to everybody
    "1++++++",  # to those who have logged in, of what is theirs
    "1++0+0+",  # to the course
    "1+00+0+",  # to the submission's author and the course's staff
    "1000+0+",
    "1000+++",  # to staff of any course
    "100000+",
    "1++++++",
)
"""The response to each of WHO: 1 "log in first", 0 "there is no such thing", + any other but an internal error."""


@dataclass(frozen=True)
class Row:
    route: str
    """"GET /api/v1/courses/{course}" """
    who: str
    request: Mapping[str, Any] = field(default_factory=dict)
    also: int = 0
    """A status that is as good as success here."""


A = "/api/v1/courses/{course}/assignments/{assignment}"
Q = A + "/questions/{question}"
R = "/courses/{course}/assignments/{assignment}/marking"
S = "/api/v1/submissions/{id}"
HAND_IN = {"files": [("files", ("mlp.py", b"class Sums:\n    pass\n"))], "data": {"kind": "precheck"}}
ROSTER = {"files": {"file": ("roster.csv", b"login\ndora\n")}, "params": {"dry_run": "true"}}
BECAUSE = digest_of("because")
GROUP = short_hash("text", BECAUSE)
ADJUSTED = {"data": {"points": "1", "reason": "found later"}}
PLATFORM = {"name": "Canvas", "issuer": "https://canvas.example", "client_id": "1"} | dict.fromkeys(
    ("login_url", "token_url", "keys_url"), "https://canvas.example/lti"
)
EXTENSIONS = {"files": {"file": ("extensions.csv", b"login,due_at\nada,2030-01-01T00:00:00Z\n")}}


TABLE = [
    # operations
    Row("GET /healthz", OPEN),
    Row("GET /readyz", OPEN, also=503),  # the workers are at rest
    Row("GET /metrics", OPEN),
    Row("GET /.well-known/jwks.json", OPEN),
    Row("GET /api/v1/openapi.json", OPEN),
    Row("GET /api/v1/queue", ANY_STAFF),
    # people and tokens
    Row("GET /login", OPEN),
    Row("POST /login", OPEN, also=403),  # no token is sent: test_logging_in.py
    Row("POST /login/password", OPEN, also=403),  # none is set: test_passwords.py
    Row("POST /login/link", "0000000"),  # there is no mail server here: test_mail.py
    Row("POST /logout", OWN),
    Row("GET /login/{name}", "0000000"),  # none is set here: test_oidc.py, test_jupyterhub.py
    Row("GET /login/{name}/back", "0000000"),
    Row("POST /api/v1/tokens/jupyterhub", "0000000", {"json": {"token": "x"}}),
    Row("GET /lti/jwks.json", OPEN),
    Row("GET /lti/login", OPEN),  # 422 for all of these: test_lti.py
    Row("POST /lti/login", OPEN),
    Row("POST /lti/launch", OPEN, also=403),
    Row("POST /lti/course", OPEN),
    Row("POST /lti/deep-link", OPEN),
    Row("GET /lti/register", OPEN),
    Row("GET /platforms", ADMINS),
    Row("POST /platforms", ADMINS, {"data": PLATFORM}),
    Row("POST /platforms/links", ADMINS),
    Row("GET /api/v1/me", ALL),
    Row("PUT /api/v1/people/{login}", ADMINS, {"json": {"name": "Ada"}}),
    Row("GET /api/v1/tokens", OWN),
    Row("POST /api/v1/tokens", OWN, {"json": {"label": "x"}}),
    Row("DELETE /api/v1/tokens/{id}", "1+00000"),
    # courses
    Row("GET /api/v1/courses", OWN),
    Row("POST /api/v1/courses", ADMINS, {"json": {"id": "newer", "title": "New"}}),
    Row("GET /api/v1/courses/{course}", MEMBERS),
    Row("GET /api/v1/courses/{course}/assignments", MEMBERS),
    Row(f"GET {A}", MEMBERS),
    Row(f"PUT {A}", STAFF, {"json": {}}),
    Row(f"GET {A}/extensions", STAFF),
    Row(f"PUT {A}/extensions", STAFF, {"json": {"label": "tuesday", "due_at": "2030-01-01T00:00:00Z"}}),
    Row(f"PUT {A}/extensions.csv", STAFF, EXTENSIONS),
    Row(f"POST {A}/adjustments/{{login}}", STAFF, {"json": {"points": 1, "reason": "found later"}}),
    Row(f"POST {A}/group", MEMBERS, {"json": {"change": "leave"}}),
    Row(f"GET {A}/groups", STAFF),
    Row(f"PUT {A}/groups", STAFF, {"json": {}}),
    Row("GET /api/v1/courses/{course}/roster", STAFF),
    Row("PUT /api/v1/courses/{course}/roster", STAFF, ROSTER),
    Row("PUT /api/v1/courses/{course}/members/{member}", STAFF, {"json": {"role": "student"}}),
    Row("DELETE /api/v1/courses/{course}/members/{member}", STAFF),
    # pages
    Row("GET /", OWN),
    Row("GET /courses/new", ADMINS),
    Row("POST /courses/new", ADMINS, {"data": {"id": "newest", "title": "New"}}),
    Row("GET /courses/{course}/people", STAFF),
    Row("POST /courses/{course}/people", STAFF, {"data": {"login": "dora"}}),  # 422: she is a member
    Row("POST /courses/{course}/roster", STAFF, {"files": ROSTER["files"]}),
    Row("POST /courses/{course}/roster/apply", STAFF, {"data": {"rows": "login\ndora\n"}}),
    Row("GET /courses/{course}/people/{member}", STAFF),
    Row("POST /courses/{course}/people/{member}", STAFF, {"data": {"name": "Dora"}}),
    Row("POST /courses/{course}/people/{member}/remove", STAFF),
    Row(
        "POST /courses/{course}/people/{member}/extensions",
        STAFF,
        {"data": {"assignment": "toy", "due_at": "2030-01-01T00:00"}},
    ),
    Row("POST /courses/{course}/people/{member}/late-days", STAFF, {"data": {"days": "1", "reason": "ill"}}),
    Row("POST /courses/{course}/people/{member}/link", ADMINS, also=403),  # programs may not: test_course_pages.py
    Row("POST /courses/{course}/late-days", STAFF, {"data": {"days": "4"}}),
    Row("GET /courses/{course}/assignments/{assignment}/handout.zip", MEMBERS),
    Row("GET /courses/{course}/assignments/{assignment}/pack.zip", MEMBERS, also=503),  # it is built first
    Row("GET /courses/{course}/offer", STAFF),
    Row("GET /courses/{course}/assignments/{assignment}/settings", STAFF),
    Row("POST /courses/{course}/assignments/{assignment}/settings", STAFF, {"data": {"held": "true"}}),  # 409: old
    Row("GET /courses/{course}", MEMBERS),
    Row("GET /courses/{course}/assignments/{assignment}", MEMBERS),
    Row("POST /courses/{course}/assignments/{assignment}", MEMBERS, HAND_IN),
    Row("POST /courses/{course}/assignments/{assignment}/group", MEMBERS, {"data": {"change": "leave"}}),
    Row("GET /courses/{course}/assignments/{assignment}/groups", STAFF),
    Row("POST /courses/{course}/assignments/{assignment}/groups", STAFF, {"data": {"rows": "{}"}}),
    Row("GET /submissions/{id}", AUTHORS),
    Row("GET /submissions/{id}/receipt", AUTHORS),
    Row("GET /submissions/{id}/files/{number}", AUTHORS),
    Row("POST /submissions/{id}/files/{number}", STAFF, {"data": {"line": "1", "text": "Why?"}}),
    Row("POST /submissions/{id}/cancel", AUTHORS),
    Row("GET /settings", OWN),
    Row("POST /settings/password", OWN, also=403),  # programs may not: test_passwords.py
    Row("POST /settings/mail", OWN, {"data": {"events": "graded"}}),
    Row("POST /settings/tokens", OWN, {"data": {"label": "x", "scopes": "read"}}),
    Row("POST /settings/tokens/{id}/revoke", "1+00000"),
    Row("GET /queue", ANY_STAFF),
    Row("GET /courses/{course}/assignments/{assignment}/scores", STAFF),
    Row("GET /courses/{course}/assignments/{assignment}/scores/{format}.csv", STAFF),
    Row("GET /courses/{course}/assignments/{assignment}/students/{login}", STAFF),
    Row("POST /courses/{course}/assignments/{assignment}/students/{login}/adjustments", STAFF, ADJUSTED),
    Row("POST /courses/{course}/assignments/{assignment}/students/{login}/hold", STAFF, {"data": {"hold": "as all"}}),
    Row("GET /courses/{course}/gradebook", STAFF),
    Row("GET /courses/{course}/gradebook.csv", STAFF),
    Row("GET /courses/{course}/assignments/{assignment}/failures", STAFF),
    Row("GET /courses/{course}/assignments/{assignment}/regrades", STAFF),
    Row("POST /courses/{course}/assignments/{assignment}/regrades", STAFF, {"data": {"which": "latest"}}),
    Row("GET /gradings/{grading}", STAFF),
    Row("POST /gradings/{grading}/retry", STAFF),
    Row("POST /submissions/{id}/regrade", STAFF),
    Row("POST /submissions/{id}/marks", STAFF, {"data": {"check": "q1.2.negative", "points": "1"}}),
    Row("POST /submissions/{id}/requests", AUTHORS, {"data": {"question": "q1.1.small", "text": "Why?"}}),  # 422
    Row("GET /courses/{course}/requests", STAFF),
    Row("POST /requests/{request}/answer", STAFF, {"data": {"text": "Because."}}),
    Row("GET /regrades/{regrade}", STAFF),
    Row("POST /regrades/{regrade}/apply", STAFF),
    Row("POST /regrades/{regrade}/discard", STAFF),
    Row(f"GET {R}", STAFF),
    Row(f"GET {R}/rubric.toml", STAFF),
    Row(f"POST {R}/rubric.toml", STAFF, {"data": {"text": ""}}),
    Row(f"GET {R}/{{question}}", STAFF),
    Row(f"GET {R}/{{question}}/{{digest}}", STAFF),
    Row(f"GET {R}/{{question}}/groups/{{group}}", STAFF),
    Row(f"POST {R}/{{question}}/groups/{{group}}", STAFF, {"data": {"adjustment": "1", "answers": BECAUSE}}),
    Row(f"POST {R}/{{question}}/groups/{{group}}/take-out", STAFF, {"data": {"answer": BECAUSE}}),  # 422: it is alone
    Row(f"POST {R}/{{question}}/groups/{{group}}/merge", STAFF, {"data": {"into": GROUP}}),  # 422: into itself
    Row(f"POST {R}/{{question}}/undo", STAFF),
    Row(f"GET {R}/{{question}}/rubric", STAFF),
    Row(f"POST {R}/{{question}}/rubric", STAFF, {"data": {"text": "Right", "points": "1"}}),
    Row(f"POST {R}/{{question}}/rubric/begin", STAFF),
    Row(f"POST {R}/{{question}}/rubric/{{item}}", STAFF, {"data": {"text": "Right", "points": "1"}}),
    Row(f"POST {R}/{{question}}/markers", STAFF, {"data": {"markers": "1"}}),
    Row(f"POST {R}/{{question}}/phrases/{{phrase}}", STAFF),
    # learning platforms: test_scores_out.py
    Row("GET /courses/{course}/platform", STAFF),
    Row("POST /courses/{course}/platform/send", STAFF, {"data": {"assignment": "toy"}}),
    Row("POST /courses/{course}/platform/{context}/columns", STAFF, {"data": {"assignment": "toy"}}),  # 422: no answer
    Row("POST /courses/{course}/platform/{context}/roster", STAFF),  # 422
    Row("POST /courses/{course}/platform/{context}/unlink", STAFF),
    # the audit
    Row("GET /api/v1/courses/{course}/history", STAFF),
    Row("GET /courses/{course}/history", STAFF),
    Row("GET /api/v1/history", ADMINS),
    Row("GET /history", ADMINS),
    Row("GET /people/{login}/export.zip", ADMINS),
    Row("POST /people/{login}/erase", ADMINS, {"data": {"confirmation": "typo"}}),  # 422: test_audit.py
    # submissions
    Row(f"POST {A}/submissions", MEMBERS, HAND_IN),
    Row(f"GET {A}/submissions", MEMBERS),
    Row(f"GET {S}", AUTHORS),
    Row(f"GET {S}/receipt", AUTHORS),
    Row(f"GET {S}/files/{{number}}", AUTHORS),
    Row(f"GET {S}/report.json", AUTHORS),
    Row(f"GET {S}/report.html", AUTHORS),
    Row(f"GET {S}/results.json", AUTHORS),
    Row(f"GET {S}/events", AUTHORS),
    Row(f"POST {S}/cancel", AUTHORS),
    Row(f"POST {S}/requests", AUTHORS, {"json": {"question": "q1.1.small", "text": "Why?"}}),  # 422: it lost nothing
    Row("GET /api/v1/courses/{course}/requests", STAFF),
    Row("POST /api/v1/requests/{request}/answer", STAFF, {"json": {"text": "Because."}}),
    Row(f"GET {S}/gradings", STAFF),
    Row(f"POST {S}/regrade", STAFF),
    Row(f"PUT {S}/marks/{{question}}", STAFF, {"json": {"points": 1}}),
    Row(f"DELETE {S}/marks/{{question}}", STAFF),
    Row("GET /api/v1/gradings/{grading}/report.json", STAFF),
    Row("POST /api/v1/gradings/{grading}/retry", STAFF),
    # marking
    Row(f"GET {A}/questions", STAFF),
    Row(f"GET {Q}", STAFF),
    Row(f"PUT {Q}", STAFF, {"json": {"markers": 1}}),
    Row(f"POST {Q}/rubric", STAFF, {"json": {"text": "Right", "points": 1}}),
    Row(f"PUT {Q}/rubric", STAFF, {"json": {"items": []}}),  # 422: it names none of its items
    Row(f"PUT {Q}/rubric/{{item}}", STAFF, {"json": {"text": "Right", "points": 1}}),
    Row(f"DELETE {Q}/rubric/{{item}}", STAFF),  # 422: it is ticked
    Row(f"POST {Q}/phrases", STAFF, {"json": {"text": "Why?"}}),
    Row(f"DELETE {Q}/phrases/{{phrase}}", STAFF),
    Row(f"GET {Q}/answers", STAFF),
    Row(f"GET {Q}/answers/{{digest}}", STAFF),
    Row(f"PUT {Q}/answers/{{digest}}/mark", STAFF, {"json": {"adjustment": 1}}),
    Row(f"DELETE {Q}/answers/{{digest}}/mark", STAFF),
    Row(f"GET {Q}/groups", STAFF),
    Row(f"GET {Q}/groups/{{group}}", STAFF),
    Row(f"PUT {Q}/groups/{{group}}/mark", STAFF, {"json": {"adjustment": 1, "answers": [BECAUSE]}}),
    Row(f"POST {Q}/groups/{{group}}/take-out", STAFF, {"json": {"answer": BECAUSE}}),  # 422: it is alone
    Row(f"POST {Q}/groups/{{group}}/merge", STAFF, {"json": {"into": GROUP}}),  # 422: into itself
    Row(f"POST {Q}/undo", STAFF),
    # regrades
    Row(f"GET {A}/regrades", STAFF),
    Row(f"POST {A}/regrades", STAFF, {"json": {"which": "latest"}}),
    Row("GET /api/v1/regrades/{regrade}", STAFF),
    Row("POST /api/v1/regrades/{regrade}/apply", STAFF),
    Row("POST /api/v1/regrades/{regrade}/discard", STAFF),
]

NARROW = (
    ("ada", "ada, who may read", {TokenScope.READ}),
    ("ada", "ada, who may submit", {TokenScope.SUBMIT}),
    ("grace", "grace without staff", {TokenScope.READ, TokenScope.SUBMIT}),
    ("root", "root without staff", {TokenScope.READ, TokenScope.SUBMIT}),
)
"""Login, name and scopes of tokens that may do less than their people."""

UNKNOWN = {
    "id": "01" + "z" * 24,
    "grading": "01" + "z" * 24,
    "regrade": "01" + "z" * 24,
    "request": "01" + "z" * 24,
    "name": "unknown",
    "course": "unknown",
    "assignment": "unknown",
    "context": "01" + "z" * 24,
    "login": "unknown",
    "member": "unknown",
    "question": "unknown",
    "item": "01" + "z" * 24,
    "phrase": "01" + "z" * 24,
    "digest": "0" * 64,
    "group": "0" * 32,
}


@dataclass(frozen=True)
class Scene:
    """ada has handed in and been graded, and so has bob."""

    world: World
    known: Mapping[str, str]
    """What stands for the parameters of paths."""
    of_bob: tuple[str, ...]
    """Ids that no other student may ever see."""

    def ask(self, row: Row, who: str, parameters: Mapping[str, str]) -> Response:
        method, _, path = row.route.partition(" ")
        headers = {} if who == "nobody" else self.world.headers(who)
        if not path.startswith("/api/"):
            headers["Accept"] = "text/html"
        address = path.format(**parameters)
        return self.world.client.request(method, address, headers=headers, follow_redirects=False, **row.request)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, toy: Assignment, reports: dict[str, Report]) -> Iterator[Scene]:
    with living(tmp_path_factory.mktemp("scene"), toy, reports) as world:
        with world.service.store.write() as tx:
            for login, course, role in (("olga", "other", Role.STAFF), ("dora", "ml", Role.STUDENT)):
                person = people.put_person(tx, login, login.title())
                people.put_member(tx, course, person.id, role)
                world.people[login] = person
                world.tokens[login] = people.new_token(tx, person.id, TokenKind.PROGRAM)
            ada = world.people["ada"].id
            for login, name, scopes in NARROW:
                world.tokens[name] = people.new_token(
                    tx, world.people[login].id, TokenKind.PROGRAM, scopes=scopes, lasts=dt.timedelta(days=1)
                )
            token, other = (
                people.token_by_secret(tx, people.new_token(tx, ada, TokenKind.PROGRAM, "old")) for _ in range(2)
            )
        world.reports = reports | {"right": answering(reports["right"], "because")}
        ids = {login: world.hand_in(login) for login in ("ada", "bob")}
        gradings = [world.grade_next() for _ in ids]
        regrade = world.client.post(
            "/api/v1/courses/ml/assignments/toy/regrades", json={"which": "latest"}, headers=world.headers("grace")
        ).json()["id"]
        with world.service.store.write() as tx:
            submission = submissions.get(tx, ids["ada"])
            assert submission is not None
            request = requests.ask(tx, submission, "q1.1.written", ada, "Why?")
            line_comments.put(tx, submission.id, 0, 2, "Well done.", world.people["grace"].id)
        link_platform(world)
        known = {
            "name": "oidc",
            "request": str(request),
            "course": "ml",
            "assignment": "toy",
            "id": ids["ada"],
            "grading": gradings[0],
            "regrade": regrade,
            "login": "ada",
            "member": "dora",
            "number": "0",
            "context": "context",
            **_read(world),
            "token": token.id,
            "other_token": other.id,
        }
        yield Scene(world, known, (ids["bob"], gradings[1], world.people["bob"].id))


def link_platform(world: World) -> None:
    """A course of a learning platform is linked, which does not answer and has refused ada's score."""
    id, (host, urls) = "context", ("http://127.0.0.1:9", ("login_url", "token_url", "keys_url"))
    with world.service.store.write() as tx:
        lti.put_platform(tx, Platform(id, "Campus", host, "client", *(f"{host}/{url}" for url in urls), ("1",), ()))
        lti.put_context(
            tx, LinkedContext(id, id, "1", "7", "Machine Learning", "ml", f"{host}/members", f"{host}/columns")
        )
        problem = {"context": id, "assignment": "toy", "person": world.people["ada"].id, "problem": "unknown student"}
        upsert(tx, lti_scores, problem | {"sent": {}})


def _read(world: World) -> dict[str, str]:
    """Somebody has marked the answer, so that there is something of everything."""
    question, digest = OfferedQuestion("ml", "toy", "q1.1.written"), digest_of("because")
    with world.service.store.write() as tx:
        item = rubrics.add_item(tx, question, "Right", Points(1))
        phrase = rubrics.add_phrase(tx, question, "Why?")
        answer_marks.put(tx, question, digest, world.people["olga"].id, NewMark((item.id,)))
    return {
        "question": question.id,
        "item": item.id,
        "phrase": phrase.id,
        "digest": digest,
        "group": GROUP,
        "rest": "q1.1.written",
    }


def routes(app: FastAPI) -> set[str]:
    """ "GET /api/v1/me", with parameters named as in the table. What is served from a folder is no route."""
    found = set()
    for route in iter_route_contexts(app.routes):
        for method in (route.methods or set()) - {"HEAD"}:
            found.add(f"{method} {route.path}")
    return found


def _names(route: str) -> str:
    """The table names {id} after what it is of; what it is called does not matter."""
    return re.sub(r"{[^}]*}", "{}", route)


def test_the_table_has_every_route_and_no_other(scene: Scene) -> None:
    assert isinstance(scene.world.client.app, FastAPI)
    there = sorted(map(_names, routes(scene.world.client.app)))
    assert sorted(_names(row.route) for row in TABLE) == there


def _parameters(scene: Scene, row: Row) -> dict[str, str]:
    if "/tokens/{id}" in row.route:
        return {**scene.known, "id": scene.known["token" if row.route.startswith("DELETE") else "other_token"]}
    return {**scene.known, "format": "canvas"}


def _mark(answer: Response, row: Row) -> str:
    """The mark that the answer deserves; its status where it deserves none."""
    if answer.status_code == 401 or (answer.status_code == 303 and "Log in first" in answer.text):
        return "1"
    if answer.status_code == 404:
        return "0"
    is_good = answer.status_code < 500 and answer.status_code not in (403, 405)
    return "+" if is_good or answer.status_code == row.also else str(answer.status_code)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.route)
def test_everybody_is_answered_as_the_table_says(scene: Scene, row: Row) -> None:
    expected = dict(zip(WHO, row.who, strict=True))
    for who in sorted(WHO, key=lambda who: expected[who] == "+"):  # those who change something come last
        if "{context}" in row.route:  # others may have unlinked it
            link_platform(scene.world)
        if "{member}" in row.route:  # whom others may have removed
            with scene.world.service.store.write() as tx:
                people.put_member(tx, "ml", scene.world.people["dora"].id, Role.STUDENT)
        before = _stored(scene)
        answer = scene.ask(row, who, _parameters(scene, row))
        assert _mark(answer, row) == expected[who], f"{who}: {answer.status_code} {answer.text[:300]}"
        if _stored(scene) != before and row.route not in NOT_AUDITED:
            assert _newest_in_audit(scene) == (scene.world.people[who].id, answer.headers["x-request-id"])
            _audited.add(row.route)


NOT_AUDITED = (  # a submission is the record of itself
    f"POST {A}/submissions",
    "POST /courses/{course}/assignments/{assignment}",
    "POST /courses/{course}/platform/send",  # what a platform gets follows from what is recorded
)
_audited: set[str] = set()
"""The routes that have changed something in the tests above, and were recorded."""


def _stored(scene: Scene) -> dict[str, list[Any]]:
    """Everything in the database but the audit, and the facts by which the disk is tested."""
    with scene.world.service.store.read() as tx:
        tables = [table for table in metadata.sorted_tables if table.name not in ("audit", "facts")]
        return {table.name: tx.execute(select(table)).all() for table in tables}


def _newest_in_audit(scene: Scene) -> tuple[str, str] | None:
    with scene.world.service.store.read() as tx:
        newest = tx.execute(select(audit.c.by, audit.c.request).order_by(audit.c.id.desc()).limit(1)).one_or_none()
    return tuple(newest) if newest else None


WITHOUT_AUTHOR = {
    "external_login.py": 1,  # the first login of a new person
    "identity.py": 1,  # a session lasts longer
    "mail.py": 1,  # somebody without a login asks for a link
    "operations.py": 1,  # the disk is tested
    "people.py": 1,  # a login of a notebook server
    "receipts.py": 1,  # the key is made with the first receipt
    "sessions.py": 2,  # a login and a logout
}
"""Numbers of transactions of routes that are not recorded, by the file in `grader.api`."""


def test_every_transaction_of_a_route_has_an_author() -> None:
    """With one, whatever it changes is recorded: the tests above have seen it for half of the routes that change
    something, and the others write in the same way."""
    unrecorded = {}
    for file in Path(api.__file__).parent.glob("*.py"):
        if count := file.read_text().count("store.write()"):
            unrecorded[file.name] = count
    assert unrecorded == WITHOUT_AUTHOR
    assert len(_audited) >= 35


def _without_request_id(answer: Response) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers, but for the one name that every request has of its own."""
    id = answer.headers.get("x-request-id") or "no id"
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, answer.text.replace(id, "…"), headers


REFUSED = [
    (row, who) for row in TABLE for who, mark in zip(WHO, row.who, strict=True) if mark == "0" and "{" in row.route
]


@pytest.mark.parametrize(("row", "who"), REFUSED, ids=lambda value: getattr(value, "route", value))
def test_resources_of_others_give_the_same_answer_as_missing_ones(scene: Scene, row: Row, who: str) -> None:
    parameters = _parameters(scene, row)
    theirs, unknown = scene.ask(row, who, parameters), scene.ask(row, who, parameters | UNKNOWN)
    assert _without_request_id(theirs) == _without_request_id(unknown)


@pytest.mark.parametrize(
    "row", [r for r in TABLE if r.route.startswith("GET") and r.who[1] == "+"], ids=lambda r: r.route
)
def test_nothing_that_a_student_may_read_names_another(scene: Scene, row: Row) -> None:
    text = scene.ask(row, "ada", _parameters(scene, row)).text
    assert not [id for id in scene.of_bob if id in text]
    assert not re.search(r"\bbob\b", text, re.IGNORECASE)


LOGINS = ("POST /login", "POST /logout", "POST /lti/", "POST /api/v1/tokens/jupyterhub")


# ── tokens that may do less ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["grace without staff", "root without staff"])
@pytest.mark.parametrize("row", [r for r in TABLE if r.who in (STAFF, ANY_STAFF, ADMINS)], ids=lambda r: r.route)
def test_a_token_without_the_scope_staff_opens_nothing_of_staffs(scene: Scene, row: Row, who: str) -> None:
    assert scene.ask(row, who, _parameters(scene, row)).status_code == 404


@pytest.mark.parametrize(
    "row",
    [r for r in TABLE if r.route.startswith("GET") and r.who in (ALL, OWN, MEMBERS, AUTHORS)],
    ids=lambda r: r.route,
)
def test_a_token_without_the_scope_read_reads_nothing(scene: Scene, row: Row) -> None:
    answer = scene.ask(row, "ada, who may submit", _parameters(scene, row))
    assert (answer.status_code, "read" in answer.headers["www-authenticate"]) == (403, True)


@pytest.mark.parametrize(
    "row",
    [r for r in TABLE if not r.route.startswith("GET") and not r.route.startswith(LOGINS)],
    ids=lambda r: r.route,
)
def test_a_token_that_only_reads_changes_nothing(scene: Scene, row: Row) -> None:
    answer = scene.ask(row, "ada, who may read", _parameters(scene, row))
    assert answer.status_code == (404 if row.who in (STAFF, ANY_STAFF, ADMINS) else 403)
    if row.who in (MEMBERS, AUTHORS):
        assert "submit" in answer.headers["www-authenticate"]
