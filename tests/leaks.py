"""Files of graded assignments that neither the engine nor a student's pack may have, and how they are recognized."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from tests.conftest import ROOT

REFERENCES = sorted(path.parent for path in (ROOT / "reference").glob("*/assignment.toml"))
_NAMES = ("reference.py", "truth.py", "mistakes.py", "mutation.py", "written.py")
_FOLDERS = ("answers", "faults", "solutions", "variants")
_WORTH = 30
"""A line this long is not in two files by chance."""


def secret_files() -> list[Path]:
    """Return references, mistakes, variants and faults, and right submissions."""
    inside = [path for folder in REFERENCES for path in folder.rglob("*") if path.is_file()]
    secret = [p for p in inside if p.name in _NAMES or set(_FOLDERS) & set(p.parts)]
    return [*secret, *(ROOT / "submissions").glob("[!h]*/*.py")]


def telling_lines(text: str) -> set[str]:
    lines = {line.strip() for line in text.splitlines()}
    return {line for line in lines if len(line) >= _WORTH and not re.match(r"#|import |from |def |class |\"", line)}


def leaked(archive: Path) -> dict[str, str]:
    """Return, by name of a secret file, the member of the archive that has a third of its lines, which the handouts and
    the checks do not have."""
    given = [p for folder in REFERENCES for p in folder.rglob("*.py") if p not in secret_files()]
    public = set().union(*(telling_lines(path.read_text("utf-8")) for path in given))
    with zipfile.ZipFile(archive) as opened:
        members = {name: telling_lines(opened.read(name).decode("utf-8", "replace")) for name in opened.namelist()}
    found = {}
    for path in secret_files():
        lines = telling_lines(path.read_text("utf-8", "replace")) - public
        for name, text in members.items():
            if len(lines) >= 2 and 3 * len(lines & text) >= len(lines):
                found[path.relative_to(ROOT).as_posix()] = name
    return found
