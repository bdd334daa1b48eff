"""The machine that reads written answers is certified too: answers of which we know what they are, in
reference/<id>/answers/{tuned,held_out}/. None that is wrong may be proven right; most that are right must be.

The tuned ones were looked at while the reader was written, the held-out ones only afterwards: what they show first
tells more about answers that nobody has seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from grader.assignments.catalogue import Assignment
from grader.errors import BadAssignment
from grader.model import Comparison, Opinion
from grader.written.opinions import Seen, opinions

SETS = ("tuned", "held_out")
ENOUGH = 0.8
"""Of the right answers that must be proven right."""

What = Literal["right", "unsimplified", "transposed", "wrong", "half", "unclear"]
_RIGHT: tuple[What, ...] = ("right", "unsimplified")


@dataclass(frozen=True)
class Answer:
    name: str
    """ "tuned/q1.3_transposed"."""
    question: str
    what: What
    """What a person knows it to be; of "unclear" that a person must decide, of "half" that one of its formulas is
    right."""
    text: str
    earlier: tuple[tuple[str, str], ...] = ()
    """Answers to questions before it: question, text."""

    @property
    def is_right(self) -> bool:
        return self.what in _RIGHT


@dataclass(frozen=True)
class Read:
    """An answer, and what the machine made of it."""

    answer: Answer
    opinion: Opinion

    @property
    def wrong_but_proven(self) -> bool:
        """Any formula of it, where none is right; all of them, where one is."""
        if self.answer.what == "half":
            return self.opinion.is_proven
        return not self.answer.is_right and any(j.comparison.is_proven for j in self.opinion.judgements)

    @property
    def right_and_proven(self) -> bool:
        return self.answer.is_right and self.opinion.is_proven

    @property
    def as_known(self) -> bool:
        """Not only proven or not: the very comparison that a person made."""
        return all(j.comparison in _EXPECTED[self.answer.what] for j in self.opinion.judgements)


_EXPECTED: dict[What, tuple[Comparison, ...]] = {
    "right": (Comparison.EQUAL,),
    "unsimplified": (Comparison.UNSIMPLIFIED,),
    "transposed": (Comparison.TRANSPOSED,),
    "wrong": (Comparison.DIFFERS,),
    "half": tuple(Comparison),
    "unclear": (Comparison.UNREAD,),
}


def collection(assignment: Assignment, name: str) -> list[Answer]:
    folder = assignment.folder / "answers" / name
    alone = [_answer(path, name) for path in sorted(folder.glob("*.md"))]
    return alone + [answer for path in sorted(folder.glob("*.txt")) for answer in _of_a_student(path, name)]


def read_all(answers: Iterable[Answer], assignment: Assignment) -> list[Read]:
    seen: Seen = {}
    return [_read(answer, assignment, seen) for answer in answers]


def _read(answer: Answer, assignment: Assignment, seen: Seen) -> Read:
    found = opinions(assignment.known_questions, {**dict(answer.earlier), answer.question: answer.text}, seen)
    if answer.question not in found:
        raise BadAssignment(f"answers/{answer.name}.md: written.py has no question {answer.question!r}")
    return Read(answer, found[answer.question])


@dataclass(frozen=True)
class Figures:
    answers: int
    right: int
    right_and_proven: int
    wrong_but_proven: int

    @property
    def share(self) -> float:
        return self.right_and_proven / self.right if self.right else 0.0

    @property
    def hold(self) -> bool:
        return self.wrong_but_proven == 0 and self.share >= ENOUGH


def figures(rows: Sequence[Read]) -> Figures:
    return Figures(
        answers=len(rows),
        right=sum(row.answer.is_right for row in rows),
        right_and_proven=sum(row.right_and_proven for row in rows),
        wrong_but_proven=sum(row.wrong_but_proven for row in rows),
    )


# ── the files ────────────────────────────────────────────────────────────────────────────────────────


_SECTION = re.compile(r"^=== (\S+) (\w+)(?: (\w+))?\n(.*?)(?=^=== |\Z)", re.MULTILINE | re.DOTALL)


def _of_a_student(path: Path, collection: str) -> list[Answer]:
    """All answers of one student in their style: those that are right, which later ones may refer to, and wrong ones
    that might stand in their place. Each begins with "=== question what [which]"."""
    found = _SECTION.findall(path.read_text("utf-8"))
    if not found or any(what not in get_args(What) for _, what, _, _ in found):
        raise BadAssignment(f"answers/{collection}/{path.name} is not made of sections === question what")
    right = {question: text.strip("\n") for question, what, _, text in found if what == "right"}
    return [
        Answer(
            name=f"{collection}/{path.stem}_{'_'.join(filter(None, (question, what, which)))}",
            question=question,
            what=what,
            text=text.strip("\n"),
            earlier=tuple((q, said) for q, said in right.items() if q < question),
        )
        for question, what, which, text in found
    ]


def _answer(path: Path, collection: str) -> Answer:
    """A few lines of header, a line of dashes, the answer as a student would write it."""
    header, dashes, text = path.read_text("utf-8").partition("\n---\n")
    said = re.findall(r"^(question|is|earlier): (.*)$", header, re.MULTILINE)
    facts = dict(said)
    if not dashes or facts.get("is") not in get_args(What) or "question" not in facts:
        raise BadAssignment(f"answers/{collection}/{path.name} does not begin with question:, is: and a line ---")
    earlier = [value.partition(" = ") for key, value in said if key == "earlier"]
    return Answer(
        name=f"{collection}/{path.stem}",
        question=facts["question"],
        what=facts["is"],
        text=text,
        earlier=tuple((question, answer) for question, _, answer in earlier),
    )
