"""Every database, for one contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command

from grader.store import ticket_schema
from grader.store.database import Store
from tests.postgres import Cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database with the schema of this version."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/grader.db"
        _migrate(url)
        yield url
    else:
        yield request.getfixturevalue("migrated_postgres_url")


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = Store(database)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A new database without tables."""
    is_sqlite = request.param == "sqlite"
    store = Store(f"sqlite:///{tmp_path}/empty.db" if is_sqlite else request.getfixturevalue("postgres_url"))
    yield store
    store.close()


def migrate_to(store: Store, revision: str) -> None:
    """Migrate an empty database to an earlier revision of the schema."""
    if store._file:
        store._file.make()
        store._file.mark()
    else:
        ticket_schema.migrate(store._engine)
    command.upgrade(store._alembic(), revision)


@pytest.fixture
def migrated_postgres_url(postgres: Cluster, migrated: str) -> Iterator[str]:
    with postgres.database(template=migrated) as url:
        yield url


@pytest.fixture(scope="session")
def migrated(postgres: Cluster) -> Iterator[str]:
    """A PostgreSQL database with the schema, of which tests get copies: migrating takes ten times as long."""
    with postgres.database() as url:
        _migrate(url)
        yield postgres.name(url)


def _migrate(url: str) -> None:
    store = Store(url)
    store.migrate()
    store.close()
