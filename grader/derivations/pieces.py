"""Split an answer in Markdown into pieces: mathematics and words."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from grader.derivations.bounds import MAX_DEPTH
from grader.derivations.locate import WORKED_OUT
from grader.derivations.question import Notation
from grader.derivations.tokens import FUNCTIONS, GREEK, UPRIGHT, own_word, spelled
from grader.model import Skipped


@dataclass(frozen=True)
class Piece:
    kind: Literal["maths", "words"]
    text: str
    """The LaTeX of mathematics, or the words as written."""
    line: int
    """First line of the piece in the answer, from 1."""
    display: bool = False
    """True for a formula on separate lines or in a line of code, false for one within a sentence."""
    multiplied: str = ""
    """The LaTeX with the letter x as a times sign, as in "a x b"; "" if no x may be one."""
    announced: bool = False
    """True for a formula without an = that follows a colon, as in "Answer: ŷ - y"."""
    typed: bool = False
    """True for a formula that is typed among words, without dollars."""


_ENVIRONMENTS = (
    r"align|aligned|alignat|equation|eqnarray|gather|gathered|split|multline|displaymath|flalign|math|cases|array"
)
_MATHS = re.compile(
    r"\$`(?P<ticked>[^`]+)`\$|(?<!\\)\$\$(?P<open>[^\n$]+)(?=\n[ \t]*\$\$[^\n$]+\$\$)"
    r"|(?<!\\)\$\$(?P<double>.+?)(?:(?<!\\)\$\$|\Z)"
    r"|(?<!\\)\$(?!\s*\d+\s*(?:and|or)\b)(?P<single>(?:(?!\n[ \t]*\n).)+?)(?<!\\)\$"
    r"|(?<!\\)\$(?P<unclosed>[^$\n]*[\\^_=][^$\n]*)(?=\n|\Z)"
    r"|(?:\A|(?<=\n))[ \t]*\[[ \t]*\n(?P<pasted>[^$]+?)\n[ \t]*\][ \t]*(?=\n|\Z)"
    r"|\\\\?\[(?P<square>(?!\d).+?)\\\\?\]|\\\\?\((?P<round>.+?)\\\\?\)"
    rf"|\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}}(?P<body>.+?)\\end\{{(?P=name)\}}"
    r"|(?P<fence>`{3}|~{3})(?P<info>[^\n`~]{0,40})\n(?P<code>.*?)(?:(?P=fence)|\Z)|(?<!`)`(?P<inline>[^`\n]+)`",
    re.DOTALL,
)
_ATTRIBUTES = r"(?:\s+[a-z-]+=[\"'][^\"'<>]*[\"'])*"
_STRUCK = re.compile(
    rf"~~.+?~~|<(?P<tag>del|s|strike){_ATTRIBUTES}\s*>.*?(?:</(?P=tag)\s*>|\Z)"
    r"|<(?P<other>[a-z]{1,9})\s[^<>]*line-through[^<>]*>.*?(?:</(?P=other)\s*>|\Z)", re.DOTALL | re.IGNORECASE
)  # fmt: skip
_STYLE = re.compile(r"<[a-zA-Z]\w{0,15}\s[^<>]{0,300}?\b(?:style|color|class|hidden)\b[^<>]*>")
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,15}(?:\s[^<>]{0,300})?/?>")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


_SCRIPT = re.compile(r"<(?P<tag>sup|sub)\b[^<>]*>(?:(?P<inner>[^<>]*)</(?P=tag)\s*>)?", re.IGNORECASE)


def cut(answer: str, notation: Notation) -> tuple[list[Piece], list[Skipped], list[Skipped]]:
    """Split an answer, in which `plain` replaced variants of characters, into mathematics and words. Return the pieces,
    the texts that the student struck out, and the HTML tags that color or hide a part."""
    skipped, styled = list[Skipped](), list[Skipped]()
    text = _COMMENT.sub(_newlines, answer)

    def strike(found: re.Match[str]) -> str:
        line = text.count("\n", 0, found.start()) + 1
        skipped.append(Skipped(line, " ".join(_TAG.sub("", found[0]).strip("~").split()), "struck out"))
        return _newlines(found)

    text = _STRUCK.sub(strike, text)
    text = re.sub(r"(?m)^[ \t]*(?:>[ \t]?)+", "", text)
    for found in _STYLE.finditer(text):
        styled.append(Skipped(text.count("\n", 0, found.start()) + 1, found[0], "the colored or hidden part is read"))
    text = _EMPHASIZED.sub(r"\2", _EMPHASIS.sub("", text))
    text = _SCRIPT.sub(_script, text)
    text = html.unescape(_TAG.sub(_newlines, re.sub(r"<(?=[^<>\n]*\$)(?![-a-zA-Z/])", "\\\\lt ", text)))
    cutter = _Cutter(Names(notation))
    pieces = list(cutter.pieces(text))
    if not any(piece.kind == "maths" and WORKED_OUT.search(piece.text) for piece in pieces):
        pieces = [one for piece in pieces for one in cutter.ending(piece)]
    last = max((n for n, piece in enumerate(pieces) if piece.kind == "maths"), default=0)
    return [replace(p, kind="words") if p.announced and n < last else p for n, p in enumerate(pieces)], skipped, styled


_EMPHASIS = re.compile(rf"</?(?:i|b|em|strong|u){_ATTRIBUTES}\s*/?>|(?<=<su[bp]>)<br */?>", re.IGNORECASE)

_EMPHASIZED = re.compile(r"(?<![\w*$])(\*{2}|_{2}|[*_](?=[^$]*\$[^$\n]*=))(\$[^$\n]+\$)\1(?![\w*$])")
"""Matches emphasized mathematics, as in **$a = b$**."""


def _script(found: re.Match[str]) -> str:
    """Translate <sup> or <sub> of HTML to LaTeX: `^{2}`, or only `^` if the closing tag is missing."""
    inner = f"{{{found['inner']}}}" if found["inner"] is not None else ""
    return f"{'^' if found['tag'].lower() == 'sup' else '_'}{inner}"


def _newlines(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n") or " "


_CALL = re.compile(r"(?:\.\w+)*\(")
_ITEM = re.compile(
    r"(?P<macro>\\(?:[A-Za-z]+|.))|(?P<name>Q\d+(?:\.\d+)+|[^\W\d_](?:\w*[^\W_])?'?(?:\.T\b)?)|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<equals><-|←|:=|=(?!=))|(?P<stop>[:;](?=\s|$)|(?<!\.)\.(?=\s|$)|,(?=\s)|[.,](?=$)|⇒|=>|→|->|[!?|•\"“”])|(?P<sign>[^\s\w])"
)
_EQUALITY_OR_HEADING = re.compile(r"<-|←|=|^\s*#")
"""Matches lines that contain an equality or are a heading."""
_MARKER = re.compile(r"^\s*(?:[-*+•]|\(?\w{1,2}[.)])\s+(?=\S)")
_BOLD = re.compile(
    r"(?<![\w*])\*\*(?=[^\s*])((?:[^*\n]|\*(?!\*)){1,300}?)(?<!\s)\*\*(?![\w*])"
    r"|(?<!\w)__(?=[^\s_])((?:[^_\n]|_(?!_)){1,300}?)(?<!\s)__(?!\w)"
)
"""Matches bold text of Markdown, unlike the power in `a ** b`."""
_ITALIC = re.compile(r"((?:^|[:,.;])\s*)\*(?=[^\s*])([^*\n]{1,300})(?<!\s)\*(?=\s*(?:[=:,.;]|$))")
"""Matches text in italics between punctuation or before an =, unlike the products in `a *b* c`."""
_SIZE = re.compile(r"(?<=\s)[(\[]\s*(\w)\s*(?:[x×*,]|by)\s*(\w)\s*[)\]]")
"""Matches a size after a formula in plain text, such as "(1xH)"."""
_ASIDE = re.compile(r"(?<=[\w)\]}'])\s+(?P<text>[(\[](?:[^()\[\]]|[(\[][^()\[\]]*[)\]])*[)\]]?[\s.,;]*$)")
"""Matches a bracket at the end of a line, closed or not, such as "(a row)" in "W = δ hᵀ (a row)"."""
_LONE_X = re.compile(r"(?<=[\w)\]}'])\s+x(?=\s+[\w(\[{\\])")
_PRODUCT_OR_SUM = re.compile(r"[\w)\]}']\s*[-−+*·⊙∘@]\s*[\w(\[]")
_WORD_AT_END = re.compile(r"(?<!\w)[^\W\d_]{2,}$")
_DEFINES = re.compile(r"\s*(?:\\left)?\(\s*\\?[A-Za-z]+(?:_\{?t\}?)?\s*(?:\\right)?\)\s*=")
"""Matches "(θ) =" in the definition of a function whose name stands before the dollar sign: signo$(θ) = a$."""
_OPERATORS = frozenset("+-−*·⊙∘×/@")
_ATTRIBUTE = re.compile(r"[\w)\]]\.[a-z_]+(?=\s*(?:[\[(.,*+/@)\]-]|$))")
"""Matches an attribute in a program, such as `X.shape`, unlike the words in "h - y.this is"."""
_REMARK = re.compile(
    r"^(?P<formula>[^=←\n]*[=←].*?[\w)\]}'])[ \t]+"
    r"(?:#(?=[ \t]|[^\W\d_]{2})|(?:←|<-+)[ \t]+(?=(?:[^\W\d_]{2,}[ \t]+)+[^\W\d_]{2}))"
)
"""Matches the sign between a formula and words about it, as in "dW = δ hᵀ  ← this is the gradient"."""
_ASSIGNED_VALUE = re.compile(r"\s*[^\W\d_][\w.]*\s*[-+*/]?=(?!=)(?P<value>.*)")
_PRINT = re.compile(r"\s*print\(")
_WHOLE_COMMENT = re.compile(r"#+(?![ \t]*[-+*•/])(?:.*[^\s=(\[,+*/-])?")
"""Matches a comment that neither continues a statement nor is continued by the next line."""
_COMMENT_SIGN = re.compile(r"(?m)^[ \t]*#+")
"""Matches the signs that begin the comments of a program."""
_PROGRAM = re.compile(r"\s*(import|from|def|class|for|if|else|print|return|assert|@)\b")


_SPAN = re.compile(r"(?<!\\)\$([^$\n]+)(?<!\\)\$")
"""Matches the mathematics between two dollars of a line."""
_TOGGLE = re.compile(r"\s*(?:`{3}|~{3})|\s*\\(?:begin|end)\{|.*\\[\[\]]\s*$")
"""Matches lines between which dollars have another meaning."""
_SIGN_AND_OPERAND = re.compile(r"[ \t]*\S+[ \t]+\S+")
"""Matches a list marker, which may be a sign, and the word after it."""
_SIGN = r"(?:[-–−+/=·⋅×⊙∘@]|(?<!\*)\*(?!\*))"
"""Pattern of = and of the operators that are typed beside dollars: one star multiplies, two make text bold."""
_LINK = re.compile(
    rf"\A(?!.*[-=]>)(?=\s*\Z|\s\.\s\Z|.*{_SIGN}|(?!(?:[^()]*\([^()]*\))*[^()]*\Z))"
    rf"(?:[^,;:!?|\n.*]|\s\.\s|{_SIGN})*\Z"
)
"""Matches text between the parts of a formula, such as " = (": it contains an operator or an unmatched bracket, or only
spaces."""
_NO_OPERATOR = re.compile(r"(?:\A|\s\.)\s*\Z")
"""Matches text without an operator: only spaces, or text that ends with a dot, which may be the end of a sentence."""
_WORD_FIRST = re.compile(r"\s+[^\W\d_]{2,}")
"""Matches text that begins with a word."""
_EQUALS = re.compile(r"=|←|<-")
_RELATION = re.compile(r"[=<>≤≥∈]|\\(?:in|leq?|geq?|neq?|approx|to|gets|leftarrow)(?![A-Za-z])")
_TERM_OR_FRACTION = re.compile(r"[-–−+/]")
"""Matches the operators that people also write between a formula and a remark, or between two formulas."""
_DERIVATIVE = re.compile(r"\s*(?:\\nabla|\\partial|\\d?frac\s*\{?\s*(?:\\partial|d(?![a-z])))")
"""Matches the beginning of a derivative, which may be the left side of an equality."""
_SENTENCE_END = re.compile(r"[,;:!?|]|\.(?=\s|$)")
_OPERAND_BEHIND = re.compile(rf"\s*(?:{_SIGN}.*[\w)]\s*$|\)[^(]*$)")
"""Matches the rest of a formula, which begins with an operator or a closing bracket."""


class _Cutter:
    def __init__(self, names: Names) -> None:
        self.names = names

    def pieces(self, text: str) -> Iterator[Piece]:
        text = self._with_joined_spans(text)
        place = 0
        for found in _MATHS.finditer(text):
            before = text[place : found.start()]
            function = _WORD_AT_END.search(before) if _DEFINES.match(found["single"] or "") else None
            yield from self._between(before[: function.start()] if function else before, _line(text, place), place > 0)
            place = found.end()
            for piece in self._maths(found, _line(text, found.start())):
                yield replace(piece, text=rf"\operatorname{{{function[0]}}}{piece.text}") if function else piece
        yield from self._between(f"{text[place:]}\n", _line(text, place), place > 0)

    def _between(self, text: str, line: int, behind: bool) -> Iterator[Piece]:
        """Split text without dollar signs. If mathematics precedes it (`behind`), what looks like a list marker may be
        a sign, which is yielded as words with its operand."""
        sign = _SIGN_AND_OPERAND.match(text) if behind and _MARKER.match(text) else None
        if sign:
            yield Piece("words", sign[0], line)
        yield from self._typed(text[sign.end() if sign else 0 :], line, behind=behind)

    # ── formulas of which only parts stand between dollars ───────────────────────────────────────────

    def _with_joined_spans(self, text: str) -> str:
        """Write a formula of several parts between one pair of dollars: "$a = b - y$" for "$a$ = $b$ - y"."""
        lines, display = [], False
        for line in text.split("\n"):
            display ^= bool(_TOGGLE.match(line)) or line.count("$$") % 2 == 1
            table = line.lstrip().startswith("|")
            kept = display or table or "$$" in line or "`" in line or line.count("$") % 2
            lines.append(line if kept else self._with_joined_parts(line))
        return "\n".join(lines)

    def _with_joined_parts(self, line: str) -> str:
        """Return a line with each formula of several parts between one pair of dollars."""
        before, *parts = _SPAN.split(line)
        joined = ""
        while parts:
            spans, formula, behind = parts[:1], parts[0], parts[1]
            parts = parts[2:]
            while parts and (link := self._link(formula, spans, behind, parts)) is not None:
                spans, formula = [*spans, parts[0]], f"{formula} {link} {parts[0]}"
                behind, parts = parts[1], parts[2:]
            if not _EQUALS.search("".join(spans)):  # an equality in one pair of dollars is complete
                (text, begin), (end, rest) = self._beginning(before), self._end(behind, spans[-1])
                if (whole := begin + formula + end).count("(") == whole.count(")"):
                    before, formula, behind = text, whole, rest
            joined += f"{before}${formula}$"
            before = behind
        return joined + before

    def _link(self, formula: str, spans: Sequence[str], text: str, parts: Sequence[str]) -> str | None:
        """Return the LaTeX of `text` if it joins a formula to its next part; None if it separates two formulas.

        Args:
            formula: The formula so far.
            spans: Its parts in dollars.
            text: The text behind it.
            parts: The next part in dollars, the text behind it, and so on.
        """
        if not _LINK.search(text) or (_NO_OPERATOR.search(text) and _WORD_FIRST.match(parts[1])):
            return None
        begun, term = bool(_EQUALS.search(formula)), _TERM_OR_FRACTION.search(text)
        complete = any(map(_EQUALS.search, spans)) and formula.count("(") == formula.count(")")
        if _EQUALS.search(text):
            separate: object = complete and _EQUALS.search(parts[0])
        elif complete or _RELATION.search(parts[0]):
            separate = True
        elif begun:  # the next part may be the left side of another equality
            chain = not term and _DERIVATIVE.match(spans[-1])
            separate = _DERIVATIVE.match(parts[0]) and _EQUALS.match(parts[1].lstrip()) and not chain
        else:
            separate = not text.strip() or (term and _TERM_OR_FRACTION.search(spans[-1] + parts[0]))
        return None if separate else self.names.latex_of(text)

    def _beginning(self, text: str) -> tuple[str, str]:
        """Split off the part of a formula that stands before a dollar sign, such as "= (". Return (text, part)."""
        marker = _MARKER.match(f"{text}$")
        place = marker.end() if marker else 0
        operator = _LINK.search(text[place:]) and text[place:].strip("*_ ")
        latex = self.names.latex_of(text[place:]) if operator else None
        return (text, "") if latex is None else (text[:place], latex)

    def _end(self, text: str, last: str) -> tuple[str, str]:
        """Split off the part of a formula that stands behind its last part in dollars, such as "- y" in "- y, so".
        Return (part, text). A term behind a part with several terms may be a remark, and stays in the text."""
        stop = _SENTENCE_END.search(text)
        part = text[: stop.start() if stop else len(text)]
        remark = _TERM_OR_FRACTION.match(part.lstrip()) and _TERM_OR_FRACTION.search(last)
        latex = self.names.latex_of(part) if _OPERAND_BEHIND.match(part) and not remark else None
        return ("", text) if latex is None else (latex, text[len(part) :])

    def _maths(self, found: re.Match[str], line: int) -> Iterator[Piece]:
        kind = found.lastgroup or ""
        text = found[0] if found["name"] in ("cases", "array") else found[kind]
        if kind == "code" and found["info"].strip().lower() not in ("math", "latex", "tex"):
            yield from self._code(text, line + 1)
        elif kind == "inline":
            latex = spelled(text) if "\\" in text else self.names.latex_of(text)
            yield Piece("words", text, line) if latex is None else Piece("maths", latex, line)
        else:
            display = kind not in ("single", "round", "ticked")
            yield Piece("maths", spelled(text), line + (kind == "code"), display)

    def _code(self, text: str, line: int) -> Iterator[Piece]:
        """Yield a piece for each comment and statement of a program. Open brackets continue a statement. A program of
        comments alone is read like text if one is an equality."""
        lines = [line for line in map(str.strip, text.splitlines()) if line]
        if all(map(_WHOLE_COMMENT.fullmatch, lines)) and any("=" in line for line in lines):
            yield from self._typed(_COMMENT_SIGN.sub("", text) + "\n", line)
            return
        begun = ""
        for number, source_line in enumerate(text.splitlines(), line):
            statement, hash_, comment = _REMARK.sub(r"\g<formula>#", source_line).partition("#")
            begun += statement
            if begun.count("(") > begun.count(")"):
                begun += " "
            elif begun.strip():
                latex = self.names.latex_of(begun) if "\\" not in begun else spelled(begun)
                if latex is None and _PROGRAM.match(begun):
                    yield Piece("words", begun, number)
                else:
                    yield Piece("maths", spelled(begun) if latex is None else latex, number, display=True)
                begun = ""
            if hash_:
                yield Piece("words", comment, number)
        if begun.strip():
            yield Piece("maths", spelled(begun), number, display=True)

    # ── mathematics typed among words, without dollars ───────────────────────────────────────────────

    def _typed(self, text: str, line: int, *, behind: bool = False) -> Iterator[Piece]:
        """Split text without dollar signs into pieces. A formula is the text around an =, up to the next ordinary word.

        Args:
            text: The text.
            line: Number of its first line.
            behind: True if mathematics precedes the text.
        """
        open_end = False  # True if the previous line ends with a formula
        first = not behind  # True until a formula is found that is not a line alone
        for number, typed in enumerate(text.splitlines(keepends=True), line):
            if remark := _REMARK.match(typed):
                yield Piece("words", typed[remark.end() :], number)
                typed = f"{remark['formula']}\n"
            typed = _ITALIC.sub(r"\1 \2 ", _BOLD.sub(lambda m: f"  {m[1] or m[2]}  ", typed))
            typed = _SIZE.sub(r"(\1×\2)", typed)
            continued = open_end and self._is_continuation(typed)
            whole = typed.endswith("\n") and not continued and first
            if whole and (alone := self._alone(typed, number)):
                yield from alone
                open_end = len(alone) == 1  # the next item of a list does not continue this one
                continue
            if not continued:
                typed = _MARKER.sub(lambda m: " " * len(m[0]), typed)
            if self._is_call_assigned(typed) or _PRINT.match(typed):
                yield from self._code(typed, number)
                open_end = False
                continue
            place = 0
            for begin, end, how in self._stretches(typed, continued, behind=behind and number == line):
                latex = self.names.latex_of(typed[begin:end], bare=how == "goes on")
                if latex is None:
                    continue
                if typed[place:begin].strip():
                    yield Piece("words", typed[place:begin], number)
                times = _LONE_X.sub(" ×", typed[begin:end])
                multiplied = self.names.latex_of(times) if times != typed[begin:end] else ""
                display = not typed[:begin].strip(" *-_#\t")
                yield Piece("maths", latex, number, display, multiplied or "", how == ":", typed=True)
                place, first = end, False
            open_end = place > 0 and not typed[place:].strip()
            if typed[place:].strip():
                yield Piece("words", typed[place:], number)

    def _alone(self, line: str, number: int) -> list[Piece]:
        """Return the pieces of a line that is only a formula without =; [] for other lines. A list marker before the
        formula becomes a piece of words, because it may be a sign."""
        if _EQUALITY_OR_HEADING.search(line):
            return []
        formula = self.bare(Piece("words", line, number))
        if formula.kind == "words" or not WORKED_OUT.search(formula.text):
            return []
        marker = _MARKER.match(line)
        return [Piece("words", marker[0], number), formula] if marker else [formula]

    def _stretches(self, line: str, continued: bool, behind: bool) -> Iterator[tuple[int, int, str]]:
        """Yield (begin, end, kind) of each formula in a line.

        The kind is "=" for an equality, ":" for a formula from a colon to the end of the line, and "goes on" for text
        that may continue the previous formula.
        """
        begin: int | None = 0 if continued else None
        end, equals, announced = 0, False, False
        behind = behind or continued  # True if a formula precedes in the same sentence
        items = list(_ITEM.finditer(line))
        multiplying = self._multiplying_dots(line, items)
        aside = self._aside(line)
        table = line.lstrip().startswith("|")
        for item in [*items, None]:
            called = item is not None and equals and _is_called(line, item)
            if item is not None and begin is not None and item[0] == "|" and not table:
                end = item.end()  # the bar of an absolute value, not of a table
                continue
            stop = item is not None and item["stop"] and item.start() not in multiplying
            if item is None or stop or (self._is_word(item) and not called) or item.start() == aside:
                if item is not None and _ATTRIBUTE.match(line, max(0, item.start() - 2)):
                    begin = None  # `X.shape` is not X
                last = item is None or (bool(stop) and not line[item.end() :].strip())
                if begin is not None and (equals or (announced and last and _PRODUCT_OR_SUM.search(line[begin:end]))):
                    yield begin, end, "=" if equals else ":"
                    behind = True
                elif begin is not None and behind and _has_name(line[begin:end]):
                    yield begin, end, "goes on"
                elif begin is not None:
                    behind = False
                behind = behind and (item is None or item[0] == "," or bool(item["name"]))
                begin, equals, announced = None, False, item is not None and item[0] == ":"
                continue
            if (
                begin is None
                and (item["sign"] or item["equals"])
                and item[0] not in ("(", "∂", "∇", "[", "|", "=", "-", "‖")
                and not (behind and item[0] in _OPERATORS)
            ):
                continue
            begin = item.start() if begin is None else begin
            equals = equals or bool(item["equals"])
            end = item.end()

    def _multiplying_dots(self, line: str, items: Sequence[re.Match[str]]) -> set[int]:
        """Return the positions of the dots behind a space that multiply: operands and no words follow in the
        sentence."""
        found, operands, words = set[int](), False, False
        for item in reversed(items):
            if item[0] == "." and line[item.start() - 1 : item.start()] == " ":
                if operands and not words:
                    found.add(item.start())
            elif item["stop"]:
                operands = words = False
            else:
                words = words or self._is_word(item)
                operands = operands or bool(item["name"] or item["number"])
        return found

    def _is_continuation(self, line: str) -> bool:
        """Return whether a line continues the formula on the line before: it begins with an operator, and contains
        neither an = nor a word."""
        items = list(_ITEM.finditer(line))
        begins = len(items) > 1 and items[0][0] in _OPERATORS
        return begins and not any(item["equals"] or self._is_word(item) for item in items)

    def _is_call_assigned(self, line: str) -> bool:
        """Return whether a line assigns a call with several arguments, as in the program `dW = np.dot(a, b)`, and
        contains no ordinary word outside the call."""
        found = _ASSIGNED_VALUE.match(line.partition("#")[0])
        called = found and "," in found["value"] and re.search(r"\w\(", found["value"]) and self._aside(line) is None
        if found is None or not called:
            return False
        outside = _outside_brackets(found["value"])
        return "," not in outside and not any(self._is_plain_word(outside, item) for item in _ITEM.finditer(outside))

    def _is_word(self, item: re.Match[str]) -> bool:
        return bool(item["name"]) and not self.names.is_name(item["name"])

    def _is_plain_word(self, text: str, item: re.Match[str]) -> bool:
        return self._is_word(item) and not _is_called(text, item)

    def _aside(self, line: str) -> int | None:
        """Return the position of a bracketed remark of two words or more at the end of a line; None if there is
        none."""
        found = _ASIDE.search(line)
        words = sum(map(self._is_word, _ITEM.finditer(found["text"]))) if found else 0
        return found.start("text") if found and words > 1 else None

    def bare(self, piece: Piece) -> Piece:
        """Return a piece of words as mathematics if the text is only a formula. Return other pieces unchanged."""
        text = re.sub(r"^\s*(?:[-*•]\s+|\(?[a-z\d]{1,2}[.)]\s+)", "", piece.text).strip().strip("*_").rstrip(".")
        items = list(_ITEM.finditer(text))
        formula = not any(self._is_plain_word(text, item) for item in items)
        latex = self.names.latex_of(text, bare=True) if len(items) >= 3 and formula else None
        named = any(item["name"] or item["macro"] for item in items)
        if latex is None or not named or not any(item["sign"] for item in items):
            return piece
        return Piece("maths", latex, piece.line, display=True)

    def ending(self, piece: Piece) -> Iterator[Piece]:
        """Yield the words of a piece, and then the formula at the end, as in "also ŷ - y". Used for answers without
        other formulas."""
        if piece.kind == "maths":
            yield piece
            return
        items = list(_ITEM.finditer(piece.text))
        place = next((item.end() for item in reversed(items) if self._is_plain_word(piece.text, item)), 0)
        formula = self.bare(replace(piece, text=piece.text[place:]))
        if formula.kind == "words" or (place and not _PRODUCT_OR_SUM.search(piece.text[place:])):
            yield piece
            return
        marker = _MARKER.match(piece.text)  # the marker of a list item, which may be a sign
        if begin := place or (marker.end() if marker else 0):
            yield replace(piece, text=piece.text[:begin])
        yield formula


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _outside_brackets(text: str) -> str:
    """Return a text with all round brackets emptied: "f()" for "f(a, g(b))"."""
    for _ in range(MAX_DEPTH):
        text, count = re.subn(r"\([^()]*\)", "\0", text)
        if not count:
            break
    return text.replace("\0", "()")


def _has_name(text: str) -> bool:
    """Return whether a text contains a name. Texts of only Latin letters and punctuation do not count, because they may
    be ordinary words."""
    return any(item["name"] for item in _ITEM.finditer(text)) and not re.fullmatch(r"[A-Za-z.,;\s]+", text)


def _is_called(text: str, item: re.Match[str]) -> bool:
    """Return whether `item` is a name directly before an opening bracket, as in a function call."""
    return bool(item["name"]) and bool(_CALL.match(text, item.end()))


# ── names ────────────────────────────────────────────────────────────────────────────────────────────

_CODE_NAME = re.compile(
    r"\.(?:dot|mm|matmul)\(|\.T\b|\.t\(\)"
    r"|(?<![\\\w])(?<!\\operatorname\{)[^\W\d_](?:\w*[^\W_])?"
)
_CODE = {**dict.fromkeys((".dot(", ".mm(", ".matmul("), "@("), **dict.fromkeys((".T", ".t()"), "^T ")}
_ASSIGNED = re.compile(
    rf"(?<![\\\w])(?<![_^]\{{)(?:\\(?:{UPRIGHT})\s*\{{\s*)?(?P<name>(?:[A-Za-z]{{2,}}|[A-Za-z](?=\\?_[A-Za-z]{{2}}))(?:\\?_[A-Za-z0-9]+)*\d?)\s*(?:\}}\s*)?(?:&\s*)?"
    r"(?:[-+*/:]?=(?!=)|←|<-|\\(?:gets|leftarrow|coloneqq|equiv|triangleq)(?![A-Za-z]))"
)
"""Matches a word before an =, which may be one of the student's own names."""
_FENCED = re.compile(r"```(?!math|latex|tex)[^\n`]*\n([^`]*)```")
"""Matches a program in a fence."""
_OPERAND = re.compile(
    r"(?:(?<=[-+*/@])|(?<=[-+*/@] ))[A-Za-z]{2,}\d?(?![\w(.])|(?<![\w.])[A-Za-z]{2,}\d?(?= ?[-+*/@](?!=))"
)
"""Matches an operand in a program, such as yp in `y-yp`."""
_SNAKE_CASE = re.compile(r"(?<![\\\w])[A-Za-z]{2,20}(?:_[A-Za-z]{2,20}){1,3}(?![\w(])")
"""Matches a name of a program, such as reg_strength, but not of a function."""
MAX_OWN_NAMES = 50
"""Largest number of words in an answer that are tested for being names of the student's."""
_OPERATOR = r"[*@·×⊙∘/(+=]|(?<=[\w\s])-|\\(?:cdot|odot|times|circ)(?![A-Za-z])"


class Names:
    """Translates names that are typed without LaTeX, as in programs, into LaTeX."""

    def __init__(self, notation: Notation) -> None:
        self.words = notation.words
        losses = _one_of({letter for letter in notation.losses | notation.totals if letter.isascii()})
        single = _one_of({name[0] for name in (*notation.same, *notation.meanings, notation.variable) if name} - {"∂"})
        words = [word for word, latex in notation.words.items() if latex not in notation.losses | notation.totals]
        by = "|".join([rf"{single}_?\d?", *map(re.escape, words), "theta"])
        self._gradient_by = re.compile(
            rf"(?:d|del|grad|nabla|partial|D)_?(?P<of>{losses}|loss)?_?(?:(?<=[^\W_]|_)d_?)?(?P<by>{by})"
        )
        self._loss_with_index = re.compile(rf"({losses})_([A-Za-z]{{2,}})")
        self._differential = re.compile(rf"d(?:{single}|{losses})\d?|∂[^\W\d_]\d?|dtheta")
        self._factors = re.compile(rf"(?:[α-ωf]|{single}|{losses})(?:_?[tijk\d])?|\d")

    def is_name(self, text: str) -> bool:
        return self.name(text.removesuffix(".T").rstrip("'")) is not None

    def name(self, text: str) -> str | None:
        """Translate a typed name to LaTeX: "\\theta" for "theta". Return None for an ordinary word."""
        if text in self.words:
            return self.words[text]
        if len(text) == 1:
            return spelled(text) if ord(text) < 0x2E80 else None
        if text in FUNCTIONS:
            return rf"\operatorname{{{text}}}" if text != "sum" else r"\sum"
        if text in GREEK:
            return rf"\{text}"
        if found := self._loss_with_index.fullmatch(text):
            return rf"{found[1]}_{{\text{{{found[2]}}}}}"
        for pattern, latex in _FORMS:
            if found := re.fullmatch(pattern, text):
                parts = [self.name(part) if part and not part.isdigit() else part for part in found.groups()]
                return None if None in parts else latex.format(*parts)
        return self._gradient(text) or self._side_by_side(text)

    def _gradient(self, text: str) -> str | None:
        """Translate a typed derivative, such as `dW1`, `b2_grad` or `dJ_dh1`, to LaTeX. Return None for other texts."""
        turned = f"grad_{text.removesuffix('grad')}" if text.endswith("grad") else text
        if found := self._gradient_by.fullmatch(turned.rstrip("_")):
            by = self.name(found["by"])
            of = "J" if found["of"] in (None, "loss") else found["of"]
            # left to the parser: dh1 may be a derivative of the loss, or the denominator of dJ/dh1
            return f"d{by}" if text[0] == "d" and not found["of"] else rf"\nabla_{{{by}}} {of} "
        return f"{text[0]}{self.name(text[1:])}" if self._differential.fullmatch(text) else None

    def _side_by_side(self, text: str) -> str | None:
        """Translate factors that are typed without spaces, such as `2λθ_t`, to LaTeX. Return None for other texts."""
        parts = self._factors.findall(text)
        if "".join(parts) == text and re.search(r"[α-ωŷ\d]", text):
            return " ".join(spelled(part) for part in parts)
        return None

    def own(self, answer: str) -> dict[str, str]:
        """Return the words that an answer uses as names: {word: its LaTeX}. They are operands, and the answer defines
        them by an equation, or they are written like reg_strength, or stand in a program."""
        found: dict[str, str] = {}
        assigned = (one["name"].replace("\\", "") for one in _ASSIGNED.finditer(answer))
        in_code = (word for fence in _FENCED.findall(answer) for word in _OPERAND.findall(fence))
        words = dict.fromkeys((*assigned, *_SNAKE_CASE.findall(answer), *in_code))
        for word in itertools.islice(words, MAX_OWN_NAMES):
            spelling = rf"(?:\\(?:{UPRIGHT})\s*\{{\s*)?{word.replace('_', '._')}(?!\w)".replace("._", r"\\?_")
            operand = rf"(?:{_OPERATOR}|\([^()\n]*,)\s*{spelling}(?!\s*=)|{spelling}\s*(?:\}}\s*)?(?:[*@⊙∘]|\\odot)"
            index_only = self._loss_with_index.fullmatch(word)
            if (self.name(word) is None or index_only) and re.search(operand, answer):
                found[word] = own_word(word)
        return found

    def latex_of(self, text: str, *, bare: bool = False) -> str | None:
        """Translate a typed formula or a statement of a program to LaTeX. Return None if it contains an ordinary word.

        An unknown word directly before a bracket is a function if it follows an =, or anywhere if `bare`.
        """
        words: list[str] = []

        def translated(found: re.Match[str]) -> str:
            name, called = found[0], text.startswith("(", found.end())
            if name in _CODE:
                return _CODE[name]
            made = self.name(name)
            if made is None and called and (bare or re.search("[=←]", text[: found.start()])):
                made = rf"\operatorname{{{name}}}"
            elif made is None:
                words.append(name)
            return made or "" if called else f"{made} "

        text = re.sub(r"\bgrad(?:ient)?[ _]([A-Za-z]_?\d)\b", r"grad_\1", text)
        text = text.replace("^", " ^ ").replace("~", r"\sim ") if "\\" not in text else text
        text = re.sub(r"(?<=\w)\[(\d|[ijkmn])\]", r"_{\1}", text)
        made = _CODE_NAME.sub(translated, text)
        made = re.sub(r"(\\nabla_\{[^{}]*(?:\{[^{}]*\})?\}\s*)[JLE]\s+(?=[JLE]\b)", r"\1", made)
        return None if words else spelled(made)


def _one_of(letters: set[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, sorted(letters))) or '(?!)'})"


_FORMS = (
    (r"([^\W\d_]|theta|delta|eta|lambda|sigma|yhat)_?(\d|t|i|j|k)", "{}_{{{}}}"),
    (r"([^\W\d_])_?(\d)_?T", "{}_{{{}}}^T"),
    (r"([A-Za-zŷ])T", "{}^T"),
    (r"d_?([JLEhaz]\d?)_?d_?([WwbahzxH]_?\d?)", r"\frac{{\partial {}}}{{\partial {}}}"),
)
"""(pattern, LaTeX) of typed names with several parts: h_1, W2T, hT, dJ_dh1."""
