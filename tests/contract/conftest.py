"""Every database, for one contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.store.database import Store


@pytest.fixture(params=["sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path}/grader.db"
    store = Store(url)
    store.migrate()
    yield store
    store.close()
