"""Describe an exception of the student's code as plain data for the grader."""

from __future__ import annotations

import dis
import linecache
import os
from types import CodeType, TracebackType
from typing import Any

FOLDER = "submission"
"""Name of the folder with the student's files, inside the session's folder."""


def describe(error: BaseException, called: object = None) -> list[Any]:
    """Return [type, message, file, line, source line, column] of an exception. The line is that of the innermost frame
    in the student's files. The column is 0 except for syntax errors.

    If no frame is in the student's files, for example because a call's arguments do not match the signature, use the
    `def` line of the function `called`.
    """
    kind = type(error).__name__[:200]
    try:
        message = str(error)[:2000]
    except BaseException:  # noqa: BLE001  a student's __str__ may raise anything
        message = ""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        source = (error.text or "").rstrip("\n")
        return [kind, str(error.msg), own(str(error.filename)) or "", error.lineno, source, error.offset or 0]
    steps, step = [], error.__traceback__
    while step is not None:
        steps.append(step)
        step = step.tb_next
    for step in reversed(steps):
        filename, line = step.tb_frame.f_code.co_filename, raised_line(step, error)
        if file := own(filename):
            return [kind, message, file, line, linecache.getline(filename, line).strip()[:300], 0]
    code = getattr(called, "__code__", None) if isinstance(error, TypeError | NotImplementedError) else None
    if isinstance(code, CodeType) and (file := own(code.co_filename)):
        source = linecache.getline(code.co_filename, code.co_firstlineno).strip()
        return [kind, message, file, code.co_firstlineno, source[:300], 0]
    return [kind, message, "", 0, "", 0]


def raised_line(step: TracebackType, error: BaseException) -> int:
    """Return the line at which a frame raised an exception.

    For an UnboundLocalError, CPython 3.11 may report the line of the preceding assignment. In this case, the line that
    reads the variable is returned.
    """
    if isinstance(error, UnboundLocalError):
        instructions = (i for i in dis.get_instructions(step.tb_frame.f_code) if i.offset >= step.tb_lasti)
        store, load = next(instructions, None), next(instructions, None)
        if store and load and store.opname == "STORE_FAST" and load.positions and load.positions.lineno:
            return load.positions.lineno
    return step.tb_lineno


def own(filename: str) -> str | None:
    """Return the path of a student's file relative to the submission, or the name of a notebook cell; None for any
    other file."""
    marker = os.sep + FOLDER + os.sep
    if marker in filename:
        return filename.rpartition(marker)[2]
    return filename if " cell " in filename or filename.startswith("cell ") else None
