"""Every database, for one contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
