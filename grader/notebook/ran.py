"""The cells that ran in a kernel, to grade them if there is no file, and to notice that the file is out of date."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from grader.notebook.files import SavedCell


class RanCells:
    """The cells that ran, each with the text that ran last."""

    def __init__(self, earlier: Iterable[str]) -> None:
        """Start with the cells that ran before the extension was loaded; their ids are unknown."""
        self._texts: dict[object, str] = dict(enumerate(earlier))
        self._current = ""

    def record(self, info: Any) -> None:
        """Record a cell that is about to run; IPython calls this for its event `pre_run_cell`."""
        if not info.store_history or info.raw_cell is None:
            return
        self._current = info.cell_id or ""
        key: object = self._current or len(self._texts)
        self._texts.pop(key, None)
        self._texts[key] = info.raw_cell

    def sources(self) -> list[str]:
        """Return the cells that are valid Python, in the order in which they ran last."""
        return [text for text in self._texts.values() if _is_valid(text)]

    def is_saved(self, saved: Sequence[SavedCell]) -> bool:
        """Return whether a file with these cells has the texts that ran. Cells without a saved counterpart have been
        deleted, except for the one that runs now."""
        by_id = {cell.id: cell.source.strip() for cell in saved if cell.id}
        if not by_id:
            newest = next(reversed(self._texts.values()), "").strip()
            return not newest or newest in {cell.source.strip() for cell in saved}
        if self._current and self._current not in by_id:
            return False
        return all(by_id.get(str(id), text.strip()) == text.strip() for id, text in self._texts.items())


def _is_valid(source: str) -> bool:
    from IPython.core.inputtransformer2 import TransformerManager  # the kernel has it

    try:
        ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError):
        return False
    return True
