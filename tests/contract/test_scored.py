"""Whose scores are told, in every database."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import delete, select

from grader.store import late_days, leases, lti, offerings, outbox, people, queue, submissions
from grader.store.database import Store, Tx, insert_new, now
from grader.store.lti import LinkedContext, Platform
from grader.store.queue import StoreQueue
from grader.store.recording import Author
from grader.store.records import Channel, Course, Kind, Offering, Priority, Role
from grader.store.scored import tell_scores
from grader.store.submissions import NewSubmission
from grader.store.tables import answer_marks, answers
from grader.store.tables import outbox as table

QUEUE = StoreQueue({"toy": "test", "second": "test"})
PEOPLE = ("ann", "bob", "carl", "dave")
STAFF = Author(None, "test")


@pytest.fixture
def ids(store: Store) -> dict[str, str]:
    """Students of a course with two assignments, for which a platform has columns: person ids by login."""
    with store.write() as tx:
        people.add_course(tx, Course("ml", "Machine learning"))
        for assignment in ("toy", "second"):
            offerings.put_offering(tx, Offering("ml", assignment))
        ids = {login: people.put_person(tx, login, login.title()).id for login in PEOPLE}
        for person in ids.values():
            people.put_member(tx, "ml", person, Role.STUDENT)
        lti.put_platform(tx, Platform("p", "Campus", "https://c.example", "client", "", "", "", ("1",), ()))
        lti.put_context(tx, LinkedContext("c", "p", "1", "7", "ML", "ml", "", "https://c.example/columns"))
        for assignment in ("toy", "second"):
            lti.put_line_item(tx, "c", assignment, f"https://c.example/columns/{assignment}")
    return ids


def hand_in(tx: Tx, *authors: str, assignment: str = "toy", late: int = 0) -> str:
    new = NewSubmission("ml", assignment, Kind.SUBMISSION, "api", "0" * 64, authors[0], authors, (), late_days=late)
    id = submissions.add(tx, new)
    QUEUE.enqueue(tx, id, assignment, authors[0], Priority.INTERACTIVE)
    return id


def told(store: Store, ids: dict[str, str]) -> set[tuple[str, str]]:
    """Return (login, assignment) of the messages, and remove them."""
    logins = {person: login for login, person in ids.items()}
    with store.write() as tx:
        rows = tx.execute(select(table).filter_by(channel=Channel.PLATFORM)).all()
        tx.execute(delete(table))
    messages = [(logins[row.person], row.assignment) for row in rows]
    assert len(messages) == len(set(messages)), "a message is pending once"
    return set(messages)


def test_a_submission_is_told_of_its_authors(store: Store, ids: dict[str, str]) -> None:
    with store.write() as tx:
        hand_in(tx, ids["ann"], ids["bob"])
        hand_in(tx, ids["ann"])
    assert told(store, ids) == {("ann", "toy"), ("bob", "toy")}


def test_partners_are_told_of_and_late_days_reach_other_assignments(store: Store, ids: dict[str, str]) -> None:
    with store.write() as tx:
        hand_in(tx, ids["ann"], ids["bob"])
        hand_in(tx, ids["bob"], ids["carl"], assignment="second", late=1)
        hand_in(tx, ids["dave"], assignment="second", late=1)
    told(store, ids)
    with store.write(STAFF) as tx:
        offerings.put_extension(tx, "ml", "toy", ids["ann"], now())
    reached = {("ann", "toy"), ("bob", "toy"), ("bob", "second"), ("carl", "second")}
    assert told(store, ids) == reached
    with store.write(STAFF) as tx:
        late_days.grant(tx, "ml", ids["dave"], 1, "ill", ids["ann"])
    assert told(store, ids) == {("dave", "second")}


def test_what_is_withdrawn_or_broken_is_told(store: Store, ids: dict[str, str]) -> None:
    with store.write() as tx:
        hand_in(tx, ids["ann"])
        hand_in(tx, ids["bob"])
    told(store, ids)
    with store.write() as tx:
        queue.cancel_all(tx)
    assert told(store, ids) == {("ann", "toy"), ("bob", "toy")}
    with store.write() as tx:
        hand_in(tx, ids["ann"])
    told(store, ids)
    for _ in range(leases.MOST_FAILURES):
        with store.write() as tx:
            leased = leases.claim(tx, "worker")
            assert leased
            leases.fail(tx, leased, "a bug")
    assert told(store, ids) == {("ann", "toy")}


def test_a_mark_of_an_answer_is_told_of_those_who_gave_it(store: Store, ids: dict[str, str]) -> None:
    with store.write() as tx:
        for login in ("ann", "bob"):
            id = hand_in(tx, ids[login])
            submission = submissions.get(tx, id)
            assert submission is not None
            row = {"grading": submission.grading.id, "question": "q1", "digest": login, "text": "", "opinion": {}}
            insert_new(tx, answers, row)
    told(store, ids)
    with store.write(STAFF) as tx:
        mark = {"id": "1", "course": "ml", "assignment": "toy", "question": "q1", "digest": "bob", "adjustment": 1}
        insert_new(tx, answer_marks, mark | {"marker": ids["dave"], "comment": "", "moderates": False, "at": now()})
    assert told(store, ids) == {("bob", "toy")}


def test_what_is_rolled_back_is_not_told(store: Store, ids: dict[str, str]) -> None:
    def act() -> None:
        with store.write() as tx:
            hand_in(tx, ids["ann"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act()
    assert told(store, ids) == set()


def test_a_message_that_is_being_sent_stays_claimed_and_is_due_again_after_a_change(
    store: Store, ids: dict[str, str]
) -> None:
    with store.write() as tx:
        hand_in(tx, ids["ann"])
    message = outbox.claim(store, Channel.PLATFORM)
    assert message
    with store.write() as tx:
        tell_scores(tx, "ml")
    assert outbox.claim(store, Channel.PLATFORM) is None
    outbox.remove(store, message)
    again = outbox.claim(store, Channel.PLATFORM)
    assert again
    assert again.id == message.id
    outbox.remove(store, again)
    assert told(store, ids) == set()


@pytest.mark.parametrize("wait", ["until a date", "after failures"])
def test_a_change_hastens_a_message_that_waits(store: Store, ids: dict[str, str], wait: str) -> None:
    with store.write() as tx:
        hand_in(tx, ids["ann"])
    message = outbox.claim(store, Channel.PLATFORM)
    assert message
    if wait == "until a date":
        outbox.remove(store, message, now() + dt.timedelta(days=1))
    else:
        for _ in range(5):
            outbox.postpone(store, message)
            message = type(message)(**vars(message) | {"failures": message.failures + 1})
    assert outbox.claim(store, Channel.PLATFORM) is None
    with store.write() as tx:
        tell_scores(tx, "ml", "toy", [ids["ann"]])
    assert outbox.claim(store, Channel.PLATFORM)


def test_a_column_elsewhere_tells_of_nobody(store: Store, ids: dict[str, str]) -> None:
    with store.write() as tx:
        people.add_course(tx, Course("other", "Other"))
        offerings.put_offering(tx, Offering("other", "toy"))
        new = NewSubmission("other", "toy", Kind.SUBMISSION, "api", "0" * 64, ids["ann"], (ids["ann"],), ())
        submissions.add(tx, new)
        tell_scores(tx, "other")
    assert told(store, ids) == set()
