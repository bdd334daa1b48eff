"""Rubrics of a course that come from a file, or are written to one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal

from jinja2 import Template

from grader.assignments.rubric_file import ItemTable, QuestionRubric, Rubrics
from grader.model import Points, show_points
from grader.store import answer_marks, rubrics
from grader.store.database import Tx
from grader.store.records import Offering
from grader.store.rubrics import OfferedQuestion

_TEMPLATE = Template(
    """\
{% for id, rubric in rubrics.items() %}
[{{ quoted(id) }}]
markers = {{ rubric.markers }}
items = [
{% for item in rubric.items %}
    { text = {{ quoted(item.text) }}, points = {{ item.points }} },
{% endfor %}
]
phrases = [
{% for phrase in rubric.phrases %}
    {{ quoted(phrase) }},
{% endfor %}
]

{% endfor %}""",
    trim_blocks=True,
)


@dataclass(frozen=True)
class RubricChanges:
    """The changes that a file makes to the rubrics of a course. Equal rubrics are in neither list."""

    added: list[str]
    """Ids of the questions that get the file's rubric."""
    kept: list[str]
    """Ids of the questions that have another rubric, or are marked already: they stay as they are."""

    @property
    def sentence(self) -> str:
        """The changes for staff; "" if there are none."""
        return f"Rubrics added from rubric.toml: {len(self.added)}." if self.added else ""


def add(tx: Tx, offering: Offering, new: Rubrics, *, dry_run: bool = False) -> RubricChanges:
    """Add rubrics to questions that are not marked, and for which the course has neither items nor comments, and one
    marker. Return the changes; with `dry_run`, make none."""
    changes = RubricChanges([], [])
    for id, rubric in new.items():
        question = OfferedQuestion(offering.course, offering.assignment, id)
        current = present(tx, question)
        if current == rubric:
            continue
        if current != QuestionRubric() or answer_marks.of_question(tx, question):
            changes.kept.append(id)
            continue
        changes.added.append(id)
        if not dry_run:
            for item in rubric.items:
                rubrics.add_item(tx, question, item.text, Points(item.points))
            for phrase in rubric.phrases:
                rubrics.add_phrase(tx, question, phrase)
            rubrics.set_markers(tx, question, rubric.markers)
    return changes


def present(tx: Tx, question: OfferedQuestion) -> QuestionRubric:
    """Return a question's rubric in a course."""
    items = []
    for item in rubrics.items(tx, question):
        items.append(ItemTable(text=item.text, points=Decimal(show_points(item.points))))
    phrases = [phrase.text for phrase in rubrics.phrases_of(tx, question)]
    # not validated: a course may have more comments than a file
    return QuestionRubric.model_construct(markers=rubrics.markers(tx, question), items=items, phrases=phrases)


def dumps(rubric_of: Rubrics) -> str:
    """Return the text of a rubric.toml, which `rubric_file.loads` reads."""
    return str(_TEMPLATE.render(rubrics=rubric_of, quoted=_quoted))


def _quoted(text: str) -> str:
    """Return a text as a string in TOML, which is written as in JSON except for the character DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
