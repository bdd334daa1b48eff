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
        self._questions: dict[str, str] = {}
        names = ""
        for id, names_of_question in labels.items():
            self._questions |= dict.fromkeys(map(_normal, names_of_question), id)
        for name in self._questions:
            if not re.fullmatch(r"q\d+(\.\d+)*", name):
                names += f"{re.escape(name)}|"
        self._label = re.compile(
            rf"(?i)[\s>+-]*(?P<mark>[#*_]*)[\s*_]*(?:[\[(]?\d+\s*(?:pts|points?)[\])]?[\s:*_]*)?[(\[]?"
            rf"(?:{SOLUTION}\s+(?:(?:to|for)\s+)?)?"
            rf"(?P<name>{names}(?:(?P<word>[^\W\d_]+)\.?\s*)?(?P<number>\d+(?:\s?\.\s?\d+)+))(?![^\W_]|\.\d)"
            rf"(?P<behind>\s*(?:{SOLUTION}(?![^\W_]))?\s*(?:\([^()\n]{{0,20}}\))?(?P<closed>[*_]*[:.)\]]+)?[*_]*[:.]?\s*)"
        )

    def question_of(self, line: str) -> Label | None:
        """Return the label at the beginning of a line, such as "Q1.1:"; None if there is none."""
        match = self._label.match(line[:SEARCHED])
        if match is None:
            return None
        text_behind = line[match.end() :]
        has_solution = re.search(f"(?i){SOLUTION}", match[0]) is not None
        is_marked = has_solution or match["mark"] or match["closed"]
        word = match["word"] or "q"
        if not is_marked and (text_behind.strip() or word.lower() not in ("q", "question")):
            return None
        name = f"q{match['number']}" if match["number"] else match["name"]
        question = self._questions.get(_normal(name), "")
        return Label(question, has_solution, text_behind)


def _normal(label: str) -> str:
    """Return a label in normal form: "q1.2" for "Question 1 . 2"."""
    numbered = re.fullmatch(r"(?i)q(?:uestion)?\s*\.?\s*(\d+(?:\s*\.\s*\d+)*)", label)
    if numbered is None:
        return " ".join(label.lower().split())
    return "q" + "".join(numbered[1].split())
