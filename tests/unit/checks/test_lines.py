"""Where a mistake is likely to be: by the text of its line."""

from __future__ import annotations

import pytest

from grader.catalogue import Assignment
from grader.checks.lines import MAX_LINES, find_line
from tests.conftest import Submit

NET = """\
def forward(self, X):
    h = a
    return h, h @ self.params["W2"] + self.params["b2"]

def backward(self, X):
    g = g @ W2.T
    grads["W1"] = X.T @ g + reg * W1

def predict(self, X):
    return (self.forward(X)[0] @ self.params["W2"]).argmax(axis=1)
"""


@pytest.mark.parametrize(
    ("mistake", "line"), [("sigmoid_not_applied", 2), ("b2_missing", 10), ("predict_without_b2", 10)]
)
def test_a_line_of_the_backward_pass_is_not_one_of_the_forward_pass(
    ps4: Assignment, submit: Submit, mistake: str, line: int
) -> None:
    (known,) = [m for m in ps4.mistakes if m.id == mistake]
    found = find_line(submit(NET), "mlp.py", known.line)
    assert found is not None
    assert found[0].line == line


def test_only_so_many_lines_of_a_file_are_looked_at(submit: Submit) -> None:
    submission = submit("x\n" * MAX_LINES + "sought\n")
    assert find_line(submission, "mlp.py", ["sought"]) is None
    assert find_line(submission, "mlp.py", ["x"]) is not None
