"""A class of fifty, with all that real ones bring along, and its exports in every format."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import unicodedata
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import yaml

from grader.errors import StoreUnavailable
from grader.model import Points
from grader.store.database import Store
from tests.conftest import TOY_SOLUTION

DUE = dt.datetime(2026, 11, 20, 23, 59, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)

RIGHT = Points(4)
WRONG_SUM = TOY_SOLUTION.replace("return a + b", "return a - b")
WRONG_SIGN = TOY_SOLUTION.replace("return -a", "return a")
RAISES = TOY_SOLUTION.replace("return a + b", "raise ValueError('<b>no</b> \x1b[31m=1+1')")
SPINS = TOY_SOLUTION.replace("return a + b", "\n        while True: pass")
DIES = "import os\n" + TOY_SOLUTION.replace("return -a", "os._exit(0)")


def graded_in(out: Path) -> dict[str, str]:
    """The finished gradings of a batch, which may be running, and when each was finished."""
    with suppress(StoreUnavailable), closing(Store(f"sqlite:///{out / 'graded' / 'queue.db'}")) as store:
        return graded_of(store)
    return {}  # it has no database yet


def graded_of(store: Store) -> dict[str, str]:
    """The gradings that are finished, and when each was."""
    with store.read() as tx:
        rows = tx.exec_driver_sql("SELECT id, finished_at FROM gradings WHERE state = 'graded'").all()
    return {id: str(finished_at) for id, finished_at in rows}


@dataclass(frozen=True)
class Pupil:
    number: int
    name: str
    files: Mapping[str, bytes]
    points: Points | None
    """None where there is nothing that could be graded."""
    submitted_at: dt.datetime | None = DUE - 5 * HOUR
    """None where nothing was handed in."""

    @property
    def id(self) -> str:
        return str(40_000 + self.number)

    @property
    def login(self) -> str:
        return f"s{self.number}"

    @property
    def email(self) -> str:
        return f"{self.login}@example.edu"

    @property
    def late(self) -> bool:
        return self.submitted_at is not None and self.submitted_at > DUE


ODD_NAMES = (
    "Zoë Müller-O'Brien", "李 小龍", "محمد العربي", "=cmd|'/C calc'!A0", "<script>alert(1)</script>", "Kim Lee",
    "Kim Lee", "Robert'); DROP TABLE Students;--", "+1 234", "Anna_Maria de la Cruz",
    unicodedata.normalize("NFD", "José Núñez"), "Ὀδυσσεύς", "😀 Smiley", "@everyone", "van der Berg, Jan",
)  # fmt: skip


def fifty() -> list[Pupil]:
    """Mostly right ones, each with bytes of its own, and every kind of trouble."""
    return [_pupil(n) for n in range(50)]


def _pupil(n: int) -> Pupil:
    name = ODD_NAMES[n] if n < len(ODD_NAMES) else f"Student{n} Family{n}"
    pupil = Pupil(n, name, {"mlp.py": _own(TOY_SOLUTION, n)}, RIGHT)
    for when, change in _TROUBLES:
        if when(n):
            pupil = change(pupil)
    return pupil


def _own(source: str, n: int) -> bytes:
    return f"{source}# {n}\n".encode()


def _with(source: str, points: int) -> Callable[[Pupil], Pupil]:
    return lambda p: replace(p, files={"mlp.py": _own(source, p.number)}, points=Points(points))


_TROUBLES: Sequence[tuple[Callable[[int], bool], Callable[[Pupil], Pupil]]] = (
    (lambda n: n in range(20, 27), _with(WRONG_SUM, 2)),
    (lambda n: n in range(27, 31), _with(WRONG_SIGN, 2)),
    (lambda n: n in (31, 32), _with(RAISES, 2)),
    (lambda n: n == 33, _with(SPINS, 2)),
    (lambda n: n == 34, _with(DIES, 2)),
    (lambda n: n == 35, lambda p: replace(p, files={"mlp.py": b""}, points=None)),
    (lambda n: n == 36, lambda p: replace(p, files={"essay.pdf": b"%PDF-1.4"}, points=None)),
    (lambda n: n in (37, 38, 39), lambda p: replace(p, files={"mlp.py": _own(TOY_SOLUTION, 37)})),
    (lambda n: n == 40, lambda p: replace(p, files={"ps4.ipynb": _notebook(p.number)})),
    (lambda n: n == 41, lambda p: replace(p, files={"work.zip": zipped({"mlp.py": _own(TOY_SOLUTION, 41)})})),
    (lambda n: n == 42, lambda p: replace(p, files=p.files | {"helper.py": b"HELP = 1\n"})),
    (lambda n: n in (43, 44), lambda p: replace(p, files={}, points=None, submitted_at=None)),
    (lambda n: n == 45, lambda p: replace(p, submitted_at=DUE + 2 * HOUR)),
    (lambda n: n == 46, lambda p: replace(p, submitted_at=DUE + 50 * HOUR)),
    (lambda n: n == 47, lambda p: replace(p, files={"bomb.zip": zipped({"mlp.py": b"\n" * (30 << 20)})}, points=None)),
)


def _notebook(n: int) -> bytes:
    cell = {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": f"{TOY_SOLUTION}# {n}",
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}).encode()


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def after(points: Points, pupil: Pupil, per_day: Fraction) -> Points:
    """What lateness leaves of them: two days begun, or three, and none at all."""
    days = {45: 1, 46: 3}.get(pupil.number, 0)
    return points * (1 - days * per_day)


# ── exports ──────────────────────────────────────────────────────────────────────────────────────────


def roster(pupils: Sequence[Pupil], file: Path) -> Path:
    """As a registrar writes it. Names that would be formulas stand as they are: that is their danger."""
    rows = [("name", "id", "email", "login", "submitted")]
    rows += [(p.name, p.id, p.email, p.login, p.submitted_at.isoformat() if p.submitted_at else "") for p in pupils]
    return _csv(file, rows)


def canvas_gradebook(pupils: Sequence[Pupil], file: Path) -> Path:
    rows = [("Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Sums (9)", "Final Score")]
    rows += [("    Points Possible", "", "", "", "", "5.5", "(read only)")]
    rows += [(p.name, p.id, f"U{p.number}", p.login, "ML 101", "", "") for p in pupils]
    return _csv(file, rows)


def moodle_worksheet(pupils: Sequence[Pupil], file: Path) -> Path:
    rows = [("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Feedback comments")]
    rows += [(f"Participant {p.id}", p.name, p.email, "Submitted for grading", "", "5.50", "") for p in pupils]
    return _csv(file, rows)


def _csv(file: Path, rows: Sequence[Sequence[str]]) -> Path:
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows(rows)
    return file


def canvas(pupils: Sequence[Pupil], file: Path) -> Path:
    """One flat zip. Canvas keeps letters and digits of the name, family name first."""
    entries: dict[str, bytes] = {}
    for p in _present(pupils):
        for number, (name, content) in enumerate(p.files.items()):
            stem, dot, suffix = name.rpartition(".")
            again = f"{stem}-1{dot}{suffix}" if p.number % 7 == 0 else name
            late = "LATE_" if p.late else ""
            entries[f"{_squeezed(p.name) or 'x'}_{late}{p.id}_{9_000 + 10 * p.number + number}_{again}"] = content
    return _written(file, entries)


def moodle(pupils: Sequence[Pupil], file: Path) -> Path:
    """A folder per participant. Moodle takes signs that file systems mind out of names."""
    entries = {
        f"{_fit_for_files(p.name)}_{p.id}_assignsubmission_file_/{name}": content
        for p in _present(pupils)
        for name, content in p.files.items()
    }
    return _written(file, entries)


def gradescope(pupils: Sequence[Pupil], file: Path) -> Path:
    facts, entries = {}, {}
    for p in _present(pupils):
        submission = f"submission_{7_000 + p.number}"
        facts[submission] = {
            ":submitters": [{":name": p.name, ":sid": p.id, ":email": p.email}],
            ":created_at": p.submitted_at,
            ":score": 0.0,
        }
        entries |= {f"assignment_1_export/{submission}/{name}": content for name, content in p.files.items()}
    entries["assignment_1_export/submission_metadata.yml"] = yaml.safe_dump(facts, allow_unicode=True).encode()
    return _written(file, entries)


def nbgrader(pupils: Sequence[Pupil], folder: Path) -> Path:
    for p in _present(pupils):
        place = folder / "submitted" / p.login / "toy"
        laid_out(place, p.files | {"timestamp.txt": f"{p.submitted_at:%Y-%m-%d %H:%M:%S.%f} UTC".encode()})
    return folder / "submitted"


def folders(pupils: Sequence[Pupil], folder: Path) -> Path:
    for p in _present(pupils):
        laid_out(folder / p.login, p.files)
    return folder


def loose(pupils: Sequence[Pupil], folder: Path) -> Path:
    """A file of several goes without the others, which loose files cannot say."""
    for p in _present(pupils):
        name, content = next(iter(p.files.items()))
        laid_out(folder, {f"{p.login}{Path(name).suffix}": content})
    return folder


EXPORTS = {f.__name__: f for f in (canvas, moodle, gradescope, nbgrader, folders, loose)}


def _present(pupils: Sequence[Pupil]) -> list[Pupil]:
    return [p for p in pupils if p.files]


def _squeezed(name: str) -> str:
    given, _, family = unicodedata.normalize("NFC", name).rpartition(" ")
    return "".join(c for c in f"{family}{given}".lower() if c.isalnum())


def _fit_for_files(name: str) -> str:
    return "".join(c for c in name if c not in "/\\:*?\"<>|'&;").strip()


def _written(file: Path, entries: Mapping[str, bytes]) -> Path:
    file.write_bytes(zipped(entries))
    return file


def laid_out(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
