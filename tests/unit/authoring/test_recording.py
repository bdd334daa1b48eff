"""The answers in a student's pack do not depend on the number of processes that record them."""

from __future__ import annotations

from multiprocessing import active_children

import pytest

from grader.assignments import catalogue
from grader.assignments.catalogue import DEMO, Assignment
from grader.assignments.recorded_truth import Answers, dumps
from grader.authoring import recording
from grader.authoring.processes import run
from grader.errors import BrokenCheck
from grader.sandbox.contract import Sandbox


def written(assignment: Assignment, answers: Answers) -> bytes:
    return dumps(assignment.digest, answers, assignment.mistakes, assignment.interpretations)


def test_one_process_and_several_record_the_same_bytes(sandbox: Sandbox) -> None:
    demo, ticks = catalogue.load(DEMO), list[int]()
    alone, together = (recording.record(demo, sandbox, ticks.append, processes) for processes in (1, 3))
    assert alone.of_questions
    assert written(demo, alone) == written(demo, together)
    assert sum(ticks) == 2 * (len(demo.checks) + 1)


def broken() -> Answers:
    raise BrokenCheck("correct this line")


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_is_raised_in_the_parent_and_ends_all_processes(processes: int) -> None:
    with pytest.raises(BrokenCheck, match="correct this line"):
        run([Answers, broken, *[Answers] * 50], processes, lambda _answers: None)
    assert active_children() == []
