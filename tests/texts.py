"""The texts of pages: `python -m tests.texts` brings the German catalogue up to date with the templates.

It adds new texts without a translation, drops texts that are gone, and compiles the catalogue.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import nodes

from grader.api.assignments import SubmissionWindow
from grader.api.course_scores import CellState
from grader.api.offering import SETTING_LABELS
from grader.api.rendering import COMING, PAST, UNITS
from grader.marking.groups import SHELF_TITLES
from grader.model import Status
from grader.render.html import environment
from grader.render.phrases import COMPARED
from grader.store.records import Role, TokenScope
from tests.conftest import ROOT

FOLDERS = ("grader/api", "grader/course", "grader/render")
LOCALE = ROOT / "grader" / "locale" / "de" / "LC_MESSAGES"
PO, MO = LOCALE / "grader.po", LOCALE / "grader.mo"

_METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.j2", "jinja2")]
_JINJA = {"newstyle_gettext": "true", "silent": "false", "trim_blocks": "true", "lstrip_blocks": "true"}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
_WORDS = [
    *(status.label for status in Status),
    *get_args(SubmissionWindow),
    *CellState,
    *Role,
    *TokenScope,
    *SHELF_TITLES.values(),
    *COMPARED.values(),
    *SETTING_LABELS.values(),
    *("added", "changed", "removed"),
]
"""Words that Python names, and that templates pass to `_`."""


def extracted() -> Catalog:
    """The texts of templates and Python, without translations."""
    catalog = Catalog(locale="de")
    for folder in FOLDERS:
        options = {"**.html": _JINJA, "**.j2": _JINJA}
        for file, _, text, comments, _ in extract_from_dir(str(ROOT / folder), _METHODS, options, _KEYWORDS):
            catalog.add(text, locations=[(f"{folder}/{file}", None)], auto_comments=comments)
    for word in _WORDS:
        catalog.add(str(word))
    for unit, _ in UNITS:
        for pattern in (COMING, PAST):
            catalog.add((pattern.format(unit), pattern.format(f"{unit}s")))
    for title in problem_titles():
        catalog.add(title)
    return catalog


def problem_titles() -> list[str]:
    """The titles of error pages, which are the third argument of `HttpProblem`."""
    titles = []
    for file in sorted((ROOT / "grader" / "api").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("HttpProblem"), args=[_, _, ast.Constant(str(title)), *_]):
                    titles.append(title)
    return titles


def catalogue() -> Catalog:
    """The German catalogue."""
    with PO.open("rb") as file:
        return read_po(file, locale="de")


def compiled(catalog: Catalog) -> bytes:
    content = io.BytesIO()
    write_mo(content, catalog)
    return content.getvalue()


def main() -> None:
    """Bring the catalogue up to date, and compile it."""
    german = catalogue()
    german.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    german.obsolete.clear()
    with PO.open("wb") as file:
        write_po(file, german, width=120, include_lineno=False, sort_output=True)
    MO.write_bytes(compiled(german))
    missing = [message.id for message in german if message.id and not is_translated(message)]
    print(f"{PO.relative_to(ROOT)} has {len(german)} texts; {len(missing)} are not translated")


def is_translated(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple) else [message.string]
    return all(strings)


NAMES = {"grader", "sha", "ml", "Python", "numpy", "UTC", "κ", "lang", "en"}
"""Words that are the same in all languages."""
READ = ("aria-label", "title", "placeholder", "alt", "data-say")
"""Attributes that people read."""
QUOTED = ("style", "code", "kbd", "pre")
"""Elements with code and keys."""


def templates() -> list[Path]:
    files = [*(ROOT / "grader/api/templates").rglob("*.html"), *(ROOT / "grader/render/templates").rglob("*.j2")]
    return sorted(files)


class _Texts(HTMLParser):
    """The texts of a page that people read."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._quoted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._quoted += tag in QUOTED
        self.texts += [value or "" for name, value in attrs if name in READ]

    def handle_endtag(self, tag: str) -> None:
        self._quoted -= tag in QUOTED

    def handle_data(self, data: str) -> None:
        if not self._quoted:
            self.texts.append(data)


def texts_outside(source: str) -> list[str]:
    """The texts of a template that it does not pass to `_` or `ngettext`."""
    keys = r'<dl class="facts keys">.*?</dl>'
    markup = re.sub(rf"{{#.*?#}}|{{%.*?%}}|{keys}", "", source, flags=re.DOTALL)
    parser = _Texts()
    parser.feed(re.sub(r"{{.*?}}", _constants, markup, flags=re.DOTALL))
    return [text.strip() for text in parser.texts if set(re.findall(r"[^\W\d_]+", text)) - NAMES]


def _constants(expression: re.Match[str]) -> str:
    """The constant strings that an expression may print."""
    return " ".join(_printed(environment().parse(expression[0])))


def _printed(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, nodes.Filter) and node.name == "format":
        return
    for child in node.iter_child_nodes(exclude=("test", "arg", "args", "kwargs", "key", "expr", "ops")):
        yield from _printed(child)


if __name__ == "__main__":
    main()
