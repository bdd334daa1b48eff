"""The files of an export, which is a folder or a zip. Files are read one at a time, to save memory."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from grader.bounds import MAX_FILE_BYTES
from grader.errors import BadCall, Refused
from grader.intake.receive import is_noise, safe_name, unpacked

MAX_FILES = 200_000


class Tree(Protocol):
    """The files of a folder or zip, or of a folder inside it, by relative path."""

    names: tuple[str, ...]
    """Sorted relative paths of the files. Files that editors and operating systems create are left out."""
    unsafe: tuple[str, ...]
    """Paths that cannot be read because they are links or point outside the folder."""

    def read(self, name: str) -> bytes:
        """Return a file's content. Raise `Refused` if it is too large or cannot be read."""
        ...


class Folder:
    """The files of a folder on disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
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
        self.names = tuple(sorted(names))
        self.unsafe = tuple(sorted(unsafe))

    def read(self, name: str) -> bytes:
        try:
            with (self._root / name).open("rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise Refused(f"{name} is not an ordinary file")
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as wrong:
            raise Refused(f"{name} cannot be read ({wrong.strerror})") from None
        return content  # if longer than MAX_FILE_BYTES, intake refuses the file


class Archive:
    """The files of a zip."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._entries: dict[str, zipfile.ZipInfo] = {}
        unsafe: list[str] = []
        if len(archive.infolist()) > MAX_FILES:
            raise BadCall(f"the zip has more than {MAX_FILES} files: export a single assignment")
        for entry in archive.infolist():
            name = _entry_name(entry)
            try:
                safe = safe_name(name)
                if not entry.is_dir() and not is_noise(safe):
                    self._entries[safe] = entry
            except Refused:
                unsafe.append(name)
        self.names = tuple(sorted(self._entries))
        self.unsafe = tuple(unsafe)

    def read(self, name: str) -> bytes:
        try:
            return unpacked(self._archive, self._entries[name])
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, zlib.error):
            raise Refused(f"{name} cannot be unpacked: the zip is damaged") from None


def _entry_name(entry: zipfile.ZipInfo) -> str:
    """Return the name of a zip entry. UTF-8 is recognized even if the zip does not declare it."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


class Below:
    """The files of one folder of a tree, by their paths relative to this folder."""

    def __init__(self, tree: Tree, folder: str) -> None:
        self._tree = tree
        self._folder = f"{folder}/"
        self.names = tuple(name for name, _ in files_in(tree, folder))
        self.unsafe = tree.unsafe

    def read(self, name: str) -> bytes:
        return self._tree.read(self._folder + name)


@contextmanager
def opened(path: Path) -> Iterator[Tree]:
    """Open a folder or a zip. Raise `BadCall` for anything else."""
    if path.is_dir():
        yield Folder(path)
        return
    if not path.is_file():
        raise BadCall(f"there is no file or folder {path}")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError):
        raise BadCall(f"{path.name} is neither a folder nor a zip: give an export of the learning platform") from None
    with archive:
        yield Archive(archive)


def tops(tree: Tree) -> tuple[str, ...]:
    """Return the names of the tree's top-level folders, sorted."""
    folders = (name.partition("/")[0] for name in tree.names if "/" in name)
    return tuple(dict.fromkeys(folders))


def files_in(tree: Tree, folder: str) -> tuple[tuple[str, str], ...]:
    """Return (path in the folder, path in the tree) of all files in a folder and below."""
    prefix = f"{folder}/"
    return tuple((name.removeprefix(prefix), name) for name in tree.names if name.startswith(prefix))
