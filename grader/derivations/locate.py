"""Find the written answers in a student's notebook.

The lines of the notebook are aligned with those of the handout, the notebook that students got. The place of a question
is the part of the notebook among the handout's lines for the question. The student's own lines there are the answer.
Labels ("Q1.1 solution:", "**1.1**") are used if a question's place is missing or contains no formula.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher, get_close_matches
from functools import cached_property
from itertools import groupby, pairwise
from operator import attrgetter

from grader.bounds import MAX_SEARCHED_FOR_IMAGES
from grader.derivations.editions import QuestionTexts
from grader.derivations.labels import SOLUTION, Label, Labels
from grader.derivations.macros import expanded
from grader.model import Notebook

SIMILAR = 0.85
"""Share of equal characters above which a student's line counts as an edited line of the handout."""
COMPARED = 199
"""Number of characters of a line that are compared. In longer texts, difflib ignores frequent characters."""
MAX_COMPARED = 10_000
"""Largest number of pairs of lines to compare in one gap between aligned lines. Larger gaps are not searched."""
_FENCE = "```"

WORKED_OUT = re.compile(r"[-+*/=]|\\(?:[cdt]?frac|cdot|odot|times|circ)(?![A-Za-z])")
"""Matches an operator or =, which distinguishes a formula from a name alone."""

Answer = tuple[str, tuple[int, ...]]
"""(text of an answer, numbers of the notebook cells that contain the text)."""
Answers = dict[str, Answer]
NOTHING: Answer = ("", ())


_MACRO = re.compile(r"\\[a-z]+(?:\{[a-z]*\})?")


@dataclass(frozen=True)
class _Line:
    text: str
    cell: int
    kind: str
    key: str
    """The text in lower case, without emphasis and extra white space; lines with equal keys are equal."""
    zone: str = ""
    """Id of the written question to which a line of the handout belongs; "" if the line belongs to none."""
    behind: bool = False
    """True if a label such as "Solution:" precedes the line in the same question."""

    @property
    def is_heading(self) -> bool:
        return _HEADING.fullmatch(self.text.strip()) is not None

    @cached_property
    def says_something(self) -> bool:
        """True if the line has enough letters to be recognized in another notebook, unlike `$$`."""
        return sum(c.isalpha() for c in _MACRO.sub("", self.key)) >= 3 and len(self.key) >= 6


@dataclass(frozen=True)
class _Handout:
    """The lines of the handout's notebooks."""

    lines: tuple[_Line, ...]
    beginnings: tuple[str, ...]
    """Longer lines of the handout, in lower case. A student may have continued such a line with their own text."""
    repeated: frozenset[str]
    """Keys of lines that occur more than twice, such as "Write your answer here"."""
    with_code: frozenset[str]
    """Questions that have code cells before a label such as "Solution:"."""

    @cached_property
    def questions(self) -> dict[str, str]:
        """Id of each written question → its text."""
        asking = [line for line in self.lines if line.zone and not line.behind]
        return {id: "\n".join(line.text for line in asking if line.zone == id) for id in {line.zone for line in asking}}

    @cached_property
    def texts(self) -> QuestionTexts:
        """The texts of the questions, by which they are recognized in another edition."""
        by_cell = groupby(self.lines, key=attrgetter("cell"))
        return QuestionTexts(["\n".join(line.text for line in lines) for _, lines in by_cell], self.questions)

    @cached_property
    def longest_beginning(self) -> int:
        return max(map(len, self.beginnings), default=0)


@dataclass
class _Region:
    """A student's text for one question: either where the handout asks the question, or below its labels elsewhere."""

    lines: list[_Line] = field(default_factory=list)
    code: dict[int, str] = field(default_factory=dict)
    """Cell number → source of each code cell that is not in the handout."""


@dataclass
class _Place:
    """The current position while the lines of a student's notebook are read in order."""

    handouts: str = ""
    """The question to which the last aligned line of the handout belongs."""
    zone: str = ""
    """The question that the current lines answer."""
    behind: bool = False
    """True after a label such as "Solution:"."""
    labelled: bool = False
    """True if `zone` was set by a label, not by the alignment with the handout."""
    last: int = -1
    """Index of the last label's question among all questions; -1 if no label follows the last aligned line."""
    begun: int = 0
    """Index of the line with the last label."""
    before: str = ""
    """The question that the previous line of the student answers."""

    def is_at(self, line: _Line) -> None:
        """Move to a student's line that is aligned with `line`, a line of the handout."""
        self.handouts, self.zone, self.behind, self.labelled, self.last = line.zone, line.zone, line.behind, False, -1

    def is_below(self, label: Label, n: int, order: int) -> None:
        """Move to a line with a label in the student's notebook.

        Args:
            label: The label.
            n: Index of the label's line.
            order: Index of the label's question in the order of all questions.
        """
        id = label.question
        self.labelled = self.labelled or not id == self.handouts == self.zone
        self.behind = label.solution or (self.behind and id == self.zone)
        self.zone, self.last, self.begun = id, order, n


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
    like_questions: frozenset[str] = frozenset()
    """Questions whose answer in `found` resembles the question, and may be the question in another edition."""
    above_solution: frozenset[str] = frozenset()
    """Questions that are asked between a label and "Solution:"."""
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
    named = Labels(labels)
    handout = _read_handout(handed_out, named)
    located = [_StudentNotebook(notebook, handout, named).located() for notebook in notebooks]
    found: Answers = {}
    blank = set[str]()
    for one in located:
        kept = found.keys() & one.blank - blank
        found.update({id: answer for id, answer in one.answers.items() if id not in kept})
        blank = (blank - one.answers.keys()) | (one.blank - kept)
    told = {id: [*notes(text, cells, notebooks)] for id, (text, cells) in found.items()}
    for id, remark in _doubts(located, found, named):
        told.setdefault(id, []).append(remark)
    return WrittenAnswers(
        found=found,
        notes={id: tuple(dict.fromkeys(remarks)) for id, remarks in told.items() if remarks},
        by_notebook={notebook.path: tuple(one.answers) for notebook, one in zip(notebooks, located, strict=True)},
        introduction="\n\n".join(one.introduction for one in located if one.introduction),
        unassigned=tuple(one.unassigned for one in located if one.unassigned[0]),
        like_questions=frozenset(id for one in located for id in one.like_questions if found[id] == one.answers[id]),
        above_solution=frozenset().union(*(one.above_solution for one in located)),
    )


def _doubts(located: Sequence[_Located], found: Answers, labels: Labels) -> Iterator[tuple[str, str]]:
    """Yield (question, remark) for each question that was recognized by its text, and for each text that may belong to
    an answer, but was not taken as a part of it."""
    missing = [id for id in labels.order if id not in found]
    for one in located:
        for id in missing if one.unassigned[0] else ():
            yield id, f"text that belongs to no question stands in {_cells(one.unassigned[1])}"
        for id in one.labelled.keys() & one.in_place:
            part = _cells(one.labelled[id][1])
            yield id, f"a part of this answer stands below a label elsewhere: {part}"
        for id, cells in one.code.items():
            yield id, f"code in the place of this answer was not read: {_cells(cells)}"
        for id, cells in one.left_out.items():
            yield id, f"text above labels of other questions was left out: {_cells(cells)}"
        for number, id in one.numbers.items():
            if id in found:
                yield id, f"by its text, this question is {number.upper()} of the notebook"
    yield from _doubts_about_labels(found, missing, labels)


def _doubts_about_labels(found: Answers, missing: Sequence[str], labels: Labels) -> Iterator[tuple[str, str]]:
    """Yield (question, remark) for each answer that contains the label of a question without an answer, and for that
    question."""
    for id, (text, _) in found.items():
        for other in missing:
            if any(labels.may_name(line, other) for line in text.split("\n")):
                yield id, f"the label of {other}, which has no answer, stands in this answer"
                yield other, f"its label stands in the answer to {id}"


def _cells(cells: Sequence[int]) -> str:
    return f"cell{'s' if len(cells) > 1 else ''} {', '.join(map(str, cells))}"


def notes(text: str, cells: Sequence[int], notebooks: Iterable[Notebook]) -> tuple[str, ...]:
    """Return remarks on an unusual form of an answer: a code cell, a raw cell or an image."""
    text = text[:MAX_SEARCHED_FOR_IMAGES]
    kinds = {kind for notebook in notebooks for n, (kind, _) in enumerate(notebook.cells, 1) if n in cells}
    remarks = [f"the answer stands in a {name}" for kind, name in _UNUSUAL.items() if kinds == {kind}]
    if _IMAGE.search(text):
        alone = not _IMAGE.sub("", text).strip()
        remarks.append("the answer is an image" if alone else "an image belongs to the answer")
    return tuple(remarks)


_UNUSUAL = {"code": "cell of code", "raw": "raw cell"}
"""Kind of a cell in which answers are unusual → name of this kind in remarks."""
_IMAGE = re.compile(r"!\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)|<img\b[^<>]{0,1000}>", re.IGNORECASE)


_SOLVED = re.compile(rf"(?i)^[\s#>]*(?P<mark>[*_]{{0,3}}){SOLUTION}(?:[:.]+(?P=mark)|(?P=mark)[:.]+|(?P=mark)\s*$)\s*")
"""Matches a label of a solution without the number of a question, such as "**Solution:**"."""
_PLACEHOLDER = re.compile(
    r"(?i)^[\s*_#>]*(write|put|type|your|enter|insert)\b[^\n]{0,40}\b(answer|solution|derivation|here)\b[^\n]{0,40}$"
)


# ── the handout ──────────────────────────────────────────────────────────────────────────────────────


def _lines(notebook: Notebook) -> Iterator[_Line]:
    for number, (kind, source) in enumerate(expanded(notebook), 1):
        for text in source.split("\n"):
            yield _Line(text, number, kind, _key(text))


def _key(text: str) -> str:
    return " ".join(re.sub("[*_#]", "", text.lower()).split())


def _read_handout(notebooks: Sequence[Notebook], labels: Labels) -> _Handout:
    lines, with_code = list[_Line](), set[str]()
    zone, solution = "", False
    for line in (line for notebook in notebooks for line in _lines(notebook)):
        if line.kind != "code":
            if label := labels.question_of(line.text):
                solution = label.solution or (solution and label.question == zone)
                zone = label.question
            elif re.match(r"#{1,6}\s", line.text):
                zone, solution = "", False
        elif not solution and line.key:
            with_code.add(zone)
        lines.append(replace(line, zone=zone, behind=solution))
    counted = Counter(line.key for line in lines if line.says_something)
    texts = {line.text.strip() for line in lines if line.says_something and line.kind != "code"}
    repeated = frozenset(key for key, count in counted.items() if count > 2)
    beginnings = tuple(text.lower() for text in texts if len(text) >= 10)
    return _Handout(tuple(lines), beginnings, repeated, frozenset(with_code))


# ── alignment ────────────────────────────────────────────────────────────────────────────────────────


def _split(lines: Iterable[_Line], handout: _Handout) -> Iterator[_Line]:
    """Split lines in which a student's text follows a line of the handout, such as an answer typed directly after the
    question."""
    for line in lines:
        text = line.text.strip()
        begin = text[: handout.longest_beginning].lower()
        whole = max((h for h in handout.beginnings if begin.startswith(h)), key=len, default="")
        if line.kind == "code" or not whole or len(whole) == len(text):
            yield line
        else:
            whole, rest = text[: len(whole)], text[len(whole) :]
            yield _Line(whole, line.cell, line.kind, _key(whole))
            yield _Line(rest, line.cell, line.kind, _key(rest))


def _align(own: Sequence[_Line], handout: _Handout) -> dict[int, int]:
    """Align a student's lines with the handout's. Return {index of a student's line: index of the handout's line}, both
    in increasing order.

    Short lines such as $$ are aligned only next to longer ones, and empty lines never.
    """
    ours, theirs = (
        [(n, line.key) for n, line in enumerate(lines) if line.text.strip()] for lines in (own, handout.lines)
    )
    silent = {line.key for line in handout.lines if not line.says_something}
    own_keys, their_keys = ([key for _, key in one] for one in (ours, theirs))
    matched: dict[int, int] = {}
    for block in SequenceMatcher(silent.__contains__, own_keys, their_keys, autojunk=False).get_matching_blocks():
        matched |= {ours[block.a + n][0]: theirs[block.b + n][0] for n in range(block.size)}
    return matched


def _match_edited(own: Sequence[_Line], handout: _Handout, labels: Labels, matched: dict[int, int]) -> None:
    """Add slightly edited lines of the handout to `matched`, between lines that are matched already. Lines with the
    label of another question are not added."""
    theirs = handout.lines
    borders = [(-1, -1), *sorted(matched.items()), (len(own), len(theirs))]
    for (one, other), (next_one, next_other) in pairwise(borders):
        missing = [n for n in range(other + 1, next_other) if theirs[n].says_something]
        fresh = [n for n in range(one + 1, next_one) if own[n].says_something and own[n].kind != "code"]
        if len(missing) * len(fresh) > MAX_COMPARED:
            continue
        named = {n: label.question for n in fresh if (label := labels.question_of(own[n].text))}
        for theirs_at in missing:
            line = theirs[theirs_at]
            keys = {
                own[n].key[:COMPARED]: n for n in reversed(fresh)
                if named.get(n, line.zone) == line.zone and own[n].text.count("=") <= line.text.count("=")
            }  # fmt: skip
            for key in get_close_matches(line.key[:COMPARED], keys, 1, SIMILAR):
                matched[keys[key]] = theirs_at
                fresh = [n for n in fresh if n > keys[key]]


# ── one notebook ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Located:
    """The answers in one notebook, and the text that belongs to no answer."""

    answers: Answers
    unassigned: Answer
    """The student's text outside all questions."""
    introduction: str
    """The student's text that belongs to no question and precedes all answers."""
    left_out: Mapping[str, tuple[int, ...]]
    """Question → numbers of cells whose text was left out of the answer. The text stands below a heading, directly
    before the label of another question."""
    in_place: frozenset[str]
    """Questions that are answered in the place where the handout asks them."""
    shared: frozenset[str]
    """Questions that have the answer of another question, because one label names both."""
    labelled: Answers
    """Question → the part of its answer that stands below a label, not where the handout asks the question."""
    code: Mapping[str, tuple[int, ...]]
    """Question → numbers of the code cells that stand where the handout asks it, but are not part of the answer."""
    blank: frozenset[str]
    """Questions whose answer stands only below a label, resembles the question, and has no =. It may be the question in
    a blank copy, so an earlier notebook's answer counts instead."""
    like_questions: frozenset[str]
    """Questions whose answer stands only below a label, in one cell, and resembles the question."""
    above_solution: frozenset[str]
    """Questions that are asked between a label and "Solution:"."""
    numbers: Mapping[str, str]
    """Number in another edition, such as "q2.1" → id of the question; "" for none of the written questions."""


class _StudentNotebook:
    """A student's notebook, with its lines aligned to the handout's."""

    def __init__(self, notebook: Notebook, handout: _Handout, labels: Labels) -> None:
        self.handout = handout
        self.lines = list(_split(_lines(notebook), handout))
        self.matched = _align(self.lines, handout)
        self.labels = labels
        self.numbers = self._renumbered()
        if self.numbers:
            self.labels = Labels(labels.labels, self.numbers)
            moved = {*self.numbers.values(), *map(labels.questions.get, self.numbers)} - {""}
            self.matched = {n: m for n, m in self.matched.items() if handout.lines[m].zone not in moved}
        _match_edited(self.lines, handout, self.labels, self.matched)
        self.aligned = sorted(self.matched)
        self.named = self._named()

    def located(self) -> _Located:
        """Return the answers. An answer is normally found by the handout's question above it. If the notebook lacks the
        question, or no formula follows it, the answer is also searched below labels such as "Q1.1"."""
        aligned = {self.handout.lines[n].zone for n in self.matched.values()} - {""}
        ids = set(self.labels.labels)
        found = self._collected(ids - aligned)
        silent = {id for id, (text, _) in found.answers.items() if id in aligned and not _has_formula(text)}
        empty = ids - (found.answers.keys() - found.shared)
        if not (empty | silent) & aligned:
            return found
        found = self._collected(ids - aligned | empty | silent)
        only_named = {id for id in silent & found.labelled.keys() if not _has_formula(found.labelled[id][0])}
        return self._collected((ids - aligned | empty | silent) - only_named) if only_named else found

    def _renumbered(self) -> dict[str, str]:
        """Return the numbers of another edition: {number: question}, as `QuestionTexts.renumbered` does."""
        own = [line.text for n, line in enumerate(self.lines) if n not in self.matched and line.kind != "code"]
        same = [self.handout.lines[n] for n in self.matched.values()]
        asked = {line.zone for line in same if not line.behind and not self.labels.question_of(line.text)}
        if not self.handout.questions.keys() - asked:
            return {}
        return self.handout.texts.renumbered(own, asked, self.labels.questions)

    def _named(self) -> dict[int, Label]:
        """Return {index of a line: its label}.

        Bare numbers such as "**2)**" are labels of questions without other labels, if two or more numbers stand in the
        order of the questions. Then numbers elsewhere with the same punctuation, here ** and ), are labels too.
        """
        lines = [(n, line.text) for n, line in enumerate(self.lines) if n not in self.matched and line.kind != "code"]
        named = {n: label for n, text in lines if (label := self.labels.question_of(text)) is not None}
        labelled = {
            label.question for n, label in named.items()
            if not self.labels.names_several(self.lines[n].text) and not self._begins_question(n, label)
        }  # fmt: skip
        numbers = {n: found for n, text in lines if (found := self.labels.number_of(text))}
        numbers = {n: label for n, label in numbers.items() if label.question not in labelled}
        matcher = SequenceMatcher(None, [label.question for label in numbers.values()], [*self.labels.order])
        blocks = matcher.get_matching_blocks()
        ascending = [n for block in blocks for n in [*numbers][block.a : block.a + block.size]]
        if len(ascending) > 1:
            looks = {_look(self.lines[n].text, numbers[n].question) for n in ascending}
            answered = {numbers[n].question for n in ascending}
            named |= {
                n: label for n, label in numbers.items()
                if n in ascending
                or (label.question not in answered and _look(self.lines[n].text, label.question) in looks)
            }  # fmt: skip
        return named

    def _collected(self, by_label: set[str]) -> _Located:
        """Collect the student's own lines by question.

        Args:
            by_label: Questions whose labels count anywhere in the notebook. The label of another question counts only
                where the handout asks this question, or after the label of an earlier question.
        """
        regions: dict[tuple[bool, str], _Region] = {}
        left_out = dict[str, tuple[int, ...]]()
        shared = dict[str, str]()
        theirs = {self.lines[n].cell for n in self.matched if self.lines[n].kind == "code"}
        place, region = _Place(), _Region()
        for n, line in enumerate(self.lines):
            if n in self.matched:
                place.is_at(self.handout.lines[self.matched[n]])
                continue
            text = self._text(n, place, by_label)
            if place.labelled and place.zone != place.before:
                in_place = bool(place.before) and region is regions.get((False, place.before))
                if in_place and (cells := _remove_last_heading(region.lines)):
                    left_out[place.before] = cells
                _drop_headings(region.lines)
            place.before = place.zone
            region = regions.setdefault((place.labelled, place.zone), _Region())
            together = self.labels.shared_by(line.text) if line.kind != "code" else ()
            shared |= dict.fromkeys(together if place.zone in together else (), place.zone)
            if line.kind == "code":
                if line.cell not in theirs and line.cell not in region.code and text.strip():
                    region.code[line.cell] = "\n".join(other.text for other in self.lines if other.cell == line.cell)
            elif not _is_handouts(line, place.zone, self.handout):
                region.lines.append(replace(line, text=text, behind=place.behind))
        return self._answers(regions, left_out, shared)

    def _text(self, n: int, place: _Place, by_label: set[str]) -> str:
        """Return line `n` without its label. If the label counts, move `place` to the question of the label."""
        text, label = self.lines[n].text, self.named.get(n)
        if label and self._asks(n, label, place, by_label):
            place.zone, place.behind, place.labelled = "", False, False
        elif label and label.question:
            later = 0 <= place.last < self.labels.order[label.question]
            if later or label.question in by_label or label.question == place.handouts:
                place.is_below(label, n, self.labels.order[label.question])
                return label.rest
        if label:
            if not label.question and (self.numbers or not self.handout.lines):
                place.zone = ""
            elif label.solution or (not label.weak and not label.rest.strip()):
                return label.rest  # a label of another numbering
        elif place.labelled and place.zone in by_label and (solved := self._text_behind_solution(place, n)) is not None:
            place.behind = True
            return solved
        return text

    def _asks(self, n: int, label: Label, place: _Place, by_label: set[str]) -> bool:
        """Return whether `label` on line `n` precedes the text of a question, and not an answer. Labels of the
        handout's question at this place, and of the questions in `by_label`, precede answers."""
        return label.question not in (place.handouts, *by_label) and self._begins_question(n, label)

    def _begins_question(self, n: int, label: Label) -> bool:
        """Return whether `label` on line `n` begins a question in the words of another edition of the handout: the next
        aligned line of the handout belongs to the same question and stands after "Solution:"."""
        place = bisect(self.aligned, n)
        if label.solution or place == len(self.aligned):
            return False
        following = self.handout.lines[self.matched[self.aligned[place]]]
        return following.behind and following.zone == label.question != ""

    def _answers(
        self,
        regions: Mapping[tuple[bool, str], _Region],
        left_out: Mapping[str, tuple[int, ...]],
        shared: Mapping[str, str],
    ) -> _Located:
        """Build the answers.

        Args:
            regions: (True if below a label, question) → the student's text.
            left_out: As in `_Located`.
            shared: Question → another question under the same label. Its answer counts for both if the first has none.
        """
        in_place, below_labels = Answers(), Answers()
        for (labelled, id), region in regions.items():
            if id and (answer := self._answer(region, id, labelled))[0]:
                (below_labels if labelled else in_place)[id] = answer
        unassigned = [line for (_, id), region in regions.items() if not id for line in region.lines]
        found = {id: _both(in_place.get(id, NOTHING), below_labels.get(id, NOTHING)) for id in in_place | below_labels}
        taken = {id: found[other] for id, other in shared.items() if other in found and id not in found}
        found |= taken
        first = min((cells[0] for _, cells in found.values()), default=0)
        introduction, _ = _joined([line for line in unassigned if line.cell < first])
        code = dict[str, tuple[int, ...]]()
        for (_, id), region in regions.items():
            unread = [
                cell for cell, c in region.code.items() if cell not in found.get(id, NOTHING)[1] and not _is_commands(c)
            ]
            if unread and id in found and id not in self.handout.with_code:
                code[id] = (*code.get(id, ()), *unread)
        alone = below_labels.keys() - in_place.keys()
        similar = [id for id in alone if self._resembles(below_labels[id][0], id)]
        return _Located(
            answers=found,
            unassigned=_joined(unassigned),
            introduction=introduction,
            left_out=left_out,
            in_place=frozenset(in_place),
            shared=frozenset(taken),
            labelled=below_labels,
            code=code,
            blank=frozenset(id for id in similar if "=" not in below_labels[id][0]),
            like_questions=frozenset(id for id in similar if _is_one_text(below_labels[id])),
            above_solution=frozenset(
                label.question for n, label in self.named.items() if self._begins_question(n, label)
            ),
            numbers=self.numbers,
        )

    def _resembles(self, text: str, question: str) -> bool:
        """Return whether a text resembles the handout's text of a question more than those of other questions."""
        best = self.handout.texts.most_similar(text)
        return best is not None and best[1] == question

    def _text_behind_solution(self, place: _Place, n: int) -> str | None:
        """Return the text after "Solution:" on a line; None for other lines.

        "Solution:" counts at the beginning of a cell, or if no = stands between the question's label and "Solution:".
        """
        lines = self.lines
        found = _SOLVED.match(lines[n].text[:60]) if not place.behind else None
        above = lines[n - 1].cell != lines[n].cell or not any("=" in line.text for line in lines[place.begun : n])
        return lines[n].text[found.end() :] if found and above else None

    def _answer(self, region: _Region, question: str, below_label: bool) -> Answer:
        """Return the text of an answer and the numbers of its cells; `NOTHING` if there is no text.

        Text before "Solution:" is left out if the answer stands below a label, or if the question has code cells. If
        the text has no formula, code cells with formulas are added.
        """
        with_code = question in self.handout.with_code
        behind = _joined([line for line in region.lines if line.behind])
        written = behind if behind[0] and (with_code or below_label) else _joined(region.lines)
        cells = {cell: source for cell, source in region.code.items() if not _is_commands(source)}
        if written[0]:
            formulas = all(
                cell > written[1][-1] and "=" in c and not _IMPLEMENTATION.search(c) for cell, c in cells.items()
            )
            asks = below_label and "=" not in written[0] and _is_one_text(written)
            asks = asks and self._resembles(written[0], question)
            if not cells or with_code or (_is_worked_out(written[0]) and not asks) or not formulas:
                return written
        elif not cells or (with_code and not any(line.behind for line in region.lines)):
            return NOTHING
        return "\n\n".join(filter(None, [written[0], *map(_of_code, cells.values())])), (*written[1], *cells)


def _look(line: str, question: str) -> str:
    """Return the punctuation around the number at the beginning of a line: "**)**" for "**2)**". Return "" for fewer
    than two characters of punctuation."""
    before, _, behind = line[:40].partition(question.removeprefix("q"))
    closing = re.match(r"[\s.:)\]*_]*", behind)
    signs = before.strip() + (closing[0].strip() if closing else "")
    return signs if len(signs) > 1 else ""


def _has_formula(text: str) -> bool:
    return re.search(r"[$=\\`]", text) is not None or _has_image(text)


def _is_one_text(answer: Answer) -> bool:
    """Return whether an answer stands in one cell and has no image, like the text of a question."""
    return len(answer[1]) == 1 and not _has_image(answer[0])


def _has_image(text: str) -> bool:
    return _IMAGE.search(text[:MAX_SEARCHED_FOR_IMAGES]) is not None


def _remove_last_heading(lines: list[_Line]) -> tuple[int, ...]:
    """Remove the last heading that begins a cell, such as "# My answers", and all lines after the heading. Remove
    nothing if these lines contain a formula. Return the numbers of the cells that lost text other than the heading."""
    begins = [n for n, line in enumerate(lines) if line.is_heading and (n == 0 or lines[n - 1].cell != line.cell)]
    rest = lines[begins[-1] :] if begins else []
    if not rest or any(_has_formula(line.text) for line in rest):
        return ()
    del lines[begins[-1] :]
    return tuple(sorted({line.cell for line in rest if line.text.strip() and not line.is_heading}))


def _drop_headings(lines: list[_Line]) -> None:
    """Remove headings and empty lines at the end of `lines`, since they belong to the next label."""
    while lines and (lines[-1].is_heading or not lines[-1].text.strip()):
        lines.pop()


_HEADING = re.compile(r"#{1,6}\s[^$=\\\n]*|\*\*[^*$=\\\n]{0,60}:\s*\*\*:?")


def _both(*parts: Answer) -> Answer:
    """Join the parts of an answer in the order of their cells."""
    ordered = sorted((part for part in parts if part[0]), key=lambda part: part[1])
    return "\n\n".join(text for text, _ in ordered), tuple(sorted({cell for _, cells in ordered for cell in cells}))


def _is_handouts(line: _Line, zone: str, handout: _Handout) -> bool:
    """Return whether a line is a placeholder such as "Write your answer here", or repeats the question."""
    if _PLACEHOLDER.match(line.text[:200]) or line.key in handout.repeated:
        return True
    key = _key(line.text.lstrip("> "))
    if len(key) < 10 or not re.search(r"[^\W\d_]{3,}", re.sub(r"\$[^$]*\$", " ", line.text)):
        return False
    quoted = line.text.lstrip().startswith(">")
    return any(other.zone == zone and (other.key == key or (quoted and key in other.key)) for other in handout.lines)


_IMPLEMENTATION = re.compile(r"(?m)^[ \t]*(?:class|import|from)\b")
"""Matches statements that show that a code cell is a program and not a derivation."""


def _is_worked_out(text: str) -> bool:
    """Return whether a text has a formula that is more than a name: an equality, or an operator between dollars."""
    return "=" in text or any(map(WORKED_OUT.search, re.findall(r"\$([^$]+)\$", text)))


def _is_commands(source: str) -> bool:
    """Return whether a code cell has only magics, shell commands and comments, such as %grader check."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    if lines[0].startswith("%%"):
        return re.match(r"%%(latex|markdown|time|timeit|capture)\b", lines[0]) is None
    commands = [line for line in lines if line[0] in "%!?"]
    comments = [line for line in lines if line[0] == "#" and "=" not in line]
    return bool(commands) and len(commands) + len(comments) == len(lines)


def _joined(lines: Sequence[_Line]) -> Answer:
    """Join lines to an answer, with empty lines between the texts of different cells."""
    by_cell = groupby(sorted(lines, key=attrgetter("cell")), key=attrgetter("cell"))
    texts = {cell: "\n".join(line.text for line in written).strip() for cell, written in by_cell}
    kept = {cell: text for cell, text in texts.items() if text.strip("*_#> \n-")}
    if all(_HEADING.fullmatch(text) for text in kept.values()):
        return NOTHING
    return "\n\n".join(kept.values()), tuple(kept)


def _of_code(source: str) -> str:
    """Return a code cell as Markdown: the text below %%latex or %%markdown, or else the source in a code fence."""
    magic = re.match(r"\s*%%(latex|markdown)[^\n]*\n", source)
    return source[magic.end() :].strip() if magic else f"{_FENCE}\n{source}\n{_FENCE}"
