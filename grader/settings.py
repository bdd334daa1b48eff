"""GRADER_* read once, by a door."""

from __future__ import annotations

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
    """GRADER_SECRET: what fresh problems are drawn with; empty is the public seed of a pre-check."""
