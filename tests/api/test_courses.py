"""Courses, what they set, who is in them, and people's tokens, over HTTP."""

from __future__ import annotations

import datetime as dt
from typing import Any, NoReturn

import pytest
from httpx2 import Response

from grader.api.people import MOST_TOKENS
from grader.errors import StoreUnavailable
from tests.api.world import World

TOY = "/api/v1/courses/ml/assignments/toy"
DUE, LATER = "2026-12-01T23:59:00+01:00", "2026-12-08T23:59:00+01:00"


def ask(world: World, method: str, path: str, login: str, **request: Any) -> Response:
    return world.client.request(method, path, headers=world.headers(login), **request)


def got(world: World, path: str, login: str) -> Any:
    answer = ask(world, "GET", path, login)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_everybody_sees_their_own_courses(world: World) -> None:
    seen = {login: [c["id"] for c in got(world, "/api/v1/courses", login)] for login in ("ada", "eve", "root")}
    assert seen == {"ada": ["ml"], "eve": ["other"], "root": ["ml", "other"]}


def test_an_admin_makes_a_course(world: World) -> None:
    new = {"id": "dl", "title": "Deep Learning"}
    assert ask(world, "POST", "/api/v1/courses", "root", json=new).status_code == 201
    assert ask(world, "POST", "/api/v1/courses", "root", json=new).status_code == 409
    assert got(world, "/api/v1/courses/dl", "root")["title"] == "Deep Learning"


@pytest.mark.parametrize("id", ["", "../x", "ML", "a b", "a" * 40])
def test_a_courses_id_must_fit_into_addresses(world: World, id: str) -> None:
    assert ask(world, "POST", "/api/v1/courses", "root", json={"id": id, "title": "x"}).status_code == 422


def test_students_do_not_see_the_hidden_parts_that_staff_set(world: World) -> None:
    settings = {"due_at": DUE, "late": {"per_day": "10%"}, "counts": "best", "attempts_per_hour": 3, "hidden": ["q1.2"]}
    put = ask(world, "PUT", TOY, "grace", json=settings)
    assert put.status_code == 200, put.text
    seen = got(world, TOY, "ada")
    assert dt.datetime.fromisoformat(seen["due_at"]) == dt.datetime.fromisoformat(DUE)
    assert (seen["title"], seen["points"], seen["counts"], seen["hidden"]) == ("Sums", 5.5, "best", None)
    assert got(world, TOY, "grace")["hidden"] == ["q1.2"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"due_at": LATER, "closes_at": DUE}, "toy closes"),
        ({"due_at": "2026-12-01T23:59:00"}, "timezone"),
        ({"late": {"per_week": "10%"}}, "'per_week' is not allowed in a late policy"),
        ({"hidden": ["q9"]}, "no part or check 'q9'"),
        ({"attempts_per_hour": 0}, "attempts per hour must be from 1"),
        ({"released": True}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_a_reason(world: World, settings: dict[str, Any], says: str) -> None:
    before = got(world, TOY, "grace")
    answer = ask(world, "PUT", TOY, "grace", json=settings)
    assert answer.status_code == 422
    assert says in answer.text
    assert got(world, TOY, "grace") == before


EDGES = ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z")


@pytest.mark.parametrize("date", EDGES)
def test_dates_that_another_time_zone_cannot_show_are_refused(world: World, date: str) -> None:
    extension = (f"{TOY}/extensions", {"login": "ada", "due_at": date})
    asked = [*((TOY, {name: date}) for name in ("opens_at", "due_at", "closes_at")), extension]
    for path, settings in asked:
        answer = ask(world, "PUT", path, "grace", json=settings)
        assert (answer.status_code, "1970 to 2999" in answer.text) == (422, True), (path, settings, answer.text)


def test_an_extension_is_given_seen_by_its_student_alone_and_taken_back(world: World) -> None:
    path = f"{TOY}/extensions"
    assert ask(world, "PUT", path, "grace", json={"login": "ada", "due_at": LATER}).status_code == 200
    assert [row["login"] for row in got(world, path, "grace")] == ["ada"]
    assert got(world, TOY, "ada")["extension"] is not None
    assert got(world, TOY, "bob")["extension"] is None
    assert ask(world, "PUT", path, "grace", json={"login": "ada", "due_at": None}).json() == []
    assert got(world, TOY, "ada")["extension"] is None
    for wrong in ({}, {"login": "ada", "label": "tuesday", "due_at": LATER}):  # no date, and two addressees
        assert ask(world, "PUT", path, "grace", json=wrong).status_code == 422


def test_an_extension_says_who_gave_it_and_why(world: World) -> None:
    path = f"{TOY}/extensions"
    answer = ask(world, "PUT", path, "grace", json={"login": "ada", "due_at": LATER, "reason": "ill"})
    (row,) = answer.json()
    assert (row["login"], row["label"], row["reason"], row["granter"]) == ("ada", "", "ill", "grace")
    assert row["at"] is not None


def test_an_extension_for_a_label_is_for_those_who_have_it_and_one_without_label_for_everyone(world: World) -> None:
    def due_of(login: str) -> Any:
        return got(world, TOY, login)["extension"]

    labelled = {"file": ("roster.csv", b"login,labels\nada,tuesday;honours\nbob,friday\n")}
    ask(world, "PUT", ROSTER, "root", files=labelled)
    path = f"{TOY}/extensions"
    ask(world, "PUT", path, "grace", json={"label": "tuesday", "due_at": LATER, "reason": "no power"})
    assert (due_of("ada") is not None, due_of("bob")) == (True, None)
    rows = ask(world, "PUT", path, "grace", json={"due_at": DUE}).json()
    assert [(row["label"], row["reason"]) for row in rows] == [("", ""), ("tuesday", "no power")]
    dates = [dt.datetime.fromisoformat(due_of(login)) for login in ("ada", "bob")]
    assert dates == [dt.datetime.fromisoformat(date) for date in (LATER, DUE)]
    ask(world, "PUT", path, "grace", json={"label": "tuesday", "due_at": None})
    assert ask(world, "PUT", path, "grace", json={"due_at": None}).json() == []
    assert (due_of("ada"), due_of("bob")) == (None, None)


def put_extensions(world: World, text: str) -> Response:
    return ask(world, "PUT", f"{TOY}/extensions.csv", "grace", files={"file": ("extensions.csv", text.encode())})


def test_extensions_are_read_from_a_file(world: World) -> None:
    rows = put_extensions(world, f"Login,Label,Due_at,Reason,Note\nada,,{LATER},ill,x\n,tuesday,{DUE},,\n").json()
    assert [(row["login"], row["label"], row["reason"]) for row in rows] == [("", "tuesday", ""), ("ada", "", "ill")]
    rows = put_extensions(world, f"login,due_at\nada,\nbob,{LATER}\n").json()  # an empty date removes
    assert [(row["login"], row["label"]) for row in rows] == [("", "tuesday"), ("bob", "")]


def test_labels_of_a_file_of_extensions_are_those_of_a_roster(world: World) -> None:
    labels = [row["label"] for row in put_extensions(world, f'label,due_at\n"tuesday\u00a0 group",{LATER}\n').json()]
    assert labels == ["tuesday group"]
    assert "is not a valid name" in put_extensions(world, f"label,due_at\na\u200eb,{LATER}\n").json()["detail"]


def test_a_file_of_extensions_is_checked_before_other_writers_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(author: object = None) -> NoReturn:
        raise StoreUnavailable("another writer is at work")

    monkeypatch.setattr(world.service.store, "write", busy)
    assert put_extensions(world, f"login,due_at\neve,{LATER}\nada,tomorrow\n").status_code == 422
    assert put_extensions(world, f"login,due_at\nADA,{LATER}\n").status_code == 503


def test_a_file_of_extensions_with_a_wrong_line_changes_nothing(world: World) -> None:
    answer = put_extensions(world, f"login,label,due_at\nada,,{LATER}\neve,,{LATER}\n,,{LATER}\nbob,,tomorrow\n")
    detail = answer.json()["detail"]
    assert answer.status_code == 422
    for says in ("line 3: this member of the course does not exist", "line 4: write either a login or", "line 5: "):
        assert says in detail
    assert "there is no column due_at" in put_extensions(world, "login\nada\n").json()["detail"]
    assert got(world, f"{TOY}/extensions", "grace") == []


def test_an_extension_is_for_members(world: World) -> None:
    for login in ("eve", "nobody"):
        answer = ask(world, "PUT", f"{TOY}/extensions", "grace", json={"login": login, "due_at": LATER})
        assert answer.json()["detail"] == "this member of the course does not exist, or you have no access to it"


ROSTER = "/api/v1/courses/ml/roster"
FILE = {"file": ("roster.csv", b"Email,Name,Role\nzoe@x.edu,Zoe,\nada,Ada Lovelace,TA\n")}


def test_a_dry_run_reports_the_same_and_changes_nothing(world: World) -> None:
    before = got(world, ROSTER, "root")
    tried = ask(world, "PUT", f"{ROSTER}?dry_run=true", "root", files=FILE).json()
    assert got(world, ROSTER, "root") == before
    assert ask(world, "PUT", ROSTER, "root", files=FILE).json() | {"dry_run": True} == tried


def test_a_wrong_line_keeps_the_whole_roster_out(world: World) -> None:
    wrong = {"file": ("roster.csv", b"login,role\nzoe,student\nyan,dean\n")}
    answer = ask(world, "PUT", ROSTER, "root", files=wrong)
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "line 3: 'dean' is not a role: write student or staff",
    )
    assert len(got(world, ROSTER, "root")) == 3


def test_a_member_is_taken_out_by_name(world: World) -> None:
    assert ask(world, "DELETE", "/api/v1/courses/ml/members/bob", "root").status_code == 204
    assert ask(world, "GET", "/api/v1/courses/ml", "bob").status_code == 404


# ── what the staff of a course may do with its people ────────────────────────────────────────────────


def test_staff_add_change_and_remove_the_people_of_their_course(world: World) -> None:
    zoe = "/api/v1/courses/ml/members/zoe@x.edu"
    added = ask(world, "PUT", zoe, "grace", json={"name": "Zoe"}).json()
    assert added == {"login": "zoe@x.edu", "name": "Zoe", "role": "student", "labels": []}
    changed = ask(world, "PUT", zoe, "grace", json={"name": "Zoe Z.", "role": "staff"}).json()
    assert (changed["name"], changed["role"]) == ("Zoe Z.", "staff")
    assert ask(world, "PUT", zoe, "grace", json={"role": "student"}).json()["name"] == "Zoe Z."
    assert ask(world, "DELETE", zoe, "grace").status_code == 204
    assert ask(world, "PUT", ROSTER, "grace", files=FILE).json()["changed"][0]["after"]["role"] == "staff"


def _names(world: World) -> dict[str, str]:
    return {login: got(world, "/api/v1/me", login)["name"] for login in ("ada", "bob", "eve", "root")}


def test_staff_rename_nobody_whom_another_course_or_an_admin_has(world: World) -> None:
    before = _names(world)
    for login in ("eve", "root"):
        answer = ask(world, "PUT", f"/api/v1/courses/ml/members/{login}", "grace", json={"name": "Mallory"})
        assert (answer.status_code, "only admins may change their name" in answer.text) == (422, True)
    file = {"file": ("roster.csv", b"login,name\neve,Mallory\nroot,Mallory\nada,Ada Lovelace\n")}
    done = ask(world, "PUT", ROSTER, "grace", files=file).json()
    assert [row["login"] for row in done["kept_names"]] == ["eve", "root"]
    assert [row["login"] for row in done["added"]] == ["eve", "root"]  # they are added, under their own names
    assert _names(world) == before | {"ada": "Ada Lovelace"}
    assert ask(world, "PUT", ROSTER, "root", files=file).json()["kept_names"] == []
    assert _names(world)["eve"] == "Mallory"


def test_staff_make_nobody_an_admin_and_change_nobody_outside_their_course(world: World) -> None:
    for method, path, body in (
        ("PUT", "/api/v1/people/grace", {"admin": True}),
        ("PUT", "/api/v1/courses/other/members/grace", {"role": "staff"}),
        ("DELETE", "/api/v1/courses/other/members/eve", None),
        ("POST", "/api/v1/courses", {"id": "mine", "title": "Mine"}),
    ):
        assert ask(world, method, path, "grace", json=body).status_code == 404, path
    answer = ask(world, "PUT", "/api/v1/courses/ml/members/grace", "grace", json={"role": "staff", "admin": True})
    assert answer.status_code == 422
    assert got(world, "/api/v1/me", "grace")["admin"] is False


def test_staff_cannot_lock_themselves_out(world: World) -> None:
    grace = "/api/v1/courses/ml/members/grace"
    file = {"file": ("roster.csv", b"login\ngrace\nzoe\n")}
    answers = [
        ask(world, "PUT", grace, "grace", json={"role": "student"}),
        ask(world, "DELETE", grace, "grace"),
        ask(world, "PUT", ROSTER, "grace", files=file),
    ]
    assert [answer.status_code for answer in answers] == [422] * 3
    assert all("ask another member of staff" in answer.text for answer in answers)
    assert len(got(world, ROSTER, "grace")) == 3
    assert ask(world, "PUT", grace, "root", json={"role": "student"}).status_code == 200


def test_the_id_new_is_the_address_of_a_page(world: World) -> None:
    answer = ask(world, "POST", "/api/v1/courses", "root", json={"id": "new", "title": "New"})
    assert (answer.status_code, "not a valid course id" in answer.text) == (422, True)


def test_the_last_admin_stays_one(world: World) -> None:
    answer = ask(world, "PUT", "/api/v1/people/root", "root", json={"admin": False})
    assert answer.status_code == 422
    assert got(world, "/api/v1/me", "root")["admin"] is True


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_cannot_revoke_the_token_of_another_person(world: World) -> None:
    id = got(world, "/api/v1/tokens", "ada")[0]["id"]
    assert ask(world, "DELETE", f"/api/v1/tokens/{id}", "root").status_code == 404
    assert got(world, "/api/v1/me", "ada")["login"] == "ada"


def test_a_person_has_so_many_tokens_and_no_more(world: World) -> None:
    made = [ask(world, "POST", "/api/v1/tokens", "ada", json={"label": "x"}).status_code for _ in range(MOST_TOKENS)]
    assert made == [201] * (MOST_TOKENS - 1) + [409]
