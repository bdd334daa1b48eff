"""Messages between machines, sent with PostgreSQL's NOTIFY and LISTEN. Messages are not stored, so a machine that is
not listening misses them."""

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
        seconds: Yield None after this time without a message. The very first None means that listening has begun.

    Raises:
        StoreUnavailable: If the connection is lost. Messages are missed until the caller listens again.
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
            raise StoreUnavailable(f"the connection to the database was lost: {lost}") from lost
