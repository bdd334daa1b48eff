"""Tickets: whatever becomes of a grading, it has one exactly while it waits. PostgreSQL with Procrastinate's tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import psycopg
import pytest
from procrastinate.schema import migrations_path

from grader.intake.receive import receive
from grader.store import leases, offerings, people, procrastinate_jobs, queue, submissions
from grader.store.database import Store, Tx
from grader.store.queue import StoreQueue
from grader.store.records import Course, Kind, Leased, Offering, Priority
from grader.store.submissions import NewSubmission
from tests.conftest import TOY_SOLUTION

LANE = "grader 1, toy 2, numpy 3, Größe"
QUEUE = StoreQueue({"toy": LANE})
LEASE = dt.timedelta(seconds=30)


@pytest.fixture
def store(migrated_postgres_url: str) -> Iterator[Store]:
    store = Store(migrated_postgres_url)
    with store.write() as tx:
        people.add_course(tx, Course("ml", "Machine learning"))
        offerings.put_offering(tx, Offering("ml", "toy"))
    yield store
    store.close()


@pytest.fixture
def database(store: Store) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(store.conninfo, autocommit=True) as connection:
        yield connection


def hand_in(tx: Tx, login: str = "ann", priority: Priority = Priority.INTERACTIVE) -> str:
    who, content = people.put_person(tx, login, login).id, TOY_SOLUTION.encode()
    digest = receive("mlp.py", content, "mlp.py").digest
    new = NewSubmission("ml", "toy", Kind.SUBMISSION, "api", digest, who, (who,), (("mlp.py", content),))
    return QUEUE.enqueue(tx, submissions.add(tx, new), "toy", who, priority)


def waiting(database: psycopg.Connection[tuple[object, ...]]) -> list[object]:
    """The gradings for which there are tickets, in the order in which workers get them."""
    rows = database.execute(
        "SELECT args->>'grading' FROM procrastinate_jobs WHERE status = 'todo' ORDER BY priority DESC, id"
    )
    return [grading for (grading,) in rows]


def take(store: Store, grading: str) -> Leased:
    with store.write() as tx:
        leased = leases.take(tx, grading, "worker")
    assert leased is not None
    return leased


def test_a_grading_has_a_ticket_exactly_while_it_waits(
    store: Store, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    with store.write() as tx:
        grading = hand_in(tx)
        assert waiting(database) == []  # not before it is kept
    assert waiting(database) == [grading]
    leased = take(store, grading)
    assert waiting(database) == []
    with store.write() as tx:
        leases.fail(tx, leased, "a test")
    assert waiting(database) == [grading]
    leased = take(store, grading)
    with store.write() as tx:
        leases.release(tx, leased)
    assert waiting(database) == [grading]
    take(store, grading)
    with store.write() as tx:
        leases.recover(tx, everything=True)
    assert waiting(database) == [grading]
    with store.write() as tx:
        queue.cancel(tx, grading)
    assert waiting(database) == []


def test_tickets_come_in_the_order_of_the_queue(store: Store, database: psycopg.Connection[tuple[object, ...]]) -> None:
    with store.write() as tx:
        batch = hand_in(tx, "cleo", Priority.BATCH)
        first, second, third = hand_in(tx, "ann"), hand_in(tx, "ann"), hand_in(tx, "bob")
        quick = hand_in(tx, "ann", Priority.PRECHECK)
    assert waiting(database) == [first, third, second, quick, batch]


def test_workers_look_for_tickets_where_the_database_puts_them(
    store: Store, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    with store.write() as tx:
        hand_in(tx, priority=Priority.PRECHECK)
        hand_in(tx)
    found = database.execute("SELECT DISTINCT queue_name, task_name FROM procrastinate_jobs").fetchall()
    queues = {procrastinate_jobs.queue_of(LANE, prechecks=True), procrastinate_jobs.queue_of(LANE, prechecks=False)}
    assert set(found) == {(queue, procrastinate_jobs.TASK) for queue in queues}


def test_a_sweep_makes_lost_tickets_and_drops_those_of_dead_workers(
    store: Store, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    with store.write() as tx:
        lost, held, kept = hand_in(tx, "ann"), hand_in(tx, "bob"), hand_in(tx, "cleo")
    database.execute("DELETE FROM procrastinate_jobs WHERE queueing_lock = %s", [lost])
    database.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE queueing_lock = %s", [held])
    with store.write() as tx:
        procrastinate_jobs.sweep(tx, LEASE)
    assert set(waiting(database)) == {lost, held, kept}
    assert database.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (3,)


def test_a_sweep_leaves_alone_what_a_live_worker_holds(
    store: Store, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    with store.write() as tx:
        grading = hand_in(tx)
    take(store, grading)
    database.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    database.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id)"
        " SELECT 'q', 'grade', 'doing', id FROM procrastinate_workers"
    )
    with store.write() as tx:
        assert procrastinate_jobs.sweep(tx, LEASE) == 0
    assert database.execute("SELECT status FROM procrastinate_jobs").fetchall() == [("doing",)]


def test_a_database_of_an_older_procrastinate_is_brought_to_this_one(postgres_url: str, store: Store) -> None:
    scripts = sorted(migrations_path.glob("*.sql"))
    older = scripts[: len(scripts) - 6]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE queue_migrations (name text PRIMARY KEY)")
        for script in older:
            connection.execute(script.read_text("utf-8"))  # type: ignore[call-overload]
            connection.execute("INSERT INTO queue_migrations VALUES (%s)", [script.name])
    upgraded = Store(postgres_url)
    upgraded.migrate()
    upgraded.close()
    assert _schema(postgres_url) == _schema(store.conninfo)


def _schema(url: str) -> set[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT proname, prosrc FROM pg_proc WHERE proname ~ '^(procrastinate|grader)_'"
            " UNION SELECT table_name, column_name || data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' UNION SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public'"
            " UNION SELECT 'migration', name FROM queue_migrations"
        )
        return set(found.fetchall())
