"""Split mathematics into tokens. LaTeX, Unicode and program code are first converted to LaTeX (`spelled`)."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from grader.derivations.bounds import MAX_DEPTH, MAX_TOKENS, Unread

Kind = Literal[
    "number", "letter", "function", "macro", "sign", "=", "relation", "end", "row", "text",
    "word",  # a run of `WORD_LETTERS` or more Latin letters: a name or an ordinary word
    "unknown",  # an unknown function
    "group",  # text: the opening bracket
    "grid",  # the rows of \\begin{cases}
    "open", "close",  # unmatched brackets
]  # fmt: skip


@dataclass(frozen=True)
class Token:
    """A token of mathematics, and its place in the text."""

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
        """The text of the token with its inner tokens and its closing bracket, such as "(2)" for a group."""
        texts = [self.text, *[token.plain for token in self.inner]]
        if self.kind == "group":
            texts.append(_PARTNERS[self.text])
        return "".join(texts)


def every(tokens: Iterable[Token]) -> Iterator[Token]:
    """Yield each token, and then recursively its inner tokens."""
    for token in tokens:
        yield token
        yield from every(token.inner)


def cut_at(tokens: Iterable[Token], separates: Callable[[Token], bool]) -> list[list[Token]]:
    """Split tokens at each token that `separates`, and leave out empty parts."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if separates(token):
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


_PARTNERS = {"(": ")", "[": "]", "\\{": "\\}", "{": "}", "cases": "cases"}
_STRICT = frozenset({"}", "cases"})
"""Closing tokens that match only their own opening token. Other brackets match any bracket, as in [0, 1)."""


def grouped(tokens: Iterable[Token]) -> list[Token]:
    """Replace each pair of matching brackets, and each environment, by one token that contains the inner tokens.

    Braces around a whole equality or one token are dropped. Unmatched brackets stay.
    """
    opened: list[Token] = []
    levels: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "open" and len(opened) < MAX_DEPTH:
            opened.append(token)
            levels.append([])
        elif token.kind == "close" and opened and _match(opened[-1], token):
            inner = levels.pop()
            level = levels[-1]
            level += _grouped(opened.pop(), inner, level[-1:], token.end)
        else:
            levels[-1].append(token)
    for opening in reversed(opened):
        inner = levels.pop()
        levels[-1] += [opening, *inner]
    return levels[0]


def _match(opening: Token, closing: Token) -> bool:
    """Return whether a bracket closes another one: any two do, except for braces and environments (`_STRICT`)."""
    partner = _PARTNERS[opening.text]
    if closing.text == partner:
        return True
    return _STRICT.isdisjoint((closing.text, partner))


def _grouped(bracket: Token, inner: list[Token], preceding: Sequence[Token], end: int) -> list[Token]:
    """Return the tokens that replace a bracket: a group, a grid for \\begin{cases}, or only the inner tokens.

    Args:
        bracket: The opening bracket.
        inner: The tokens between the brackets.
        preceding: The token before the bracket, if there is one. Behind ^, _ or a macro, braces hold an argument.
        end: Index of the first character behind the closing bracket.
    """
    if bracket.text == "cases":
        return [replace(bracket, kind="grid", inner=tuple(inner), end=end)]
    is_argument = any(token.is_sign("_", "^") or token.kind == "macro" for token in preceding)
    if bracket.text == "{" and not is_argument:
        is_equality = any(token.kind in ("=", "row") for token in inner)
        if is_equality or len(inner) == 1:
            return inner
    cells = [token for token in inner if token.kind not in ("row", "end") or token.text in (",", "&")]
    return [replace(bracket, kind="group", inner=tuple(cells), end=end)]


GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "Gamma": "Γ", "delta": "δ", "Delta": "Δ", "epsilon": "ε",
    "varepsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ", "vartheta": "θ", "Theta": "Θ", "kappa": "κ",
    "lambda": "λ", "Lambda": "Λ", "mu": "μ", "nu": "ν", "xi": "ξ", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ",
    "varphi": "φ", "Phi": "Φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Omega": "Ω", "ell": "ℓ",
}  # fmt: skip
_SPELLING = str.maketrans({
    **{letter: rf"\{name} " for name, letter in GREEK.items() if not name.startswith("var")},
    "∇": r"\nabla ", "∂": r"\partial ", "⊙": r"\odot ", "∘": r"\odot ", "⊗": r"\otimes ", "·": r"\cdot ",
    "⋅": r"\cdot ", "×": r"\times ", "∗": "*", "−": "-", "–": "-", "—": "-", "ŷ": r"\hat y ", "⊤": r"\top ",
    "ℒ": "L ", "′": "'", "’": "'", "←": r"\gets ", "≔": "=", "‖": r"\|", "∥": r"\|", "∣": "|", "≈": r"\approx ",
    "≠": r"\neq ", "≤": r"\leq ", "≥": r"\geq ", "½": r"\frac12 ", "Σ": r"\sum ", "∑": r"\sum ", "→": r"\to ",
    "⇒": r"\Rightarrow ", "∴": r"\therefore ", "∵": r"\because ", "∈": r"\in ", "√": r"\sqrt ", "…": r"\dots ",
    "⋮": r"\vdots ", "𝟙": r"\mathbb{1}", "∝": r"\propto ", "∙": r"\cdot ",
})  # fmt: skip
"""Code of a character → its LaTeX."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = {
    **{name: name for name in _words(
        "exp log sign abs sqrt diag sigmoid tanh max min relu dot outer multiply transpose sum norm power square"
    )},
    "ln": "log", "sgn": "sign", "signum": "sign", "ReLU": "relu", "matmul": "dot",
}  # fmt: skip
_DROPPED = _words(
    "displaystyle textstyle scriptstyle limits nolimits left right middle big Big bigg Bigg bigl bigr Bigl "
    "Bigr biggl biggr Biggl Biggr bigm nonumber notag boldsymbol bm mathcal "
    "mathscr boxed fbox vec underline bf it cal pmb mathop mathbin "
    "mathstrut hfill centering normalsize large Large displaylines ensuremath mathnormal symbf symbfit "
    "mathbfit mathrel relax"
)
"""Macros that only affect the appearance."""
_SPACED = _words("label hspace vspace")
"""Macros whose argument is no mathematics."""
_ALIGNMENTS = _words("align aligned equation eqnarray gather gathered split multline displaymath flalign math")

_SPACES = _words(
    "quad qquad Rightarrow implies Longrightarrow therefore because to rightarrow longrightarrow iff "
    "Leftrightarrow Longleftrightarrow mapsto square blacksquare Box hline"
)
"""Macros that separate two statements."""
EQUALS = _words("gets leftarrow coloneqq equiv triangleq coloneq longleftarrow Leftarrow")
"""Macros that are read as =."""
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
    escaped = word.replace("_", r"\_")
    return rf"\mathrm{{{escaped}}}"


_CALLED = re.compile(
    r"(?:'|\s*[\^_]\s*(?:\{[^{}]*\}|\\[A-Za-z]+|[^\s{}\\]))*\s*(?:\\[,!]\s*)?(?:\}\s*)?"
    r"(?:\\(?:left|[bB]igg?l?)(?![A-Za-z])\s*)?(?:[(\[]|\\\{)"
)
"""Matches the opening bracket of a function call and the scripts before the bracket: `_1(` in `f_1(x)`. White space and
a thin space of LaTeX may stand before the bracket."""
_WORD = re.compile(r"[^\W\d_](?:[\w.-]*\w)?")
_FONT = re.compile(r"\\text\w*\s*\{|\}")
"""Matches a font within the argument of \\text."""
_NAME = re.compile(r"[A-Za-z]+\d?(?:\\?_\w+)*")
_NESTING = {"{": 1, "}": -1}
"""Brace → the change of the depth behind it."""
_TAG = re.compile(r"\s*[(*]*\d+(?:\.\d+)*[)*]*\s*")
"""Matches the number of an equation in \\tag."""
_OPENING = re.compile(r"\s*(?:\[[^\]\n]{0,40}\])?\s*\{")
"""Matches the opening brace of a macro's argument, and an optional argument before it."""
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
    **{name: ("letter", "T") for name in ("top", "intercal", "transpose", "trans")},
}
"""Macro → (kind, text) of its token."""
_SCAN = re.compile(
    r"(?P<space>[ \t\r\n~]+|\\(?:left|right)\.)|(?P<comment>(?<!\\)%[^\n]*)|\\(?P<macro>[A-Za-z]+)\*?"
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
    text = _MODULE.sub("", text).translate(_STOPS)
    text = re.sub(r"(?<=\w)[^\S\n]+(?=[\u0300-\u036f])", "", text)
    result = ""
    for variant, run in itertools.groupby(text, _variant):  # runs of one kind, so that x²³ becomes x^{23}
        characters = "".join(run)
        if variant:
            characters = unicodedata.normalize("NFKC", characters)
        if variant == "<super>":
            characters = f"^{{{characters}}}"
        elif variant == "<sub>":
            characters = f"_{{{characters}}}"
        if variant != "Cf":
            result += characters
    return unicodedata.normalize("NFC", result)


_MODULE = re.compile(r"(?<![\\\w])(?:np|numpy|torch|math|self)\.(?=[A-Za-z])")
_VARIANTS = ("<super>", "<sub>", "<font>", "<wide>", "<noBreak>")


def _variant(c: str) -> str:
    """Return the kind of a variant character, such as "<super>"; "Cf" for invisible ones; "" for ordinary ones."""
    if c.isascii() or ord(c) in _SPELLING:
        return ""
    kind, *_ = unicodedata.decomposition(c).split(" ")
    if kind in _VARIANTS:
        return kind
    return "Cf" if unicodedata.category(c) == "Cf" else ""


WORD_LETTERS = 5
"""Smallest length of a run of Latin letters in mathematics that is a word, and not a product of letters."""


def spelled(text: str) -> str:
    """Return the text with Unicode symbols replaced by LaTeX. The number of lines stays the same."""
    text = re.sub(r"(?<=[\w)\]}]) ?⊤", "^⊤", text)
    text = re.sub(r"y\u0302|\by\\?_\{?hat\}?(?![A-Za-z])", r"\\hat y ", text)
    return text.translate(_SPELLING)


def tokens(text: str, words: Mapping[str, str]) -> list[Token]:
    """Split LaTeX into tokens.

    Args:
        text: The LaTeX.
        words: Name of several letters → its LaTeX. Other runs of letters are split into single letters.

    Raises:
        Unread: If there are too many tokens.
    """
    return _Lexer(text, words).tokens()


class _Lexer:
    """Splits one text into tokens. `place` is the position behind the current token."""

    def __init__(self, text: str, words: Mapping[str, str]) -> None:
        self.text = text
        self.words = words
        self.lexed: list[Token] = []
        self.line = 0
        self.spaced = False
        """True if white space precedes the next token."""
        self.start = 0
        """Index of the first character of the current token."""
        self.place = 0
        self.grids: list[str] = []
        """The environments around the current position, the innermost last: "cases", whose cells & and line breaks
        separate, or "" for another one."""

    def tokens(self) -> list[Token]:
        while self.place < len(self.text):
            match = _SCAN.match(self.text, self.place)
            assert match is not None  # the last alternative matches any character
            self.start, self.place = match.span()
            self._take(match)
            if len(self.lexed) > MAX_TOKENS:
                raise Unread("the answer is too long")
        return self.lexed

    def _add(self, kind: Kind, text: str) -> None:
        """Add a token for the text from `start` to `place`. Its own text may differ, as "α" does for \\alpha."""
        token = Token(kind, text, self.start, self.place, self.line, self.spaced)
        self.lexed.append(token)
        self.spaced = False

    def _take(self, match: re.Match[str]) -> None:
        """Add the tokens of a match of `_SCAN`. The name of the matched group says what it is."""
        text = match[0]
        match match.lastgroup:
            case "space":
                self.spaced = True
                self.line += text.count("\n")
            case "comment":
                self._add("text", text.lstrip("% "))
            case "macro":
                self._macro(match["macro"])
            case "row":
                self._add("row", "")
            case "number":
                self._add("number", text)
            case "word":
                self._word(text)
            case "foreign":  # a word in a script that is not used for names of quantities, such as Chinese
                self._add("unknown" if self._is_called() else "text", text)
            case _:
                self._sign(text)

    def _sign(self, sign: str) -> None:
        """Add the token of a sign, such as "+", ":=" or an escaped "\\{". Signs of spacing add none."""
        is_doubled = self.text[self.start - 1 : self.start] == "&"  # && separates a remark; a single & only aligns
        if sign in _SIGNS_OF_TEXT:
            self._add(*_SIGNS_OF_TEXT[sign])
        elif sign in "([{":
            self._add("open", sign)
        elif sign == "&" and (is_doubled or any(self.grids)):
            self._add("end", "&")
            self.spaced = True
        elif sign in _SPACING:
            self.spaced = True
        elif sign in '!?"' or (sign.startswith("\\") and len(sign) > 1):
            self._add("text", sign)
        elif sign.isalpha():
            self._add("letter", sign)
        else:
            self._add("sign", sign)

    def _word(self, word: str) -> None:
        """Add the tokens of a run of Latin letters: one word if the run is long and contains no known word, otherwise
        known words and one-letter names. A pair of letters is more likely a product than a name."""
        if len(word) > 2 and self._named(word):
            return
        parts = list(_KNOWN.finditer(word))
        is_unknown = len(parts) == len(word) >= WORD_LETTERS
        is_keyword_of_numpy = word in ("axis", "keepdims", "dtype")
        if is_unknown and not is_keyword_of_numpy and not self._is_in_script:
            self._add("unknown" if self._is_called() else "word", word)
            return
        start = self.start
        for part in parts:
            self.start, self.place = start + part.start(), start + part.end()
            kind, text = _WORDS.get(part[0], ("letter", part[0]))
            self._add(kind, text)

    def _named(self, word: str) -> bool:
        """Add the tokens of a word that `self.words` translates, and return True. Return False for other words, and for
        words in subscripts and superscripts."""
        latex = self.words.get(word)
        if not latex or self._is_in_script:
            return False
        if latex == own_word(word):
            self._add("letter", word)
            return True
        for token in _Lexer(latex, {}).tokens():
            self._add(token.kind, token.text)
        return True

    def _macro(self, name: str) -> None:
        """Add the tokens of a macro, with its argument if this is no mathematics. Macros that only affect the
        appearance add none; an unknown macro becomes a token that the parser refuses."""
        if name in _PLAIN:
            self._add(*_PLAIN[name])
        elif name == "tag":
            tag = self._argument()
            if not _TAG.fullmatch(tag):
                self._add("text", tag)
        elif name in _FONTS_OF_ONE and self._takes_one():
            self._add("macro", "ones")
        elif name in _TEXTS or name in _UPRIGHT:
            self._text(name)
        elif name in _SPACED:
            self._argument()
        elif name in ("begin", "end"):
            self._environment(name)
        elif name not in _DROPPED:
            self._add("macro", name)

    def _takes_one(self) -> bool:
        """Consume the 1 of a vector of ones, such as \\mathbf{1}. Return False if there is none."""
        ones = _ONE.match(self.text, self.place)
        if ones is None or self._is_in_script:
            return False
        self.place = ones.end()
        return True

    def _argument(self) -> str:
        """Consume a group in braces and return the text in it; "" if there is no group."""
        opening = _OPENING.match(self.text, self.place)
        if opening is None:
            return ""
        depth, end = 1, opening.end()
        while depth and end < len(self.text):
            depth += _NESTING.get(self.text[end], 0)
            end += 1
        self.line += self.text.count("\n", self.place, end)
        self.place = end
        argument = self.text[opening.end() : end]
        return argument if depth else argument.removesuffix("}")

    def _text(self, name: str) -> None:
        """Add the tokens of \\text, \\mathrm or a similar macro. The argument is a name, function, letter or words."""
        place, line = self.place, self.line
        text = _FONT.sub("", self._argument())
        is_word = _WORD.fullmatch(text) is not None
        text = text.strip()
        if _NAME.fullmatch(text) and self._named(text.replace("\\", "")):
            return
        # a font around mathematics, as in \mathbf{W_1}: its content is then split like any other text
        is_only_font = name in _UPRIGHT and name != "operatorname" and (len(text) == 2 or not text.isalpha())
        if text in FUNCTIONS:
            self._add("function", FUNCTIONS[text])
        elif re.fullmatch("[A-Za-z0-9]", text):
            self._add("number" if text.isdigit() else "letter", text)
        elif is_only_font:
            self.place, self.line = place, line
        elif not self._is_in_script and (name == "operatorname" or (is_word and self._is_called())):
            self._add("unknown", text)
        elif self._is_in_script and _WORD.fullmatch(text):
            self._add("letter", text)
        elif text.strip(" .,;:()"):
            self._add("text", text)
        elif text:
            self._add("end", text)
        else:
            self.spaced = True

    @property
    def _is_in_script(self) -> bool:
        """True if the current position is the beginning of a subscript or superscript, which may be in brackets."""
        for token in reversed(self.lexed[-3:]):
            if token.text not in ("{", "("):
                return token.is_sign("_", "^")
        return False

    def _is_called(self) -> bool:
        """Return whether the current position is directly before the bracket of a function call."""
        if self._is_in_script:
            return False
        return _CALLED.match(self.text, self.place) is not None

    def _environment(self, name: str) -> None:
        """Consume the argument of \\begin or \\end, and add the token that begins or ends this environment.

        For cases, this is an opening or closing bracket, so that `grouped` makes a grid of it. For other environments,
        it is a separator; an unknown one, such as pmatrix, also becomes a macro that the parser refuses.

        Args:
            name: "begin" or "end".
        """
        environment = self._argument().strip().removesuffix("*")
        grid = ""
        if name == "end":
            grid = self.grids.pop() if self.grids else ""
        else:
            if "cases" in environment:
                grid = "cases"
            elif environment not in _ALIGNMENTS:
                self._add("macro", environment)
            self.grids.append(grid)
        if not grid:
            self._add("end", "")
        else:
            self._add("open" if name == "begin" else "close", grid)
