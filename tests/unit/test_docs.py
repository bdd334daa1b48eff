"""The files that the documents name exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import PurePosixPath

import pytest

from tests.conftest import ROOT

TRACKED = frozenset(
    subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
)
FOLDERS = frozenset(str(parent) for file in TRACKED for parent in PurePosixPath(file).parents)
DOCUMENTS = sorted(
    file
    for file in TRACKED
    if file == "CONTRIBUTING.md" or (file.startswith("grader/decisions/") and file.endswith(".md"))
)
_PATH = re.compile(r"`([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*/?)`")
_FILE = re.compile(r".*\.(py|md|toml|html|js|lock)")


def exists(path: str) -> bool:
    """Return whether a file, or a folder if the path ends in "/", has this path or ends in it."""
    known = FOLDERS if path.endswith("/") else TRACKED
    wanted = path.rstrip("/")
    return any(one == wanted or one.endswith(f"/{wanted}") for one in known)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_files_that_a_document_names_exist(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    named = [path for path in _PATH.findall(text) if path.endswith("/") or _FILE.fullmatch(path)]
    assert [path for path in named if not exists(path)] == []
