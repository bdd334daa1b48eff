"""Write CSV tables in which a spreadsheet does not run students' text as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

_ESCAPED_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "'")
"""First characters of cells that a spreadsheet treats as formulas, and the apostrophe that escapes them."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def dumps(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as the text of a CSV file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow(map(escaped, row))
    return text.getvalue()


def escaped(cell: str) -> str:
    """Return the text for a CSV cell. Put an apostrophe before text that a spreadsheet would run as a formula, and
    before text that begins with an apostrophe."""
    if cell.startswith(_ESCAPED_STARTS) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def unescaped(cell: str) -> str:
    """Return the original text of a cell that `escaped` returned."""
    original = cell.removeprefix("'")
    is_escaped = original != cell and original.startswith(_ESCAPED_STARTS)
    return original if is_escaped else cell
