"""What stands beside answers while they are marked: the question as the handout asks it, and the model solution."""

from __future__ import annotations

import re

from grader.catalogue import Assignment
from grader.notebook import Labels

SOLUTIONS = "solutions"
"""Folder of an assignment with a Markdown file for each written question ("q1.1.md"). Students never see it."""
_ANSWER_LABEL = re.compile(r"(?i)solution|answer")


def model_solution(assignment: Assignment, question: str) -> str:
    """Return the author's solution as Markdown, "" if there is none."""
    file = assignment.folder / SOLUTIONS / f"{question}.md"
    return file.read_text("utf-8").strip() if file.is_file() else ""


def question_text(assignment: Assignment, question: str) -> str:
    """Return the text right before the place for the answer in the handout's notebook, "" if there is no such place."""
    labels = Labels(assignment.manifest.labels)
    for notebook in assignment.handout:
        before = ""
        for kind, source in notebook.cells:
            if kind != "markdown":
                continue
            lines = source.splitlines()
            for number, line in enumerate(lines):
                if labels.question_of(line[:120]) == question and _ANSWER_LABEL.search(line[:120]):
                    return "\n".join(lines[:number]).strip() or before
            before = source.strip()
    return ""
