"""Tables as CSV, which spreadsheets open: a cell of a student's must not become a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

_ACTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
"""First characters that make a spreadsheet compute a cell."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def dumps(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([[harmless(cell) for cell in row] for row in rows])
    return text.getvalue()


def harmless(cell: str) -> str:
    """Return a cell with an apostrophe before text that a spreadsheet would compute, or that begins with an apostrophe.
    Numbers stay as they are."""
    acts = cell.startswith((*_ACTS, "'")) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if acts else cell


def as_written(cell: str) -> str:
    """Return the text that `harmless` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_ACTS, "'")) else cell
