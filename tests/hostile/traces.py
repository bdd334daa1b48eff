"""What an attack could have left outside its session. Other tests run beside these, so only descendants of this
process, its own descriptors, and names with the attack's own mark are looked at; and files that nobody has to touch."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grader.sandbox.launch import GUEST
from grader.settings import Settings

FOLDERS = ("/tmp", "/dev/shm", "/var/tmp", "/run", "/dev/mqueue", "/var/spool/cron", "/var/spool/cron/crontabs", "/")


@dataclass(frozen=True)
class Traces:
    """At one moment."""

    processes: frozenset[int]
    descriptors: frozenset[tuple[str, str]]
    """Number, and what it leads to."""
    threads: frozenset[threading.Thread]
    watched: tuple[tuple[str, object], ...]
    """Files and folders that are as they were: the runtime, the guest, start-up files of the shell."""
    devices: tuple[int, ...]


def traces() -> Traces:
    return Traces(
        frozenset(descendants()),
        frozenset(_descriptors()),
        frozenset(threading.enumerate()),
        tuple((str(path), _facts(path)) for path in _watched()),
        tuple(os.stat(f"/dev/{name}").st_mode for name in ("null", "zero", "random", "urandom")),
    )


def traces_since(before: Traces) -> Traces:
    """As they are now, with those descriptors and threads of before that are gone. Whatever earlier tests have left to
    the garbage collector (an ended process of multiprocessing holds two descriptors until it is collected) may go at
    any moment; what an attack leaves is new."""
    now = traces()
    return replace(now, descriptors=now.descriptors | before.descriptors, threads=now.threads | before.threads)


def marked(mark: str, more: Iterable[str]) -> list[str]:
    """Whatever is called by the mark, outside."""
    folders = [*map(Path, FOLDERS), Path.home(), Path.cwd(), GUEST, *_runtime()]
    found = [str(path) for folder in folders for path in _listed(folder) if mark in path.name]
    found += [path for path in more if os.path.lexists(path)]
    found += [line for line in _lines("/proc/net/unix") if mark in line]
    key = int(mark[-7:], 16)
    for kind in ("shm", "sem", "msg"):
        found += [f"{kind} {line}" for line in _lines(f"/proc/sysvipc/{kind}")[1:] if line.split()[0] == str(key)]
    return found


def descendants() -> set[int]:
    """Of this very test process, without itself."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    me = int(Path("/proc/self").resolve().name)
    family, grew = {me}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        grew, family = bool(more), family | more
    return family - {me}


def _descriptors() -> Iterator[tuple[str, str]]:
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of this very listing
            yield number, os.readlink(f"/proc/self/fd/{number}")


def _watched() -> Iterator[Path]:
    yield from (GUEST, *_runtime())
    yield from (GUEST / name for name in ("serve.py", "plain.py", "wire.py", "template.py", "walls.py"))
    yield from (Path.home() / name for name in (".bashrc", ".profile", ".pythonrc", ".config/autostart"))
    yield from map(Path, ("/etc/passwd", "/etc/crontab", "/etc/ld.so.preload", "/dev/shm/.", "/usr/bin"))


def _runtime() -> list[Path]:
    runtime = Settings().runtime
    return [runtime, runtime / "bin", *(runtime / "lib").glob("python3*/site-packages")]


def _facts(path: Path) -> object:
    try:
        facts = path.stat()
    except OSError:
        return None
    times = () if str(path).startswith("/dev/shm") else (facts.st_mtime_ns, facts.st_size)
    return facts.st_ino, facts.st_mode, facts.st_uid, *times


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
