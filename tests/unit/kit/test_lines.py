"""The line of a fault is found by the flow of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.intake.receive import receive, receive_files
from grader.kit.answer import Answer
from grader.kit.lines import misapplied
from grader.kit.lines.finder import shown
from grader.kit.lines.flow import (
    ARGUMENT,
    MAX_NUMBERS,
    UNKNOWN,
    Flow,
    Steps,
    TooManySteps,
    TracedCall,
    TracedStatement,
    Value,
    flow_of,
    statements_of,
)
from grader.kit.lines.states import RIGHT, SILENT, UNEXPECTED, exonerate
from grader.kit.lines.suspects import Suspects
from grader.kit.lines.values import MISAPPLIED, RightValues
from grader.model import Place, Raised, SourceLine
from grader.sandbox.contract import Sandbox
from tests.conftest import MakeNotebook, Submit

VARIANTS = Path(__file__).resolve().parents[3] / "reference" / "ps4" / "variants"
NOTHING_IS_RIGHT = RightValues({})


def statement(line: int, kind: str = "assign", form: str = "operation", parent: int = -1) -> TracedStatement:
    return TracedStatement(Place("mlp.py", line), kind, form, parent, ("x",), ())


def flow(*sources: Sequence[int], **outputs: Sequence[int]) -> Flow:
    """One event of each statement."""
    return Flow([statement(i) for i in range(len(sources))], range(len(sources)), sources, outputs=outputs)


def lines_of(traced: Flow, state: Sequence[str], *wrong: str) -> list[int]:
    return [traced.at(e).place.line for e in Suspects(traced, NOTHING_IS_RIGHT, state).ranked(wrong)]


# ── which statement it is ────────────────────────────────────────────────────────────────────────────


def test_the_fault_is_where_right_values_go_in_and_a_wrong_one_comes_out() -> None:
    assert lines_of(flow([], [0], [1], [2], loss=[3]), [RIGHT, RIGHT, UNEXPECTED, UNEXPECTED], "loss") == [2]


def test_a_value_that_nobody_knows_is_exonerated_by_a_right_one_that_comes_from_it() -> None:
    traced = flow([], [0], [1], [2], loss=[3])
    assert lines_of(traced, [RIGHT, UNEXPECTED, RIGHT, UNEXPECTED], "loss") == [3]


def test_a_right_output_exonerates_what_both_come_from() -> None:
    """As where dW1 is wrong and db1 is right: the gradient of the hidden layer is no suspect."""
    traced = flow([], [0], [1], [1], W1=[2], b1=[3])
    assert lines_of(traced, [RIGHT, UNEXPECTED, UNEXPECTED, RIGHT], "W1") == [2]


def test_where_two_outputs_are_wrong_what_both_come_from_is_likelier() -> None:
    traced = flow([], [0], [1], [1], [], W1=[2, 4], b1=[3])
    assert lines_of(traced, [RIGHT, UNEXPECTED, UNEXPECTED, UNEXPECTED, UNEXPECTED], "W1", "b1")[0] == 1


def test_one_right_value_by_chance_does_not_exonerate_a_wrong_one() -> None:
    traced = flow([], [0], [1], [1], [1], loss=[3], grads=[4])
    assert 1 not in exonerate(traced, [RIGHT, UNEXPECTED, RIGHT, UNEXPECTED, UNEXPECTED])


def test_a_right_value_at_the_wrong_place_is_the_fault() -> None:
    """The data loss is right, and returned without its penalty."""
    traced = flow([], [0], loss=[1])
    assert lines_of(traced, [RIGHT, RIGHT], "loss") == [1]


def test_a_statement_that_hands_a_value_on_is_not_where_it_was_made() -> None:
    rows = [statement(0), statement(1), statement(2, "return", "name")]
    same = [Value.of(np.array([2.5]))]
    traced = Flow(rows, range(3), [[], [0], [1]], {1: same, 2: same}, {"loss": [2]})
    assert lines_of(traced, [RIGHT, SILENT, UNEXPECTED], "loss") == [1]


def test_without_wrong_outputs_there_is_no_line() -> None:
    assert lines_of(flow([], [0], loss=[1]), [RIGHT, UNEXPECTED]) == []


# ── right values ─────────────────────────────────────────────────────────────────────────────────────


def test_a_value_is_recognised_however_it_lies() -> None:
    matrix = np.random.default_rng(0).normal(size=(3, 4))
    right = RightValues({"h": matrix})
    for value in (matrix, matrix.T, matrix[1], matrix.astype(np.float32)):
        assert right.names(value.astype(float).ravel()) == {"h"}
    assert not right.names(matrix.ravel() * 1.001)
    assert not right.names(-matrix.ravel())


def test_of_random_values_the_shape_alone_is_right() -> None:
    right = RightValues({"W1": np.zeros((3, 4)), "b1": np.zeros(4)}, random=True)
    assert right.is_named(np.ones((3, 4)), "W1")
    assert right.is_named(np.ones((1, 4)), "b1")
    assert not right.is_named(np.ones((4, 3)), "W1")
    assert not right.is_named(np.ones(3), "b1")


def test_drawn_values_of_another_parameters_size_are_misnamed() -> None:
    right = RightValues({"W1": np.zeros((3, 4)), "b1": np.zeros(4)}, ("W1", "b1"), random=True)
    names = right.names(np.ones(12))
    assert names == {"W1"}
    assert right.is_of_another(replace(statement(1), writes=("self.params['b1']",)), names)
    assert not right.is_of_another(replace(statement(1), writes=("self.params['W1']",)), names)


def test_a_value_that_is_right_as_well_is_not_misapplied() -> None:
    h = np.array([0.5, 0.25])
    assert RightValues({"h": h, f"{MISAPPLIED}sigmoid: b1": h}).names(h) == {"h"}


def test_a_right_function_of_a_wrong_argument_points_at_the_argument() -> None:
    rows = [
        statement(1),
        replace(statement(2), kind="assign", form="name"),
        replace(statement(3), kind=ARGUMENT, form="name"),
        statement(4),
    ]
    a, b1, h = (np.array(value) for value in ([1.0, 2.0], [3.0, 4.0], [0.5, 0.25]))
    values = {0: [Value.of(a)], 1: [Value.of(b1)], 2: [Value.of(b1)], 3: [Value.of(h)]}
    traced = Flow(rows, range(4), [[], [], [1], [2]], values=values, outputs={"h": [3]})
    right = RightValues({"a": a, "b1": b1, misapplied("sigmoid", "a", "b1"): h})
    (event,) = Suspects(traced, right, [RIGHT, RIGHT, RIGHT, UNEXPECTED]).ranked(["h"])
    assert event == 1


def test_an_argument_whose_right_value_was_never_computed_is_unfinished() -> None:
    """The activation gets X W1, to which no b1 was added."""
    a, h = np.array([3.0, 4.0]), np.array([0.5, 0.25])
    rows = [statement(1), statement(2), statement(3, "return")]
    values = {1: [Value.of(a)], 2: [Value.of(h)]}
    traced = Flow(rows, range(3), [[], [0], [1]], values=values, outputs={"h": [2]})
    right = RightValues({"X W1": a, misapplied("sigmoid", "a", "X W1"): h})
    assert Suspects(traced, right, [SILENT, RIGHT, UNEXPECTED]).ranked(["h"]) == [1]
    complete = RightValues({"X W1": a, "a": np.array([1.0, 2.0]), misapplied("sigmoid", "a", "X W1"): h})
    both = replace(traced, values={0: [Value.of(np.array([1.0, 2.0]))], **values})
    assert Suspects(both, complete, [RIGHT, RIGHT, UNEXPECTED]).ranked(["h"]) == [2]


def test_infinite_values_are_never_right() -> None:
    right = RightValues({"h": np.array([np.inf, 1.0]), "p": np.array([np.nan, 1.0])})
    assert not right.names(np.array([np.inf, 1.0]))
    assert not right.names(np.array([np.nan, 1.0]))


# ── claims from inside ───────────────────────────────────────────────────────────────────────────────

TWO = [statement(1), statement(2)]
FACTS: dict[str, Any] = {
    "rows": np.array([0, 1]),
    "starts": np.array([0]),
    "ends": np.array([1]),
    "values": [{"event": 1, "numbers": np.array([1.0, 2.0])}],
    "outputs": {"": np.array([1])},
    "results": {"": np.array([1.0, 2.0])},
    "calls": [],
}


def test_a_call_comes_as_events_and_what_they_read() -> None:
    traced = flow_of(Answer("loss", FACTS), TWO, Steps())
    assert traced is not None
    assert ([*traced.rows], traced.sources, traced.outputs) == ([0, 1], [[], [0]], {"": [1]})


@pytest.mark.parametrize(
    "lie",
    [
        {"rows": np.array([0, 2])},
        {"rows": [0, 1]},
        {"rows": np.zeros(30_000, int)},
        {"starts": np.array([1])},
        {"starts": np.array([-1])},
        {"ends": np.array([0.5])},
        {"outputs": [1, 2]},
        {"outputs": {str(number): np.array([1]) for number in range(101)}},
        *({"values": lie} for lie in (None, 1, np.zeros(3), {}, [1])),
        *({"values": [{"event": event, "numbers": np.ones(1)}]} for event in (2, -1, "1")),
        *({"values": [{"event": 1, "numbers": lie}]} for lie in (np.array(["x"]), np.zeros(MAX_NUMBERS + 1), [1.0])),
        *(
            {"calls": [lie]}
            for lie in (["loss", [["X", 2]]], ["loss", [["X", -1]]], ["loss", [[1, 1]]], ["loss", 1], 1)
        ),
    ],
)
def test_a_call_in_another_shape_is_none(lie: dict[str, Any]) -> None:
    assert flow_of(Answer("loss", FACTS | lie), TWO, Steps()) is None


def test_calls_of_functions_come_with_the_events_of_their_arguments() -> None:
    traced = flow_of(Answer("loss", FACTS | {"calls": [["loss", [["X", 1]]]]}), TWO, Steps())
    assert traced is not None
    assert traced.calls == [TracedCall("loss", {"X": 1})]
    assert [traced.at(event).kind for event in (0, 1)] == ["assign", ARGUMENT]


def steps_of_search(count: int) -> int:
    """Return the steps that a search takes where each of `count` events reads many others and the last one all."""
    middle, last = np.arange(1, count - 1), count - 1
    sources = [[], *([int(n) // 2, int(n) // 3, int(n) // 4] for n in middle), [*range(last)]]
    rows = [statement(0)] * last + [statement(1, "assign", "name")]
    value = {last: [Value.of(np.array([0.5]))]}
    traced = Flow(rows, range(count), sources, value, {"loss": [last]}, steps=Steps(200_000))
    assert Suspects(traced, NOTHING_IS_RIGHT).ranked(["loss"]) == [last]
    return 200_000 - traced.steps.left


def test_a_search_takes_steps_for_each_event_and_ends_without_them() -> None:
    assert steps_of_search(4_000) < 2.2 * steps_of_search(2_000)
    with pytest.raises(TooManySteps):
        steps_of_search(20_000)


def test_a_call_that_failed_is_none() -> None:
    assert flow_of(Answer("loss", Raised("ValueError", "no")), TWO, Steps()) is None
    assert statements_of(Answer("structure", Raised("ValueError", "no")), receive("mlp.py", b"x = 1", "mlp.py")) == []


def test_only_statements_of_the_submission_are_believed(submit: Submit) -> None:
    row = ["mlp.py", 1, "assign", "name", ["x"], ["y"], -1]
    lies = [["../secret.py", *row[1:]], ["mlp.py", 0, *row[2:]], ["mlp.py", "1", *row[2:]], row[:5], "row", None]
    found = statements_of(Answer("structure", [row, *lies]), submit("y = x\n"))
    assert [one is not UNKNOWN for one in found] == [True] + len(lies) * [False]


def test_the_text_of_a_line_is_the_submissions_own(submit: Submit, make_notebook: MakeNotebook) -> None:
    assert shown(submit("x = 1\n  y = 2  \n"), Place("mlp.py", 2)) == SourceLine("mlp.py", 2, "y = 2")
    assert shown(submit("x = 1"), Place("mlp.py", 9)) is None
    assert shown(submit("x = 1"), Place("other.py", 1)) is None
    notebook = receive_files([("net.ipynb", make_notebook(("code", "x = 1\ny = 2")))])
    (cell,) = notebook.notebooks[0].code_cell_numbers
    place = Place(f"{notebook.notebooks[0].path} cell {cell}", 2)
    assert shown(notebook, place) == SourceLine(place.file, 2, "y = 2")


# ── of a whole submission ────────────────────────────────────────────────────────────────────────────


FAULTS = [
    ("textbook", "z1 = X @ W1 + b1", "z1 = X @ W1 - 2 * b1", "q2.1.scores"),
    ("textbook", "-= learning_rate * grads[name]", "-= learning_rate * grads[name] ** 3", "q2.3.step"),
    ("textbook", "b2 = self.params['b2']", "b2 = self.params['W2']", "q2.1.loss"),
    ("loops", "back = W2.dot(delta)", "back = 3 * W2.dot(delta)", "q2.2.W1"),
    ("textbook", "['b1'] = np.zeros(hidden_size)", "['b1'] = np.zeros(input_size)", "q2.1.scores"),
    ("textbook", "it * batch_size:(it + 1)", "it * batch_size + 1:(it + 1)", "q2.3.batches"),
    ("textbook", "self.loss(X_batch, y_batch", "self.loss(X, y_batch", "q2.3.batches"),
    ("loops", "scores = self.loss(X)\n", "scores = X\n", "q2.3.predict"),
    ("textbook", "randn(input_size, hidden_size)", "randn(hidden_size, input_size)", "q2.1.loss"),
    ("loops", "range(0, max(N - N % batch_size, 1), b", "range(0, N - N % batch_size, b", "q2.3.decay"),
    ("textbook", "learning_rate *= learning_rate_decay", "learning_rate *= 0.95", "q2.3.decay"),
    ("textbook", "self.slope(z1, h1)", "self.slope(z1, z1)", "q2.2.b1"),
    ("loops", "s = scores[i]", "s = scores", "q2.1.loss"),
    ("loops", "norm = e.sum()", "norm = s.sum()", "q2.2.b1"),
    ("loops", "max(N - N % batch_size, 1), batch_size)", "max(N - N % batch_size, 1), 100)", "q2.3.batches"),
    ("loops", "norm = e.sum()", "norm = -e.sum()", "q2.3.step"),  # all rows are alike
    ("textbook", "dh1 = dscores @ W2.T", "dh1 = dscores", "q2.2.b1"),  # raises later
    ("textbook", "return loss, grads", "return loss", "q2.1.loss"),
    ("textbook", "self.params[name] -= learning_rate", "p = self.params[name] - learning_rate", "q2.3.step"),
    ("textbook", "1.0 / (1.0 + np.exp(-z))", "np.exp(z) / (1.0 + np.exp(z))", "q2.1.stable"),
    ("textbook", "X_batch = X[rows]", "X_batch = None", "q2.3.step"),  # raises in loss
    ("textbook", "scores = h1 @ W2 + b2", "scores = None", "q2.1.scores"),
    ("loops", "dW2 = np.zeros(W2.shape)", "dW2 = vars(self).setdefault('d', 0 * W2)", "q2.2.W2"),  # the second call
]


@pytest.mark.parametrize(
    ("variant", "before", "after", "check"),
    [pytest.param(*fault, marks=[pytest.mark.long] if number % 3 else []) for number, fault in enumerate(FAULTS)],
)
def test_the_line_of_a_fault_is_found(
    ps4: Assignment, sandbox: Sandbox, variant: str, before: str, after: str, check: str
) -> None:
    right = (VARIANTS / f"{variant}.py").read_text("utf-8")
    assert right.count(before) == 1
    submission = receive("mlp.py", right.replace(before, after).encode(), "mlp.py")
    (lost,) = grade(submission, ps4, sandbox, Seed(), Scope(only=check)).checks
    assert lost.place is not None
    assert lost.line.line == right[: right.index(before)].count("\n") + 1
    assert after.strip() in lost.line.source


def test_a_line_before_the_exception_is_named_only_if_it_is_wrong(
    ps4: Assignment, sandbox: Sandbox, submit: Submit
) -> None:
    """A statement that reads right values and cannot use them is itself wrong."""
    right = (VARIANTS / "loops.py").read_text("utf-8")
    for before, after in (("s = scores[i]", "s = scores[i, i, i]"), ("H.dot(W2)", "H.dot(W2, W1, b1, b2)")):
        (lost,) = grade(submit(right.replace(before, after)), ps4, sandbox, Seed(), Scope(only="q2.1.loss")).checks
        assert after in lost.line.source
        assert str(lost.place) in lost.reason


def test_a_line_of_a_notebook_names_its_cell(ps4: Assignment, sandbox: Sandbox, make_notebook: MakeNotebook) -> None:
    right = (VARIANTS / "textbook.py").read_text("utf-8")
    notebook = make_notebook(("code", right.replace("dscores /= N", "dscores /= N + 1")))
    report = grade(receive_files([("net.ipynb", notebook)]), ps4, sandbox, Seed(), Scope(only="q2.2"))
    assert {str(c.place).partition(" cell ")[0] for c in report.checks} == {"net.ipynb"}
    assert {c.line.source for c in report.checks} == {"dscores /= N + 1"}


def test_a_search_that_raises_is_a_warning_and_ends_no_grading(
    ps4: Assignment, sandbox: Sandbox, submit: Submit
) -> None:
    def right(_truth: Any) -> dict[str, Any]:
        raise KeyError("gradient of W1")

    (_, target, *_) = ps4.targets("q2.2.W1")
    broken = replace(ps4, targets=lambda _check: [replace(target, call=replace(target.call, right=right))])
    source = (VARIANTS / "textbook.py").read_text("utf-8").replace("dscores /= N", "dscores /= N + 1")
    with pytest.warns(UserWarning, match=r"no line is shown for q2.2.\w+: the search raised KeyError"):
        report = grade(submit(source), broken, sandbox, Seed(), Scope(only="q2.2.W1"))
    assert [(check.points, check.line) for check in report.checks] == [(0, None)]
