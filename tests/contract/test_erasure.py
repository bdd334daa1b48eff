"""Erasure: after it, a search through the database, its dump, its files and its next copy finds a pseudonym alone."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text, insert, select, text, update
from sqlalchemy.types import LargeBinary, String, TypeDecorator

from grader.errors import BadCall
from grader.model import Points
from grader.store import (
    adjustments,
    answer_marks,
    audit,
    copies,
    erasure,
    groups,
    late_days,
    line_comments,
    marking_actions,
    marks,
    offerings,
    passwords,
    people,
    regrades,
    requests,
    submissions,
    tables,
)
from grader.store.answer_marks import NewMark
from grader.store.database import Store, Tx, now
from grader.store.marking_actions import Action, MarkChange
from grader.store.queue import StoreQueue
from grader.store.recording import Author
from grader.store.records import Course, Kind, Offering, Person, Priority, Role, State, TokenKind, Which
from grader.store.rubrics import OfferedQuestion
from grader.store.submissions import NewSubmission
from tests.postgres import binaries

LOGIN = "zulogin@uni.example"
SECRET = "zu"
"""Every planted string begins with it, and ids have no u."""
QUEUE = StoreQueue({"toy": "lane"})
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
QUESTION = OfferedQuestion("ml", "toy", "q1")


@dataclass(frozen=True)
class Class:
    """A course with a student about whom everything is stored that can be, and with others."""

    store: Store
    ada: Person
    bob: Person
    grace: Person
    own: str
    """Ids of ada's submission, and of one that ada and bob made together."""
    shared: str


@pytest.fixture
def planted(store: Store) -> Class:
    with store.write(Author(None, "tests")) as tx:
        people.add_course(tx, Course("ml", "Machine learning"))
        offering = Offering("ml", "toy", group_size=2)
        offerings.put_offering(tx, offering)
        groups.invite(tx, offering, "earlier", LOGIN)
    with store.write(Author(None, "tests")) as tx:
        ada = people.put_person(tx, LOGIN, "zuname zulast")
        bob = people.put_person(tx, "bob", "Bob")
        grace = people.put_person(tx, "grace", "Grace", admin=True)
        identifiers = {"SIS User ID": "zuidentifier"}
        people.put_member(tx, "ml", ada.id, Role.STUDENT, ["zulabel"], identifiers)
        people.add_course(tx, Course("dl", "Deep learning"))
        people.put_member(tx, "dl", ada.id, Role.STUDENT)  # who submits nothing there
        people.put_member(tx, "ml", bob.id, Role.STUDENT)
        people.put_member(tx, "ml", grace.id, Role.STAFF)
        own = _hand_in(tx, ada, (ada,), b"# zucode")
        shared = _hand_in(tx, bob, (ada, bob), b"# of both")
    with store.write(Author(grace.id, "request")) as tx:
        _decide(tx, ada, grace, own)
    with store.write(Author(grace.id, "request")) as tx:
        offerings.put_extension(tx, "ml", "toy", ada.id, now(), "zuextension", grace.id)
    with store.write(Author(ada.id, "request")) as tx:
        _act(tx, ada, own)
    return Class(store, ada, bob, grace, own, shared)


def _hand_in(tx: Tx, by: Person, authors: tuple[Person, ...], content: bytes) -> str:
    name = "zufile.py" if len(authors) == 1 else "sums.py"
    ids = tuple(author.id for author in authors)
    new = NewSubmission("ml", "toy", Kind.SUBMISSION, "api", str(len(authors)), by.id, ids, ((name, content),))
    submission = submissions.add(tx, new)
    grading = QUEUE.enqueue(tx, submission, "toy", by.id, Priority.INTERACTIVE)
    mark = SECRET if len(authors) == 1 else "bob's "
    graded = {"state": State.GRADED, "counts": True, "report": f"{mark}report" * 50, "why": f"{mark}why"}
    tx.execute(update(tables.gradings).filter_by(id=grading).values(graded))
    result = {"grading": grading, "check": "c", "position": 0, "points": Points(1), "possible": Points(1)}
    tx.execute(insert(tables.results).values(**result, status="passed", mistake="", reason=f"{mark}reason"))
    answers = {"q1": str(len(authors)) * 64, "q2": "s" * 64}
    for question, digest in answers.items():
        row = {"grading": grading, "question": question, "digest": digest, "text": f"{mark}answer", "decided": None}
        tx.execute(insert(tables.answers).values(**row, opinion={"formula": f"{mark}opinion"}))
    return submission


def _decide(tx: Tx, ada: Person, grace: Person, own: str) -> None:
    """What staff write about ada."""
    offering = Offering("ml", "toy", group_size=2)
    offerings.put_extension(tx, "ml", "toy", ada.id, now(), "zuearlier", grace.id)
    adjustments.add_adjustment(tx, "ml", "toy", ada.id, Points(1), "zuadjustment", grace.id)
    adjustments.put_hold(tx, "ml", "toy", ada.id, True)
    late_days.grant(tx, "ml", ada.id, 1, "zugrant", grace.id)
    groups.put(tx, offering, {LOGIN: "team", "bob": "team"})
    groups.put(tx, offering, {"bob": "team", "grace": "others"})
    groups.put(tx, offering, {LOGIN: "team"})
    groups.invite(tx, offering, "others", LOGIN)
    marks.put(tx, own, "q1.1", Points(1), "zumark", grace.id)
    line_comments.put(tx, own, 0, 1, "zuline", grace.id)
    comment = NewMark((), Points(1), "zucomment")
    answer_marks.put(tx, QUESTION, "1" * 64, grace.id, comment)
    answer_marks.put(tx, OfferedQuestion("ml", "toy", "q2"), "s" * 64, grace.id, NewMark((), Points(1), "of both"))
    marking_actions.add(tx, QUESTION, grace.id, Action({"d": MarkChange(NewMark((), Points(1), "zuundo"), None, None)}))


def _act(tx: Tx, ada: Person, own: str) -> None:
    """What ada does herself."""
    people.new_token(tx, ada.id, TokenKind.PROGRAM, "zutoken")
    platform = {"id": "p", "created_at": now(), "deployments": (), "domains": ()}
    platform |= dict.fromkeys(("name", "issuer", "client_id", "login_url", "token_url", "keys_url"), "of the platform")
    context = {"id": "c", "platform": "p", "course": "ml"}
    context |= dict.fromkeys(("deployment", "context", "title", "memberships_url", "line_items_url"), "of the course")
    of_context = {"context": "c", "person": ada.id}
    tx.execute(insert(tables.lti_platforms).values(platform))
    tx.execute(insert(tables.lti_contexts).values(context))
    tx.execute(insert(tables.lti_members).values(of_context | {"subject": "zusubject"}))
    sent = {"userId": "zusubject"}
    score = of_context | {"assignment": "toy", "sent": sent, "problem": "zurefused"}
    tx.execute(insert(tables.lti_scores).values(score))
    passwords.put(tx, ada.id, "zuhash")
    submissions.remember_key(tx, ada.id, "zukey", "fingerprint", own)
    submission = submissions.get(tx, own)
    assert submission is not None
    request = requests.ask(tx, submission, "q1.1", ada.id, "zurequest")
    requests.answer(tx, str(request), "zureply", ada.id)


PLANTED = {
    "answer_marks.comment",
    "answers.opinion",
    "answers.text",
    "adjustments.reason",
    "audit.after",
    "audit.before",
    "audit.detail",
    "extensions.reason",
    "files.content",
    "files.name",
    "gradings.report",
    "gradings.why",
    "group_members.login",
    "idempotency.key",
    "line_comments.text",
    "late_day_grants.reason",
    "lti_members.subject",
    "lti_scores.problem",
    "lti_scores.sent",
    "marking_actions.before",
    "marks.comment",
    "members.identifiers",
    "members.labels",
    "passwords.hash",
    "people.login",
    "people.name",
    "requests.answer",
    "requests.text",
    "results.reason",
    "tokens.label",
}
"""Columns that may have texts by or about a student."""
NOT_PERSONAL = {
    "lti_contexts.context": "of the course",
    "lti_contexts.deployment": "of the platform",
    "lti_contexts.line_items_url": "of the course",
    "lti_contexts.memberships_url": "of the course",
    "lti_contexts.title": "of the course",
    "lti_line_items.url": "of the course",
    "lti_platforms.audience": "of the platform",
    "lti_platforms.client_id": "of the platform",
    "lti_platforms.deployments": "of the platform",
    "lti_platforms.domains": "of the platform",
    "lti_platforms.issuer": "of the platform",
    "lti_platforms.keys_url": "of the platform",
    "lti_platforms.login_url": "of the platform",
    "lti_platforms.name": "of the platform",
    "lti_platforms.token_url": "of the platform",
    "mail_choices.events": "kinds of events",
    "label_extensions.label": "of a group of people",
    "label_extensions.reason": "of a group of people",
    "group_members.group": "of all members",
    "results.mistake": "the author of the assignment names it",
    "rubric.text": "of the course",
    "phrases.text": "of the course",
    "courses.title": "of the course",
    "facts.value": "of the installation",
    "offerings.hidden": "of the course",
    "offerings.late": "of the course",
    "gradings.scope": "what was graded",
    "regrades.pending": "ids",
    "tokens.scopes": "a choice",
    "workers.compatibility_keys": "of a machine",
}
"""Columns with free text that is not about one student, and why."""


def _free_texts() -> Iterator[str]:
    """The columns that hold more than an id, a name of fixed form, or a choice."""
    for table in tables.metadata.sorted_tables:
        for column in table.c:
            kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
            is_long = isinstance(kind, Text | LargeBinary) or (isinstance(kind, String) and (kind.length or 999) >= 200)
            if is_long and not column.foreign_keys:
                yield f"{table.name}.{column.name}"


OF_MACHINES = {"gradings.compatibility_key", "gradings.worker", "workers.name", "audit.request"}


def _secrets(store: Store) -> dict[str, str]:
    """The columns in which something planted is stored, decoded."""
    where = {}
    with store.read() as tx:
        for table in tables.metadata.sorted_tables:
            for row in tx.execute(select(table)).mappings():
                for name, value in row.items():
                    if SECRET in str(value):
                        where[f"{table.name}.{name}"] = str(value)
    return where


def test_every_column_with_text_is_planted_or_not_personal(planted: Class) -> None:
    """A new column with text must be added to one of the two lists, and to the erasure if it is personal."""
    assert set(_secrets(planted.store)) == PLANTED
    assert set(_free_texts()) - OF_MACHINES - set(NOT_PERSONAL) <= PLANTED


def test_after_an_erasure_nothing_but_the_pseudonym_is_found(planted: Class, tmp_path: Path) -> None:
    store = planted.store
    with store.read() as tx:
        packed: bytes = tx.execute(
            text("SELECT report FROM gradings WHERE submission = :own"), {"own": planted.own}
        ).scalar_one()
    assert _found_in_files(store, tmp_path / "before", packed)
    pseudonym = erasure.erase(store, LOGIN, Author(planted.grace.id, "request"))
    assert _secrets(store) == {}
    assert not _found_in_files(store, tmp_path / "after", packed)
    with store.read() as tx:
        erased = people.person(tx, planted.ada.id)
        assert erased == Person(planted.ada.id, pseudonym, pseudonym)
        newest = audit.entries(tx)[0]
    assert (newest.action, newest.author, newest.subject) == ("people erased", "grace", pseudonym)


def _found_in_files(store: Store, to: Path, packed: bytes) -> list[str]:
    """What of the planted is in the bytes of the database's files and its next copy or dump."""
    files = [to]
    if store.is_sqlite:
        database = Path(str(store.url.database))
        copies.copy(database, to)
        files += [file for file in database.parent.iterdir() if file.name.startswith("grader.db")]
    else:
        subprocess.run([binaries() / "pg_dump", f"--file={to}", store.conninfo], check=True)
    needles = {needle: needle for needle in (b"zulogin", b"zuname", b"zuidentifier", b"zucode", b"zuanswer", b"zumark")}
    needles |= {b"zucode": b"zucode" if store.is_sqlite else b"zucode".hex().encode()}
    needles[b"report"] = packed if store.is_sqlite else packed.hex().encode()
    return [f"{name!r} in {file}" for file in files for name, bytes in needles.items() if bytes in file.read_bytes()]


def test_points_and_what_others_have_are_kept(planted: Class) -> None:
    store = planted.store
    pseudonym = erasure.erase(store, LOGIN, Author(None, "grader admin"))
    offering = Offering("ml", "toy", group_size=2)
    with store.read() as tx:
        assert [mark.points for mark in marks.of_submissions(tx, [planted.own])[planted.own]] == [Points(1)]
        assert submissions.contents(tx, planted.own) == []
        assert line_comments.of_submission(tx, planted.own) == []
        assert submissions.contents(tx, planted.shared) == [("sums.py", b"# of both")]
        (shared,) = [mark for mark in answer_marks.of_question(tx, OfferedQuestion("ml", "toy", "q2"))["s" * 64]]
        assert shared.comment == "of both"
        record = submissions.get(tx, planted.shared)
        assert record
        assert {author.login for author in record.authors} == {"bob", pseudonym}
        team = {group.name: group for group in groups.groups_of(tx, offering)}["team"]
        assert {member.login for member in team.members} == {"bob", pseudonym}
        assert people.roles(tx, planted.ada.id) == {"ml": Role.STUDENT}
        assert regrades.chosen(tx, "ml", "toy", Which.ALL) == [planted.shared]


def test_a_grading_of_an_erased_person_is_cancelled(planted: Class) -> None:
    with planted.store.write() as tx:
        waiting = submissions.add(
            tx,
            NewSubmission("ml", "toy", Kind.SUBMISSION, "api", "", planted.ada.id, (planted.ada.id,), ()),
        )
        grading = QUEUE.enqueue(tx, waiting, "toy", planted.ada.id, Priority.INTERACTIVE)
    erasure.erase(planted.store, LOGIN, Author(None, "tests"))
    with planted.store.read() as tx:
        assert tx.scalar(select(tables.gradings.c.state).filter_by(id=grading)) is State.CANCELLED


def test_unknown_people_and_the_last_admin_are_not_erased(planted: Class) -> None:
    for login, reason in (("nobody", "no person nobody"), ("grace", "last admin")):
        with pytest.raises(BadCall, match=reason):
            erasure.erase(planted.store, login, Author(None, "tests"))
    with planted.store.read() as tx:
        assert people.person_by_login(tx, "grace") == planted.grace


def _age(store: Store, **of: Mapping[str, Any]) -> None:
    """Set columns of tables to values, everywhere."""
    with store.write() as tx:
        for name, values in of.items():
            tx.execute(update(tables.metadata.tables[name]).values(values))


def test_people_who_have_left_are_erased_and_old_entries_deleted(planted: Class) -> None:
    store = planted.store
    old = {"created_at": LONG_AGO}
    _age(store, people=old, courses=old, audit={"at": LONG_AGO})
    assert erasure.apply_retention(store, 30 * DAY) == []  # the newest submission is of today
    with store.read() as tx:
        assert audit.entries(tx) == []
    _age(store, submissions={"received_at": LONG_AGO})
    assert len(erasure.apply_retention(store, 30 * DAY)) == 2
    with store.read() as tx:
        names = sorted(member.person.login for member in people.roster(tx, "ml"))
    assert [name.partition("-")[0] for name in names] == ["erased", "erased", "grace"]
    assert erasure.apply_retention(store, 30 * DAY) == []


@pytest.mark.parametrize("table", ["people", "courses"])
def test_new_people_and_people_of_new_courses_stay(planted: Class, table: str) -> None:
    old = {"created_at": LONG_AGO}
    ages = {"people": old, "courses": old, "submissions": {"received_at": LONG_AGO}} | {table: {"created_at": now()}}
    _age(planted.store, **ages)
    assert erasure.apply_retention(planted.store, 30 * DAY) == []
