"""What the doors of one running service share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grader.catalogue import Assignment
from grader.dispatch.events import Hub
from grader.settings import Settings
from grader.store.database import Store
from grader.store.queue import Queue


@dataclass(frozen=True)
class Service:
    store: Store
    queue: Queue
    events: Hub
    assignments: Mapping[str, Assignment]
    """Those in the catalogue, by id. Courses offer some of them."""
    settings: Settings
