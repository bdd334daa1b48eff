"""Split an answer in Markdown into pieces: mathematics and words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from grader.derivations.lexer import spelled
from grader.derivations.names import Names
from grader.derivations.question import Notation
from grader.model import Skipped


@dataclass(frozen=True)
class Piece:
    """A part of an answer that is either mathematics or words."""

    kind: Literal["maths", "words"]
    text: str
    """The LaTeX of mathematics, or the words as written."""
    line: int
    """First line of the piece in the answer, from 1."""
    display: bool = False
    """True for a formula on separate lines or in a line of code, false for one within a sentence."""


_ENVIRONMENTS = (
    r"align|aligned|alignat|equation|eqnarray|gather|gathered|split|multline|displaymath|flalign|math|cases|array"
)
_MATHS = re.compile(
    r"(?<!\\)\$\$(?P<double>.+?)(?:(?<!\\)\$\$|\Z)"
    r"|(?<!\\)\$(?P<single>(?:(?!\n[ \t]*\n).)+?)(?<!\\)\$"
    r"|(?<!\\)\$(?P<unclosed>[^$\n]*[\\^_=][^$\n]*)(?=\n|\Z)"
    r"|(?:\A|(?<=\n))[ \t]*\[[ \t]*\n(?P<pasted>[^$]+?)\n[ \t]*\][ \t]*(?=\n|\Z)"
    r"|\\\\?\[(?P<square>(?!\d).+?)\\\\?\]|\\\\?\((?P<round>.+?)\\\\?\)"
    rf"|\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}}(?P<body>.+?)\\end\{{(?P=name)\}}"
    r"|(?P<fence>`{3}|~{3})(?P<info>[^\n`~]{0,40})\n(?P<code>.*?)(?:(?P=fence)|\Z)|(?<!`)`(?P<inline>[^`\n]+)`",
    re.DOTALL,
)
_ATTRIBUTES = r"(?:\s+[a-z-]+=[\"'][^\"'<>]*[\"'])*"
_STRUCK_OUT = re.compile(
    rf"~~.+?~~|<(?P<tag>del|s|strike){_ATTRIBUTES}\s*>.*?(?:</(?P=tag)\s*>|\Z)"
    r"|<(?P<styled>[a-z]{1,9})\s[^<>]*line-through[^<>]*>.*?(?:</(?P=styled)\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_STYLE = re.compile(r"<[a-zA-Z]\w{0,15}\s[^<>]{0,300}?\b(?:style|color|class|hidden)\b[^<>]*>")
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,15}(?:\s[^<>]{0,300})?/?>")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_QUOTE = re.compile(r"(?m)^[ \t]*(?:>[ \t]?)+")
_SCRIPT = re.compile(r"<(?P<tag>sup|sub)\b[^<>]*>(?:(?P<inner>[^<>]*)</(?P=tag)\s*>)?", re.IGNORECASE)
_EMPHASIS = re.compile(rf"</?(?:i|b|em|strong|u){_ATTRIBUTES}\s*/?>", re.IGNORECASE)
_LESS_THAN = re.compile(r"<(?=[^<>\n]*\$)(?![-a-zA-Z/])")
"""Matches a "less than" sign within dollars, which begins no tag."""


def cut(answer: str, notation: Notation) -> tuple[list[Piece], list[Skipped], list[Skipped]]:
    """Split an answer, in which `plain` replaced variants of characters, into mathematics and words. Return the pieces,
    the texts that the student struck out, and the HTML tags that color or hide a part."""
    text = _COMMENT.sub(_newlines, answer)
    struck_out = _passages(_STRUCK_OUT, text, "struck out")
    text = _STRUCK_OUT.sub(_newlines, text)
    text = _QUOTE.sub("", text)
    styled = _passages(_STYLE, text, "the colored or hidden part is read")
    text = _EMPHASIS.sub("", text)
    text = _SCRIPT.sub(_script, text)
    text = _LESS_THAN.sub(r"\\lt ", text)
    text = html.unescape(_TAG.sub(_newlines, text))
    cutter = _Cutter(Names(notation))
    return list(cutter.pieces(text)), struck_out, styled


def _passages(pattern: re.Pattern[str], text: str, why: str) -> list[Skipped]:
    """Return all matches of a pattern with their lines, for a report that says `why` they are shown."""
    passages = []
    for match in pattern.finditer(text):
        words = match[0].split()
        passages.append(Skipped(_line(text, match.start()), " ".join(words), why))
    return passages


def _script(tag: re.Match[str]) -> str:
    """Translate <sup> or <sub> of HTML to LaTeX: `^{2}`, or only `^` if the closing tag is missing."""
    sign = "^" if tag["tag"].lower() == "sup" else "_"
    if tag["inner"] is None:
        return sign
    return f"{sign}{{{tag['inner']}}}"


def _newlines(match: re.Match[str]) -> str:
    lines = match[0].count("\n")
    return "\n" * lines or " "


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


_CALL = re.compile(r"(?:\.\w+)*\(")
_ITEM = re.compile(
    r"(?P<macro>\\(?:[A-Za-z]+|.))|(?P<name>Q\d+(?:\.\d+)+|[^\W\d_](?:\w*[^\W_])?'?(?:\.T\b)?)|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<equals><-|←|:=|=(?!=))"
    r"|(?P<stop>[:;](?=\s|$)|(?<![.\s])\.(?=\s|$)|,(?=\s)|[.,](?=$)|⇒|=>|→|->|[!?•\"“”\u2600-\u27bf\U0001f300-\U0001faff]|(?<=\s)\#)|(?P<sign>[^\s\w])"
)
"""Matches a name, a number, a sign or the end of a formula in text without dollars."""
_FIRST_SIGNS = "(∂∇[|-‖"
"""The signs that a formula may begin with."""
_MARKER = re.compile(r"^\s*(?:[-*+•]|\(?\w{1,2}[.)])\s+(?=\S)")
_BOLD = re.compile(r"(?<![\w*])\*\*(?=[^\s*])((?:[^*\n]|\*(?!\*)){1,300}?)(?<!\s)\*\*(?![\w*])")
"""Matches bold text of Markdown, unlike the power in `a ** b`."""
_CONTINUATION = re.compile(r"\s*(?:[-−+/·⊙∘×@]|\*(?!\*))\s*[\w(\[\\∂∇](?!.*[=←])")
"""Matches a line that may go on with the formula on the line before."""
_LONE_X = re.compile(r"(?<=[\w)\]}'])\s+x(?=\s+[\w(\[{\\])")
"""Matches the letter x between operands, which is typed as a times sign."""
_SPAN = re.compile(r"(?<![\\$])\$([^$\n]+)(?<!\\)\$(?!\$)")
"""Matches the mathematics between two dollars of a line."""
_EQUALS = re.compile(r"=|←|<-")
_LINK = re.compile(r"[^,;:!?|.\n`]{0,99}(?:[-–−+*/=·⋅×⊙∘@←()]|<-)[^,;:!?|.\n`]{0,99}")
"""Matches text between the parts of a formula, such as " = (": it contains an operator or a bracket."""
_END = re.compile(r"\s*[-–−+*/·⋅×⊙∘@)][^,;:!?|.\n`]*")
"""Matches the rest of a formula, which begins with an operator or a closing bracket."""
_PROGRAM = re.compile(r"\s*(import|from|def|class|for|if|else|print|return|assert|@)\b")


class _Cutter:
    """Cuts a text without HTML into pieces. `names` translates what is typed without LaTeX."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def pieces(self, text: str) -> Iterator[Piece]:
        """Yield the pieces of a text in order: the mathematics in dollars, environments and code, and what is typed
        between them."""
        text = self._with_joined_formulas(text)
        place = 0
        for maths in _MATHS.finditer(text):
            start, end = maths.span()
            yield from self._typed(text[place:start], _line(text, place))
            yield from self._maths(maths, _line(text, start))
            place = end
        yield from self._typed(text[place:], _line(text, place))

    # ── formulas of which only parts stand between dollars ───────────────────────────────────────────

    def _with_joined_formulas(self, text: str) -> str:
        """Write a formula of several parts between one pair of dollars: "$a = b - y$" for "$a$ = $b$ - y"."""
        joined, *parts = _SPAN.split(text)
        while parts:
            formula, following, *parts = parts
            is_whole = _EQUALS.search(formula) is not None
            while parts and self._is_link(following, formula, parts[0], is_whole=is_whole):
                formula = f"{formula} {self.names.latex_of(following)} {parts[0]}"
                _, following, *parts = parts
            end = None if is_whole else _END.match(following)
            latex = self.names.latex_of(end[0]) if end else None
            if end and latex is not None:
                formula += latex
                following = following[end.end() :]
            joined += f"${formula}${following}"
        return joined

    def _is_link(self, text: str, formula: str, next_formula: str, *, is_whole: bool) -> bool:
        """Return whether a text joins two formulas in dollars. An equality between one pair of dollars `is_whole`."""
        is_equality = _EQUALS.search(formula) is not None
        next_is_equality = _EQUALS.search(next_formula) is not None
        if not text.strip():
            return is_equality and not is_whole and not next_is_equality
        if not _LINK.fullmatch(text) or self.names.latex_of(text) is None:
            return False
        if _EQUALS.search(text):
            return not is_equality or not next_is_equality
        return not is_whole and not next_is_equality

    def _maths(self, maths: re.Match[str], line: int) -> Iterator[Piece]:
        """Yield the pieces of a match of `_MATHS`: one for a formula, or one for each statement of a program in a fence
        (unless the fence is marked as LaTeX)."""
        kind = maths.lastgroup or ""  # the group with the content; its name says which delimiters surround it
        text = maths[kind]
        if maths["name"] in ("cases", "array"):
            text = maths[0]
        if kind == "inline":
            yield self._program_piece(text, line)
            return
        if kind == "code":
            line += 1  # the code begins below the fence
            language = maths["info"].strip().lower()
            if language not in ("math", "latex", "tex"):
                yield from self._program(text, line)
                return
        yield Piece("maths", spelled(text), line, kind not in ("single", "round"))

    def _program(self, text: str, line: int) -> Iterator[Piece]:
        """Yield a piece for each comment and statement of a program. Each statement stands in one line."""
        for number, source_line in enumerate(text.splitlines(), line):
            statement, _, comment = source_line.partition("#")
            if _PROGRAM.match(statement):
                yield Piece("words", statement, number)
            elif statement.strip():
                yield self._program_piece(statement, number, display=True)
            if comment:
                yield Piece("words", comment, number)

    def _program_piece(self, code: str, line: int, *, display: bool = False) -> Piece:
        """Return a statement of a program, or text in backquotes, as LaTeX if it is a formula."""
        latex = spelled(code) if "\\" in code else self.names.latex_of(code)
        if latex is None:
            return Piece("words", code, line)
        return Piece("maths", latex, line, display)

    # ── mathematics typed among words, without dollars ───────────────────────────────────────────────

    def _typed(self, text: str, line: int) -> Iterator[Piece]:
        """Split text without dollar signs into pieces. A formula is the text around an =, up to the next ordinary
        word."""
        for number, typed in enumerate(text.splitlines(keepends=True), line):
            if number > line:
                latex = self.names.latex_of(typed) if _CONTINUATION.match(typed) else None
                if latex is not None:
                    yield Piece("maths", latex, number, display=True)
                    continue
                typed = f"\n{typed}"  # to tell what stands behind a formula on its line
            place = 0
            searched = _without_markup(typed)
            for begin, end in self._equalities(searched):
                formula = _LONE_X.sub(" ×", searched[begin:end])
                latex = self.names.latex_of(formula)
                if latex is None:
                    continue
                if typed[place:begin].strip():
                    yield Piece("words", typed[place:begin], number)
                is_first = not typed[:begin].strip(" *-_#\t\n")
                yield Piece("maths", latex, number, is_first)
                place = end
            if typed[place:].strip():
                yield Piece("words", typed[place:], number)

    def _equalities(self, line: str) -> Iterator[tuple[int, int]]:
        """Yield the beginning and the end of each equality in a line."""
        begin, end, equals = None, 0, False
        for item in _ITEM.finditer(line):
            is_word = self._is_word(item, called=equals and _CALL.match(line, item.end()) is not None)
            is_comma_in_call = item[0] == "," and _is_open(line, begin, end)
            if is_word or (item["stop"] and not is_comma_in_call):
                may_end_sentence = is_word and " . " in line[begin:end]
                if begin is not None and equals and not may_end_sentence:
                    yield begin, end
                begin, equals = None, False
                continue
            if begin is None:
                if item["sign"] and item[0] not in _FIRST_SIGNS:
                    continue
                begin = item.start()
            if item["equals"]:
                equals = True
            end = item.end()
        if begin is not None and equals:
            yield begin, end

    def _is_word(self, item: re.Match[str], *, called: bool) -> bool:
        """Return whether an item is an ordinary word, and neither a name nor a function that is `called`."""
        name = item["name"]
        if not name or called:
            return False
        return not self.names.is_name(name)


def _is_open(line: str, begin: int | None, end: int) -> bool:
    """Return whether a bracket is open at the end of a formula, as in a call with several arguments."""
    if begin is None:
        return False
    formula = line[begin:end]
    return formula.count("(") > formula.count(")")


def _without_markup(line: str) -> str:
    """Return a line of the same length with spaces for stars around bold text, and for the marker of a list. The cells
    of a table are separated by semicolons."""
    line = _BOLD.sub(lambda bold: f"  {bold[1]}  ", line)
    line = _MARKER.sub(lambda marker: " " * len(marker[0]), line)
    if line.lstrip().startswith("|"):
        return line.replace("|", ";")
    return line
