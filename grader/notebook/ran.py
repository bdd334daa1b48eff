"""Record the cells that ran in a kernel.

If the notebook's file is unknown, these cells are graded. Otherwise they show whether the saved file is out of date.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

_MAGICS = ("%grader", "%load_ext grader", "%reload_ext grader")


class RanCell(NamedTuple):
    """The text of a cell at its last run, and the time of that run."""

    source: str
    ran_at: float


class RanCells:
    """The cells that ran in this kernel, ordered by their last run."""

    def __init__(self, earlier: Iterable[str]) -> None:
        """Start with the texts of cells that ran before `%load_ext grader`."""
        now = time.time()
        self._cells: dict[object, RanCell] = {}
        """Id of a cell, or a number if it has none → cell."""
        for number, text in enumerate(earlier):
            self._cells[number] = RanCell(text, now)

    def record(self, info: Any) -> None:
        """Record a cell that is about to run. IPython calls this for its event `pre_run_cell`."""
        if not info.store_history or info.raw_cell is None or _is_of_grader(info.raw_cell):
            return
        key: object = info.cell_id or len(self._cells)
        self._cells.pop(key, None)  # so that it is inserted as the latest
        self._cells[key] = RanCell(info.raw_cell, time.time())

    def sources(self) -> list[str]:
        """Return the texts of the cells that are valid Python."""
        sources = [cell.source for cell in self._cells.values()]
        return [source for source in sources if _is_valid(source)]

    def first_unsaved(self, sources: Collection[str], saved_at: float) -> str:
        """Return the first line of a cell that ran after the notebook was saved and is not in the notebook's file.
        Return "" if there is no such cell.

        Args:
            sources: The texts of the cells in the file.
            saved_at: Time at which the file was saved, in seconds since the epoch.
        """
        saved = {source.strip() for source in sources}
        for cell in self._cells.values():
            source = cell.source.strip()
            if cell.ran_at > saved_at and source and source not in saved:
                return source.partition("\n")[0]
        return ""


def _is_of_grader(source: str) -> bool:
    """Return whether all lines of a cell are magics of the grader, such as `%grader check`."""
    lines = [line.strip() for line in source.splitlines()]
    return all(line.startswith(_MAGICS) for line in lines if line)


def _is_valid(source: str) -> bool:
    from IPython.core.inputtransformer2 import TransformerManager  # available in every kernel

    try:
        ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError):
        return False
    return True
