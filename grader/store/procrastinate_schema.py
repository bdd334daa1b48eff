"""Migrate Procrastinate's tables in a PostgreSQL database to the installed version of Procrastinate.

Procrastinate ships a schema and migrations. The table `queue_migrations` lists those that have run.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, text

from grader.errors import BadCall

MISSING = "PostgreSQL needs psycopg and procrastinate: make setup installs them, or pip install '.[postgres]'"
PROCRASTINATE_TABLES = ("procrastinate_", "queue_migrations")
"""Prefixes of the names of Procrastinate's tables and of `queue_migrations`."""


def migrate(engine: Engine) -> None:
    """Create Procrastinate's tables, or run the migrations that have not run yet.

    Raises:
        BadCall: If Procrastinate is not installed.
    """
    try:
        from procrastinate.schema import SchemaManager, migrations_path
    except ModuleNotFoundError:
        raise BadCall(MISSING) from None

    with engine.begin() as lock:
        lock.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('grader queue migrations'))")
        with engine.begin() as tx:
            tx.exec_driver_sql("CREATE TABLE IF NOT EXISTS queue_migrations (name text PRIMARY KEY)")
            finished = set(tx.exec_driver_sql("SELECT name FROM queue_migrations").scalars())
        missing = sorted(path for path in migrations_path.glob("*.sql") if path.name not in finished)
        if not finished:
            with engine.begin() as tx:
                _run(tx, SchemaManager.get_schema(), missing)
            return
        for path in missing:  # one transaction each: a migration may need its predecessor to be committed
            with engine.begin() as tx:
                _run(tx, path.read_text("utf-8"), [path])


def _run(tx: Connection, script: str, for_which: list[Path]) -> None:
    """Run a script of SQL, and record the migrations that it contains. The driver reads % as the start of a parameter,
    so it is doubled."""
    tx.exec_driver_sql(script.replace("%", "%%"))
    tx.execute(text("INSERT INTO queue_migrations VALUES (:name)"), [{"name": path.name} for path in for_which])
