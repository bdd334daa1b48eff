"""The documents are true: rules name tests that exist and run in `make check`, and files that are named exist."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from grader.sandbox.selftest import PROMISES
from tests import pictures

ROOT = Path(__file__).parents[2]
SPECIFICATION = ROOT / "SPECIFICATION.md"
OPERATING, IDENTITY = (ROOT / "grader" / "decisions" / name for name in ("operating.md", "identity.md"))
DEPLOY = ROOT / "deploy" / "README.md"
NAMED = re.compile(r"`(test_\w+)`")


@functools.cache
def names_in_check() -> frozenset[str]:
    """Return the names of all test functions except those that only `make proof` runs."""
    return frozenset(_names_in_check())


def _names_in_check() -> Iterator[str]:
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.parse(file.read_text("utf-8")).body:
            marks = {ast.unparse(mark) for mark in getattr(node, "decorator_list", ())}
            if isinstance(node, ast.FunctionDef) and not marks & {"pytest.mark.proof", "pytest.mark.skip"}:
                yield node.name  # helpers among them, whose names no document has


def rules(file: Path) -> list[str]:
    """The parts of a document that each say what an operator may rely on."""
    text = file.read_text("utf-8")
    if file == SPECIFICATION:
        return [line for line in text.splitlines() if line.startswith("| ") and not re.match(r"\| promise \|", line)]
    if file == DEPLOY:
        return re.split(r"\n## |\nThe units leave out", text.partition("\n## What has been tried")[0])
    decision = text.partition("**Decision.**")[2].partition("**Consequences.**")[0]
    return re.split(r"\n- ", decision)[1:] if file == OPERATING else decision.strip().split("\n\n")


@pytest.mark.parametrize("file", [SPECIFICATION, OPERATING, IDENTITY, DEPLOY], ids=lambda file: file.name)
def test_every_rule_names_a_test_and_every_test_that_is_named_exists(file: Path) -> None:
    assert [rule for rule in rules(file) if not NAMED.search(rule)] == []
    assert len(rules(file)) >= 4
    assert set(NAMED.findall(file.read_text("utf-8"))) - names_in_check() == set()


def test_the_specification_counts_the_promises_of_the_sandbox() -> None:
    assert f"| {len(PROMISES)} of {len(PROMISES)} |" in SPECIFICATION.read_text("utf-8")


# ── files and folders ────────────────────────────────────────────────────────────────────────────────

TRACKED = frozenset(
    subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
)
FOLDERS = frozenset(str(parent) for file in TRACKED for parent in PurePosixPath(file).parents)
NAMING_FILES = sorted(file for file in TRACKED if re.fullmatch(r"CONTRIBUTING\.md|grader/decisions/\w[\w-]*\.md", file))
_PATH = re.compile(r"`([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*/?)`")
_FILE = re.compile(r".*\.(py|md|toml|html|js|lock)")


def exists(path: str) -> bool:
    """Return whether a file, or a folder if the path ends in "/", has this path or ends in it."""
    known = FOLDERS if path.endswith("/") else TRACKED
    wanted = path.rstrip("/")
    return any(one == wanted or one.endswith(f"/{wanted}") for one in known)


@pytest.mark.parametrize("document", NAMING_FILES)
def test_the_files_that_a_document_names_exist(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    named = [path for path in _PATH.findall(text) if path.endswith("/") or _FILE.fullmatch(path)]
    assert [path for path in named if not exists(path)] == []


def test_no_file_has_the_marks_of_an_unresolved_merge() -> None:
    marked = subprocess.run(["git", "grep", "-lE", r"^(<{7}|>{7}) "], cwd=ROOT, capture_output=True, text=True)
    assert marked.stdout.splitlines() == []


def test_the_pictures_show_the_pages_as_they_are() -> None:
    assert pictures.FILE.read_text("ascii").strip() == pictures.digest(), "the pages have changed: run `make pictures`"
