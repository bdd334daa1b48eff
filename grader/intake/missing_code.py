"""Detect submissions without code to grade, by searching their text. Nothing is parsed or run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from grader.guest.entry_points import EntryPoints
from grader.model import Submission


def has_code(
    submission: Submission, entry_points: EntryPoints, accepted: Sequence[str], handed_out: Iterable[str] = ()
) -> bool:
    """Return whether a submission contains code to grade.

    The first of these rules that applies decides:

    1. Yes if a file has an accepted name or defines an entry point.
    2. No if the submission imports an accepted file that it does not contain.
    3. Yes if there is a Python file that is not from the handout.
    4. Yes if a notebook defines any class or, if functions are required, any function.

    Args:
        submission: The submission.
        entry_points: The required class or functions.
        accepted: Accepted names of the required file, such as "softmax.py".
        handed_out: Names of the handout's Python files.
    """
    modules = [name for name in submission.files if name.endswith(".py")]
    own_modules = {PurePosixPath(name).name for name in modules} - set(handed_out)
    if not own_modules.isdisjoint(accepted):
        return True
    cells = [source for notebook in submission.notebooks for source in notebook.code]
    texts = [submission.files[name].decode("utf-8", "replace") for name in modules] + cells
    names = "|".join(map(re.escape, entry_points.names))
    if _in_any(texts, rf"(?:{entry_points.definition()}|(?:{names})[ \t]*=)"):
        return True
    module = "|".join(re.escape(file.removesuffix(".py")) for file in accepted)
    imports = (
        rf"(?:from[ \t]+(?:\w+\.)*(?:{module})[ \t]+import|import[ \t]+(?:{module})\b|%run\b[^\n]*\b(?:{module})\b)"
    )
    if _in_any(texts, imports):
        return False
    if own_modules:
        return True
    return _in_any(cells, r"class[ \t]+\w" if entry_points.of_class else r"def[ \t]+\w")


def _in_any(texts: Iterable[str], beginning: str) -> bool:
    """Return whether the regular expression `beginning` matches at the beginning of a line, after any spaces."""
    line = re.compile(rf"^[ \t]*{beginning}", re.MULTILINE)
    return any(map(line.search, texts))
