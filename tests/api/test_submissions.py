"""Handing in, and what came of it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import jsonschema_rs
import pytest
from httpx2 import Response

from grader.api import submissions as routes
from grader.errors import StoreUnavailable
from grader.model import Points
from grader.render import as_json
from grader.store import leases, marks, offerings, people, submissions
from grader.store.database import now
from tests.api.world import ASSIGNMENT, COURSE, SUBMISSIONS, WRONG, World
from tests.conftest import TOY_SOLUTION, MakeNotebook

HOUR = dt.timedelta(hours=1)
FILES = [("files", ("mlp.py", TOY_SOLUTION.encode()))]


def post(world: World, login: str, files: Any = FILES, data: Any = None, **headers: str) -> Response:
    return world.client.post(SUBMISSIONS, files=files, data=data, headers=world.headers(login) | headers)


def get(world: World, login: str, path: str) -> Response:
    return world.client.get(f"/api/v1{path}", headers=world.headers(login))


# ── handing in ───────────────────────────────────────────────────────────────────────────────────────


def test_a_submission_is_acknowledged_with_a_receipt(world: World) -> None:
    answer = post(world, "ada")
    receipt = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/submissions/{receipt['submission']}"
    assert receipt["files"] == [
        {"name": "mlp.py", "sha256": hashlib.sha256(TOY_SOLUTION.encode()).hexdigest(), "size": len(TOY_SOLUTION)}
    ]
    assert (receipt["position"], receipt["estimate_seconds"]) == (1, None)


def test_a_submission_is_stored_although_its_receipt_cannot_be_built(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(routes, "find", Mock(side_effect=StoreUnavailable("the disk is full")))
        assert post(world, "ada").status_code == 503
    assert [s["state"] for s in get(world, "ada", SUBMISSIONS.removeprefix("/api/v1")).json()] == ["queued"]


def test_what_cannot_be_read_is_refused_with_what_to_do_and_not_stored(world: World) -> None:
    answer = post(world, "ada", [("files", ("mlp.docx", b"PK"))])
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/refused"
    assert "submit sums.py" in answer.json()["detail"]
    assert get(world, "ada", SUBMISSIONS.removeprefix("/api/v1")).json() == []


@pytest.mark.parametrize(
    "name", ["../../etc/x.py", 'a"b\r\nX: y.py', "é\u202e.py", "x" * 1000 + ".py", "C:\\me\\mlp.py"]
)
def test_a_hostile_name_of_a_single_file_changes_nothing(world: World, name: str) -> None:
    receipt = post(world, "ada", [("files", (name, TOY_SOLUTION.encode()))]).json()
    answer = get(world, "ada", f"/submissions/{receipt['submission']}/files/0")
    assert answer.content == TOY_SOLUTION.encode()
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert "x-" not in answer.headers["content-disposition"].lower()


@pytest.mark.parametrize("extra", [[], [("files", ("notes.txt", b"x"))]], ids=["alone", "of several"])
def test_a_stored_name_has_no_character_that_acts_instead_of_showing(world: World, extra: list[Any]) -> None:
    acting = "\x85\x9b\u202e\u2066\u200f"
    receipt = post(world, "ada", [("files", (f"mlp{acting}.py", TOY_SOLUTION.encode())), *extra]).json()
    assert receipt["files"][0]["name"] == "mlp_____.py"
    named = get(world, "ada", f"/submissions/{receipt['submission']}/files/0").headers["content-disposition"]
    assert "filename*=UTF-8''mlp_____.py" in named


def test_a_file_is_never_shown_as_a_page(world: World) -> None:
    files = [*FILES, ("files", ("page.html.txt", b"<script>alert(1)</script>"))]
    id = post(world, "ada", files).json()["submission"]
    headers = get(world, "ada", f"/submissions/{id}/files/1").headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_missing_file_is_not_found(world: World) -> None:
    id = world.hand_in("ada")
    assert {get(world, "ada", f"/submissions/{id}/files/{n}").status_code for n in (1, -1, 10**30)} == {404}


# ── who, when and how often ──────────────────────────────────────────────────────────────────────────


def test_students_submit_only_for_themselves(world: World) -> None:
    assert post(world, "ada", data={"authors": ["bob"]}).json()["type"] == "/problems/not-for-others"


def test_staff_submit_for_a_group(world: World) -> None:
    id = post(world, "grace", data={"authors": ["ada", "Bob "]}).json()["submission"]
    assert get(world, "bob", f"/submissions/{id}").status_code == 200


def test_staff_cannot_submit_for_people_outside_the_course(world: World) -> None:
    answer = post(world, "grace", data={"authors": ["eve"]})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/no-member")


def test_a_submission_before_the_opening_date_is_refused(world: World) -> None:
    world.set(opens_at=now() + HOUR)
    assert post(world, "ada").json()["type"] == "/problems/not-open-yet"


def test_a_submission_after_the_closing_date_is_refused(world: World) -> None:
    world.set(closes_at=now() - HOUR)
    assert post(world, "ada").json()["type"] == "/problems/closed"


def test_an_extension_keeps_it_open(world: World) -> None:
    world.set(due_at=now() - 2 * HOUR, closes_at=now() - HOUR)
    with world.service.store.write() as tx:
        offerings.put_extension(tx, COURSE, ASSIGNMENT, world.people["ada"].id, now() + HOUR)
    assert post(world, "ada").json()["late"]["is_late"] is False


def test_the_receipt_of_a_late_submission_says_that_it_is_late(world: World) -> None:
    world.set(due_at=now() - HOUR, late={"per_day": "10%"})
    late = post(world, "ada").json()["late"]
    assert (late["is_late"], late["remains"]) == (True, 0.9)


def test_files_of_a_submission_that_is_refused_anyway_are_not_read(world: World) -> None:
    """Reading costs others time; the files could not even be read."""
    world.set(attempts_per_hour=1)
    world.hand_in("ada")
    answer = post(world, "ada", [("files", ("report.docx", b"?"))])
    assert (answer.status_code, answer.json()["type"]) == (429, "/problems/too-many-attempts")
    assert 3590 <= int(answer.headers["retry-after"]) <= 3601


def test_pre_checks_are_free(world: World) -> None:
    world.set(attempts_per_hour=1)
    for _ in range(2):
        world.hand_in("ada", kind="precheck")
    assert post(world, "ada").status_code == 202


def test_a_receipt_names_missing_code_which_uses_no_attempt(world: World, make_notebook: MakeNotebook) -> None:
    world.set(attempts_per_hour=1)
    notebook = [("files", ("ps4.ipynb", make_notebook(("code", "from sums import Sums"))))]
    receipt = post(world, "ada", notebook).json()
    assert receipt["remarks"] == [
        "sums.py was not submitted, and no notebook defines a class Sums: submit the file with your code too."
    ]
    assert receipt["code_submitted"] is False
    assert get(world, "ada", f"/submissions/{receipt['submission']}/receipt").json() == receipt
    world.grade_next("without_code")
    graded = get(world, "ada", f"/submissions/{receipt['submission']}").json()
    assert (graded["score"]["machine"], graded["score"]["final"], graded["score"]["absent"]) == (None, None, 5.5)
    assert "sums.py was not submitted" in graded["score"]["sentence"]
    complete = post(world, "ada")
    missing = "No written answers were submitted; submit the notebook together with sums.py."
    assert (complete.status_code, complete.json()["remarks"]) == (202, [missing])
    assert post(world, "ada").status_code == 429


def test_cancelling_what_has_begun_buys_no_attempt(world: World) -> None:
    world.set(attempts_per_hour=1)
    id = world.hand_in("ada")
    with world.service.store.write() as tx:
        leases.claim(tx, "test worker")
    world.client.post(f"/api/v1/submissions/{id}/cancel", headers=world.headers("ada"))
    assert post(world, "ada").status_code == 429


def test_a_full_queue_refuses_prechecks_and_stores_submissions(world: World) -> None:
    world.service.settings.queue_limit = 1
    world.hand_in("ada")
    answer = post(world, "bob", data={"kind": "precheck"})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/queue-full")
    assert int(answer.headers["retry-after"]) > 0
    assert post(world, "bob").status_code == 202
    stored = get(world, "bob", SUBMISSIONS.removeprefix("/api/v1")).json()
    assert [submission["kind"] for submission in stored] == ["submission"]


def test_a_person_who_fills_the_queue_is_refused_and_others_are_served(world: World) -> None:
    limit = world.service.settings.waiting_limit = 10
    world.service.settings.queue_limit = limit + 2
    assert [post(world, "ada").status_code for _ in range(limit)] == [202] * limit
    refused = post(world, "ada", data={"kind": "precheck"})
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/too-many-waiting")
    assert f"{limit} of your submissions are waiting" in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0
    assert post(world, "bob").status_code == 202
    assert world.client.get("/readyz").json()["parts"]["queue"]["ok"]
    world.grade_next()
    assert post(world, "ada").status_code == 202


def test_a_person_at_the_limit_can_still_supersede_a_waiting_submission(world: World) -> None:
    limit = world.service.settings.waiting_limit = 10
    for _ in range(limit):
        world.hand_in("ada")
    assert post(world, "ada").status_code == 429
    answer = post(world, "ada", data={"supersede": "true"})
    assert answer.status_code == 202, answer.text
    assert post(world, "ada").status_code == 202


def test_regrades_do_not_count_towards_the_limit_of_waiting_submissions(world: World) -> None:
    limit = world.service.settings.waiting_limit = 10
    graded = [world.hand_in("ada") for _ in range(limit)]
    for _ in graded:
        world.grade_next()
    world.service.settings.queue_limit = limit
    for id in graded:
        answer = world.client.post(f"/api/v1/submissions/{id}/regrade", headers=world.headers("grace"))
        assert answer.status_code == 202
    assert world.client.get("/readyz").json()["parts"]["queue"]["ok"]
    assert post(world, "ada").status_code == 202


@pytest.mark.parametrize(("loses", "status"), [("token", 401), ("course", 404)])
def test_who_loses_access_during_an_upload_submits_nothing(world: World, loses: str, status: int) -> None:
    ada = world.people["ada"].id
    start = b'--b\r\ncontent-disposition: form-data; name="files"; filename="mlp.py"\r\n\r\n'
    rest = TOY_SOLUTION.encode() + b"\r\n--b--\r\n"

    def body() -> Iterator[bytes]:
        yield start
        with world.service.store.write() as tx:  # the caller is known by now: `Identify` reads no body
            if loses == "token":
                for token in people.tokens_of(tx, ada):
                    people.revoke_token(tx, ada, token.id)
            else:
                people.remove_member(tx, COURSE, ada)
        yield rest

    form = {"content-type": "multipart/form-data; boundary=b", "content-length": str(len(start + rest))}
    answer = world.client.post(SUBMISSIONS, content=body(), headers=world.headers("ada") | form)
    assert answer.status_code == status, answer.text
    with world.service.store.read() as tx:
        assert submissions.of_offering(tx, COURSE) == []


def test_a_person_over_the_storage_limit_is_refused_and_others_are_served(world: World) -> None:
    world.service.settings.storage_limit_mib = 1
    large = [("files", ("mlp.py", TOY_SOLUTION.encode())), ("files", ("data.npy", bytes(600_000)))]
    assert post(world, "ada", large).status_code == 202
    refused = post(world, "ada", large)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/no-room")
    assert "more than 1 MiB" in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0
    assert (post(world, "ada").status_code, post(world, "bob", large).status_code) == (202, 202)
    assert post(world, "grace", large).status_code == 202


def test_staff_may_have_ten_times_as_much_and_no_more(world: World) -> None:
    world.service.settings.waiting_limit, world.service.settings.storage_limit_mib = 1, 1
    assert [post(world, "grace").status_code for _ in range(11)] == [202] * 10 + [429]
    assert post(world, "ada").status_code == 202
    world.service.settings.waiting_limit = 10
    large = [("files", ("mlp.py", TOY_SOLUTION.encode())), ("files", ("data.npy", bytes(6_000_000)))]
    refused = [post(world, "grace", large) for _ in range(2)][1]
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/no-room")
    assert "more than 10 MiB" in refused.json()["detail"]


# ── Idempotency-Key ──────────────────────────────────────────────────────────────────────────────────


def with_key(world: World, login: str, key: str, files: Any = FILES) -> Response:
    return post(world, login, files, **{"Idempotency-Key": key})


def test_the_same_request_under_the_same_key_has_the_same_answer(world: World) -> None:
    first, second, unquoted = (with_key(world, "ada", key) for key in ('"k-1"', '"k-1"', "k-1"))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert unquoted.json() == first.json()


def test_another_request_under_the_same_key_is_refused(world: World) -> None:
    with_key(world, "ada", "k")
    answer = with_key(world, "ada", "k", [("files", ("mlp.py", WRONG.encode()))])
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/key-reused")


def test_a_key_is_its_person_s_own(world: World) -> None:
    assert with_key(world, "ada", "k").json()["submission"] != with_key(world, "bob", "k").json()["submission"]


def test_a_key_is_answered_even_after_it_closed(world: World) -> None:
    first = with_key(world, "ada", "k").json()
    world.set(closes_at=now() - HOUR)
    assert with_key(world, "ada", "k").json()["submission"] == first["submission"]


def test_two_at_once_are_one_submission(world: World) -> None:
    together = threading.Barrier(4)

    def send(_: int) -> str:
        together.wait()
        return str(with_key(world, "ada", "k").json()["submission"])

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(send, range(4)))) == 1
    assert len(get(world, "ada", SUBMISSIONS.removeprefix("/api/v1")).json()) == 1


@pytest.mark.parametrize("key", ["k" * 256, "\x7f", '""'])
def test_a_key_that_no_database_takes_is_refused(world: World, key: str) -> None:
    assert with_key(world, "ada", key).json()["type"] == "/problems/bad-key"


# ── the queue ────────────────────────────────────────────────────────────────────────────────────────


def test_a_newer_one_supersedes_on_request(world: World) -> None:
    older = world.hand_in("ada")
    world.hand_in("ada", supersede="true")
    assert get(world, "ada", f"/submissions/{older}").json()["state"] == "superseded"


def test_what_waits_can_be_cancelled(world: World) -> None:
    id = world.hand_in("ada")
    answer = world.client.post(f"/api/v1/submissions/{id}/cancel", headers=world.headers("ada"))
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


def test_a_graded_submission_cannot_be_cancelled(world: World) -> None:
    id = world.hand_in("ada")
    world.grade_next()
    answer = world.client.post(f"/api/v1/submissions/{id}/cancel", headers=world.headers("ada"))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/final")


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────


def test_students_list_their_own_and_staff_everybody_s(world: World) -> None:
    mine, other = world.hand_in("ada"), world.hand_in("bob")
    path = SUBMISSIONS.removeprefix("/api/v1")
    assert [s["id"] for s in get(world, "ada", path).json()] == [mine]
    assert [s["id"] for s in get(world, "grace", path).json()] == [other, mine]


def test_another_student_s_list_looks_like_an_unknown_one_s(world: World) -> None:
    world.hand_in("bob")
    path = SUBMISSIONS.removeprefix("/api/v1")
    theirs, unknown = (get(world, "ada", f"{path}?author={who}") for who in ("bob", "nobody"))
    assert (theirs.status_code, theirs.json()) == (unknown.status_code, unknown.json()) == (200, [])


def test_pages_follow_the_link(world: World) -> None:
    ids = [world.hand_in("ada") for _ in range(3)]
    first = get(world, "grace", f"{SUBMISSIONS.removeprefix('/api/v1')}?author=ada&limit=2")
    link = first.links["next"]["url"]
    rest = world.client.get(link, headers=world.headers("grace"))
    assert [s["id"] for s in (*first.json(), *rest.json())] == ids[::-1]
    assert "next" not in rest.links


# ── what came of it ──────────────────────────────────────────────────────────────────────────────────


def test_a_graded_submission_has_its_score_and_lists_unanswered_questions(world: World) -> None:
    id = world.hand_in("ada")
    world.grade_next()
    score = get(world, "ada", f"/submissions/{id}").json()["score"]
    assert (score["final"], score["decided"], score["waiting"], score["absent"]) == (4, 4, 0, 1.5)
    assert [(q["question"], q["state"]) for q in score["questions"]] == [("q1.1.written", "not_submitted")]


def test_a_pre_check_is_never_the_grade(world: World) -> None:
    id = world.hand_in("ada", kind="precheck")
    world.grade_next()
    assert get(world, "ada", f"/submissions/{id}").json()["score"] is None


def test_the_report_is_the_one_that_was_made(world: World) -> None:
    id = world.hand_in("ada", WRONG)
    world.grade_next("wrong")
    found = get(world, "ada", f"/submissions/{id}/report.json").json()
    assert found == json.loads(as_json.dumps(world.reports["wrong"]))
    jsonschema_rs.validate(as_json.schema(), found)
    assert get(world, "ada", f"/submissions/{id}/results.json").json()["score"] == 2  # Gradescope's


def test_there_is_no_report_before_it_is_graded(world: World) -> None:
    id = world.hand_in("ada")
    answers = [
        get(world, "ada", f"/submissions/{id}/{name}") for name in ("report.json", "report.html", "results.json")
    ]
    assert {(a.status_code, a.json()["type"]) for a in answers} == {(409, "/problems/not-graded")}


def test_the_page_of_a_report_may_do_nothing(world: World) -> None:
    id = world.hand_in("ada")
    world.grade_next()
    answer = get(world, "ada", f"/submissions/{id}/report.html")
    policy = answer.headers["content-security-policy"]
    assert answer.text.startswith("<!doctype html>")
    assert "script-src" not in policy
    assert {"default-src 'none'", "sandbox"} <= {rule.strip() for rule in policy.split(";")}


# ── staff ────────────────────────────────────────────────────────────────────────────────────────────


def put_mark(world: World, login: str, id: str, points: object, question: str = "q1.1.written") -> Response:
    return world.client.put(
        f"/api/v1/submissions/{id}/marks/{question}",
        json={"points": points, "comment": "good"},
        headers=world.headers(login),
    )


def test_a_mark_raises_the_score(world: World) -> None:
    id = world.hand_in("ada")
    world.grade_next()
    assert put_mark(world, "grace", id, 1.25).json()[0]["by"]["login"] == "grace"
    assert get(world, "ada", f"/submissions/{id}").json()["score"]["final"] == 5.25


@pytest.mark.parametrize("points", [2, -1, 0.001, "NaN", True])
def test_points_that_a_question_cannot_have_are_refused(world: World, points: object) -> None:
    assert put_mark(world, "grace", world.hand_in("ada"), points).status_code == 422


@pytest.mark.parametrize("comment", [r"\u0000", r"\ud800", "x" * 10_001])
def test_a_comment_that_no_database_takes_is_refused(world: World, comment: str) -> None:
    path = f"/api/v1/submissions/{world.hand_in('ada')}/marks/q1.1.written"
    headers = world.headers("grace") | {"Content-Type": "application/json"}
    body = f'{{"points": 1, "comment": "{comment}"}}'
    assert world.client.put(path, content=body, headers=headers).status_code == 422


def test_only_a_broken_grading_is_retried(world: World) -> None:
    world.hand_in("ada")
    grading = world.grade_next()
    answer = world.client.post(f"/api/v1/gradings/{grading}/retry", headers=world.headers("grace"))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-broken")


def test_why_we_failed_is_for_staff(world: World) -> None:
    id = world.hand_in("ada")
    with world.service.store.write() as tx:
        leased = leases.claim(tx, "host:1")
        assert leased is not None
        leases.fail(tx, leased, "a secret path")
    assert "secret" not in get(world, "ada", f"/submissions/{id}").text


def test_marks_are_held_with_the_points(world: World) -> None:
    world.set(held=True)
    id = world.hand_in("ada")
    with world.service.store.write() as tx:
        marks.put(tx, id, "q1.1.written", Points(1), "", world.people["grace"].id)
    found = get(world, "ada", f"/submissions/{id}").json()
    assert (found["marks"], found["score"]["final"]) == ([], None)
