"""The pages with which a course is set up, as a client without JavaScript sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest
from httpx2 import Response
from sqlalchemy import event
from starlette.testclient import TestClient

from grader.store import people
from grader.store.database import Tx
from grader.store.records import Role, TokenKind
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

    def saves(self, page: str, action: str, **fields: object) -> str:
        """Send a form and return the page to which it leads."""
        answer = self.sends(page, action, **fields)
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["location"])

    def confirms(self, page: str, action: str) -> str:
        """Send a form of a page that was sent, and return the page to which it leads."""
        answer = self._client.post(action, data=_hidden(_form(page, action)))
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["location"])


def _form(page: str, action: str) -> str:
    forms = re.findall(r"<form.*?</form>", page, re.DOTALL)
    (form,) = [form for form in forms if 'method="post"' in form and f'action="{action}"' in form]
    return str(form)


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
        ("dl", " ", "has no title"),
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
    assert "Ada, student Ada Lovelace, staff" in words(page)
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
