"""GRADER_* read once, by a door."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from grader.catalogue import default_root


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="GRADER_")

    assignments: Path = default_root()
    """GRADER_ASSIGNMENTS: the folder that holds one folder per assignment."""
    runtime: Path = Path(sys.prefix) / "sandbox"
    """GRADER_RUNTIME: the environment that students' code runs in, inside bubblewrap."""
    secret: str = ""
    """GRADER_SECRET: what fresh problems are drawn with. Empty is the public seed of a pre-check; the service then
    draws with a secret of its own, which lies in its database."""
    home: Path = Path.home() / ".local" / "share" / "grader"
    """GRADER_HOME: the folder where the service keeps its data, if it has no other database."""
    database_url: str = ""
    """GRADER_DATABASE_URL: postgresql://user:password@host/name; empty is SQLite in GRADER_HOME."""
    url: str = ""
    """GRADER_URL: how browsers reach the service, if not at the address that it listens at. Cookies are secure where it
    begins with https."""
    workers: int = max(1, os.cpu_count() or 1)
    """GRADER_WORKERS: how many submissions are graded at the same time."""
    queue_limit: int = 2_000
    """GRADER_QUEUE_LIMIT: how many may wait; beyond it the service answers 503 and keeps nothing."""
    metrics_token: str = ""
    """GRADER_METRICS_TOKEN: what Prometheus sends as a bearer token to read /metrics; empty lets everybody read it."""
    grace_seconds: float = 20.0
    """GRADER_GRACE_SECONDS: how long a service that is asked to end lets running gradings finish; after that they
    are handed back to the queue."""
