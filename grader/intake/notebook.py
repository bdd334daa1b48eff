"""Parse notebooks into cells. The code in the cells is neither parsed nor run."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from grader.bounds import (
    MAX_CELL_CHARACTERS,
    MAX_CELLS,
    MAX_LINES,
    MAX_NOTEBOOK_VALUES,
    MAX_NOTEBOOKS,
    MAX_PRINTED,
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

    def take(self, what: Literal["values", "cells", "lines"], count: int) -> bool:
        """Subtract `count` from the number that is left of `what`. Return False if the limit is exceeded."""
        left: int = getattr(self, what) - count
        setattr(self, what, left)
        return left >= 0


def read_notebooks(files: Mapping[str, bytes]) -> tuple[Notebook, ...]:
    """Parse all notebooks of a submission. Raise `Refused` if one is not valid, or if all together exceed a limit."""
    notebooks = sorted(name for name in files if name.endswith(".ipynb"))
    if len(notebooks) > MAX_NOTEBOOKS:
        raise Refused(f"there are more than {MAX_NOTEBOOKS} notebooks: {_ONLY_ANSWERS}")
    budget = NotebookBudget()
    return tuple(read_notebook(name, files[name], budget) for name in notebooks)


def read_notebook(path: str, content: bytes, budget: NotebookBudget | None = None) -> Notebook:
    """Parse a notebook of any format.

    Args:
        path: The path in the submission.
        content: The bytes of the file.
        budget: The remaining limits, which are reduced by this notebook; None for the limits of a whole submission.

    Raises:
        Refused: If the file is not a valid notebook or exceeds the limits. The message says what to do.
    """
    budget = budget or NotebookBudget()
    if not budget.take("values", sum(map(content.count, (b",", b"[", b"{")))):
        raise Refused(f"{path} is too large: clear the outputs (Kernel → Restart & Clear Output) and save")
    try:
        saved = json.loads(content.decode("utf-8-sig"))
        version = int(saved["nbformat"])
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        raise Refused(f"{path} is not a notebook: open it in Jupyter and save it again (File → Save)") from None
    try:
        sheets = [saved] if version == 4 else saved.get("worksheets", [saved])  # format 3 has worksheets
        saved_cells = saved["cells"] if version == 4 else [c for sheet in sheets for c in sheet["cells"]]
        if not isinstance(saved_cells, list):
            raise TypeError("the cells are not a list")
        if not budget.take("cells", len(saved_cells)):
            raise Refused(f"{path} has more than {MAX_CELLS} cells{_IN_TOTAL}: {_ONLY_ANSWERS}")
        printed = _printed(saved_cells)
        if version != 4:  # without outputs: nbformat would take seconds for them
            saved_cells = _as_format_4(saved, saved_cells)
        cells = [(str(c["cell_type"]), _source(c)) for c in saved_cells]
    except Refused:
        raise
    except Exception as wrong:  # noqa: BLE001  any exception means that the file is not valid
        raise Refused(
            f"{path} cannot be read as a notebook of format {version} ({type(wrong).__name__}): "
            "open it in a current Jupyter and save it again"
        ) from None
    if any(len(source) > MAX_CELL_CHARACTERS for _, source in cells):
        raise Refused(
            f"{path} has a cell of more than {MAX_CELL_CHARACTERS:,} characters: read data from a file instead"
        )
    if not budget.take("lines", sum(map(_line_ends, (source for _, source in cells)))):
        raise Refused(f"{path} has more than {MAX_LINES:,} lines{_IN_TOTAL}: {_ONLY_ANSWERS}")
    code = [(number, source) for number, (kind, source) in enumerate(cells, 1) if kind == "code"]
    return Notebook(path, tuple(s for _, s in code), tuple(n for n, _ in code), tuple(cells), printed)


def _printed(cells: Sequence[Any]) -> str:
    """Return the printed output of all cells, at most `MAX_PRINTED` characters."""
    texts = []
    left = MAX_PRINTED
    for cell in cells:
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else ():
            text = output.get("text") if isinstance(output, dict) else None
            for piece in text if isinstance(text, list) else [text]:
                if isinstance(piece, str) and left > 0:
                    texts.append(piece[:left])
                    left -= len(texts[-1])
    return "".join(texts)


def _as_format_4(saved: Any, cells: list[Any]) -> Any:
    """Convert the cells of a notebook in another format to format 4, without outputs."""
    bare = [{k: v for k, v in c.items() if k != "attachments"} | {"outputs": [], "metadata": {}} for c in cells]
    holder = {"worksheets": [{"cells": bare, "metadata": {}}]} if "worksheets" in saved else {"cells": bare}
    import nbformat  # takes 0.1 s to import, so only for notebooks in another format

    numbers = {k: saved[k] for k in ("nbformat", "nbformat_minor") if k in saved}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # for example about missing cell ids
        return nbformat.reads(json.dumps(numbers | holder | {"metadata": {}}), as_version=4)["cells"]


def _line_ends(source: str) -> int:
    r"""Count the line ends in a cell. The result may be too large, because "\r\n" counts as two."""
    return sum(map(source.count, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"))


def _source(cell: Any) -> str:
    source = cell["source"]
    return "".join(source) if isinstance(source, list) else str(source)
