"""Which gradings may be reused or taken: those of the same source, assignment and numpy."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import grader
from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.workers.compatibility import compatibility_key

PRINT = "from grader.workers.compatibility import source_digest; print(source_digest())"


def digest_of(package: Path) -> str:
    command = [sys.executable, "-c", PRINT]
    done = subprocess.run(command, cwd=package.parent, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the grader's own source."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(Path(grader.__file__).parent, tmp_path / "grader", ignore=ignored))


def test_an_edit_in_the_checks_gives_another_key(copied: Path, ps4: Assignment) -> None:
    before = digest_of(copied)
    assert before in compatibility_key(ps4, "2.4", Seed())
    with (copied / "kit" / "claim.py").open("a") as source:
        source.write("# an edit\n")
    assert digest_of(copied) != before


def test_another_numpy_or_assignment_gives_another_key(ps4: Assignment) -> None:
    assert compatibility_key(ps4, "2.4", Seed()) != compatibility_key(ps4, "2.5", Seed())


def test_another_secret_gives_another_key_that_no_quick_hash_tells(ps4: Assignment) -> None:
    keys = [compatibility_key(ps4, "2.4", Seed(secret)) for secret in (None, b"a secret of ours", b"another secret")]
    assert len(set(keys)) == 3
    quick = hashlib.sha256(b"a secret of ours").hexdigest()[:12]
    assert quick not in keys[1]
    assert Seed(b"a secret of ours").label == "secret"
