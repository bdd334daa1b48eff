"""Certify how the grader compares written answers (`grader.derivations`). The test data are answers that a person has
classified, in reference/<id>/answers/{tuned,held_out}/.

No wrong answer may get points automatically, no right answer may be reported as different, and the values of nearly all
right answers must be recognized. The tuned answers were used while the comparison was developed, and the held-out
answers only afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from grader.assignments.catalogue import Assignment
from grader.derivations.opinions import Cache, opinions
from grader.errors import BadAssignment
from grader.model import Opinion, Shelf

SETS = ("tuned", "held_out")
ENOUGH = 0.97
"""Smallest allowed share of right answers that are recognized as right."""

What = Literal["right", "unsimplified", "transposed", "wrong", "half", "unclear"]
_RIGHT: tuple[What, ...] = ("right", "unsimplified", "transposed")


@dataclass(frozen=True)
class AnswerSpecimen:
    """An answer that a person has classified."""

    name: str
    """Name in the table of results, for example "tuned/q1.3_transposed"."""
    question: str
    what: What
    """The class that a person has given to the answer. "unclear" means that a person must mark it; "half" means that
    only one of two formulas is right."""
    text: str
    earlier: tuple[tuple[str, str], ...] = ()
    """(question, text) of the same student's answers to earlier questions."""

    @property
    def is_right(self) -> bool:
        return self.what in _RIGHT


@dataclass(frozen=True)
class Read:
    """An answer, and the grader's opinion on the answer."""

    answer: AnswerSpecimen
    opinion: Opinion
    shelves: frozenset[Shelf]
    """The grader's judgements of the answer's formulas."""
    recognised: bool
    wrong_but_automatic: bool
    right_but_different: bool


def collection(assignment: Assignment, name: str) -> list[AnswerSpecimen]:
    """Return the classified answers of one set: "tuned" or "held_out"."""
    folder = assignment.folder / "answers" / name
    answers = [_of_one_answer(path, name) for path in sorted(folder.glob("*.md"))]
    for path in sorted(folder.glob("*.txt")):
        answers += _of_a_student(path, name)
    return answers


def read_all(answers: Iterable[AnswerSpecimen], assignment: Assignment) -> list[Read]:
    """Return the answers with the grader's opinions. An answer may use names that the student's earlier answers define
    (`AnswerSpecimen.earlier`).

    Raises:
        BadAssignment: If the assignment does not have the question of an answer.
    """
    rows = []
    cache: Cache = {}
    for answer in answers:
        texts = {**dict(answer.earlier), answer.question: answer.text}
        opinion = opinions(assignment.known_questions, texts, cache).get(answer.question)
        if opinion is None:
            raise BadAssignment(f"answers/{answer.name}.md: written.py has no question {answer.question!r}")
        shelves = frozenset(judgement.shelf for judgement in opinion.judgements)
        recognised = opinion.shelf in (Shelf.RIGHT, Shelf.RIGHT_WITH_REMARKS)
        is_automatic = opinion.is_proven and not answer.is_right
        is_different = answer.is_right and Shelf.OTHER_VALUE in shelves
        rows.append(Read(answer, opinion, shelves, recognised, is_automatic, is_different))
    return rows


@dataclass(frozen=True)
class Figures:
    """Counts of answers, by the class that a person has given and by the grader's opinion."""

    answers: int
    right: int
    right_and_recognised: int
    right_but_different: int
    wrong: int
    wrong_but_recognised: int
    """Wrong answers whose formulas are recognized as right: only the text around them is wrong."""
    wrong_with_value: int
    """Wrong answers for which the report shows the value of the student's formula."""
    wrong_but_automatic: int
    share: float
    """Share of right answers that are recognised."""
    hold: bool
    """True if the answers are read well enough."""


def figures(rows: Sequence[Read]) -> Figures:
    """Count the answers by the class that a person has given and by the grader's opinion."""
    right = [row for row in rows if row.answer.is_right]
    wrong = [row for row in rows if row.answer.what == "wrong"]
    with_value = [row for row in wrong if row.shelves & {Shelf.OTHER_VALUE, Shelf.RIGHT_NOT_LAST}]
    recognised = sum(row.recognised for row in right)
    share = recognised / len(right) if right else 1.0
    different = sum(row.right_but_different for row in rows)
    automatic = sum(row.wrong_but_automatic for row in rows)
    return Figures(
        answers=len(rows),
        right=len(right),
        right_and_recognised=recognised,
        right_but_different=different,
        wrong=len(wrong),
        wrong_but_recognised=sum(row.recognised for row in wrong),
        wrong_with_value=len(with_value),
        wrong_but_automatic=automatic,
        share=share,
        hold=not (automatic or different) and share >= ENOUGH,
    )


# ── the files ────────────────────────────────────────────────────────────────────────────────────────


_SECTION = re.compile(r"^=== ((\S+) (\w+)(?: \w+)?)\n(.*?)(?=^=== |\Z)", re.MULTILINE | re.DOTALL)
_ANSWER = re.compile(r"question: (\S+)\nis: (\w+)\n((?:earlier: [^\n]*\n)*)---\n(.*)", re.DOTALL)


def _of_a_student(path: Path, collection: str) -> Iterator[AnswerSpecimen]:
    """Read a file with many answers, right and wrong, all in the style of one student.

    A line "=== question class [name]" precedes each answer. An answer may use right answers to earlier questions.
    """
    sections = _SECTION.findall(path.read_text("utf-8"))
    if not sections or any(label not in get_args(What) for _, _, label, _ in sections):
        raise BadAssignment(
            f"answers/{collection}/{path.name} must consist of sections that begin with '=== question class'"
        )
    right_answers = {question: text.strip("\n") for _, question, label, text in sections if label == "right"}
    for header, question, label, text in sections:
        name = f"{collection}/{path.stem}_{header.replace(' ', '_')}"
        earlier = tuple((id, answer) for id, answer in right_answers.items() if id < question)
        yield AnswerSpecimen(name, question, label, text.strip("\n"), earlier)


def _of_one_answer(path: Path, collection: str) -> AnswerSpecimen:
    """Read a file with one answer: header lines, a line of dashes, and the answer as a student would write it."""
    match = _ANSWER.fullmatch(path.read_text("utf-8"))
    if not match or match[2] not in get_args(What):
        raise BadAssignment(f"answers/{collection}/{path.name} must begin with 'question:', 'is:' and a line '---'")
    earlier = tuple(re.findall(r"^earlier: (.*?) = (.*)$", match[3], re.MULTILINE))
    return AnswerSpecimen(f"{collection}/{path.stem}", match[1], cast(What, match[2]), match[4], earlier)
