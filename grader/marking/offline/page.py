"""An HTML page for marking without a network. It saves the marks as a CSV file that `sheet.read` accepts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

import grader
from grader.marking.offline.sheet import SheetLine, grounds_text, heading
from grader.marking.shelves import TITLES
from grader.render.html import environment

_HERE = Path(__file__).parent
_KATEX = Path(grader.__file__).parent / "api" / "static" / "katex" / "katex.min.js"

_TEMPLATES = environment(_HERE)
_TEMPLATES.filters |= {"grounds": grounds_text, "heading": heading}


def page(title: str, lines: Sequence[SheetLine], file: str, command: str) -> str:
    """Return the HTML page with these answers.

    Args:
        title: Title of the page.
        lines: The answers.
        file: Name of the CSV file that the page saves.
        command: The command to import the CSV file, which the page shows.
    """
    template = _TEMPLATES.get_template("page.html.j2")
    scripts = [_script(_KATEX), _script(_HERE / "page.js")]
    return template.render(shelf_titles=TITLES, title=title, lines=lines, file=file, command=command, scripts=scripts)


def _script(file: Path) -> Markup:
    return Markup(file.read_text("utf-8"))  # noqa: S704  it does not contain "</script"
