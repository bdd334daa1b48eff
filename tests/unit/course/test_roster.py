"""Rosters as registrars and learning platforms write them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course import roster
from grader.errors import BadCall
from grader.store import people
from grader.store.database import Store
from grader.store.records import Course, Role


def rows(text: str | bytes) -> list[tuple[str, str, Role]]:
    content = text if isinstance(text, bytes) else text.encode()
    return [(row.login, row.name, row.role) for row in roster.read(content)]


ADA = ("ada@x.edu", "Ada Lovelace", Role.STUDENT)


@pytest.mark.parametrize(
    "text",
    [
        "login,name,role\nada@x.edu,Ada Lovelace,student\n",
        "\ufeffemail;name\r\nada@x.edu;Ada Lovelace\r\n\r\n",
        "Email Address\tFirst name\tSurname\tUnit\nada@x.edu\tAda\tLovelace\tML",
        'Student,ID,SIS_Login_ID,Section\n"Ada  Lovelace",4711,ada@x.edu,1\n',
        "login,name\nada@x.edu,Ada Lovelace".encode("utf-16"),
        "Student,ID,SIS Login ID,Sums (9)\n    Points Possible,,,5.5\nAda Lovelace,4711,ada@x.edu,1\n",
    ],
)
def test_what_registrars_write_is_read(text: str | bytes) -> None:
    assert rows(text) == [ADA]


def test_names_stay_in_the_order_of_the_file() -> None:
    canvas = 'Student,ID,SIS Login ID,Section\n    Points Possible,,,\n"Lovelace, Ada",4711,ada@x.edu,1\n'
    assert rows(canvas) == [("ada@x.edu", "Lovelace, Ada", Role.STUDENT)]


@pytest.mark.parametrize("word", ["staff", "TA", "Teacher", "teaching assistant", " Instructor "])
def test_those_who_teach_are_staff(word: str) -> None:
    assert rows(f"login,role\ngrace,{word}")[0][2] is Role.STAFF


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: there is no column login"),
        ("login,name\n", "the roster is empty"),
        ("login,role\nada,dean", "line 2: 'dean' is not a role: write student or staff"),
        ("login,name\nada lovelace,Ada", "line 2: 'ada lovelace' is not a valid login"),
        ("login,name\n\N{KELVIN SIGN}elvin,K", "line 2: 'kelvin' is not a valid login"),
        ("login,name\nada,Ada\n\nAda,Ada", "line 4: ada is already in line 2"),
        ("login,name\nada,A\u202eda", "line 2: .* is not a valid name"),
        ('login,name\nada,"Ada', "line 2: this is not CSV"),
        (f"login,labels\nada,{201 * 'x'}", "line 2: .* is not a valid name"),
        (b"login,name\nada,J\xf6rg", "save it as CSV UTF-8"),
        ("login,role\n" + "".join(f"a{n},dean\n" for n in range(12)), "line 11: .*; and 2 more"),
    ],
)
def test_a_wrong_line_is_named(text: str | bytes, says: str) -> None:
    with pytest.raises(BadCall, match=says):
        rows(text)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda t: f"login,name\n{t}".encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        found = roster.read(content)
    except BadCall:
        return
    assert all(row.login == roster.login_of(row.login) and row.name.isprintable() for row in found)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A course with ada, a student, and grace, its staff."""
    store = Store(f"sqlite:///{tmp_path}/grader.db")
    store.migrate()
    with store.write() as tx:
        people.add_course(tx, Course("ml", "ML"))
        for login, role in (("ada", Role.STUDENT), ("grace", Role.STAFF)):
            people.put_member(tx, "ml", people.put_person(tx, login, login.title()).id, role)
    yield store
    store.close()


def enrol(store: Store, text: str) -> roster.RosterChanges:
    with store.write() as tx:
        changes = roster.compare(tx, "ml", roster.read(text.encode()))
        roster.enrol(tx, "ml", changes)
    return changes


def members(store: Store) -> dict[str, tuple[str, Role]]:
    with store.read() as tx:
        return {m.person.login: (m.person.name, m.role) for m in people.roster(tx, "ml")}


def test_people_are_added_and_updated_and_nobody_is_removed(store: Store) -> None:
    changes = enrol(store, "login,name,role\nbob,Bob,\nada,Ada Lovelace,ta\n")
    assert [row.login for row in changes.added] == ["bob"]
    assert [(old.role, new.role) for old, new in changes.changed] == [(Role.STUDENT, Role.STAFF)]
    assert [member.person.login for member in changes.missing] == ["grace"]
    assert members(store) == {
        "ada": ("Ada Lovelace", Role.STAFF),
        "bob": ("Bob", Role.STUDENT),
        "grace": ("Grace", Role.STAFF),
    }


def test_labels_are_read_and_stay_if_the_file_has_none(store: Store) -> None:
    enrol(store, "login,section\nada,Section 1; honours\n")
    enrol(store, "login,name\nada,Ada Lovelace\n")
    changes = enrol(store, "login,labels\nada,honours;Section 1\n")
    assert (changes.changed, changes.unchanged) == ((), 1)
    with store.read() as tx:
        assert sorted(member.labels for member in people.roster(tx, "ml")) == [(), ("Section 1", "honours")]
    assert len(enrol(store, "login,labels\nada,\n").changed) == 1


def test_the_same_roster_again_changes_nothing(store: Store) -> None:
    text = "login,name,role\nbob,Bob,\nada,,\n"
    enrol(store, text)
    again = enrol(store, text)
    assert (again.added, again.changed, again.unchanged) == ((), (), 2)
