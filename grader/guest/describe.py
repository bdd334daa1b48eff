"""Describe an exception of the student's code as plain data for the grader."""

from __future__ import annotations

import dis
import linecache
import os
from types import CodeType, FrameType, TracebackType
from typing import Any

from .gaps import unset_variable

FOLDER = "submission"
"""Name of the folder with the student's files, inside the session's folder."""


def describe(error: BaseException, called: object = None) -> list[Any]:
    """Return [type, message, file, line, source line, column] of an exception. The line is that of the innermost frame
    in the student's files. The column is 0 except for syntax errors.

    If no frame is in the student's files, for example because a call's arguments do not match the signature, use the
    `def` line of the function `called`. If a variable that starter code sets to None made the line raise, describe a
    NotImplementedError at the statement that sets it.
    """
    kind = type(error).__name__[:200]
    try:
        message = str(error)[:2000]
    except BaseException:  # noqa: BLE001  a student's __str__ may raise anything
        message = ""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        source = (error.text or "").rstrip("\n")
        return [kind, str(error.msg), own(str(error.filename)) or "", error.lineno, source, error.offset or 0]
    frames: list[tuple[FrameType, int]] = []
    step = error.__traceback__
    while step is not None:
        if own(step.tb_frame.f_code.co_filename):
            frames.insert(0, (step.tb_frame, raised_line(step, error)))
        step = step.tb_next
    code = getattr(called, "__code__", None)
    if frames:
        innermost, line = frames[0]
        filename = innermost.f_code.co_filename
    elif isinstance(error, TypeError | NotImplementedError) and isinstance(code, CodeType) and own(code.co_filename):
        filename, line = code.co_filename, code.co_firstlineno
    else:
        return [kind, message, "", 0, "", 0]
    unset = unset_variable(frames)
    if unset is not None:
        filename, line, name = unset
        message = f"{name} is still None ({kind}: {message})"
        kind = "NotImplementedError"
    return [kind, message, own(filename), line, linecache.getline(filename, line).strip()[:300], 0]


def raised_line(step: TracebackType, error: BaseException) -> int:
    """Return the line at which a frame raised an exception.

    For an UnboundLocalError, CPython 3.11 may report the line of the preceding assignment. In this case, the line that
    reads the variable is returned.
    """
    if isinstance(error, UnboundLocalError):
        instructions = dis.get_instructions(step.tb_frame.f_code)
        following = [instruction for instruction in instructions if instruction.offset >= step.tb_lasti]
        if len(following) > 1 and following[0].opname == "STORE_FAST":
            reading = following[1].positions
            if reading and reading.lineno:
                return reading.lineno
    return step.tb_lineno


def own(filename: str) -> str | None:
    """Return the path of a student's file relative to the submission, or the name of a notebook cell; None for any
    other file."""
    marker = os.sep + FOLDER + os.sep
    if marker in filename:
        return filename.rpartition(marker)[2]
    return filename if " cell " in filename else None
