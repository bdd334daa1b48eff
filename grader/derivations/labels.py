"""Labels that name the written questions in the lines of a notebook: "Q1.1 solution:", "**1.1**"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

SOLUTION = r"(?:solution|answer|derivation)s?"


LABEL_CHARACTERS = 60
"""Largest length of a line that only labels several questions."""
_NUMBER = re.compile(r"(?<![\d.])\d+(?:\.\d+)+(?!\d)")
_ONE = r"(?:q(?:uestion)?s?\s*)?\d+(?:\.\d+)+"
_SEVERAL = re.compile(
    rf"(?i)[\s*_#>\[(]*(?:\d\s*(?:pts|points?)[\])\s*_]*)?(?:{SOLUTION}(?:\s+(?:to|for))?\s+)?{_ONE}"
    rf"(?:\s*(?:[,;&/–—-]|\s[^\W\d_]{{1,3}}\s)\s*{_ONE})+(?:\s*{SOLUTION})?[\s:.*_)\]]*"
)
"""Matches a line that only labels several questions, as in "Q1.1 and Q1.2 solution:"."""


class Label(NamedTuple):
    """A label of a question at the beginning of a student's line, such as "Q1.1 solution:"."""

    question: str
    """Id of the written question; "" if the label names no written question."""
    solution: bool
    """True if the label contains a word such as "solution"."""
    rest: str
    """The text after the label on the line."""
    weak: bool = False
    """True for a bare number, which counts as a label only if other lines have labels too."""


class Labels:
    """Finds labels of written questions in lines, such as "Q1.1 solution:" or the names in assignment.toml."""

    def __init__(self, labels: Mapping[str, Sequence[str]], renumbered: Mapping[str, str] | None = None) -> None:
        """Compile regular expressions for the labels.

        Args:
            labels: Id of each written question → its names.
            renumbered: Number → id of the question that has this number in another edition; "" for no question.
        """
        self.labels = labels
        self.questions = {_normal(label): id for id, of_id in labels.items() for label in of_id}
        self.questions.update(renumbered or {})
        names = "|".join([*map(_flexible, sorted(self.questions, key=len, reverse=True)), _flexible("q1.1", "[1-9]")])
        named = (
            rf"(?P<name>{names})(?![a-z0-9])"
            rf"(?P<behind>\s*(?P<solution>{SOLUTION})?\s*(?:\([^()\n]{{0,20}}\))?\s*[:.]*[*_]{{0,2}}[:.]*\s*)"
        )
        self._beginning = re.compile(rf"(?i)^[\s*_#>\[\]0-9pts.()-]*(?:{SOLUTION}(?:\s+(?:to|for))?\s*)?{named}")
        self._another = re.compile(rf"(?i)[\s,&+/-]*(?:[^\W\d_]{{1,3}}\s+)?{named}")
        self._number = re.compile(
            r"^(?P<before>(?:#{1,6}\s+)?[\s>*_(\[+-]*)(?P<word>[^\W\d_]+\.?\s+)?(?P<name>\d+(?:\.\d+)+)(?![^\W_])"
            r"(?P<behind>(?:\s*[.:)\]]+)?[*_]{0,2}[.:)\]]*\s*)"
        )
        self.order = {id: n for n, id in enumerate(labels)}

    def question_of(self, line: str) -> Label | None:
        """Return the label at the beginning of a line, such as "Q1.1:"; None if there is none."""
        begin = line[:120]
        if found := self._beginning.match(begin):
            label = _normal(found["name"])
            end = found.end() if ":" in found["behind"] else max(found.end(), self._several(begin, found.end()))
            rest = line[end:]
            solution = bool(re.search(rf"(?i){SOLUTION}", begin[:end]))
            is_label = solution or not rest.strip() or any(c in begin[: found.start("name")] for c in "#*[")
            if is_label or any(c in found["behind"] for c in ":.*_"):
                return Label(self.questions.get(label, ""), solution, rest)
        if found := self._number.match(begin):
            rest = line[found.end() :]
            if "#" in found["before"] or (not rest.strip() and len(begin) < 40):
                id = self.questions.get(f"q{found['name']}", "")
                return Label(id, False, "" if "#" in found["before"] else rest) if id else None
        return None

    def _several(self, line: str, place: int) -> int:
        """Return the end of further question names at `place`, such as " and Q1.2" in "Q1.1 and Q1.2"; 0 if none."""
        found = self._another.match(line, place)
        return max(found.end(), self._several(line, found.end())) if found else 0

    def names_several(self, line: str) -> bool:
        """Return whether a line begins with the names of several questions."""
        found = self._beginning.match(line[:120])
        return found is not None and self._several(line[:120], found.end()) > 0

    def shared_by(self, line: str) -> tuple[str, ...]:
        """Return the ids of the questions in a line that is only a label of several questions, such as "Solution 1.1,
        1.2:" or "Q1.1 - Q1.3". Return () for other lines."""
        if len(line) > LABEL_CHARACTERS or not _SEVERAL.fullmatch(line):
            return ()
        ids = [self.questions.get(f"q{number}", "") for number in _NUMBER.findall(line)]
        if not all(ids):
            return ()
        if len(ids) == 2 and re.search(r"[-–—]", line):
            first, last = sorted(map(self.order.__getitem__, ids))
            return tuple(self.order)[first : last + 1]
        return tuple(ids)

    def number_of(self, line: str) -> Label | None:
        """Return the label for a bare number such as "1.2" at the beginning of a line; None if there is none."""
        found = self._number.match(line[:120])
        id = self.questions.get(f"q{found['name']}") if found else ""
        if found is None or not id:
            return None
        rest = line[found.end() :]
        emphasis = re.findall(r"[*_]*$", found["before"])[0]
        if emphasis and emphasis not in found["behind"]:
            rest = emphasis + rest  # the number begins a title
        closed = any(c in found["behind"] for c in ".:)]")
        if emphasis or closed or (not found["word"] and re.match(r"[\s$]|\Z", line[found.end("name") :])):
            return Label(id, False, rest, weak=True)
        return None

    def may_name(self, line: str, question: str) -> bool:
        """Return whether a line begins with the question's label or number."""
        return any(label and label.question == question for label in (self.question_of(line), self.number_of(line)))


def _normal(label: str) -> str:
    """Return a label in normal form: "q1.2" for "Question 1 . 2"."""
    if re.fullmatch(r"(?i)q(?:uestion)?\s*\.?\s*\d+(?:\s*\.\s*\d+)*", label):
        return f"q{'.'.join(re.findall(r'[0-9]+', label))}"
    return " ".join(label.lower().split())


def _flexible(label: str, digit: str = "") -> str:
    """Return a regular expression that matches a label with any spacing. A nonempty `digit` is a regular expression
    that replaces each number of the label."""
    numbered = re.fullmatch(r"q(\d+(?:\.\d+)*)", label)
    if numbered is None:
        return r"\s+".join(map(re.escape, label.split()))
    numbers = [digit or number for number in numbered[1].split(".")]
    return r"q(?:uestion)?\s*\.?\s*" + r"\s*\.\s*".join(numbers)
