"""Zip files of an assignment's files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path


def zip_of(folder: Path) -> bytes:
    """Return a zip with all files in a folder and its subfolders, below a folder of the same name."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in files_in(folder):
            add(out, path.relative_to(folder.parent).as_posix(), path.read_bytes())
    return archive.getvalue()


def files_in(folder: Path) -> list[Path]:
    """Return all files in a folder and its subfolders, except hidden ones and compiled code."""
    files = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in parts):
            files.append(path)
    return files


def add(out: zipfile.ZipFile, name: str, content: bytes, mode: int = 0o644) -> None:
    """Add a file to a zip, with a fixed date. So packs with the same content are identical."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    out.writestr(entry, content, zipfile.ZIP_DEFLATED)
