"""The gradebook of a course, adjustments of scores, and results that are held back or released for one student."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest

from grader.store import late_days, leases, people
from grader.store.records import Counts, Role, TokenKind
from tests.api.test_course_pages import Editor
from tests.api.test_pages import words
from tests.api.test_using_late_days import left
from tests.api.world import ASSIGNMENT, COURSE, WRONG, World
from tests.conftest import MakeNotebook

HOUR = dt.timedelta(hours=1)
PATH = f"/courses/{COURSE}/assignments/{ASSIGNMENT}"
API = f"/api/v1{PATH}"


def graded(world: World, login: str, report: str = "right", source: str = "") -> str:
    id = world.hand_in(login, source) if source else world.hand_in(login)
    world.grade_next(report)
    return id


def card(world: World, login: str) -> str:
    """The start page, as this person sees it."""
    return words(world.client.get("/", headers=world.headers(login) | {"Accept": "text/html"}).text)


def gradebook(world: World) -> list[list[str]]:
    """The gradebook as CSV."""
    content = world.client.get(f"/courses/{COURSE}/gradebook.csv", headers=world.headers("grace")).content
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def table(world: World, query: str = "") -> str:
    """The rows of the gradebook."""
    page = Editor(world, "grace").get(f"/courses/{COURSE}/gradebook{query}")
    return words(page.partition("<tbody>")[2].partition("</tbody>")[0])


def test_the_gradebook_shows_scores_and_what_is_missing(world: World) -> None:
    graded(world, "ada")
    total = world.service.assignments[ASSIGNMENT].points
    assert "Ada" in table(world)
    assert "Bob bob — not submitted 0" in table(world)
    assert "Grace" not in table(world)  # staff
    assert "Ada" not in table(world, "?only=not+submitted")
    assert "Bob" not in table(world, "?q=ADA")
    assert table(world, "?by=total").index("Ada") < table(world, "?by=total").index("Bob")
    titles, *rows = gradebook(world)
    assert titles == ["login", "name", f"toy (of {float(total):g})", "toy state"]
    assert rows[1] == ["bob", "Bob", "", "not submitted"]


def test_pages_of_the_gradebook_have_every_student_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.api.course_scores.SHOWN", 3)
    with world.service.store.write() as tx:
        for number in range(8):
            person = people.put_person(tx, f"student{number}", f"Student {number}")
            people.put_member(tx, COURSE, person.id, Role.STUDENT)
    for order in ("name", "total"):
        seen, after = [], ""
        for _page in range(4):
            page = Editor(world, "grace").get(f"/courses/{COURSE}/gradebook?by={order}&after={after}")
            logins = [part.partition('"')[0] for part in page.split('<th scope="row"><a href="/courses/ml/people/')[1:]]
            seen += logins
            after = logins[-1]
        assert seen == ["ada", "bob", *(f"student{number}" for number in range(8))]


def test_an_adjustment_is_part_of_the_score_and_survives_a_new_submission(world: World) -> None:
    graded(world, "ada")
    [before] = [float(row[2]) for row in gradebook(world)[1:] if row[0] == "ada"]
    answer = world.client.post(
        f"{API}/adjustments/ada", json={"points": -0.5, "reason": "no name"}, headers=world.headers("grace")
    )
    assert answer.status_code == 204, answer.text
    graded(world, "ada")
    [after] = [float(row[2]) for row in gradebook(world)[1:] if row[0] == "ada"]
    assert after == before - 0.5
    page = words(Editor(world, "grace").get(f"{PATH}/students/ada"))
    assert "Adjusted by −0.5: no name" in page
    assert "−0.5 no name Grace grace" in page
    assert f"{after:g} of" in card(world, "ada")
    page = world.client.get(PATH, headers=world.headers("ada") | {"Accept": "text/html"}).text
    assert "Adjusted by −0.5: no name" in words(page)


def test_a_score_is_never_negative(world: World) -> None:
    graded(world, "ada", "wrong", WRONG)
    Editor(world, "grace").saves(f"{PATH}/students/ada", f"{PATH}/students/ada/adjustments", points="-1000", reason="x")
    assert "Ada ada 0 " in table(world)


def test_a_held_student_sees_no_points_and_a_released_one_does(world: World) -> None:
    ids = {login: graded(world, login) for login in ("ada", "bob")}

    def sees_points(login: str) -> bool:
        answer = world.client.get(f"/api/v1/submissions/{ids[login]}", headers=world.headers(login))
        return answer.json()["score"]["final"] is not None

    staff = Editor(world, "grace")
    staff.saves(f"{PATH}/students/ada", f"{PATH}/students/ada/hold", hold="held")
    assert (sees_points("ada"), sees_points("bob")) == (False, True)
    world.set(held=True)
    staff.saves(f"{PATH}/students/ada", f"{PATH}/students/ada/hold", hold="released")
    assert (sees_points("ada"), sees_points("bob")) == (True, False)
    staff.saves(f"{PATH}/students/ada", f"{PATH}/students/ada/hold", hold="as all")
    assert not sees_points("ada")


def test_results_are_released_at_the_date(world: World) -> None:
    id = graded(world, "ada")
    moment = dt.datetime.now(dt.UTC)
    for release_at, is_released in ((moment + HOUR, False), (moment - HOUR, True)):
        world.set(held=True, release_at=release_at)
        answer = world.client.get(f"/api/v1/submissions/{id}", headers=world.headers("ada"))
        assert (answer.json()["score"]["final"] is not None) is is_released
    refused = world.client.put(API, json={"release_at": moment.isoformat()}, headers=world.headers("grace"))
    assert refused.status_code == 422
    assert "hold them" in refused.text


CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Essay (77)
    Points Possible,,,,,10
"Lovelace, Ada",4711,S-17,ada,Monday,9
"Bach, Bob",4712,S-18,bob,Tuesday,8
"""
MOODLE = """Identifier,Full name,Email address,Status,Grade,Maximum Grade,Feedback comments
Participant 91,Ada Lovelace,ada@x.edu,Submitted,,100,
"""


@pytest.mark.parametrize(
    ("roster", "format", "login", "identified"),
    [
        (CANVAS, "canvas", "ada", ["Lovelace, Ada", "4711", "S-17", "ada", "Monday"]),
        (MOODLE, "moodle", "ada@x.edu", ["Participant 91", "Ada Lovelace", "ada@x.edu"]),
    ],
)
def test_what_a_platform_exports_it_gets_back(
    roster: str, format: str, login: str, identified: list[str], world: World
) -> None:
    path = f"/api/v1/courses/{COURSE}/roster"
    files = {"file": ("roster.csv", roster.encode())}
    answer = world.client.put(path, files=files, headers=world.headers("grace"))
    assert answer.status_code == 200, answer.text
    again = world.client.put(path, files=files, headers=world.headers("grace"))
    assert (again.json()["added"], again.json()["changed"]) == ([], [])
    with world.service.store.write() as tx:
        person = people.person_by_login(tx, login)
        assert person is not None
        token = people.new_token(tx, person.id, TokenKind.PROGRAM)
    world.tokens = world.tokens | {login: token}
    graded(world, login)
    content = world.client.get(f"{PATH}/scores/{format}.csv", headers=world.headers("grace")).content
    titles, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    (row,) = [row for row in rows if login in row]
    assert row[: len(identified)] == identified
    assert titles[: len(identified)] == roster.splitlines()[0].split(",")[: len(identified)]
    assert "Essay (77)" not in titles  # the scores of other assignments are nobody's business


def with_late_days(world: World, due: dt.datetime, **settings: object) -> None:
    """A course with a budget of three late days, two of them for the assignment."""
    world.set(due_at=due, late={"free_days": 2, "per_day": "50%"}, counts=Counts.BEST, **settings)
    with world.service.store.write() as tx:
        late_days.put_budget(tx, COURSE, 3)


def days_left(world: World) -> int:
    return left(world, "ada")


def own_days_left(world: World) -> int:
    left: int = world.client.get(API, headers=world.headers("ada")).json()["late_days"]["left"]
    return left


def test_late_days_do_not_depend_on_who_looks_and_are_settled_at_the_release(world: World) -> None:
    graded(world, "ada")
    due = dt.datetime.now(dt.UTC)
    with_late_days(world, due)
    world.hand_in("ada", WRONG, late_days="1")
    world.grade_next("wrong")
    assert days_left(world) == own_days_left(world) == 3  # the first one was on time, and is better
    staff = Editor(world, "grace")
    staff.saves(f"{PATH}/students/ada", f"{PATH}/students/ada/hold", hold="held")
    assert days_left(world) == own_days_left(world)
    staff.saves(f"{PATH}/students/ada", f"{PATH}/students/ada/hold", hold="as all")
    left = {}
    for hours in (1, -1):
        with_late_days(world, due, held=True, release_at=due + hours * HOUR)
        left[hours] = days_left(world)
    assert left == {1: 2, -1: 3}


def test_an_adjustment_is_no_late_penalty(world: World) -> None:
    graded(world, "ada")
    page = Editor(world, "grace")
    page.saves(f"{PATH}/students/ada", f"{PATH}/students/ada/adjustments", points="-0.5", reason="no name")
    seen = card(world, "ada")
    assert "adjusted by −0.5" in seen
    assert "late penalty" not in seen
    assert "your best" not in seen
    rows = world.client.get(f"{PATH}/scores/long.csv", headers=world.headers("grace")).text
    assert ",adjustment,-0.5," in rows
    assert "late penalty" not in rows


def test_the_submission_that_counts_says_the_adjusted_score(world: World) -> None:
    ids = [graded(world, "ada") for _ in range(2)]
    Editor(world, "grace").saves(f"{PATH}/students/ada", f"{PATH}/students/ada/adjustments", points="-1", reason="x")
    finals = []
    for id in ids:
        answer = world.client.get(f"/api/v1/submissions/{id}", headers=world.headers("ada")).json()
        finals.append(answer["score"]["final"])
    assert finals[1] == finals[0] - 1
    page = world.client.get(f"/submissions/{ids[1]}", headers=world.headers("ada") | {"Accept": "text/html"}).text
    assert "adjusted by −1" in words(page)


def test_an_adjustment_is_hidden_while_results_are(world: World, make_notebook: MakeNotebook) -> None:
    files = [("files", ("answers.ipynb", make_notebook(("markdown", "because"))))]
    assert world.client.post(f"{API}/submissions", files=files, headers=world.headers("ada")).status_code == 202
    world.grade_next("without_code")
    world.set(held=True, closes_at=dt.datetime.now(dt.UTC) - HOUR)  # what was not submitted is zero
    student = f"{PATH}/students/ada"
    Editor(world, "grace").saves(student, f"{student}/adjustments", points="3", reason="secret")
    page = world.client.get(PATH, headers=world.headers("ada") | {"Accept": "text/html"}).text
    assert "secret" not in page + card(world, "ada")


def test_a_student_without_a_submission_has_no_score_to_adjust(world: World) -> None:
    answer = Editor(world, "grace").sends(
        f"{PATH}/students/bob", f"{PATH}/students/bob/adjustments", points="3", reason="oral exam"
    )
    assert answer.status_code == 422
    assert "submit for them first" in answer.text


@pytest.mark.parametrize(("fails", "state"), [(False, "waiting"), (True, "needs attention")])
def test_what_has_no_points_yet_is_no_missing_submission(fails: bool, state: str, world: World) -> None:
    world.set(counts=Counts.BEST)
    world.hand_in("ada")
    while fails:
        with world.service.store.write() as tx:
            leased = leases.claim(tx, "test worker")
            fails = leased is not None
            if leased:
                leases.fail(tx, leased, "broken on purpose")
    assert f"Ada ada — {state}" in table(world)


def test_another_roster_keeps_the_identifiers_of_a_platform(world: World) -> None:
    path = f"/api/v1/courses/{COURSE}/roster"
    for roster in (CANVAS, "login,name,ID,Section\nada,Ada,9,B\n", MOODLE.replace("ada@x.edu", "ada")):
        files = {"file": ("roster.csv", roster.encode())}
        assert world.client.put(path, files=files, headers=world.headers("grace")).status_code == 200
    with world.service.store.read() as tx:
        (ada,) = [member for member in people.roster(tx, COURSE) if member.person.login == "ada"]
    assert (ada.identifiers["ID"], ada.identifiers["Identifier"]) == ("4711", "Participant 91")


def test_lines_of_canvas_about_assignments_are_nobody(world: World) -> None:
    roster = CANVAS.replace("    Points Possible", ",,,,,Manual Posting\n    Points Possible")
    files = {"file": ("roster.csv", roster.encode())}
    answer = world.client.put(f"/api/v1/courses/{COURSE}/roster", files=files, headers=world.headers("grace"))
    assert answer.status_code == 200, answer.text


def test_a_reason_of_spaces_is_no_reason(world: World) -> None:
    graded(world, "ada")
    headers = world.headers("grace")
    adjustment = world.client.post(f"{API}/adjustments/ada", json={"points": 1, "reason": "  "}, headers=headers)
    grant = world.client.post(
        f"/courses/{COURSE}/people/ada/late-days", data={"days": 1, "reason": "  "}, headers=headers
    )
    assert (adjustment.status_code, grant.status_code) == (422, 422)
