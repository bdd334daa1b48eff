"""A folder outside for what sessions need there, where they have no mounts of their own."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def own_folder() -> tempfile.TemporaryDirectory[str]:
    """It goes even where nobody cleans it up; only a grader that is killed leaves it, to the next one of that user."""
    if hasattr(os, "getuid") and Path("/proc/self").exists():
        for left in Path(tempfile.gettempdir()).glob("grader-*-*"):
            pid = left.name.split("-")[1]
            if pid.isdigit() and left.stat().st_uid == os.getuid() and not Path("/proc", pid).exists():
                shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"grader-{os.getpid()}-")
