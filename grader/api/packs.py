"""Downloads of an assignment for the members of a course: the handout and the student's pack."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
import tempfile
import threading
import time
from functools import cached_property, lru_cache
from pathlib import Path

import structlog
from fastapi import APIRouter
from starlette.responses import Response

from grader import __version__
from grader.api.files import download, stored
from grader.api.lookup import ForMember
from grader.api.problems import HttpProblem, not_found
from grader.api.submitting import require_opened
from grader.assignments.archive import zip_of
from grader.assignments.catalogue import Assignment
from grader.settings import Settings
from grader.store.records import Offering

log = structlog.get_logger()
pages = APIRouter(include_in_schema=False)

_BUILD_SECONDS = 30
"""Seconds in the header Retry-After while a pack is built."""
_RETRY_SECONDS = 300.0
"""Seconds after which a pack that could not be built is tried again."""


@lru_cache(maxsize=8)
def _zip_of(folder: Path, _digest: str) -> bytes:
    return zip_of(folder)


def handout(task: Assignment) -> bytes:
    """Return the files of an assignment's handout as a zip, as they were when it was first asked for."""
    return _zip_of(task.folder / "handout", task.digest)


class StudentPacks:
    """The students' packs, which separate processes build, one at a time. The packs are kept until the assignment or
    the grader changes. Recording the reference's answers takes up to half a minute of CPU time, too long for a
    request."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._build: threading.Thread | None = None
        self._failures: dict[Path, float] = {}
        """Times at which the last build of a pack failed."""
        self._lock = threading.Lock()

    @cached_property
    def _folder(self) -> Path:
        """The folder of the packs. With PostgreSQL, GRADER_HOME may be missing or read-only."""
        return Path(tempfile.mkdtemp("-packs")) if self._settings.has_postgresql else self._settings.home / "packs"

    def file(self, task: Assignment) -> Path | None:
        """Return the pack of an assignment. If there is none yet, start building it and return None. Raise 503 if it
        could not be built, until it is tried again."""
        content = hashlib.sha256(f"{__version__} {task.digest}".encode() + handout(task))
        pack = self._folder / task.id / f"{content.hexdigest()[:16]}.zip"
        with self._lock:
            if pack.exists():
                return pack
            failed_at = self._failures.get(pack, -math.inf)
            wait = failed_at + _RETRY_SECONDS - time.monotonic()
            if wait > 0:
                detail = "the pack could not be made: tell the course's staff; it is tried again after five minutes"
                raise HttpProblem(503, "pack-failed", "There is no pack now", detail, retry_seconds=wait)
            if self._build is None or not self._build.is_alive():
                self._build = threading.Thread(target=self._run, args=(task, pack), daemon=True)
                self._build.start()
        return None

    def _run(self, task: Assignment, pack: Path) -> None:
        """Build a pack. Remove packs of earlier versions of the assignment."""
        unfinished = pack.with_suffix(".part")
        pack.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "grader", "pack", "student", f"{task.folder}", "--to", f"{unfinished}"]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            self._failures[pack] = time.monotonic()
            log.error("a pack was not built", assignment=task.id)
            return
        for earlier in pack.parent.glob("*.zip"):
            earlier.unlink()
        unfinished.replace(pack)


@pages.get("/courses/{course}/assignments/{assignment}/handout.zip")
def get_handout(member: ForMember) -> Response:
    """Return the files of the handout as a zip."""
    _opened(member)
    return download(f"{member.assignment}-handout.zip", handout(member.task))


@pages.get("/courses/{course}/assignments/{assignment}/pack.zip")
def get_pack(member: ForMember) -> Response:
    """Return the student's pack as a zip. Students cannot download it while checks are hidden, since it has them."""
    if _opened(member).hidden and not member.is_by_staff:
        raise not_found("pack")
    pack = member.request.app.state.packs.file(member.task)
    if pack is None:
        detail = "the first download of a pack takes a minute or two to prepare: try again then"
        raise HttpProblem(503, "pack-building", "The pack is being made", detail, retry_seconds=_BUILD_SECONDS)
    return stored(f"{member.assignment}-student.zip", pack)


def _opened(member: ForMember) -> Offering:
    """Return the offering of an assignment that the caller may download. Raise 403 before it opens, unless to staff."""
    with member.read() as (_, offering):
        if not member.is_by_staff:
            require_opened(offering, member.caller.request_at)
        return offering
