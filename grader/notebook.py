"""A notebook's bytes → its cells, and the written answers among them. What the code means is not looked at."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import nbformat

from grader.errors import Refused
from grader.model import Notebook

MAX_CELLS = 2_000
MAX_CELL_CHARACTERS = 1_000_000


def read_notebook(path: str, content: bytes) -> Notebook:
    """Raises `Refused` with what to do where it is not a notebook that Jupyter could open."""
    try:
        text = content.decode("utf-8-sig")
        version = int(json.loads(text)["nbformat"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused(f"{path} is not a notebook: open it in Jupyter and save it again (File → Save)") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing cell ids and the like; they change nothing here
            notebook = nbformat.reads(text, as_version=4)
        cells = [(str(c["cell_type"]), _source(c)) for c in notebook["cells"]]
    except Exception as wrong:  # noqa: BLE001  whatever a reader of strange files raises, the file is at fault
        raise Refused(
            f"{path} cannot be read as a notebook of format {version} ({type(wrong).__name__}): "
            "open it in a current Jupyter and save it again"
        ) from None
    if len(cells) > MAX_CELLS or any(len(source) > MAX_CELL_CHARACTERS for _, source in cells):
        raise Refused(f"{path} has more than {MAX_CELLS} cells, or a cell of over a million characters")
    code = [(number, source) for number, (kind, source) in enumerate(cells, 1) if kind == "code"]
    return Notebook(path, tuple(s for _, s in code), tuple(n for n, _ in code), tuple(cells))


def _source(cell: Any) -> str:
    source = cell["source"]
    return "".join(source) if isinstance(source, list) else str(source)


# ── written answers ──────────────────────────────────────────────────────────────────────────────────

_LABEL = re.compile(r"(?i)\bq(?:uestion)?\s*\.?\s*([1-9])\s*\.\s*([1-9])\b")
_PLACEHOLDER = re.compile(
    r"(?i)^[\s*_#>]*(write|put|type|your|enter|insert)\b[^\n]{0,40}\b(answer|solution|derivation|here)\b[^\n]{0,40}$"
)
_LABEL_LINE = re.compile(
    r"(?i)^[\s*_#>\[\]0-9pts.()-]*((solution|answer)( to| for)?\s*)?q(?:uestion)?\s*\.?\s*[1-9]\s*\.\s*[1-9]"
    r"\s*(solution|answer)?\s*[:.*_ ]*\s*"
)


def answers(notebooks: Iterable[Notebook]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Question id → (answer as written, numbers of its cells). Only questions that have something in them.

    A question's region reaches from a cell that names it with "solution" or "answer" to the next label. Cells
    of the handout's own question text are headings and end a region without starting one.
    """
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    for notebook in notebooks:
        for question, cells in _regions(notebook.cells).items():
            text = "\n\n".join(t for _, t in cells if t).strip()
            if text:
                found[question] = (text, tuple(number for number, t in cells if t))
    return found


def _regions(cells: Sequence[tuple[str, str]]) -> dict[str, list[tuple[int, str]]]:
    regions: dict[str, list[tuple[int, str]]] = {}
    current: str | None = None
    for number, (kind, source) in enumerate(cells, 1):
        if kind != "markdown":
            continue
        for question, text in _pieces(source):
            if question == "heading":
                current = None
            elif question is not None:
                current = question
            if current is not None:
                regions.setdefault(current, []).append((number, _without_placeholder(text)))
    return regions


def _pieces(source: str) -> list[tuple[str | None, str]]:
    """A cell's text cut before every line that labels a solution or asks a question."""
    pieces: list[tuple[str | None, str]] = [(None, "")]
    for line in source.splitlines():
        label = _LABEL.search(line[:120])
        if label and re.search(r"(?i)solution|answer", line[:120]) and _LABEL_LINE.match(line):
            pieces.append((f"q{label[1]}.{label[2]}", _LABEL_LINE.sub("", line, count=1) + "\n"))
        elif (label and _LABEL_LINE.match(line)) or re.match(r"#{1,6}\s", line):
            pieces.append(("heading", ""))
        else:
            question, text = pieces[-1]
            pieces[-1] = (question, text + line + "\n")
    return [p for p in pieces if p[0] is not None or p[1].strip()]


def _without_placeholder(text: str) -> str:
    kept = [line for line in text.splitlines() if not _PLACEHOLDER.match(line)]
    return (
        "\n".join(kept).strip().strip("*_").strip()
        if not any(k.strip("*_ ") for k in kept)
        else "\n".join(kept).strip()
    )
