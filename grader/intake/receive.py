"""Read submissions from uploaded files and from paths. Names and sizes of files are untrusted.

A submission is a Python file, a notebook, or a zip or folder with these and helper files. A single file is renamed,
because its name may contain the student's name, which must not enter the sandbox. Messages show the original name.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from grader.bounds import MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, MIB
from grader.errors import Refused
from grader.intake.notebook import read_notebooks
from grader.model import Submission

_GRADED_SUFFIXES = (".py", ".ipynb", ".npy", ".npz", ".csv", ".txt", ".json", ".md", ".cfg", ".toml", ".yaml", ".yml")
_NOISE = re.compile(r"(^|/)(__MACOSX|__pycache__|\.[^/]+|venv|node_modules|Thumbs\.db)(/|$)")

_DECLARED_ENCODING = re.compile(rb"coding[:=]\s*[-\w.]+")
_TWO_LINES = 10_000
"""Number of bytes at the start of a file in which the grader looks for the declaration of the file's encoding."""

_ENTRY_SIGNATURE = b"PK\x01\x02"
"""The bytes with which each entry begins in a zip's list of files."""

_WHAT_TO_SUBMIT = "submit your Python file, a notebook (.ipynb), or a zip of both"


def receive(name: str, content: bytes, file: str) -> Submission:
    """Read a submission that is one uploaded file.

    Args:
        name: Name of the uploaded file.
        content: Bytes of the file.
        file: Name that the handout asks for, such as "solution.py". A Python file gets this name.

    Raises:
        Refused: If the file cannot be graded. The message says what to submit.
    """
    _require_small(name, len(content))
    suffix = PurePosixPath(name.lower()).suffix
    if suffix == ".zip":
        return _read_submission(_unzipped(content, _ZipBudget()))
    if suffix not in (".py", ".ipynb"):
        raise Refused(
            f"{_shown_name(name)} has an unsupported file type: submit {file}, a notebook (.ipynb), or a zip of both"
        )
    new_name = file if suffix == ".py" else "notebook.ipynb"
    students_name = _shown_name(PurePosixPath(name.replace("\\", "/")).name)
    names = {new_name: students_name} if students_name != new_name else {}
    try:
        submission = _read_submission([(new_name, content)])
    except Refused as refused:
        raise Refused(with_known_names(str(refused), names)) from None
    remarks = [with_known_names(remark, names) for remark in submission.remarks]
    return replace(submission, remarks=tuple(remarks), names=names)


def with_known_names(text: str, names: Mapping[str, str]) -> str:
    """Replace the grader's file names in a message by the names that the student gave to the files.

    Args:
        text: The message.
        names: The grader's file name → the student's, for example "solution.py" → "solution_doe.py".
    """
    for name, students_name in names.items():
        whole_name = rf"(?<![\w./-]){re.escape(name)}(?!\w)"
        text = re.sub(whole_name, students_name.replace("\\", r"\\"), text)
    return text


def receive_all(files: Sequence[tuple[str, bytes]], file: str) -> Submission:
    """Read one submission from one or more uploaded files, as (name, bytes). `file` is the name that the handout asks
    for."""
    if len(files) != 1:
        return receive_files(files)
    name, content = files[0]
    return receive(name, content, file)


def receive_path(path: Path, file: str) -> Submission:
    """Read a submission from a file or folder on this machine. Links inside a folder are ignored. `file` is the name
    that the handout asks for."""
    if path.is_dir():
        return _read_submission(_in_folder(path))
    return receive(path.name, _ordinary_file(path), file)


def receive_paths(paths: Sequence[Path], file: str) -> Submission:
    """Read one submission from one or more files and folders. `file` is the name that the handout asks for."""
    if len(paths) != 1:
        return receive_files(uploads(paths))
    return receive_path(paths[0], file)


def uploads(paths: Iterable[Path]) -> list[tuple[str, bytes]]:
    """Return the files to upload, as (name, bytes): each file in `paths`, and of each folder in `paths` the files with
    a suffix such as .py or .ipynb.

    Raises:
        Refused: If a path does not exist or cannot be read, two files have the same name, or a folder has no such file.
    """
    contents: dict[str, bytes] = {}
    for path in paths:
        if path.is_dir():
            files = [(name, content) for name, content in _in_folder(path) if _is_graded(name)]
        else:
            files = [(path.name, _ordinary_file(path))]
        if not files:
            raise Refused(f"there is no Python file and no notebook in {path}: {_WHAT_TO_SUBMIT}")
        for name, content in files:
            if name in contents:
                raise Refused(f"two files are called {_shown_name(name)}: give each file a different name")
            contents[name] = content
    return list(contents.items())


def _ordinary_file(path: Path) -> bytes:
    """Return the content of a file. Raise `Refused` if the path is missing or not a regular file."""
    if not path.exists():
        raise Refused(f"there is no file or folder {path}")
    if not path.is_file():
        raise Refused(f"{path} is not a regular file: {_WHAT_TO_SUBMIT}")
    return _file_content(path, path.name)


def receive_files(files: Iterable[tuple[str, bytes]]) -> Submission:
    """Read one submission from several uploaded files, such as a module and a notebook. Zips among them are opened only
    if none of the files is a Python file or notebook."""
    named = [(safe_name(name), content) for name, content in files]
    if any(_is_code(name) for name, _ in named):
        return _read_submission(named)
    return _read_submission(_with_zips_opened(named))


def _with_zips_opened(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of each file, and the files in a zip in place of the zip."""
    budget = _ZipBudget()
    for name, content in files:
        if name.lower().endswith(".zip"):
            yield from _unzipped(content, budget)
        else:
            yield name, content


def _read_submission(files: Iterable[tuple[str, bytes]]) -> Submission:
    """Read a submission from its unpacked files, each as (safe name, bytes).

    Raises:
        Refused: If the files are too many or too large, none is code, or one cannot be read.
    """
    graded: dict[str, bytes] = {}
    left_out = []
    total = 0
    for name, content in files:
        _require_small(name, len(content))
        total += len(content)
        if total > MAX_TOTAL_BYTES or len(graded) >= MAX_FILES:
            raise Refused(
                f"the submission has more than {MAX_TOTAL_BYTES // MIB} MiB or {MAX_FILES} files: {_WHAT_TO_SUBMIT}, "
                "without data sets"
            )
        if not _is_graded(name):
            left_out.append(name)
            continue
        stem, _, suffix = name.rpartition(".")
        graded[f"{stem}.{suffix.lower()}"] = content  # Python imports no SOLUTION.PY
    graded = _without_common_folder(graded)
    _require_code(graded)
    modules = {}
    remarks = []
    for name, content in graded.items():
        if name.endswith(".ipynb"):
            continue
        modules[name], remark = _as_utf_8(name, content)
        if remark:
            remarks.append(remark)
    if left_out:
        shown = map(_shown_name, sorted(left_out)[:5])
        more = " …" if len(left_out) > 5 else ""
        remarks.append(f"left out of the submission: {', '.join(shown)}{more}")
    digest = _submission_digest(graded)
    return Submission(files=modules, notebooks=read_notebooks(graded), digest=digest, remarks=tuple(remarks))


def _require_code(files: Mapping[str, bytes]) -> None:
    """Raise `Refused` if there is no Python file and no notebook, the only one is empty, or a Python file is not
    text."""
    names = [name for name in files if name.endswith((".py", ".ipynb"))]
    if not names:
        raise Refused(f"there is no Python file and no notebook in the submission: {_WHAT_TO_SUBMIT}")
    for name in names:
        content = files[name]
        if len(names) == 1 and not content.strip():
            raise Refused(f"{name} is empty: save your work in the editor and submit it again")
        if name.endswith(".ipynb"):
            continue
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise Refused(
                f"{name} is saved as UTF-16: save it as UTF-8 (PowerShell's > writes UTF-16) and submit it again"
            )
        if b"\0" in content:
            raise Refused(f"{name} is not Python source but binary data: submit the .py file itself")


def _as_utf_8(name: str, content: bytes) -> tuple[bytes, str]:
    """Convert a Python file to UTF-8. Return its content, and a remark for the student if it was converted.

    If a file declares no encoding and is not UTF-8, it is read as Windows-1252, the encoding of old editors.
    """
    first_lines = content[:_TWO_LINES].splitlines()[:2]
    if not name.endswith(".py") or _DECLARED_ENCODING.search(b"\n".join(first_lines)):
        return content, ""  # Python uses the encoding that the file declares
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = content.decode("cp1252", "replace")
        return text.encode(), f"{name} is not UTF-8 (line {line}) and was read as Windows-1252: save it as UTF-8"
    return content, ""


@dataclass
class _ZipBudget:
    """The numbers of entries and of unpacked bytes that the remaining zips of a submission may have. Entries that are
    left out count too."""

    entries: int = 10 * MAX_FILES
    unpacked_bytes: int = 4 * MAX_TOTAL_BYTES

    def require(self) -> None:
        """Raise `Refused` if the zips so far have more."""
        if self.entries < 0 or self.unpacked_bytes < 0:
            most = f"{4 * MAX_TOTAL_BYTES // MIB} MiB or {10 * MAX_FILES} files"
            raise Refused(f"the zip unpacks to more than {most}: {_WHAT_TO_SUBMIT}, without data sets")


def _unzipped(content: bytes, budget: _ZipBudget, inside: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of each file in a zip. If no file is code, unpack the zips inside the zip too: learning
    platforms pack each submission as a zip inside a zip."""
    if content.count(_ENTRY_SIGNATURE) > budget.entries:  # `ZipFile` would read all entries before they can be counted
        budget.entries = -1
        budget.require()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
            budget.entries -= len(archive.infolist())
            budget.unpacked_bytes -= sum(entry.file_size for entry in entries)
            budget.require()
            opens_zips = not inside and not any(_is_code(entry.filename) for entry in entries)
            for entry in entries:
                name = safe_name(entry.filename)
                if is_noise(name):
                    continue
                if opens_zips and name.lower().endswith(".zip"):
                    folder = PurePosixPath(name).parent
                    for inner_name, inner_content in _unzipped(unpacked(archive, entry), budget, inside=True):
                        yield (folder / inner_name).as_posix(), inner_content
                else:
                    yield name, unpacked(archive, entry) if _is_graded(name) else b""
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, struct.error, zlib.error):
        raise Refused("the zip cannot be opened: create it again and check that it opens on your machine") from None


def is_noise(name: str) -> bool:
    """Return whether a file is hidden or was not made by the student, such as __pycache__/a.pyc."""
    return bool(_NOISE.search(name))


def _is_code(name: str) -> bool:
    return name.lower().endswith((".py", ".ipynb")) and not is_noise(name)


def _is_graded(name: str) -> bool:
    return name.lower().endswith(_GRADED_SUFFIXES)


def unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return the content of a file in a zip. Never unpack more than `MAX_FILE_BYTES`.

    Raises:
        Refused: If the file is a link, encrypted or too large.
        NotImplementedError: If the file is compressed with another method than deflate.
    """
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Refused(f"{_shown_name(entry.filename)} in the zip is a link: put the file itself into the zip")
    if entry.flag_bits & 1:
        raise Refused("the zip has a password: submit a zip without a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError(entry.compress_type)  # bzip2 and LZMA, which file managers do not write
    _require_small(entry.filename, entry.file_size)
    with archive.open(entry) as packed:
        content = packed.read(MAX_FILE_BYTES + 1)
    _require_small(entry.filename, len(content))
    return content


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (path relative to the folder, bytes) of each file in a folder and below, in alphabetical order. Leave out
    links and files such as __pycache__/a.pyc. Files that are not graded, such as images, are yielded as b"" without
    being read, so that a remark can name them."""
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not is_noise(name))
        for name in sorted(names):
            path = Path(root, name)
            if is_noise(name) or path.is_symlink() or not path.is_file():
                continue
            relative = path.relative_to(folder).as_posix()
            relative = relative.encode("utf-8", "replace").decode()  # a name on disk may not be valid Unicode
            yield relative, _file_content(path, relative) if _is_graded(name) else b""


def _file_content(path: Path, name: str) -> bytes:
    try:
        _require_small(name, path.stat().st_size)
        return path.read_bytes()
    except OSError as wrong:
        raise Refused(f"{_shown_name(name)} cannot be read ({wrong.strerror}): check its permissions") from None


def safe_name(name: str) -> str:
    """Convert a file's name in a submission to a relative path with forward slashes. Raise `Refused` if the name is
    absolute, points outside the submission, is too long or has control characters."""
    path = PurePosixPath(name.replace("\\", "/"))
    shown = f"a file in the submission is called {_shown_name(name)!r}"
    if any(ord(c) < 32 for c in name):
        raise Refused(f"{shown}, which contains a control character: rename the file and submit again")
    if len(name) > 300:
        raise Refused(f"{shown}, which is longer than 300 characters: rename the file and submit again")
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0]:
        raise Refused(f"{shown}, which points outside the folder: rename the file and submit again")
    return path.as_posix()


def _without_common_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    """Remove the folders that enclose all files from their names: homework/solution.py becomes solution.py."""
    folders = {name.partition("/")[0] if "/" in name else "" for name in files}
    if len(folders) != 1 or "" in folders:
        return files
    return _without_common_folder({name.partition("/")[2]: content for name, content in files.items()})


def _require_small(name: str, size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise Refused(
            f"{_shown_name(name)} has {size / MIB:.0f} MiB; at most {MAX_FILE_BYTES // MIB} MiB are allowed. "
            "In a notebook, clear the outputs (Kernel → Restart & Clear Output) and save"
        )


def _shown_name(name: str) -> str:
    """Return the end of a file's name, which is untrusted, for a message."""
    printable = [c if c.isprintable() else "�" for c in name]
    return "".join(printable)[-80:]


def _submission_digest(files: Mapping[str, bytes]) -> str:
    """Return a hash of the names and contents of the graded files. Their order makes no difference."""
    digest = hashlib.sha256()
    for name in sorted(files):
        line = f"{hashlib.sha256(files[name]).hexdigest()} {name}\n"
        digest.update(line.encode("utf-8", "replace"))
    return digest.hexdigest()
