"""Split mathematics into tokens. LaTeX, Unicode and program code are first converted to LaTeX (`spelled`)."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from grader.derivations.bounds import MAX_DEPTH, MAX_TOKENS, Unread

Kind = Literal[
    "number", "letter", "function", "macro", "sign", "=", "relation", "end", "row", "text",
    "word",  # a run of `WORD_LETTERS` or more Latin letters: a name or an ordinary word
    "unknown",  # an unknown function
    "group",  # text: the opening bracket
    "grid",  # text: "matrix" or "cases"
    "open", "close",  # unmatched brackets
    "style",  # a macro that colors or crosses out the tokens after it
]  # fmt: skip


@dataclass(frozen=True)
class Token:
    kind: Kind
    text: str
    start: int
    """Index of the token's first character in the text."""
    end: int
    line: int
    """Line number in the text, from 0."""
    spaced: bool = False
    """True if white space precedes the token."""
    inner: tuple[Token, ...] = ()
    """The tokens in a group or a grid."""

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs

    def is_group(self, *brackets: str) -> bool:
        return self.kind == "group" and (not brackets or self.text in brackets)

    @property
    def plain(self) -> str:
        """The text of the token with its inner tokens and its closing bracket."""
        closing = _PARTNERS.get(self.text, "") if self.kind == "group" else ""
        return f"{self.text}{''.join(token.plain for token in self.inner)}{closing}"


def is_picture(character: str) -> bool:
    """Return whether a character is a tick, an emoji or another picture."""
    return unicodedata.category(character) == "So"


def every(tokens: Iterable[Token]) -> Iterator[Token]:
    """Yield each token, and then recursively its inner tokens."""
    for token in tokens:
        yield token
        yield from every(token.inner)


_PARTNERS = {"(": ")", "[": "]", "\\{": "\\}", "{": "}", "{=": "}", "cases": "cases", "matrix": "matrix"}
_STRICT = frozenset({"}", "cases", "matrix"})
"""Closing tokens that match only their own opening token. Other brackets match any bracket, as in [0, 1)."""


def grouped(tokens: Iterable[Token]) -> list[Token]:
    """Replace each pair of matching brackets, and each environment, by one token that contains the inner tokens.

    Braces without meaning are dropped: braces of boxes and colors, and braces around whole equalities or one letter.
    Unmatched brackets stay.
    """
    opened: list[Token] = []
    levels: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "open" and len(opened) < MAX_DEPTH:
            opened.append(token)
            levels.append([])
        elif token.kind == "close" and (place := _partner(opened, token)) is not None:
            while len(opened) > place + 1:
                levels[-2:] = [[*levels[-2], opened.pop(), *levels[-1]]]
            inner, bracket = levels.pop(), opened.pop()
            levels[-1] += _grouped(bracket, inner, levels[-1][-1:], token.end)
        else:
            levels[-1].append(token)
    return [
        token for level, bracket in zip(levels, [*opened, None], strict=True) for token in [*level, bracket] if token
    ]


def _partner(opened: Sequence[Token], closing: Token) -> int | None:
    """Return the index of the last bracket in `opened` that `closing` matches; None if there is none."""
    expected = [_PARTNERS[bracket.text] for bracket in opened]
    loose = closing.text not in _STRICT
    places = (n for n, text in enumerate(expected) if text == closing.text or (loose and text not in _STRICT))
    return max(places, default=None)


def _grouped(bracket: Token, inner: list[Token], before: Sequence[Token], end: int) -> list[Token]:
    if bracket.text in ("cases", "matrix"):
        return [replace(bracket, kind="grid", inner=tuple(inner), end=end)]
    whole = any(token.kind in ("=", "row") for token in inner)
    added = any(token.is_sign("+", "-") for token in inner)
    signed = inner[:1] and inner[0].is_sign("+", "-")
    argument = before and (before[0].is_sign("_", "^") or before[0].kind == "macro")
    if bracket.text == "{=" and (whole or not added or signed):
        return inner
    if bracket.text == "{" and not argument and (whole or len(inner) == 1):
        return inner
    kept = tuple(token for token in inner if token.kind != "row" and (token.kind != "end" or token.text in ",&"))
    return [replace(bracket, kind="group", text=bracket.text.rstrip("="), inner=kept, end=end)]


GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "Gamma": "Γ", "delta": "δ", "Delta": "Δ", "epsilon": "ε",
    "varepsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ", "vartheta": "θ", "Theta": "Θ", "kappa": "κ",
    "lambda": "λ", "Lambda": "Λ", "mu": "μ", "nu": "ν", "xi": "ξ", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ",
    "varphi": "φ", "Phi": "Φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Omega": "Ω", "ell": "ℓ",
}  # fmt: skip
_LETTERS = {letter: name for name, letter in GREEK.items() if not name.startswith("var")}
_UNICODE = {
    "∇": r"\nabla ", "∂": r"\partial ", "⊙": r"\odot ", "∘": r"\odot ", "⊗": r"\otimes ", "·": r"\cdot ",
    "⋅": r"\cdot ", "×": r"\times ", "∗": "*", "−": "-", "–": "-", "—": "-", "ŷ": r"\hat y ", "⊤": r"\top ",
    "ℒ": "L ", "′": "'", "’": "'", "←": r"\gets ", "≔": "=", "‖": r"\|", "∥": r"\|", "∣": "|", "≈": r"\approx ",
    "≠": r"\neq ", "≤": r"\leq ", "≥": r"\geq ", "½": r"\frac12 ", "Σ": r"\sum ", "∑": r"\sum ", "→": r"\to ",
    "⇒": r"\Rightarrow ", "∴": r"\therefore ", "∵": r"\because ", "∈": r"\in ", "√": r"\sqrt ", "…": r"\dots ",
    "⋮": r"\vdots ", "𝟙": r"\mathbb{1}", "∝": r"\propto ", "￼": " ", "∙": r"\cdot ", "▒": " ", "〖": "(", "〗": ")",
}  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = {
    "exp": "exp", "ln": "log", "log": "log", "sign": "sign", "sgn": "sign", "signum": "sign", "abs": "abs",
    "sqrt": "sqrt", "diag": "diag", "sigmoid": "sigmoid", "tanh": "tanh", "max": "max", "min": "min", "relu": "relu",
    "ReLU": "relu", "dot": "dot", "matmul": "dot", "outer": "outer", "multiply": "multiply", "transpose": "transpose",
    "sum": "sum", "norm": "norm", "power": "power", "square": "square", "softplus": "softplus",
    "sin": "sin", "cos": "cos",
}  # fmt: skip
_DROPPED = _words(
    "displaystyle textstyle scriptstyle limits nolimits left right middle big Big bigg Bigg bigl bigr Bigl "
    "Bigr biggl biggr Biggl Biggr bigm nonumber notag boldsymbol bm mathcal "
    "mathscr boxed fbox vec underline bf it cal pmb mathop mathbin cancel bcancel xcancel "
    "mathstrut hfill centering normalsize large Large displaylines ensuremath mathnormal symbf symbfit "
    "mathbfit mathrel relax color textcolor colorbox cancelto"
)
_WITHOUT_ARGUMENT = _words(
    "color textcolor colorbox cancelto label hspace vspace phantom vphantom hphantom",
)
"""Macros whose first argument is dropped, such as the color in \\color{red}."""
_SPACES = _words(
    "quad qquad Rightarrow implies Longrightarrow therefore because to rightarrow longrightarrow iff "
    "Leftrightarrow Longleftrightarrow mapsto square blacksquare Box hline"
)
EQUALS = _words("gets leftarrow coloneqq equiv triangleq coloneq longleftarrow Leftarrow")
_RELATIONS = {"leq": "<=", "le": "<=", "geq": ">=", "ge": ">=", "lt": "<", "gt": ">", "neq": "!=", "ne": "!=",
              "approx": "≈", "propto": "∝", "in": "∈", "sim": "~", "simeq": "≈", "mp": "±", "pm": "±"}  # fmt: skip
_SIGNS = {
    **dict.fromkeys(("cdot", "times", "ast", "bullet", "star"), "·"), **dict.fromkeys(("odot", "bigodot", "circ"), "⊙"),
    **dict.fromkeys(("lVert", "rVert", "Vert"), "‖"), **dict.fromkeys(("lvert", "rvert", "vert", "mid"), "|"),
    "otimes": "⊗", "prime": "'", "backslash": "",
}  # fmt: skip
_FONTS_OF_ONE = _words("mathbb mathds mathbf boldsymbol bm vec pmb symbf")
_ONE = re.compile(r"\s*(?:1(?!\d)|\{\s*1\s*\})|(?<=bb)\s*\{?\s*I(?![A-Za-z])\s*\}?")
"""Matches the 1 in \\mathbb{1} or \\mathbf{1}, and the I in \\mathbb{I}: a vector of ones, or an indicator."""
_UPRIGHT = _words("mathrm operatorname mathit rm mathsf mathbf mathtt")
UPRIGHT = "text|textrm|textit|textbf|mathrm|mathit|mathbf|mathsf|operatorname"
"""Pattern of the macros whose argument may be a name of several letters, such as \\mathrm{loss}."""


def own_word(word: str) -> str:
    """Return the LaTeX of a word that the student uses as a name: "\\mathrm{err}" for "err"."""
    return "\\mathrm{" + word.replace("_", r"\_") + "}"


_CALLED = re.compile(
    r"(?:'|\s*[\^_]\s*(?:\{[^{}]*\}|\\[A-Za-z]+|[^\s{}\\]))*\s*(?:\\[,!]\s*)?(?:\}\s*)?"
    r"(?:\\(?:left|[bB]igg?l?)(?![A-Za-z])\s*)?(?:[(\[]|\\\{)"
)
"""Matches the opening bracket of a function call and the scripts before the bracket: `_1(` in `f_1(x)`. White space and
a thin space of LaTeX may stand before the bracket."""
_WORD = re.compile(r"[^\W\d_](?:[\w.-]*\w)?")
_TEXTS = {"text", "textrm", "textbf", "textit", "mbox", "texttt", "textsf", "emph", "hbox", "textnormal"}

_PLAIN: dict[str, tuple[Kind, str]] = {
    **{name: ("letter", letter) for name, letter in GREEK.items()},
    **{name: ("end", name) for name in _SPACES},
    **{name: ("=", "=") for name in EQUALS},
    **{name: ("relation", sign) for name, sign in _RELATIONS.items()},
    **{name: ("sign", sign) for name, sign in _SIGNS.items()},
    **{name: ("function", function) for name, function in FUNCTIONS.items() if name != "sum"},
    **{name: ("macro", "frac") for name in ("dfrac", "tfrac", "cfrac")},
    **{name: ("macro", "hat") for name in ("hat", "widehat")},
    **{name: ("macro", "bar") for name in ("bar", "overline")},
    **{name: ("macro", "tilde") for name in ("tilde", "widetilde")},
    **{name: ("letter", "T") for name in ("top", "intercal", "transpose", "trans")},
    **{f"l{name}": ("open", sign) for name, sign in (("brack", "["), ("brace", "\\{"), ("paren", "("))},
    **{f"r{name}": ("close", sign) for name, sign in (("brack", "]"), ("brace", "\\}"), ("paren", ")"))},
    "newline": ("row", ""),
    "Sign": ("function", "sign"),
    "part": ("macro", "partial"),
    "sdot": ("sign", "·"),
    "not": ("relation", "!="),
}
"""Macro → (kind, text) of its token."""
_SCAN = re.compile(
    r"(?P<space>[ \t\r\n~]+)|(?P<comment>(?<!\\)%[^\n]*)|\\(?P<macro>[A-Za-z]+)\*?"
    r"|(?P<row>\\\\\*?(?:\s*\[\s*-?[\d.]+\s*[a-z]{2}\s*\])?|\\(?=[\n\d]))|\\(?P<escaped>.)"
    r"|(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?(?![A-Za-z]*\d*e)|\.\d+)|(?P<word>[A-Za-z]+)"
    r"|(?P<foreign>(?=[\u2e80-\U0003ffff])[^\W\d_][\u2e80-\U0003ffff]*|(?=[\u0400-\u1dff]{2})[^\W\d_]{2,})|(?P<long>\*\*|//(?=\s|\Z)|\.[*/^]|:=|<=|>=|!=|==|=>|->|<-|\|\|)|(?P<sign>.)",
    re.DOTALL,
)
_SIGNS_OF_TEXT: dict[str, tuple[Kind, str]] = {
    **{sign: ("close", sign) for sign in (")", "]", "}", "\\}")},
    **{sign: ("relation", sign) for sign in ("<", ">", "<=", ">=", "!=")},
    **{sign: ("=", "=") for sign in ("=", ":=", "==", "<-")},
    **{sign: ("end", sign) for sign in ",;:∎■□"}, **{sign: ("end", "") for sign in ("=>", "->", "//")},
    **{sign: ("sign", "‖") for sign in ("||", "\\|")}, "\\{": ("open", "\\{"), "*": ("sign", "·"),
    "\\`": ("sign", "'"), "\\-": ("sign", "-"), "\\+": ("sign", "+"), "\\*": ("sign", "·"),
    "\\_": ("sign", "_"),
    "**": ("sign", "^"), ".*": ("sign", "⊙"), "./": ("sign", "/"), ".^": ("sign", "^"),
}  # fmt: skip
_SPACING = frozenset({"$", "&", *(f"\\{sign}" for sign in " ,;:!>/()[]&\n")})
_KNOWN_WORDS = sorted({*FUNCTIONS, *_words("theta lambda eta delta sigma nabla partial odot")}, key=len, reverse=True)
_KNOWN = re.compile(rf"({'|'.join(_KNOWN_WORDS)})(?![a-z])|(.)", re.DOTALL)


_WORDS: dict[str, tuple[Kind, str]] = {
    **_PLAIN,
    **{name: ("function", function) for name, function in FUNCTIONS.items()},
    **{name: ("macro", name) for name in ("nabla", "partial")},
}
_STOPS = str.maketrans({sign: f"{ascii} " for sign, ascii in zip("，：；！？。、", ",:;!?.,", strict=True)})
"""East Asian punctuation → ASCII punctuation and a space."""


def plain(text: str) -> str:
    """Replace variants of characters, such as superscript, full-width and bold ones, by ordinary characters. Remove
    invisible characters, spaces before combining accents, and modules' names in programs, such as `np.`."""
    text = re.sub(r"(?<=\w)[^\S\n]+(?=[\u0300-\u036f])", "", _MODULE.sub("", text).translate(_STOPS))
    made = ""
    for kind, run in itertools.groupby(text, _variant):
        same = "".join(run)
        normal = unicodedata.normalize("NFKC", same) if kind else same
        made += {"<super>": f"^{{{normal}}}", "<sub>": f"_{{{normal}}}", "Cf": ""}.get(kind, normal)
    return unicodedata.normalize("NFC", made)


_MODULE = re.compile(r"(?<![\\\w])(?:np|numpy|torch|math|self)\.(?=[A-Za-z])")
_VARIANTS = ("<super>", "<sub>", "<font>", "<wide>", "<noBreak>")


def _variant(c: str) -> str:
    """Return the kind of a variant character, such as "<super>"; "Cf" for invisible ones; "" for ordinary ones."""
    if c.isascii() or c in _UNICODE or c in _LETTERS:
        return ""
    kind = unicodedata.decomposition(c).partition(" ")[0]
    return kind if kind in _VARIANTS else "Cf" if unicodedata.category(c) == "Cf" else ""


_BRACE = re.compile("[{}]")
_EMPTY_BRACES = re.compile(r"\{\}(?!\s*[\^_])")
"""Matches braces without meaning behind a sign, as in \\cdot{}."""
KEYWORDS = ("axis", "keepdims", "dtype")
"""Keyword arguments that a function call may have. Only `axis` affects the value."""
WORD_LETTERS = 5
"""Smallest length of a run of Latin letters in mathematics that is a word, and not a product of letters."""


def spelled(text: str) -> str:
    """Return the text with Unicode symbols replaced by LaTeX. The number of lines stays the same."""
    text = re.sub(r"(?<=[\w)\]}]) ?⊤", "^⊤", text)
    text = re.sub(r"y\u0302|\by\\?_\{?hat\}?(?![A-Za-z])", r"\\hat y ", text)
    return "".join(_UNICODE.get(c) or (f"\\{_LETTERS[c]} " if c in _LETTERS else c) for c in text)


def tokens(text: str, words: Mapping[str, str]) -> list[Token]:
    """Split LaTeX into tokens.

    Args:
        text: The LaTeX.
        words: Name of several letters → its LaTeX. Other runs of letters are split into single letters.

    Raises:
        Unread: If there are too many tokens.
    """
    return _Lexer(text, words).tokens()


def _without_macro(text: str) -> str:
    """Return the argument of a macro: "a" for "\\textbf{a}". Return other texts unchanged."""
    nested = re.fullmatch(r"\s*\\[A-Za-z]+\{([^{}]*)\}\s*", text)
    return nested[1] if nested else text


class _Lexer:
    def __init__(self, text: str, words: Mapping[str, str]) -> None:
        self.text = text
        self.words = words
        self.found: list[Token] = []
        self.line = 0
        self.spaced = False
        self.at = 0
        self.grids: list[str] = []
        """The environments around the current position, the innermost last. In "matrix" and "cases", & and line breaks
        separate cells. Other environments are ""."""
        self.scripts: list[bool] = []
        """For each open bracket, the innermost last: whether its contents are in a subscript or superscript."""
        self.frame = False
        """True if the next brace belongs to a macro for appearance only, such as \\boxed or \\mathrm."""

    def tokens(self) -> list[Token]:
        while self.at < len(self.text):
            match = _SCAN.match(self.text, self.at)
            assert match is not None  # the last alternative matches any character
            start, self.at = self.at, match.end()
            self._take(match, start)
            if len(self.found) > MAX_TOKENS:
                raise Unread("the answer is too long")
        return self.found

    def _add(self, kind: Kind, text: str, start: int) -> None:
        if kind == "open":
            self.scripts.append(self._is_in_script)
        elif kind == "close" and self.scripts:
            self.scripts.pop()
        self.found.append(Token(kind, text, start, self.at, self.line, self.spaced))
        self.spaced = False

    def _take(self, match: re.Match[str], start: int) -> None:
        text = match[0]
        match match.lastgroup:
            case "space":
                self.spaced = True
                self.line += text.count("\n")
            case "comment":
                self._add("text", text.lstrip("% "), start)
            case "macro":
                self._macro(match["macro"], start)
            case "row" | "number" as kind:
                self._add(kind, "" if kind == "row" else text, start)
            case "word":
                self._word(text, start)
            case "foreign":  # a word in a script that is not used for names of quantities, such as Chinese
                self._add("unknown" if self._is_called("", text) else "text", text, start)
            case _:
                self._sign(text, start)

    def _sign(self, sign: str, start: int) -> None:
        if sign in _SIGNS_OF_TEXT:
            self._add(*_SIGNS_OF_TEXT[sign], start)
        elif sign in "([{":
            self._add("open", f"{sign}{'=' if self.frame and sign == '{' else ''}", start)
            self.frame = False
        elif sign == "&" and (any(self.grids) or self.text[start - 1 : start] == "&"):
            self._add("end", "&", start)
            self.spaced = True
        elif sign in _SPACING:
            self.spaced = True
        elif sign in '!?"' or (sign[0] == "\\" and len(sign) > 1):
            self._add("text", sign, start)
        elif sign.isalpha():
            self._add("letter", sign, start)
        else:
            self._add("text" if is_picture(sign) else "sign", sign, start)

    def _word(self, word: str, start: int) -> None:
        """Add the tokens of a run of Latin letters: one word if the run is long and contains no known word, otherwise
        known words and one-letter names."""
        two = len(word) == 2 and self.words.get(word) == own_word(word)  # more likely a product
        if not two and self._named(word, start):
            return
        parts = [*_KNOWN.finditer(word)]
        if len(parts) == len(word) >= WORD_LETTERS and word not in KEYWORDS and not self._is_in_script:
            self._add("unknown" if self._is_called("", word) else "word", word, start)
            return
        for part in parts:
            self.at = start + part.end()
            self._add(*_WORDS.get(part[0], ("letter", part[0])), start + part.start())

    def _named(self, word: str, start: int) -> bool:
        """Add the tokens of a word that `self.words` translates, and return True. Return False for other words, and for
        words in subscripts and superscripts."""
        latex = self.words.get(word, "")
        if not latex or self._is_in_script:
            return False
        if latex == own_word(word):
            self._add("letter", word, start)
        else:
            for token in _Lexer(latex, {}).tokens():
                self._add(token.kind, token.text, start)
        return True

    def _macro(self, name: str, start: int) -> None:
        if name in _PLAIN:
            self._add(*_PLAIN[name], start)
            if name in _SIGNS and (empty := _EMPTY_BRACES.match(self.text, self.at)):
                self.at = empty.end()
        elif name == "tag":
            tag = self._argument()
            if not re.fullmatch(r"\s*[(*]*\d+(?:\.\d+)*[)*]*\s*", tag):
                self._add("text", tag, start)
        elif name in _FONTS_OF_ONE and not self._is_index() and (one := _ONE.match(self.text, self.at)):
            self.at = one.end()
            self._add("macro", "ones", start)
        elif name in _TEXTS or name in _UPRIGHT:
            self._text(name, start)
        elif name in _DROPPED | _WITHOUT_ARGUMENT:
            self._drop(name, start)
        elif name in ("overset", "stackrel", "underset", "xrightarrow"):
            self._above(start)
        elif name in ("begin", "end"):
            self._environment(name, start)
        else:
            self._add("macro", name, start)

    def _drop(self, name: str, start: int) -> None:
        """Skip a macro for appearance only. If it is in `_WITHOUT_ARGUMENT`, skip its first argument too. For macros
        that color or cross out, add a "style" token."""
        if "cancel" in name or "color" in name:
            self._add("style", f"\\{name}", start)
        if name in _WITHOUT_ARGUMENT:
            self._argument()
        self.frame = name in _DROPPED and self.text[self.at :].lstrip()[:1] == "{"
        if name in ("left", "right") and self.text[self.at : self.at + 1] == ".":
            self.at += 1  # \left. and \right. have no bracket

    def _argument(self) -> str:
        """Consume a group in braces and return the text in it; "" if there is no group."""
        match = re.compile(r"\s*(?:\[[^\]\n]{0,40}\])?\s*\{").match(self.text, self.at)
        if match is None:
            return ""
        depth, at = 1, match.end()
        while depth and (brace := _BRACE.search(self.text, at)):
            depth += 1 if brace[0] == "{" else -1
            at = brace.end()
        at = len(self.text) if depth else at
        inside = self.text[match.end() : at - 1 if not depth else at]
        self.line += self.text.count("\n", self.at, at)
        self.at = at
        return inside

    def _text(self, name: str, start: int) -> None:
        """Add the tokens of \\text, \\mathrm or a similar macro. The argument is a name, function, letter or words."""
        place = self.at, self.line
        inside = self._argument()
        text = inside.strip()
        simple = re.fullmatch(r"[A-Za-z]+|\d", text) is not None
        styled = name in _UPRIGHT - {"operatorname"} and not (text.isalpha() and len(text) > 1 + simple)
        if re.fullmatch(r"[A-Za-z]+\d?(?:\\?_\w+)*", text) and self._named(text.replace("\\", ""), start):
            return
        if re.fullmatch(r"[A-Za-z]\d", text) or (re.fullmatch(r"\(?\d\)?", text) and self._is_index()):
            styled, simple = True, False
        if simple and (function := FUNCTIONS.get(text) or FUNCTIONS.get(text.lower())):
            self._add("function", function, start)
        elif simple and len(text) == 1:
            self._add("number" if text.isdigit() else "letter", text, start)
        elif styled:  # the macro only changes the font of a formula
            self.at, self.line = place
            self.frame = self.text[self.at :].lstrip()[:1] == "{"
        else:
            self._words(name, _without_macro(inside), start)

    def _words(self, name: str, inside: str, start: int) -> None:
        """Add one token for the argument of a \\text macro: words, an unknown function, or an index."""
        text = inside.strip()
        if self._is_called(name, inside):
            self._add("unknown", text, start)
        elif _WORD.fullmatch(text) and self._is_index():
            self._add("letter", text, start)
        elif text.strip(" .,;:()"):
            self._add("text", text, start)
        elif text:
            self._add("end", "", start)
        else:
            self.spaced = True

    def _is_index(self) -> bool:
        """Return whether the current position is the beginning of a subscript or superscript of a letter, which may be
        in braces."""
        before = self.found[-6:]
        while before and before[-1].text in ("{", "("):
            before.pop()
        kinds = [token.kind for token in before[:-1]]
        letter = kinds[-1:] == ["letter"] or kinds[-3:] == ["open", "letter", "close"]
        return letter and before[-1].is_sign("_", "^")

    @property
    def _is_in_script(self) -> bool:
        """True if the current position is in a subscript or superscript."""
        return any(self.scripts[-1:]) or (bool(self.found) and self.found[-1].is_sign("_", "^"))

    def _is_called(self, name: str, inside: str) -> bool:
        """Return whether `inside`, the argument of the macro `name`, is the name of a function. This is so in
        \\operatorname, and for a single word directly before a bracket."""
        if self._is_in_script:
            return False
        if name == "operatorname" and any(c.isalpha() for c in inside):
            return True
        called = _CALLED.match(self.text, self.at)
        if called is None or not _WORD.fullmatch(inside):
            return False
        framed = bool(self.found) and self.found[-1].text in ("{", "{=")
        return framed or "}" not in re.sub(r"\{[^{}]*\}", "", called[0])

    def _above(self, start: int) -> None:
        """Add the tokens of `\\overset{above}{sign}`: the part above as text, then the sign."""
        above = self._argument().strip()
        self._add("text", above, start)
        group = re.compile(r"\s*\{\s*(=|\\gets|\\leftarrow|\\Rightarrow)\s*\}").match(self.text, self.at)
        if group:
            self.at = group.end()
            self._add("=", "=", start)

    _LAYOUT = re.compile(r"\s*\{\s*([A-Za-z]+)\*?\s*\}")

    def _environment(self, name: str, start: int) -> None:
        match = self._LAYOUT.match(self.text, self.at)
        kind = match[1] if match else ""
        self.at = match.end() if match else self.at
        grid = ""
        if name == "begin":
            if kind in ("array", "alignat", "alignedat"):
                self._argument()
            body = self.text[self.at :].partition(f"\\end{{{kind}")[0]
            if "cases" in kind or (kind in ("array", "aligned") and self.found and self.found[-1].text == "\\{"):
                grid = "cases"
                if self.found and self.found[-1].text == "\\{":
                    self.scripts.pop()
                    self.found.pop()  # the brace of cases that are written as \left\{ \begin{array}
            elif kind.lower() == "vmatrix":
                self._add("macro", kind, start)  # a determinant or a norm
            elif "matrix" in kind or (kind == "array" and not re.search(r"[^<>!]=", body)):
                grid = "matrix"  # an array with = aligns equalities
            self.grids.append(grid)
        elif self.grids:
            grid = self.grids.pop()
        self._add(("open" if name == "begin" else "close") if grid else "end", grid, start)
