"""The README's commands, and how they are run as they stand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line]

(PACK_STUDENT,) = (line for line in COMMANDS if line.startswith("grader pack student "))
"""What takes longest of all, and so is run once, by test_pack.py, which looks at what comes out."""


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """In this folder, with the checkout's assignments."""
    program, *arguments = shlex.split(command)
    return subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=folder,
        env=os.environ | {"GRADER_ASSIGNMENTS": str(ROOT / "reference"), "GRADER_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=300,
    )
