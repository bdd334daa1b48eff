"""Unicode mathematics as LaTeX, so that there is one spelling to read."""

from __future__ import annotations

import re
import unicodedata

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "Δ": "Delta", "ε": "epsilon", "η": "eta", "θ": "theta",
    "ϑ": "theta", "λ": "lambda", "μ": "mu", "π": "pi", "σ": "sigma", "τ": "tau", "φ": "phi", "ω": "omega",
    "Ω": "Omega", "Σ": "sum", "∑": "sum", "∇": "nabla", "∂": "partial", "ℓ": "ell", "ℒ": "mathcal L",
}  # fmt: skip

_SIGNS = {
    "⊙": r"\odot ", "⨀": r"\odot ", "∘": r"\circ ", "○": r"\circ ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ",
    "•": r"\cdot ", "×": r"\times ", "∗": "*", "⊗": r"\otimes ", "−": "-", "–": "-", "—": "-", "÷": "/", "∕": "/",
    "′": "'", "’": "'", "‖": r"\|", "∥": r"\|", "½": r"\frac{1}{2}", "⊤": r"\top ", "←": r"\leftarrow ",
    "⟵": r"\leftarrow ", "→": r"\to ", "⟶": r"\to ", "⇒": r"\Rightarrow ", "⟹": r"\Rightarrow ", "∴": r"\therefore ",
    "≠": r"\neq ", "≈": r"\approx ", "≡": "=", "≔": "=", "∝": r"\propto ", "√": r"\sqrt ", "𝟙": "1", "𝟏": "1",
    "∈": r"\in ", "≥": r"\ge ", "≤": r"\le ", "…": r"\dots ", "\N{NO-BREAK SPACE}": " ", "\N{THIN SPACE}": " ",
    "\N{FULLWIDTH EQUALS SIGN}": "=", "\N{ZERO WIDTH SPACE}": "", "\N{WORD JOINER}": "",
    "\N{BYTE ORDER MARK}": "", "\N{FUNCTION APPLICATION}": "", "\N{INVISIBLE TIMES}": " ",
}  # fmt: skip

_ARROWS = {
    "==>": r"\Rightarrow ", "=>": r"\Rightarrow ", "-->": r"\to ", "->": r"\to ", "<-": r"\leftarrow ",
    r"\_": "_", r"\*": "*",
}  # fmt: skip
_ARROW = re.compile("|".join(map(re.escape, _ARROWS)))
"""As people type them, and what they escape so that markdown leaves it alone."""

_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁺⁻ᵀᵗ", "0123456789()+-Tt", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₍₎₊₋ₜ", "0123456789()+-t", strict=True))


def words(text: str) -> frozenset[str]:
    """A set of words, written as a line of them."""
    return frozenset(text.split())


_GRADIENT = re.compile(r"(?<![A-Za-z\\])(?:delta|grad)[_ ]?([bWah])_?([12])(?![A-Za-z0-9])(?!\s*J)")
"""delta_b2, grad W1."""


def as_latex(text: str) -> str:
    """`σ(a⁽²⁾) − y` → `\\sigma (a^{(2)}) - y`."""
    text = unicodedata.normalize("NFC", text)
    text = _ARROW.sub(lambda m: _ARROWS[m[0]], text)
    text = _GRADIENT.sub(r"\\nabla_{\1_\2} J ", text)
    text = re.sub(r"_(new|old)(?![A-Za-z])", r"_{\1}", text)
    text = re.sub("([yY])\u0302|([ŷŶ])", lambda m: rf"\hat{{{(m[1] or 'y').lower()}}}", text)
    text = _script(text, _RAISED, "^")
    text = _script(text, _LOWERED, "_")
    return "".join(map(_sign, text))


def _script(text: str, digits: dict[str, str], mark: str) -> str:
    run = re.compile(f"[{''.join(digits)}]+")
    return run.sub(lambda m: f"{mark}{{{''.join(digits[c] for c in m[0])}}}", text)


def _sign(character: str) -> str:
    if character.isascii():
        return character
    if character in _SIGNS:
        return _SIGNS[character]
    plain = unicodedata.normalize("NFKC", character)  # 𝑦, 𝐖 and the like are letters
    if plain in _GREEK or character in _GREEK:
        return f"\\{_GREEK.get(plain) or _GREEK[character]} "
    return plain if len(plain) == 1 and plain.isascii() else character
