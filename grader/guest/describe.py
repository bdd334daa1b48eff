"""Describe an exception of the student's code as plain data for the parent process."""

from __future__ import annotations

import linecache
import os
import traceback
from types import CodeType
from typing import Any

FOLDER = "submission"
"""Name of the folder with the student's files, inside the session's folder."""


def describe(error: BaseException, called: object = None) -> list[Any]:
    """Return kind, message, file, line, source line and caret of the innermost frame in the student's files.

    If a call's arguments do not match the signature there is no such frame; the def line of `called` is used instead.
    """
    kind = type(error).__name__[:200]
    try:
        message = str(error)[:2000]
    except BaseException:  # noqa: BLE001  a student's __str__
        message = ""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        source = (error.text or "").rstrip("\n")
        return [kind, str(error.msg), own(str(error.filename)) or "", error.lineno, source, error.offset or 0]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = own(frame.filename)
        if file and frame.lineno is not None:
            source = (frame.line or linecache.getline(frame.filename, frame.lineno)).strip()
            return [kind, message, file, frame.lineno, source[:300], 0]
    code = getattr(called, "__code__", None) if isinstance(error, TypeError) else None
    if isinstance(code, CodeType) and (file := own(code.co_filename)):
        source = linecache.getline(code.co_filename, code.co_firstlineno).strip()
        return [kind, message, file, code.co_firstlineno, source[:300], 0]
    return [kind, message, "", 0, "", 0]


def own(filename: str) -> str | None:
    """Return the path of a student's file relative to the submission, or None for any other file."""
    marker = os.sep + FOLDER + os.sep
    if marker in filename:
        return filename.rpartition(marker)[2]
    return filename if " cell " in filename or filename.startswith("cell ") else None
