"""The commands of README and docs/, and how they are run as they stand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

TUTORIAL = "write-an-assignment.md"
"""A test of its own follows it."""
DOCUMENTS = {
    file.name: file.read_text("utf-8")
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if file.name != TUTORIAL
}
DOCUMENTATION = "\n".join(DOCUMENTS.values())


def blocks(language: str, text: str = DOCUMENTATION) -> list[str]:
    """Return the code blocks of this language, by default of all documents."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines() if line]

(PACK_STUDENT,) = (line for line in COMMANDS if line.startswith("grader pack student "))
(CERTIFY_DERIVATIONS,) = (line for line in COMMANDS if line.endswith(" --derivations"))
"""What takes longest; test_pack.py and test_certify_derivations.py run one each, and look at what comes out."""


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in this folder, with the checkout's assignments."""
    program, *arguments = shlex.split(command)
    return subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=folder,
        env=os.environ | {"GRADER_ASSIGNMENTS": str(ROOT / "reference"), "GRADER_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=300,
    )
