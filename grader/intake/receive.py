"""Bytes from any door → Submission, never trusting a name or a size.

What may be submitted: a Python file, a notebook, or a zip or folder with both and helper files. A file that comes
alone gets the name that the handout asks for: learning platforms put people's names into file names, and those never
enter the sandbox. Messages show the name that it came with.
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
from dataclasses import replace
from pathlib import Path, PurePosixPath

from grader.bounds import MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, MIB
from grader.errors import Refused
from grader.intake.notebook import read_notebooks
from grader.model import Submission

_TRAVELS = (".py", ".ipynb", ".npy", ".npz", ".csv", ".txt", ".json", ".md", ".cfg", ".toml", ".yaml", ".yml")
_NOISE = re.compile(r"(^|/)(__MACOSX|__pycache__|\.[^/]+|venv|node_modules|Thumbs\.db)(/|$)")

_TWO_LINES = 10_000
"""Bytes in which a file's first two lines are looked for, which may name its encoding."""

_WHAT = "submit your Python file, a notebook (.ipynb), or a zip of both"


def receive(name: str, content: bytes, file: str) -> Submission:
    """Read one uploaded file. Raises `Refused` with a sentence that says what to do.

    Args:
        file: The name that a Python file gets: the one that the handout asks for.
    """
    _bounded(name, len(content))
    match PurePosixPath(name.lower()).suffix:
        case ".zip":
            return _submission(_unzipped(content))
        case ".ipynb":
            return _alone("notebook.ipynb", name, content)
        case ".py":
            return _alone(file, name, content)
    raise Refused(f"{_short(name)} has an unsupported file type: submit {file}, a notebook (.ipynb), or a zip of both")


def _alone(inner: str, name: str, content: bytes) -> Submission:
    known = _short(PurePosixPath(name.replace("\\", "/")).name)
    names = {inner: known} if known != inner else {}
    try:
        received = _submission([(inner, content)])
    except Refused as refused:
        raise Refused(with_known_names(str(refused), names)) from None
    return replace(received, remarks=tuple(with_known_names(r, names) for r in received.remarks), names=names)


def with_known_names(text: str, names: Mapping[str, str]) -> str:
    """Return a message with the file names that the student knows, where intake has given others."""
    for inner, known in names.items():
        text = re.sub(rf"(?<![\w./-]){re.escape(inner)}(?!\w)", lambda _, known=known: known, text)  # type: ignore[misc]
    return text


def receive_all(files: Sequence[tuple[str, bytes]], file: str) -> Submission:
    """Read what was uploaded together, one file or several, as (name, bytes). `file` as in `receive`."""
    return receive(*files[0], file) if len(files) == 1 else receive_files(files)


def receive_path(path: Path, file: str) -> Submission:
    """Read a file or folder on this machine; links are not followed. `file` as in `receive`."""
    if path.is_dir():
        return _submission(_in_folder(path))
    if not path.exists():
        raise Refused(f"there is no file or folder {path}")
    if not path.is_file():
        raise Refused(f"{path} is not an ordinary file: {_WHAT}")
    return receive(path.name, _content(path, path.name), file)


def receive_files(files: Iterable[tuple[str, bytes]]) -> Submission:
    """Read several uploaded files, such as a module and a notebook. Zips are opened where no code lies beside them."""
    named = [(safe_name(name), content) for name, content in files]
    return _submission(named if any(_is_code(name) for name, _ in named) else _opened(named))


def _opened(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    for name, content in files:
        if name.lower().endswith(".zip"):
            yield from _unzipped(content)
        else:
            yield name, content


def _submission(files: Iterable[tuple[str, bytes]]) -> Submission:
    travelling: dict[str, bytes] = {}
    left_out: list[str] = []
    total = 0
    for name, content in files:
        _bounded(name, len(content))
        total += len(content)
        if total > MAX_TOTAL_BYTES or len(travelling) >= MAX_FILES:
            raise Refused(f"more than {MAX_TOTAL_BYTES // MIB} MiB or {MAX_FILES} files: {_WHAT}, without data sets")
        if name.lower().endswith(_TRAVELS):
            travelling[_with_small_suffix(name)] = content
        else:
            left_out.append(name)
    files_here = _without_common_folder(travelling)
    _readable(files_here)
    read = {name: _in_utf_8(name, content) for name, content in files_here.items()}
    notebooks = read_notebooks(files_here)
    remarks = [remark for _, remark in read.values() if remark]
    if left_out:
        shown = ", ".join(_short(n) for n in sorted(left_out)[:5])
        remarks.append(f"left out of the submission: {shown}{' …' if len(left_out) > 5 else ''}")
    return Submission(
        files={n: c for n, (c, _) in read.items() if not n.endswith(".ipynb")},
        notebooks=notebooks,
        digest=_digest(files_here),
        remarks=tuple(remarks),
    )


def _with_small_suffix(name: str) -> str:
    """SOLUTION.PY → SOLUTION.py, which Python can import."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{suffix.lower()}"


def _readable(files: dict[str, bytes]) -> None:
    code = {n: c for n, c in files.items() if n.endswith((".py", ".ipynb"))}
    if not code:
        raise Refused(f"there is no Python file and no notebook in it: {_WHAT}")
    for name, content in code.items():
        if not content.strip() and len(code) == 1:
            raise Refused(f"{name} is empty: save your work in the editor and submit it again")
        if name.endswith(".py"):
            _refuse_what_is_no_text(name, content)


def _refuse_what_is_no_text(name: str, content: bytes) -> None:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Refused(f"{name} is saved as UTF-16: save it as UTF-8 (PowerShell's > writes UTF-16) and submit it again")
    if b"\0" in content:
        raise Refused(f"{name} is not Python source but binary data: submit the .py file itself")


def _in_utf_8(name: str, content: bytes) -> tuple[bytes, str]:
    """Python text that Python can read, and what the student should know about it. An old editor's Windows-1252 is
    read as such: a wrong guess garbles comments and texts, which no check looks at."""
    if not name.endswith(".py") or re.search(
        rb"coding[:=]\s*[-\w.]+", b"\n".join(content[:_TWO_LINES].splitlines()[:2])
    ):
        return content, ""  # it may name its encoding, and Python will read it by that
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as wrong:
        line = content.count(b"\n", 0, wrong.start) + 1
        text = content.decode("cp1252", "replace")
        return text.encode(), f"{name} is not UTF-8 (line {line}) and was read as Windows-1252: save it as UTF-8"
    return content, ""


def _unzipped(content: bytes, inside: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a zip. Without code beside them, open the zips inside: learning platforms wrap submissions."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [e for e in archive.infolist() if not e.filename.endswith("/")]
            if len(entries) > 10 * MAX_FILES or sum(e.file_size for e in entries) > 4 * MAX_TOTAL_BYTES:
                most = f"{4 * MAX_TOTAL_BYTES // MIB} MiB or {10 * MAX_FILES} files"
                raise Refused(f"the zip unpacks to more than {most}: {_WHAT}, without data sets")
            wraps = not inside and not any(_is_code(e.filename) for e in entries)
            for entry in entries:
                name = safe_name(entry.filename)
                if is_noise(name):
                    continue
                if wraps and name.lower().endswith(".zip"):
                    folder = PurePosixPath(name).parent
                    yield from (
                        ((folder / n).as_posix(), c) for n, c in _unzipped(unpacked(archive, entry), inside=True)
                    )
                    continue
                yield name, unpacked(archive, entry) if name.lower().endswith(_TRAVELS) else b""
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, struct.error, zlib.error):
        raise Refused("the zip cannot be opened: make it again and check that it opens on your machine") from None


def is_noise(name: str) -> bool:
    """What editors and operating systems leave in folders, and what begins with a dot."""
    return bool(_NOISE.search(name))


def _is_code(name: str) -> bool:
    return name.lower().endswith((".py", ".ipynb")) and not is_noise(name)


def unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """At most `MAX_FILE_BYTES` are ever unpacked, whatever the entry says about itself."""
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Refused(f"{_short(entry.filename)} in the zip is a link: put the file itself there")
    if entry.flag_bits & 1:
        raise Refused("the zip has a password: submit it without one")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError(entry.compress_type)  # bzip2 and LZMA, which nobody's file manager writes
    _bounded(entry.filename, entry.file_size)
    with archive.open(entry) as packed:
        content = packed.read(MAX_FILE_BYTES + 1)
    _bounded(entry.filename, len(content))
    return content


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(f for f in folders if not is_noise(f))
        for name in sorted(names):
            path = Path(root) / name
            if is_noise(name) or path.is_symlink() or not path.is_file():
                continue
            relative = path.relative_to(folder).as_posix().encode("utf-8", "replace").decode()
            yield relative, _content(path, relative) if name.lower().endswith(_TRAVELS) else b""


def _content(path: Path, name: str) -> bytes:
    try:
        _bounded(name, path.stat().st_size)
        return path.read_bytes()
    except OSError as wrong:
        raise Refused(f"{_short(name)} cannot be read ({wrong.strerror}): look at its permissions") from None


def safe_name(name: str) -> str:
    """A relative path below the folder that it was packed in, or `Refused`."""
    path = PurePosixPath(name.replace("\\", "/"))
    shown = f"a file in it is called {_short(name)!r}"
    if any(ord(c) < 32 for c in name):
        raise Refused(f"{shown}, which has a control character in it: rename it and pack it again")
    if len(name) > 300:
        raise Refused(f"{shown}, which is longer than 300 characters: rename it and pack it again")
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0]:
        raise Refused(f"{shown}, which leads out of its folder: pack it again")
    return path.as_posix()


def _without_common_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    tops = {PurePosixPath(name).parts[0] for name in files}
    if len(tops) != 1 or not all("/" in name for name in files):
        return files
    return _without_common_folder({name.partition("/")[2]: content for name, content in files.items()})


def _bounded(name: str, size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise Refused(
            f"{_short(name)} has {size / MIB:.0f} MiB; {MAX_FILE_BYTES // MIB} MiB is the most. "
            "In a notebook, clear the outputs (Kernel → Restart & Clear Output) and save"
        )


def _short(name: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in name)[-80:]


def _digest(files: dict[str, bytes]) -> str:
    over = hashlib.sha256()
    for name in sorted(files):
        over.update(f"{hashlib.sha256(files[name]).hexdigest()} {name}\n".encode("utf-8", "replace"))
    return over.hexdigest()
