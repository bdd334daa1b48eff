"""`grader batch` killed at any moment goes on from there: nothing is lost, and nothing is graded twice."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests import classes
from tests.conftest import TOY_CHECKS, TOY_TOML
from tests.running import SLOW, WAIT_SECONDS, seeded

pytestmark = pytest.mark.long

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GRADER_")}


class Class:
    """A few students whose gradings take a while, and what an undisturbed batch makes of them."""

    def __init__(self, folder: Path, students: int, cores: int) -> None:
        self.folder = folder
        self.cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))
        (folder / "toy").mkdir()
        (folder / "toy" / "assignment.toml").write_text(TOY_TOML, "utf-8")
        (folder / "toy" / "checks.py").write_text(TOY_CHECKS, "utf-8")
        for n in range(students):
            pair = n // 2
            source = SLOW if pair % 3 else SLOW.replace("return -a", "return a")
            classes.laid_out(folder / "class" / f"s{n}", {"mlp.py": f"{source}# {pair}\n".encode()})

    def begin(self, out: Path, *more: str, secret: str = "") -> subprocess.Popen[bytes]:
        batch = [Path(sys.executable).with_name("grader"), "batch", self.folder / "class", "-a", self.folder / "toy"]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                # Ctrl-C is heard also where these tests run in a shell's background.
                ["env", "--default-signal=INT", "taskset", "-c", self.cores, *batch, "-o", out, *more],
                env=ENVIRONMENT
                | {"GRADER_HOME": str(self.folder / "home")}
                | ({"GRADER_SECRET": secret} if secret else {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def complete(self, out: Path) -> dict[str, bytes]:
        """The gradebooks, once it has ended well."""
        return self.gradebooks(self.begin(out), out)

    def gradebooks(self, process: subprocess.Popen[bytes], out: Path) -> dict[str, bytes]:
        assert process.wait(WAIT_SECONDS) == 0, self.log()
        return {file.name: file.read_bytes() for file in sorted(out.glob("*.csv"))}

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")


def stopped(class_: Class, out: Path, moments: Iterator[signal.Signals]) -> dict[str, bytes]:
    """The gradebooks after these signals; what had been kept by then stays as it was."""
    before: dict[str, str] = {}
    process = class_.begin(out)
    for number in moments:
        process.send_signal(number)
        code = process.wait(WAIT_SECONDS)
        assert code in (-signal.SIGKILL, 130 if number is signal.SIGINT else 0), class_.log()
        assert classes.graded_in(out).items() >= before.items()
        before = classes.graded_in(out)
        process = class_.begin(out)
    found = class_.gradebooks(process, out)
    assert classes.graded_in(out).items() >= before.items()
    return found


def while_it_grades(out: Path, random: Random) -> Iterator[signal.Signals]:
    """Killed, stopped and killed, each a while after this run has graded one more."""
    for number in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
        before, deadline = len(classes.graded_in(out)), time.monotonic() + WAIT_SECONDS
        while len(classes.graded_in(out)) <= before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.1))
        yield number


def at_any_moment(random: Random, seconds: float) -> Iterator[signal.Signals]:
    for _ in range(20):
        time.sleep(random.uniform(0, seconds))
        yield signal.SIGKILL


def test_killed_twice_and_stopped_it_comes_to_the_same_gradebooks_and_grades_nothing_again(tmp_path: Path) -> None:
    class_ = Class(tmp_path, students=12, cores=1)
    out = tmp_path / "out"
    found = stopped(class_, out, while_it_grades(out, seeded()))
    assert "stopped; what has been graded is kept: run it again to go on" in class_.log()
    assert len(classes.graded_in(out)) == 6  # every other one is the same as the one before
    assert found == class_.complete(tmp_path / "undisturbed")
    assert set(found) == {"canvas.csv", "gradebook.csv", "moodle.csv", "scores.csv"}


def test_what_a_killed_run_has_graded_is_in_the_gradebooks_and_the_students_folders(tmp_path: Path) -> None:
    class_ = Class(tmp_path, students=24, cores=1)
    out = tmp_path / "out"
    process = class_.begin(out)
    deadline = time.monotonic() + WAIT_SECONDS
    while not graded_in_gradebook(out):
        assert process.poll() is None, class_.log()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait(WAIT_SECONDS)
    graded = graded_in_gradebook(out)
    assert 0 < len(graded) < 24
    for student in graded:
        assert "<h1>" in (out / "students" / student / "report.html").read_text("utf-8")
    assert class_.complete(out) == class_.complete(tmp_path / "undisturbed")


@pytest.mark.parametrize("secret", ["another secret of the course", ""])
def test_a_killed_run_under_another_secret_leaves_the_scores_of_the_class(tmp_path: Path, secret: str) -> None:
    """With the same secret, the run grades all again since its queue was deleted."""
    class_ = Class(tmp_path, students=20, cores=1)
    out = tmp_path / "out"
    before = class_.complete(out)
    for file in (out / "graded").glob("queue.db*") if not secret else ():
        file.unlink()
    graded_before = len(classes.graded_in(out))
    process = class_.begin(out, secret=secret)
    deadline = time.monotonic() + WAIT_SECONDS
    while len(classes.graded_in(out)) < graded_before + 7:
        assert time.monotonic() < deadline, class_.log()
        time.sleep(0.01)
    process.kill()
    process.wait(WAIT_SECONDS)
    assert {file.name: file.read_bytes() for file in sorted(out.glob("*.csv"))} == before


def graded_in_gradebook(out: Path) -> set[str]:
    """The students with points in the gradebook, if it is written already."""
    gradebook = out / "gradebook.csv"
    if not gradebook.exists():
        return set()
    with gradebook.open(encoding="utf-8", newline="") as table:
        return {row["student"] for row in csv.DictReader(table) if row["points"]}


def test_what_a_killed_run_has_queued_waits_until_a_run_asks_for_it(tmp_path: Path) -> None:
    class_ = Class(tmp_path, students=12, cores=1)
    out = tmp_path / "out"
    process = class_.begin(out)
    next(while_it_grades(out, seeded()))
    process.kill()
    process.wait(WAIT_SECONDS)
    before = classes.graded_in(out)
    last = class_.begin(out, "--students", "s11")
    class_.gradebooks(last, out)
    assert len(classes.graded_in(out)) == len(before) + 1
    assert class_.complete(out) == class_.complete(tmp_path / "undisturbed")


@pytest.mark.proof
def test_killed_at_twenty_random_moments_it_comes_to_the_same_gradebooks(tmp_path: Path) -> None:
    class_ = Class(tmp_path, students=60, cores=2)
    started = time.monotonic()
    undisturbed = class_.complete(tmp_path / "undisturbed")
    takes = time.monotonic() - started
    assert stopped(class_, tmp_path / "out", at_any_moment(seeded(), takes / 3)) == undisturbed
