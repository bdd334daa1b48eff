"""The load of an offering: how long the queue gets if every student submits at once."""

from __future__ import annotations

from pathlib import Path

from grader.course.offerings import load, load_sentence
from grader.store import people
from grader.store.database import Store
from grader.store.records import Course, Offering, Role


def test_five_thousand_students_are_hours_of_waiting() -> None:
    sentence = load_sentence(5_000, 40.0, 2)
    assert "5000 students, at 40 CPU seconds, takes 55.6 hours of CPU" in sentence
    assert "waits 27.8 hours (2 workers)" in sentence


def test_staff_are_not_counted(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/grader.db")
    store.migrate()
    with store.write() as tx:
        people.add_course(tx, Course("ml", "Machine learning"))
        for login, role in (("ann", Role.STUDENT), ("bob", Role.STUDENT), ("grace", Role.STAFF)):
            people.put_member(tx, "ml", people.put_person(tx, login, login).id, role)
        assert "each of 2 students" in load(tx, Offering("ml", "toy"), 1)
    store.close()
