"""Messages between machines, by NOTIFY and LISTEN of PostgreSQL. They are not stored: a machine that does not listen
misses them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from sqlalchemy import func, select

from grader.errors import StoreUnavailable
from grader.store.database import Store, Tx

MOST_BYTES = 7_999
_CHANNEL = "grader_notices"


def send(tx: Tx, message: str) -> None:
    """Send a message when the transaction is committed.

    Args:
        tx: The transaction.
        message: At most `MOST_BYTES` bytes of UTF-8.
    """
    tx.execute(select(func.pg_notify(_CHANNEL, message)))


def listen(store: Store, seconds: float) -> Generator[str | None, None, None]:
    """Yield messages as they arrive.

    Args:
        store: A PostgreSQL database.
        seconds: Yield None after this time without a message. The first None says that listening has begun.

    Raises:
        StoreUnavailable: If the connection is lost. Messages until the next call are missed.
    """
    with store.separate_connection() as connection:
        connection.exec_driver_sql(f"LISTEN {_CHANNEL}")
        driver: Any = connection.connection.dbapi_connection
        try:
            while True:
                yield None
                for notice in driver.notifies(timeout=seconds):
                    yield notice.payload
        except connection.dialect.loaded_dbapi.Error as lost:
            raise StoreUnavailable(f"the database has gone: {lost}") from lost
