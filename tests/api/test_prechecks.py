"""Help by tries: the number of pre-checks a day, and what they tell students until the due date."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from httpx2 import Response

from grader.api.visibility import Visibility
from grader.model import CheckResult, FailedCall, Note, NoteKind, Place, Points, Report, SourceLine, Status
from grader.store import leases, offerings
from grader.store.database import now
from grader.store.records import Offering, PrecheckDetail
from grader.workers.events import CheckEvent, Event
from tests.api.test_courses import ask, got
from tests.api.test_events import url as url
from tests.api.test_events import watching
from tests.api.test_pages import OF_ASSIGNMENT, Visitor, words
from tests.api.test_visibility import STAFF, STUDENT
from tests.api.world import ASSIGNMENT, COURSE, SUBMISSIONS, World
from tests.conftest import TOY_SOLUTION

TOY = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}"
HOUR = dt.timedelta(hours=1)
FAILED, REASON, LINE = "q1.2.negative", "zebra", "mlp.py:61"
TOLD = {"points": set(), "checks": {FAILED}, "reasons": {FAILED, REASON}, "lines": {FAILED, REASON, LINE}}
SOURCE = "return quagga"


@pytest.fixture
def telling(world: World, reports: dict[str, Report]) -> World:
    """The report "telling" names a failed check, the reason and the line, in every field that can."""
    error = f"SyntaxError: {REASON} on line 61 (detected at line 61)"
    call = FailedCall("negative(a)", error, "", Place("mlp.py", 61), column=7)
    line = SourceLine("mlp.py", 61, SOURCE)
    failed = CheckResult(FAILED, "Negation", Points(1), Points(2), Status.PARTIAL, call.reason, "", call, line=line)
    report = with_checks(reports["wrong"], {FAILED: failed})
    notes = (Note(NoteKind.SKIPPED, LINE, REASON),)
    graded = replace(report.submission.graded, notes=notes) if report.submission.graded else None
    submission = replace(report.submission, graded=graded)
    world.reports["telling"] = replace(report, submission=submission, remarks=(f"{LINE} was left out ({REASON})",))
    return world


def with_checks(report: Report, checks: dict[str, CheckResult]) -> Report:
    parts = []
    for part in report.parts:
        parts.append(replace(part, checks=tuple(checks.get(check.id, check) for check in part.checks)))
    return replace(report, parts=tuple(parts))


def precheck(world: World, login: str = "ada") -> Response:
    files = [("files", ("mlp.py", TOY_SOLUTION.encode()))]
    return world.client.post(SUBMISSIONS, files=files, data={"kind": "precheck"}, headers=world.headers(login))


def told(text: str) -> set[str]:
    """What a text tells of the failed check. A line is told by its number, or by what stands there."""
    signs = {FAILED: FAILED, REASON: REASON, LINE: LINE, SOURCE: LINE, "line 61": LINE}
    return {fact for sign, fact in signs.items() if sign in text}


# ── how many ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_pre_check_beyond_the_limit_is_refused_until_the_first_is_a_day_old(world: World) -> None:
    world.set(prechecks_per_day=2)
    assert [precheck(world).status_code for _ in range(2)] == [202, 202]
    refused = precheck(world)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/too-many-prechecks")
    assert "of 2 a day, the next pre-check is possible at" in refused.json()["detail"]
    assert 23 * 3600 < int(refused.headers["retry-after"]) <= 24 * 3600 + 1
    assert precheck(world, "bob").status_code == 202
    assert [precheck(world, "grace").status_code for _ in range(3)] == [202] * 3
    world.hand_in("ada")
    with world.service.store.write() as tx:
        tx.exec_driver_sql("update submissions set received_at = datetime(received_at, '-25 hours')")
    assert precheck(world).status_code == 202


def test_submissions_use_no_pre_check_and_pre_checks_no_attempt(world: World) -> None:
    world.set(prechecks_per_day=1, attempts_per_hour=1)
    world.hand_in("ada")
    assert precheck(world).status_code == 202
    world.set(prechecks_per_day=1, attempts_per_hour=2)
    world.hand_in("ada")
    assert got(world, TOY, "ada")["prechecks_left"] == 0


def test_a_cancelled_pre_check_counts_once_it_has_begun(world: World) -> None:
    world.set(prechecks_per_day=1)
    cancel = "/api/v1/submissions/{}/cancel"
    assert ask(world, "POST", cancel.format(precheck(world).json()["submission"]), "ada").status_code == 200
    second = precheck(world)
    assert second.status_code == 202
    with world.service.store.write() as tx:
        leases.claim(tx, "test worker")
    assert ask(world, "POST", cancel.format(second.json()["submission"]), "ada").status_code == 200
    assert precheck(world).status_code == 429


# ── how much one tells ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("detail", PrecheckDetail)
def test_no_route_tells_more_of_a_pre_check_than_staff_have_set(telling: World, detail: PrecheckDetail) -> None:
    telling.set(precheck_detail=detail, due_at=now() + HOUR)
    ids = [telling.hand_in("ada", kind="precheck") for _ in range(2)]
    for report in ("right", "telling"):
        telling.grade_next(report)
    api, ada = f"/api/v1/submissions/{ids[1]}", Visitor(telling, "ada")
    for path in ("report.json", "report.html", "results.json"):
        answer = telling.client.get(f"{api}/{path}", headers=telling.headers("ada"))
        assert (path, answer.status_code, told(answer.text)) == (path, 200, TOLD[detail])
    page = ada.get(f"/submissions/{ids[1]}")
    assert told(page) == TOLD[detail]
    assert "3 of 4 autograded" in words(page)  # the total is told in any case
    for path in (api, f"{api}/receipt", f"{api}/events", SUBMISSIONS, TOY):
        assert told(telling.client.get(path, headers=telling.headers("ada")).text) == set()
    history = ada.get(OF_ASSIGNMENT)
    assert told(history) == TOLD[detail] & {FAILED}
    assert got(telling, f"{api}/report.json", "ada")["points"]["earned"] == 3
    assert told(telling.client.get(f"{api}/report.json", headers=telling.headers("grace")).text) == TOLD["lines"]


@pytest.mark.parametrize("detail", PrecheckDetail)
def test_no_event_of_a_running_pre_check_tells_more(telling: World, url: str, detail: PrecheckDetail) -> None:
    telling.set(precheck_detail=detail)
    id = telling.hand_in("ada", kind="precheck")
    check = CheckEvent(FAILED, Status.FAILED, 0, 2, f"{LINE}: {REASON}")
    grading = got(telling, f"/api/v1/submissions/{id}", "ada")["gradings"][0]["id"]
    telling.service.events.publish(Event(grading, "section", "q1.2", True, (check,)))
    expected = TOLD[detail] if detail == "lines" else TOLD[detail] & {FAILED}  # a reason in an event has its line
    for login, facts in (("ada", expected), ("grace", TOLD["lines"])):
        with watching(telling, url, id, login) as said:
            assert told(str([next(said) for _ in range(3)])) == facts
    page = Visitor(telling, "ada").get(f"/submissions/{id}")
    assert told(page) == expected - {FAILED}  # it shows the check without its section
    assert ("negative" in page) == (FAILED in expected)


def test_everything_is_told_after_the_student_s_own_due_date(telling: World) -> None:
    telling.set(precheck_detail="points", due_at=now() - HOUR)
    id = telling.hand_in("ada", kind="precheck")
    telling.grade_next("telling")
    path = f"/api/v1/submissions/{id}/report.json"
    assert told(telling.client.get(path, headers=telling.headers("ada")).text) == TOLD["lines"]
    with telling.service.store.write() as tx:
        offerings.put_extension(tx, COURSE, ASSIGNMENT, telling.people["ada"].id, now() + HOUR)
    assert told(telling.client.get(path, headers=telling.headers("ada")).text) == set()


def test_a_submission_tells_everything(telling: World) -> None:
    telling.set(precheck_detail="points", due_at=now() + HOUR)
    id = telling.hand_in("ada")
    telling.grade_next("telling")
    answer = telling.client.get(f"/api/v1/submissions/{id}/report.json", headers=telling.headers("ada"))
    assert told(answer.text) == TOLD["lines"]


def test_reports_with_equal_totals_are_equal_where_only_points_are_told(reports: dict[str, Report]) -> None:
    right = reports["right"]
    only_points = Offering(COURSE, ASSIGNMENT, precheck_detail=PrecheckDetail.POINTS)
    seen = []
    for check in right.checks[:2]:
        failed = replace(check, points=check.possible - Points(1), status=Status.PARTIAL, reason=REASON)
        report = with_checks(right, {check.id: failed})
        if not seen:  # code that could not be loaded has no names
            report = replace(report, submission=replace(report.submission, graded=None))
        assert Visibility(only_points, STAFF).report(report) == report
        seen.append(Visibility(only_points, STUDENT).report(report))
    assert seen[0] == seen[1]
    assert (seen[0].points, seen[0].possible) == (right.points - 1, right.possible)


def test_a_cause_is_told_without_the_numbers_that_may_name_a_line(reports: dict[str, Report]) -> None:
    check = reports["wrong"].checks[0]
    failed = replace(
        check, points=Points(0), status=Status.FAILED, cause=f"{REASON}.", reason=f"{REASON}. (ValueError ({LINE}))"
    )
    report = with_checks(reports["wrong"], {check.id: failed})
    reasons = Offering(COURSE, ASSIGNMENT, precheck_detail=PrecheckDetail.REASONS)
    assert Visibility(reasons, STUDENT).report(report).checks[0].reason == f"{REASON}."


def test_hidden_checks_stay_hidden_in_the_total(telling: World) -> None:
    telling.set(precheck_detail="points", hidden=(FAILED,))
    id = telling.hand_in("ada", kind="precheck")
    telling.grade_next("telling")
    report = got(telling, f"/api/v1/submissions/{id}/report.json", "ada")
    assert (report["points"]["earned"], report["points"]["decided"]) == (2, 2)
    grading = got(telling, f"/api/v1/submissions/{id}", "ada")["gradings"][0]
    assert (grading["points"], grading["decided"]) == (2, 2)


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────


def test_students_see_the_limits_before_they_submit(world: World) -> None:
    settings = {"prechecks_per_day": 3, "precheck_detail": "checks", "due_at": (now() + HOUR).isoformat()}
    assert ask(world, "PUT", TOY, "grace", json=settings).status_code == 200
    assert precheck(world).status_code == 202
    offered = got(world, TOY, "ada")
    assert (offered["prechecks_per_day"], offered["precheck_detail"], offered["prechecks_left"]) == (3, "checks", 2)
    page = words(Visitor(world, "ada").get(OF_ASSIGNMENT))
    assert "Pre-checks: 3 a day, 2 left now." in page
    assert "Until the due date, pre-checks tell which checks fail, without reasons." in page
    world.set(prechecks_per_day=None, precheck_detail="checks", due_at=now() - HOUR)
    page = words(Visitor(world, "ada").get(OF_ASSIGNMENT))
    assert ("Pre-checks:" in page, "pre-checks tell" in page) == (False, False)


def test_no_pre_check_is_offered_that_would_tell_nothing(world: World) -> None:
    ada = Visitor(world, "ada")
    button = 'value="precheck"'
    world.set(prechecks_per_day=1)
    assert (button in ada.get(OF_ASSIGNMENT), "disabled" in ada.get(OF_ASSIGNMENT)) == (True, False)
    assert precheck(world).status_code == 202
    assert "disabled" in ada.get(OF_ASSIGNMENT)
    world.set(prechecks_per_day=None, held=True)
    assert button not in ada.get(OF_ASSIGNMENT)
    assert "there are no pre-checks here" in words(ada.get(OF_ASSIGNMENT))


def test_limits_that_cannot_be_are_refused(world: World) -> None:
    for settings in ({"prechecks_per_day": 0}, {"prechecks_per_day": 1001}, {"precheck_detail": "all"}):
        assert ask(world, "PUT", TOY, "grace", json=settings).status_code == 422
