"""Find the written answers in a student's notebook.

The lines of the notebook are aligned with those of the handout, the notebook that students got. The place of a question
is the part of the notebook among the handout's lines for the question. The student's own lines there are the answer.
Labels ("Q1.1 solution:", "**1.1**") are used if a question's place is missing or contains no formula.
"""

from __future__ import annotations

import operator
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from grader.bounds import MAX_SEARCHED_FOR_IMAGES
from grader.derivations.labels import SOLUTION, Labels
from grader.derivations.macros import expanded
from grader.model import Notebook

Answer = tuple[str, tuple[int, ...]]
"""(text of an answer, numbers of the notebook cells that contain the text)."""
Answers = dict[str, Answer]
NOTHING: Answer = ("", ())

WORKED_OUT = re.compile(r"[-+*/=]|\\(?:[cdt]?frac|cdot|odot|times|circ)(?![A-Za-z])")
"""Matches an operator or =, which distinguishes a formula from a name alone."""
_FENCE = "```"
_IMAGE = re.compile(r"!\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)|<img\b[^<>]{0,1000}>", re.IGNORECASE)
_HEADING = re.compile(r"\s*(?:#{1,6}\s[^$=\\\n]*|\*\*[^*$=\\\n]{0,60}:\s*\*\*:?)\s*")
"""Matches a heading of Markdown, or a bold line that ends with a colon, without mathematics."""
_MACRO = re.compile(r"\\[a-z]+(?:\{[a-z]*\})?")
_SOLUTION = re.compile(
    rf"(?i)^[\s#>]*(?P<mark>[*_]{{0,3}}){SOLUTION}(?:[:.]+(?P=mark)|(?P=mark)[:.]+|(?P=mark)\s*$)\s*"
)
"""Matches a label of a solution without the number of a question, such as "**Solution:**"."""
_PROGRAM = re.compile(r"(?m)^[ \t]*(?:class|import|from)\b")
"""Matches statements that show that a code cell is a program and not a derivation."""
_CELL_OF_TEXT = re.compile(r"\s*%%(?:latex|markdown)[^\n]*\n")
_UNUSUAL = {"code": "cell of code", "raw": "raw cell"}
"""Kind of a cell in which answers are unusual → name of this kind in remarks."""


@dataclass(frozen=True)
class WrittenAnswers:
    """The written answers that were found in a submission."""

    found: Answers
    notes: Mapping[str, tuple[str, ...]]
    """Question → remarks for the marker. They say that the answer is in an unusual place, or that other text may belong
    to it. Questions without an answer may have remarks too."""
    by_notebook: Mapping[str, tuple[str, ...]]
    """Path of a notebook → ids of the questions with an answer in the notebook."""
    introduction: str = ""
    """Text before all answers that belongs to no question, such as "I write s for h1"."""
    unassigned: tuple[Answer, ...] = ()
    """All text of each notebook that belongs to no question."""
    elsewhere: frozenset[str] = frozenset()
    """Questions whose answer in `found` is the text of another answer, or text that belongs to no question."""


def locate(
    notebooks: Sequence[Notebook],
    handed_out: Sequence[Notebook],
    labels: Mapping[str, Sequence[str]],
) -> WrittenAnswers:
    """Return the written answers in a student's notebooks. Answers in later notebooks replace those in earlier ones.

    Args:
        notebooks: The student's notebooks.
        handed_out: The handout's notebooks.
        labels: Id of each written question → its names.
    """
    if not notebooks:  # reading the handout is slow: a tenth of the time of the code checks
        return WrittenAnswers({}, {}, {})
    question_labels = Labels(labels)
    handout = _Handout(handed_out, question_labels)
    answers = {}
    by_notebook = {}
    introductions = []
    unassigned = []
    read = [_StudentNotebook(notebook, handout, question_labels) for notebook in notebooks]
    for student in read:
        answers.update(student.answers)
        by_notebook[student.notebook.path] = tuple(student.answers)
        introductions.append(student.introduction)
        unassigned.append(student.unassigned)
    remarks = {id: list(notes(text, cells, notebooks)) for id, (text, cells) in answers.items()}
    for student in read:
        for id, remark in student.remarks(answers):
            remarks.setdefault(id, []).append(remark)
    return WrittenAnswers(
        found=answers,
        notes={id: tuple(texts) for id, texts in remarks.items() if texts},
        by_notebook=by_notebook,
        introduction="\n\n".join(filter(None, introductions)),
        unassigned=tuple(answer for answer in unassigned if answer != NOTHING),
    )


def notes(text: str, cells: Sequence[int], notebooks: Iterable[Notebook]) -> tuple[str, ...]:
    """Return remarks on an unusual form of an answer: a code cell, a raw cell or an image."""
    text = text[:MAX_SEARCHED_FOR_IMAGES]
    kinds = set[str]()
    for notebook in notebooks:
        kinds |= {kind for number, (kind, _) in enumerate(notebook.cells, 1) if number in cells}
    remarks = [f"the answer stands in a {name}" for kind, name in _UNUSUAL.items() if kinds == {kind}]
    if _IMAGE.search(text):
        is_only_image = not _IMAGE.sub("", text).strip()
        remarks.append("the answer is an image" if is_only_image else "an image belongs to the answer")
    return tuple(remarks)


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Line:
    """A line of a notebook that is not empty."""

    text: str
    cell: int
    """Number of the cell, from 1."""
    is_code: bool
    key: str
    """The text in lower case, without emphasis and extra white space; lines with equal keys are equal."""
    gap: str
    """The text between this line and the one before it in its cell: "" for the first line of a cell."""

    @property
    def says_something(self) -> bool:
        """True if the line has enough letters to be recognized in another notebook, unlike `$$`."""
        letters = [c for c in _MACRO.sub("", self.key) if c.isalpha()]
        return len(letters) >= 3 and len(self.key) >= 6


def _lines(notebook: Notebook) -> Iterator[_Line]:
    """Yield the lines of a notebook that are not empty. Cells with %%latex or %%markdown are text."""
    for cell, (kind, source) in enumerate(expanded(notebook), 1):
        text_only = _CELL_OF_TEXT.sub("", source, count=1)
        is_code = kind == "code" and text_only == source
        gap = ""
        for text in text_only.split("\n"):
            key = " ".join(re.sub("[*_#]", "", text.lower().lstrip("> ")).split())
            if text.strip():
                yield _Line(text, cell, is_code, key, gap)
                gap = "\n"
            elif gap:
                gap = "\n\n"


class _Handout:
    """The lines of the handout's notebooks, and the question to which each line belongs."""

    def __init__(self, notebooks: Sequence[Notebook], labels: Labels) -> None:
        self.lines = [line for notebook in notebooks for line in _lines(notebook)]
        self.labelled: list[bool] = []
        """For each line, whether it begins with a label."""
        self.questions: list[str] = []
        """Question of each line; "" for lines that belong to none."""
        self.solutions: list[bool] = []
        """For each line, whether a label such as "Q1.1 solution:" precedes it in its question."""
        self.with_code = set[str]()
        """Questions that have code cells before a label such as "Q1.1 solution:"."""
        question, solution = "", False
        for line in self.lines:
            label = None if line.is_code else labels.question_of(line.text)
            if label:
                solution = label.solution
                question = label.question
            elif not line.is_code and line.text.startswith("#"):
                question, solution = "", False
            elif line.is_code and not solution:
                self.with_code.add(question)
            self.labelled.append(label is not None)
            self.questions.append(question)
            self.solutions.append(solution)
        counts = Counter(line.key for line in self.lines if line.says_something)
        self.repeated = frozenset(key for key, count in counts.items() if count > 1)
        """Keys of lines that occur several times, such as "Write your answer here"."""
        self.places = {line.key: n for n, line in enumerate(self.lines) if counts[line.key] == 1}
        """Key of each line that occurs once → its index."""

    def has_in(self, question: str, line: _Line) -> bool:
        """Return whether the handout has a student's line too: several times, or in the text of the question."""
        if line.key in self.repeated:
            return True
        place = self.places.get(line.key)
        return place is not None and self.questions[place] == question

    def align(self, lines: Sequence[_Line]) -> dict[int, int]:
        """Return {index of a student's line: index of the handout's line}.

        A line is aligned if it follows an aligned line as in the handout, or if it occurs once in the handout, and
        there behind the lines above it. At the beginning of a cell it may also stand before them in the handout, as in
        another edition.
        """
        aligned = {}
        place = -1
        for number, line in enumerate(lines):
            unique = self.places.get(line.key)
            if number - 1 in aligned and self._key_of(place + 1) == line.key:
                place += 1
                aligned[number] = place
            elif unique is not None and (unique > place or not line.gap):
                place = unique
                aligned[number] = place
                self._align_backwards(lines, number, aligned)
        return aligned

    def _align_backwards(self, lines: Sequence[_Line], number: int, aligned: dict[int, int]) -> None:
        """Align the lines directly above an aligned line, as far as they are equal in the handout."""
        place = aligned[number]
        while number > 0 and place > 0:
            number, place = number - 1, place - 1
            if number in aligned or self._key_of(place) != lines[number].key:
                return
            aligned[number] = place

    def _key_of(self, place: int) -> str | None:
        return self.lines[place].key if place < len(self.lines) else None


# ── one notebook ─────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Region:
    """A student's text for one question: either where the handout asks the question, or below its labels elsewhere."""

    lines: list[_Line] = field(default_factory=list)
    solution: list[_Line] = field(default_factory=list)
    """The lines behind a label such as "Solution:"."""
    has_solution: bool = False
    """True if there is a label such as "Solution:"."""
    code: dict[int, str] = field(default_factory=dict)
    """Cell number → source of each code cell that is not in the handout."""

    def add(self, line: _Line, *, in_solution: bool) -> None:
        """Add a line, which may be empty after its label was removed. `in_solution` is true from a label such as
        "Solution:" on."""
        self.has_solution = self.has_solution or in_solution
        if line.text.strip():
            self.lines.append(line)
            if in_solution:
                self.solution.append(line)

    def answer(self, *, with_code: bool = False, labelled: bool = False) -> Answer:
        """Return the text of the answer and the numbers of its cells; `NOTHING` if there is no text.

        Args:
            with_code: True if the question has code cells. Only text below "Solution:" counts then, if there is some.
            labelled: True if the answer stands below a label. The text before "Solution:" is then the question.
        """
        lines = self.lines
        if (labelled and self.has_solution) or (with_code and self.solution):
            lines = self.solution
        text, cells = _joined(lines)
        formulas = re.findall(r"\$([^$]+)\$", text)
        if with_code or "=" in text or any(map(WORKED_OUT.search, formulas)):
            return text, cells
        for cell, source in self.code.items():
            if "=" in source and not _PROGRAM.search(source):
                text = f"{text}\n\n{_FENCE}\n{source}\n{_FENCE}".strip()
                cells = (*cells, cell)
        return text, cells

    def drop_last_headings(self) -> None:
        """Remove headings at the end, since they belong to the label that follows."""
        while self.lines and _HEADING.fullmatch(self.lines[-1].text):
            self.lines.pop()


@dataclass(frozen=True)
class _Place:
    """The question that a student's line answers."""

    question: str = ""
    labelled: bool = False
    """True if the question was set by a label, not by the alignment with the handout."""
    in_solution: bool = False
    """True behind a label such as "Solution:"."""


class _StudentNotebook:
    """A student's notebook, with its lines aligned to the handout's."""

    def __init__(self, notebook: Notebook, handout: _Handout, labels: Labels) -> None:
        self.notebook = notebook
        self.handout = handout
        self.labels = labels
        self.lines = list(_lines(notebook))
        self.aligned = handout.align(self.lines)
        self.in_place: dict[str, _Region] = {}
        """Question → the student's text where the handout asks it; "" for text that belongs to no question."""
        self.below_labels: dict[str, _Region] = {}
        in_handout = {handout.questions[place] for place in self.aligned.values()}
        self._collect(set(labels.ids) - in_handout)
        self._collect({id for id in labels.ids if not _has_formula(self.in_place[id].answer()[0])})
        self.answers: Answers = {}
        self.answered_twice: Answers = {}
        """Question that is answered in its place → the part of its answer that stands below a label."""
        for id in labels.ids:
            with_code = id in handout.with_code
            in_place = self.in_place[id].answer(with_code=with_code)
            below_label = self.below_labels[id].answer(with_code=with_code, labelled=True)
            parts = [answer for answer in (in_place, below_label) if answer[0]]
            if len(parts) == 1:
                self.answers[id] = parts[0]
            elif parts:
                self.answered_twice[id] = below_label
                parts.sort(key=operator.itemgetter(1))
                cells = {cell for _, cells_of_part in parts for cell in cells_of_part}
                self.answers[id] = "\n\n".join(text for text, _ in parts), tuple(sorted(cells))

    @property
    def unassigned(self) -> Answer:
        """The student's text outside all questions."""
        return _joined(self.in_place[""].lines)

    @property
    def introduction(self) -> str:
        """The student's text that belongs to no question and precedes all answers."""
        first_cell = min((cells[0] for _, cells in self.answers.values()), default=0)
        lines = [line for line in self.in_place[""].lines if line.cell < first_cell]
        return _joined(lines)[0]

    def remarks(self, answers: Answers) -> Iterator[tuple[str, str]]:
        """Yield (question, remark) for each text that may belong to an answer, but was not taken as a part of it."""
        text, cells = self.unassigned
        for id in self.labels.ids:
            if text and id not in answers:
                yield id, f"text that belongs to no question stands in {_cells(cells)}"
        for id, (_, cells) in self.answered_twice.items():
            yield id, f"a part of this answer stands below a label elsewhere: {_cells(cells)}"

    def _collect(self, by_label: set[str]) -> None:
        """Collect the student's own lines by question.

        Args:
            by_label: Questions whose labels count anywhere in the notebook. Labels of other questions count only where
                the handout asks the question, or below the label of another question.
        """
        self.in_place, self.below_labels = defaultdict(_Region), defaultdict(_Region)
        handout_cells = {self.lines[number].cell for number in self.aligned}
        place = _Place()
        for number, line in enumerate(self.lines):
            if number in self.aligned:
                handout_line = self.aligned[number]
                next_place = _Place(
                    self.handout.questions[handout_line], in_solution=self.handout.solutions[handout_line]
                )
                if place.labelled and next_place.in_solution and place.question == next_place.question:
                    self._region(place).has_solution = True  # the text above is the question
                place = next_place
            elif line.is_code:
                if line.cell not in handout_cells:
                    self._region(place).code[line.cell] = self.notebook.cells[line.cell - 1][1]
            elif not self.handout.has_in(place.question, line):
                text, next_place = self._read_label(line.text, place, by_label)
                if next_place.question != place.question:
                    self._region(place).drop_last_headings()
                place = next_place
                self._region(place).add(replace(line, text=text), in_solution=place.in_solution)

    def _region(self, place: _Place) -> _Region:
        regions = self.below_labels if place.labelled else self.in_place
        return regions[place.question]

    def _read_label(self, text: str, place: _Place, by_label: set[str]) -> tuple[str, _Place]:
        """Return a line's text without its label, and the place of this text."""
        label = self.labels.question_of(text)
        if label is None:
            heading = _SOLUTION.match(text)
            if heading is None or not place.labelled or place.in_solution:
                return text, place
            return text[heading.end() :], replace(place, in_solution=True)
        question = "" if self.has_other_numbers else label.question
        if question and question == place.question:
            return label.rest, replace(place, in_solution=place.in_solution or label.solution)
        if question and (place.labelled or question in by_label):
            has_solution = self.below_labels[question].has_solution
            return label.rest, _Place(question, labelled=True, in_solution=label.solution or has_solution)
        next_place = place if self.aligned else _Place()  # below a label of another numbering
        if label.rest.strip() and not label.solution:
            return text, next_place
        return label.rest, next_place

    @cached_property
    def has_other_numbers(self) -> bool:
        """True if the notebook asks a question of the handout below the label of another question."""
        for number, place in self.aligned.items():
            if not number or number - 1 in self.aligned or self.handout.labelled[place]:
                continue
            label = self.labels.question_of(self.lines[number - 1].text)
            if label and not label.rest.strip():
                return label.question != self.handout.questions[place]
        return False


def _cells(cells: Sequence[int]) -> str:
    """Return cells by their numbers for a remark: "cells 3, 4"."""
    word = "cells" if len(cells) > 1 else "cell"
    return f"{word} {', '.join(map(str, cells))}"


def _has_formula(text: str) -> bool:
    """Return whether a text may contain a formula: mathematics, code, an equality, or an image."""
    if re.search(r"[$=\\`]", text):
        return True
    return _IMAGE.search(text[:MAX_SEARCHED_FOR_IMAGES]) is not None


def _joined(lines: Sequence[_Line]) -> Answer:
    """Join lines to an answer, with empty lines between the texts of different cells. Return `NOTHING` for headings
    alone."""
    if all(_HEADING.fullmatch(line.text) or not line.text.strip("*_#> -") for line in lines):
        return NOTHING
    text, cell = "", 0
    for line in lines:
        text += line.gap if line.cell == cell else "\n\n"
        text += line.text
        cell = line.cell
    cells = dict.fromkeys(line.cell for line in lines)
    return text.strip(), tuple(cells)
