"""The truth about the derivations: gradients of the network of question 1 and the update rules of question 3.

A formula that a student writes is compared with these on random problems. x, a1, h1 and b1 are columns, W2 is a row,
and numbers have no axes, as the handout has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from grader.model import Points
from grader.written.evaluate import Array, sigmoid
from grader.written.notation import Notation
from grader.written.question import Asked, InWords, Question, World

SIZES = ((2, 3), (3, 2), (4, 3), (3, 5), (5, 2), (2, 4))
"""(inputs, hidden nodes): always two different numbers, neither of them 1, so that shapes tell mistakes apart."""
DRAWS = 4
"""Networks of each size: half of them with a label of 0 or 1, half with one between, where y² is not y."""


# ── question 1: one network, and the gradients of its loss ───────────────────────────────────────────


def network(random: np.random.Generator, inputs: int, hidden: int, label: float) -> dict[str, Array]:
    x = random.normal(size=(inputs, 1))
    W1, b1 = random.normal(size=(hidden, inputs)), random.normal(size=(hidden, 1))
    W2, b2 = random.normal(size=(1, hidden)), random.normal(size=())
    return forward({"x": x, "W1": W1, "b1": b1, "W2": W2, "b2": b2, "y": np.asarray(label)})


def forward(given: Mapping[str, Array]) -> dict[str, Array]:
    a1 = given["W1"] @ given["x"] + given["b1"]
    h1 = sigmoid(a1)
    a2 = (given["W2"] @ h1).reshape(()) + given["b2"]
    return {**given, "a1": a1, "h1": h1, "a2": np.asarray(a2), "h2": sigmoid(np.asarray(a2))}


def loss(net: Mapping[str, Array]) -> float:
    return float(-net["y"] * np.log(net["h2"]) - (1 - net["y"]) * np.log(1 - net["h2"]))


def gradients(net: Mapping[str, Array]) -> dict[str, Array]:
    by_a2 = net["h2"] - net["y"]
    by_h1 = net["W2"].T * by_a2
    by_a1 = by_h1 * net["h1"] * (1 - net["h1"])
    return {
        "∂J/∂a2": by_a2,
        "∂J/∂b2": by_a2,
        "∂J/∂W2": by_a2 * net["h1"].T,
        "∂J/∂h1": by_h1,
        "∂J/∂a1": by_a1,
        "∂J/∂b1": by_a1,
        "∂J/∂W1": by_a1 @ net["x"].T,
    }


def steps(net: Mapping[str, Array]) -> dict[str, Array]:
    """The loss, and the derivatives that a chain rule may name on the way, laid out as people write them: ∂a2/∂h1 is
    W2, a row, ∂a2/∂W2 is h1 lying down, and ∂h1/∂a1 is the column of slopes, to be multiplied by element."""
    to_a1 = {"b1": np.asarray(1.0), "W1": net["x"].T, "x": net["W1"]}
    slope1, slope2 = net["h1"] * (1 - net["h1"]), net["h2"] * (1 - net["h2"])
    to_a2 = {"b2": np.asarray(1.0), "W2": net["h1"].T, "h1": net["W2"]} | {
        "a1": net["W2"] * slope1.T, "b1": net["W2"] * slope1.T, "W1": (net["W2"].T * slope1) @ net["x"].T,
        "x": (net["W2"] * slope1.T) @ net["W1"],
    }  # fmt: skip
    by_h2 = -net["y"] / net["h2"] + (1 - net["y"]) / (1 - net["h2"])
    return {
        "J": np.asarray(loss(net)),
        "∂J/∂h2": by_h2,
        "∂J/∂x": net["W1"].T @ gradients(net)["∂J/∂a1"],
        "∂h2/∂a2": slope2,
        **{f"∂h2/∂{name}": slope2 * value for name, value in to_a2.items()},
        **{f"∂a2/∂{name}": value for name, value in to_a2.items()},
        "∂h1/∂a1": slope1,
        "∂h1/∂b1": slope1,
        "∂h1/∂W1": slope1 @ net["x"].T,
        "∂h1/∂x": slope1 * net["W1"],
        **{f"∂a1/∂{name}": value for name, value in to_a1.items()},
    }


def _networks() -> tuple[World, ...]:
    random = np.random.default_rng(4)
    worlds = []
    for inputs, hidden in SIZES:
        for draw in range(DRAWS):
            label = float(random.integers(2)) if draw % 2 else float(random.uniform(0.1, 0.9))
            net = network(random, inputs, hidden, label)
            worlds.append(World(net, gradients(net) | steps(net), _said(net, inputs, hidden)))
    return tuple(worlds)


def _said(net: Mapping[str, Array], inputs: int, hidden: int) -> str:
    shown = {"y": net["y"], "ŷ": net["h2"]}
    numbers = ", ".join(f"{name} = {float(value):.4g}" for name, value in shown.items())
    h1 = ", ".join(f"{h:.4g}" for h in net["h1"].ravel())
    return f"On a network with {inputs} inputs and {hidden} hidden nodes, {numbers}, h⁽¹⁾ = ({h1})ᵀ"


def _laid_out(worlds: Sequence[World], turned: Callable[[str], bool]) -> tuple[World, ...]:
    """The same networks with some of their arrays transposed."""

    def turn(values: Mapping[str, Array]) -> dict[str, Array]:
        return {n: a.T if turned(n) else a for n, a in values.items()}

    return tuple(World(turn(w.values), turn(w.truths), w.said) for w in worlds)


# ── question 3: one step of gradient descent with a penalty ──────────────────────────────────────────


def step(given: Mapping[str, Array]) -> dict[str, Array]:
    theta, g, eta = (given[name] for name in ("θt", "gt", "η"))
    return {rule: theta - eta * (g + slope) for rule, slope in by_penalty(given).items()}


def penalty(given: Mapping[str, Array]) -> dict[str, Array]:
    theta, lam = given["θt"], given["λ"]
    return {"L2": lam * np.asarray((theta * theta).sum()), "L1": lam * np.asarray(np.abs(theta).sum())}


def by_penalty(given: Mapping[str, Array]) -> dict[str, Array]:
    """The gradient of the penalty Ω, which is λ‖θ‖₂² or λ‖θ‖₁."""
    theta, lam = given["θt"], given["λ"]
    return {"L2": 2 * lam * theta, "L1": lam * np.sign(theta)}


def _steps(rule: str) -> tuple[World, ...]:
    random = np.random.default_rng(5)
    worlds = []
    for size in (2, 3, 4, 5) * 4:
        theta, g = random.normal(size=(size, 1)), random.normal(size=(size, 1))
        eta, lam = random.uniform(0.1, 0.9, size=2)
        given = {"θt": theta, "gt": g, "η": np.asarray(eta), "λ": np.asarray(lam)}
        said = f"With θ_t = {_column(theta)}, g_t = {_column(g)}, η = {eta:.4g}, λ = {lam:.4g}"
        slope, loss = by_penalty(given)[rule], np.asarray(random.uniform(1, 2))
        truths = {"θt+1": step(given)[rule], "∂Ω/∂θt": slope, "∂objective/∂θt": given["gt"] + slope}
        truths |= {"L": loss, "objective": loss + penalty(given)[rule]}
        worlds.append(World(given, truths, said))
    return tuple(worlds)


def _column(a: Array) -> str:
    return f"({', '.join(f'{x:.4g}' for x in a.ravel())})ᵀ"


# ── the questions ────────────────────────────────────────────────────────────────────────────────────

_LETTERS = {"ŷ": "h2", "h0": "x"}
_PENALISED = r"penal|regulari[sz]|decay|objective|total|whole|full|cost"
_LAYERS = Notation(
    powers=frozenset({"x", "y", "ŷ", "e"}),
    functions={"f": "sigmoid", "σ": "sigmoid"},
    losses=frozenset({"J", "L", "ℓ", "E", "C"}),
    loss="J",
    same=_LETTERS,
    presumed={"z1": "a1", "z2": "a2"},
    layers=(1, 2),
    foreign=r"relu|tanh|softmax|mse|squared (error|loss)|least squares|identity activation|no activation|linear "
    r"(output|unit|node|activation|layer)|(sigmoid|activation)\w* (as|to be) the identity",
    unlike={
        "y": r"predict|output|network",
        "h2": r"(true |correct )?(label|target|truth)",
        "h1": r"input of the (network|net|model)",
        "x": "hidden",
    },
    sizes={"H": "h1", "D": "x"},
    spoken={r"\b(derivative|slope) of the (sigmoid|logistic)( function| activation)?,? (is|equals):?": "f'"},
)
_PENALTY = r"the (new |extra )?(penalty|regulari[sz]er|regulari[sz]ation)( term)?"
_BY_PENALTY = r"\frac{\partial\Omega}{\partial\theta}"
_UPDATES = Notation(
    powers=frozenset({"θ", "λ", "η", "α", "g"}),
    functions={},
    losses=frozenset({"L"}),
    loss="L",
    totals=frozenset({"J", "F", "E", "C"}),
    same={"θ": "θt", "∂L/∂θt": "gt", "∂L/∂": "gt", "∂objective/∂": "∂objective/∂θt"},
    presumed={"g": "gt"},
    foreign=r"momentum|adam|ascent|proximal|soft-?threshold\w*",
    unlike={"η": _PENALISED, "λ": "learning|step", "gt": _PENALISED, "g": _PENALISED},
    variable="θt",
    asides=frozenset({"[-1,1]"}),
    spoken={
        rf"\b(sub)?(gradient|derivative) of {_PENALTY} (is|equals):?": _BY_PENALTY,
        rf"\b{_PENALTY} (contributes|adds)( another| an extra)?": _BY_PENALTY,
    },
)


_EXPONENTIALLY = (
    r"exponential",
    "it says exponentially: with nothing kept, each of L layers is computed again from the input, some L²/2 layers in "
    "all, which is quadratic in depth; only where paths of the graph multiply does it grow exponentially",
)


def questions() -> tuple[Question | InWords, ...]:
    networks = _networks()
    columns = _laid_out(networks, lambda name: name == "W2" or name.endswith("∂W2") or name in ("∂a2/∂h1", "∂h2/∂h1"))
    rows = _laid_out(networks, lambda _: True)
    conventions = {"W⁽²⁾ is a column": columns, "vectors are rows": rows}
    gradients_on_the_way, slopes = ("∂J/∂h2", "∂J/∂a2", "∂J/∂h1", "∂J/∂a1"), ("∂h2/∂a2", "∂h1/∂a1")
    meanings = {"g": gradients_on_the_way, "δ": gradients_on_the_way, "sigmoid'": slopes}
    usual = {
        "∂J/∂a": ("∂J/∂a2", "∂J/∂a1"), "∂J/∂b": ("∂J/∂b2", "∂J/∂b1"), "∂J/∂W": ("∂J/∂W2", "∂J/∂W1"),
        "∂J/∂h": ("∂J/∂h1", "∂J/∂h2"), "∂a/∂b": ("∂a2/∂b2",),
    }  # fmt: skip
    usual |= {"δ1": ("∂J/∂a1", "∂J/∂a2", "∂J/∂h1"), "δ2": ("∂J/∂a2", "∂J/∂h2")}

    def derivation(id: str, *asked: Asked) -> Question:
        return Question(id, asked, _LAYERS, networks, conventions, meanings, usual)

    five, half = Points(5), Points(5, 2)
    return (
        derivation("q1.1", Asked("∂J/∂a2", r"\nabla_{a^{(2)}} J", five, frozenset({"g", "δ2", "δ"}), 2)),
        derivation("q1.2", Asked("∂J/∂b2", r"\nabla_{b^{(2)}} J", five, frozenset({"g", "δ2", "δ"}), 2)),
        derivation("q1.3", Asked("∂J/∂W2", r"\nabla_{W^{(2)}} J", five, frozenset(), 3)),
        derivation("q1.4", Asked("∂J/∂h1", r"\nabla_{h^{(1)}} J", five, frozenset({"g"}), 3)),
        derivation(
            "q1.5",
            Asked("∂J/∂b1", r"\nabla_{b^{(1)}} J", half, frozenset(), 6),
            Asked("∂J/∂W1", r"\nabla_{W^{(1)}} J", half, frozenset(), 7),
        ),
        InWords("q1.6", five, (_EXPONENTIALLY,)),
        _update("q3.1", "L2"),
        _update("q3.2", "L1"),
    )


def _update(id: str, rule: str) -> Question:
    asked = Asked("θt+1", r"\theta_{t+1}", Points(4), frozenset({"θ(t+1)", "θnew", "θt"}))
    return Question(id, (asked,), _UPDATES, _steps(rule), {}, {})
