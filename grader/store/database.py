"""A database and its transactions: `with store.read() as tx`, `with store.write() as tx`."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import fields
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, Select, UpdateBase, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from grader.errors import BadCall, StoreUnavailable
from grader.store import procrastinate_schema
from grader.store.recording import Author, before_cursor_execute, recorded
from grader.store.records import new_id
from grader.store.scored import dialect
from grader.store.sqlite_file import LOCK_SECONDS, DatabaseFile

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_READ_ONLY_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
"""Names of SQLite's errors for a file with wrong contents."""
_KEEPALIVES = {  # a lost server is noticed after 20 seconds, not after TCP's two hours
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "20000",
}


class Store:
    """A database. Threads may share it; every transaction has a separate connection."""

    def __init__(self, url: str) -> None:
        """Open a database.

        Args:
            url: `sqlite:////path/to/grader.db` or `postgresql://…`.

        Raises:
            BadCall: If the URL has another form.
        """
        self.url = _with_driver(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._file = DatabaseFile(Path(str(self.url.database)).absolute()) if self.is_sqlite else None
        self._engine = _sqlite(self.url, self._file) if self._file else _postgresql(self.url)
        event.listen(self._engine, "before_cursor_execute", before_cursor_execute)
        self._reading = self._engine if self.is_sqlite else self._engine.execution_options(**_READ_ONLY_SNAPSHOT)
        self._immediate = self._engine.execution_options(begins="IMMEDIATE")
        # SQLite has one writer, and picks the next one among waiting writers at random. So writers queue on one lock.
        self._writing: AbstractContextManager[Any] = threading.Lock() if self.is_sqlite else nullcontext()

    @property
    def conninfo(self) -> str:
        """The URL of the PostgreSQL database without SQLAlchemy's driver name, for psycopg and Procrastinate."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Begin a read-only transaction, which sees a snapshot of the database."""
        with _failures_reported(), self._connect(self._reading) as connection, connection.begin():
            yield connection.execution_options(remembered={})

    @contextmanager
    def separate_connection(self) -> Iterator[Connection]:
        """Open a connection outside the pool, in autocommit mode."""
        engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        with _failures_reported(), self._connect(engine) as connection:
            connection.detach()
            yield connection

    @contextmanager
    def write(self, author: Author | None = None) -> Iterator[Connection]:
        """Begin a transaction that writes. Commit it to disk at the end of the block; roll it back on an exception.

        Args:
            author: The author, for whom the changes are recorded in the audit; None if they are not recorded, because
                they are grading, login, or housekeeping.
        """
        with (
            self._writing,
            _failures_reported(),
            self._connect(self._immediate) as connection,
            connection.begin(),
            recorded(connection, author),
        ):
            yield connection

    def _connect(self, engine: Engine) -> Connection:
        """Return a connection. Raise `StoreUnavailable` if SQLite's file is missing or has been replaced."""
        if self._file is not None:
            self._file.check()
        return engine.connect()

    def migrate(self) -> bool:
        """Migrate the schema to this version of the grader. Create SQLite's file if there is none.

        Returns:
            True if this call created the file.

        Raises:
            BadCall: If the database was made by an unreleased or a newer version of the grader.
            StoreUnavailable: If the database cannot be used.
        """
        is_new = False
        with _failures_reported():
            if self._file is None:
                procrastinate_schema.migrate(self._engine)
            else:
                is_new = self._file.create()
            try:
                command.upgrade(self._alembic(), "head")
            except CommandError as unknown_revision:
                raise BadCall(
                    "the database was made by an unreleased or a newer version of the grader: use that version, or "
                    f"another folder or database ({unknown_revision})"
                ) from None
            self.checkpoint()
        return is_new

    def checkpoint(self) -> None:
        """Copy SQLite's write-ahead log into the database file, without waiting for readers. No-op for PostgreSQL."""
        if self._file is None:
            return
        with _failures_reported(), closing(self._file.connect()) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def vacuum(self) -> None:
        """Remove the remains of deleted rows from SQLite's file and its write-ahead log. No-op for PostgreSQL, which
        does so itself.

        Raises:
            StoreUnavailable: If a reader does not let go of the log within `LOCK_SECONDS`.
        """
        if self._file is None:
            return
        with self._writing, _failures_reported(), closing(self._file.connect()) as connection:
            connection.execute("VACUUM")
            is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise StoreUnavailable("the database is in use, so that its log still has what was deleted")

    def _alembic(self) -> Config:
        """Return the configuration of Alembic, whose migrations use this store's connections."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["engine"] = self._engine
        return config

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


Tx = Connection
"""An open transaction. Other packages only pass it on to functions of the store."""
AnyRow = sa.Row[*tuple[Any, ...]]
R = TypeVar("R", bound="DataclassInstance")
K = TypeVar("K")
V = TypeVar("V")
P = ParamSpec("P")


def remembered(query: Callable[Concatenate[Tx, P], V]) -> Callable[Concatenate[Tx, P], V]:
    """Let a function query the database once for arguments with the same `repr` in each read-only transaction, since
    that sees a snapshot. Callers may not change the result."""

    @wraps(query)
    def lookup(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> V:
        results = tx.get_execution_options().get("remembered")
        if results is None:  # the transaction writes
            return query(tx, *args, **kwargs)
        key = query, repr((args, kwargs))
        if key not in results:
            results[key] = query(tx, *args, **kwargs)
        value: V = results[key]
        return value

    return lookup


def one_at_a_time(tx: Tx, lock: str) -> None:
    """Acquire the lock with this name, and hold it until the transaction ends. No-op for SQLite, which has one
    writer."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:lock))"), {"lock": f"grader {lock}"})


def next_id(tx: Tx, table: sa.Table) -> str:
    """Return an id for a new row that is greater than all ids in the table. So the order of ids is the order of
    insertion, whatever the clock says."""
    newest = tx.scalar(sa.select(sa.func.max(table.c.id)))
    return new_id(after=newest or "")


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────


def insert_new(tx: Tx, table: sa.Table, row: Mapping[str, Any]) -> bool:
    """Insert a row. Return False if a row with the same key exists already."""
    insertion = dialect(tx).insert(table).values(row)
    insertion = insertion.on_conflict_do_nothing().returning(*table.primary_key)
    return tx.execute(insertion).first() is not None


def insert_all_new(tx: Tx, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, except those whose key exists already."""
    if rows:
        tx.execute(dialect(tx).insert(table).on_conflict_do_nothing(), rows)


def upsert(tx: Tx, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Insert a row, or update the row with the same primary key."""
    insertion = dialect(tx).insert(table).values(row)
    key = list(table.primary_key)
    tx.execute(insertion.on_conflict_do_update(index_elements=key, set_=dict(row)))


def change(tx: Tx, statement: UpdateBase) -> int:
    """Update or delete rows. Return the number of these rows."""
    return tx.execute(statement).rowcount


def fetch(tx: Tx, query: sa.Executable, kind: type[R]) -> list[R]:
    """Return the rows of a query as objects of the dataclass `kind`."""
    return [record_of(row, kind) for row in tx.execute(query)]


def fetch_one(tx: Tx, query: Select[*tuple[Any, ...]], kind: type[R]) -> R | None:
    """Return the only row of a query as an object of the dataclass `kind`; None if there is no row."""
    row = tx.execute(query).one_or_none()
    return None if row is None else record_of(row, kind)


def fetch_pairs(tx: Tx, query: Select[K, V]) -> dict[K, V]:
    """Return first column → second column, for each row of a query."""
    return {key: value for key, value in tx.execute(query)}


def record_of(row: AnyRow, kind: type[R], **computed: Any) -> R:
    """Convert a row to the dataclass `kind`. Fields that are not in `computed` get the values of the columns of the
    same name."""
    values = dict(computed)
    for name in _field_names(kind):
        if name not in computed:
            values[name] = getattr(row, name)
    return kind(**values)


def among(tx: Tx, column: sa.ColumnElement[str], values: Iterable[str]) -> sa.ColumnElement[bool]:
    """Return the SQL condition that a column has one of these values. There may be more values than a query may have
    parameters."""
    listed = list(values)
    if tx.dialect.name == "sqlite":
        each = sa.func.json_each(json.dumps(listed)).table_valued("value")
        return column.in_(sa.select(each.c.value))
    return column == sa.any_(sa.literal(listed, postgresql.ARRAY(sa.String)))


@cache
def _field_names(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of a dataclass's fields. Asking for them takes longer than converting a row."""
    return tuple(field.name for field in fields(kind))


def now() -> dt.datetime:
    """Return the current time in UTC."""
    return dt.datetime.now(dt.UTC)


def _with_driver(url: str) -> sa.URL:
    """Return the URL of a database with SQLAlchemy's name of the driver. PostgreSQL connections get `_KEEPALIVES`,
    unless the URL sets them."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        parsed = sa.make_url("none:")
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+pysqlite")
        case "postgresql" | "postgres":
            query = _KEEPALIVES | dict(parsed.query)
            return parsed.set(drivername="postgresql+psycopg", query=query)
    raise BadCall("GRADER_DATABASE_URL must be postgresql://user:password@host/name or sqlite:////path/to/file")


def _sqlite(url: sa.URL, file: DatabaseFile) -> Engine:
    """Return an engine for SQLite. Its transactions begin with BEGIN DEFERRED, or with BEGIN IMMEDIATE if the
    connection's option `begins` says so."""
    # The driver is in autocommit mode, and every BEGIN is explicit. The driver's own BEGIN is deferred, and a deferred
    # transaction cannot write if another transaction has written since its first read.
    engine = sa.create_engine(url, creator=file.connect)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(f"BEGIN {options.get('begins', 'DEFERRED')}")

    return engine


def _postgresql(url: sa.URL) -> Engine:
    """Return an engine for PostgreSQL. Each connection is tested before use, and waits at most `LOCK_SECONDS` for a
    lock."""
    try:
        return sa.create_engine(
            url,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=20,
            pool_timeout=LOCK_SECONDS,
            connect_args={"options": f"-c timezone=utc -c lock_timeout={LOCK_SECONDS}s"},
        )
    except ModuleNotFoundError:
        raise BadCall(procrastinate_schema.MISSING) from None


@contextmanager
def _failures_reported() -> Iterator[None]:
    """Raise `StoreUnavailable` for errors that mean that the database is missing, full, locked or damaged."""
    try:
        yield
    except (sqlite3.OperationalError, sa.exc.OperationalError, sa.exc.InterfaceError, PoolTimeout) as gone:
        raise StoreUnavailable(f"the database cannot be used: {_first_line(gone)}") from gone
    except DBAPIError as wrong:
        if wrong.connection_invalidated:
            raise StoreUnavailable(f"the connection to the database was lost: {_first_line(wrong)}") from wrong
        if getattr(wrong.orig, "sqlite_errorname", "").startswith(_DAMAGED):
            raise StoreUnavailable(f"the database is damaged, restore a copy: {_first_line(wrong)}") from wrong
        raise


def _first_line(error: Exception) -> str:
    """Return the first line of the message of the database driver."""
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0]
