"""Groups of students who submit an assignment together, and invitations to them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import and_, delete, select

from grader.model.grouping import grouped
from grader.store.database import Tx, insert_new, one_at_a_time, upsert
from grader.store.people import PERSON, person_of
from grader.store.records import Group, Offering, Person, Role
from grader.store.tables import group_members, members, people


def lock(tx: Tx, offering: Offering) -> None:
    """Prevent other transactions from changing groups of this assignment until the transaction ends."""
    one_at_a_time(tx, f"groups {offering.course} {offering.assignment}")


def groups_of(tx: Tx, offering: Offering, login: str | None = None) -> list[Group]:
    """Return the groups of an assignment. People who are not students of the course are no members, and groups without
    members are left out.

    Args:
        tx: The transaction.
        offering: The assignment.
        login: Return only the group of this login and those that have invited it; None for all groups.
    """
    is_student = and_(members.c.person == people.c.id, members.c.role == Role.STUDENT)
    query = select(group_members, *PERSON, members.c.role)
    query = query.where(group_members.c.course == offering.course, group_members.c.assignment == offering.assignment)
    query = query.outerjoin(people, people.c.login == group_members.c.login)
    query = query.outerjoin(members, and_(is_student, members.c.course == group_members.c.course))
    if login is not None:
        of_login = select(group_members.c.group).filter_by(**_key(offering), login=login)
        query = query.where(group_members.c.group.in_(of_login))
    rows = tx.execute(query.order_by(group_members.c.group, group_members.c.login))
    groups = []
    for name, own_rows in grouped((row.group, row) for row in rows).items():
        students = tuple(person_of(row) for row in own_rows if row.accepted and row.role)
        invited = tuple(row.login for row in own_rows if not row.accepted)
        if students:
            groups.append(Group(name, students, invited))
    return groups


def partners(tx: Tx, offering: Offering, login: str) -> tuple[Person, ...]:
    """Return the members of a student's group, with the student. Return () if the student is in no group, or if the
    assignment has no groups."""
    if offering.group_size > 1:
        for group in groups_of(tx, offering, login):
            if group.has(login):
                return group.members
    return ()


def put(tx: Tx, offering: Offering, group_by_login: Mapping[str, str]) -> None:
    """Move people to groups. An empty name removes a person from their group. Invitations to groups without members
    are removed."""
    accepted = {**_key(offering), "accepted": True}
    tx.execute(delete(group_members).filter_by(**accepted).where(group_members.c.login.in_(group_by_login)))
    for login, group in group_by_login.items():
        if group:
            upsert(tx, group_members, {**accepted, "group": group, "login": login})
    with_members = select(group_members.c.group).filter_by(**accepted)
    without_members = delete(group_members).filter_by(**_key(offering))
    tx.execute(without_members.where(group_members.c.group.not_in(with_members)))


def invite(tx: Tx, offering: Offering, group: str, login: str) -> None:
    """Invite a login, whether there is such a person or not. No-op for members and for those who are invited."""
    insert_new(tx, group_members, {**_key(offering), "group": group, "login": login, "accepted": False})


def remove_invitation(tx: Tx, offering: Offering, group: str, login: str) -> None:
    """Remove an invitation. No-op if there is none."""
    invitation = delete(group_members).filter_by(**_key(offering), group=group, login=login, accepted=False)
    tx.execute(invitation)


def _key(offering: Offering) -> dict[str, str]:
    return {"course": offering.course, "assignment": offering.assignment}
