"""Parse notebooks into cells. The code in the cells is neither parsed nor run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grader.bounds import (
    MAX_CELL_CHARACTERS,
    MAX_CELLS,
    MAX_LINES,
    MAX_NOTEBOOK_VALUES,
    MAX_NOTEBOOKS,
    storable,
)
from grader.errors import Refused
from grader.model import Notebook

_IN_TOTAL = " (all notebooks of a submission count together)"
_ONLY_ANSWERS = "submit only the notebook with your answers"


@dataclass
class NotebookBudget:
    """The numbers of JSON values, cells and lines that the remaining notebooks of a submission may have."""

    values: int = MAX_NOTEBOOK_VALUES
    cells: int = MAX_CELLS
    lines: int = MAX_LINES


def read_notebooks(files: Mapping[str, bytes]) -> tuple[Notebook, ...]:
    """Parse all notebooks of a submission. Raise `Refused` if one is not valid, or if all together exceed a limit."""
    names = sorted(name for name in files if name.endswith(".ipynb"))
    if len(names) > MAX_NOTEBOOKS:
        raise Refused(f"there are more than {MAX_NOTEBOOKS} notebooks: {_ONLY_ANSWERS}")
    budget = NotebookBudget()
    return tuple(read_notebook(name, files[name], budget) for name in names)


def read_notebook(path: str, content: bytes, budget: NotebookBudget | None = None) -> Notebook:
    """Parse a notebook of format 3 or 4.

    Args:
        path: The path in the submission.
        content: The bytes of the file.
        budget: The remaining limits, which are reduced by this notebook; None for the limits of a whole submission.

    Raises:
        Refused: If the file is not a valid notebook or exceeds the limits. The message says what to do.
    """
    budget = budget or NotebookBudget()
    budget.values -= sum(map(content.count, (b",", b"[", b"{")))
    if budget.values < 0:
        raise Refused(f"{path} is too large: clear the outputs (Kernel → Restart & Clear Output) and save")
    try:
        saved = json.loads(content.decode("utf-8-sig"))
        version = int(saved["nbformat"])
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        raise Refused(f"{path} is not a notebook: open it in Jupyter and save it again (File → Save)") from None
    try:
        saved_cells = _saved_cells(saved, version)
        cells = tuple(_cell(saved_cell, version) for saved_cell in saved_cells[: MAX_CELLS + 1])
    except Exception as error:  # noqa: BLE001  any exception means that the file is not valid
        raise Refused(
            f"{path} cannot be read as a notebook of format {version} ({type(error).__name__}): "
            "open it in a current Jupyter and save it again"
        ) from None
    budget.cells -= len(saved_cells)
    if budget.cells < 0:
        raise Refused(f"{path} has more than {MAX_CELLS} cells{_IN_TOTAL}: {_ONLY_ANSWERS}")
    for _, source in cells:
        if len(source) > MAX_CELL_CHARACTERS:
            raise Refused(
                f"{path} has a cell of more than {MAX_CELL_CHARACTERS:,} characters: read data from a file instead"
            )
        # the result may be too large, because "\r\n" counts as two
        budget.lines -= sum(map(source.count, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"))
    if budget.lines < 0:
        raise Refused(f"{path} has more than {MAX_LINES:,} lines{_IN_TOTAL}: {_ONLY_ANSWERS}")
    code = [(number, source) for number, (kind, source) in enumerate(cells, 1) if kind == "code"]
    sources = tuple(source for _, source in code)
    numbers = tuple(number for number, _ in code)
    return Notebook(path, sources, numbers, cells)


def _saved_cells(saved: Any, version: int) -> list[Any]:
    """Return the cells of a notebook as saved. In format 3, they are in worksheets."""
    if version == 3:
        return [cell for sheet in saved["worksheets"] for cell in sheet["cells"]]
    if version != 4:
        raise ValueError("unknown format")
    cells: Any = saved["cells"]
    if not isinstance(cells, list):
        raise TypeError("the cells are not a list")
    return cells


def _cell(saved: Any, version: int) -> tuple[str, str]:
    """Return the kind and the source of a cell. In format 3, the source of code is its input, and headings have cells
    of their own."""
    kind = str(saved["cell_type"])
    source = saved["input"] if kind == "code" and version == 3 else saved["source"]
    text = storable("".join(source) if isinstance(source, list) else str(source))
    if kind == "heading":
        return "markdown", f"# {' '.join(text.split())}"
    return kind, text
