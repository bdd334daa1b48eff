"""Late days over HTTP and on pages: agreed to, charged once, and given back."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import event

from grader.store import late_days, offerings, people, submissions
from grader.store.database import now
from grader.store.records import Counts, Kind, Offering, Priority, Role
from grader.store.submissions import NewSubmission
from tests.api.test_courses import ask, got
from tests.api.test_pages import OF_ASSIGNMENT, Visitor, table, words
from tests.api.world import ASSIGNMENT, COURSE, SUBMISSIONS, World

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
TOY = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}"
POLICY = {"free_days": 2, "per_day": "25%"}


@pytest.fixture
def late(world: World) -> World:
    """The toy assignment was due 26 hours ago, and each student has three late days."""
    world.set(due_at=now() - DAY - 2 * HOUR, late=POLICY)
    with world.service.store.write() as tx:
        late_days.put_budget(tx, COURSE, 3)
    return world


def left(world: World, login: str) -> int:
    return left_of_budget(world, login)[0]


def left_of_budget(world: World, login: str) -> tuple[int, int]:
    page = words(Visitor(world, "grace").get(f"/courses/{COURSE}/people/{login}"))
    counts = re.search(r"(\d+) of (\d+) late days? left", page)
    assert counts is not None
    return int(counts[1]), int(counts[2])


def seen(world: World, id: str, login: str = "ada") -> Any:
    return got(world, f"/api/v1/submissions/{id}", login)


def submit_at(world: World, moment: dt.datetime, *logins: str, assignment: str = ASSIGNMENT, agreed: int = 0) -> str:
    """Store a submission that came at this time."""
    authors = tuple(world.people[login].id for login in logins)
    with world.service.store.write() as tx:
        new = NewSubmission(
            COURSE,
            assignment,
            Kind.SUBMISSION,
            "api",
            "",
            authors[0],
            authors,
            (),
            received_at=moment,
            late_days=agreed,
        )
        id = submissions.add(tx, new)
        world.service.queue.enqueue(tx, id, ASSIGNMENT, authors[0], Priority.INTERACTIVE)
    return id


def test_a_student_who_agrees_uses_late_days_and_one_who_does_not_gets_the_penalty(late: World) -> None:
    ada, bob = late.hand_in("ada", late_days="2"), late.hand_in("bob")
    receipt = seen(late, ada)
    assert (receipt["late_days"], receipt["late"]["remains"]) == (2, 1)
    assert receipt["late"]["sentence"] == "Late by 1 day 2 hours: 2 late days used, 1 left."
    assert seen(late, bob, "bob")["late"]["remains"] == 0.5
    assert (left(late, "ada"), left(late, "bob")) == (1, 3)


def test_days_that_were_not_agreed_to_cost_the_penalty(late: World) -> None:
    sentence = seen(late, late.hand_in("ada", late_days="1"))["late"]["sentence"]
    assert sentence == (
        "Late by 1 day 2 hours (day 2 after the due date): 1 late day used, 2 left; penalty 25 % of the points, "
        "25 % a day."
    )


def test_a_submission_is_not_refused_for_late_days_that_it_cannot_use(late: World) -> None:
    late.set(due_at=now() + HOUR, late=POLICY)
    assert seen(late, late.hand_in("ada", late_days="366"))["late"]["sentence"] == "Submitted by the due date."
    late.set()
    assert seen(late, late.hand_in("ada", late_days="2"))["late"]["sentence"] == "There is no due date."


def test_the_same_form_with_another_choice_is_another_submission(late: World) -> None:
    visitor = Visitor(late, "ada")
    once = re.search(r'name="once" value="(\w+)"', visitor.get(OF_ASSIGNMENT))
    assert once is not None
    ids = [visitor.hands_in(once=once[1], late_days=days) for days in ("0", "2", "2")]
    assert ids[0] != ids[1] == ids[2]
    files = [("files", ("mlp.py", b"class Sums: pass"))]
    key = {"Idempotency-Key": "k", **late.headers("ada")}
    for days, status in (("1", 202), ("2", 422)):
        answer = late.client.post(SUBMISSIONS, files=files, data={"late_days": days}, headers=key)
        assert answer.status_code == status


def test_the_page_asks_before_it_uses_late_days_and_says_what_is_left(late: World) -> None:
    visitor = Visitor(late, "ada")
    page = visitor.get(OF_ASSIGNMENT)
    assert "This is 2 days late. You have 3 late days left. Use 2 late days" in words(page)
    (box,) = re.findall(r'<input type="checkbox" name="late_days"[^>]*>', page)
    assert "checked" not in box
    assert "penalty 50 %" in words(visitor.get(visitor.hands_in() + "/receipt"))
    receipt = words(visitor.get(visitor.hands_in(late_days="2") + "/receipt"))
    assert "you agreed to use up to 2" in receipt
    assert "2 late days used, 1 left" in receipt
    page = words(visitor.get(OF_ASSIGNMENT))  # another submission takes over the two days
    assert "(1 left)" in page
    assert "You have 1 late day left, and 2 that your earlier submission uses. Use 2 late days" in page
    late.set(due_at=now() + HOUR, late=POLICY)
    assert 'name="late_days"' not in visitor.get(OF_ASSIGNMENT)


def test_a_student_without_late_days_is_not_asked(late: World) -> None:
    with late.service.store.write() as tx:
        late_days.put_budget(tx, COURSE, 0)
    assert 'name="late_days"' not in Visitor(late, "ada").get(OF_ASSIGNMENT)
    assert seen(late, late.hand_in("ada", late_days="2"))["late"]["remains"] == 0.5


def test_an_extension_gives_late_days_back(late: World) -> None:
    id = late.hand_in("ada", late_days="2")
    assert left(late, "ada") == 1
    with late.service.store.write() as tx:
        offerings.put_extension(tx, COURSE, ASSIGNMENT, late.people["ada"].id, now() - 2 * HOUR)
    assert (left(late, "ada"), "1 late day used" in seen(late, id)["late"]["sentence"]) == (2, True)
    with late.service.store.write() as tx:
        offerings.put_extension(tx, COURSE, ASSIGNMENT, None, now() + HOUR)
    assert left(late, "ada") == 3


def test_a_cancelled_submission_gives_late_days_back(late: World) -> None:
    id = late.hand_in("ada", late_days="2")
    assert late.client.post(f"/api/v1/submissions/{id}/cancel", headers=late.headers("ada")).status_code == 200
    assert left(late, "ada") == 3


def test_only_the_best_submission_is_charged_and_a_changed_mark_changes_which_one(late: World) -> None:
    due = now() - 3 * HOUR
    late.set(due_at=due, late=POLICY, counts=Counts.BEST)
    submit_at(late, due - HOUR, "ada")
    worse = submit_at(late, due + HOUR, "ada", agreed=2)
    assert left(late, "ada") == 2  # reserved until it is graded
    late.grade_next("right")
    late.grade_next("wrong")
    assert left(late, "ada") == 3
    assert seen(late, worse)["late"]["sentence"].endswith("not charged because another submission counts, 3 left.")
    for id, points in (("q1.1.written", 1.5), ("q1.2.negative", 2)):
        path = f"/api/v1/submissions/{worse}/marks/{id}"
        assert ask(late, "PUT", path, "grace", json={"points": points}).status_code == 200
    assert left(late, "ada") == 2
    assert seen(late, worse)["late"]["sentence"] == "Late by 1 hour: 1 late day used, 2 left."


def test_while_points_are_held_the_days_left_do_not_tell_which_submission_is_better(late: World) -> None:
    due = now() - 3 * HOUR
    for hidden in ({"held": True}, {"hidden": ("q1.2",)}):
        late.set(due_at=due, late=POLICY, counts=Counts.BEST, **hidden)
        submit_at(late, due - HOUR, "ada")
        submit_at(late, due + HOUR, "ada", agreed=2)
        late.grade_next("right")
        late.grade_next("wrong")
        assert left(late, "ada") == 2


def test_days_are_shared_by_assignments_and_each_author_is_charged(late: World) -> None:
    with late.service.store.write() as tx:
        due = now() - DAY - 2 * HOUR
        offerings.put_offering(tx, Offering(COURSE, "gone", due_at=due, late=POLICY, counts=Counts.BEST))
    submit_at(late, now(), "ada", assignment="gone", agreed=2)  # the folder of this assignment was removed
    group = submit_at(late, now(), "ada", "bob", agreed=2)
    assert (left(late, "ada"), left(late, "bob")) == (0, 2)
    assert "1 late day used, 0 left; penalty 25 %" in seen(late, group, "bob")["late"]["sentence"]


def test_staff_set_the_budget_and_give_days_with_a_reason(late: World) -> None:
    id = late.hand_in("ada", late_days="2")
    ask(late, "POST", f"/courses/{COURSE}/late-days", "grace", data={"days": 1})
    assert left_of_budget(late, "ada") == (0, 1)
    assert seen(late, id)["late"]["remains"] == 0.75
    grant = {"days": 2, "reason": "jury duty"}
    form = f"/courses/{COURSE}/people/ada/late-days"
    ask(late, "POST", form, "grace", data=grant)
    assert (left_of_budget(late, "ada"), seen(late, id)["late"]["remains"]) == ((1, 3), 1)
    ask(late, "POST", form, "grace", data={"days": -1, "reason": "typing error"})
    with late.service.store.read() as tx:
        (grants,) = late_days.grants_of(tx, COURSE, [late.people["ada"].id]).values()
    assert [(grant.days, grant.reason, grant.granter) for grant in grants] == [
        (2, "jury duty", "grace"),
        (-1, "typing error", "grace"),
    ]
    assert got(late, f"/api/v1/courses/{COURSE}", "ada")["late_days"] == 1


def test_a_program_reads_which_late_days_its_owner_may_use(late: World) -> None:
    late.hand_in("ada", late_days="1")
    assert got(late, TOY, "ada")["late_days"] == {
        "days_late": 2,
        "days": 2,
        "left": 2,
        "question": "This is 2 days late. You have 2 late days left, and 1 that your earlier submission uses.",
    }
    late.set(due_at=now() - HOUR, late={"per_day": "10%"})
    assert got(late, TOY, "ada")["late_days"] is None


def test_the_scores_page_asks_the_database_as_often_for_many_students_with_late_days(late: World) -> None:
    statements = []
    for size in (1, 4):
        with late.service.store.write() as tx:
            for number in range(size):
                login = f"s{size}{number}"
                late.people[login] = people.put_person(tx, login, login)
                people.put_member(tx, COURSE, late.people[login].id, Role.STUDENT)
        for number in range(size):
            submit_at(late, now(), f"s{size}{number}", agreed=2)
        count: list[str] = []
        engine = late.service.store._engine

        def note(*arguments: Any, count: list[str] = count) -> None:
            count.append(arguments[2])

        event.listen(engine, "before_cursor_execute", note)
        Visitor(late, "grace").get(f"{OF_ASSIGNMENT}/scores")
        event.remove(engine, "before_cursor_execute", note)
        statements.append(len(count))
    assert statements[0] == statements[1]


def test_a_late_penalty_is_shown_apart_from_lost_points(late: World) -> None:
    id = late.hand_in("ada")
    late.grade_next()
    visitor, grace = Visitor(late, "ada"), Visitor(late, "grace")
    earned = seen(late, id)["score"]["earned"]
    page = words(visitor.get(f"/submissions/{id}"))
    assert (f"{earned / 2:g} late penalty" in page, " lost " in page) == (True, False)
    for page in (visitor.get(OF_ASSIGNMENT), visitor.get("/"), grace.get(f"{OF_ASSIGNMENT}/scores")):
        assert f"late penalty {earned / 2:g}" in words(page)
    rows = [row for row in table(grace.asks(f"{OF_ASSIGNMENT}/scores/long.csv")) if row["status"] == "late"]
    assert [(row["student"], row["check"], row["points"]) for row in rows] == [
        ("ada", "late penalty", f"{-earned / 2:g}")
    ]
    assert rows[0]["reason"].startswith("Late by 1 day 2 hours")
