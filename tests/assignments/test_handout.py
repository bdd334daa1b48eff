"""What students of ps4 get: the notebook, the skeleton and the tools; and that the course's numbers hold."""

import hashlib
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from grader.assignments.catalogue import Assignment

ROOT = Path(__file__).resolve().parents[2]
HANDOUT = ROOT / "reference" / "ps4" / "handout"
DATA = ROOT / "reference" / "ps4" / "data"
SUBMISSIONS = ROOT / "submissions"

WRITTEN = ["Q1.1", "Q1.2", "Q1.3", "Q1.4", "Q1.5", "Q1.6", "Q2.4", "Q2.5", "Q3.1", "Q3.2"]
QUESTIONS = [*WRITTEN[:6], "Q2.1", "Q2.2", "Q2.3", *WRITTEN[6:]]
PLACEHOLDER = "*Write your answer here.*"


def load(path: Path) -> ModuleType:
    """The module at `path`, outside sys.modules (several here share a name), leaving no bytecode behind."""
    module = ModuleType(f"{path.parent.name}_{path.stem}")
    module.__file__ = str(path)
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    return module


def cells(path: Path, kind: str) -> list[str]:
    import nbformat

    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


def answers(path: Path) -> dict[str, str]:
    """What stands after the label in each answer cell."""
    pattern = r"\*\*(Q\d\.\d) solution:\*\*\n\n(.*)"
    found = [re.match(pattern, text, re.DOTALL) for text in cells(path, "markdown")]
    pairs = [(match[1], match[2].strip()) for match in found if match]
    assert len(pairs) == len(dict(pairs)), "a label occurs twice"
    return dict(pairs)


def toy_problem(module: ModuleType, activation: str) -> tuple[Any, np.ndarray, np.ndarray]:
    np.random.seed(0)
    net = module.TwoLayerMLP(4, 10, 3, std=0.1, activation=activation)
    np.random.seed(1)
    return net, 10 * np.random.randn(5, 4), np.array([0, 1, 2, 2, 1])


# ------------------------------------------------------------------ the notebook

NOTEBOOKS = [
    HANDOUT / "ps4.ipynb",
    SUBMISSIONS / "notebook" / "ps4.ipynb",
    SUBMISSIONS / "notebook_and_file" / "ps4.ipynb",
]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.parent.name)
def test_notebooks_are_valid_and_of_format_4_5_with_an_id_for_each_cell(path: Path) -> None:
    import nbformat

    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


def test_the_handout_has_no_outputs() -> None:
    raw = json.loads((HANDOUT / "ps4.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in raw["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_every_question_has_one_heading_and_the_points_sum_to_80() -> None:
    headings = [
        match
        for text in cells(HANDOUT / "ps4.ipynb", "markdown")
        for match in re.finditer(r"^### (Q\d\.\d) \((\d+) points\)$", text, re.MULTILINE)
    ]
    assert [heading[1] for heading in headings] == QUESTIONS
    assert sum(int(heading[2]) for heading in headings) == 80


def test_every_written_question_has_one_answer_cell_with_the_placeholder() -> None:
    assert answers(HANDOUT / "ps4.ipynb") == dict.fromkeys(WRITTEN, PLACEHOLDER)
    everything = "\n".join(cells(HANDOUT / "ps4.ipynb", "markdown"))
    assert re.findall(r"(Q\d\.\d) solution", everything) == WRITTEN
    assert everything.count("Write your answer here") == len(WRITTEN)


def test_the_question_stands_before_its_answer() -> None:
    text = "\n".join(cells(HANDOUT / "ps4.ipynb", "markdown"))
    labels = re.findall(r"^(?:### |\*\*)(Q\d\.\d)(?: \(| solution)", text, re.MULTILINE)
    assert labels == [label for question in QUESTIONS for label in [question] * (1 + (question in WRITTEN))]


def test_the_handout_states_what_the_whole_submission_may_take(ps4: Assignment) -> None:
    text = "\n".join(cells(HANDOUT / "ps4.ipynb", "markdown"))
    assert f"may take {ps4.limits.wall_seconds} seconds" in text


# ------------------------------------------------------------------ the skeleton


def test_the_gaps_of_the_skeleton_say_what_to_write() -> None:
    net, X, y = toy_problem(load(HANDOUT / "mlp.py"), "sigmoid")
    with pytest.raises(NotImplementedError, match="GAP 1: compute the class scores"):
        net.loss(X, y)
    with pytest.raises(NotImplementedError, match="GAP 4: draw a batch"):
        net.train(X, y, X, y)
    with pytest.raises(NotImplementedError, match="GAP 6: return the index"):
        net.predict(X)


# ------------------------------------------------------------------ the tools


@pytest.fixture(scope="module")
def utils() -> ModuleType:
    return load(HANDOUT / "utils.py")


def test_the_numerical_gradient_is_that_of_an_analytic_function_and_x_is_restored(utils: ModuleType) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4)).T  # not contiguous
    before = x.copy()
    gradient = utils.eval_numerical_gradient(lambda at: np.sum(np.sin(at) * at), x)
    expected = np.sin(before) + before * np.cos(before)
    assert np.linalg.norm(gradient - expected) <= 1e-9 * np.linalg.norm(expected)
    assert np.array_equal(x, before)


# ------------------------------------------------------------------ MNIST


def arrays() -> dict[str, np.ndarray]:
    with np.load(DATA / "mnist.npz") as archive:
        return dict(archive)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """utils.py in a folder of its own, where it finds no data."""
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    place = tmp_path / "student" / "utils.py"
    place.parent.mkdir()
    place.write_bytes((HANDOUT / "utils.py").read_bytes())
    return load(place)


def test_the_shipped_file_is_the_one_that_its_readme_describes(utils: ModuleType) -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256((DATA / "mnist.npz").read_bytes()).hexdigest() in readme
    assert utils.EXPECTED_SHA256 in readme
    assert all(word in readme for word in ("Yann LeCun", "Corinna Cortes", "3.0"))


def test_mnist_has_the_documented_shapes_and_a_mean_of_zero(utils: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    X_train, y_train, X_val, y_val, X_test, y_test = utils.get_MNIST_data()
    assert [a.shape for a in (X_train, X_val, X_test)] == [(50_000, 784), (10_000, 784), (10_000, 784)]
    assert [a.shape for a in (y_train, y_val, y_test)] == [(50_000,), (10_000,), (10_000,)]
    assert {a.dtype for a in (X_train, X_val, X_test)} == {np.dtype("float64")}
    assert {a.dtype for a in (y_train, y_val, y_test)} == {np.dtype("int64")}
    assert np.abs(X_train.mean(axis=0)).max() < 1e-9
    assert np.ptp(X_train) > 255, "raw pixels, not divided by 255"
    assert list(y_train[:6]) == [5, 0, 4, 1, 9, 2]
    assert list(y_test[:6]) == [7, 2, 1, 0, 4, 1]


def test_one_wrong_pixel_breaks_the_checksum(alone: ModuleType) -> None:
    wrong = arrays()
    wrong["X_test"][9_999, 400] ^= 1
    path = Path(alone.__file__ or "").parent / "mnist.npz"
    np.savez(path, **wrong)
    with pytest.raises(alone.DataError, match=r"the checksum is wrong: sha256 .*Copy it again"):
        alone.get_MNIST_data()


# ------------------------------------------------------------------ the examples to try

CORRECT = [SUBMISSIONS / "perfect" / "mlp.py", SUBMISSIONS / "notebook_and_file" / "mlp.py"]


@pytest.mark.parametrize("path", CORRECT, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_the_correct_examples_pass_the_handouts_gradient_check(utils: ModuleType, path: Path, activation: str) -> None:
    net, X, y = toy_problem(load(path), activation)
    _, grads = net.loss(X, y, reg=0.1)
    for name, parameter in net.params.items():
        numeric = utils.eval_numerical_gradient(lambda _: net.loss(X, y, reg=0.1)[0], parameter)
        assert np.linalg.norm(grads[name] - numeric) <= 1e-6 * np.linalg.norm(numeric), name


@pytest.mark.parametrize(
    ("activation", "learning_rate", "epochs", "last"),
    [("sigmoid", 0.5, 100, 0.1092679461), ("relu", 0.1, 50, 0.0178562205)],
)
def test_the_perfect_example_trains_on_toy_data_as_the_handout_says(
    activation: str, learning_rate: float, epochs: int, last: float
) -> None:
    net, X, y = toy_problem(load(SUBMISSIONS / "perfect" / "mlp.py"), activation)
    history = net.train(X, y, X, y, learning_rate=learning_rate, reg=1e-5, num_epochs=epochs)
    assert history["loss_history"][-1] == pytest.approx(last, rel=1e-6)
    assert [len(history[name]) for name in sorted(history)] == [epochs] * 4


@pytest.mark.parametrize("path", sorted(SUBMISSIONS.iterdir()), ids=lambda path: path.name)
def test_every_example_is_explained_in_the_readme(path: Path) -> None:
    readme = (SUBMISSIONS / "README.md").read_text(encoding="utf-8")
    assert path.name == "README.md" or f"`{path.name}/`" in readme
