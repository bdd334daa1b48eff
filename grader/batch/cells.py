"""Write CSV tables in which a spreadsheet does not run students' text as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
"""First characters of cells that a spreadsheet treats as formulas."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def dumps(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as the text of a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([[escaped(cell) for cell in row] for row in rows])
    return text.getvalue()


def escaped(cell: str) -> str:
    """Return the text for a CSV cell. Put an apostrophe before text that a spreadsheet would run as a formula, and
    before text that begins with an apostrophe."""
    is_formula = cell.startswith((*_FORMULA_STARTS, "'")) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def unescaped(cell: str) -> str:
    """Return the original text of a cell that `escaped` returned."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA_STARTS, "'")) else cell
