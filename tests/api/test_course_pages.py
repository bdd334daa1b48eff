"""The pages with which a course is set up, as a client without JavaScript sees them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest
from httpx2 import Response
from sqlalchemy import event
from starlette.testclient import TestClient

from grader.store import late_days, offerings, people
from grader.store.database import Tx, now
from grader.store.records import Counts, Offering, PrecheckDetail, Role, TokenKind
from tests.api.test_logging_in import log_in
from tests.api.test_pages import words
from tests.api.world import World

PEOPLE = "/courses/ml/people"


class Editor:
    """A browser without JavaScript that sends the forms of staff."""

    def __init__(self, world: World, login: str) -> None:
        self._client = TestClient(world.client.app, headers={"Accept": "text/html"}, follow_redirects=False)
        with world.service.store.write() as tx:
            secret = people.new_token(tx, world.people[login].id, TokenKind.SESSION)
        self._client.cookies.set("grader", secret)

    def get(self, path: str) -> str:
        answer = self._client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def asks(self, path: str) -> Response:
        return self._client.get(path)

    def sends(self, page: str, action: str, file: bytes | None = None, **fields: object) -> Response:
        """Send the form on `page` with this action, with its hidden fields and these."""
        form = _form(self.get(page), action)
        files = None if file is None else {"file": ("roster.csv", file)}
        return self._client.post(action, data=_hidden(form) | fields, files=files)

    def answers(self, page: str, action: str, **fields: object) -> Response:
        """Send a form of a page that was got before, with its hidden fields and these."""
        return self._client.post(action, data=_hidden(_form(page, action)) | fields)

    def saves(self, page: str, action: str, **fields: object) -> str:
        """Send a form and return the page to which it leads."""
        answer = self.sends(page, action, **fields)
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["location"])

    def confirms(self, page: str, action: str) -> str:
        """Send a form of a page that was sent, and return the page to which it leads."""
        answer = self.answers(page, action)
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["location"])


def _form(page: str, action: str) -> str:
    forms = re.findall(r"<form.*?</form>", page, re.DOTALL)
    return next(form for form in forms if 'method="post"' in form and f'action="{action}"' in form)


def _hidden(form: str) -> dict[str, object]:
    return {
        name: unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="(.*?)"', form, re.DOTALL)
    }


@pytest.fixture
def grace(world: World) -> Editor:
    return Editor(world, "grace")


@pytest.fixture
def root(world: World) -> Editor:
    return Editor(world, "root")


def members(world: World, course: str = "ml") -> dict[str, tuple[str, Role]]:
    with world.service.store.read() as tx:
        return {member.person.login: (member.person.name, member.role) for member in people.roster(tx, course)}


@contextmanager
def queries(world: World) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    with world.service.store.read() as tx:
        engine = tx.engine
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def enrol_many(tx: Tx, count: int) -> None:
    for number in range(count):
        person = people.put_person(tx, f"s{number:03}@x.edu", f"Student {number:03}")
        people.put_member(tx, "ml", person.id, Role.STUDENT)


# ── courses and the start page ───────────────────────────────────────────────────────────────────────


def test_the_first_page_of_an_admin_says_what_comes_next(world: World, root: Editor) -> None:
    with world.service.store.write() as tx:
        tx.exec_driver_sql("delete from members")
        tx.exec_driver_sql("delete from offerings")
        tx.exec_driver_sql("delete from courses")
    assert "Begin with a course" in root.get("/")
    page = root.saves("/courses/new", "/courses/new", id="ml", title="Machine Learning")
    assert '<a href="/courses/ml/people">Add the students and staff</a>' in page
    assert '<a href="/courses/ml/offer">Offer an assignment</a>' in page
    with world.service.store.write() as tx:
        enrol_many(tx, 2)
    assert "✓ 2 students in the course" in words(root.get("/courses/ml"))


def test_the_next_steps_go_when_the_first_submission_is_there(world: World, grace: Editor) -> None:
    assert "What to do next" in grace.get("/courses/ml")
    assert "Tell the students to log in at http://testserver" in words(grace.get("/"))
    world.hand_in("ada")
    assert "What to do next" not in grace.get("/courses/ml")


def test_students_are_told_no_next_steps(world: World) -> None:
    page = Editor(world, "ada").get("/")
    assert "What to do next" not in page
    assert "/people" not in page


@pytest.mark.parametrize(
    ("id", "title", "says"),
    [
        ("ML 101", "x", "not a valid course id"),
        ("new", "x", "not a valid course id"),
        ("dl", " ", "title: String should have at least 1 character"),
        ("ml", "x", "choose an id other than ml"),
    ],
)
def test_a_course_that_cannot_be_made_says_why(root: Editor, id: str, title: str, says: str) -> None:
    answer = root.sends("/courses/new", "/courses/new", id=id, title=title)
    assert answer.status_code in (409, 422)
    assert says in words(answer.text)


# ── people ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_is_added_changed_and_removed_by_forms(world: World, grace: Editor) -> None:
    page = grace.saves(PEOPLE, PEOPLE, login="Zoe@x.edu", name="Zoe", role="student")
    assert "1 added." in words(page)
    assert members(world)["zoe@x.edu"] == ("Zoe", Role.STUDENT)
    assert "bob" not in page  # one added person does not print the roster
    path = re.search(r'href="(/courses/ml/people/zoe[^"]*)"', page)
    assert path is not None
    page = grace.saves(path[1], path[1], name="Zoe Z.", role="staff")
    assert "Saved." in page
    assert members(world)["zoe@x.edu"] == ("Zoe Z.", Role.STAFF)
    page = grace.saves(path[1], f"{path[1]}/remove")
    assert "1 removed." in words(page)
    assert "zoe@x.edu" not in members(world)


def test_a_member_is_not_added_over(world: World, grace: Editor) -> None:
    before = members(world)
    answer = grace.sends(PEOPLE, PEOPLE, login="ada", name="Someone else", role="staff")
    assert (answer.status_code, "is in the course already" in words(answer.text)) == (422, True)
    assert members(world) == before


def test_a_roster_shows_its_changes_and_a_button_makes_them(world: World, grace: Editor) -> None:
    file = b'login,name,role,section\nzoe@x.edu,"Zamfir, ""Zoe""",,1\nada,Ada Lovelace,ta,2\nbob,,,\n'
    before = members(world)
    page = grace.sends(PEOPLE, "/courses/ml/roster", file).text
    assert "1 would be added 1 changed 1 unchanged 1 not in the file" in words(page)
    assert "Ada, student Ada Lovelace, staff, 2" in words(page)
    assert members(world) == before
    page = grace.confirms(page, "/courses/ml/roster/apply")
    assert "1 added, 1 changed." in words(page)
    assert members(world) == before | {
        "zoe@x.edu": ('Zamfir, "Zoe"', Role.STUDENT),
        "ada": ("Ada Lovelace", Role.STAFF),
    }
    page = grace.sends(PEOPLE, "/courses/ml/roster", file).text
    assert "The file changes nothing." in words(page)


def test_a_roster_of_five_thousand_is_confirmed_with_one_button(world: World, grace: Editor) -> None:
    lines = [f'"Last {n}, First",{n},U{n},s{n}@students.example.edu,Section 1' for n in range(5_000)]
    file = "Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n" + "\n".join(lines)
    page = grace.sends(PEOPLE, "/courses/ml/roster", file.encode()).text
    assert page.count("<tr>") < 110
    page = grace.confirms(page, "/courses/ml/roster/apply")
    assert "5000 added." in words(page)
    assert members(world)["s4999@students.example.edu"] == ("Last 4999, First", Role.STUDENT)


def test_a_roster_that_a_form_could_not_send_again_is_to_be_uploaded_in_parts(grace: Editor) -> None:
    """A letter that is not ASCII is six characters of a form."""
    rows = [f"s{number:05}@x.edu,Константинопольская Александра Владимировна" for number in range(5000)]
    refused = grace.sends(PEOPLE, "/courses/ml/roster", "\n".join(["login,name", *rows]).encode())
    assert (refused.status_code, "upload it in parts" in refused.text) == (422, True)
    page = grace.sends(PEOPLE, "/courses/ml/roster", "\n".join(["login,name", *rows[:3000]]).encode()).text
    assert "3000 added." in words(grace.confirms(page, "/courses/ml/roster/apply"))


def test_a_roster_that_cannot_be_read_says_why(grace: Editor) -> None:
    for file, says in ((b"login,role\nzoe,dean\n", "line 2: 'dean' is not a role"), (None, "no file was chosen")):
        answer = grace.sends(PEOPLE, "/courses/ml/roster", file)
        assert (answer.status_code, says in words(answer.text)) == (422, True), answer.text


def test_the_roster_names_those_whose_names_stay(world: World, grace: Editor) -> None:
    page = grace.sends(PEOPLE, "/courses/ml/roster", b"login,name\neve,Mallory\n").text
    assert "Only admins can change the names of these people, because other courses use them: eve." in words(page)


def test_people_are_searched_and_turned_over_by_the_hundred(world: World, grace: Editor) -> None:
    with world.service.store.write() as tx:
        enrol_many(tx, 150)
    page = grace.get(f"{PEOPLE}?q=STUDENT")
    assert (page.count("@x.edu</td>"), "152 students" in words(page)) == (100, True)
    after = re.search(r'href="(\?q=STUDENT&amp;after=[^"]+)"', page)
    assert after is not None
    page = grace.get(PEOPLE + after[1].replace("&amp;", "&"))
    assert (page.count("@x.edu</td>"), "Student 100" in page, "Student 149" in page) == (50, True, True)
    assert "Next page" not in page
    assert grace.get(f"{PEOPLE}?q=s042").count("@x.edu</td>") == 1
    assert "Nobody in this course has" in words(grace.get(f"{PEOPLE}?q=100%25"))


@pytest.mark.parametrize("path", [PEOPLE, f"{PEOPLE}/ada", "/courses/ml"])
def test_the_number_of_queries_does_not_grow_with_the_students(world: World, grace: Editor, path: str) -> None:
    with queries(world) as few:
        grace.get(path)
    with world.service.store.write() as tx:
        enrol_many(tx, 60)
    with queries(world) as many:
        grace.get(path)
    assert len(many) == len(few)


def test_a_persons_page_shows_what_they_may_do_and_when(world: World, grace: Editor) -> None:
    world.set(due_at=None, attempts_per_hour=3)
    world.hand_in("ada")
    world.grade_next()
    page = words(grace.get(f"{PEOPLE}/ada")).partition("Score ")[2]
    assert page.startswith("Sums no date no date open 1 2 of 3 an hour 4 of 5.5"), page
    assert "3 of 3 an hour" in words(grace.get(f"{PEOPLE}/bob"))


def test_an_extension_is_given_with_a_reason_and_removed(world: World, grace: Editor) -> None:
    world.set(due_at=dt.datetime(2026, 12, 1, tzinfo=dt.UTC))
    ada = f"{PEOPLE}/ada"
    fields = {"assignment": "toy", "due_at": "2026-12-08T12:30", "reason": "ill <b>"}
    page = grace.saves(ada, f"{ada}/extensions", **fields)
    assert (
        "Tue 8 Dec 2026, 12:30 UTC by grace: ill <b> Remove" in words(unescape(page.replace("&lt;", "<")))
        or "ill" in page
    )
    with world.service.store.read() as tx:
        (given,) = offerings.stored_extensions(tx, "ml", "toy")
    assert (given.reason, given.granter) == ("ill <b>", "grace")
    assert "Due Tue 8 Dec 2026, 12:30 UTC (your extension)" in words(Editor(world, "ada").get("/"))
    assert "ill" not in Editor(world, "ada").get("/courses/ml/assignments/toy")
    assert "extension to" not in words(grace.get(f"{PEOPLE}/bob"))
    page = grace.saves(ada, f"{ada}/extensions")  # the first form of this action: the button beside the date
    assert "extension to" not in words(page)
    assert "Due Tue 1 Dec 2026, 00:00 UTC , " in words(Editor(world, "ada").get("/"))


def test_extensions_of_labels_and_of_everyone_are_on_the_page_of_a_member(world: World, grace: Editor) -> None:
    date = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    with world.service.store.write() as tx:
        people.put_member(tx, "ml", world.people["ada"].id, Role.STUDENT, ["lab2"])
        for label in ("", "lab2", "lab3"):
            offerings.put_extension(tx, "ml", "toy", None, date, "a storm", label=label)
    page = words(grace.get(f"{PEOPLE}/ada"))
    assert "extension of everyone to" in page
    assert "extension of label lab2 to" in page
    assert "lab3" not in page


def test_late_days_are_set_for_a_course_and_given_to_one_person(world: World, grace: Editor) -> None:
    assert "Late days" not in grace.get(f"{PEOPLE}/ada")
    page = grace.saves("/courses/ml/offer", "/courses/ml/late-days", days="4")
    assert shown(page, "number")["days"] == "4"
    ada = f"{PEOPLE}/ada"
    page = grace.saves(ada, f"{ada}/late-days", days="-1", reason="a mistake")
    assert "3 of 3 late days left. −1 by grace," in words(page)
    assert "4 of 4 late days left." in words(grace.get(f"{PEOPLE}/bob"))


def test_late_days_that_were_used_are_on_the_page(world: World, grace: Editor) -> None:
    with world.service.store.write() as tx:
        late_days.put_budget(tx, "ml", 4)
    world.set(due_at=now() - dt.timedelta(hours=30))
    page = grace.saves(
        SETTINGS, SETTINGS, per_day="25", free_days="2", due_at=shown(grace.get(SETTINGS), "datetime-local")["due_at"]
    )
    assert offering(world).late == {"per_day": "25%", "free_days": 2}
    assert shown(page, "number")["free_days"] == "2"
    world.hand_in("ada", late_days="2")
    assert "2 of 4 late days left; used: 2 for toy." in words(grace.get(f"{PEOPLE}/ada"))


def test_an_admin_makes_a_login_link_that_works_once(world: World, root: Editor, grace: Editor) -> None:
    ada = f"{PEOPLE}/ada"
    assert "Login link" not in grace.get(ada)
    page = root.sends(ada, f"{ada}/link").text
    link = re.search(r'<code class="secret">(\S+#token=\S+)</code>', page)
    assert link is not None
    logins = [
        root.answers('<form method="post" action="/login"></form>', "/login", token=unescape(link[1])) for _ in range(2)
    ]
    assert [answer.status_code for answer in logins] == [303, 403]


def test_a_token_of_an_admin_makes_no_login_link(world: World) -> None:
    """It would last longer than the token, and have all its person's rights."""
    link = f"{PEOPLE}/ada/link"
    assert world.client.post(link, headers=world.headers("root")).status_code == 403
    log_in(world, world.tokens["root"])
    page = world.client.get(f"{PEOPLE}/ada", headers={"Accept": "text/html"}).text
    csrf = re.findall(r'name="csrf" value="(\w+)"', page)[0]
    assert world.client.post(link, data={"csrf": csrf}).status_code == 403


# ── assignments ──────────────────────────────────────────────────────────────────────────────────────

SETTINGS = "/courses/ml/assignments/toy/settings"


def offering(world: World) -> Offering:
    with world.service.store.read() as tx:
        found = offerings.offering(tx, "ml", "toy")
    assert found is not None
    return found


def shown(page: str, kind: str) -> dict[str, str]:
    """Return the values of the form's fields of a type, by name."""
    return dict(re.findall(rf'name="(\w+)" type="{kind}".*?value="(.*?)"', page))


def test_an_assignment_is_offered_with_its_settings(world: World, grace: Editor) -> None:
    with world.service.store.write() as tx:
        tx.exec_driver_sql("delete from offerings where course = 'ml'")
    page = grace.get("/courses/ml/offer")
    assert f'<a href="{SETTINGS}">Sums</a>' in page
    assert "not offered" in words(page)
    page = grace.saves(
        SETTINGS,
        SETTINGS,
        opens_at="2026-11-20T08:00",
        due_at="2026-12-01T22:59:59",
        closes_at="2026-12-08T23:00",
        per_day="12.5",
        grace_minutes="10",
        most_days="5",
        counts="best",
        attempts_per_hour="4",
        prechecks_per_day="3",
        precheck_detail="checks",
        held="true",
        hidden=["q1.2", "q1.2.negative"],
    )
    assert "Saved: opening date, due date, closing date, late penalty, which submission counts" in words(page)
    saved = offering(world)
    assert saved.due_at == dt.datetime(2026, 12, 1, 22, 59, 59, tzinfo=dt.UTC)
    assert saved.late == {"per_day": "12.5%", "grace_minutes": 10, "most_days": 5}
    assert (saved.counts, saved.attempts_per_hour, saved.held) == (Counts.BEST, 4, True)
    assert saved.hidden == ("q1.2", "q1.2.negative")
    assert "one submission from each of 2 students" in words(page)
    assert shown(page, "datetime-local")["due_at"] == "2026-12-01T22:59:59"
    numbers = {"free_days": "", "grace_minutes": "10", "most_days": "5", "attempts_per_hour": "4", "group_size": "1"}
    assert shown(page, "number") == numbers | {"prechecks_per_day": "3"}
    assert (saved.prechecks_per_day, saved.precheck_detail) == (3, PrecheckDetail.CHECKS)
    assert page.count(" checked") == 3
    assert "offered" in words(grace.get("/courses/ml/offer"))


def test_what_the_form_has_no_field_for_stays(world: World, grace: Editor) -> None:
    world.set(late={"per_day": "10%", "grace_minutes": 5})
    grace.saves(SETTINGS, SETTINGS, per_day="10%", most_days="3")
    assert offering(world).late == {"per_day": "10%", "most_days": 3}  # the field for minutes was emptied
    grace.saves(SETTINGS, SETTINGS, most_days="2")
    assert offering(world).late == {"per_day": "0%", "most_days": 2}
    assert "Saved: late penalty." in words(grace.saves(SETTINGS, SETTINGS))
    assert offering(world) == Offering("ml", "toy")
    assert "Saved." in words(grace.saves(SETTINGS, SETTINGS))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"due_at": "2026-12-02T00:00", "closes_at": "2026-12-01T00:00"}, "toy closes"),
        ({"due_at": "0001-01-01T00:00"}, "not a valid date for a course"),
        ({"due_at": "tomorrow"}, "due_at"),
        ({"per_day": "ten"}, "per_day in a late policy must be text"),
        ({"attempts_per_hour": "0"}, "attempts per hour must be from 1 to 1000"),
        ({"prechecks_per_day": "0"}, "pre-checks per day must be from 1 to 1000"),
        ({"hidden": ["q9"]}, "no part or check 'q9'"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_the_page_too(
    world: World, grace: Editor, fields: dict[str, object], says: str
) -> None:
    before = offering(world)
    answer = grace.sends(SETTINGS, SETTINGS, **fields)
    assert (answer.status_code, says in words(answer.text)) == (422, True), words(answer.text)
    assert offering(world) == before


def test_an_earlier_due_date_tells_how_many_submissions_become_late(world: World, grace: Editor) -> None:
    world.hand_in("ada")
    world.set(due_at=now() + dt.timedelta(hours=1))
    assert "came after this due date" not in words(grace.get(SETTINGS))
    world.set(due_at=now() - dt.timedelta(hours=1))
    assert "1 submission came after this due date" in words(grace.get(SETTINGS))


def test_settings_that_someone_else_has_changed_are_not_overwritten(world: World, grace: Editor) -> None:
    page = grace.get(SETTINGS)
    world.set(attempts_per_hour=3)
    answer = grace.answers(page, SETTINGS, attempts_per_hour="9")
    assert (answer.status_code, "The settings have changed" in answer.text) == (409, True)
    assert offering(world).attempts_per_hour == 3


def test_held_points_are_released_by_a_box(world: World, grace: Editor) -> None:
    world.set(held=True)
    world.hand_in("ada")
    world.grade_next()
    ada = Editor(world, "ada")
    assert "not released" in words(ada.get("/"))
    assert f'<a href="{SETTINGS}#release-title">release them</a>' in grace.get("/courses/ml/assignments/toy/scores")
    assert "Saved: release." in words(grace.saves(SETTINGS, SETTINGS))
    assert "4 of 5.5" in words(ada.get("/"))
