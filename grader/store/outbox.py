"""The outbox: messages about events, which the service sends by e-mail, to a webhook and to learning platforms.

A message is added in the transaction that makes its event true, so that a kill loses none. It waits until its student
may see the results that it is about. The sender claims a message, sends it, and removes it after the receiver has
accepted it. If the sender is killed in between, the message is sent again with the same id.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import ColumnElement, Delete, Update, delete, func, or_, select, update

from grader.store import installation, people
from grader.store.database import Store, Tx, change, fetch_pairs, insert_all_new, now, record_of, upsert
from grader.store.records import MAILED_BY_DEFAULT, Channel, EventKind, Kind, Message, Offering, Role, new_id
from grader.store.scored import LEASE
from grader.store.submissions import authors_of
from grader.store.tables import authors, gradings, holds, mail_choices, members, offerings, outbox, submissions

FIRST_DELAY = dt.timedelta(seconds=30)
"""Time between the first two attempts. It doubles after each attempt."""
MOST_FAILURES = 14
"""A message is given up after this many attempts, which take about three days."""


# ── events ───────────────────────────────────────────────────────────────────────────────────────────


def tell(tx: Tx, event: EventKind, course: str, assignment: str, persons_of: Mapping[str, Iterable[str]]) -> None:
    """Add the messages about an event to the outbox, for the channels that are configured.

    Args:
        tx: A transaction that writes.
        event: The event.
        course: Id of the course.
        assignment: Id of the assignment.
        persons_of: Id of each submission → ids of the students whom the event is about. E-mails about requests go to
            the course's staff instead.
    """
    staff = select(members.c.person).filter_by(course=course, role=Role.STAFF)
    for channel in installation.channels(tx):
        is_for_staff = event is EventKind.ASKED and channel == Channel.MAIL
        common: dict[str, object] = {"event": event, "channel": channel, "course": course, "assignment": assignment}
        common |= {"at": now(), "due_at": now()}
        messages = []
        for submission, persons in persons_of.items():
            for person in tx.scalars(staff).all() if is_for_staff else persons:
                messages.append({"id": new_id(), "submission": submission, "person": person} | common)
        insert_all_new(tx, outbox, messages)  # a release is told once, however many submissions wait for it


def tell_graded(tx: Tx, changed: Mapping[str, Collection[str]]) -> None:
    """Tell the authors of submissions to one assignment that they have new results. While the results are held from an
    author, tell of their release instead, once for all their submissions.

    Args:
        tx: A transaction that writes.
        changed: The checks whose results have changed, by id of the submission. If all are hidden, authors see no
            change.
    """
    if not changed or not installation.channels(tx):
        return
    of_submissions = select(offerings).join(submissions).where(submissions.c.id == min(changed))
    offering = record_of(tx.execute(of_submissions).one(), Offering)
    course, assignment = offering.course, offering.assignment
    own_holds = fetch_pairs(tx, select(holds.c.person, holds.c.held).filter_by(course=course, assignment=assignment))
    released, graded = {}, {}
    for submission, people_of_submission in authors_of(tx, changed).items():
        held = {author.id for author in people_of_submission if own_holds.get(author.id, offering.is_held(now()))}
        released[submission] = held
        if not all(map(offering.hides, changed[submission])):
            graded[submission] = {author.id for author in people_of_submission} - held
    tell(tx, EventKind.RELEASED, course, assignment, released)
    tell(tx, EventKind.GRADED, course, assignment, graded)


def tell_when_released(tx: Tx, course: str, assignment: str, person: str | None = None) -> None:
    """Add messages about the release of results that staff have just held back. They wait for the release.

    Args:
        tx: A transaction that writes.
        course: Id of the course.
        assignment: Id of the assignment.
        person: Id of the student from whom the results are held; None for all students.
    """
    newest = select(func.max(submissions.c.id)).filter_by(course=course, assignment=assignment, kind=Kind.SUBMISSION)
    newest = newest.join(gradings).where(gradings.c.counts).join(authors).group_by(authors.c.person)
    if person is not None:
        newest = newest.where(authors.c.person == person)
    tell_graded(tx, {submission: () for submission in tx.scalars(newest)})


# ── choices ──────────────────────────────────────────────────────────────────────────────────────────


def mailed_events(tx: Tx, person: str) -> Collection[EventKind]:
    """Return the events of which a person gets e-mails if their login is an e-mail address."""
    chosen = tx.scalar(select(mail_choices.c.events).filter_by(person=person))
    return MAILED_BY_DEFAULT if chosen is None else chosen


def choose(tx: Tx, person: str, events: Collection[EventKind]) -> None:
    """Set the events of which a person gets e-mails."""
    upsert(tx, mail_choices, {"person": person, "events": events})


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────


def claim(store: Store, channel: Channel) -> Message | None:
    """Claim the next message of a channel that is due, for `LEASE`. Return None if there is none."""
    moment = now()
    query = select(outbox.c.id).where(outbox.c.channel == channel, outbox.c.due_at <= moment, _may_be_told(moment))
    query = query.order_by(outbox.c.due_at, outbox.c.id).limit(1)
    with store.read() as tx:  # the search does not make writers wait
        if tx.scalar(query) is None:
            return None
    next_due = query.with_for_update(skip_locked=True)  # left out for SQLite, which has one writer
    claimed = update(outbox).where(outbox.c.id == next_due.scalar_subquery()).values(due_at=moment + LEASE)
    login = people.login_column(outbox.c.person).label("login")
    with store.write() as tx:
        row = tx.execute(claimed.returning(*outbox.c, login)).one_or_none()
        if row is None:
            return None
        return record_of(row, Message, is_mailed="@" in row.login and row.event in mailed_events(tx, row.person))


def remove(store: Store, message: Message, until: dt.datetime | None = None) -> None:
    """Remove a message that its receiver has accepted. Keep it if it must be sent again at the time `until`."""
    statement = update(outbox).values(failures=0, due_at=until) if until else delete(outbox)
    with store.write() as tx:
        _settle(tx, message, statement)


def postpone(store: Store, message: Message) -> None:
    """Record a failed attempt to send a message. Give the message up if it was the last one."""
    is_last = message.failures + 1 == MOST_FAILURES
    due_at = None if is_last else now() + FIRST_DELAY * 2**message.failures
    with store.write() as tx:
        _settle(tx, message, update(outbox).values(failures=message.failures + 1, due_at=due_at))


def _settle(tx: Tx, message: Message, statement: Update | Delete) -> None:
    """Update or delete a message, unless its event has happened again since it was claimed. Then it is due now."""
    own = outbox.c.id == message.id
    if not change(tx, statement.where(own, outbox.c.at == message.at)):
        tx.execute(update(outbox).where(own).values(due_at=now()))


def lengths(tx: Tx) -> dict[str, int]:
    """Return the number of messages that wait, and the number of those that were given up."""
    waiting, total = tx.execute(select(func.count(outbox.c.due_at), func.count()).select_from(outbox)).one()
    return {"waiting": waiting, "given_up": total - waiting}


def _may_be_told(moment: dt.datetime) -> ColumnElement[bool]:
    """Return the SQL condition that the results that a message is about are not held from its student. Messages to
    platforms are sent even while results are held, since platforms show this state."""
    is_held = offerings.c.held & func.coalesce(offerings.c.release_at > moment, True)
    place = {"course": outbox.c.course, "assignment": outbox.c.assignment}
    of_all = select(is_held).filter_by(**place).scalar_subquery()
    own_hold = select(holds.c.held).filter_by(**place, person=outbox.c.person).scalar_subquery()
    is_not_about_results = outbox.c.event.in_((EventKind.RECEIVED, EventKind.ASKED, EventKind.SCORED))
    return or_(is_not_about_results, ~func.coalesce(own_hold, of_all))
