"""`mv grader.db gone.db; touch grader.db`, a submission, `mv gone.db grader.db`: nothing that was acknowledged is lost,
whether or not the service ends between any two of these steps."""

from __future__ import annotations

import signal
from collections.abc import Collection
from pathlib import Path

import pytest

from tests.conftest import TOY_SOLUTION
from tests.journeys.test_operating import Student, says_when_to_come_back
from tests.running import WAIT_SECONDS, Running, running

pytestmark = pytest.mark.long

ACKNOWLEDGED = 4
GAPS = range(5)
"""Before the first step, between any two, and after the last."""


def swap(service: Running, student: Student, ending: signal.Signals, gaps: Collection[int]) -> None:
    """The steps of the swap; the service is ended and started again in these gaps."""
    file, gone = service.home / "grader.db", service.home / "gone.db"

    def post_meanwhile() -> None:
        assert service.process is not None
        if service.process.poll() is None:
            says_when_to_come_back(student.hand_in(f"{TOY_SOLUTION}# nobody takes this"))

    steps = [lambda: file.rename(gone), file.touch, post_meanwhile, lambda: gone.replace(file)]
    for gap in GAPS:
        if gap in gaps:
            end_and_start(service, ending, in_order=gap in (0, len(steps)))
        if gap < len(steps):
            steps[gap]()


def end_and_start(service: Running, ending: signal.Signals, *, in_order: bool) -> None:
    """`in_order`: whether the database is in its place, so that it starts."""
    assert service.process is not None
    if service.process.poll() is None:
        service.send(ending)
    service.launch()
    if in_order:
        service.wait()
    else:
        assert service.process.wait(WAIT_SECONDS) == 4
        said = service.log().splitlines()[-2:]
        assert "restore the database" in " ".join(said)


def nothing_is_lost(folder: Path, ending: signal.Signals, gaps: Collection[int]) -> None:
    with running(folder, students=1, GRADER_WORKERS="1") as service:
        service.start()
        student = Student(service)
        receipts = [student.hand_in(f"{TOY_SOLUTION}# {n}") for n in range(ACKNOWLEDGED)]
        swap(service, student, ending, gaps)
        service.relaunch()
        service.wait()
        assert student.kept() == {receipt.json()["submission"] for receipt in receipts}
        afterwards = student.hand_in(f"{TOY_SOLUTION}# after the swap")
        assert {student.graded(receipt) for receipt in (*receipts, afterwards)} == {"graded"}
        service.send(signal.SIGKILL)
        service.start()
        assert len(student.kept()) == ACKNOWLEDGED + 1
        student.close()


def test_an_empty_file_in_the_databases_place_costs_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    nothing_is_lost(tmp_path, signal.SIGKILL, gaps=())


@pytest.mark.proof
@pytest.mark.parametrize("gaps", [*((gap,) for gap in GAPS), tuple(GAPS)], ids=str)
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_an_end_in_any_gap_of_a_swap_costs_nothing_that_was_acknowledged(
    tmp_path: Path, ending: signal.Signals, gaps: Collection[int]
) -> None:
    nothing_is_lost(tmp_path, ending, gaps)
