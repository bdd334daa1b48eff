"""Groups over HTTP and on pages: formed by invitations, set by staff, and one submission for all."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import event

from grader.store import late_days, offerings, people
from grader.store.database import now
from grader.store.records import Role, TokenKind
from tests.api.test_courses import ask, got
from tests.api.test_pages import OF_ASSIGNMENT, Visitor, words
from tests.api.test_using_late_days import left
from tests.api.world import ASSIGNMENT, COURSE, SUBMISSIONS, WRONG, World
from tests.conftest import TOY_SOLUTION

TOY = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}"
GROUP, GROUPS = f"{TOY}/group", f"{TOY}/groups"
DAY = dt.timedelta(days=1)


@pytest.fixture
def pairs(world: World) -> World:
    """Two students of three may submit the toy assignment together."""
    world.set(group_size=2)
    with world.service.store.write() as tx:
        cleo = people.put_person(tx, "cleo", "Cleo")
        people.put_member(tx, COURSE, cleo.id, Role.STUDENT)
        world.people["cleo"] = cleo
        world.tokens["cleo"] = people.new_token(tx, cleo.id, TokenKind.PROGRAM)
    return world


def act(world: World, login: str, change: str, target: str = "") -> Response:
    return ask(world, "POST", GROUP, login, json={"change": change, "target": target})


def seen(world: World, login: str) -> list[dict[str, Any]]:
    """The group of a student, and those that have invited them, without names of groups."""
    groups = got(world, TOY, login)["groups"]
    return [{"members": [m["login"] for m in g["members"]], "invited": g["invited"]} for g in groups]


def name_of_group(world: World, login: str) -> str:
    return str(got(world, TOY, login)["groups"][0]["name"])


def join(world: World, inviter: str, invited: str) -> None:
    assert act(world, inviter, "invite", invited).status_code == 200
    assert act(world, invited, "accept", name_of_group(world, invited)).status_code == 200


def authors(world: World, id: str, login: str = "grace") -> list[str]:
    return [author["login"] for author in got(world, f"/api/v1/submissions/{id}/receipt", login)["authors"]]


def put(world: World, groups: dict[str, str], **params: str) -> Response:
    return ask(world, "PUT", GROUPS, "grace", json=groups, params=params)


# ── by invitations ───────────────────────────────────────────────────────────────────────────────────


def test_the_invited_is_no_member_before_accepting(pairs: World) -> None:
    assert act(pairs, "ada", "invite", " Bob ").status_code == 200
    pending = [{"members": ["ada"], "invited": ["bob"]}]
    assert seen(pairs, "ada") == seen(pairs, "bob") == pending
    assert authors(pairs, pairs.hand_in("ada")) == ["ada"]
    assert act(pairs, "bob", "accept", name_of_group(pairs, "bob")).status_code == 200
    joined = [{"members": ["ada", "bob"], "invited": []}]
    assert seen(pairs, "ada") == seen(pairs, "bob") == joined


def test_an_invitation_is_declined_or_withdrawn(pairs: World) -> None:
    act(pairs, "ada", "invite", "bob")
    assert act(pairs, "bob", "decline", name_of_group(pairs, "bob")).json() == []
    assert seen(pairs, "ada") == [{"members": ["ada"], "invited": []}]
    act(pairs, "ada", "invite", "bob")
    group = name_of_group(pairs, "bob")
    act(pairs, "ada", "withdraw", "bob")
    late = act(pairs, "bob", "accept", group)
    assert (late.status_code, "ask to be invited again" in late.text) == (422, True)
    assert seen(pairs, "bob") == []


def test_withdrawing_an_invitation_removes_no_member(pairs: World) -> None:
    join(pairs, "ada", "bob")
    act(pairs, "ada", "withdraw", "bob")
    act(pairs, "bob", "decline", name_of_group(pairs, "bob"))
    assert seen(pairs, "ada") == [{"members": ["ada", "bob"], "invited": []}]


def test_the_last_who_leaves_takes_the_invitations_along(pairs: World) -> None:
    act(pairs, "ada", "invite", "bob")
    group = name_of_group(pairs, "ada")
    assert act(pairs, "ada", "leave").json() == []
    put(pairs, {"cleo": group})
    assert seen(pairs, "bob") == []


def test_only_the_invited_joins(pairs: World) -> None:
    act(pairs, "ada", "invite", "bob")
    group = name_of_group(pairs, "ada")
    uninvited, unknown = act(pairs, "cleo", "accept", group), act(pairs, "cleo", "accept", "unknown")
    assert uninvited.status_code == unknown.status_code == 422
    assert uninvited.json()["detail"] == unknown.json()["detail"]
    act(pairs, "cleo", "decline", group)
    act(pairs, "cleo", "withdraw", "bob")
    assert seen(pairs, "ada") == [{"members": ["ada"], "invited": ["bob"]}]


def test_no_answer_tells_who_is_in_the_course_who_is_staff_and_who_has_a_group(pairs: World) -> None:
    pairs.set(group_size=3)
    join(pairs, "bob", "cleo")
    answers = []
    for login in ("cleo", "dora", "grace", "root", "eve", "nobody@example.org"):
        answer = act(pairs, "ada", "invite", login)
        answers.append((answer.status_code, answer.text.replace(login, "…")))
        group = answer.json()[0]["name"]
        assert act(pairs, "ada", "withdraw", login).json() == [
            {"name": group, "members": [{"login": "ada", "name": "Ada"}], "invited": []}
        ]
    assert len(set(answers)) == 1
    assert answers[0][0] == 200


def test_staff_and_people_of_other_courses_do_not_see_invitations_to_them(pairs: World) -> None:
    act(pairs, "ada", "invite", "grace")
    group = name_of_group(pairs, "ada")
    assert act(pairs, "grace", "accept", group).status_code == 422
    assert act(pairs, "eve", "accept", group).status_code == 404
    assert seen(pairs, "ada") == [{"members": ["ada"], "invited": ["grace"]}]


def test_members_and_invitations_are_no_more_than_the_group_size(pairs: World) -> None:
    act(pairs, "ada", "invite", "bob")
    full = act(pairs, "ada", "invite", "cleo")
    assert (full.status_code, "the group is full" in full.text) == (422, True)
    put(pairs, {"ada": "a", "cleo": "a"})
    act(pairs, "ada", "leave")
    act(pairs, "cleo", "invite", "bob")
    group = name_of_group(pairs, "bob")
    put(pairs, {"ada": group})
    assert "the group is full" in act(pairs, "bob", "accept", group).text
    assert seen(pairs, "cleo")[0]["members"] == ["ada", "cleo"]


def test_an_assignment_without_groups_takes_no_invitations(pairs: World) -> None:
    join(pairs, "ada", "bob")
    pairs.set(group_size=1)
    assert act(pairs, "cleo", "invite", "ada").status_code == 422
    assert authors(pairs, pairs.hand_in("ada")) == ["ada"]
    assert "Group" not in words(Visitor(pairs, "ada").get(OF_ASSIGNMENT))


def test_who_is_in_a_group_leaves_it_before_joining_another(pairs: World) -> None:
    join(pairs, "ada", "bob")
    act(pairs, "cleo", "invite", "bob")
    group = name_of_group(pairs, "cleo")
    refused = act(pairs, "bob", "accept", group)
    assert (refused.status_code, "leave it before you join" in refused.text) == (422, True)
    assert act(pairs, "bob", "leave").status_code == 200
    assert act(pairs, "bob", "accept", group).status_code == 200
    assert seen(pairs, "ada") == [{"members": ["ada"], "invited": []}]
    assert seen(pairs, "cleo") == [{"members": ["bob", "cleo"], "invited": []}]


def test_students_who_have_invited_each_other_need_not_leave_first(pairs: World) -> None:
    act(pairs, "bob", "invite", "ada")
    act(pairs, "ada", "invite", "bob")
    groups = {g["members"][0]["login"]: g["name"] for g in got(pairs, TOY, "bob")["groups"]}
    assert act(pairs, "bob", "accept", groups["ada"]).status_code == 200
    assert seen(pairs, "bob") == seen(pairs, "ada") == [{"members": ["ada", "bob"], "invited": []}]


# ── submissions of a group ───────────────────────────────────────────────────────────────────────────


def test_a_submission_counts_for_all_who_are_members_when_it_comes(pairs: World) -> None:
    before = pairs.hand_in("bob")
    join(pairs, "ada", "bob")
    together = pairs.hand_in("ada")
    act(pairs, "ada", "leave")
    after = pairs.hand_in("bob")
    assert [authors(pairs, id) for id in (before, together, after)] == [["bob"], ["ada", "bob"], ["bob"]]
    assert got(pairs, f"/api/v1/submissions/{together}", "bob")["id"] == together
    assert ask(pairs, "GET", f"/api/v1/submissions/{before}", "ada").status_code == 404


def test_a_precheck_is_the_students_alone(pairs: World) -> None:
    join(pairs, "ada", "bob")
    assert authors(pairs, pairs.hand_in("ada", kind="precheck")) == ["ada"]


def test_staff_submit_for_those_whom_they_name(pairs: World) -> None:
    join(pairs, "ada", "bob")
    assert authors(pairs, pairs.hand_in("grace", authors="ada")) == ["ada"]


def test_who_is_not_a_student_of_the_course_any_more_is_no_author(pairs: World) -> None:
    join(pairs, "ada", "bob")
    with pairs.service.store.write() as tx:
        people.remove_member(tx, COURSE, pairs.people["bob"].id)
    assert authors(pairs, pairs.hand_in("ada")) == ["ada"]
    with pairs.service.store.write() as tx:
        people.put_member(tx, COURSE, pairs.people["bob"].id, Role.STAFF)
    assert authors(pairs, pairs.hand_in("bob")) == ["bob"]
    assert authors(pairs, pairs.hand_in("ada")) == ["ada"]


def test_a_request_that_is_sent_again_is_one_submission_though_the_group_has_changed(pairs: World) -> None:
    files = [("files", ("mlp.py", TOY_SOLUTION.encode()))]
    headers = {"Idempotency-Key": "k", **pairs.headers("ada")}
    ids = []
    for _ in range(2):
        answer = pairs.client.post(SUBMISSIONS, files=files, headers=headers)
        assert answer.status_code == 202, answer.text
        ids.append(answer.json()["submission"])
        if len(ids) == 1:
            join(pairs, "ada", "bob")
    assert ids[0] == ids[1]
    assert authors(pairs, ids[0]) == ["ada"]


def test_an_attempt_of_one_member_is_one_of_each(pairs: World) -> None:
    pairs.set(group_size=2, attempts_per_hour=2)
    join(pairs, "ada", "bob")
    pairs.hand_in("ada")
    pairs.hand_in("bob", WRONG)
    for login, status in (("ada", 429), ("bob", 429), ("cleo", 202)):
        files = [("files", ("mlp.py", b"class Sums: pass"))]
        assert pairs.client.post(SUBMISSIONS, files=files, headers=pairs.headers(login)).status_code == status
    act(pairs, "bob", "leave")  # which gives no attempt back
    assert pairs.client.post(SUBMISSIONS, files=files, headers=pairs.headers("bob")).status_code == 429


def test_attempts_before_joining_are_not_those_of_the_others(pairs: World) -> None:
    pairs.set(group_size=2, attempts_per_hour=1)
    pairs.hand_in("bob")
    join(pairs, "ada", "bob")
    assert authors(pairs, pairs.hand_in("ada")) == ["ada", "bob"]


def test_each_member_is_charged_late_days_and_the_least_of_them_counts(pairs: World) -> None:
    pairs.set(group_size=2, due_at=now() - DAY - DAY / 12, late={"free_days": 2, "per_day": "25%"})
    with pairs.service.store.write() as tx:
        late_days.put_budget(tx, COURSE, 3)
        late_days.grant(tx, COURSE, pairs.people["bob"].id, -2, "used elsewhere", pairs.people["grace"].id)
    join(pairs, "ada", "bob")
    assert "Each of your group has at least 1 late day left." in got(pairs, TOY, "ada")["late_days"]["question"]
    receipt = got(pairs, f"/api/v1/submissions/{pairs.hand_in('ada', late_days='2')}", "ada")
    assert "1 late day used, 0 left" in receipt["late"]["sentence"]
    assert [left(pairs, login) for login in ("ada", "bob", "cleo")] == [2, 0, 3]


def test_an_extension_of_one_member_is_the_groups(pairs: World) -> None:
    pairs.set(group_size=2, due_at=now() - DAY, late={"free_days": 2, "per_day": "25%"})
    join(pairs, "ada", "bob")
    with pairs.service.store.write() as tx:
        late_days.put_budget(tx, COURSE, 3)
        offerings.put_extension(tx, COURSE, ASSIGNMENT, pairs.people["bob"].id, now() + DAY)
    assert got(pairs, TOY, "ada")["late_days"]["days_late"] == 0


# ── by staff ─────────────────────────────────────────────────────────────────────────────────────────


def test_staff_set_groups_and_see_first_what_changes(pairs: World) -> None:
    join(pairs, "ada", "bob")
    group = name_of_group(pairs, "ada")
    wanted = {"ada": "", "BOB": "team 1", "cleo": "team 1"}
    changes = [
        {"login": "ada", "before": group, "after": ""},
        {"login": "bob", "before": group, "after": "team 1"},
        {"login": "cleo", "before": "", "after": "team 1"},
    ]
    assert put(pairs, wanted, dry_run="true").json() == changes
    assert seen(pairs, "ada") == [{"members": ["ada", "bob"], "invited": []}]
    assert put(pairs, wanted).json() == changes
    assert put(pairs, wanted).json() == []
    (team,) = got(pairs, GROUPS, "grace")
    assert (team["name"], [member["login"] for member in team["members"]]) == ("team 1", ["bob", "cleo"])
    assert authors(pairs, pairs.hand_in("cleo")) == ["bob", "cleo"]


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ({"ada": "a", "eve": "a"}, "'eve' is not a student of this course"),
        ({"grace": "a"}, "'grace' is not a student of this course"),
        ({"ada": "a", "bob": "a", "cleo": "a"}, "the group 'a' would have 3 members"),
        ({"ada": "x" * 201}, "not a valid name"),
    ],
)
def test_groups_that_cannot_be_are_refused_and_nothing_changes(pairs: World, groups: dict[str, str], says: str) -> None:
    answer = put(pairs, groups)
    assert (answer.status_code, says in answer.text) == (422, True)
    assert got(pairs, GROUPS, "grace") == []


def test_a_smaller_group_size_changes_no_group(pairs: World) -> None:
    join(pairs, "ada", "bob")
    pairs.set(group_size=3)
    put(pairs, {"cleo": name_of_group(pairs, "ada")})
    pairs.set(group_size=2)
    assert seen(pairs, "ada") == [{"members": ["ada", "bob", "cleo"], "invited": []}]


def test_the_group_size_is_a_setting(pairs: World) -> None:
    assert ask(pairs, "PUT", TOY, "grace", json={"group_size": 3}).json()["group_size"] == 3
    for size in (0, 21):
        assert "group size must be" in ask(pairs, "PUT", TOY, "grace", json={"group_size": size}).text
    assert got(pairs, TOY, "ada")["group_size"] == 3


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_group_is_formed_and_left_by_forms_alone(pairs: World) -> None:
    ada, bob = Visitor(pairs, "ada"), Visitor(pairs, "bob")

    def change(visitor: Visitor, what: str, target: str = "") -> str:
        answer = visitor.sends(OF_ASSIGNMENT, f"{OF_ASSIGNMENT}/group", change=what, target=target)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{OF_ASSIGNMENT}#group")
        return words(visitor.get(OF_ASSIGNMENT))

    assert "bob (invited) Withdraw" in change(ada, "invite", "bob")
    assert "Ada ada invites you to submit together." in words(bob.get(OF_ASSIGNMENT))
    assert "counts for Ada" not in words(ada.get(OF_ASSIGNMENT))
    target = re.search(r'name="target" value="(\w{26})"', bob.get(OF_ASSIGNMENT))
    assert target is not None
    page = change(bob, "accept", target[1])
    assert "A submission counts for Ada ada , Bob bob . A pre-check is yours alone." in page
    assert "Login of a student to invite" not in page  # the group is full
    assert "Ada ada , Bob bob" in words(ada.get(f"{ada.hands_in()}/receipt"))
    assert "counts for Ada" not in change(bob, "leave")


def test_an_invitation_to_another_group_can_only_be_declined(pairs: World) -> None:
    join(pairs, "ada", "bob")
    act(pairs, "cleo", "invite", "bob")
    page = words(Visitor(pairs, "bob").get(OF_ASSIGNMENT))
    assert "To accept, leave your group first. Decline" in page
    assert "Accept" not in page


def upload(visitor: Visitor, path: str, csv: bytes) -> Response:
    csrf = re.search(r'name="csrf" value="(\w+)"', visitor.get(path))
    assert csrf is not None
    return visitor._client.post(path, data={"csrf": csrf[1]}, files={"file": ("groups.csv", csv)})


def test_staff_upload_groups_and_look_before_they_change(pairs: World) -> None:
    grace = Visitor(pairs, "grace")
    path = f"{OF_ASSIGNMENT}/groups"
    assert f'href="{path}"' in grace.get(OF_ASSIGNMENT)
    csv = b'group,login\n"<b>1"" & 2",ADA\n"<b>1"" & 2",bob\n,cleo\n'
    preview = upload(grace, path, csv)
    assert 'ada none <b>1" & 2 bob none <b>1" & 2 Groups' in words(preview.text)
    assert got(pairs, GROUPS, "grace") == []
    rows = re.search(r'name="rows" value="([^"]*)"', preview.text)
    assert rows is not None
    answer = grace.sends(path, path, rows=unescape(rows[1]))
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert '<b>1" & 2 Ada ada , Bob bob' in words(grace.get(path))
    assert "The file changes nothing." in words(upload(grace, path, csv).text)


@pytest.mark.parametrize(
    ("csv", "says"),
    [
        (b"group,login\na,ada\nb,Ada\n", "line 3: ada is already in the group 'a'"),
        (b"team,login\na,ada\n", "there is no column group or login"),
        (b"", "there is no column group or login"),
        (b"group,login\na,ada\na,bob\na,cleo\n", "would have 3 members"),
    ],
)
def test_a_file_of_groups_that_is_wrong_is_refused_with_a_reason(pairs: World, csv: bytes, says: str) -> None:
    answer = upload(Visitor(pairs, "grace"), f"{OF_ASSIGNMENT}/groups", csv)
    assert (answer.status_code, says in unescape(answer.text)) == (422, True)
    assert got(pairs, GROUPS, "grace") == []


def test_staff_see_a_hundred_groups_on_a_page(pairs: World) -> None:
    logins = [f"s{number:03}" for number in range(101)]
    with pairs.service.store.write() as tx:
        for login in logins:
            people.put_member(tx, COURSE, people.put_person(tx, login, login).id, Role.STUDENT)
    grace, path = Visitor(pairs, "grace"), f"{OF_ASSIGNMENT}/groups"
    csv = "group,login\n" + "".join(f"team-{login},{login}\n" for login in logins)
    preview = words(upload(grace, path, csv.encode()).text)
    assert "s099 none team-s099 and 1 more" in preview
    assert put(pairs, {login: f"team-{login}" for login in logins}).status_code == 200
    first = grace.get(path)
    assert ("team-s099" in first, "team-s100" in first, "101 groups" in words(first)) == (True, False, True)
    assert 'href="groups?start=100">Next page' in first
    second = grace.get(f"{path}?start=100")
    assert ("team-s099" in second, "team-s100" in second, "Next page" in second) == (False, True, False)


def test_pages_with_groups_ask_the_database_as_often_for_many_students_as_for_few(pairs: World) -> None:
    ada, grace = Visitor(pairs, "ada"), Visitor(pairs, "grace")
    counts = []
    for many in (1, 30):
        logins = [f"s{many}-{number}" for number in range(many)]
        with pairs.service.store.write() as tx:
            for login in logins:
                people.put_member(tx, COURSE, people.put_person(tx, login, login).id, Role.STUDENT)
        assert put(pairs, dict(zip(logins, logins, strict=True))).status_code == 200
        counts.append((queries(pairs, ada, OF_ASSIGNMENT), queries(pairs, grace, f"{OF_ASSIGNMENT}/groups")))
    assert counts[0] == counts[1]


def queries(world: World, visitor: Visitor, path: str) -> int:
    """Number of queries that a page takes."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    engine = world.service.store._engine
    event.listen(engine, "before_cursor_execute", note)
    visitor.get(path)
    event.remove(engine, "before_cursor_execute", note)
    return len(statements)


@pytest.mark.parametrize("becomes", ["removed", "staff"])
def test_who_is_no_student_any_more_leaves_the_group_and_is_invited_like_others(pairs: World, becomes: str) -> None:
    join(pairs, "ada", "bob")
    bob = f"/api/v1/courses/{COURSE}/members/bob"
    if becomes == "removed":
        assert ask(pairs, "DELETE", bob, "grace").status_code == 204
    else:
        assert ask(pairs, "PUT", bob, "grace", json={"role": "staff"}).status_code == 200
    assert act(pairs, "ada", "invite", "bob").status_code == 200
    assert seen(pairs, "ada") == [{"members": ["ada"], "invited": ["bob"]}]
    assert act(pairs, "ada", "invite", "cleo").status_code == 422, "the invitation takes the place"
    assert ask(pairs, "PUT", bob, "grace", json={"role": "student"}).status_code == 200
    assert seen(pairs, "ada") == [{"members": ["ada"], "invited": ["bob"]}]


def test_an_invitation_does_not_tell_that_a_student_was_removed(pairs: World) -> None:
    assert act(pairs, "ada", "invite", "bob").status_code == 200
    assert ask(pairs, "DELETE", f"/api/v1/courses/{COURSE}/members/bob", "grace").status_code == 204
    assert seen(pairs, "ada") == [{"members": ["ada"], "invited": ["bob"]}]
