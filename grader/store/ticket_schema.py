"""What Procrastinate keeps in a PostgreSQL database, brought to the version of it that is installed.

It ships its schema, and migrations between its versions, and keeps no record of which have been run: so we do.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, text

from grader.errors import BadCall

MISSING = "PostgreSQL needs psycopg and procrastinate: make setup installs them, or pip install '.[postgres]'"
NOT_OURS = ("procrastinate_", "queue_migrations")
"""How the names of the tables begin that are no tables of ours."""


def migrate(engine: Engine) -> None:
    """Raises `BadCall` where Procrastinate is not installed."""
    try:
        from procrastinate.schema import SchemaManager, migrations_path
    except ModuleNotFoundError:
        raise BadCall(MISSING) from None

    with engine.begin() as alone:
        alone.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('grader queue migrations'))")
        with engine.begin() as tx:
            tx.exec_driver_sql("CREATE TABLE IF NOT EXISTS queue_migrations (name text PRIMARY KEY)")
            done = set(tx.exec_driver_sql("SELECT name FROM queue_migrations").scalars())
        missing = sorted(path for path in migrations_path.glob("*.sql") if path.name not in done)
        if not done:
            with engine.begin() as tx:
                _run(tx, SchemaManager.get_schema(), missing)
            return
        for path in missing:  # each on its own: one may need what another has committed
            with engine.begin() as tx:
                _run(tx, path.read_text("utf-8"), [path])


def _run(tx: Connection, script: str, for_which: list[Path]) -> None:
    tx.exec_driver_sql(script.replace("%", "%%"))
    tx.execute(text("INSERT INTO queue_migrations VALUES (:name)"), [{"name": path.name} for path in for_which])
