"""Alembic's environment script. `grader.store.database` passes the engine; there is no alembic.ini."""

from __future__ import annotations

from alembic import context

from grader.store.tables import metadata

engine = context.config.attributes["engine"]
# SQLite can roll back schema changes too, though Alembic assumes otherwise: a killed migration leaves nothing behind.
with engine.execution_options(begins="IMMEDIATE").connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":  # several replicas may start at the same time
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('grader migrations'))")
        context.run_migrations()
