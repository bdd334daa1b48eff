"""Submissions of functions, loaded in the real sandbox: each function counts by itself, wherever it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pytest

from grader.guest.entry_points import EntryPoints
from grader.intake.receive import receive_files
from grader.kit.answer import explain
from grader.kit.student import Student
from grader.model import Limits, NoteKind, Place, Raised
from grader.sandbox.contract import Sandbox
from tests.conftest import MakeNotebook

WANTED = EntryPoints("functions", ("naive", "fast"))
NAIVE, FAST = "def naive(x=0):\n    return 1\n", "def fast(x=0):\n    return 2\n"
GAP = "def fast(x=0):\n    raise NotImplementedError\n"

Files = Mapping[str, str | Sequence[str]]


@contextmanager
def submitted(files: Files, sandbox: Sandbox, make_notebook: MakeNotebook) -> Iterator[Student]:
    contents = {
        name: content.encode() if isinstance(content, str) else make_notebook(*(("code", c) for c in content))
        for name, content in files.items()
    }
    limits = Limits(load_cpu_seconds=2, call_cpu_seconds=1)
    student = Student(receive_files(contents.items()), sandbox, WANTED, ["sums.py"], limits, {}, {})
    student.begin()
    yield student
    student.close()


def says(student: Student, function: str) -> object:
    answer = student.call(function)
    return answer.value if answer.failure is None else explain(answer.failure)


FOUND: dict[str, tuple[Files, str]] = {
    "a module": ({"sums.py": NAIVE + FAST}, "sums.py"),
    "cells of a notebook": ({"a.ipynb": ["x = 1", NAIVE, "y = naive(x)", FAST, "z = fast()"]}, "a.ipynb"),
    "a file of another name that has both": ({"sums.py": NAIVE, "both.py": NAIVE + FAST}, "both.py"),
    "a gap below the answer": ({"a.ipynb": [NAIVE, FAST, GAP]}, "a.ipynb"),
    "one imported by the other's file": ({"sums.py": "from quick import fast\n" + NAIVE, "quick.py": FAST}, "sums.py"),
    "an assigned function": ({"sums.py": NAIVE + "fast = lambda x=0: 2\n"}, "sums.py"),
    "a result under the function's name": ({"a.ipynb": [NAIVE, FAST, "fast = fast(3)"]}, "a.ipynb"),
    "a file that stops between them": ({"sums.py": NAIVE + "1 / 0\n" + FAST}, "sums.py"),
}


@pytest.mark.parametrize(("files", "source"), FOUND.values(), ids=FOUND)
def test_both_functions_are_found(files: Files, source: str, sandbox: Sandbox, make_notebook: MakeNotebook) -> None:
    with submitted(files, sandbox, make_notebook) as student:
        assert (says(student, "naive"), says(student, "fast")) == (1, 2)
        assert student.loaded is not None
        assert (student.loaded.source, student.loaded.names) == (source, ("fast", "naive"))


ELSEWHERE: dict[str, Files] = {
    "a second file": {"sums.py": NAIVE, "quick.py": FAST},
    "a notebook beside the handout's gap": {"sums.py": NAIVE + GAP, "a.ipynb": [FAST]},
}


@pytest.mark.parametrize("files", ELSEWHERE.values(), ids=ELSEWHERE)
def test_functions_may_be_spread_over_files(files: Files, sandbox: Sandbox, make_notebook: MakeNotebook) -> None:
    with submitted(files, sandbox, make_notebook) as student:
        assert (says(student, "naive"), says(student, "fast")) == (1, 2)
        assert student.loaded is not None
        assert NoteKind.ELSEWHERE in [note.kind for note in student.loaded.notes]


LACKING: dict[str, tuple[Files, str]] = {
    "nowhere": ({"sums.py": NAIVE}, "sums.py defines no fast"),
    "misspelt": ({"sums.py": NAIVE + "def fasst(): ...\n"}, "(sums.py defines fasst: rename it to fast)"),
    "inside another": ({"sums.py": NAIVE + "def f():\n    def fast(): ...\n"}, "inside another block (line 4)"),
    "a file that stops": ({"sums.py": NAIVE + "fast = 1 / 0\n"}, "ZeroDivisionError: division by zero (sums.py:3)"),
}


@pytest.mark.parametrize(("files", "why"), LACKING.values(), ids=LACKING)
def test_a_missing_function_fails_its_own_calls_alone(
    files: Files, why: str, sandbox: Sandbox, make_notebook: MakeNotebook
) -> None:
    with submitted(files, sandbox, make_notebook) as student:
        assert says(student, "naive") == 1
        for _ in range(2):
            assert why in str(says(student, "fast"))


UNLOADABLE: dict[str, tuple[Files, str]] = {
    "nothing like it": ({"sums.py": "x = 1\n"}, "none of the files defines naive or fast"),
    "a syntax error": ({"sums.py": NAIVE + "def fast(:\n"}, "(sums.py:3, column 10)"),
}


@pytest.mark.parametrize(("files", "why"), UNLOADABLE.values(), ids=UNLOADABLE)
def test_a_file_without_any_is_told_so(files: Files, why: str, sandbox: Sandbox, make_notebook: MakeNotebook) -> None:
    with submitted(files, sandbox, make_notebook) as student:
        assert student.load_failure is not None
        assert why in explain(student.load_failure)


# ── calls ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def student(sandbox: Sandbox, make_notebook: MakeNotebook) -> Iterator[Student]:
    text = """\
import numpy as np
def naive(x, y=1):
    x += y
    return x.sum(), np.random.rand()
def fast(x):
    while x:
        pass
    return nothing
"""
    with submitted({"sums.py": text}, sandbox, make_notebook) as made:
        yield made


def test_the_seed_is_set_on_request(student: Student) -> None:
    x = np.zeros(2)
    first, again = (student.call("naive", x, seed=3).unpack(2)[1].value for _ in range(2))
    other = student.call("naive", x).unpack(2)[1].value
    assert first == again != other


def test_arguments_arrive_as_copies_and_kept_ones_show_what_was_changed(student: Student) -> None:
    x = np.zeros(2)
    assert student.call("naive", x).unpack(2)[0].value == 2
    assert student.call("naive", x).unpack(2)[0].value == 2
    (kept,) = student.keep(x=x)
    student.call("naive", kept, y=5.0)
    assert student.look("x").item("x", "x").value.tolist() == [5, 5]


def test_what_it_raises_has_its_line_and_fails_every_item(student: Student) -> None:
    raised = Raised("NameError", "name 'nothing' is not defined", Place("sums.py", 8), "return nothing")
    assert [a.failure for a in student.call("fast", 0).unpack(2)] == [raised, raised]


def test_arguments_that_do_not_fit_are_told_at_the_def_line(student: Student) -> None:
    failure = student.call("fast", 0, reg=1.0).failure
    assert isinstance(failure, Raised)
    assert failure.place == Place("sums.py", 5)
    assert "fast() does not accept the arguments of this call (sums.py:5)" in explain(failure)


def test_an_empty_body_is_told_as_a_part_that_waits_to_be_written(
    sandbox: Sandbox, make_notebook: MakeNotebook
) -> None:
    text = 'def naive(x, y=1):\n    """Sum."""\n    pass\n\n\ndef fast(x):\n    print(x)\n'
    with submitted({"sums.py": text}, sandbox, make_notebook) as student:
        failure = student.call("naive", 0).failure
        assert isinstance(failure, Raised)
        assert (failure.kind, failure.place) == ("NotImplementedError", Place("sums.py", 1))
        assert student.call("fast", 0).failure is None
