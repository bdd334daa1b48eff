"""A hundred students' answers to one question of ps4 (q1.3), drawn at random: the usual right and wrong values, each
written in one of many notations, with or without words around it."""

from __future__ import annotations

import random

QUESTION = "q1.3"

_LEFT = (
    r"\nabla_{W^{(2)}} J",
    r"\frac{\partial J}{\partial W^{(2)}}",
    r"\frac{\partial J}{\partial W_2}",
    r"\nabla_{W_2} J",
    r"\dfrac{\partial J}{\partial \mathbf{W}^{(2)}}",
)
_G = (r"(\hat{y} - y)", r"(h^{(2)} - y)", r"\left(\hat y - y\right)", r"(h_2 - y)", r"(-y + \hat y)")
_H = (r"h^{(1)T}", r"(h^{(1)})^T", r"\big(h^{(1)}\big)^\top", r"{h^{(1)}}^{\top}", r"h_1^T")
_COLUMN = ("h^{(1)}", "h_1")
_BEFORE = (
    "",
    "",
    "By the chain rule:\n\n",
    "Using $g$ from Q1.1,\n\n",
    "Since $a^{(2)} = W^{(2)} h^{(1)} + b^{(2)}$, we get\n\n",
    "Con la regla de la cadena:\n\n",
    "Mit der Kettenregel folgt\n\n",
)
_AFTER = ("", "", "", "\n\nThis is a row like $W^{(2)}$.", "\n\nso the shapes agree.")
_UNREAD = (
    "I think it is the error times the hidden layer.",
    "see my notes on paper",
    r"$$\nabla_{W^{(2)}} J = \text{error} \cdot \text{activations}$$",
    "idk",
    r"$$\frac{\partial J}{\partial W^{(2)}} = \delta \otimes ???$$",
)
_KINDS = {
    "right": 52, "false step": 3, "right, then more": 3, "column": 8, "sign": 6, "slope": 4, "no h": 3, "x": 3,
    "swapped": 2, "half": 2, "mean": 2, "hidden slope": 2, "first layer": 1, "squared": 1, "a1": 1, 
    "plain": 2, "unread": 4, "none": 3,
}  # fmt: skip
"""Kind of answer → how many students give it, on average."""


def draw(seed: int, students: int = 100) -> list[tuple[str, str]]:
    """Return each student's kind of answer, and the answer ("" for none)."""
    chance = random.Random(seed)
    kinds = chance.choices(list(_KINDS), list(_KINDS.values()), k=students)
    return [(kind, _answer(kind, chance)) for kind in kinds]


def _answer(kind: str, chance: random.Random) -> str:
    if kind in ("none", "unread"):
        return "" if kind == "none" else chance.choice(_UNREAD)
    left, g, h, column = (chance.choice(some) for some in (_LEFT, _G, _H, _COLUMN))
    value = {
        "right": f"{g} {h}",
        "sign": rf"(y - \hat y) {h}",
        "column": rf"{g} \, {column}",
        "slope": rf"{g} \, h^{{(2)}} (1 - h^{{(2)}}) {h}",
        "no h": g,
        "x": rf"{g} \, x^T",
        "swapped": rf"{g} \, W^{{(2)}}",
        "false step": rf"{g} \, W^{{(2)}} = {g} {h}",
        "right, then more": rf"{g} {h} = h^{{(2)}} - y",
        "half": rf"\frac{{1}}{{2}} {g} {h}",
        "mean": rf"\frac{{1}}{{N}} {g} {h}",
        "hidden slope": rf"{g} \, (h^{{(1)}} \odot (1 - h^{{(1)}}))^T",
        "first layer": rf"{g} \, (W^{{(1)}} x)^T",
        "squared": rf"{g}^2 {h}",
        "a1": rf"{g} \, a^{{(1)T}}",
        "plain": "",
    }[kind]
    if kind == "plain":
        return chance.choice(("dJ/dW2 = (y_hat - y) * h1^T", "∂J/∂W₂ = (ŷ − y) h₁ᵀ", "`dW2 = (h2 - y) * h1.T`"))
    chain = rf"{left} = g {h} = {value}" if kind == "right" and chance.random() < 0.4 else f"{left} = {value}"
    return f"{chance.choice(_BEFORE)}$${chain}$${chance.choice(_AFTER)}"
