"""Tables as CSV, which spreadsheets open: a cell of a student's must not become a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

_ACTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
"""What makes a spreadsheet compute a cell when it stands at its beginning."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def dumps(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([[harmless(cell) for cell in row] for row in rows])
    return text.getvalue()


def harmless(cell: str) -> str:
    """With an apostrophe before it where it would act, or where it begins with one, so that `as_written` can tell.
    A number is only a number."""
    acts = cell.startswith((*_ACTS, "'")) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if acts else cell


def as_written(cell: str) -> str:
    """What `harmless` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_ACTS, "'")) else cell
