"""New environments with only what is installed into them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.conftest import ROOT

UV = ROOT / ".tools" / "bin" / "uv"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def install(environment: Path, *what: str | Path, **always: str) -> Run:
    """Install into a new environment, and return the function that runs the command in it, far from the checkout.

    Args:
        environment: Folder of the environment.
        what: Wheels or folders.
        always: Environment variables of every run.
    """
    subprocess.run([UV, "venv", "--quiet", environment], check=True, timeout=300)
    subprocess.run([UV, "pip", "install", "--quiet", "--python", environment, *what], check=True, timeout=300)
    home = environment.with_name(f"{environment.name}-home")
    home.mkdir()

    def run(*arguments: str | Path, cwd: Path = home, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [environment / "bin" / "grader", *arguments],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "120"} | always | settings,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run
