"""Names that are typed without LaTeX, as in programs."""

from __future__ import annotations

import re
from itertools import islice

from grader.derivations.lexer import FUNCTIONS, GREEK, UPRIGHT, own_word, spelled
from grader.derivations.question import Notation

_PARTS_OF_PROGRAMS = re.compile(
    r"\.(?:dot|mm|matmul)\(|\.T\b|\.t\(\)"
    r"|(?<![\\\w])(?<!\\operatorname\{)[^\W\d_](?:\w*[^\W_])?"
)
_METHODS = {".dot(": "@(", ".mm(": "@(", ".matmul(": "@(", ".T": "^T ", ".t()": "^T "}
"""Method or attribute of an array in a program → its LaTeX."""
_ASSIGNED = re.compile(
    rf"(?<![\\\w])(?<![_^]\{{)(?:\\(?:{UPRIGHT})\s*\{{\s*)?(?P<name>(?:[A-Za-z]{{2,}}|[A-Za-z](?=\\?_[A-Za-z]{{2}}))(?:\\?_[A-Za-z0-9]+)*\d?)\s*(?:\}}\s*)?(?:&\s*)?"
    r"(?:[-+*/:]?=(?!=)|←|<-|\\(?:gets|leftarrow|coloneqq|equiv|triangleq)(?![A-Za-z]))"
)
"""Matches a word before an =, which may be one of the student's own names."""
MAX_OWN_NAMES = 50
"""Largest number of words in an answer that are tested for being names of the student's."""
_OPERATOR = r"[*@·×⊙∘/(+=]|(?<=[\w\s])-|\\(?:cdot|odot|times|circ)(?![A-Za-z])"
_INDEX = re.compile(r"(?<=\w)\[(\d|[ijkmn])\]")
"""Matches the index of a typed element, as in h[1] or w[i]."""
_NAMES_WITH_PARTS = (
    (r"([^\W\d_]|theta|delta|eta|lambda|sigma|yhat)_?(\d|t|i|j|k)", "{}_{{{}}}"),
    (r"([^\W\d_])_?(\d)_?T", "{}_{{{}}}^T"),
    (r"([A-Za-zŷ])T", "{}^T"),
    (r"d_?([JLEhaz]\d?)_?d_?([WwbahzxH]_?\d?)", r"\frac{{\partial {}}}{{\partial {}}}"),
)
"""(pattern, LaTeX) of typed names with several parts: h_1, W2T, hT, dJ_dh1."""


class Names:
    """Translates names that are typed without LaTeX, as in programs, into LaTeX."""

    def __init__(self, notation: Notation) -> None:
        """Compile regular expressions for the names of a course: those of derivatives (`dW1`, `dJ_dh1`), of
        differentials (`dJ`), and of factors that are typed without spaces (`θt` in `2λθt`)."""
        self.words = notation.words
        all_losses = notation.loss_letters | notation.totals
        losses = _any_of({loss for loss in all_losses if loss.isascii()})
        quantities = [*notation.other_names, *notation.meanings, notation.variable]
        letter = _any_of({name[:1] for name in quantities} - {"∂", ""})
        variable = rf"{letter}_?\d?|theta"
        for word, latex in notation.words.items():
            if latex not in all_losses:
                variable += f"|{re.escape(word)}"
        self._gradient_name = re.compile(
            rf"(?:d|del|grad|nabla|partial|D)_?(?P<of>{losses}|loss)?_?(?:(?<=[^\W_]|_)d_?)?(?P<by>{variable})"
        )
        self._differential_name = re.compile(rf"d(?:{letter}|{losses})\d?|∂[^\W\d_]\d?|dtheta")
        self._factor = re.compile(rf"(?:[α-ωf]|{letter}|{losses})(?:_?[tijk\d])?|\d")

    def is_name(self, text: str) -> bool:
        return self.name(text.removesuffix(".T").rstrip("'")) is not None

    def name(self, text: str) -> str | None:
        """Translate a typed name to LaTeX: "\\theta" for "theta". Return None for an ordinary word."""
        if text in self.words:
            return self.words[text]
        if len(text) == 1:
            return spelled(text) if ord(text) < 0x2E80 else None
        if text == "sum":
            return r"\sum"
        if text in FUNCTIONS:
            return rf"\operatorname{{{text}}}"
        if text in GREEK:
            return rf"\{text}"
        for pattern, latex in _NAMES_WITH_PARTS:
            match = re.fullmatch(pattern, text)
            if match is not None:
                parts = [part if part.isdigit() else self.name(part) for part in match.groups()]
                return None if None in parts else latex.format(*parts)
        return self._gradient(text) or self._side_by_side(text)

    def _gradient(self, text: str) -> str | None:
        """Translate a typed derivative, such as `dW1` or `dJ_dh1`, to LaTeX. Return None for other texts."""
        gradient = self._gradient_name.fullmatch(text.rstrip("_"))
        if gradient is None:
            is_differential = self._differential_name.fullmatch(text)
            return f"{text[0]}{self.name(text[1:])}" if is_differential else None
        variable, loss = self.name(gradient["by"]), gradient["of"]
        if text.startswith("d") and not loss:
            # left to the parser: dh1 may be a derivative of the loss, or the denominator of dJ/dh1
            return f"d{variable}"
        if not loss or loss == "loss":
            loss = "J"
        return rf"\nabla_{{{variable}}} {loss} "

    def _side_by_side(self, text: str) -> str | None:
        """Translate factors that are typed without spaces, such as `2λθ_t`, to LaTeX. Return None for other texts."""
        factors = self._factor.findall(text)
        if "".join(factors) != text or not re.search(r"[α-ωŷ\d]", text):
            return None
        return " ".join(map(spelled, factors))

    def own(self, answer: str) -> dict[str, str]:
        """Return the words that an answer defines by an equation and uses as operands: {word: its LaTeX}."""
        own = {}
        assigned = dict.fromkeys(match["name"].replace("\\", "") for match in _ASSIGNED.finditer(answer))
        for word in islice(assigned, MAX_OWN_NAMES):
            name = word.replace("_", r"\\?_")
            # the word as it may be written, and the word beside an operator or in a call, where it is an operand
            spelling = rf"(?:\\(?:{UPRIGHT})\s*\{{\s*)?{name}(?!\w)"
            operand = rf"(?:{_OPERATOR}|\([^()\n]*,)\s*{spelling}(?!\s*=)|{spelling}\s*(?:\}}\s*)?(?:[*@⊙∘]|\\odot)"
            if self.name(word) is None and re.search(operand, answer):
                own[word] = own_word(word)
        return own

    def latex_of(self, text: str) -> str | None:
        """Translate a typed formula or a statement of a program to LaTeX. Return None if it contains an ordinary word.
        An unknown word directly before a bracket is a function."""
        if "\\" not in text:
            text = text.replace("^", " ^ ").replace("~", r"\sim ")
        text = _INDEX.sub(r"_{\1}", text)
        latex, place = "", 0
        for part in _PARTS_OF_PROGRAMS.finditer(text):
            is_called = text.startswith("(", part.end())
            name = _METHODS.get(part[0]) or self.name(part[0])
            if name is None:
                if not is_called:
                    return None
                name = rf"\operatorname{{{part[0]}}}"
            latex += text[place : part.start()] + name
            if not is_called:
                latex += " "
            place = part.end()
        return spelled(latex + text[place:])


def _any_of(letters: set[str]) -> str:
    """Return a regular expression that matches any of the letters; nothing if there are none."""
    choices = "|".join(map(re.escape, sorted(letters)))
    return f"(?:{choices or '(?!)'})"
