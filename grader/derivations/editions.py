"""Recognize the questions of another edition of the handout, whose numbers differ, by their texts."""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence

from grader.derivations.bounds import Unread
from grader.derivations.labels import SOLUTION
from grader.derivations.tokens import tokens

LINES = 4
"""Largest number of lines that are compared as the text of a question."""
LONGEST = 1_000
"""Largest number of characters of a line that are compared."""
LEAST_COSINE = 0.2
"""Least similarity of the texts of the same question in two editions, as the cosine of their features."""
CLEARER = 1.5
"""How many times more similar a text must be to its question than to other questions."""
RECOGNIZED = 0.6
"""Share of the questions outside `asked` that must be recognized. In another edition nearly all are. A student's
answers may resemble one or two other questions, which they cite."""
_NUMBERED = re.compile(
    r"(?i)(?P<before>[\s*_#>]*(?:[\[(]\s*\d+\s*(?:pts?|points?)\s*[\])][\s:*_]*)?(?:q(?:uestion)?\s*\.?\s*)?)"
    r"(?P<number>\d+(?:\.\d+){1,2})(?![\d.]*\d)(?P<behind>\s*[:.)*_]*)"
)
_SOLUTION = re.compile(rf"(?i)\W*{SOLUTION}\b")
_MATHS = re.compile(r"\$+([^$=]{2,80})\$")
_WORD = re.compile(r"[^\W_]{2,}")


class QuestionTexts:
    """The texts of a handout's questions, by which these questions are recognized in another edition."""

    def __init__(self, cells: Sequence[str], questions: Mapping[str, str]) -> None:
        """Weigh words and formulas by how rare they are in the handout.

        Args:
            cells: The handout's cells.
            questions: Id of each written question → its text in the handout.
        """
        counts = Counter(feature for cell in cells for feature in _features(cell))
        self._weights = {feature: math.log(len(cells) / count) for feature, count in counts.items()}
        self._questions = {id: self._weighed(text) for id, text in questions.items()}

    def renumbered(self, lines: Sequence[str], asked: Container[str], names: Mapping[str, str]) -> dict[str, str]:
        """Return the question of each number that means another question than in the handout.

        {"q2.1": "q1.1", "q1.1": ""} says that Q2.1 is the handout's question q1.1, and that Q1.1 is none of its
        questions.

        Args:
            lines: The student's own lines.
            asked: Questions that the notebook asks in the handout's words, and therefore with the handout's number.
            names: Number or other label in the handout → id of the question.
        """
        best: dict[str, tuple[float, bool, str]] = {}
        seen = set[str]()
        for number, texts in _texts(lines):
            found = next(filter(None, map(self.most_similar, texts)), None)
            if found and number not in seen and found[1] not in asked:
                seen.add(number)
                rank = found[0], names.get(number) == found[1]
                if rank > best.get(found[1], (0.0, False, ""))[:2]:
                    best[found[1]] = *rank, number
        moved = {number: id for id, (_, is_same, number) in best.items() if not is_same}
        if len(best) < RECOGNIZED * sum(id not in asked for id in self._questions) or not moved:
            return {}
        taken = (name for name, id in names.items() if id in moved.values() and re.fullmatch(r"q\d+(?:\.\d+)+", name))
        return dict.fromkeys(taken, "") | moved

    def most_similar(self, text: str) -> tuple[float, str] | None:
        """Return (similarity, id) of the question that a text resembles clearly more than others; None if there is
        none."""
        weighed = self._weighed(text)
        scores = ((_cosine(weighed, other), id) for id, other in self._questions.items())
        first, second = heapq.nlargest(2, [(0.0, ""), (0.0, ""), *scores])
        return first if first[0] > max(LEAST_COSINE, CLEARER * second[0]) else None

    def _weighed(self, text: str) -> dict[str, float]:
        """Return {feature of a text: its weight}. Features that the handout lacks have the largest weight."""
        most = max(self._weights.values(), default=0.0)
        return {feature: self._weights.get(feature, most) for feature in _features(text)}


def _texts(lines: Sequence[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield (number, (rest of the line, text)) for each line that begins with the number of a question, unless a word
    such as "Solution" follows. The text ends before the next such line, or before a line such as "Solution:"."""
    for n, line in enumerate(lines):
        if (found := _number(line)) and not _SOLUTION.match(line[found.end() :]):
            text = [line[found.end() : LONGEST]]
            for other in lines[n + 1 : n + LINES]:
                if _number(other) or _SOLUTION.match(other[:LONGEST]):
                    break
                text.append(other[:LONGEST])
            yield f"q{found['number']}", (text[0], "\n".join(text))


def _number(line: str) -> re.Match[str] | None:
    """Return the match of a question's number at the beginning of a line, as in "**Q2.1**", "2.1:" or "[5pts] 2.1".
    Return None for other lines, such as "0.0179 is the loss"."""
    found = _NUMBERED.match(line[:LONGEST])
    return found if found and (found["before"].strip() or found["behind"].strip()) else None


def _features(text: str) -> set[str]:
    """Return the words of a text, and those of its formulas that contain no =, without brackets and spaces."""
    found = {word.lower() for word in _WORD.findall(_MATHS.sub(" ", text))}
    for formula in _MATHS.findall(text):
        try:
            found.add(
                "".join(token.text for token in tokens(formula, {}) if token.kind not in ("open", "close", "end"))
            )
        except Unread:
            continue
    return found


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the cosine of the angle between two vectors of weights: 1 for equal texts, 0 for texts without a common
    feature."""
    sizes = math.hypot(*one.values()) * math.hypot(*other.values())
    return sum(one[feature] * other[feature] for feature in one.keys() & other.keys()) / sizes if sizes else 0.0
