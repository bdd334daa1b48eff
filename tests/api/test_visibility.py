"""What a student sees of a verdict that is held, or that has hidden parts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from grader.api import visibility
from grader.api.identity import Caller
from grader.api.visibility import Visibility
from grader.model import Comparison, Evidence, Judgement, Opinion, Points, Report, Status, Usage, Written
from grader.render import as_json
from grader.store.database import now
from grader.store.records import AccessToken, Offering, Person, Role, TokenKind
from grader.workers.events import CheckEvent, Event
from tests.api.world import ASSIGNMENT, COURSE, WRONG, World

TOKEN = AccessToken("t", TokenKind.PROGRAM, "", now(), None)
STUDENT = Caller(Person("a", "ada", "Ada"), {COURSE: Role.STUDENT}, TOKEN, service=None)
STAFF = Caller(Person("g", "grace", "Grace"), {COURSE: Role.STAFF}, TOKEN, service=None)
OPEN = Offering(COURSE, ASSIGNMENT)
HELD = Offering(COURSE, ASSIGNMENT, held=True)
HIDDEN = Offering(COURSE, ASSIGNMENT, hidden=("q1.2",))


@pytest.fixture
def wrong(reports: dict[str, Report]) -> Report:
    """It has lost q1.2.negative. With evidence of each section, so that there is something to leak."""
    report = reports["wrong"]
    return replace(report, evidence=tuple(Evidence(name) for name in ("1", "2", "stray")), remarks=("a remark",))


def test_staff_see_everything(wrong: Report) -> None:
    assert Visibility(HELD, STAFF).report(wrong) == wrong


def test_a_released_report_without_hidden_parts_is_unchanged(wrong: Report) -> None:
    assert Visibility(Offering(COURSE, ASSIGNMENT), STUDENT).report(wrong) == wrong


JUDGED = Opinion((Judgement("", Comparison.EQUAL, Points(1), Points(1), "Equal on 24 random problems."),))


def with_opinion(report: Report, *, decided: bool) -> Report:
    written = Written("q1.1.written", "Why", Points(1), True, "x", (1,), JUDGED, decided)
    return replace(report, parts=(replace(report.parts[0], written=(written,)), *report.parts[1:]))


def test_what_the_machine_makes_of_an_answer_is_for_staff(wrong: Report) -> None:
    report = with_opinion(wrong, decided=False)
    assert Visibility(OPEN, STAFF).report(report).written[0].opinion == JUDGED
    assert Visibility(OPEN, STUDENT).report(report).written[0].opinion is None
    assert "random problems" not in as_json.dumps(Visibility(OPEN, STUDENT).report(report))


def test_what_the_machine_has_decided_about_an_answer_is_shown_unless_it_is_held_or_hidden(wrong: Report) -> None:
    report = with_opinion(wrong, decided=True)
    assert Visibility(OPEN, STUDENT).report(report).written == report.written
    for offering in (HELD, Offering(COURSE, ASSIGNMENT, hidden=("q1.1",))):
        (written,) = Visibility(offering, STUDENT).report(report).written
        assert (written.opinion, written.decided, written.points) == (None, False, 0)


def test_an_unreleased_report_shows_only_that_checks_exist(wrong: Report) -> None:
    seen = Visibility(HELD, STUDENT).report(wrong)
    assert {(c.status, c.points, c.reason) for c in seen.checks} == {(Status.WAITING, 0, visibility.HELD)}
    assert (seen.decided, seen.evidence, seen.remarks, seen.usage) == (0, (), (), {})
    assert [c.id for c in seen.checks] == [c.id for c in wrong.checks]


def test_a_right_and_a_wrong_answer_look_the_same_while_held(reports: dict[str, Report]) -> None:
    right, wrong = (
        as_json.as_json(Visibility(HELD, STUDENT).report(reports[name])) | {"submission": None}
        for name in ("right", "wrong")
    )
    assert right == wrong


def test_a_hidden_part_shows_that_it_is_there_and_no_more(wrong: Report) -> None:
    seen = {c.id: c for c in Visibility(HIDDEN, STUDENT).report(wrong).checks}
    assert (seen["q1.2.negative"].status, seen["q1.2.negative"].reason) == (Status.WAITING, visibility.HIDDEN)
    assert seen["q1.1.small"].status is Status.PASSED


def test_a_single_check_can_be_hidden(wrong: Report) -> None:
    seen = Visibility(Offering(COURSE, ASSIGNMENT, hidden=("q1.1.small",)), STUDENT).report(wrong)
    assert [c.id for c in seen.checks if c.status is Status.WAITING] == ["q1.1.small"]


def test_a_name_that_only_begins_alike_is_not_hidden(wrong: Report) -> None:
    seen = Visibility(Offering(COURSE, ASSIGNMENT, hidden=("q1.1.sm",)), STUDENT).report(wrong)
    assert seen == wrong


def test_evidence_and_usage_of_hidden_or_unknown_sections_are_hidden(wrong: Report) -> None:
    seen = Visibility(HIDDEN, STUDENT).report(replace(wrong, usage={"q1.1": Usage(1, 1), "q1.2": Usage(2, 2)}))
    assert [e.name for e in seen.evidence] == ["1"]
    assert list(seen.usage) == ["q1.1"]


def test_a_remark_about_a_hidden_check_is_hidden_with_it(wrong: Report) -> None:
    part, *rest = wrong.parts
    check, *others = part.checks
    telling = replace(check, remarks=("follows from the mistake that q1.2.negative lost points for", "fine"))
    report = replace(wrong, parts=(replace(part, checks=(telling, *others)), *rest))
    assert Visibility(HIDDEN, STUDENT).report(report).checks[0].remarks == ("fine",)


def test_events_tell_no_more_than_the_report() -> None:
    checks = tuple(CheckEvent(id, Status.FAILED, 0.0, 2.0, "adds one") for id in ("q1.1.small", "q1.2.negative"))
    seen = Visibility(HIDDEN, STUDENT).event(Event("g", "section", "q1", True, checks)).checks
    assert seen == (checks[0], CheckEvent("q1.2.negative", "waiting", 0.0, 2.0))


@pytest.mark.parametrize("fields", [{"held": True}, {"hidden": ("q1.2",)}])
def test_no_route_tells_what_was_hidden(world: World, fields: dict[str, object]) -> None:
    world.set(**fields)
    id = world.hand_in("ada", WRONG)
    world.grade_next("wrong")
    (lost,) = (check for check in world.reports["wrong"].checks if check.status is Status.FAILED)
    for path in ("", "/receipt", "/report.json", "/report.html", "/results.json", "/events"):
        answer = world.client.get(f"/api/v1/submissions/{id}{path}", headers=world.headers("ada"))
        assert answer.status_code == 200
        assert lost.reason not in answer.text


@pytest.mark.parametrize(("fields", "final", "decided"), [({"held": True}, None, 0), ({"hidden": ("q1.2",)}, 2, 2)])
def test_the_score_includes_only_shown_points(
    world: World, fields: dict[str, object], final: float | None, decided: float
) -> None:
    world.set(**fields)
    id = world.hand_in("ada")
    world.grade_next()
    found = world.client.get(f"/api/v1/submissions/{id}", headers=world.headers("ada")).json()
    assert (found["score"]["final"], found["score"]["decided"]) == (final, decided)
    assert found["gradings"][0]["points"] == final


def test_a_release_shows_all(world: World) -> None:
    world.set(held=True)
    id = world.hand_in("ada")
    world.grade_next()
    world.set(held=False)
    answer = world.client.get(f"/api/v1/submissions/{id}/report.json", headers=world.headers("ada"))
    assert answer.json() == json.loads(as_json.dumps(world.reports["right"]))
