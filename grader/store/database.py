"""A database and its transactions: `with store.read() as tx`, `with store.write() as tx`."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from grader.errors import BadCall, StoreUnavailable
from grader.store import ticket_schema
from grader.store.sqlite_file import LOCK_SECONDS, DatabaseFile, LogRemoved
from grader.store.tables import metadata

_ONE_STATE = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_NOTICES_THAT_ITS_SERVER_IS_GONE = {  # after 20 seconds, not the two hours of TCP; what a URL says itself is kept
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
            BadCall: If the URL is of another kind.
        """
        self.url = _with_driver(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._file = DatabaseFile(Path(str(self.url.database)).absolute()) if self.is_sqlite else None
        self._engine = _sqlite(self.url, self._file) if self._file else _postgresql(self.url)
        self._reading = self._engine if self.is_sqlite else self._engine.execution_options(**_ONE_STATE)
        self._immediate = self._engine.execution_options(begins="IMMEDIATE")
        self._writing = threading.Lock()

    @property
    def conninfo(self) -> str:
        """The URL of a PostgreSQL database without SQLAlchemy's driver name, for other libraries."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Begin a read-only transaction, which sees one state of the database."""
        with _as_ours(), self._connect(self._reading) as connection, connection.begin():
            yield connection

    @contextmanager
    def apart(self) -> Iterator[Connection]:
        """Open a connection outside the pool, on which every statement is a transaction."""
        apart = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        with _as_ours(), self._connect(apart) as connection:
            connection.detach()
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Begin a transaction that writes. It is committed as a whole or not at all, and on the disk when it ends."""
        if not self.is_sqlite:
            with _as_ours(), self._engine.begin() as connection:
                yield connection
            return
        # SQLite has one writer. Its own waiting is a lottery, ours is first come, first served.
        with self._writing, _as_ours(), self._connect(self._immediate) as connection, connection.begin():
            yield connection

    def _connect(self, engine: Engine) -> Connection:
        """Connect. Raise `StoreUnavailable` if SQLite's file is not at its path: what is written would be lost."""
        self._check()
        return engine.connect()

    def _check(self) -> None:
        if self._file is None:
            return
        try:
            self._file.check()
        except LogRemoved:
            self._engine.dispose()
            self._file.check()  # it is in use until the transactions that run have ended

    def migrate(self) -> None:
        """Migrate the schema to this version of the grader. Only this creates SQLite's file."""
        with _as_ours():
            if self._file is None:
                ticket_schema.migrate(self._engine)
            else:
                self._file.make()
                self._file.mark()
            try:
                command.upgrade(self._alembic(), "head")
            except CommandError as unknown:  # its revision is none of ours
                raise BadCall(f"a newer grader has made this database: install that version ({unknown})") from None
            self.checkpoint()

    def checkpoint(self) -> None:
        """Copy SQLite's write-ahead log into the database file, as far as readers allow. Do nothing for PostgreSQL."""
        if self._file is None:
            return
        self._check()
        try:
            with _as_ours(), closing(self._engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as wrong:  # SQLAlchemy does not see what its raw connection raises
            raise StoreUnavailable(f"the database cannot be used: {wrong}") from wrong

    def differences(self) -> list[Any]:
        """Return the differences between the database's schema and the tables of this version."""
        with _as_ours(), self._engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_name": _is_ours})
            return list(compare_metadata(context, metadata))

    def _alembic(self) -> Config:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["engine"] = self._engine
        return config

    def close(self) -> None:
        self._engine.dispose()


Tx = Connection
"""An open transaction. Only the store uses its connection."""
AnyRow = sa.Row[*tuple[Any, ...]]


def one_at_a_time(tx: Tx, what: str) -> None:
    """Wait until no other transaction holds this lock. SQLite has only one writer anyway."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:what))"), {"what": f"grader {what}"})


def insert_new(tx: Tx, table: sa.Table, row: Mapping[str, Any]) -> bool:
    """Insert a row. Return False if it exists, even if another transaction has just written it."""
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    new = dialect.insert(table).values(row).on_conflict_do_nothing().returning(*table.primary_key)
    return tx.execute(new).first() is not None


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or not str(name).startswith(ticket_schema.PROCRASTINATE_TABLES)


def _with_driver(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        parsed = sa.make_url("none:")
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+pysqlite")
        case "postgresql" | "postgres":
            query = _NOTICES_THAT_ITS_SERVER_IS_GONE | dict(parsed.query)
            return parsed.set(drivername="postgresql+psycopg", query=query)
    raise BadCall("GRADER_DATABASE_URL must be postgresql://user:password@host/name or sqlite:////path/to/file")


def _sqlite(url: sa.URL, file: DatabaseFile) -> Engine:
    # autocommit at the driver, so that BEGIN is said by us: Python's own would be a deferred one, which fails
    # where another transaction has written since it began to read
    engine = sa.create_engine(url, creator=file.connect)

    @event.listens_for(engine, "checkin")
    def close(_connection: Any, record: Any) -> None:
        if file.is_closing:
            record.invalidate()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begins', 'DEFERRED')}")

    return engine


def _postgresql(url: sa.URL) -> Engine:
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
        raise BadCall(ticket_schema.MISSING) from None


@contextmanager
def _as_ours() -> Iterator[None]:
    """Report a database that is gone, full or locked as `StoreUnavailable`; a wrong statement stays a bug."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, PoolTimeout) as gone:
        raise StoreUnavailable(f"the database cannot be used: {_first_line(gone)}") from gone
    except DBAPIError as wrong:
        if wrong.connection_invalidated:
            raise StoreUnavailable(f"the database has gone: {_first_line(wrong)}") from wrong
        raise


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
