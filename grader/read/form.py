"""A question's answers as one page that needs no network, and saves what was filled in as the CSV of `sheet`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

import grader
from grader.model import Points
from grader.read.sheet import Line, because
from grader.render.html import environment

_KATEX = Path(grader.__file__).parent / "api" / "static" / "katex" / "katex.min.js"

_TEMPLATES = environment(Path(__file__).parent)
_TEMPLATES.filters["because"] = lambda line: because(line.suggestion)


def form(title: str, lines: Sequence[Line], worth: Mapping[str, Points], file: str) -> str:
    """`worth`: question → points. `file`: what the browser calls what it saves."""
    katex = Markup(_KATEX.read_text("utf-8"))  # noqa: S704  ours, and without any "</script"
    template = _TEMPLATES.get_template("form.html.j2")
    return template.render(title=title, lines=lines, worth=worth, file=file, katex=katex)
