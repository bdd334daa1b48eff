"""Labels that name the written questions in the lines of a notebook: "Q1.1 solution:", "**1.1**"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SOLUTION = r"(?:solution|answer|derivation)s?"
SEARCHED = 120
"""Number of characters at the beginning of a line in which a label is looked for."""


@dataclass(frozen=True)
class Label:
    """A label of a question at the beginning of a line, such as "Q1.1 solution:"."""

    question: str
    """Id of the written question; "" if the label names no written question."""
    solution: bool
    """True if the label contains a word such as "solution"."""
    rest: str
    """The text after the label on the line."""


class Labels:
    """Finds labels of written questions in lines, such as "Q1.1 solution:" or the names in assignment.toml."""

    def __init__(self, labels: Mapping[str, Sequence[str]]) -> None:
        """Compile a regular expression for the labels.

        Args:
            labels: Id of each written question → its names.
        """
        self.ids = tuple(labels)
        self._questions = {_normal(name): id for id, names in labels.items() for name in names}
        words = [name for name in self._questions if not re.fullmatch(r"q\d+(\.\d+)*", name)]
        names = "".join(rf"{re.escape(name)}|" for name in words)
        self._label = re.compile(
            rf"(?i)[\s>+-]*(?P<mark>[#*_]*)[\s*_]*(?:[\[(]?\d+\s*(?:pts|points?)[\])]?[\s:*_]*)?[(\[]?"
            rf"(?:{SOLUTION}\s+(?:(?:to|for)\s+)?)?"
            rf"(?P<name>{names}(?:(?P<word>[^\W\d_]+)\.?\s*)?(?P<number>\d+(?:\s?\.\s?\d+)+))(?![^\W_]|\.\d)"
            rf"(?P<behind>\s*(?:{SOLUTION}(?![^\W_]))?\s*(?:\([^()\n]{{0,20}}\))?(?P<closed>[*_]*[:.)\]]+)?[*_]*[:.]?\s*)"
        )

    def question_of(self, line: str) -> Label | None:
        """Return the label at the beginning of a line, such as "Q1.1:"; None if there is none."""
        found = self._label.match(line[:SEARCHED])
        if found is None:
            return None
        rest = line[found.end() :]
        solution = re.search(rf"(?i){SOLUTION}", found[0]) is not None
        numbered = (found["word"] or "q").lower() in ("q", "question")
        if not (solution or found["mark"] or found["closed"] or (numbered and not rest.strip())):
            return None
        name = f"q{found['number']}" if found["number"] else found["name"]
        return Label(self._questions.get(_normal(name), ""), solution, rest)


def _normal(label: str) -> str:
    """Return a label in normal form: "q1.2" for "Question 1 . 2"."""
    numbered = re.fullmatch(r"(?i)q(?:uestion)?\s*\.?\s*(\d+(?:\s*\.\s*\d+)*)", label)
    return "q" + "".join(numbered[1].split()) if numbered else " ".join(label.lower().split())
