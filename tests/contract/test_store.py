"""One contract for every database."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import event, select, text, update

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.course.groups import GroupAction, act
from grader.engine.grade import grade
from grader.errors import BadCall, StoreUnavailable
from grader.intake.receive import receive
from grader.model import Points, Report
from grader.render import as_json
from grader.sandbox.contract import Sandbox
from grader.store import (
    adjustments,
    gradings,
    groups,
    installation,
    late_days,
    leases,
    marks,
    offerings,
    outbox,
    passwords,
    people,
    queue,
    records,
    regrades,
    requests,
    submissions,
    workers,
)
from grader.store.database import Store, Tx, now
from grader.store.queue import StoreQueue
from grader.store.records import (
    Channel,
    Counts,
    Course,
    CourseSetup,
    EventKind,
    Kind,
    Leased,
    Member,
    Offering,
    Page,
    Person,
    Priority,
    RegradeState,
    Role,
    State,
    TokenKind,
    TokenScope,
    Which,
    Worker,
)
from grader.store.submissions import NewSubmission
from grader.store.tables import gradings as table
from grader.store.tables import submissions as submissions_table
from grader.store.tables import tokens
from tests.conftest import TOY_SOLUTION
from tests.schema import differences

T = TypeVar("T")
LANE = "grader 1, toy 2, numpy 3"
QUEUE = StoreQueue({"toy": LANE})


@pytest.fixture
def classroom(store: Store) -> dict[str, Person]:
    with store.write() as tx:
        people.add_course(tx, Course("ml", "Machine learning"))
        offerings.put_offering(tx, Offering("ml", "toy"))
        found = {login: people.put_person(tx, login, login.title()) for login in ("ann", "bob", "cleo", "staff")}
        for login, person in found.items():
            people.put_member(tx, "ml", person.id, Role.STAFF if login == "staff" else Role.STUDENT)
    return found


HandIn = Callable[..., tuple[str, str]]


@pytest.fixture
def hand_in(store: Store, classroom: dict[str, Person]) -> HandIn:
    """Hands in as `login`; returns the ids of the submission and of its grading."""

    def act(
        login: str,
        source: str = TOY_SOLUTION,
        *,
        kind: Kind = Kind.SUBMISSION,
        supersede: bool = False,
        name: str = "mlp.py",
    ) -> tuple[str, str]:
        content = source.encode()
        who = classroom[login].id
        digest = receive("mlp.py", content, "mlp.py").digest
        new = NewSubmission("ml", "toy", kind, "api", digest, who, (who,), ((name, content),))
        with store.write() as tx:
            submission = submissions.add(tx, new)
            priority = Priority.PRECHECK if kind is Kind.PRECHECK else Priority.INTERACTIVE
            grading = QUEUE.enqueue(tx, submission, "toy", who, priority)
            if supersede:
                queue.supersede(tx, submission)
        return submission, grading

    return act


@pytest.fixture(scope="module")
def reports(toy: Assignment, sandbox: Sandbox) -> dict[str, Report]:
    wrong = TOY_SOLUTION.replace("return -a", "return a")
    return {
        name: grade(receive("mlp.py", source.encode(), "mlp.py"), toy, sandbox, Seed())
        for name, source in (("right", TOY_SOLUTION), ("wrong", wrong))
    }


@pytest.mark.parametrize("text", [r"a\0b", r"a\ud800b"])
def test_a_report_of_an_exception_with_odd_characters_can_be_stored(
    store: Store, hand_in: HandIn, toy: Assignment, sandbox: Sandbox, text: str
) -> None:
    source = TOY_SOLUTION.replace("return -a", f'raise ValueError("{text}")')
    report = grade(receive("mlp.py", source.encode(), "mlp.py"), toy, sandbox, Seed())
    assert any("ValueError" in check.reason for check in report.checks)
    _, grading = hand_in("ann", source)
    assert finish(store, claim(store), report)
    assert state(store, grading) is State.GRADED


def claim(store: Store) -> Leased:
    with store.write() as tx:
        leased = leases.claim(tx, "worker")
    assert leased is not None
    return leased


def finish(store: Store, leased: Leased, report: Report) -> bool:
    with store.write() as tx:
        return leases.finish(tx, leased, report, LANE)


def state(store: Store, grading: str) -> State:
    with store.read() as tx:
        found = gradings.get(tx, grading)
    assert found is not None
    return found.state


def age(store: Store, grading: str, by: dt.timedelta) -> None:
    """As if its lease had been taken, and last been kept alive, so long ago."""
    with store.write() as tx:
        past = {"lease_until": now() - by}
        tx.execute(update(table).where(table.c.id == grading).values(past))


# ── the schema ───────────────────────────────────────────────────────────────────────────────────────


def test_migrations_lead_to_the_tables_that_the_code_knows(store: Store) -> None:
    assert differences(store) == []


def test_migrating_again_changes_nothing(store: Store, classroom: dict[str, Person]) -> None:
    store.migrate()
    with store.read() as tx:
        assert people.person(tx, classroom["ann"].id) == classroom["ann"]


# ── transactions ─────────────────────────────────────────────────────────────────────────────────────


def test_a_transaction_that_fails_keeps_nothing(store: Store) -> None:
    def fails() -> None:
        with store.write() as tx:
            people.add_course(tx, Course("gone", ""))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with store.read() as tx:
        assert people.course(tx, "gone") is None


def test_a_reading_transaction_sees_one_state(store: Store, hand_in: HandIn) -> None:
    with store.read() as tx:
        before = queue.waiting(tx)
        hand_in("ann")
        assert queue.waiting(tx) == before


def test_the_service_s_secret_is_made_once(store: Store) -> None:
    with store.write() as tx:
        first = installation.secret(tx)
    with store.write() as tx:
        assert installation.secret(tx) == first
    assert len(first) == 64


# ── people ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_login_is_the_same_person_however_it_is_written(store: Store) -> None:
    with store.write() as tx:
        first = people.put_person(tx, "Ann@Example.org ", "Ann")
        assert people.put_person(tx, "ann@example.org", "Ann B.") == Person(first.id, "ann@example.org", "Ann B.")


def at_once(act: Callable[[], T], times: int = 4) -> list[T]:
    """Done by threads that begin together."""
    together = threading.Barrier(times)

    def begin(_: int) -> T:
        together.wait()
        return act()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(begin, range(times)))


def test_a_person_whom_several_processes_add_at_once_is_one(store: Store) -> None:
    def put(login: str) -> Person:
        with store.write() as tx:
            return people.put_person(tx, login, login)

    for n in range(10):
        assert len(set(at_once(partial(put, f"new{n}")))) == 1


def test_a_token_ends_with_the_one_it_was_made_with(store: Store, classroom: dict[str, Person]) -> None:
    ann = classroom["ann"].id
    with store.write() as tx:
        parent = people.token_by_secret(tx, people.new_token(tx, ann, TokenKind.PROGRAM, lasts=dt.timedelta(days=1)))
        child = people.new_token(tx, ann, TokenKind.PROGRAM, scopes={TokenScope.READ}, parent=parent)
        made = people.token_by_secret(tx, child)
        grandchild = people.new_token(tx, ann, TokenKind.SESSION, lasts=dt.timedelta(days=9), parent=made)
        last = people.token_by_secret(tx, grandchild)
    assert [(t.expires_at, t.scopes) for t in (made, last)] == [(parent.expires_at, {TokenScope.READ})] * 2
    with store.write() as tx:
        assert people.revoke_token(tx, ann, parent.id)
        assert people.tokens_of(tx, ann) == []


def test_a_worker_is_told_the_scope_of_a_grading(store: Store, hand_in: HandIn, classroom: dict[str, Person]) -> None:
    submission, grading = hand_in("ann")
    with store.write() as tx:
        queue.cancel(tx, grading)
        QUEUE.enqueue(tx, submission, "toy", classroom["ann"].id, Priority.BATCH, scope={"only": "q1.1"})
    assert claim(store).scope == {"only": "q1.1"}


def test_the_database_keeps_no_token_but_its_hash(store: Store, classroom: dict[str, Person]) -> None:
    with store.write() as tx:
        secrets = {people.new_token(tx, classroom["ann"].id, kind) for kind in TokenKind}
        kept = [str(value) for row in tx.execute(select(tokens)) for value in row]
    assert [len(base64.urlsafe_b64decode(f"{secret}=")) for secret in secrets] == [32] * len(TokenKind)  # 256 bits
    assert sum(hashlib.sha256(secret.encode()).hexdigest() in kept for secret in secrets) == len(TokenKind)
    assert [value for value in kept for secret in secrets if secret in value] == []


def test_a_token_opens_for_its_person_until_it_is_revoked(store: Store, classroom: dict[str, Person]) -> None:
    ann = classroom["ann"]
    with store.write() as tx:
        secret = people.new_token(tx, ann.id, TokenKind.PROGRAM, "laptop")
        (shown,) = people.tokens_of(tx, ann.id)
        assert people.token_holder(tx, secret, [TokenKind.PROGRAM]) == (ann, shown, people.roles(tx, ann.id))
        assert people.token_holder(tx, secret, [TokenKind.SESSION]) is None
        assert people.token_holder(tx, secret + "x", [TokenKind.PROGRAM]) is None
        assert shown == people.token_by_secret(tx, secret)
        assert not people.revoke_token(tx, classroom["bob"].id, shown.id)
        assert people.revoke_token(tx, ann.id, shown.id)
        assert people.token_holder(tx, secret, [TokenKind.PROGRAM]) is None


def test_a_session_ends_and_a_login_token_works_not_for_ever(store: Store, classroom: dict[str, Person]) -> None:
    ann = classroom["ann"]
    with store.write() as tx:
        session = people.new_token(tx, ann.id, TokenKind.SESSION)
        link = people.new_token(tx, ann.id, TokenKind.LOGIN, lasts=dt.timedelta(hours=1))
        for secret in (session, link):
            people.end_session(tx, secret)
        assert people.token_holder(tx, session, TokenKind) is None
        assert people.token_holder(tx, link, TokenKind) is not None
        stale = people.new_token(tx, ann.id, TokenKind.LOGIN, lasts=-dt.timedelta(seconds=1))
        assert people.token_holder(tx, stale, TokenKind) is None


def test_a_course_gets_another_title_and_loses_a_member(store: Store, classroom: dict[str, Person]) -> None:
    with store.write() as tx:
        people.put_course(tx, Course("ml", "ML I"))
        people.put_course(tx, Course("dl", "Deep learning"))
        people.put_member(tx, "dl", classroom["ann"].id, Role.STUDENT)
        people.remove_member(tx, "ml", classroom["ann"].id)
        assert [c.title for c in people.all_courses(tx)] == ["Deep learning", "ML I"]
        assert people.roles(tx, classroom["ann"].id) == {"dl": Role.STUDENT}


def toy_extensions(tx: Tx, persons: Iterable[str]) -> dict[str, dt.datetime]:
    """Extended due dates by person id."""
    return {person: date for (_, person), date in offerings.extensions_of(tx, "ml", list(persons)).items()}


def test_a_roster_is_searched_and_turned_over_by_name_and_login(store: Store, classroom: dict[str, Person]) -> None:
    with store.write() as tx:
        for login, name in (("z1", "Ann"), ("a_1", "ann %"), ("x@y", "Émile")):
            person = people.put_person(tx, login, name)
            people.put_member(tx, "ml", person.id, Role.STUDENT)
        people.put_member(tx, "ml", classroom["ann"].id, Role.STUDENT, ["tuesday"])
        everyone = people.roster(tx, "ml")
        turned: list[Member] = []
        page = people.roster(tx, "ml", limit=2)
        while page:
            turned += page
            page = people.roster(tx, "ml", after=turned[-1].person.login, limit=2)
        assert turned == everyone
        assert {member.person.login for member in people.roster(tx, "ml", text="ANN", limit=9)} == {"ann", "z1", "a_1"}
        for text, logins in (("%", ["a_1"]), ("_", ["a_1"]), ("@Y", ["x@y"]), ("nobody", [])):
            assert [member.person.login for member in people.roster(tx, "ml", text=text, limit=9)] == logins
        assert people.role_counts(tx, "ml") == {Role.STUDENT: 6, Role.STAFF: 1}


def test_a_course_knows_how_far_it_is_set_up(store: Store, hand_in: HandIn, classroom: dict[str, Person]) -> None:
    hand_in("ann")
    hand_in("ann", kind=Kind.PRECHECK)
    with store.write() as tx:
        people.add_course(tx, Course("dl", "Deep learning"))
        assert people.setups(tx, ["ml", "dl"]) == {"ml": CourseSetup(3, True), "dl": CourseSetup(0, False)}
        assert people.setups(tx, []) == {}
        assert submissions.attempts_by_assignment(tx, "ml", classroom["ann"].id) == {"toy": 1}
        assert submissions.attempts_by_assignment(tx, "ml", classroom["bob"].id) == {}


def test_names_of_admins_and_of_members_of_other_courses_are_known(store: Store, classroom: dict[str, Person]) -> None:
    with store.write() as tx:
        people.add_course(tx, Course("dl", "Deep learning"))
        people.put_member(tx, "dl", classroom["ann"].id, Role.STUDENT)
        people.put_person(tx, "root", "Root", admin=True)
        logins = ["ann", "bob", "cleo", "root", *(f"unknown {number}" for number in range(70_000))]
        assert people.names_of_others(tx, "ml", logins) == {"ann": "Ann", "root": "Root"}
        of_others = {"ann": "Ann", "bob": "Bob", "cleo": "Cleo", "root": "Root"}  # ann is in both courses
        assert people.names_of_others(tx, "dl", logins) == of_others


def test_an_offering_is_what_was_set_last(store: Store, classroom: dict[str, Person]) -> None:
    due = dt.datetime(2026, 11, 25, 22, 59, tzinfo=dt.UTC)
    wanted = Offering(
        "ml", "toy", due_at=due, late={"per_day": "10%"}, counts=Counts.BEST, attempts_per_hour=5, hidden=("q1.2",)
    )
    with store.write() as tx:
        offerings.put_offering(tx, wanted)
        assert offerings.offering(tx, "ml", "toy") == wanted
        offerings.put_extension(tx, "ml", "toy", classroom["ann"].id, due + dt.timedelta(days=1))
        assert toy_extensions(tx, [classroom["ann"].id]) == {classroom["ann"].id: due + dt.timedelta(days=1)}
        offerings.put_extension(tx, "ml", "toy", classroom["ann"].id, None)
        assert offerings.extension(tx, "ml", "toy", classroom["ann"].id) is None


def test_an_extension_is_the_latest_of_a_persons_own_of_their_labels_and_of_everyones(
    store: Store, classroom: dict[str, Person]
) -> None:
    ann, bob, staff = (classroom[login].id for login in ("ann", "bob", "staff"))
    due = dt.datetime(2026, 11, 25, 22, 59, tzinfo=dt.UTC)
    in_days = [due + dt.timedelta(days=days) for days in range(5)]
    with store.write() as tx:
        offerings.put_offering(tx, Offering("ml", "toy", due_at=due))
        offerings.put_extension(tx, "ml", "toy", None, in_days[2], "no power", staff, label="tuesday")
        assert offerings.extension(tx, "ml", "toy", ann) is None
        people.put_member(tx, "ml", ann, Role.STUDENT, ["honours", "tuesday"])  # a label given later counts
        assert toy_extensions(tx, [ann, bob, staff]) == {ann: in_days[2]}
        offerings.put_extension(tx, "ml", "toy", None, in_days[1])
        offerings.put_extension(tx, "ml", "toy", bob, in_days[3], "ill", staff)
        assert toy_extensions(tx, [ann, bob, staff]) == {
            ann: in_days[2],
            bob: in_days[3],
            staff: in_days[1],
        }
        everybody = {person.id for person in classroom.values()}
        assert set(toy_extensions(tx, everybody)) == everybody
        people.put_member(tx, "ml", ann, Role.STUDENT)  # another role keeps the labels
        assert toy_extensions(tx, [ann]) == {ann: in_days[2]}
        stored = offerings.stored_extensions(tx, "ml", "toy")
        assert [(row.login, row.label, row.reason, row.granter) for row in stored] == [
            ("", "", "", None),
            ("", "tuesday", "no power", "staff"),
            ("bob", "", "ill", "staff"),
        ]
        offerings.put_extension(tx, "ml", "toy", None, None)
        offerings.put_extension(tx, "ml", "toy", None, None, label="tuesday")
        assert toy_extensions(tx, [ann, bob, staff]) == {bob: in_days[3]}


def test_a_budget_of_late_days_is_the_courses_and_what_was_granted(store: Store, classroom: dict[str, Person]) -> None:
    ann, bob, staff = (classroom[login].id for login in ("ann", "bob", "staff"))
    with store.write() as tx:
        assert late_days.budgets(tx, "ml", [ann]) == {ann: 0}
        late_days.put_budget(tx, "ml", 4)
        late_days.grant(tx, "ml", ann, 2, "jury duty", staff)
        late_days.grant(tx, "ml", ann, -1, "wrong person", staff)
        late_days.grant(tx, "ml", bob, -9, "agreed", staff)
        people.put_course(tx, Course("ml", "ML I"))  # another title keeps the budget
        assert late_days.budgets(tx, "ml", [ann, bob, staff]) == {ann: 5, bob: 0, staff: 4}
        grants = [(grant.days, grant.reason, grant.granter) for grant in late_days.grants_of(tx, "ml", [ann])[ann]]
        assert grants == [(2, "jury duty", "staff"), (-1, "wrong person", "staff")]


def test_submissions_that_may_use_late_days_are_listed_without_withdrawn_ones(
    store: Store, classroom: dict[str, Person]
) -> None:
    ann, bob = classroom["ann"].id, classroom["bob"].id
    ids = []
    with store.write() as tx:
        for days, kind in ((0, Kind.SUBMISSION), (2, Kind.SUBMISSION), (2, Kind.PRECHECK), (1, Kind.SUBMISSION)):
            new = NewSubmission("ml", "toy", kind, "api", "", ann, (ann, bob), (), late_days=days)
            ids.append(submissions.add(tx, new))
            grading = QUEUE.enqueue(tx, ids[-1], "toy", ann, Priority.INTERACTIVE)
        assert queue.cancel(tx, grading)
        (late,) = submissions.of_people(tx, "ml", [ann])
        assert (late.id, late.late_days, [author.id for author in late.authors]) == (ids[1], 2, [ann, bob])
        assert [record.id for record in submissions.of_people(tx, "ml", [bob], ["toy"])] == [ids[1], ids[0]]
        assert submissions.of_people(tx, "ml", [classroom["staff"].id]) == []


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────


def accept_next(store: Store, offering: Offering, acceptances: Iterator[tuple[Person, str]]) -> bool:
    """Whether a person may accept the invitation to a group."""
    person, group = next(acceptances)
    try:
        with store.write() as tx:
            act(tx, offering, person, GroupAction.ACCEPT, group)
    except BadCall:
        return False
    return True


def test_acceptances_at_once_do_not_exceed_the_group_size(store: Store, classroom: dict[str, Person]) -> None:
    offering = Offering("ml", "toy", group_size=2)
    for _ in range(10):
        with store.write() as tx:
            groups.put(tx, offering, {"ann": "a", "bob": "", "cleo": ""})
            for login in ("bob", "cleo"):
                groups.invite(tx, offering, "a", login)
        acceptances = iter(((classroom["bob"], "a"), (classroom["cleo"], "a")))
        joined = at_once(partial(accept_next, store, offering, acceptances), 2)
        with store.read() as tx:
            (group,) = groups.groups_of(tx, offering)
        assert (sorted(joined), len(group.members)) == ([False, True], 2)


def test_a_person_who_accepts_two_invitations_at_once_is_in_one_group(
    store: Store, classroom: dict[str, Person]
) -> None:
    offering = Offering("ml", "toy", group_size=2)
    for _ in range(10):
        with store.write() as tx:
            groups.put(tx, offering, {"ann": "a", "bob": "b", "cleo": ""})
            for name in ("a", "b"):
                groups.invite(tx, offering, name, "cleo")
        acceptances = iter(((classroom["cleo"], "a"), (classroom["cleo"], "b")))
        joined = at_once(partial(accept_next, store, offering, acceptances), 2)
        with store.read() as tx:
            sizes = [len(group.members) for group in groups.groups_of(tx, offering)]
        assert (sorted(joined), sorted(sizes)) == ([False, True], [1, 2])


def test_members_who_submit_at_once_wait_for_each_other(store: Store, classroom: dict[str, Person]) -> None:
    ann, bob = classroom["ann"].id, classroom["bob"].id
    since = now() - dt.timedelta(hours=1)

    def submit_if_first(submitters: Iterator[str]) -> bool:
        submitter = next(submitters)
        with store.write() as tx:
            submissions.lock_people(tx, [submitter, ann, bob])
            if submissions.times_since(tx, "ml", "toy", submitter, since):
                return False
            new = NewSubmission("ml", "toy", Kind.SUBMISSION, "api", "", submitter, (ann, bob), ())
            QUEUE.enqueue(tx, submissions.add(tx, new), "toy", submitter, Priority.INTERACTIVE)
        return True

    assert sorted(at_once(partial(submit_if_first, iter((ann, bob))), 2)) == [False, True]


def test_a_reader_asks_once_and_a_writer_sees_its_own_changes(store: Store, classroom: dict[str, Person]) -> None:
    with store.write() as tx:
        assert people.course(tx, "ml")
        people.put_course(tx, Course("ml", "Renamed"))
        changed = people.course(tx, "ml")
        assert changed is not None
        assert changed.title == "Renamed"
    with store.read() as tx:
        assert people.course(tx, "ml") is people.course(tx, "ml")
        assert people.course(tx, "dl") is not people.course(tx, "ml")


# ── submissions ──────────────────────────────────────────────────────────────────────────────────────


def test_a_submission_is_read_as_it_was_stored(store: Store, hand_in: HandIn, classroom: dict[str, Person]) -> None:
    id, _ = hand_in("ann", "x = 1\n")
    with store.read() as tx:
        kept = submissions.get(tx, id)
        assert submissions.contents(tx, id) == [("mlp.py", b"x = 1\n")]
        upload = submissions.uploads_of(tx, [id])[id]
    assert kept is not None
    assert kept.authors == (classroom["ann"],)
    assert upload.by == classroom["ann"]
    assert upload.files[0].size == 6
    assert abs(kept.received_at - now()) < dt.timedelta(minutes=1)


def test_the_newest_of_each_is_found_among_all(store: Store, hand_in: HandIn, classroom: dict[str, Person]) -> None:
    hand_in("ann")
    ann, _ = hand_in("ann", "second")
    bob, _ = hand_in("bob")
    hand_in("ann", kind=Kind.PRECHECK)
    _, taken_back = hand_in("bob", "taken back")
    with store.write() as tx:
        assert queue.cancel(tx, taken_back)
    with store.read() as tx:
        assert [s.id for s in submissions.newest_of_each(tx, "ml", ["toy"])] == [bob, ann]
        assert [s.id for s in submissions.newest_of_each(tx, "ml", ["toy"], [classroom["ann"].id])] == [ann]
        counted = submissions.attempts_of_each(tx, "ml", "toy")
    assert [(who.login, attempts) for who, attempts in counted] == [("ann", 2), ("bob", 2)]


def test_lists_are_paged_from_the_newest_on(store: Store, hand_in: HandIn, classroom: dict[str, Person]) -> None:
    ids = [hand_in("ann")[0] for _ in range(5)]
    hand_in("bob")
    ann = classroom["ann"].id
    with store.read() as tx:
        first = submissions.of_offering(tx, "ml", persons=[ann], page=Page(2))
        rest = submissions.of_offering(tx, "ml", persons=[ann], page=Page(50, first[-1].id))
    assert [s.id for s in (*first, *rest)] == sorted(ids, reverse=True)


def test_attempts_count_what_may_still_be_graded(store: Store, hand_in: HandIn, classroom: dict[str, Person]) -> None:
    hand_in("ann")
    _, cancelled = hand_in("ann")
    with store.write() as tx:
        queue.cancel(tx, cancelled)
        since = now() - dt.timedelta(hours=1)
        assert len(submissions.times_since(tx, "ml", "toy", classroom["ann"].id, since)) == 1


# ── the queue ────────────────────────────────────────────────────────────────────────────────────────


def test_a_newer_id_sorts_after_an_older_one(store: Store, hand_in: HandIn) -> None:
    pairs = [hand_in("ann") for _ in range(3)]
    assert pairs == sorted(pairs)


def test_after_a_clock_that_was_ahead_the_newest_submission_is_still_the_newest(
    store: Store, hand_in: HandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = time.time_ns() + 3_600 * 10**9
    with monkeypatch.context() as clock:
        clock.setattr(time, "time_ns", lambda: ahead)
        older, older_grading = hand_in("ann")
    with store.write() as tx:
        tx.execute(update(submissions_table).values(received_at=now() + dt.timedelta(hours=1)))
    monkeypatch.setattr(records, "_newest", 0)  # as in another process, or after a restart
    newer, newer_grading = hand_in("ann", TOY_SOLUTION + "\n", supersede=True)
    with store.read() as tx:
        assert [submission.id for submission in submissions.newest_of_each(tx, "ml", ["toy"])] == [newer]
        assert [submission.id for submission in submissions.of_offering(tx, "ml")] == [newer, older]
    assert (state(store, older_grading), state(store, newer_grading)) == (State.SUPERSEDED, State.QUEUED)


def test_students_take_turns(store: Store, hand_in: HandIn) -> None:
    first, second, third = (hand_in("ann")[1] for _ in range(3))
    other, another = hand_in("bob")[1], hand_in("cleo")[1]
    assert [claim(store).grading for _ in range(5)] == [first, other, another, second, third]


def test_a_new_student_does_not_overtake_those_who_have_waited(store: Store, hand_in: HandIn) -> None:
    flood = [hand_in("ann")[1] for _ in range(3)]
    for _ in range(2):
        claim(store)
    late = [hand_in("bob")[1], hand_in("bob")[1]]
    assert [claim(store).grading for _ in range(3)] == [flood[2], *late]


def test_interactive_work_goes_before_regrades_and_batches(
    store: Store, hand_in: HandIn, classroom: dict[str, Person]
) -> None:
    submission, interactive = hand_in("ann")
    who = classroom["bob"].id
    with store.write() as tx:
        batch = QUEUE.enqueue(tx, submission, "toy", who, Priority.BATCH)
        regrade = QUEUE.enqueue(tx, submission, "toy", who, Priority.REGRADE)
        precheck = QUEUE.enqueue(tx, submission, "toy", who, Priority.PRECHECK)
        places = [queue.ahead_of(tx, id) for id in (precheck, interactive, regrade, batch)]
    assert places == [1, 0, 2, 3]
    assert [claim(store).grading for _ in range(4)] == [interactive, precheck, regrade, batch]


def test_a_person_s_second_job_waits_for_everybody_s_first_whatever_its_kind(store: Store, hand_in: HandIn) -> None:
    prechecks = [hand_in("ann", kind=Kind.PRECHECK)[1] for _ in range(3)]
    submission, precheck = hand_in("bob")[1], hand_in("cleo", kind=Kind.PRECHECK)[1]
    assert [claim(store).grading for _ in range(5)] == [prechecks[0], submission, precheck, *prechecks[1:]]


def test_a_worker_takes_only_prechecks_or_none(store: Store, hand_in: HandIn) -> None:
    precheck, submission = hand_in("ann", kind=Kind.PRECHECK)[1], hand_in("ann")[1]
    for kind, grading in ((Kind.SUBMISSION, submission), (Kind.SUBMISSION, None), (Kind.PRECHECK, precheck)):
        with store.write() as tx:
            leased = leases.claim(tx, "worker", kind)
        assert (leased and leased.grading) == grading


def test_a_queue_of_an_older_version_keeps_its_order(database: str, classroom: dict[str, Person]) -> None:
    store = Store(database)
    with store.write() as tx:
        new = NewSubmission("ml", "toy", Kind.SUBMISSION, "api", "", classroom["ann"].id, (classroom["ann"].id,), ())
        submission = submissions.add(tx, new)
        tx.execute(text("DROP INDEX ix_gradings_queue"))
        tx.execute(text("DROP INDEX ix_gradings_person"))
        tx.execute(text("DROP INDEX ix_submissions_digest"))
        tx.execute(text("CREATE INDEX ix_gradings_queue ON gradings (state, priority, turn, id)"))
        tx.execute(text("ALTER TABLE regrades DROP COLUMN pending"))
        for table_name in (
            "holds",
            "adjustments",
            "late_day_grants",
            "label_extensions",
            "passwords",
            "requests",
            "line_comments",
            "group_members",
            "audit",
            "outbox",
            "mail_choices",
            "lti_members",
            "lti_line_items",
            "lti_scores",
            "lti_contexts",
            "lti_platforms",
            "used_nonces",
        ):
            tx.execute(text(f"DROP TABLE {table_name}"))
        for column in (
            "courses.late_days",
            "members.labels",
            "members.identifiers",
            "extensions.reason",
            "extensions.by",
            "extensions.at",
            "offerings.release_at",
            "offerings.requests_until",
            "offerings.group_size",
            "offerings.prechecks_per_day",
            "offerings.precheck_detail",
            "tokens.method",
        ):
            table_name, _, name = column.partition(".")
            tx.execute(text(f'ALTER TABLE {table_name} DROP COLUMN "{name}"'))
        tx.execute(text("UPDATE alembic_version SET version_num = 'schema_1'"))
        tx.execute(text("ALTER TABLE submissions DROP COLUMN late_days"))
        waiting = []
        for priority in (Priority.BATCH, Priority.REGRADE, Priority.INTERACTIVE):
            waiting.append(QUEUE.enqueue(tx, submission, "toy", new.by, priority))
        tx.execute(update(table).values(turn=0))
    store.migrate()
    assert differences(store) == []
    assert [claim(store).grading for _ in range(3)] == waiting[::-1]
    store.close()


def test_a_question_has_one_open_request(store: Store, hand_in: HandIn, classroom: dict[str, Person]) -> None:
    ann, bob = classroom["ann"].id, classroom["bob"].id
    submission, _ = hand_in("ann")
    with store.write() as tx:
        record = submissions.get(tx, submission)
        assert record is not None
        first, second = (requests.ask(tx, record, "q1", ann, "Why?") for _ in range(2))
        other = requests.ask(tx, record, "q2", ann, "Why?")
        assert first
        assert (second, bool(other)) == (None, True)
        answers = [requests.answer(tx, first, text, bob, Points(1), Points("1.5")) for text in ("Yes.", "No.")]
        assert answers == [True, False]
        assert requests.ask(tx, record, "q1", ann, "Why?")
    with store.read() as tx:
        answered, *still_open = requests.of_submission(tx, record.id)
        assert (answered.answer, answered.answered_by, answered.new_points) == ("Yes.", "Bob", Points("1.5"))
        assert (answered.person.login, [request.answer for request in still_open]) == ("ann", [None, None])


def test_a_password_replaces_the_earlier_one(store: Store, classroom: dict[str, Person]) -> None:
    ann = classroom["ann"].id
    for hash in ("one", "two"):
        with store.write() as tx:
            passwords.put(tx, ann, hash)
    with store.read() as tx:
        stored = passwords.of_person(tx, ann)
        assert stored is not None
        assert stored.hash == "two"
        assert passwords.of_person(tx, classroom["bob"].id) is None


def test_nothing_is_claimed_twice(store: Store, hand_in: HandIn) -> None:
    handed_in = {hand_in("ann")[1] for _ in range(30)}
    begin = threading.Barrier(6)

    def work(_n: int) -> list[str]:
        begin.wait()
        mine = []
        while True:
            with store.write() as tx:
                leased = leases.claim(tx, "worker")
            if leased is None:
                return mine
            mine.append(leased.grading)

    with ThreadPoolExecutor(6) as pool:
        claimed = [id for ids in pool.map(work, range(6)) for id in ids]
    assert sorted(claimed) == sorted(handed_in)


def test_a_report_is_kept_with_its_checks(store: Store, hand_in: HandIn, reports: dict[str, Report]) -> None:
    submission, grading = hand_in("ann")
    assert finish(store, claim(store), reports["wrong"])
    with store.read() as tx:
        kept = gradings.of_submissions(tx, [submission])[submission]
        results = gradings.results_of(tx, [grading])[grading]
    assert kept.state is State.GRADED
    assert kept.counts
    assert (kept.points, kept.possible) == (Points(2), Points("5.5"))
    assert [(r.check, r.status) for r in results] == [
        ("q1.1.small", "passed"),
        ("q1.1.large", "passed"),
        ("q1.2.negative", "failed"),
    ]


def test_a_worker_without_the_lease_cannot_finish(store: Store, hand_in: HandIn, reports: dict[str, Report]) -> None:
    _, grading = hand_in("ann")
    stopped = claim(store)
    age(store, grading, dt.timedelta(seconds=1))
    with store.write() as tx:
        assert leases.recover(tx) == 1
    working = claim(store)
    with store.write() as tx:
        assert not leases.renew(tx, stopped)
    assert not finish(store, stopped, reports["wrong"])
    assert finish(store, working, reports["right"])
    assert not finish(store, working, reports["right"])  # exactly once
    with store.read() as tx:
        assert gradings.get(tx, grading).points == Points(4)  # type: ignore[union-attr]


def test_a_heartbeat_keeps_the_lease_and_only_until_the_deadline(store: Store, hand_in: HandIn) -> None:
    _, grading = hand_in("ann")
    leased = claim(store)
    age(store, grading, -dt.timedelta(seconds=1))
    with store.write() as tx:
        assert leases.renew(tx, leased)
        assert leases.recover(tx) == 0
        tx.execute(update(table).where(table.c.id == grading).values(deadline=now()))
        assert not leases.renew(tx, leased)
        assert leases.recover(tx) == 1


def test_internal_errors_are_tried_again_and_then_shown(store: Store, hand_in: HandIn) -> None:
    _, grading = hand_in("ann")
    states = []
    for _ in range(leases.MOST_FAILURES):
        leased = claim(store)
        with store.write() as tx:
            states.append(leases.fail(tx, leased, "the sandbox is gone"))
    assert states == [State.QUEUED, State.QUEUED, State.BROKEN]
    with store.write() as tx:
        assert gradings.get(tx, grading).why == "the sandbox is gone"  # type: ignore[union-attr]
        assert QUEUE.retry(tx, grading, "toy")
    assert claim(store).grading == grading


def test_what_ends_its_workers_again_and_again_is_set_aside(store: Store, hand_in: HandIn) -> None:
    _, grading = hand_in("ann")
    for _ in range(leases.MOST_STARTS):
        assert state(store, grading) is State.QUEUED
        claim(store)
        with store.write() as tx:
            leases.recover(tx, everything=True)
    assert state(store, grading) is State.BROKEN


def test_a_grading_that_ended_its_worker_is_queued_after_the_others(store: Store, hand_in: HandIn) -> None:
    _, first = hand_in("ann")
    _, second = hand_in("bob")
    for expected in (first, second, first, second):
        assert claim(store).grading == expected
        with store.write() as tx:
            leases.recover(tx, everything=True)


def test_a_released_grading_does_not_count_as_failed(store: Store, hand_in: HandIn) -> None:
    _, grading = hand_in("ann")
    for _ in range(leases.MOST_STARTS + 1):
        leased = claim(store)
        with store.write() as tx:
            assert leases.release(tx, leased)
    assert state(store, grading) is State.QUEUED


def test_a_cancelled_grading_is_not_graded(store: Store, hand_in: HandIn, reports: dict[str, Report]) -> None:
    _, grading = hand_in("ann")
    leased = claim(store)
    with store.write() as tx:
        assert queue.cancel(tx, grading)
        assert not queue.cancel(tx, grading)
    assert not finish(store, leased, reports["right"])
    assert state(store, grading) is State.CANCELLED


def test_a_resumed_grading_keeps_its_count_of_failures(store: Store, hand_in: HandIn) -> None:
    _, grading = hand_in("ann")
    with store.write() as tx:
        assert not queue.resume(tx, grading)
    for _ in range(leases.MOST_FAILURES - 1):
        leased = claim(store)
        with store.write() as tx:
            leases.fail(tx, leased, "the sandbox is gone")
    with store.write() as tx:
        queue.cancel_all(tx)
    assert state(store, grading) is State.CANCELLED
    with store.write() as tx:
        assert queue.resume(tx, grading)
    leased = claim(store)
    assert leased.grading == grading
    with store.write() as tx:
        assert leases.fail(tx, leased, "the sandbox is gone") is State.BROKEN


def test_cancelling_all_that_waits_leaves_what_runs(store: Store, hand_in: HandIn, reports: dict[str, Report]) -> None:
    running, waiting = hand_in("ann")[1], hand_in("bob")[1]
    leased = claim(store)
    with store.write() as tx:
        queue.cancel_all(tx)
    assert [state(store, id) for id in (running, waiting)] == [State.RUNNING, State.CANCELLED]
    assert finish(store, leased, reports["right"])


def test_a_newer_submission_takes_the_place_of_those_that_wait(store: Store, hand_in: HandIn) -> None:
    running, waiting = hand_in("ann")[1], hand_in("ann")[1]
    others = hand_in("bob")[1]
    claim(store)
    newest = hand_in("ann", supersede=True)[1]
    states = [state(store, id) for id in (running, waiting, others, newest)]
    assert states == [State.RUNNING, State.SUPERSEDED, State.QUEUED, State.QUEUED]


def test_equal_files_are_found_without_reading_all_submissions(store: Store, hand_in: HandIn) -> None:
    """Every job looks for them."""
    own, _ = hand_in("ann")
    queries: list[tuple[str, Any]] = []
    with store.read() as tx:
        event.listen(tx, "before_cursor_execute", lambda *of: queries.append((of[2], of[3])))
        assert gradings.equal_report(tx, own, LANE, "a seed") is None
        asked = tuple(queries)  # without the following ones
        explain = "EXPLAIN QUERY PLAN" if store.is_sqlite else "EXPLAIN"
        if not store.is_sqlite:
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")  # with so few rows, reading all would be faster
        plans = [tx.exec_driver_sql(f"{explain} {query}", parameters).all() for query, parameters in asked]
    assert "ix_submissions_digest" in str(plans)


def test_the_same_files_need_no_second_grading(store: Store, hand_in: HandIn, reports: dict[str, Report]) -> None:
    hand_in("ann")
    finish(store, claim(store), reports["right"])
    same, _ = hand_in("bob")
    other, _ = hand_in("bob", TOY_SOLUTION + "\n")
    precheck, _ = hand_in("bob", kind=Kind.PRECHECK)
    renamed, _ = hand_in("bob", name="bob.py")
    seed = reports["right"].seed
    with store.read() as tx:
        assert gradings.equal_report(tx, same, LANE, seed) is not None
        assert gradings.equal_report(tx, other, LANE, seed) is None
        assert gradings.equal_report(tx, precheck, LANE, seed) is None
        assert gradings.equal_report(tx, renamed, LANE, seed) is None  # its report names the file
        assert gradings.equal_report(tx, same, "another key", seed) is None
        assert gradings.equal_report(tx, same, LANE, seed, {"only": "q1.1"}) is None
        assert gradings.equal_report(tx, same, LANE, "another seed") is None


def test_a_regrade_grades_each_file_again_and_equal_files_once(
    store: Store, hand_in: HandIn, reports: dict[str, Report], classroom: dict[str, Person]
) -> None:
    seed = reports["right"].seed
    for login in ("ann", "bob"):
        hand_in(login)
        finish(store, claim(store), reports["right"])
    id = start(store, Which.LATEST, classroom)
    anns, bobs = claim(store), claim(store)
    with store.read() as tx:
        assert gradings.equal_report(tx, anns.submission, LANE, seed, regrade=anns.regrade) is None
    finish(store, anns, reports["wrong"])
    with store.read() as tx:
        assert gradings.equal_report(tx, bobs.submission, LANE, seed, regrade=bobs.regrade) is not None
        assert [change.varies for change in regrades.changes(tx, id)] == [True, False]  # the second is not graded yet
    finish(store, bobs, reports["wrong"])
    later, _ = hand_in("cleo")
    with store.write() as tx:
        before = gradings.equal_report(tx, later, LANE, seed)
        regrades.apply(tx, id)
        after = gradings.equal_report(tx, later, LANE, seed)
    assert (points(before), points(after)) == (Points(4), Points(2))  # a lucky report is not handed on


def points(report: str | None) -> Points:
    loaded = as_json.loads(report or "")
    return loaded.points


# ── regrades and marks ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def graded(store: Store, hand_in: HandIn, reports: dict[str, Report]) -> dict[str, str]:
    """Ann has handed in a right one and then a wrong one, Bob a wrong one."""
    ids = {}
    for name, login, report in (("old", "ann", "right"), ("new", "ann", "wrong"), ("bobs", "bob", "wrong")):
        ids[name], _ = hand_in(login)
        finish(store, claim(store), reports[report])
    return ids


def start(store: Store, which: Which, classroom: dict[str, Person]) -> str:
    with store.write() as tx:
        ids = regrades.chosen(tx, "ml", "toy", which)
        id = regrades.start(tx, "ml", "toy", which, classroom["staff"].id, ids)
    regrades.enqueue_pending(store, QUEUE)
    return id


@pytest.mark.parametrize(("which", "names"), [("latest", "new bobs"), ("best", "old bobs"), ("all", "old new bobs")])
def test_a_regrade_runs_over_the_submissions_that_were_asked_for(
    which: str, names: str, store: Store, graded: dict[str, str]
) -> None:
    with store.read() as tx:
        assert sorted(regrades.chosen(tx, "ml", "toy", Which(which))) == sorted(graded[n] for n in names.split())


def test_a_regrade_changes_nothing_until_it_is_applied(
    store: Store, graded: dict[str, str], classroom: dict[str, Person], reports: dict[str, Report]
) -> None:
    id = start(store, Which.LATEST, classroom)
    with store.write() as tx:
        assert not regrades.apply(tx, id)  # it still runs
    for _ in range(2):
        finish(store, claim(store), reports["right"])
    with store.read() as tx:
        changes = regrades.changes(tx, id)
        before = gradings.of_submissions(tx, [graded["new"]])[graded["new"]]
    assert before.points == Points(2)
    assert [
        (c.submission, c.after.points - c.before.points, [change.check for change in c.checks if change.after])
        for c in changes
    ] == [
        (graded["new"], Points(2), ["q1.2.negative"]),
        (graded["bobs"], Points(2), ["q1.2.negative"]),
    ]
    with store.write() as tx:
        assert regrades.apply(tx, id)
        assert not regrades.discard(tx, id)
        after = gradings.of_submissions(tx, [graded["new"]])[graded["new"]]
        assert after.points == Points(4)
        assert len(gradings.of_submission(tx, graded["new"])) == 2  # the old one stays
        assert regrades.get(tx, id).state is RegradeState.APPLIED  # type: ignore[union-attr]


def test_a_regrade_that_is_not_queued_yet_is_not_applied(
    store: Store, graded: dict[str, str], classroom: dict[str, Person]
) -> None:
    with store.write() as tx:
        id = regrades.start(tx, "ml", "toy", Which.ALL, classroom["staff"].id, sorted(graded.values()))
        assert not regrades.apply(tx, id)
        assert regrades.get(tx, id).progress == {State.QUEUED: 3}  # type: ignore[union-attr]
        assert regrades.discard(tx, id)
    regrades.enqueue_pending(store, QUEUE)
    with store.read() as tx:
        assert gradings.of_regrade(tx, id) == []


def test_what_was_broken_and_is_tried_again_does_not_replace_an_applied_regrade(
    store: Store, hand_in: HandIn, classroom: dict[str, Person], reports: dict[str, Report]
) -> None:
    submission, grading = hand_in("ann")
    for _ in range(leases.MOST_FAILURES):
        leased = claim(store)
        with store.write() as tx:
            leases.fail(tx, leased, "ours")
    id = start(store, Which.LATEST, classroom)
    finish(store, claim(store), reports["right"])
    with store.write() as tx:
        regrades.apply(tx, id)
        QUEUE.retry(tx, grading, "toy")
    assert finish(store, claim(store), reports["wrong"])
    with store.read() as tx:
        assert gradings.of_submissions(tx, [submission])[submission].points == Points(4)


@pytest.mark.parametrize("which", [Which.LATEST, Which.BEST, Which.ALL])
def test_a_regrade_leaves_out_what_was_cancelled_or_superseded(
    which: Which, store: Store, graded: dict[str, str], hand_in: HandIn
) -> None:
    _, cancelled = hand_in("bob")
    with store.write() as tx:
        queue.cancel(tx, cancelled)
    hand_in("ann")
    newest, _ = hand_in("ann", supersede=True)
    with store.read() as tx:
        chosen = regrades.chosen(tx, "ml", "toy", which)
    assert set(chosen) - {newest} <= set(graded.values())


def test_a_submission_that_was_cancelled_after_the_start_of_a_regrade_gets_no_points(
    store: Store, hand_in: HandIn, classroom: dict[str, Person], reports: dict[str, Report]
) -> None:
    submission, grading = hand_in("ann")
    for which, points in ((Which.LATEST, None), (Which.ONE, Points(4))):
        with store.write() as tx:
            id = regrades.start(tx, "ml", "toy", which, classroom["staff"].id, [submission])
            queue.cancel(tx, grading)
        regrades.enqueue_pending(store, QUEUE)
        finish(store, claim(store), reports["right"])
        with store.write() as tx:
            assert regrades.apply(tx, id)
            after = gradings.of_submissions(tx, [submission])[submission]
        assert after.points == points


def test_an_older_regrade_does_not_replace_a_newer_one(
    store: Store, graded: dict[str, str], classroom: dict[str, Person], reports: dict[str, Report]
) -> None:
    older = start(store, Which.LATEST, classroom)
    for _ in range(2):
        finish(store, claim(store), reports["wrong"])
    newer = start(store, Which.LATEST, classroom)
    for _ in range(2):
        finish(store, claim(store), reports["right"])
    with store.write() as tx:
        assert regrades.apply(tx, newer)
        assert not regrades.apply(tx, older)
        assert gradings.of_submissions(tx, [graded["new"]])[graded["new"]].points == Points(4)
        assert regrades.discard(tx, older)


def test_a_regrade_of_many_takes_a_few_statements_while_others_wait_for_the_database(
    store: Store, hand_in: HandIn, classroom: dict[str, Person]
) -> None:
    anns, bobs = [hand_in("ann")[0] for _ in range(30)], [hand_in("bob")[0] for _ in range(30)]
    statements: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    id = start(store, Which.ALL, classroom)
    assert len(statements) <= 15
    with store.read() as tx:
        gradings_of_regrade = select(table.c.submission).filter_by(regrade=id).order_by(*queue.START_ORDER)
        order = list(tx.scalars(gradings_of_regrade))
    assert order == [submission for pair in zip(anns, bobs, strict=True) for submission in pair]


def test_a_regrade_that_is_discarded_ends(
    store: Store, graded: dict[str, str], classroom: dict[str, Person], reports: dict[str, Report]
) -> None:
    id = start(store, Which.ALL, classroom)
    finish(store, claim(store), reports["right"])
    with store.write() as tx:
        assert regrades.discard(tx, id)
        assert regrades.get(tx, id).progress == {State.GRADED: 1, State.CANCELLED: 2}
        assert leases.claim(tx, "worker") is None
        assert gradings.of_submissions(tx, [graded["bobs"]])[graded["bobs"]].points == Points(2)


def test_points_that_no_gradebook_could_print_are_refused(
    store: Store, graded: dict[str, str], classroom: dict[str, Person]
) -> None:
    with pytest.raises(BadCall, match="1/100"), store.write() as tx:
        marks.put(tx, graded["bobs"], "q1.1.written", Points(1, 3), "", classroom["staff"].id)


# ── workers ──────────────────────────────────────────────────────────────────────────────────────────

SOON = dt.timedelta(seconds=30)


def test_a_worker_is_alive_until_it_leaves_or_is_silent_for_too_long(store: Store) -> None:
    first, second, dead = (Worker(name, (LANE,), 3, "bubblewrap", now()) for name in ("a:1", "b:1", "c:1"))
    with store.write() as tx:
        workers.beat(tx, first, SOON)
        workers.beat(tx, second, SOON)
        workers.beat(tx, dead, -SOON)
        workers.beat(tx, first, SOON)
    with store.read() as tx:
        assert workers.live(tx) == [first, second]
    with store.write() as tx:
        workers.leave(tx, first.name)
    with store.read() as tx:
        assert workers.live(tx) == [second]


def test_what_waits_where_no_live_worker_takes_from_is_shown_with_the_reason(store: Store, hand_in: HandIn) -> None:
    hand_in("ann")
    hand_in("bob")
    other = Worker("a:1", ("grader 2, toy 2, numpy 3",), 3, "bubblewrap", now())
    with store.write() as tx:
        workers.beat(tx, other, SOON)
    with store.read() as tx:
        (found,) = workers.unserved(tx)
    assert (found.compatibility_key, found.gradings) == (LANE, 2)
    assert LANE in found.why
    for keys in ((LANE,), ()):  # its own, or whatever there is
        with store.write() as tx:
            workers.leave(tx)
            workers.beat(tx, Worker("b:1", keys, 3, "bubblewrap", now()), SOON)
        with store.read() as tx:
            assert workers.unserved(tx) == []


def test_a_database_that_lies_in_no_folder_is_an_internal_error(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        Store(f"sqlite:///{tmp_path}/gone/grader.db").migrate()


def test_a_query_takes_more_ids_than_it_may_have_parameters(store: Store, hand_in: HandIn) -> None:
    id, grading = hand_in("ann")
    ids = [id, *(f"unknown {number}" for number in range(70_000))]
    with store.read() as tx:
        assert set(submissions.authors_of(tx, ids)) == {id}
        assert gradings.of_submissions(tx, ids)[id].id == grading


def test_senders_at_once_claim_a_message_once_and_a_release_is_one_message(
    store: Store, hand_in: HandIn, classroom: dict[str, Person]
) -> None:
    ann = classroom["ann"].id
    first, second = (hand_in("ann")[0] for _ in range(2))
    with store.write() as tx:
        installation.put_channels(tx, ["webhook"])
        for event in (EventKind.RECEIVED, EventKind.RELEASED):
            for submission in (first, second):
                outbox.tell(tx, event, "ml", "toy", {submission: [ann]})
    with ThreadPoolExecutor(8) as senders:
        claims = list(senders.map(lambda _: outbox.claim(store, Channel.WEBHOOK), range(16)))
    claimed = [message for message in claims if message]
    assert len({message.id for message in claimed}) == len(claimed) == 3
    assert sorted(message.event for message in claimed) == ["received", "received", "released"]
    with store.write() as tx:
        adjustments.put_hold(tx, "ml", "toy", ann, held=True)
        outbox.tell(tx, EventKind.GRADED, "ml", "toy", {first: [ann]})
    assert outbox.claim(store, Channel.WEBHOOK) is None
    with store.write() as tx:
        adjustments.put_hold(tx, "ml", "toy", ann, held=None)
    graded = outbox.claim(store, Channel.WEBHOOK)
    assert graded
    outbox.remove(store, graded)
    outbox.postpone(store, claimed[0])
    with store.read() as tx:
        assert outbox.lengths(tx) == {"waiting": 3, "given_up": 0}
