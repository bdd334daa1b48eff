"""The schema that a database has, beside the one that the code knows."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from grader.store.database import Store
from grader.store.procrastinate_schema import PROCRASTINATE_TABLES
from grader.store.tables import metadata


def differences(store: Store) -> list[Any]:
    """As Alembic lists them; Procrastinate's tables aside."""
    with store.read() as tx:
        context = MigrationContext.configure(tx, opts={"include_name": _is_in_schema})
        return list(compare_metadata(context, metadata))


def _is_in_schema(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or not str(name).startswith(PROCRASTINATE_TABLES)
