"""Detection of submissions without their code, by text alone: nothing is parsed or run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from grader.model import Submission


def has_code(submission: Submission, classes: Sequence[str], file: str, handed_out: Iterable[str] = ()) -> bool:
    """Return whether there is code to grade.

    A text that defines one of the `classes` is code. Without one, a submission that imports `file` has left it out;
    otherwise a Python file of the student's is code, and so is a class of another name in a notebook.

    Args:
        classes: Accepted names of the required class.
        file: Name of the required file, "mlp.py".
        handed_out: Names of Python files that students were given; they are not the student's code.
    """
    modules = {name: code for name, code in submission.files.items() if name.endswith(".py")}
    own = {PurePosixPath(name).name for name in modules} - set(handed_out)
    if file in own:
        return True
    module, names = re.escape(file.removesuffix(".py")), "|".join(map(re.escape, classes))
    defines = rf"(?:class[ \t]+(?:{names})\b|(?:{names})[ \t]*=)"
    imports = rf"(?:from[ \t]+(?:\w+\.)*{module}[ \t]+import|import[ \t]+{module}\b|%run\b[^\n]*\b{module}\b)"
    cells = [source for notebook in submission.notebooks for source in notebook.code]
    texts = [*(code.decode("utf-8", "replace") for code in modules.values()), *cells]
    if _in_any(texts, defines):
        return True
    if _in_any(texts, imports):
        return False
    return bool(own) or _in_any(cells, r"class[ \t]+\w")


def _in_any(texts: Iterable[str], beginning: str) -> bool:
    """Return whether a line of one of the texts begins with this pattern."""
    line = re.compile(rf"^[ \t]*{beginning}", re.MULTILINE)
    return any(map(line.search, texts))
