"""Scores for learning platforms, sent to the gradebook of a real one."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from grader.api import sender
from grader.api.platform_scores import send_score
from grader.lms.services import Services
from grader.store import adjustments, leases, lti, offerings, outbox, people, regrades, submissions
from grader.store.database import now
from grader.store.records import Channel, Kind, Offering, Priority, Role, TokenKind
from grader.store.submissions import NewSubmission
from grader.store.tables import lti_line_items, lti_members, lti_scores
from grader.store.tables import outbox as table
from tests.api.world import ASSIGNMENT, COURSE, World, answering
from tests.lms.linked import Linked, linked
from tests.lms.platforms import Platform, platform_one

OFFERED = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}"
CANVAS = "https://canvas.instructure.com/lti/submission"


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with platform_one() as platform:
        yield platform


@pytest.fixture(autouse=True)
def _only_the_tests_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application of the world asks once, at its start."""
    monkeypatch.setattr(sender, "POLL_SECONDS", 3600.0)


@pytest.fixture
def campus(world: World, platform: Platform) -> Iterator[Linked]:
    platform.misbehave()
    with linked(world, platform) as campus:
        yield campus


def graded(campus: Linked, report: str = "right", login: str = "ada") -> str:
    """Submit, grade and deliver. Return the id of the submission."""
    id = campus.world.hand_in(login, f"x = {len(campus.scores())}\n")
    campus.world.grade_next(report)
    campus.deliver()
    return id


def progress(campus: Linked, login: str = "ada") -> list[str]:
    return [body["gradingProgress"] for body in campus.bodies(login)]


def as_staff(campus: Linked, method: str, path: str, **request: Any) -> None:
    answer = campus.world.client.request(method, path, headers=campus.world.headers("grace"), **request)
    assert answer.status_code < 400, answer.text
    campus.deliver()


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────────


def test_a_score_is_sent_when_it_is_decided(campus: Linked) -> None:
    campus.world.hand_in("ada")
    campus.deliver()
    (body,) = campus.bodies()
    assert (body["gradingProgress"], "scoreGiven" in body) == ("Pending", False)
    campus.world.grade_next()
    campus.deliver()
    assert progress(campus) == ["Pending", "FullyGraded"]
    body = campus.bodies()[-1]
    assert (body["scoreGiven"], body["scoreMaximum"], body["activityProgress"]) == (4, 5.5, "Completed")
    assert campus.grade() == 4
    assert (campus.deliver(), campus.waiting()) == (0, [])


def test_nothing_is_sent_without_a_submission(campus: Linked) -> None:
    as_staff(campus, "PUT", OFFERED, json={"due_at": "2020-01-01T00:00:00Z"})
    assert campus.scores() == []


def test_a_pre_check_is_not_sent(campus: Linked) -> None:
    campus.world.hand_in("ada", kind="precheck")
    campus.world.grade_next()
    campus.deliver()
    assert campus.scores() == []


def test_a_regrade_sends_again_when_it_counts_and_changes_the_score(campus: Linked) -> None:
    graded(campus)
    for report, expected in (("wrong", 2), ("wrong", 2), ("right", 4)):
        sent = len(campus.scores())
        regrade = campus.world.client.post(
            f"{OFFERED}/regrades", json={"which": "latest"}, headers=campus.world.headers("grace")
        ).json()["id"]
        regrades.enqueue_pending(campus.world.service.store, campus.world.service.queue)
        campus.world.grade_next(report)
        campus.deliver()
        assert len(campus.scores()) == sent
        before = campus.grade()
        as_staff(campus, "POST", f"/api/v1/regrades/{regrade}/apply")
        assert campus.grade() == expected
        assert len(campus.scores()) == sent + (before != expected)


def test_what_people_decide_is_sent(campus: Linked) -> None:
    id = graded(campus)
    as_staff(campus, "PUT", f"/api/v1/submissions/{id}/marks/q1.2.negative", json={"points": 0.25})
    assert campus.grade() == 2.25
    as_staff(campus, "POST", f"{OFFERED}/adjustments/ada", json={"points": 0.5, "reason": "found later"})
    assert campus.grade() == 2.75
    late = {"due_at": "2020-01-01T00:00:00Z", "late": {"per_day": "100%"}}
    as_staff(campus, "PUT", OFFERED, json=late)
    assert campus.grade() == 0.5
    as_staff(campus, "PUT", f"{OFFERED}/extensions", json={"login": "ada", "due_at": "2100-01-01T00:00:00Z"})
    assert progress(campus)[-1] == "FullyGraded"
    (until,) = campus.waiting()
    assert until
    assert until.year == 2100, "what was not submitted will be worth zero then"


def test_points_are_exact_to_hundredths(campus: Linked) -> None:
    id = graded(campus)
    as_staff(campus, "PUT", f"/api/v1/submissions/{id}/marks/q1.2.negative", json={"points": 1.13})
    assert campus.bodies()[-1]["scoreGiven"] == 3.13


def test_a_failure_of_the_grader_is_no_zero(campus: Linked) -> None:
    campus.world.hand_in("ada")
    for _ in range(leases.MOST_FAILURES):
        with campus.world.service.store.write() as tx:
            leased = leases.claim(tx, "test worker")
            assert leased
            leases.fail(tx, leased, "a bug")
        campus.deliver()
    assert progress(campus) == ["Pending", "Failed"]
    assert campus.grade() is None


def test_what_waits_for_people_is_no_zero(campus: Linked) -> None:
    campus.world.reports["waits"] = answering(campus.world.reports["right"], "because")
    graded(campus, "waits")
    assert progress(campus) == ["PendingManual"]
    assert campus.grade() is None


def test_a_cancelled_submission_is_not_sent_and_the_one_before_counts_again(campus: Linked) -> None:
    graded(campus, "wrong")
    later = campus.world.hand_in("ada")
    campus.deliver()
    answer = campus.world.client.post(f"/api/v1/submissions/{later}/cancel", headers=campus.world.headers("ada"))
    assert answer.status_code < 400, answer.text
    campus.deliver()
    assert progress(campus) == ["FullyGraded"]


def test_the_time_of_the_submission_decides_what_is_late_and_a_regrade_is_no_new_attempt(campus: Linked) -> None:
    id = graded(campus)
    as_staff(campus, "PUT", f"/api/v1/submissions/{id}/marks/q1.2.negative", json={"points": 1})
    second = graded(campus, "wrong")
    with campus.world.service.store.read() as tx:
        records = [submissions.get(tx, submission) for submission in (id, id, second)]
    times = [record.received_at.isoformat(timespec="milliseconds") for record in records if record]
    assert [body["submission"]["submittedAt"] for body in campus.bodies()] == times
    assert [body[CANVAS]["submitted_at"] for body in campus.bodies()] == times
    assert [body[CANVAS]["new_submission"] for body in campus.bodies()] == [True, False, True]


def test_timestamps_increase_when_the_clock_is_set_back(campus: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    id = graded(campus)
    with campus.world.service.store.write() as tx:
        stored = dict(tx.scalar(select(lti_scores.c.sent)) or {})
        ahead = now() + dt.timedelta(hours=1)
        tx.execute(update(lti_scores).values(sent=stored | {"timestamp": ahead.isoformat(timespec="milliseconds")}))
    as_staff(campus, "PUT", f"/api/v1/submissions/{id}/marks/q1.2.negative", json={"points": 1})
    assert dt.datetime.fromisoformat(campus.bodies()[-1]["timestamp"]) > ahead.replace(microsecond=0)


# ── traps ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_grade_that_a_person_gave_is_not_wiped(campus: Linked) -> None:
    """WikiEduDashboard PR #6934: Canvas removes the grade when a score without a number comes."""
    campus.world.reports["waits"] = answering(campus.world.reports["right"], "because")
    graded(campus, "waits")
    campus.platform.grade_by_hand(campus.course, campus.line_item, "lti-ada", 7)
    graded(campus, "waits")
    graded(campus, "waits")
    assert campus.grade() == 7
    assert progress(campus) == ["PendingManual"]


def test_a_grade_that_a_person_gave_before_the_first_submission_is_not_wiped(campus: Linked) -> None:
    campus.platform.grade_by_hand(campus.course, campus.line_item, "lti-ada", 7)
    campus.world.hand_in("ada")
    campus.deliver()
    assert (campus.grade(), campus.scores()) == (7, [])
    campus.world.grade_next()
    campus.deliver()
    assert campus.grade() == 4, "our number follows all the same"


def test_where_the_platform_does_not_show_results_no_score_without_a_number_is_sent(campus: Linked) -> None:
    campus.platform.misbehave({"at": "results", "status": 403, "times": 5})
    graded(campus)
    assert progress(campus) == ["FullyGraded"]


def test_after_a_number_only_numbers_follow(campus: Linked) -> None:
    graded(campus)
    campus.world.hand_in("ada")
    campus.deliver()
    as_staff(campus, "PUT", OFFERED, json={"held": True})
    assert progress(campus) == ["FullyGraded"]
    assert campus.grade() == 4


@pytest.mark.parametrize("release", ["all", "one", "date"])
def test_a_hold_withholds_and_the_release_sends(campus: Linked, release: str) -> None:
    campus.world.set(held=True)
    graded(campus)
    assert progress(campus) == ["Pending"]
    assert campus.grade() is None
    if release == "all":
        as_staff(campus, "PUT", OFFERED, json={"held": False})
    elif release == "one":
        path = f"/courses/{COURSE}/assignments/{ASSIGNMENT}/students/ada/hold"
        as_staff(campus, "POST", path, data={"hold": "released"})
    else:
        as_staff(campus, "PUT", OFFERED, json={"held": True, "release_at": (now() + dt.timedelta(hours=1)).isoformat()})
        assert campus.grade() is None
        (until,) = campus.waiting()
        assert until
        assert abs(until - now() - dt.timedelta(hours=1)) < dt.timedelta(minutes=1)
        with campus.world.service.store.write() as tx:  # an hour later
            past = now() - dt.timedelta(seconds=1)
            offerings.put_offering(tx, Offering(COURSE, ASSIGNMENT, held=True, release_at=past))
        campus.hasten()
        campus.deliver()
    assert campus.grade() == 4


def test_a_hold_that_comes_while_a_score_is_under_way_keeps_the_number_here(
    campus: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = Services.prepare

    def prepared(services: Services) -> None:
        prepare(services)
        with campus.world.service.store.write() as tx:
            adjustments.put_hold(tx, COURSE, ASSIGNMENT, campus.world.people["ada"].id, held=True)

    monkeypatch.setattr(Services, "prepare", prepared)
    graded(campus)
    assert "FullyGraded" not in progress(campus)


def test_what_was_not_submitted_is_zero_when_the_last_moment_has_passed(campus: Linked) -> None:
    as_staff(campus, "PUT", OFFERED, json={"due_at": (now() + dt.timedelta(hours=1)).isoformat()})
    graded(campus)
    assert progress(campus) == ["Pending"]
    (until,) = campus.waiting()
    assert until
    assert until > now() + dt.timedelta(minutes=59)
    campus.world.set(due_at=now() + dt.timedelta(seconds=0.5))
    campus.hasten()
    while campus.grade() is None:
        campus.deliver()
        campus.hasten()
    assert campus.grade() == 4


def test_members_of_a_group_each_get_theirs(campus: Linked) -> None:
    service = campus.world.service
    both = (campus.world.people["ada"].id, campus.world.people["bob"].id)
    new = NewSubmission(COURSE, ASSIGNMENT, Kind.SUBMISSION, "api", "0" * 64, both[0], both, (("mlp.py", b"x = 1"),))
    with service.store.write() as tx:
        id = submissions.add(tx, new)
        service.queue.enqueue(tx, id, ASSIGNMENT, both[0], Priority.INTERACTIVE)
    campus.world.grade_next()
    campus.deliver()
    assert (campus.grade("ada"), campus.grade("bob")) == (4, 4)
    as_staff(campus, "POST", f"{OFFERED}/adjustments/bob", json={"points": 1, "reason": "wrote the tests"})
    assert (campus.grade("ada"), campus.grade("bob")) == (4, 5)
    as_staff(campus, "PUT", f"/api/v1/submissions/{id}/marks/q1.2.negative", json={"points": 0})
    assert (campus.grade("ada"), campus.grade("bob")) == (2, 3)
    late = {"due_at": "2020-01-01T00:00:00Z", "late": {"per_day": "100%"}}
    as_staff(campus, "PUT", OFFERED, json=late)
    as_staff(campus, "PUT", f"{OFFERED}/extensions", json={"login": "ada", "due_at": "2100-01-01T00:00:00Z"})
    assert campus.waiting() != [], "the extension of one is an extension of the partner's score"
    assert (campus.grade("ada"), campus.grade("bob")) == (0, 1)


def test_a_student_is_told_to_the_contexts_that_know_them(campus: Linked, platform: Platform) -> None:
    with linked(campus.world, platform) as second:
        with campus.world.service.store.write() as tx:
            tx.execute(delete(lti_members).filter_by(context=second.context, subject="lti-ada"))
        graded(campus)
        assert (campus.grade(), second.scores()) == (4, [])


def test_a_platform_that_is_gone_keeps_no_score_from_another(campus: Linked, platform: Platform) -> None:
    with linked(campus.world, platform) as second:
        with campus.world.service.store.write() as tx:
            gone = update(lti_line_items).filter_by(context=campus.context)
            tx.execute(gone.values(url="http://127.0.0.1:1/gone"))
        graded(campus)
        assert (second.grade(), "does not answer" in campus.problem()) == (4, True)


def test_launches_of_two_links_to_an_assignment_do_not_send_its_scores_to_and_fro(
    campus: Linked, platform: Platform
) -> None:
    graded(campus)
    platform.grade_by_hand(campus.course, campus.line_item, "lti-ada", 5.0)
    column = {"scoreMaximum": 5.5, "resourceId": "again"}
    second = platform.add_link(campus.course, "Again", lineItem=column)["line_item"]
    for line_item in (second, campus.line_item):
        with campus.world.service.store.write() as tx:
            lti.put_line_item(tx, campus.context, ASSIGNMENT, line_item)
        campus.deliver()
    assert (campus.grade(), platform.grade_of(campus.course, second, "lti-ada")) == (5, None)


def test_the_test_student_is_refused_and_seen_and_not_tried_again(campus: Linked, platform: Platform) -> None:
    platform.add_person("lti-ada", "Ada", is_test_student=True)
    graded(campus)
    assert "Test Student" in campus.problem()
    assert campus.waiting() == []
    assert {score["status"] for score in campus.scores()} == {422}


def test_a_deleted_column_is_told_and_the_next_launch_may_name_another(campus: Linked, platform: Platform) -> None:
    platform.misbehave({"at": "scores", "status": 404, "times": 9})
    graded(campus)
    assert "add it again" in campus.problem()
    platform.misbehave()
    with campus.world.service.store.write() as tx:  # a launch names it
        lti.put_line_item(tx, campus.context, ASSIGNMENT, campus.line_item)
    campus.deliver()
    assert (campus.grade(), campus.problem()) == (4, "")


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"status": 401}, {"status": 409}, {"drop": True}])
def test_what_is_not_accepted_for_now_is_sent_again(campus: Linked, platform: Platform, fault: dict[str, Any]) -> None:
    platform.misbehave({"at": "scores"} | fault)
    graded(campus)
    (due_at,) = campus.waiting()
    assert due_at
    assert due_at > now()
    assert "tried again" in campus.problem()
    campus.hasten()
    campus.deliver()
    assert (campus.grade(), campus.problem(), campus.waiting()) == (4, "", [])


def test_a_platform_that_gives_no_token_is_asked_again(campus: Linked, platform: Platform) -> None:
    platform.misbehave({"at": "token", "status": 503})
    graded(campus)
    assert campus.scores() == []
    campus.hasten()
    campus.deliver()
    assert campus.grade() == 4


def test_an_old_timestamp_is_refused_for_good_only_the_second_time(campus: Linked, platform: Platform) -> None:
    platform.misbehave({"at": "scores", "status": 400, "times": 2})
    graded(campus)
    campus.hasten()
    campus.deliver()
    assert (campus.waiting(), campus.problem()) == ([], "the platform answers with status 400")


def test_a_change_while_a_score_is_sent_is_not_lost(campus: Linked) -> None:
    store = campus.world.service.store
    id = campus.world.hand_in("ada")
    campus.world.grade_next()
    message = None
    while message is None:
        message = outbox.claim(store, Channel.PLATFORM)
    send_score(campus.world.service, message)
    as_staff_headers = campus.world.headers("grace")
    campus.world.client.put(
        f"/api/v1/submissions/{id}/marks/q1.2.negative", json={"points": 0}, headers=as_staff_headers
    )
    assert outbox.claim(store, Channel.PLATFORM) is None, "it is claimed, and no other process sends it meanwhile"
    outbox.remove(store, message)
    campus.deliver()
    assert campus.grade() == 2


def test_a_score_is_computed_again_after_a_kill_and_is_one_in_effect(campus: Linked) -> None:
    """The process ended between the platform's answer and our record of it."""
    graded(campus)
    store = campus.world.service.store
    with store.write() as tx:
        tx.execute(update(lti_scores).values(sent={}))
    graded(campus, "wrong")
    assert campus.grade() == 2


def test_people_who_are_no_students_have_no_score(campus: Linked) -> None:
    with campus.world.service.store.write() as tx:
        people.put_member(tx, COURSE, campus.world.people["ada"].id, Role.STAFF)
    graded(campus)
    assert campus.scores() == []


def test_nothing_is_told_without_a_column(world: World) -> None:
    world.hand_in("ada")
    world.grade_next()
    with world.service.store.read() as tx:
        assert tx.scalars(select(table.c.id)).all() == []


# ── the staff page ───────────────────────────────────────────────────────────────────────────────────

PAGE = f"/courses/{COURSE}/platform"


def shown(campus: Linked) -> str:
    answer = campus.world.client.get(PAGE, headers=campus.world.headers("grace"))
    assert answer.status_code == 200
    return answer.text


def test_staff_see_what_was_refused_and_send_it_again(campus: Linked, platform: Platform) -> None:
    platform.misbehave({"at": "scores", "status": 422})
    graded(campus)
    assert "the platform does not know the student" in shown(campus)
    as_staff(campus, "POST", f"{PAGE}/send", data={"assignment": ASSIGNMENT, "login": "ada"})
    assert (campus.grade(), campus.problem()) == (4, "")
    assert "Not accepted" not in shown(campus)


def test_scores_are_sent_again_although_the_platform_had_them(campus: Linked, platform: Platform) -> None:
    graded(campus)
    graded(campus, "wrong", "bob")
    platform.grade_by_hand(campus.course, campus.line_item, "lti-ada", 1)
    as_staff(campus, "POST", f"{PAGE}/send", data={"assignment": ASSIGNMENT})
    assert (campus.grade("ada"), campus.grade("bob")) == (4, 2)
    assert [body[CANVAS]["new_submission"] for body in campus.bodies()] == [True, False]


def test_a_platform_that_does_not_answer_is_seen_while_it_is_tried_again(campus: Linked, platform: Platform) -> None:
    platform.misbehave({"at": "scores", "status": 500})
    graded(campus)
    assert "status 500; it is tried again" in shown(campus)


def add_column(campus: Linked) -> int:
    data = {"assignment": ASSIGNMENT}
    path = f"{PAGE}/{campus.context}/columns"
    return campus.world.client.post(path, data=data, headers=campus.world.headers("grace")).status_code


@pytest.fixture
def empty(world: World, platform: Platform) -> Iterator[Linked]:
    """A linked course without columns."""
    platform.misbehave()
    with linked(world, platform, has_column=False) as campus:
        yield campus


def columns(campus: Linked) -> list[dict[str, Any]]:
    return list(campus.platform.course(campus.course)["line_items"])


def test_a_column_that_is_added_gets_the_scores_that_there_are(empty: Linked) -> None:
    graded(empty)
    assert empty.scores() == []
    assert add_column(empty) == 200
    (column,) = columns(empty)
    assert (column["resourceId"], column["scoreMaximum"], column["label"]) == ("ml/toy", 5.5, "Sums")
    empty.deliver()
    assert empty.platform.grade_of(empty.course, column["id"], "lti-ada") == 4


def test_a_form_sent_twice_at_once_makes_one_column(empty: Linked) -> None:
    """PrairieLearn #15643."""
    empty.platform.misbehave({"at": "lineitems", "seconds": 0.5})
    with ThreadPoolExecutor(4) as clicks:
        statuses = list(clicks.map(lambda _: add_column(empty), range(4)))
    assert sorted(statuses) == [200, 422, 422, 422]
    assert len(columns(empty)) == 1


def test_a_column_that_was_made_before_a_kill_is_found(empty: Linked) -> None:
    empty.platform.misbehave({"at": "lineitems", "times": 0}, {"at": "lineitems", "drop": True, "times": 2})
    assert add_column(empty) == 422
    empty.platform.misbehave()
    for _ in range(2):
        assert add_column(empty) == 200
    assert len(columns(empty)) == 1


def test_points_that_were_changed_change_the_maximum(campus: Linked, platform: Platform) -> None:
    with linked(campus.world, platform, maximum=8) as other:
        assert add_column(other) == 200
        assert [column["scoreMaximum"] for column in columns(other)] == [5.5]


def test_a_new_column_in_the_place_of_an_old_one_gets_all_scores(campus: Linked, platform: Platform) -> None:
    graded(campus)
    item = {"scoreMaximum": 11, "resourceId": "x"}
    new = platform.add_link(campus.course, "Again", lineItem=item)["line_item"]
    with campus.world.service.store.write() as tx:
        lti.put_line_item(tx, campus.context, ASSIGNMENT, new, is_chosen=True)
    campus.deliver()
    assert platform.grade_of(campus.course, new, "lti-ada") == 8


def test_an_unlinked_course_gets_nothing(campus: Linked) -> None:
    as_staff(campus, "POST", f"{PAGE}/{campus.context}/unlink")
    graded(campus)
    assert campus.scores() == []


def test_the_contexts_of_other_courses_cannot_be_used(campus: Linked) -> None:
    with campus.world.service.store.write() as tx:
        people.put_member(tx, "other", campus.world.people["eve"].id, Role.STAFF)
    for path in ("columns", "roster", "unlink"):
        answer = campus.world.client.post(
            f"/courses/other/platform/{campus.context}/{path}",
            data={"assignment": ASSIGNMENT},
            headers=campus.world.headers("eve"),
        )
        assert answer.status_code == 404


# ── the roster ───────────────────────────────────────────────────────────────────────────────────────


def update_roster(campus: Linked, times: int = 2) -> str:
    """Look at what the roster changes, and confirm it. Return the last page."""
    seen, text = "", ""
    for _ in range(times):
        answer = campus.world.client.post(
            f"{PAGE}/{campus.context}/roster", data={"seen": seen}, headers=campus.world.headers("grace")
        )
        assert answer.status_code == 200, answer.text
        text = answer.text
        seen = "".join(re.findall(r'name="seen" value="(\w+)"', text))
    return text


def members(campus: Linked) -> dict[str, Role]:
    with campus.world.service.store.read() as tx:
        return {member.person.login: member.role for member in people.roster(tx, COURSE)}


def test_the_roster_is_read_in_pages_and_changes_nothing_before_it_is_confirmed(
    campus: Linked, platform: Platform
) -> None:
    platform.set(members_on_page=2)
    before = members(campus)
    for number in range(5):
        platform.add_person(f"n{number}", f"New {number}", f"n{number}@example.edu")
        platform.put_member(campus.course, f"n{number}", "Learner")
    platform.add_person("ta", "Tara", "tara@elsewhere.org")
    platform.put_member(campus.course, "ta", "Instructor")
    assert "n4@example.edu" in update_roster(campus, 1)
    with campus.world.service.store.read() as tx:
        assert people.person_by_login(tx, "n4@example.edu") is None
    assert members(campus) == before
    update_roster(campus)
    added = {login: role for login, role in members(campus).items() if login not in before}
    assert [role for login, role in added.items() if login.startswith("n")] == [Role.STUDENT] * 5
    (made,) = (login for login in added if login.startswith("lti-"))
    assert added[made] is Role.STAFF, "the platform may not name people of elsewhere.org"
    platform.set(members_on_page=50)


def test_who_has_left_is_listed_and_removed_and_keeps_the_submissions(campus: Linked, platform: Platform) -> None:
    id = graded(campus, login="bob")
    with campus.world.service.store.write() as tx:
        by_hand = people.put_person(tx, "hand", "By Hand")
        people.put_member(tx, COURSE, by_hand.id, Role.STUDENT)
    platform.put_member(campus.course, "lti-ada", "Learner", status="Inactive")
    platform.put_member(campus.course, "lti-bob")
    page = update_roster(campus, 1)
    assert ("Ada" in page, "Bob" in page) == (True, True)
    assert "4 not named by the platform<" in page
    assert "2 not named by the platform; they stay in the course" in page, "grace and the one who was added by hand"
    update_roster(campus)
    assert members(campus) == {"grace": Role.STAFF, "hand": Role.STUDENT}
    with campus.world.service.store.read() as tx:
        assert submissions.get(tx, id)


def test_the_roster_leaves_out_the_test_student_and_no_staff_lose_their_role(
    campus: Linked, platform: Platform
) -> None:
    test_student = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"
    platform.add_person("test", "Test", "test@example.edu")
    platform.put_member(campus.course, "test", "Learner", test_student)
    with campus.world.service.store.write() as tx:
        people.put_member(tx, COURSE, campus.world.people["bob"].id, Role.STAFF)
    update_roster(campus)
    assert members(campus) == {"ada": Role.STUDENT, "bob": Role.STAFF, "grace": Role.STAFF}


def test_a_person_whom_the_roster_names_first_gets_the_scores_that_there_are(
    campus: Linked, platform: Platform
) -> None:
    with campus.world.service.store.write() as tx:
        person = people.put_person(tx, "carl@example.edu", "Carl")
        people.put_member(tx, COURSE, person.id, Role.STUDENT)
        campus.world.people["carl@example.edu"] = person
        campus.world.tokens["carl@example.edu"] = people.new_token(tx, person.id, TokenKind.PROGRAM)
    graded(campus, login="carl@example.edu")
    assert campus.scores() == []
    platform.add_person("lti-carl", "Carl", "carl@example.edu")
    platform.put_member(campus.course, "lti-carl", "Learner")
    update_roster(campus)
    campus.deliver()
    assert campus.grade("carl") == 4


def test_a_roster_that_changes_meanwhile_is_shown_again(campus: Linked, platform: Platform) -> None:
    platform.put_member(campus.course, "lti-bob")
    page = update_roster(campus, 1)
    (seen,) = re.findall(r'name="seen" value="(\w+)"', page)
    platform.put_member(campus.course, "lti-ada")
    path = f"{PAGE}/{campus.context}/roster"
    answer = campus.world.client.post(path, data={"seen": seen}, headers=campus.world.headers("grace"))
    assert "What the roster would change" in answer.text
    assert "ada" in members(campus)


@pytest.mark.parametrize(("at", "form"), [("members", "roster"), ("lineitems", "columns"), ("token", "roster")])
def test_a_platform_that_fails_is_told_to_staff(campus: Linked, platform: Platform, at: str, form: str) -> None:
    platform.misbehave({"at": at, "status": 500})
    answer = campus.world.client.post(
        f"{PAGE}/{campus.context}/{form}", data={"assignment": ASSIGNMENT}, headers=campus.world.headers("grace")
    )
    assert answer.status_code == 422
    assert "status 500" in answer.text
