"""A notebook's bytes → its cells, and the written answers among them. What the code means is not looked at."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import nbformat

from grader.bounds import (
    MAX_CELL_CHARACTERS,
    MAX_CELLS,
    MAX_LINES,
    MAX_NOTEBOOK_VALUES,
    MAX_NOTEBOOKS,
    MAX_PRINTED,
    MAX_SEARCHED_FOR_IMAGES,
)
from grader.errors import Refused
from grader.model import Notebook

_TOGETHER = " (all notebooks of a submission count together)"
_ALONE = "submit the notebook with your answers alone"


@dataclass
class NotebookBudget:
    """How much the notebooks of one submission may still contain."""

    values: int = MAX_NOTEBOOK_VALUES
    cells: int = MAX_CELLS
    lines: int = MAX_LINES

    def take(self, what: Literal["values", "cells", "lines"], count: int) -> bool:
        """Subtract this count. Return False if that is more than was left."""
        left: int = getattr(self, what) - count
        setattr(self, what, left)
        return left >= 0


def read_notebooks(files: Mapping[str, bytes]) -> tuple[Notebook, ...]:
    """Parse the notebooks among a submission's files. Raises `Refused` for more than a submission may have."""
    notebooks = sorted(name for name in files if name.endswith(".ipynb"))
    if len(notebooks) > MAX_NOTEBOOKS:
        raise Refused(f"there are more than {MAX_NOTEBOOKS} notebooks: {_ALONE}")
    budget = NotebookBudget()
    return tuple(read_notebook(name, files[name], budget) for name in notebooks)


def read_notebook(path: str, content: bytes, budget: NotebookBudget | None = None) -> Notebook:
    """Parse a notebook. Raises `Refused`, with what to do, if Jupyter could not open it.

    `budget` is what the notebook may contain, and is reduced by what it does; None is the budget of a submission.

    Outputs and attachments are dropped before validation, and cells are counted before they are
    converted: a validator takes seconds for megabytes that no check needs.
    """
    budget = budget or NotebookBudget()
    if not budget.take("values", sum(map(content.count, (b",", b"[", b"{")))):
        raise Refused(f"{path} holds too much: clear the outputs (Kernel → Restart & Clear Output) and save")
    try:
        saved = json.loads(content.decode("utf-8-sig"))
        version = int(saved["nbformat"])
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        raise Refused(f"{path} is not a notebook: open it in Jupyter and save it again (File → Save)") from None
    try:
        saved_cells = saved["cells"] if version == 4 else [c for sheet in _sheets(saved) for c in sheet["cells"]]
        if not isinstance(saved_cells, list):
            raise TypeError("cells")
        if not budget.take("cells", len(saved_cells)):
            raise Refused(f"{path} has more than {MAX_CELLS} cells{_TOGETHER}: {_ALONE}")
        printed = _printed(saved_cells)
        if version != 4:
            saved_cells = _of_today(saved, saved_cells)
        cells = [(str(c["cell_type"]), _source(c)) for c in saved_cells]
    except Refused:
        raise
    except Exception as wrong:  # noqa: BLE001  whatever a reader of strange files raises, the file is at fault
        raise Refused(
            f"{path} cannot be read as a notebook of format {version} ({type(wrong).__name__}): "
            "open it in a current Jupyter and save it again"
        ) from None
    if any(len(source) > MAX_CELL_CHARACTERS for _, source in cells):
        raise Refused(
            f"{path} has a cell of more than {MAX_CELL_CHARACTERS:,} characters: read data from a file instead"
        )
    if not budget.take("lines", sum(map(_line_ends, (source for _, source in cells)))):
        raise Refused(f"{path} has more than {MAX_LINES:,} lines{_TOGETHER}: {_ALONE}")
    code = [(number, source) for number, (kind, source) in enumerate(cells, 1) if kind == "code"]
    return Notebook(path, tuple(s for _, s in code), tuple(n for n, _ in code), tuple(cells), printed)


def _printed(cells: Sequence[Any]) -> str:
    """Return the first of what the cells have printed, of whatever form the outputs are."""
    texts: list[str] = []
    left = MAX_PRINTED
    for cell in cells:
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else ():
            text = output.get("text") if isinstance(output, dict) else None
            for piece in text if isinstance(text, list) else [text]:
                if isinstance(piece, str) and left > 0:
                    texts.append(piece[:left])
                    left -= len(texts[-1])
    return "".join(texts)


def _sheets(saved: Any) -> Any:
    """Return what holds the cells in a format before 4: worksheets, and in the first of all the notebook itself."""
    return saved.get("worksheets", [saved])


def _of_today(saved: Any, cells: list[Any]) -> Any:
    """Return the cells of a notebook in another format as those of format 4, without their outputs."""
    bare = [{k: v for k, v in c.items() if k != "attachments"} | {"outputs": [], "metadata": {}} for c in cells]
    holder = {"worksheets": [{"cells": bare, "metadata": {}}]} if "worksheets" in saved else {"cells": bare}
    numbers = {k: saved[k] for k in ("nbformat", "nbformat_minor") if k in saved}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # missing cell ids and the like; they change nothing here
        return nbformat.reads(json.dumps(numbers | holder | {"metadata": {}}), as_version=4)["cells"]


def _line_ends(source: str) -> int:
    """Return how often the text may be cut where `str.splitlines` cuts it."""
    return sum(map(source.count, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"))


def _source(cell: Any) -> str:
    source = cell["source"]
    return "".join(source) if isinstance(source, list) else str(source)


# ── written answers ──────────────────────────────────────────────────────────────────────────────────

_PLACEHOLDER = re.compile(
    r"(?i)^[\s*_#>]*(write|put|type|your|enter|insert)\b[^\n]{0,40}\b(answer|solution|derivation|here)\b[^\n]{0,40}$"
)


class Labels:
    """How lines of a notebook name the written questions: "Q1.1 solution:", or as the manifest says."""

    def __init__(self, labels: Mapping[str, Sequence[str]]) -> None:
        """`labels`: of each question, by its id."""
        self._questions = {_normal(label): id for id, of_id in labels.items() for label in of_id}
        names = "|".join([*map(_flexible, sorted(self._questions, key=len, reverse=True)), _flexible("q1.1", "[1-9]")])
        self._name = re.compile(rf"(?i)(?<![a-z0-9])(?:{names})(?![a-z0-9])")
        self._beginning = re.compile(
            rf"(?i)^[\s*_#>\[\]0-9pts.()-]*((solution|answer)( to| for)?\s*)?(?:{names})(?![a-z0-9])"
            r"\s*(solution|answer)?\s*[:.*_ ]*\s*"
        )

    def question_of(self, line: str) -> str:
        """Return the question that a line begins with, "" for none."""
        name = self._name.search(line) if self._beginning.match(line) else None
        return self._questions.get(_normal(name[0]), _normal(name[0])) if name else ""

    def without(self, line: str) -> str:
        """Return what stands behind the label."""
        return self._beginning.sub("", line, count=1)


def _normal(label: str) -> str:
    """ "Question 1 . 2" → "q1.2"."""
    if re.fullmatch(r"(?i)q(?:uestion)?\s*\.?\s*\d+(?:\s*\.\s*\d+)*", label):
        return f"q{'.'.join(re.findall(r'[0-9]+', label))}"
    return " ".join(label.lower().split())


def _flexible(label: str, digit: str = "") -> str:
    """Return a pattern of the label, however it is spaced; with `digit`, of all labels of its form."""
    numbered = re.fullmatch(r"q(\d+(?:\.\d+)*)", label)
    if numbered is None:
        return r"\s+".join(map(re.escape, label.split()))
    numbers = [digit or number for number in numbered[1].split(".")]
    return r"q(?:uestion)?\s*\.?\s*" + r"\s*\.\s*".join(numbers)


_FENCE = "```\n"
_MAGIC = re.compile(r"```\s*%%(latex|markdown)[^\n]*\n")
_IMAGE = re.compile(r"!\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)|<img\b[^<>]{0,1000}>", re.IGNORECASE)

Region = list[tuple[int, str]]
"""(cell number, text) in order."""


def answers(
    notebooks: Iterable[Notebook],
    handed_out: Iterable[Notebook] = (),
    labels: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Question id → (answer as written, numbers of its cells). Only questions that have something in them.

    An answer reaches from a line that names its question with "solution" or "answer" to the next label. Where a
    question has no such line, whatever stands below its heading and not in the handout is its answer. Where there are
    no words below the label but a cell of code that is not the handout's, that is the answer.
    """
    named = Labels(labels)
    handed_out = list(handed_out)
    known = {line.strip() for n in handed_out for _, source in n.cells for line in source.splitlines()}
    known_code = {source.strip() for n in handed_out for source in n.code}
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    for notebook in notebooks:
        labelled, below_heading = _regions(_words(notebook.cells), named)
        code_below, _ = _regions(notebook.cells, named)
        for question in sorted(labelled.keys() | below_heading.keys()):
            cells = _written(labelled.get(question, []), frozenset()) or (
                _code(code_below[question], known_code)
                if question in labelled
                else _written(below_heading[question], known)
            )
            if cells:
                found[question] = ("\n\n".join(text for _, text in cells), tuple(number for number, _ in cells))
    return found


def _written(region: Region, known: AbstractSet[str]) -> Region:
    """What the student has written there: without the handout's lines and the placeholder."""
    kept = [(number, _own_lines(text, known)) for number, text in region]
    return [(number, text) for number, text in kept if text]


def _words(cells: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same cells, those of code empty, so that each keeps its number."""
    return [(kind, source if kind == "markdown" else "") for kind, source in cells]


def _code(region: Region, known: AbstractSet[str]) -> Region:
    """Cells of code there, as code in markdown; what %%latex or %%markdown begins is text."""
    fenced = [(number, text) for number, text in region if text.startswith(_FENCE)]
    own = [(number, text) for number, text in fenced if text.strip("`\n").strip() not in known]
    return [(number, _MAGIC.sub("", text).strip("`\n") if _MAGIC.match(text) else text) for number, text in own]


def notes(text: str, cells: Sequence[int], notebooks: Iterable[Notebook]) -> tuple[str, ...]:
    """Return remarks on where an answer was found. In a very long one only the beginning is searched for images."""
    text = text[:MAX_SEARCHED_FOR_IMAGES]
    code = {number for notebook in notebooks for number in notebook.code_cell_numbers}
    said = ["the answer stands in a cell of code"] if cells and code.issuperset(cells) else []
    if _IMAGE.search(text):
        said.append("the answer is an image" if not _IMAGE.sub("", text).strip() else "an image belongs to the answer")
    return tuple(said)


def _own_lines(text: str, known: AbstractSet[str]) -> str:
    lines = [line for line in text.splitlines() if line.strip() not in known and not _PLACEHOLDER.match(line[:200])]
    return "\n".join(lines).strip() if any(line.strip("*_ ") for line in lines) else ""


def _regions(cells: Sequence[tuple[str, str]], labels: Labels) -> tuple[dict[str, Region], dict[str, Region]]:
    """Text below solution labels, and text below questions' headings, by question."""
    labelled: dict[str, Region] = {}
    below_heading: dict[str, Region] = {}
    current: Region = []
    for number, (kind, source) in enumerate(cells, 1):
        if kind == "code" and source.strip():
            current.append((number, f"{_FENCE}{source}\n```"))
        if kind != "markdown":
            continue
        for piece in _pieces(source, labels):
            if piece.kind == "solution":
                current = labelled.setdefault(piece.question, [])
            elif piece.kind == "heading":
                current = below_heading.setdefault(piece.question, []) if piece.question else []
            current.append((number, piece.text))
    return labelled, below_heading


Kind = Literal["solution", "heading", "plain"]


class Piece(NamedTuple):
    kind: Kind
    question: str
    """Its id, "" for none."""
    text: str


def _pieces(source: str, labels: Labels) -> list[Piece]:
    """A cell's text cut before every line that labels a solution or asks a question."""
    begun: list[tuple[Kind, str, list[str]]] = [("plain", "", [""])]
    for line in source.splitlines():
        question = labels.question_of(line[:120])
        if question and re.search(r"(?i)solution|answer", line[:120]):
            begun.append(("solution", question, [labels.without(line[:120]) + line[120:] + "\n"]))
        elif question or re.match(r"#{1,6}\s", line):
            begun.append(("heading", question, []))
        else:
            begun[-1][2].append(line + "\n")
    pieces = [Piece(kind, question, "".join(lines)) for kind, question, lines in begun]
    return [p for p in pieces if p.kind != "plain" or p.text.strip()]
