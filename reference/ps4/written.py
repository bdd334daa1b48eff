"""The written questions: a network and its loss (question 1), and gradient descent with a penalty (question 3).

Everything follows from how the quantities depend on each other: gradients are derived, not listed. x, a1, h1 and b1
are columns, W2 is a row, and numbers have no axes, as in the handout.
"""

from __future__ import annotations

import numpy as np

from grader.derivations.question import Array, Asked, Dialect, Notation, Quantities, Question, Values, sigmoid
from grader.model import Points

SIZES = ((2, 3), (3, 2), (4, 3), (3, 5), (5, 2), (2, 4))
"""(inputs, hidden nodes): always two different numbers, neither of them 1, so that shapes tell mistakes apart."""


# ── question 1 ───────────────────────────────────────────────────────────────────────────────────────


def network(random: np.random.Generator, inputs: int, hidden: int, label: float) -> Values:
    return {
        "x": random.normal(size=(inputs, 1)),
        "W1": random.normal(size=(hidden, inputs)),
        "b1": random.normal(size=(hidden, 1)),
        "W2": random.normal(size=(1, hidden)),
        "b2": random.normal(size=()),
        "y": np.asarray(label),
        "H": np.asarray(float(hidden)),
        "D": np.asarray(float(inputs)),
    } | {name: random.uniform(2, 9, size=()) for name in ("N", "η", "λ")}


def loss(net: Values) -> Array:
    return np.asarray(-net["y"] * np.log(net["h2"]) - (1 - net["y"]) * np.log(1 - net["h2"]))


FORWARD = {
    "a1": lambda net: net["W1"] @ net["x"] + net["b1"],
    "h1": lambda net: sigmoid(net["a1"]),
    "a2": lambda net: (net["W2"] @ net["h1"]).reshape(()) + net["b2"],
    "h2": lambda net: sigmoid(net["a2"]),
    "J": loss,
}


def _networks() -> tuple[tuple[Values, str], ...]:
    """Two networks of each size: one with a label between 0 and 1, where y² is not y, and one with a true label."""
    random = np.random.default_rng(4)
    found = []
    for inputs, hidden in SIZES:
        for label in (float(random.uniform(0.1, 0.9)), float(random.integers(2))):
            said = f"On a random network with {inputs} inputs, {hidden} hidden nodes and y = {label:.4g}"
            found.append((network(random, inputs, hidden, label), said))
    return tuple(found)


def _error(net: Values) -> Array:
    return np.asarray(net["h2"] - net["y"])


def _without_slope(net: Values) -> Array:
    return np.asarray(net["W2"].T * _error(net) @ net["x"].T)


NETWORK = Quantities(
    _networks(),
    FORWARD,
    layouts={
        "right where W⁽²⁾ is a column": lambda name: name == "W2",
        "right where vectors are rows": lambda name: True,
        "right where W⁽¹⁾ is inputs × hidden nodes": lambda name: name == "W1",
        "right where both W have a column for each node": lambda name: name in ("W1", "W2"),
    },
    others={
        "the gradient without the slope of the activation": _without_slope,
        "the gradient of a squared error": lambda net: _error(net) * net["h2"] * (1 - net["h2"]),
    },
)
WORDS = {
    "yhat": r"\hat y", "y_hat": r"\hat y", "y_pred": r"\hat y", "ypred": r"\hat y", "yh": r"\hat y", "y_true": "y",
    "lam": r"\lambda", "lambda_": r"\lambda", "lambd": r"\lambda", "lmbda": r"\lambda", "reg": r"\lambda",
    "lr": r"\eta", "l_rate": r"\eta", "learning_rate": r"\eta", "learningRate": r"\eta", "loss": "L", "Loss": "L",
    "batch_size": "N", "grad": r"\nabla", "g_t": "g_t", "gt": "g_t", "grad_t": "g_t", "new": "",
    "theta_t": r"\theta_t", "theta_old": r"\theta_t", "theta_new": r"\theta_{t+1}", "theta_next": r"\theta_{t+1}",
    "theta_t1": r"\theta_{t+1}", "theta_tp1": r"\theta_{t+1}",
}  # fmt: skip
"""Names as programs have them."""
_ON_THE_WAY = ("∂J/∂a2", "∂J/∂a1", "∂J/∂h1", "∂J/∂h2")
LAYERS = Notation(
    power_letters=frozenset({"x", "y", "ŷ", "e"}),
    loss="J",
    loss_letters=frozenset({"J", "L", "ℓ", "l", "E", "C"}),
    functions={"f": "sigmoid", "σ": "sigmoid", "g'": "sigmoid'"},
    other_names={
        "ŷ": "h2", "h0": "x", "a0": "x", "X": "x", "w1": "W1", "w2": "W2", "H1": "h1", "H2": "h2", "x1": "x",
        "A1": "a1", "A2": "a2", "Y": "y", "Ŷ": "h2", "Z": "z", "Z1": "z1", "Z2": "z2", "ypred": "h2", "ytrue": "y",
        "∂J/∂H": "∂J/∂h1",
    },
    words=WORDS,
    meanings={
        "g": _ON_THE_WAY, "δ": _ON_THE_WAY, "δ2": ("∂J/∂a2", "∂J/∂h2"), "δ1": ("∂J/∂a1", "∂J/∂h1"),
        "g2": ("∂J/∂a2",), "g1": ("∂J/∂a1", "∂J/∂h1"), "sigmoid'": ("∂h2/∂a2", "∂h1/∂a1"),
        "z1": ("a1",), "z2": ("a2",), "h": ("h1", "h2"), "W": ("W2", "W1"), "w": ("W2", "W1"), "b": ("b2", "b1"),
        "a": ("a2", "a1"), "α": ("η",), "m": ("N",), "z": ("a2", "a1"), "p": ("h2",), "p\u0302": ("h2",), "t": ("y",),
    },
    dialects=(
        Dialect({"z1": "a1", "z2": "a2", "a1": "h1", "a2": "h2", "a": "h"}, signs=frozenset({"z1", "z2"})),
        Dialect({"z": "a", "a": "h"}, signs=frozenset({"z"})),
        Dialect({"t": "y", "y": "h2", "z": "h1"}, signs=frozenset({"t"})),  # Bishop's letters
        Dialect({"t": "y", "y": "h2"}, signs=frozenset({"t"})),
    ),
)  # fmt: skip


# ── question 3 ───────────────────────────────────────────────────────────────────────────────────────


def _descents() -> tuple[tuple[Values, str], ...]:
    random = np.random.default_rng(5)
    found = []
    for size in (2, 3, 4, 5) * 3:
        given = {"θt": random.normal(size=(size, 1)), "gt": random.normal(size=(size, 1))}
        given |= {name: np.asarray(random.uniform(0.1, 0.9)) for name in ("η", "λ", "L at 0", "N")}
        said = f"With {size} random parameters, η = {float(given['η']):.4g} and λ = {float(given['λ']):.4g}"
        found.append((given, said))
    return tuple(found)


def _square(given: Values) -> Array:
    return np.asarray(given["λ"] * (given["θt"] * given["θt"]).sum())


def _sum_of_sizes(given: Values) -> Array:
    theta = given["θt"]
    return np.asarray(given["λ"] * np.where(theta.real < 0, -theta, theta).sum())


def _step(given: Values, slope: Array) -> Array:
    return np.asarray(given["θt"] - given["η"] * (given["gt"] + slope))


def _twice(given: Values) -> Array:
    return np.asarray(2 * given["λ"] * given["θt"])


def _signs(given: Values) -> Array:
    return np.asarray(given["λ"] * np.sign(given["θt"].real))


def _updates(rule: str) -> Quantities:
    penalty, slope = {"L2": (_square, _twice), "L1": (_sum_of_sizes, _signs)}[rule]
    other = {"L2": ("L1", _signs), "L1": ("L2", _twice)}[rule]
    return Quantities(
        _descents(),
        {
            "L": lambda given: given["L at 0"] + (given["gt"] * given["θt"]).sum(),
            "Ω": penalty,
            "objective": lambda given: given["L"] + given["Ω"],
            "θt+1": lambda given: _step(given, slope(given)),
        },
        others={
            "the rule without the penalty": lambda given: _step(given, np.asarray(0.0)),
            f"the rule of the {other[0]} penalty": lambda given: _step(given, other[1](given)),
            "the rule with half of the penalty's gradient": lambda given: _step(given, slope(given) / 2),
            "the rule with the penalty's sign reversed": lambda given: _step(given, -slope(given)),
            "a step upwards": lambda given: 2 * given["θt"] - _step(given, slope(given)),
            "the rule with a penalty that is not multiplied by η": lambda given: (
                given["θt"] - given["η"] * given["gt"] - slope(given)
            ),
            "the gradient of the objective, not a step": lambda given: given["gt"] + slope(given),
            "the step alone, without θt": lambda given: _step(given, slope(given)) - given["θt"],
        },
    )


UPDATES = Notation(
    power_letters=frozenset({"θ", "λ", "η", "g", "L"}),
    loss="L",
    loss_letters=frozenset({"L", "ℓ", "l"}),
    totals=frozenset({"J", "F", "E", "C"}),
    other_names={"θ": "θt", "g": "gt", "∂L/∂θt": "gt", "w": "θt", "wt": "θt", "wt+1": "θt+1"}
    | {"W": "θt", "Wt": "θt", "Wt+1": "θt+1"},
    words=WORDS,
    meanings={"α": ("η",), "γ": ("η",), "ε": ("η",), "μ": ("λ",), "ĝ": ("gt",)}
    | {J: ("objective", "L") for J in "JFEC"},
    dialects=(Dialect({"θt-1": "θt", "gt-1": "gt", "θt": "θt+1"}, signs=frozenset({"θt-1"})),),
    variable="θt",
)


# ── the questions ────────────────────────────────────────────────────────────────────────────────────


def questions() -> tuple[Question, ...]:
    five, half = Points(5), Points(5, 2)

    def layer(id: str, *asked: Asked) -> Question:
        return Question(id, asked, LAYERS, NETWORK)

    def update(id: str, rule: str) -> Question:
        asked = Asked("θt+1", r"\theta_{t+1}", Points(4), frozenset({"θ(t+1)", "θt"}))
        return Question(id, (asked,), UPDATES, _updates(rule))

    return (
        layer("q1.1", Asked("∂J/∂a2", r"\nabla_{a^{(2)}} J", five, frozenset({"g", "δ2", "δ", "g2"}), 2)),
        layer("q1.2", Asked("∂J/∂b2", r"\nabla_{b^{(2)}} J", five, frozenset({"g", "δ2", "δ", "g2"}), 2)),
        layer("q1.3", Asked("∂J/∂W2", r"\nabla_{W^{(2)}} J", five, frozenset(), 3)),
        layer("q1.4", Asked("∂J/∂h1", r"\nabla_{h^{(1)}} J", five, frozenset({"g"}), 3)),
        layer(
            "q1.5",
            Asked("∂J/∂b1", r"\nabla_{b^{(1)}} J", half, frozenset(), 6),
            Asked("∂J/∂W1", r"\nabla_{W^{(1)}} J", half, frozenset(), 7),
        ),
        update("q3.1", "L2"),
        update("q3.2", "L1"),
    )
