"""One question's answers as one HTML page that needs no network: read, fill in, save, and `grader read import` it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from grader.model import Points, show_points
from grader.reading.offline import points_to_show
from grader.reading.papers import Paper
from grader.render.formulas import pieces
from grader.render.text import clean
from grader.store.records import Person
from grader.store.rubrics import Question, RubricItem


def form(
    question: Question,
    title: str,
    worth: Points,
    found: Sequence[Paper],
    reader: Person,
    items: Sequence[RubricItem],
    phrases: Sequence[str],
) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"points": show_points, "given": points_to_show, "clean": clean, "pieces": pieces}
    return environment.get_template("form.html.j2").render(
        question=question,
        place=f"{question.course} {question.assignment} {question.id}",
        title=title,
        worth=worth,
        papers=found,
        reader=reader,
        items=items,
        phrases=phrases,
        katex=_script("katex/katex.min.js"),
        script=_own_script(),
    )


def _script(name: str) -> Markup:
    """Ours, and so safe as it is."""
    return Markup(files("grader.api").joinpath("static", name).read_text("utf-8"))  # noqa: S704


def _own_script() -> Markup:
    return Markup(files("grader.reading").joinpath("form.js").read_text("utf-8"))  # noqa: S704
