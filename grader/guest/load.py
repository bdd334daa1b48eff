"""The student's files and notebooks → the one class that is asked for.

A hand-in may have several files that define it, and some of them may be broken. The likeliest is taken first;
where it fails, the next one; and what happened on the way is noted. Facts only: `grader.report` words them.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .attempt import Attempt, Note, attempt, one_line
from .candidates import Candidate, Candidates, candidates
from .describe import FOLDER
from .nearly import nearly

HANDOUT = "handout"
"""Where the course's own modules lie, beside the student's folder: an error in them is shown at the student's line
that led there."""


class NotFound(Exception):
    """No file defines the class that is asked for."""


def load(
    files: Mapping[str, Any],
    notebooks: Sequence[Mapping[str, Any]],
    wanted: Sequence[str],
    file: str,
    handout: Mapping[str, Any],
    cpu_seconds: float,
) -> tuple[type, dict[str, Any]]:
    """Return the class, and where it was found. Raises what the student's own code raises.

    `wanted` are names of the class; `file` is the name of the Python file that the handout asks for.
    `handout` are modules that every student has and nobody hands in; a student's own of that name wins.
    `cpu_seconds` are shared among the files that may hold the class; 0 is no limit.
    """
    found = candidates(files, notebooks, wanted, file)
    written = {name: text.encode() for name, (text, _, _) in found.written.items()}
    _lay_out({name: content.tobytes() for name, content in files.items()} | written, handout)
    _without_screen()
    tried = _until_one_works(found.ranked, wanted, cpu_seconds)
    whole = (a for a in tried if a.found is not None and a.error is None)
    best = next(whole, None) or next((a for a in tried if a.found is not None), None)
    if best is None or best.found is None:
        errors = [*(a.error for a in tried if a.error is not None), *found.broken]
        raise errors[0] if errors else _not_found(files, notebooks, wanted)
    source, cells, added = _where(best, found)
    return best.found, {
        "source": source,
        "class": best.found.__name__,
        "names": sorted(n for n in vars(best.found) if not n.startswith("__"))[:50],
        "cells": cells,
        "notes": [list(note) for note in (*_other_files(best, tried, found), *added, *best.notes)],
    }


def _not_found(files: Mapping[str, Any], notebooks: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> NotFound:
    instead = nearly(files, notebooks, wanted)
    return NotFound(f"none of the files defines a class {wanted[0]}" + (f" ({instead})" if instead else ""))


def _without_screen() -> None:
    """`matplotlib.use("TkAgg")` chooses nothing here, where there is no screen, and must not end the file."""
    if (matplotlib := sys.modules.get("matplotlib")) is not None:
        matplotlib.use = functools.partial(matplotlib.use, force=False)  # type: ignore[attr-defined]


def _lay_out(files: Mapping[str, bytes], handout: Mapping[str, Any]) -> None:
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


def _until_one_works(ranked: Sequence[Candidate], wanted: Sequence[str], cpu_seconds: float) -> list[Attempt]:
    """Each may use its share of the time that is left."""
    tried: list[Attempt] = []
    started = time.process_time()
    for number, candidate in enumerate(ranked):
        left = cpu_seconds - (time.process_time() - started)
        share = max(left / (len(ranked) - number), 0.1) if cpu_seconds else 0.0
        tried.append(attempt(candidate, wanted, round(share, 1)))
        if tried[-1].found is not None and tried[-1].error is None:
            break
    return tried


def _where(best: Attempt, found: Candidates) -> tuple[str, list[int], list[Note]]:
    """Source and cells, and which cells of a notebook add to the class of a file."""
    if best.source in found.written:  # a module that a cell writes is that cell of the notebook
        _, notebook, cell = found.written[best.source]
        return notebook, sorted({cell, *best.cells}), []
    if best.source == best.candidate.path or not best.cells:
        return best.source, best.cells, []
    cells = ", ".join(map(str, best.cells))
    return best.source, [], [("added", f"{best.candidate.path} cell {cells}", "")]


def _other_files(best: Attempt, tried: Sequence[Attempt], found: Candidates) -> list[Note]:
    """Those that could not be loaded, and those that define the class in another way."""
    failed = {one_line(a.error): a.candidate.path for a in reversed(tried) if a is not best and a.error is not None}
    if best.error is not None:
        failed.pop(one_line(best.error), None)  # a notebook that imports a file fails with it
    notes = [("failed", path, why) for why, path in failed.items()]
    graded = next((c for c in found.ranked if c.path == best.source), best.candidate)
    seen = {best.source, *(a.candidate.path for a in tried)}
    for other in found.ranked:
        if other.path not in seen and other.own_text not in ("", graded.own_text):
            notes.append(("gaps" if other.is_empty_beside(graded) else "other", other.path, ""))
    return notes
