"""Words that one machine says to all others (NOTIFY and LISTEN). They are not kept: who does not listen misses them.
PostgreSQL only."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from sqlalchemy import func, select

from grader.errors import StoreUnavailable
from grader.store.database import Store, Tx

MOST_BYTES = 7_999
_CHANNEL = "grader_notices"


def say(tx: Tx, words: str) -> None:
    """Heard once `tx` has ended well. At most `MOST_BYTES` of UTF-8."""
    tx.execute(select(func.pg_notify(_CHANNEL, words)))


def hear(store: Store, look_up_seconds: float) -> Generator[str | None, None, None]:
    """What is said from now on, for ever; None once it listens, and every so many seconds. Raises `StoreUnavailable`
    when the connection is lost: what is said until the next call is missed."""
    with store.apart() as connection:
        connection.exec_driver_sql(f"LISTEN {_CHANNEL}")
        driver: Any = connection.connection.dbapi_connection
        try:
            while True:
                yield None
                for notice in driver.notifies(timeout=look_up_seconds):
                    yield notice.payload
        except connection.dialect.loaded_dbapi.Error as lost:
            raise StoreUnavailable(f"the database has gone: {lost}") from lost
