"""Problem set 4 itself: its reference is right, its numbers are the handout's, and no empty answer earns a point."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade, grade_code
from grader.model import Status, Submission
from grader.sandbox.contract import Sandbox
from tests.conftest import ROOT, Submit

PARAMETERS = ("W1", "b1", "W2", "b2")


class Problem:
    """The handout's toy, made here from its own words."""

    def __init__(self, activation: str, reg: float = 0.1) -> None:
        net, data = np.random.RandomState(0), np.random.RandomState(1)
        self.sizes, self.options = (4, 10, 3), {"activation": activation}
        self.params = {
            "W1": 0.1 * net.randn(4, 10),
            "b1": np.zeros(10),
            "W2": 0.1 * net.randn(10, 3),
            "b2": np.zeros(3),
        }
        self.X, self.y, self.reg = 10 * data.randn(5, 4), np.array([0, 1, 2, 2, 1]), reg


class Fresh(Problem):
    """Biases far from zero, a strong regularisation, and no pre-activation near the kink."""

    def __init__(self, activation: str, reg: float = 1.3) -> None:
        random = np.random.RandomState(7)
        self.sizes, self.options, self.reg = (3, 5, 4), {"activation": activation}, reg
        shapes = {"W1": (3, 5), "b1": (5,), "W2": (5, 4), "b2": (4,)}
        self.params = {name: random.randn(*shape) for name, shape in shapes.items()}
        self.X, self.y = random.randn(6, 3), np.array([0, 1, 2, 3, 1, 0])
        assert np.abs(self.X @ self.params["W1"] + self.params["b1"]).min() > 1e-3


def exact_loss(problem: Problem, params: dict[str, Any], function: str) -> Any:
    """The handout's formula in long double: mean cross entropy + ½·reg·(‖W1‖² + ‖W2‖²)."""
    X, W1, b1, W2, b2 = (np.asarray(a, np.longdouble) for a in (problem.X, *(params[p] for p in PARAMETERS)))
    a = X @ W1 + b1
    h = {
        "sigmoid": lambda: 1 / (1 + np.exp(-a)),
        "max": lambda: np.maximum(a, 0),
        "softplus": lambda: np.log1p(np.exp(a)),
    }
    z = h[function]() @ W2 + b2
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    data = -log_p[np.arange(len(problem.y)), problem.y].mean()
    return data + np.longdouble(problem.reg) / 2 * ((W1**2).sum() + (W2**2).sum())


def exact_gradient(problem: Problem, name: str, function: str) -> np.ndarray:
    """Central differences in long double, good to some twelve digits."""
    step = np.longdouble(1e-6)
    at = {n: np.asarray(p, np.longdouble) for n, p in problem.params.items()}
    gradient = np.zeros(at[name].shape, np.longdouble)
    for place in np.ndindex(gradient.shape):
        up, down = at[name].copy(), at[name].copy()
        up[place] += step
        down[place] -= step
        gradient[place] = (
            exact_loss(problem, at | {name: up}, function) - exact_loss(problem, at | {name: down}, function)
        ) / (2 * step)
    return gradient


FUNCTIONS = [("sigmoid", "definition", "sigmoid"), ("relu", "definition", "max"), ("relu", "published", "softplus")]


# ── the reference ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("activation", "interpretation", "published"),
    [("sigmoid", "definition", 1.182248), ("relu", "definition", 1.303788), ("relu", "published", 1.320973)],
)
def test_the_reference_has_the_published_losses(
    ps4: Assignment, activation: str, interpretation: str, published: float
) -> None:
    loss = ps4.truths(interpretation, frozenset()).loss(Problem(activation))
    assert abs(loss - published) < 5e-7
    assert published in ps4.manifest.settings["published"].values()


@pytest.mark.parametrize("problem", [Problem, Fresh])
@pytest.mark.parametrize(("activation", "interpretation", "function"), FUNCTIONS)
def test_the_references_loss_is_the_handouts_formula(
    ps4: Assignment, problem: type[Problem], activation: str, interpretation: str, function: str
) -> None:
    asked = problem(activation)
    loss = ps4.truths(interpretation, frozenset()).loss(asked)
    assert abs(loss - exact_loss(asked, asked.params, function)) < 1e-14 * loss


@pytest.mark.parametrize("problem", [Problem, Fresh])
@pytest.mark.parametrize(("activation", "interpretation", "function"), FUNCTIONS)
def test_the_references_gradients_are_long_double_central_differences(
    ps4: Assignment, problem: type[Problem], activation: str, interpretation: str, function: str
) -> None:
    asked = problem(activation)
    gradients = ps4.truths(interpretation, frozenset()).gradients(asked)
    for name in PARAMETERS:
        exact = exact_gradient(asked, name, function)
        assert np.linalg.norm((gradients[name] - exact).astype(float)) < 1e-10 * np.linalg.norm(exact.astype(float))


def test_no_known_mistake_leaves_the_truth_as_it_is(ps4: Assignment) -> None:
    ids = [m.id for m in ps4.mistakes]
    assert len(ids) == len(set(ids))
    assert all(m.sentence.endswith((".", "!", "?")) for m in ps4.mistakes), [m.sentence for m in ps4.mistakes]


# ── the table ────────────────────────────────────────────────────────────────────────────────────────


def test_the_points_are_the_handouts(ps4: Assignment) -> None:
    machine = {
        part.id: sum(p for claims in part.sections.values() for p in claims.values())
        for part in ps4.parts
        if part.sections
    }
    written = {part.id: sum(q.points for q in part.written) for part in ps4.parts if part.written}
    assert machine == {"q2.1": 8, "q2.2": 10, "q2.3": 6, "q2.4": 10, "q2.5": 6}
    assert written == dict.fromkeys(("q1.1", "q1.2", "q1.3", "q1.4", "q1.5", "q1.6"), 5) | {
        "q2.4": 1, "q2.5": 1, "q3.1": 4, "q3.2": 4,
    }  # fmt: skip
    assert (sum(machine.values()), sum(written.values()), ps4.points) == (40, 40, 80)


def handout_table() -> dict[str, list[str]]:
    """First column → the others, of the table of thresholds and limits."""
    import nbformat

    notebook = nbformat.read(ROOT / "reference" / "ps4" / "handout" / "ps4.ipynb", as_version=4)
    (cell,) = [c.source for c in notebook.cells if "Thresholds and limits" in c.source and c.cell_type == "markdown"]
    rows = [[word.strip() for word in line.strip("|").split("|")] for line in cell.splitlines() if line.startswith("|")]
    return {first: rest for first, *rest in rows}


@pytest.mark.parametrize(("row", "activation"), [("MNIST with sigmoid", "sigmoid"), ("MNIST with ReLU", "relu")])
def test_the_handout_prints_the_thresholds_and_limits_that_are_graded_by(
    ps4: Assignment, row: str, activation: str
) -> None:
    (printed,) = [rest for first, rest in handout_table().items() if first.startswith(row)]
    (mnist,) = ps4.manifest.long
    steps = {credit: least for least, credit in mnist.steps[activation]}
    assert [float(p) for p in printed] == [
        steps[Fraction(1)],
        steps[Fraction(1, 2)],
        mnist.cpu_seconds,
    ]


def test_the_handout_prints_the_limit_of_each_call(ps4: Assignment) -> None:
    (printed,) = [rest for first, rest in handout_table().items() if first.startswith("toy checks")]
    assert float(printed[-1]) == ps4.limits.call_cpu_seconds


def test_the_handout_prints_the_published_losses_and_the_recipe(ps4: Assignment) -> None:
    import nbformat

    notebook = nbformat.read(ROOT / "reference" / "ps4" / "handout" / "ps4.ipynb", as_version=4)
    text = "\n".join(c.source for c in notebook.cells)
    for name in ("sigmoid", "relu_definition", "relu_published"):
        assert str(ps4.manifest.settings["published"][name]) in text
    mnist = ps4.manifest.settings["mnist"]
    for said in (f"reg={mnist['reg']}", f"num_epochs={mnist['num_epochs']}", f"batch_size={mnist['batch_size']}"):
        assert said in text
    assert re.search(rf"TwoLayerMLP\(28 \* 28, {mnist['hidden_size']}, 10, std={mnist['std']}", text)


# ── answers that are none ────────────────────────────────────────────────────────────────────────────

CONSTANT = """\
import numpy as np

class TwoLayerMLP:
    def __init__(self, D, H, C, std=0.1, activation="sigmoid"):
        self.params = {"W1": np.zeros((D, H)), "b1": np.zeros(H), "W2": np.zeros((H, C)), "b2": np.zeros(C)}
        self.relu = activation == "relu"

    def loss(self, X, y=None, reg=0.0):
        if y is None:
            return np.zeros((len(X), self.params["b2"].size))
        return (1.303788 if self.relu else 1.182248), {n: np.zeros_like(p) for n, p in self.params.items()}

    def train(self, X, y, X_val, y_val, num_epochs=10, batch_size=100, **options):
        iterations = num_epochs * max(1, len(X) // batch_size)
        return {"loss_history": [0.109] * iterations, "grad_magnitude_history": [0.04] * iterations,
                "train_acc_history": [1.0] * num_epochs, "val_acc_history": [1.0] * num_epochs}

    def predict(self, X):
        return np.zeros(len(X), int)
"""


@pytest.fixture
def constant(submit: Submit) -> Submission:
    """Knows the published losses by heart, and nothing else."""
    return submit(CONSTANT)


@pytest.mark.long
def test_who_answers_constants_earns_none_of_the_points(
    ps4: Assignment, sandbox: Sandbox, constant: Submission
) -> None:
    report = grade(constant, ps4, sandbox, Seed(), Scope(code_only=True))
    assert [c.id for c in report.checks if c.points] == []
    assert {c.status for c in report.checks} == {Status.FAILED, Status.NOT_RUN}


@pytest.mark.parametrize("answer", ["None", "0.0", "np.nan", "X", "self", "(np.inf, {})"])
def test_who_answers_one_thing_to_everything_earns_nothing(
    ps4: Assignment, sandbox: Sandbox, submit: Submit, answer: str
) -> None:
    source = (
        "import numpy as np\nclass TwoLayerMLP:\n    params = {}\n    def __init__(self, *sizes, **options): pass\n"
        f"    def loss(self, X, *rest, **more): return {answer}\n"
        f"    def train(self, X, *rest, **more): return {answer}\n"
        f"    def predict(self, X): return {answer}\n"
    )
    report = grade(submit(source), ps4, sandbox, Seed(), Scope(code_only=True))
    assert report.points == 0
    assert all(c.reason for c in report.checks)


@pytest.mark.parametrize("drawn", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_a_loss_that_is_a_multiple_of_the_right_one_is_charged_once_whatever_is_drawn(
    ps4: Assignment, sandbox: Sandbox, submit: Submit, perfect: str, drawn: bytes
) -> None:
    source = (
        f"{perfect}\n_right = TwoLayerMLP.loss\n"
        "def _more(self, X, y=None, reg=0.0):\n"
        "    answer = _right(self, X, y, reg)\n"
        "    return answer if y is None else (1.1 * answer[0], answer[1])\n"
        "TwoLayerMLP.loss = _more\n"
    )
    report = grade(submit(source), ps4, sandbox, Seed(drawn), Scope(code_only=True))
    assert [c.id for c in report.checks if c.status is Status.FAILED] == ["q2.1.published"]


def test_the_empty_skeleton_earns_nothing_and_says_that_it_waits_to_be_written(
    ps4: Assignment, sandbox: Sandbox, submit: Submit
) -> None:
    skeleton = (ROOT / "reference" / "ps4" / "handout" / "mlp.py").read_text("utf-8")
    report = grade(submit(skeleton), ps4, sandbox, Seed(), Scope(code_only=True))
    assert report.points == 0
    assert all("still waits to be written" in c.reason for c in report.checks if c.status is Status.FAILED)


LINEAR_FOR_BOTH = (
    ("return 1.0 / (1.0 + np.exp(-z))", "return z"),
    ("return np.maximum(0, z)", "return z"),
    ("return z > 0", "return 1.0"),
    ("return h * (1 - h)", "return 1.0"),
)


@pytest.mark.long
def test_a_net_without_activations_is_credited_with_none(ps4: Assignment, sandbox: Sandbox, submit: Submit) -> None:
    source = (ROOT / "reference" / "ps4" / "variants" / "textbook.py").read_text("utf-8")
    for right, linear in LINEAR_FOR_BOTH:
        assert source.count(right) == 1
        source = source.replace(right, linear)
    report = grade(submit(source), ps4, sandbox, Seed(), Scope(code_only=True))
    assert not [remark for remark in report.remarks if "max(0, a)" in remark]
    earned = {c.id for c in report.checks if c.points}
    follow = {
        "q2.1.scores",
        "q2.1.loss",
        "q2.1.stable",
        "q2.2.W2",
        "q2.2.b2",
        "q2.3.step",
        "q2.3.decay",
        "q2.3.batches",
        "q2.3.histories",
        "q2.3.predict",
    }  # its own gradients and scores
    assert earned == follow


@pytest.mark.long
def test_a_train_that_scales_its_data_in_place_loses_a_step_alone(
    ps4: Assignment, sandbox: Sandbox, submit: Submit
) -> None:
    """Whatever the draw: its accuracies are those of the scaled data."""
    text = (ROOT / "reference/ps4/variants/textbook.py").read_text("utf-8")
    begins = "        num_train = X.shape[0]\n"
    source = text.replace(begins, f"        X /= np.abs(X).max()\n{begins}")
    assert source != text
    for report in grade_code(submit(source), ps4, sandbox, [Seed(f"draw {n}".encode()) for n in range(20)]):
        assert [check.id for check in report.checks if check.status.loses_points] == ["q2.3.step"]
