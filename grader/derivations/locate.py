"""The written answers in a student's notebook.

The lines of the notebook are aligned with those of the handout. An answer is what stands between lines of one question
(in its place) and is not the handout's. Labels ("Q1.1 solution:", "**1.1**") serve where nothing can be aligned, and
for questions whose place holds no formula.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise

from grader.bounds import MAX_SEARCHED_FOR_IMAGES
from grader.derivations.labels import SOLUTION, Label, Labels
from grader.derivations.macros import expanded
from grader.model import Notebook

SIMILAR = 0.85
"""Share of equal characters of a line that was only edited."""
MAX_COMPARED = 10_000
"""Pairs of lines of one gap that are compared character by character."""
_FENCE = "```"

Answers = dict[str, tuple[str, tuple[int, ...]]]
"""Question → (the answer as written, numbers of its cells)."""


_MACRO = re.compile(r"\\[a-z]+(?:\{[a-z]*\})?")


@dataclass(frozen=True)
class _Line:
    text: str
    cell: int
    kind: str
    key: str
    """The text without white space and emphasis; "" for a line that says nothing."""
    zone: str = ""
    """Of the handout's lines: the question, or "" outside written questions."""
    behind: bool = False
    """Of the handout's lines: True behind the label of the solution."""

    @cached_property
    def says_something(self) -> bool:
        return sum(c.isalpha() for c in _MACRO.sub("", self.key)) >= 3 and len(self.key) >= 6


@dataclass(frozen=True)
class _Handout:
    """The lines of the handout's notebooks."""

    lines: tuple[_Line, ...]
    beginnings: tuple[str, ...]
    """Texts that may begin a student's line."""
    repeated: frozenset[str]
    """Keys of lines that occur again and again, such as "Write your answer here"."""
    with_code: frozenset[str]
    """Questions that have cells of code before the label of the solution."""


@dataclass
class _Region:
    """A student's text for one question, in its place or below labels elsewhere."""

    before: list[tuple[int, str]] = field(default_factory=list)
    """Above the label of the solution; (cell, line)."""
    behind: list[tuple[int, str]] = field(default_factory=list)
    code: dict[int, str] = field(default_factory=dict)
    """Cells of code that the handout does not have."""


@dataclass
class _Place:
    """The place of a line in a student's notebook."""

    handouts: str = ""
    """The question in whose place in the handout it stands."""
    zone: str = ""
    """The question that it answers."""
    behind: bool = False
    """Behind the label of the solution."""
    labelled: bool = False
    """The question is named by a label, not by the place."""
    last: int = -1
    """Number of the last label's question."""
    begun: int = 0
    """The last label's line."""
    before: str = ""
    """The question of the student's line before."""
    returned: set[str] = field(default_factory=set)
    """Questions whose own label stands in their place below labels of others."""

    def is_at(self, line: _Line) -> None:
        """Move to a line of the handout."""
        self.handouts, self.zone, self.behind, self.labelled, self.last = line.zone, line.zone, line.behind, False, -1

    def is_below(self, label: Label, n: int, order: int) -> None:
        """Move below a label."""
        id = label.question
        if id == self.handouts != self.zone:
            self.returned.add(id)
        self.labelled = self.labelled or not id == self.handouts == self.zone
        self.behind = label.solution or (self.behind and id == self.zone)
        self.zone, self.last, self.begun = id, order, n


@dataclass(frozen=True)
class WrittenAnswers:
    """The written answers that were found in a submission."""

    found: Answers
    notes: Mapping[str, tuple[str, ...]]
    """Question → remarks on an unusual place of its answer, and on text that may be an answer, but was not found to be
    one. Questions without an answer may have remarks too."""
    by_notebook: Mapping[str, tuple[str, ...]]
    """Notebook → the questions that it answers."""
    introduction: str = ""
    """Text before the answers that belongs to no question, such as "I write s for h1"."""


def locate(
    notebooks: Sequence[Notebook],
    handed_out: Sequence[Notebook],
    labels: Mapping[str, Sequence[str]],
) -> WrittenAnswers:
    """Return the answers that the notebooks hold. A later notebook's answers replace those of an earlier one.

    Args:
        notebooks: The student's notebooks.
        handed_out: The handout's notebooks.
        labels: Names of each written question, by its id.
    """
    if not notebooks:  # reading the handout takes as long as a tenth of the code checks
        return WrittenAnswers({}, {}, {})
    named = Labels(labels)
    handout = _read_handout(handed_out, named)
    located = [_StudentNotebook(notebook, handout, named).located() for notebook in notebooks]
    found: Answers = {}
    for one in located:
        found.update(one.answers)
    told = {id: [*notes(text, cells, notebooks)] for id, (text, cells) in found.items()}
    for id, remark in _doubts(located, found, named):
        told.setdefault(id, []).append(remark)
    return WrittenAnswers(
        found,
        {id: tuple(dict.fromkeys(remarks)) for id, remarks in told.items() if remarks},
        {notebook.path: tuple(one.answers) for notebook, one in zip(notebooks, located, strict=True)},
        "\n\n".join(one.introduction for one in located if one.introduction),
    )


def _doubts(located: Sequence[_Located], found: Answers, labels: Labels) -> Iterator[tuple[str, str]]:
    """Yield questions and remarks on text that may be an answer, but was not found to be one."""
    missing = [id for id in labels.order if id not in found]
    for one in located:
        for id in missing if one.loose else ():
            yield id, f"text that belongs to no question stands in {_cells(one.loose)}"
        for id in one.labelled.keys() & one.in_place:
            part = _cells(one.labelled[id][1])
            yield id, f"a part of this answer stands below a label elsewhere: {part}"
        for id, cells in one.left_out.items():
            yield id, f"text above labels of other questions was left out: {_cells(cells)}"
    for id, (text, _) in found.items():
        for other in missing:
            if any(labels.may_name(line, other) for line in text.split("\n")):
                yield id, f"the label of {other}, which has no answer, stands in this answer"
                yield other, f"its label stands in the answer to {id}"


def _cells(cells: Sequence[int]) -> str:
    more = f" and {len(cells) - 8} more" if len(cells) > 8 else ""
    return f"cell{'s' if len(cells) > 1 else ''} {', '.join(map(str, cells[:8]))}{more}"


def notes(text: str, cells: Sequence[int], notebooks: Iterable[Notebook]) -> tuple[str, ...]:
    """Return remarks on an unusual place of an answer. In a very long one only the beginning is searched for images."""
    text = text[:MAX_SEARCHED_FOR_IMAGES]
    kinds = {kind for notebook in notebooks for n, (kind, _) in enumerate(notebook.cells, 1) if n in cells}
    remarks = [f"the answer stands in a {name}" for kind, name in _UNUSUAL.items() if kinds == {kind}]
    if _IMAGE.search(text):
        alone = not _IMAGE.sub("", text).strip()
        remarks.append("the answer is an image" if alone else "an image belongs to the answer")
    return tuple(remarks)


_UNUSUAL = {"code": "cell of code", "raw": "raw cell"}
"""Kinds of cells in which answers are not expected."""
_IMAGE = re.compile(r"!\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)|<img\b[^<>]{0,1000}>", re.IGNORECASE)


_SOLVED = re.compile(rf"(?i)^[\s#>]*(?P<mark>[*_]{{0,3}}){SOLUTION}(?:[:.]+(?P=mark)|(?P=mark)[:.]+|(?P=mark)\s*$)\s*")
"""A label without a number."""
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
    beginnings = tuple(text for text in texts if len(text) >= 10)
    return _Handout(tuple(lines), beginnings, repeated, frozenset(with_code))


# ── alignment ────────────────────────────────────────────────────────────────────────────────────────


def _split(lines: Iterable[_Line], handout: _Handout) -> Iterator[_Line]:
    """Cut lines that begin with a line of the handout, such as an answer typed right behind the question."""
    for line in lines:
        text = line.text.strip()
        whole = max((h for h in handout.beginnings if text.startswith(h)), key=len, default="")
        if line.kind == "code" or not whole or len(whole) == len(text):
            yield line
        else:
            rest = text[len(whole) :]
            yield _Line(whole, line.cell, line.kind, _key(whole))
            yield _Line(rest, line.cell, line.kind, _key(rest))


def _align(own: Sequence[_Line], handout: _Handout, labels: Labels) -> dict[int, int]:
    """Return the handout's line for each line of the student's that matches one, increasing in both.

    A run of equal lines begins at one that says something, and includes short ones like $$ beside it. Empty lines are
    left out.
    """
    ours, theirs = (
        [(n, line.key) for n, line in enumerate(lines) if line.text.strip()] for lines in (own, handout.lines)
    )
    silent = {line.key for line in handout.lines if not line.says_something}
    own_keys, their_keys = ([key for _, key in one] for one in (ours, theirs))
    matched: dict[int, int] = {}
    for block in SequenceMatcher(silent.__contains__, own_keys, their_keys, autojunk=False).get_matching_blocks():
        matched |= {ours[block.a + n][0]: theirs[block.b + n][0] for n in range(block.size)}
    _match_edited(own, handout, labels, matched)
    return matched


def _match_edited(own: Sequence[_Line], handout: _Handout, labels: Labels, matched: dict[int, int]) -> None:
    """Match lines between two matched ones that are nearly the handout's, and name no other question."""
    theirs = handout.lines
    borders = [(-1, -1), *sorted(matched.items()), (len(own), len(theirs))]
    for (one, other), (next_one, next_other) in pairwise(borders):
        missing = [n for n in range(other + 1, next_other) if theirs[n].says_something]
        fresh = [n for n in range(one + 1, next_one) if own[n].says_something and own[n].kind != "code"]
        if not missing or not fresh or len(missing) * len(fresh) > MAX_COMPARED:
            continue
        start = 0
        named = {n: label.question for n in fresh if (label := labels.question_of(own[n].text))}
        for theirs_at in missing:
            for place in range(start, len(fresh)):
                same = named.get(fresh[place], "") in ("", theirs[theirs_at].zone)
                if same and _is_edited(theirs[theirs_at], own[fresh[place]]):
                    matched[fresh[place]] = theirs_at
                    start = place + 1
                    break


def _is_edited(theirs: _Line, own: _Line) -> bool:
    a, b = theirs.key[:300], own.key[:300]
    if own.text.count("=") > theirs.text.count("=") or not 0.7 < len(a) / len(b) < 1.4:
        return False
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return matcher.quick_ratio() >= SIMILAR and matcher.ratio() >= SIMILAR


# ── one notebook ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Located:
    """The answers of one notebook, and the text that belongs to none."""

    answers: Answers
    loose: tuple[int, ...]
    """Cells with text of the student's that belongs to no question."""
    introduction: str
    """The part of it that stands before all answers."""
    left_out: Mapping[str, tuple[int, ...]]
    """Question → cells of text in its place, above the labels, that is not its answer."""
    in_place: frozenset[str]
    """Questions with text in their places."""
    labelled: Answers
    """The parts of the answers that stand below labels and not in their places."""


class _StudentNotebook:
    """A student's notebook, with its lines aligned to the handout's."""

    def __init__(self, notebook: Notebook, handout: _Handout, labels: Labels) -> None:
        """Align the lines and find the labels."""
        self.handout = handout
        self.labels = labels
        self.lines = list(_split(_lines(notebook), handout))
        self.matched = _align(self.lines, handout, labels)
        self.named = self._named()

    def located(self) -> _Located:
        """Return the answers. Labels count for questions whose places are not in the notebook, hold nothing or hold no
        formula, as in "see above"."""
        aligned = {self.handout.lines[n].zone for n in self.matched.values()} - {""}
        ids = set(self.labels.questions.values())
        found = self._collected(ids - aligned)
        silent = {id for id, (text, _) in found.answers.items() if id in aligned and not _has_formula(text)}
        empty = ids - found.answers.keys()
        if not (empty | silent) & aligned:
            return found
        found = self._collected(ids - aligned | empty | silent)
        only_named = {id for id in silent & found.labelled.keys() if not _has_formula(found.labelled[id][0])}
        return self._collected((ids - aligned | empty | silent) - only_named) if only_named else found

    def _named(self) -> dict[int, Label]:
        """Return the labels by line.

        Bare numbers count if several stand in the order of the questions, and only for questions without another
        label. Then other numbers with the same signs around them count too.
        """
        lines = [(n, line.text) for n, line in enumerate(self.lines) if n not in self.matched and line.kind != "code"]
        named = {n: label for n, text in lines if (label := self.labels.question_of(text)) is not None}
        labelled = {label.question for n, label in named.items() if not self.labels.names_several(self.lines[n].text)}
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
        """Collect the student's own lines by question. In a place where labels have counted, those of later questions
        count too, and so does that of the place itself.

        Args:
            by_label: Questions whose labels count everywhere.
        """
        regions: dict[tuple[bool, str], _Region] = {}
        left_out = dict[str, tuple[int, ...]]()
        theirs = {self.lines[n].cell for n in self.matched if self.lines[n].kind == "code"}
        place, region = _Place(), _Region()
        for n, line in enumerate(self.lines):
            if n in self.matched:
                place.is_at(self.handout.lines[self.matched[n]])
                continue
            text = self._text(n, place, by_label)
            if place.labelled and place.zone != place.before:
                if place.before and region is regions.get((False, place.before)) and (cells := _take_heading(region)):
                    left_out[place.before] = cells
                _drop_headings(region)
            place.before = place.zone
            region = regions.setdefault((place.labelled, place.zone), _Region())
            if line.kind == "code":
                if line.cell not in theirs and text.strip():
                    region.code[line.cell] = "\n".join(other.text for other in self.lines if other.cell == line.cell)
            elif not _is_handouts(line, place.zone, self.handout):
                (region.behind if place.behind else region.before).append((line.cell, text))
        return self._answers(regions, place.returned, left_out)

    def _text(self, n: int, place: _Place, by_label: set[str]) -> str:
        """Return a line without its label, and move the place to the label's question if the label counts."""
        text, label = self.lines[n].text, self.named.get(n)
        if label and label.question:
            later = 0 <= place.last < self.labels.order[label.question]
            if later or label.question in by_label or label.question == place.handouts:
                place.is_below(label, n, self.labels.order[label.question])
                return label.rest
        if label:
            if not label.question and not self.handout.lines:
                place.zone = ""
            elif label.solution or (not label.weak and not label.rest.strip()):
                return label.rest  # a label of another numbering
        elif place.labelled and place.zone in by_label and (solved := self._solved(place, n)) is not None:
            place.behind = True
            return solved
        return text

    def _answers(
        self, regions: Mapping[tuple[bool, str], _Region], returned: set[str], left_out: dict[str, tuple[int, ...]]
    ) -> _Located:
        """Return the answers, and the text that belongs to no question."""
        in_place, below_labels = Answers(), Answers()
        for (labelled, id), region in regions.items():
            if id and (answer := self._answer(region, id, labelled)):
                (below_labels if labelled else in_place)[id] = answer
        for id in returned & in_place.keys() & below_labels.keys():
            if not _has_formula(in_place[id][0]):
                left_out[id] = in_place.pop(id)[1]
        loose = [line for (_, id), r in regions.items() if not id for line in (*r.before, *r.behind)]
        found = {id: _both(in_place.get(id), below_labels.get(id)) for id in in_place | below_labels}
        first = min((cells[0] for _, cells in found.values()), default=0)
        introduction, _ = _joined([line for line in loose if line[0] < first]) or ("", ())
        _, cells = _joined(loose) or ("", ())
        return _Located(found, cells, introduction, left_out, frozenset(in_place), below_labels)

    def _solved(self, place: _Place, n: int) -> str | None:
        """Return the text behind "Solution:" on a line; None for other lines.

        The line must begin a cell, or no equality may stand between it and the question's label: only the question is
        repeated there.
        """
        lines = self.lines
        found = _SOLVED.match(lines[n].text[:60]) if not place.behind else None
        above = lines[n - 1].cell != lines[n].cell or not any("=" in line.text for line in lines[place.begun : n])
        return lines[n].text[found.end() :] if found and above else None

    def _answer(self, region: _Region, question: str, below_label: bool) -> tuple[str, tuple[int, ...]] | None:
        """Return the answer and its cells.

        If text other than the answer may stand before the label of the solution, only text behind it counts. Cells of
        code with formulas are added if the text has no formula.
        """
        with_code = question in self.handout.with_code
        behind = _joined(region.behind)
        written = behind if behind and (with_code or below_label) else _joined([*region.before, *region.behind])
        cells = region.code
        if written is not None:
            formulas = all(
                cell > written[1][-1] and "=" in c and not _IMPLEMENTATION.search(c) for cell, c in cells.items()
            )
            if not cells or with_code or _has_formula(written[0]) or not formulas:
                return written
        elif not cells or (with_code and not region.behind):
            return None
        text, places = written or ("", ())
        return "\n\n".join(filter(None, [text, *map(_of_code, cells.values())])), (*places, *cells)


def _look(line: str, question: str) -> str:
    """Return the signs around the number at the beginning of a line, such as "**)**"; "" if there are none."""
    before, _, behind = line[:40].partition(question.removeprefix("q"))
    closing = re.match(r"[\s.:)\]*_]*", behind)
    signs = before.strip() + (closing[0].strip() if closing else "")
    return signs if len(signs) > 1 else ""


def _has_formula(text: str) -> bool:
    return re.search(r"[$=\\`]", text) is not None or _IMAGE.search(text[:MAX_SEARCHED_FOR_IMAGES]) is not None


def _take_heading(region: _Region) -> tuple[int, ...]:
    """Remove a last cell that begins with a heading and has no formula, as in "# My answers"; return the cells of its
    words."""
    lines = region.behind or region.before
    for n in reversed(range(len(lines))):
        if _HEADING.fullmatch(lines[n][1].strip()) and (n == 0 or lines[n - 1][0] != lines[n][0]):
            rest = lines[n:]
            if any(_has_formula(text) for _, text in rest):
                return ()
            del lines[n:]
            return tuple(sorted({cell for cell, text in rest if text.strip() and not _HEADING.fullmatch(text.strip())}))
    return ()


def _drop_headings(region: _Region) -> None:
    """Remove the headings at the end of a region. They belong to the label that follows."""
    for lines in (region.behind, region.before):
        if kept := [n for n, (_, text) in enumerate(lines) if text.strip() and not _HEADING.fullmatch(text.strip())]:
            del lines[kept[-1] + 1 :]
            return
        lines.clear()


_HEADING = re.compile(r"#{1,6}\s[^$=\\\n]*|\*\*[^*$=\\\n]{0,60}:\s*\*\*:?")


def _both(
    one: tuple[str, tuple[int, ...]] | None, other: tuple[str, tuple[int, ...]] | None
) -> tuple[str, tuple[int, ...]]:
    """Join the parts of an answer in the order of their cells."""
    parts = sorted((part for part in (one, other) if part), key=lambda part: part[1])
    return "\n\n".join(text for text, _ in parts), tuple(sorted({cell for _, cells in parts for cell in cells}))


def _is_handouts(line: _Line, zone: str, handout: _Handout) -> bool:
    """Return whether a line is a placeholder, or the question's text once more."""
    if _PLACEHOLDER.match(line.text[:200]) or line.key in handout.repeated:
        return True
    key = _key(line.text.lstrip("> "))
    if len(key) < 10 or not re.search(r"[^\W\d_]{3,}", re.sub(r"\$[^$]*\$", " ", line.text)):
        return False
    quoted = line.text.lstrip().startswith(">")
    return any(other.zone == zone and (other.key == key or (quoted and key in other.key)) for other in handout.lines)


_IMPLEMENTATION = re.compile(r"(?m)^[ \t]*(?:class|import|from)\b")
"""Statements of a program, which derivations do not have."""


def _joined(lines: Sequence[tuple[int, str]]) -> tuple[str, tuple[int, ...]] | None:
    """Return the text of all cells, with empty lines between them, and their numbers; None without text."""
    cells: dict[int, list[str]] = {}
    for cell, text in sorted(lines, key=lambda line: line[0]):
        cells.setdefault(cell, []).append(text)
    texts = {cell: "\n".join(written).strip() for cell, written in cells.items()}
    kept = {cell: text for cell, text in texts.items() if text.strip("*_#> \n-")}
    if all(_HEADING.fullmatch(text) for text in kept.values()):
        return None  # headings alone
    return ("\n\n".join(kept.values()), tuple(kept)) if kept else None


def _of_code(source: str) -> str:
    """Return a cell of code as Markdown; %%latex and %%markdown begin text."""
    magic = re.match(r"\s*%%(latex|markdown)[^\n]*\n", source)
    return source[magic.end() :].strip() if magic else f"{_FENCE}\n{source}\n{_FENCE}"
