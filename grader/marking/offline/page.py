"""Answers as one page that needs no network, and saves what was filled in as the CSV of `sheet`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

import grader
from grader.marking.offline.sheet import Line, because, heading
from grader.marking.shelves import TITLES
from grader.render.html import environment

_HERE = Path(__file__).parent
_KATEX = Path(grader.__file__).parent / "api" / "static" / "katex" / "katex.min.js"

_TEMPLATES = environment(_HERE)
_TEMPLATES.filters |= {"because": because, "heading": heading}


def page(title: str, lines: Sequence[Line], file: str, command: str) -> str:
    """`file`: what the browser calls what it saves. `command`: what takes it in."""
    template = _TEMPLATES.get_template("page.html.j2")
    scripts = [_script(_KATEX), _script(_HERE / "page.js")]
    return template.render(shelf_titles=TITLES, title=title, lines=lines, file=file, command=command, scripts=scripts)


def _script(file: Path) -> Markup:
    """Ours, and without any "</script"."""
    return Markup(file.read_text("utf-8"))  # noqa: S704
