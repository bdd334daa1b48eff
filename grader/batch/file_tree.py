"""The files of an export, which is a folder or a zip. Files are read one at a time, to save memory."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from grader.bounds import MAX_FILE_BYTES
from grader.errors import BadCall, Refused
from grader.intake.receive import is_noise, safe_name, unpacked

MAX_FILES = 200_000


@dataclass(frozen=True)
class Tree:
    """The files of a folder or zip, or of a folder inside it."""

    names: tuple[str, ...]
    """Sorted paths of the files. Files that editors and operating systems create are left out."""
    unsafe: tuple[str, ...]
    """Paths that cannot be read because they are links or point outside the folder."""
    read: Callable[[str], bytes]
    """Function that returns a file's content. It raises `Refused` if the file is too large or cannot be read."""
    folder: str = ""
    """The folder inside the export that the paths are relative to; empty for the whole export."""

    @property
    def top_folders(self) -> list[str]:
        """The names of the top-level folders, sorted."""
        folders = {name.partition("/")[0] for name in self.names if "/" in name}
        return sorted(folders)

    def files_in(self, folder: str) -> tuple[tuple[str, str], ...]:
        """Return (path in the folder, path in the tree) of all files in a folder and below."""
        prefix = f"{folder}/"
        return tuple((name.removeprefix(prefix), name) for name in self.names if name.startswith(prefix))

    def below(self, folder: str) -> Tree:
        """Return the files of a folder, by their paths relative to this folder."""
        paths = dict(self.files_in(folder))
        return replace(self, names=tuple(paths), read=lambda name: self.read(paths[name]), folder=folder)


def tree_of_folder(root: Path) -> Tree:
    """Return the files of a folder on disk."""
    names: list[str] = []
    unsafe: list[str] = []
    for folder, subfolders, files in os.walk(root):
        links = [name for name in subfolders if Path(folder, name).is_symlink()]
        subfolders[:] = [name for name in subfolders if not is_noise(name)]  # links are not followed
        for name in (*files, *links):
            path = Path(folder, name)
            is_ordinary = path.is_file() and not path.is_symlink()
            if not is_noise(name):
                (names if is_ordinary else unsafe).append(path.relative_to(root).as_posix())

    def read(name: str) -> bytes:
        try:
            with (root / name).open("rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise Refused(f"{name} is not an ordinary file")
                return file.read(MAX_FILE_BYTES + 1)  # if longer than MAX_FILE_BYTES, intake refuses the file
        except OSError as wrong:
            raise Refused(f"{name} cannot be read ({wrong.strerror})") from None

    return Tree(tuple(sorted(names)), tuple(sorted(unsafe)), read)


def tree_of_zip(archive: zipfile.ZipFile) -> Tree:
    """Return the files of a zip. Raise `BadCall` if there are more than `MAX_FILES`."""
    if len(archive.infolist()) > MAX_FILES:
        raise BadCall(f"the zip has more than {MAX_FILES} files: export a single assignment")
    entries: dict[str, zipfile.ZipInfo] = {}
    unsafe: list[str] = []
    for entry in archive.infolist():
        name = _entry_name(entry)
        try:
            safe = safe_name(name)
        except Refused:
            unsafe.append(name)
            continue
        if not entry.is_dir() and not is_noise(safe):
            entries[safe] = entry

    def read(name: str) -> bytes:
        try:
            return unpacked(archive, entries[name])
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, zlib.error):
            raise Refused(f"{name} cannot be unpacked: the zip is damaged") from None

    return Tree(tuple(sorted(entries)), tuple(unsafe), read)


def _entry_name(entry: zipfile.ZipInfo) -> str:
    """Return the name of a zip entry. UTF-8 is recognized even if the zip does not declare it."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


@contextmanager
def opened(path: Path) -> Iterator[Tree]:
    """Open a folder or a zip. Raise `BadCall` for anything else."""
    if path.is_dir():
        yield tree_of_folder(path)
        return
    if not path.is_file():
        raise BadCall(f"there is no file or folder {path}")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError):
        raise BadCall(f"{path.name} is neither a folder nor a zip: give an export of the learning platform") from None
    with archive:
        yield tree_of_zip(archive)
