"""The two-layer network: what students really write earns everything, and what is wrong loses what it should."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.intake.receive import receive_files
from grader.model import Report
from grader.sandbox.contract import Sandbox
from tests.conftest import ROOT, MakeNotebook

FOLDER = ROOT / "reference" / "two_layer_net"
STARTER = (FOLDER / "variants" / "as_in_the_starter.py").read_text("utf-8")

Graded = Callable[..., Report]
Change = tuple[str, str]


@pytest.fixture(scope="module")
def two_layer_net() -> Assignment:
    return catalogue.load(FOLDER)


@pytest.fixture
def graded(two_layer_net: Assignment, sandbox: Sandbox) -> Graded:
    def grade_it(text: str, name: str = "neural_net.py", only: str = "", seed: bytes = b"secret") -> Report:
        submission = receive_files([(name, text if isinstance(text, bytes) else text.encode())])
        return grade(submission, two_layer_net, sandbox, Seed(seed), Scope(only=only))

    return grade_it


def changed(*changes: Change) -> str:
    text = STARTER
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


RIGHT: dict[str, list[Change]] = {
    "six": [("from past.builtins import xrange", "from six.moves import xrange")],
    "builtins of the package future": [("from past", "from builtins import range, object\nfrom past")],
    "a stable softmax in place": [("exp_scores = np.exp(scores)", "scores -= np.max(scores, axis=1, keepdims=True)\n"
                                   "        exp_scores = np.exp(scores)")],
    "half throughout": [("reg * (np.sum(W1 * W1)", "0.5 * reg * (np.sum(W1 * W1)"), ("2 * reg", "reg")],
    "batches without replacement": [("(num_train, batch_size)", "(num_train, min(num_train, batch_size), False)")],
    "whole epochs": [("num_train / batch_size, 1)", "num_train // batch_size, 1)")],
    "decay after an epoch": [("if it % iterations_per_epoch == 0:", "if (it + 1) % iterations_per_epoch == 0:")],
    "no decay at first": [("learning_rate *= learning_rate_decay", "learning_rate *= learning_rate_decay ** (it > 0)")],
    "accuracy on all training data": [("(self.predict(X_batch) == y_batch)", "(self.predict(X) == y)")],
    "labels as floats from a loop": [
        ("return np.argmax(self.loss(X), axis=1)",
         "labels = np.zeros(X.shape[0])\n        for i, row in enumerate(self.loss(X)):\n"
         "            labels[i] = np.argmax(row)\n        return labels"),
    ],
    "parameters replaced": [("self.params[key] -= learning_rate * grads[key]",
                             "self.params[key] = self.params[key] - learning_rate * grads[key]")],
    "histories as arrays": [("'loss_history': loss_history", "'loss_history': np.array(loss_history)")],
    "prints in every iteration": [("if verbose and it % 100 == 0:", "if True:")],
    "other defaults": [("std=1e-4", "std=1e-2"), ("batch_size=200", "batch_size=9")],
}  # fmt: skip


@pytest.mark.parametrize("changes", RIGHT.values(), ids=RIGHT)
def test_what_students_write_earns_everything(changes: list[Change], graded: Graded) -> None:
    report = graded(changed(*changes))
    assert {c.id: c.reason for c in report.checks if c.points < c.possible} == {}
    assert report.points == 40


def test_a_notebook_earns_everything(graded: Graded, make_notebook: MakeNotebook) -> None:
    cells = STARTER.partition("class ")
    notebook = make_notebook(("code", cells[0]), ("code", "class " + cells[2]), ("code", "net = TwoLayerNet(4, 10, 3)"))
    assert graded(notebook, name="two_layer_net.ipynb").points == 40


WRONG: dict[str, tuple[list[Change], set[str]]] = {
    "the regularisation of the biases": (
        [("np.sum(W2 * W2))", "np.sum(W2 * W2) + np.sum(b1 * b1) + np.sum(b2 * b2))")], {"q1.loss"},
    ),
    "a sum for a mean, in the loss": ([("probs[range(N), y])) / N", "probs[range(N), y]))")], {"q1.loss"}),
    "a sum for a mean, in the gradients": (
        [("        dscores /= N\n", "")], {"q2.W1", "q2.b1", "q2.W2", "q2.b2"},
    ),
    "W1's gradient not regularised": ([("np.dot(X.T, dhidden) + 2 * reg * W1", "np.dot(X.T, dhidden)")], {"q2.W1"}),
    "no mask": ([("        dhidden[hidden <= 0] = 0\n", "")], {"q2.W1", "q2.b1"}),
    "ascent": ([("self.params[key] -= learning", "self.params[key] += learning")], {"q3.step"}),
    "no update at all": ([("self.params[key] -= learning_rate * grads[key]", "pass")],
                         {"q3.step", "q3.batches", "q3.decay", "q3.histories"}),
    "reg not passed on": ([("self.loss(X_batch, y=y_batch, reg=reg)", "self.loss(X_batch, y=y_batch)")], {"q3.step"}),
    "the whole data for a batch": (
        [("X_batch, y_batch = X[picks], y[picks]", "X_batch, y_batch = X, y")], {"q3.batches"},
    ),
    "no decay": ([("learning_rate *= learning_rate_decay", "pass")], {"q3.decay"}),
    "the decay in each iteration": (
        [("                learning_rate *= learning_rate_decay", "            learning_rate *= learning_rate_decay")],
        {"q3.decay"},
    ),
    "a ReLU on the scores": ([("np.dot(hidden, W2) + b2", "np.maximum(0, np.dot(hidden, W2) + b2)")], {"q1.scores"}),
    "the largest score for its label": ([("np.argmax(self.loss(X), axis=1)", "np.max(self.loss(X), axis=1)")],
                                        {"q3.predict"}),
    "a count for an accuracy": ([("(self.predict(X_val) == y_val).mean()", "(self.predict(X_val) == y_val).sum()")],
                                {"q3.histories"}),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "loses"), WRONG.values(), ids=WRONG)
def test_one_cause_is_charged_once(changes: list[Change], loses: set[str], graded: Graded) -> None:
    report = graded(changed(*changes))
    assert {c.id for c in report.checks if c.points < c.possible} == loses


def test_the_handouts_own_file_earns_no_more_than_its_parameters(graded: Graded) -> None:
    assert graded((FOLDER / "handout" / "neural_net.py").read_text("utf-8")).points == 0
