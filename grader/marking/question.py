"""The text of a question for markers: the question as in the handout, and the model solution."""

from __future__ import annotations

import re

from grader.assignments.catalogue import Assignment
from grader.derivations.labels import Labels

SOLUTIONS = "solutions"
"""Folder of an assignment with a Markdown file for each written question ("q1.1.md"). Students never see it."""


def model_solution(assignment: Assignment, question: str) -> str:
    """Return the author's solution as Markdown; "" if there is none."""
    file = assignment.folder / SOLUTIONS / f"{question}.md"
    if not file.is_file():
        return ""
    return file.read_text("utf-8").strip()


def question_text(assignment: Assignment, question: str) -> str:
    """Return the text of a question from the handout's notebook; "" if there is none.

    It is the Markdown before the line that labels the solution, for example "Q1.1 solution:". Without such a label, it
    is the cell that mentions the question's number.
    """
    labels = Labels(assignment.manifest.labels)
    naming = ""  # the first cell that mentions the question's number
    for notebook in assignment.handout:
        before = ""  # the cell before
        for kind, source in notebook.cells:
            if kind != "markdown":
                continue
            lines = source.splitlines()
            for number, line in enumerate(lines):
                label = labels.question_of(line)
                if label is None or label.question != question:
                    continue
                if label.solution:
                    return _without_heading_marks("\n".join(lines[:number])) or before
                naming = naming or _without_heading_marks(source)
            before = _without_heading_marks(source)
    return naming


def _without_heading_marks(source: str) -> str:
    return re.sub(r"(?m)^#+ ", "", source).strip()
