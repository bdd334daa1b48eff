"""Mutants are classified without the checks, in processes that cannot run away."""

import pytest

from grader.assignments.catalogue import mutation_module
from grader.authoring.mutate.classify import Classifier
from tests.conftest import ROOT

PS4 = ROOT / "reference" / "ps4"
TEXTBOOK = (PS4 / "variants" / "textbook.py").read_text("utf-8")


@pytest.fixture(scope="module")
def mutation():
    return mutation_module(PS4)


@pytest.fixture(scope="module")
def classifier(mutation):
    return Classifier(mutation, TEXTBOOK)


@pytest.fixture(scope="module")
def classified(classifier):
    def classify_with(old, new):
        assert TEXTBOOK.count(old) == 1, old
        return classifier.classify(TEXTBOOK.replace(old, new))

    return classify_with


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("np.maximum(0, z)", "np.maximum(z, 0)"),
        ("h * (1 - h)", "h - h * h"),
    ],
)
def test_what_computes_the_same_is_the_same(classified, old, new):
    assert classified(old, new).kind == "same"


@pytest.mark.parametrize(
    ("old", "new", "because"),
    [
        ("learning_rate=1e-3", "learning_rate=2e-3", "no default that it is asked for"),
        ("std * np.random.randn(input_size", "2 * std * np.random.randn(input_size", "drawn parameters"),
        ("return z > 0", "return z >= 0", "derivative of max(0, a) at a = 0"),
        ("'epoch %d / %d: loss", "'Epoch %d / %d: loss", "does not say what is in it"),
        ("np.random.permutation(num_train)", "np.random.choice(num_train, num_train)", "with or without replacement"),
    ],
)
def test_what_the_handout_leaves_open_is_allowed(classified, old, new, because):
    found = classified(old, new)
    assert found.kind == "allowed"
    assert because in found.why


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("scores = h1 @ W2 + b2", "scores = h1 @ W2", {"scores.sigmoid", "scores.relu"}),
        ("np.maximum(0, z)", "np.minimum(0, z)", {"scores.relu"}),
        ("np.sum(dz1, axis=0)", "np.sum(dz1)", {"grads.sigmoid.b1", "grads.relu.b1"}),
        ("grads['W2'] += reg * W2", "grads['W2'] -= reg * W2", {"grads.sigmoid.W2", "grads.relu.W2"}),
        ("return h * (1 - h)", "return h", {"grads.sigmoid.W1", "grads.sigmoid.b1"}),
        ("learning_rate *= learning_rate_decay", "pass", {"train.sigmoid.decay", "train.relu.decay"}),
        ("y_batch = y[rows]", "y_batch = y[:len(rows)]", {"train.sigmoid.labels", "train.relu.labels"}),
        ("scores - np.max(scores, axis=1, keepdims=True)", "scores - 0", {"stable.sigmoid", "stable.relu"}),
        ("N = X.shape[0]\n\n", "N = X.shape[0]\n        X *= 1.5\n\n", None),
    ],
)
def test_a_fault_is_found_in_its_part(classified, old, new, parts):
    found = classified(old, new)
    assert found.kind == "wrong"
    causes = {part for part in found.parts if not part.startswith(("follows.", "unusable.", "diverges."))}
    assert "pure.sigmoid" in causes if parts is None else causes == parts


@pytest.mark.long
def test_a_loop_without_end_is_ended_and_wrong(classifier):
    endless = TEXTBOOK.replace("for epoch in range(num_epochs):", "while True:")
    assert endless != TEXTBOOK
    found = classifier.classify(endless)
    assert (found.kind, found.parts) == ("wrong", ("ends.train.sigmoid",))


def test_an_array_of_any_size_ends_no_process_of_ours(classifier):
    found = classifier.classify(TEXTBOOK.replace("N = X.shape[0]", "N = X.shape[0]; np.ones((1 << 20, 1 << 20))"))
    assert found.kind == "wrong"
    assert classifier.classify(TEXTBOOK + "\n").kind == "same"


def test_a_fault_is_charged_where_it_lies_first(mutation):
    expected = mutation.expected(["grads.sigmoid.W1", "grads.relu.W1"])
    assert expected.must == ("q2.2.W1",)
    assert set(expected.may) == {"q2.2.W1", "q2.4.backward.W1"}
    assert mutation.expected(["train.relu.step", "train.sigmoid.step"]).must == ("q2.3",)
    assert "q2.3" in mutation.expected(["raises.loss.sigmoid", "raises.loss.relu"]).may
    assert "q2.3" not in mutation.expected(["loss.sigmoid", "loss.relu"]).may
