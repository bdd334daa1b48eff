"""Load the class or the functions that an assignment asks for from the student's files and notebooks.

Several files of a submission may define the same class or function, and some may be broken. The likeliest file is tried
first. If it fails, the next file is tried, and a note records the failure. Functions that the chosen file lacks are
taken from other files. `grader.engine.report` turns the notes into sentences.
"""

from __future__ import annotations

import functools
import linecache
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .attempt import Attempt, Note, attempt, one_line
from .candidates import Candidate, Candidates, candidates
from .cells import named_cells
from .describe import FOLDER
from .entry_points import EntryPoints
from .similar import similar

HANDOUT = "handout"
"""Name of the folder with the handout's modules. It is separate from the student's folder, so that an error in a
handout module is shown at the line of the student's code that called the module."""


class NotFound(Exception):
    """Raised if no file defines the graded class or functions."""


Loaded = dict[str, Any]
"""Name → the class or function. For a function that was not found, the value is an exception that says why."""


def load(
    files: Mapping[str, Any],
    notebooks: Sequence[Mapping[str, Any]],
    wanted: EntryPoints,
    accepted: Sequence[str],
    handout: Mapping[str, Any],
    cpu_seconds: float,
) -> tuple[Loaded, dict[str, Any]]:
    """Load the graded class or functions.

    Args:
        files: The submitted files by path, as arrays of bytes.
        notebooks: Path, code and cell numbers of each notebook.
        wanted: The class or the functions to find.
        accepted: Accepted names of the Python file, the preferred one first.
        handout: Modules of the handout by path, which students do not submit. A submitted module of the same name wins.
        cpu_seconds: CPU seconds for all candidate files together; 0 means no limit.

    Returns:
        The class or functions by name, and plain data that say where they were found.

    Raises:
        NotFound: If no file defines the class or any of the functions.
        BaseException: Any exception of the student's code.
    """
    found = candidates(files, notebooks, wanted, accepted)
    written = {name: text.encode() for name, (text, _, _) in found.written.items()}
    _write_submission({name: content.tobytes() for name, content in files.items()} | written, handout)
    sys.argv[:] = accepted[:1]
    _disable_display()
    _make_cells_readable(notebooks)
    tried = _try_in_order(found.ranked, wanted, cpu_seconds)
    whole = (a for a in tried if a.found and a.error is None)
    best = next(whole, None) or next((a for a in tried if a.found), None)
    if best is None:
        errors = [*(a.error for a in tried if a.error is not None), *found.broken]
        nothing = f"none of the files defines {wanted.what}{_hint(files, notebooks, wanted)}"
        raise errors[0] if errors else NotFound(nothing)
    source, cells, added = _where(best, found)
    entry_points: Loaded = dict(best.found)
    others = _functions_of_other_files(best, tried, found.ranked, wanted, cpu_seconds)
    for name, other in others.items():
        entry_points[name] = other.found[name]
        added.append(("elsewhere", other.candidate.path, name))
    for name in wanted.lacking(entry_points):
        missing = replace(wanted, names=(name,))
        entry_points[name] = best.lacking.get(name) or NotFound(
            f"{source} defines no {name}{_hint(files, notebooks, missing)}"
        )
    return entry_points, {
        "source": source,
        "names": [*best.found, *_attributes(best.found)] if wanted.of_class else sorted({*best.found, *others}),
        "cells": cells,
        "notes": [list(note) for note in (*_other_files(best, [*tried, *others.values()], found), *added, *best.notes)],
    }


def _attributes(found: Mapping[str, Any]) -> list[str]:
    """Return at most 50 names of attributes of the loaded class, for messages."""
    return sorted(n for one in found.values() for n in vars(one) if not n.startswith("__"))[:50]


def _hint(files: Mapping[str, Any], notebooks: Sequence[Mapping[str, Any]], wanted: EntryPoints) -> str:
    instead = similar(files, notebooks, wanted)
    return f" ({instead})" if instead else ""


def _functions_of_other_files(
    best: Attempt, tried: Sequence[Attempt], ranked: Sequence[Candidate], wanted: EntryPoints, cpu_seconds: float
) -> dict[str, Attempt]:
    """Search the other files for the functions that the best file lacks or leaves empty.

    Returns:
        Function → the attempt to load the file that defines it.
    """
    if wanted.of_class:
        return {}
    have = {a.candidate.path: a for a in tried}
    gaps = best.candidate.selected.outline.open if best.candidate.selected.outline else frozenset()
    found: dict[str, Attempt] = {}
    for candidate in ranked:
        missing = wanted.lacking({*best.found, *found} - gaps.difference(found))
        outline = candidate.selected.outline
        if candidate is best.candidate or outline is None or outline.filled.isdisjoint(missing):
            continue
        other = have.get(candidate.path) or attempt(candidate, wanted, cpu_seconds and cpu_seconds / len(ranked))
        found |= {name: other for name in missing if name in other.found}
    return found


def _disable_display() -> None:
    """Prevent `matplotlib.use("TkAgg")` from raising, because the sandbox has no display."""
    if (matplotlib := sys.modules.get("matplotlib")) is not None:
        matplotlib.use = functools.partial(matplotlib.use, force=False)  # type: ignore[attr-defined]


def _make_cells_readable(notebooks: Sequence[Mapping[str, Any]]) -> None:
    """Register the source of notebook cells, so that tracebacks can quote their lines."""
    for name, source in named_cells(notebooks):
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def _write_submission(files: Mapping[str, bytes], handout: Mapping[str, Any]) -> None:
    _write(HANDOUT, {name: content.tobytes() for name, content in handout.items()})
    _write(FOLDER, files)
    sys.path.insert(0, os.path.abspath(HANDOUT))
    os.chdir(FOLDER)
    sys.path.insert(0, os.getcwd())


def _write(folder: str, files: Mapping[str, bytes]) -> None:
    os.makedirs(folder, exist_ok=True)
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content)


def _try_in_order(ranked: Sequence[Candidate], wanted: EntryPoints, cpu_seconds: float) -> list[Attempt]:
    """Run the candidates in order until one loads without an error. Return all attempts. Each candidate gets an equal
    share of the remaining time."""
    tried: list[Attempt] = []
    started = time.process_time()
    for number, candidate in enumerate(ranked):
        left = cpu_seconds - (time.process_time() - started)
        share = max(left / (len(ranked) - number), 0.1) if cpu_seconds else 0.0
        tried.append(attempt(candidate, wanted, round(share, 1)))
        if tried[-1].found and tried[-1].error is None:
            break
    return tried


def _where(best: Attempt, found: Candidates) -> tuple[str, list[int], list[Note]]:
    """Return the file that defines the graded class or functions, the numbers of its cells, and notes. There is a note
    if a notebook adds attributes to a class of another file."""
    if best.source in found.written:  # a module written by a cell counts as that cell
        _, notebook, cell = found.written[best.source]
        return notebook, sorted({cell, *best.cells}), []
    if best.source == best.candidate.path or not best.cells:
        return best.source, best.cells, []
    cells = ", ".join(map(str, best.cells))
    return best.source, [], [("added", f"{best.candidate.path} cell {cells}", "")]


def _other_files(best: Attempt, tried: Sequence[Attempt], found: Candidates) -> list[Note]:
    """Return notes on files that could not be loaded, and on files that define the class or functions differently."""
    failed = {one_line(a.error): a.candidate.path for a in reversed(tried) if a is not best and a.error is not None}
    if best.error is not None:
        failed.pop(one_line(best.error), None)  # a notebook that imports the best file fails with the same error
    notes = [("failed", path, why) for why, path in failed.items()]
    graded = next((c for c in found.ranked if c.path == best.source), best.candidate)
    seen = {best.source, *(a.candidate.path for a in tried)}
    for other in found.ranked:
        if other.path not in seen and other.own_text not in ("", graded.own_text):
            notes.append(("gaps" if other.is_empty_beside(graded) else "other", other.path, ""))
    return notes
