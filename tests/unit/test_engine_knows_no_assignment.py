"""The engine knows no assignment, and migrations no code that changes."""

import re

from tests.conftest import ROOT

KNOWS_PS4 = re.compile(r"mlp(?!arser)|mnist|relu|sigmoid|ps4", re.IGNORECASE)
DEFAULT = 'assignment: str = "ps4"'
"""The one place that may name an assignment: the default of a setting."""


def text_files():
    for path in sorted((ROOT / "grader").rglob("*")):
        inside = path.relative_to(ROOT / "grader").parts
        if path.is_file() and "__pycache__" not in inside and inside[0] not in ("derivations", "written"):
            try:
                yield path, path.read_text("utf-8")
            except UnicodeDecodeError:  # fonts
                continue


def test_no_line_of_the_engine_knows_an_assignment():
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path, text in text_files()
        for number, line in enumerate(text.splitlines(), start=1)
        if KNOWS_PS4.search(line) and line.strip() != DEFAULT
    ]
    assert lines == []


def test_migrations_import_nothing_that_changes():
    versions = (ROOT / "grader" / "store" / "migrations" / "versions").glob("*.py")
    assert [path.name for path in versions if re.search(r"(from|import) grader", path.read_text("utf-8"))] == []
