"""What the pages of a course cost does not grow with the number of its students."""

from __future__ import annotations

import pytest

from grader.store import people, submissions
from grader.store.database import Store, Tx
from tests.benchmarks.course import ASSIGNMENTS, MOST_QUERIES, PAGES, queries_of, served

FEW, MANY = 3, 30


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[dict[str, int], int]]:
    """Number of students → the queries of each page, and the steps of `steps_of_newest`."""
    costs = {}
    for students in (FEW, MANY):
        with served(tmp_path_factory.mktemp("course"), students) as (client, store):
            queries = {name: queries_of(client, store, path) for name, path in PAGES.items()}
            costs[students] = queries, steps_of_newest(store)
    return costs


def steps_of_newest(store: Store) -> int:
    """The steps that SQLite takes to find the newest submissions of three people."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with store.read() as tx:
        persons = [member.person.id for member in people.roster(tx, "ml", text="student", limit=FEW)]
        assignments = [f"toy{number}" for number in range(ASSIGNMENTS)]
        set_progress_handler(tx, count)
        newest = submissions.newest_of_each(tx, "ml", assignments, persons)
        set_progress_handler(tx, None)
    assert len(newest) == FEW * ASSIGNMENTS
    return steps


def set_progress_handler(tx: Tx, handler: object) -> None:
    connection = tx.connection.driver_connection
    assert connection is not None
    connection.set_progress_handler(handler, 10)


def test_each_page_needs_few_queries_and_no_more_for_more_students(
    costs: dict[int, tuple[dict[str, int], int]],
) -> None:
    few, _ = costs[FEW]
    many, _ = costs[MANY]
    assert few == many
    assert max(many.values()) <= MOST_QUERIES, many


def test_the_submissions_of_a_page_are_found_without_those_of_other_students(
    costs: dict[int, tuple[dict[str, int], int]],
) -> None:
    _, few = costs[FEW]
    _, many = costs[MANY]
    assert many < 1.5 * few
