"""The digest of what the documentation's pictures show: `python -m tests.pictures` writes it after they were made."""

from __future__ import annotations

import hashlib

from tests.conftest import ROOT

FILE = ROOT / "docs" / "pictures" / "made_from.txt"
SOURCES = ("api/templates", "api/static", "render/templates", "render/static")


def digest() -> str:
    """SHA-256 of all templates, styles and scripts of pages."""
    folders = [ROOT / "grader" / source for source in SOURCES]
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    contents = [file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() for file in files]
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


if __name__ == "__main__":
    FILE.write_text(digest() + "\n", encoding="ascii")
