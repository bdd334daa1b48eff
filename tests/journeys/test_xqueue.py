"""`grader xqueue` grades what Open edX's own queue offers: one result each, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.conftest import TOY_CHECKS, TOY_SOLUTION, Command, without_settings, write_toy
from tests.lms.platforms import Platform, platform_edx
from tests.running import GRADER, SLOW, WAIT_SECONDS, seeded

pytestmark = pytest.mark.long

HALF = TOY_SOLUTION.replace("return -a", "return a")
CREDENTIALS = {"GRADER_XQUEUE_USER": "grader", "GRADER_XQUEUE_PASSWORD": "xqueue", "GRADER_SECRET": "s" * 16}


class Course:
    """Open edX with a queue, and the toy assignment."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform = platform
        self.folder = folder
        self.log = folder / "log"
        self.log.touch()
        write_toy(folder / "assignments")

    def begin(self, queue: str, assignment: str = "toy") -> subprocess.Popen[bytes]:
        command = [GRADER, "xqueue", "--url", f"{self.platform.issuer}/xqueue", "--queue", queue, "-a", assignment]
        environment = {"GRADER_ASSIGNMENTS": str(self.folder / "assignments")} | CREDENTIALS
        with self.log.open("ab") as log:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", *command],
                env=without_settings() | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextmanager
    def grading(self, queue: str, assignment: str = "toy") -> Iterator[subprocess.Popen[bytes]]:
        process = self.begin(queue, assignment)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def entry(self, id: int) -> dict[str, Any]:
        return next(entry for entry in self.platform.xqueue() if entry["id"] == id)

    def statuses(self, ids: list[int]) -> set[str]:
        return {self.entry(id)["status"] for id in ids}

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text("utf-8")[-3000:]
            time.sleep(0.1)

    def failures(self) -> list[int | None]:
        """Return the submissions of the logged failures; None if none was pulled."""
        lines = self.log.read_text("utf-8").splitlines()
        return [json.loads(line).get("submission") for line in lines if '"failed"' in line]

    def until_retired(self, *ids: int) -> list[dict[str, Any]]:
        self.until(lambda: all(self.entry(id)["status"] == "retired" for id in ids))
        return [self.entry(id) for id in ids]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    with platform_edx() as platform:
        yield Course(platform, tmp_path_factory.mktemp("course"))


def text_of(reply: str) -> str:
    """The message, which Open edX parses as XML."""
    return "".join(ElementTree.fromstring(json.loads(reply)["msg"]).itertext())


def test_a_submission_gets_the_share_of_its_points_and_its_report(course: Course) -> None:
    add = course.platform.xqueue_add
    typed = add("journey", TOY_SOLUTION)
    uploaded = add("journey", "", files={"anns <solution>.py": HALF})
    hostile = add("journey", TOY_SOLUTION.replace("return", "raise ValueError('<b>]]>&\\x00\\x1b[2J');"))
    unreadable = add("journey", "", files={"solution.exe": "MZ"})
    with course.grading("journey"):
        entries = course.until_retired(typed, uploaded, hostile, unreadable)
    assert [(entry["score"], entry["results"]) for entry in entries] == [(100, 1), (50, 1), (0, 1), (0, 1)]
    replies = [json.loads(entry["reply"]) for entry in entries]
    assert [(reply["correct"], reply["score"]) for reply in replies] == [
        (True, 1),
        (False, 0.5),
        (False, 0),
        (False, 0),
    ]
    texts = [text_of(entry["reply"]) for entry in entries]
    assert "2/4" in texts[1]
    assert "<b>]]>&" in texts[2]
    assert "unsupported file type" in texts[3]


def test_what_the_grader_fails_at_has_no_result_and_is_graded_when_it_is_offered_again(course: Course) -> None:
    broken = TOY_CHECKS.replace("truth.add(1e9, 1e9)", "truth.ad(1e9, 1e9)")
    folder = write_toy(course.folder / "assignments", checks=broken, name="broken")
    id = course.platform.xqueue_add("broken", TOY_SOLUTION)
    with course.grading("broken", "broken"):
        course.until(lambda: "has no attribute 'ad'" in course.log.read_text("utf-8"))
    entry = course.entry(id)
    assert (entry["status"], entry["score"], entry["reply"], entry["results"]) == ("pulled", None, None, 0)
    assert course.failures()[-1] == id
    course.platform.xqueue_age()
    (folder / "checks.py").write_text(TOY_CHECKS, "utf-8")
    with course.grading("broken", "broken"):
        assert course.until_retired(id)[0]["score"] == 100


def test_a_queue_that_does_not_answer_is_asked_again(course: Course) -> None:
    id = course.platform.xqueue_add("faults", TOY_SOLUTION)
    course.platform.misbehave(
        {"at": "get_submission", "status": 500},
        {"at": "get_submission", "status": 403},
        {"at": "put_result", "status": 502},
    )
    with course.grading("faults"):
        course.until(lambda: "put_result" in course.log.read_text("utf-8"))
        course.platform.xqueue_age()
        entry = course.until_retired(id)[0]
    assert (entry["score"], entry["results"]) == (100, 1)
    assert course.failures()[-3:] == [None, None, id]


def test_a_result_whose_acknowledgement_is_lost_is_one_result(course: Course) -> None:
    first = course.platform.xqueue_add("lost", HALF)
    course.platform.misbehave({"at": "put_result", "drop": True})
    second = course.platform.xqueue_add("lost", TOY_SOLUTION, student="bob")
    with course.grading("lost"):
        entries = course.until_retired(first, second)
    assert [(entry["score"], entry["results"]) for entry in entries] == [(50, 1), (100, 1)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_grader_that_is_stopped_with_all_its_processes_finishes_or_leaves(course: Course, number: int) -> None:
    """As systemd and a terminal stop it."""
    queue = f"stop{number}"
    ids = [course.platform.xqueue_add(queue, SLOW, student=student) for student in ("ann", "bob")]
    course.platform.misbehave({"at": "put_result", "seconds": 3, "times": 1})  # so that it is seen as pulled
    with course.grading(queue) as process:
        course.until(lambda: course.entry(ids[0])["status"] == "pulled")
        os.killpg(process.pid, number)
        assert process.wait(WAIT_SECONDS) == 0
    first, second = (course.entry(id) for id in ids)
    assert (first["status"], first["score"]) in (("retired", 100), ("pulled", None))
    assert (second["status"], second["score"]) == ("pending", None)


def test_a_killed_grader_loses_no_submission_and_gives_each_one_result(course: Course) -> None:
    moments = seeded()
    sources = [TOY_SOLUTION, HALF, SLOW] * 3
    ids = [course.platform.xqueue_add("kills", text, student=f"s{n}") for n, text in enumerate(sources)]
    # so that some are killed while their result is on its way, and the next begins before it has come
    course.platform.misbehave({"at": "put_result", "seconds": 0.4, "times": len(ids)})
    for _ in range(5):
        with course.grading("kills") as process:
            course.until(lambda: course.statuses(ids) & {"pulled"} or course.statuses(ids) == {"retired"})
            time.sleep(moments.uniform(0, 0.6))
            process.send_signal(signal.SIGKILL)
            process.wait()
        course.platform.xqueue_age()
    with course.grading("kills"):
        entries = course.until_retired(*ids)
    assert [(entry["score"], entry["results"]) for entry in entries] == [(100, 1), (50, 1), (100, 1)] * 3


def test_without_credentials_and_a_secret_it_says_what_to_set(command: Command) -> None:
    done = command("xqueue", "--url", "http://localhost:1/xqueue", "--queue", "ml")
    assert done.returncode == 2
    assert "GRADER_XQUEUE_USER, GRADER_XQUEUE_PASSWORD and GRADER_SECRET" in done.stderr
