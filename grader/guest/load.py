"""Load the class or the functions that an assignment asks for from the student's files and notebooks.

Several files of a submission may define the same class or function, and some may be broken. The likeliest file is run
first, then the others until one is complete. If none is, the one with the most implemented functions counts, and
functions that it lacks are taken from the others. `grader.engine.report` turns the notes into sentences.
"""

from __future__ import annotations

import ast
import functools
import linecache
import os
import re
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from .describe import FOLDER
from .entry_points import EntryPoints
from .gaps import implemented
from .misnamed import misnamed
from .placeholders import StandIn
from .run import (
    Notes,
    Runner,
    SubmittedFile,
    forget_modules,
    import_submitted_files,
    new_module,
    new_modules,
    one_line,
)
from .sources import Source, Statement, named_cells, read_file, read_notebook

HANDOUT = "handout"
"""Name of the folder with the handout's modules. It is separate from the student's folder, so that an error in a
handout module is shown at the line of the student's code that called the module."""


class NotFound(Exception):
    """Raised if no file defines the graded class or functions."""


Loaded = dict[str, Any]
"""Name → the class or function. For a function that was not found, the value is an exception that says why."""


@dataclass
class Attempt:
    """The result of running one file or notebook."""

    source: Source
    values: dict[str, Any]
    """The graded class or functions that the file defines, by name."""
    parts: dict[str, bool]
    """Name of each graded function, or of each method of the class → whether it is implemented."""
    errors: dict[str, BaseException]
    """Name of a graded class or function that is missing → the error that explains why, if there is one."""
    notes: Notes
    file: str
    """The file that defines the graded class or functions: the source, or a file that it imports."""
    cells: list[int]
    """Numbers of the notebook cells with graded code. If a Python file defines the graded class, these are only the
    cells that add attributes to the class."""

    @property
    def written(self) -> set[str]:
        """Names of the implemented methods or functions."""
        return {part for part, is_written in self.parts.items() if is_written}

    def completeness(self) -> tuple[bool, int]:
        """Return a value by which attempts are compared: the best one has the largest value."""
        return bool(self.values), len(self.written)


def load(
    files: Mapping[str, Any],
    notebooks: Sequence[Mapping[str, Any]],
    entry_points: EntryPoints,
    accepted: Sequence[str],
    handout: Mapping[str, Any],
    cpu_seconds: float,
) -> tuple[Loaded, dict[str, Any]]:
    """Load the graded class or functions.

    Args:
        files: The submitted files by path, as arrays of bytes.
        notebooks: Path, code and cell numbers of each notebook.
        entry_points: The class or the functions to find.
        accepted: Accepted names of the Python file, the preferred one first.
        handout: Modules of the handout by path, which students do not submit. A submitted module of the same name wins.
        cpu_seconds: CPU seconds for all candidate files together; 0 means no limit.

    Returns:
        The class or functions by name, and plain data that say where they were found.

    Raises:
        NotFound: If no file defines the class or any of the functions.
        BaseException: Any exception of the student's code.
    """
    contents = {name: content.tobytes() for name, content in files.items()}
    _write_submission(contents, handout)
    sys.argv[:] = accepted[:1]
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None:  # without a display, `matplotlib.use("TkAgg")` must not raise
        matplotlib.use = functools.partial(matplotlib.use, force=False)  # type: ignore[attr-defined]
    for name, text in named_cells(notebooks):  # so that tracebacks can quote their lines
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    import_submitted_files()
    sources = [read_notebook(notebook) for notebook in notebooks]
    sources += [read_file(path, content) for path, content in contents.items() if path.endswith(".py")]
    candidates = _likeliest_first(sources, entry_points, accepted)
    attempts = _run_until_complete(candidates, entry_points, cpu_seconds)
    best = max(attempts, key=Attempt.completeness, default=None)
    if best is None or not best.values:
        errors = [error for attempt in attempts for error in attempt.errors.values()]
        errors += [error for source in sources for error, _ in source.unreadable]
        nothing = f"none of the files defines {entry_points.what}{misnamed(files, notebooks, entry_points)}"
        raise errors[0] if errors else NotFound(nothing)
    loaded: Loaded = dict(best.values)
    notes = _other_files(best, attempts, candidates, entry_points)
    for name, attempt in _functions_elsewhere(best, attempts, entry_points).items():
        loaded[name] = attempt.values[name]
        notes["elsewhere", attempt.source.path] = name
    names = [*loaded, *_attributes(loaded)] if entry_points.of_class else sorted(loaded)
    for name in entry_points.lacking(loaded):
        hint = misnamed(files, notebooks, replace(entry_points, names=(name,)))
        loaded[name] = best.errors.get(name) or NotFound(f"{best.file} defines no {name}{hint}")
    is_imported = best.file != best.source.path
    if is_imported and best.cells:
        notes["added", f"{best.source.path} cell {', '.join(map(str, best.cells))}"] = ""
    return loaded, {
        "source": best.file,
        "names": names,
        "cells": [] if is_imported else best.cells,
        "notes": [[*key, why] for key, why in (notes | best.notes).items()],
    }


def _likeliest_first(sources: Sequence[Source], entry_points: EntryPoints, accepted: Sequence[str]) -> list[Source]:
    """Return the files that may define the graded class or functions. A notebook that imports a file and changes what
    it defines goes before the file with an accepted name, the other notebooks after it. Copies go last."""
    names = entry_points.names
    candidates = [s for s in sources if PurePosixPath(s.path).name in accepted or s.mentions(names)]
    modules = [PurePosixPath(source.path).stem for source in candidates]

    def rank(source: Source) -> tuple[Any, ...]:
        """Return a sort key; the smallest one is run first. False sorts before True."""
        path = PurePosixPath(source.path)
        continues_a_file = source.is_notebook and source.changes(names, modules)
        return (
            _is_copy(source.path),
            not continues_a_file,
            path.name not in accepted,
            not source.is_notebook,
            len(path.parts),
            source.path,
        )

    return sorted(candidates, key=rank)


def _is_copy(path: str) -> bool:
    """Return whether a file's name is that of a copy, such as "a - Copy.py", "a-Copy1.ipynb", "a (1).py" or
    "a-checkpoint.ipynb"."""
    return re.search(r"(?i)(?<![a-z])(copy|kopie|copie|backup|old)(?![a-z])|\(\d+\)|checkpoint", path) is not None


def _run_until_complete(candidates: Sequence[Source], entry_points: EntryPoints, cpu_seconds: float) -> list[Attempt]:
    """Run the candidates in order until one is complete. Each gets an equal share of the remaining time."""
    attempts: list[Attempt] = []
    started = time.process_time()
    for number, source in enumerate(candidates):
        forget_modules()  # this file may import helper files of the same names as the one before
        seconds_left = cpu_seconds - (time.process_time() - started)
        share = max(seconds_left / (len(candidates) - number), 0.1) if cpu_seconds else 0.0
        attempt = _attempt(source, entry_points, round(share, 1))
        attempts.append(attempt)
        if all(attempt.parts.values()) and not entry_points.lacking(attempt.values):
            break
    return attempts


def _attempt(source: Source, entry_points: EntryPoints, cpu_seconds: float) -> Attempt:
    """Run a file or notebook, and return the graded class or functions that it defines."""
    sys.path.insert(0, os.path.abspath(os.path.dirname(source.path)))  # for helper files in the same folder
    module = ModuleType("notebook") if source.is_notebook else new_module(source.path)
    sys.modules[module.__name__] = module
    SubmittedFile.notes = {}
    statements, needed_names = source.needed(entry_points.names)
    runner = Runner(module, cpu_seconds)
    runner.run(statements)
    values = _graded_values(module, entry_points)
    parts: dict[str, bool] = {}
    for name, value in values.items():
        parts |= implemented(name, value)
    notes = _notes(source, values, runner, needed_names)
    file = _file_of(values, source.path)
    cells: set[int] = set()
    for statement in statements:
        is_replaced = not {("empty", statement.place), ("replaced", statement.place)}.isdisjoint(notes)
        is_graded = file == source.path or statement.binds.intersection(entry_points.names)
        if is_graded and not (is_replaced or statement.imported or statement in runner.failures):
            cells.add(statement.cell)
    errors = _errors(entry_points.lacking(values), runner, source.syntax_errors(needed_names))
    return Attempt(source, values, parts, errors, notes, file, sorted(cells - {0}))


def _notes(source: Source, values: Mapping[str, Any], runner: Runner, needed_names: Collection[str]) -> Notes:
    """Return the notes about a file that was run: what was left out, and why."""
    notes = _replaced_classes(source, values, runner) | runner.notes | SubmittedFile.notes
    for number, (statement, error) in enumerate(runner.failures.items()):
        ends_the_file = number == 0 and not statement.cell  # where Python itself would stop
        is_needed = not statement.binds.isdisjoint(needed_names)
        if (ends_the_file or is_needed) and not getattr(error, "noted", False):
            notes["skipped", statement.place] = one_line(error)
    for error in source.syntax_errors(needed_names):
        notes["skipped", str(error.filename)] = one_line(error)
    return notes


def _replaced_classes(source: Source, values: Mapping[str, Any], runner: Runner) -> Notes:
    """Return notes on earlier definitions of the graded class in other cells, unless the last one extends them."""
    classes: list[Statement] = []
    for statement in source.definitions([*values]):
        is_left_out = statement in runner.failures or ("empty", statement.place) in runner.notes
        if isinstance(statement.node, ast.ClassDef) and not is_left_out:
            classes.append(statement)
    bases = [base.__name__ for value in values.values() for base in getattr(value, "__mro__", ())[1:]]
    notes: Notes = {}
    for statement in classes if values.keys().isdisjoint(bases) else ():
        last = classes[-1]
        if statement.cell != last.cell and ast.unparse(statement.node) != ast.unparse(last.node):
            notes["replaced", statement.place] = f"cell {last.cell}"
    return notes


def _errors(missing: Sequence[str], runner: Runner, syntax_errors: Sequence[SyntaxError]) -> dict[str, BaseException]:
    """Return the error that explains why each name is missing, if there is one."""
    errors: dict[str, BaseException] = {}
    for name in missing:
        causes: list[BaseException] = list(syntax_errors)
        causes += [error for statement, error in runner.failures.items() if name in statement.binds]
        value = vars(runner.module).get(name)
        if isinstance(value, StandIn):
            causes.append(value.error())
        causes += runner.failures.values()
        if causes:
            errors[name] = causes[0]
    return errors


def _graded_values(module: ModuleType, entry_points: EntryPoints) -> dict[str, Any]:
    """Return the graded class or functions by name, as defined in a module or else in a submitted module that it has
    imported. A class may have several accepted names; the first one that is defined counts."""
    values: dict[str, Any] = {}
    for defining in [module, *filter(_submitted_path, new_modules().values())]:
        for name in entry_points.names:
            value = vars(defining).get(name)
            if entry_points.of_class and isinstance(value, type):
                return {name: value}
            if not entry_points.of_class and callable(value) and not isinstance(value, StandIn):
                values.setdefault(name, value)
    return values


def _submitted_path(module: ModuleType | None) -> str:
    """Return the path of a module in the submission; "" for another module."""
    file = str(getattr(module, "__dict__", {}).get("__file__"))
    return os.path.relpath(file) if file.startswith(os.getcwd() + os.sep) else ""


def _file_of(values: Mapping[str, Any], path: str) -> str:
    """Return the file that defines the graded class or functions: `path` if at least one is defined there, otherwise
    the file from which they are imported."""
    modules = [sys.modules.get(getattr(value, "__module__", None) or "") for value in values.values()]
    files = [_submitted_path(module) or path for module in modules]
    return path if path in files or not files else files[0]


def _functions_elsewhere(best: Attempt, attempts: Sequence[Attempt], entry_points: EntryPoints) -> dict[str, Attempt]:
    """Return the attempts that implement the functions that the best one lacks or leaves empty, by function."""
    if entry_points.of_class:
        return {}
    elsewhere: dict[str, Attempt] = {}
    for name in entry_points.names:
        for attempt in attempts:
            if name in attempt.written - best.written:
                elsewhere.setdefault(name, attempt)
    return elsewhere


def _other_files(
    best: Attempt, attempts: Sequence[Attempt], candidates: Sequence[Source], entry_points: EntryPoints
) -> Notes:
    """Return notes on files that could not be loaded, and on files that define the class or functions differently."""
    if len(candidates) < 2:
        return {}
    attempts_by_path = {attempt.source.path: attempt for attempt in attempts}
    texts: dict[str, str] = {}
    for candidate in candidates:
        definitions = candidate.definitions(entry_points.names)
        texts[candidate.path] = "\n".join(ast.unparse(statement.node) for statement in definitions)
    graded_text = texts.get(best.file, texts[best.source.path])
    notes: Notes = {}
    for candidate in candidates:
        path = candidate.path
        if path in (best.file, best.source.path):
            continue
        attempt = attempts_by_path.get(path)
        errors = [*attempt.errors.values()] if attempt else candidate.syntax_errors(entry_points.names)
        if errors and not (attempt and attempt.values):
            notes["failed", path] = one_line(errors[0])
        elif texts[path] not in ("", graded_text):
            notes["gaps" if attempt and attempt.written < best.written else "other", path] = ""
    return notes


def _attributes(values: Mapping[str, Any]) -> list[str]:
    """Return at most 50 names of attributes of the loaded class, for messages."""
    names = [name for value in values.values() for name in vars(value)]
    return sorted(name for name in names if not name.startswith("__"))[:50]


# ── the submission's folder ──────────────────────────────────────────────────────────────────────────


def _write_submission(files: Mapping[str, bytes], handout: Mapping[str, Any]) -> None:
    """Write the handout's modules and the submission into separate folders, and change to the submission's. Both can be
    imported from; a submitted module wins over one of the handout."""
    contents = {os.path.join(HANDOUT, name): content.tobytes() for name, content in handout.items()}
    contents |= {os.path.join(FOLDER, name): content for name, content in files.items()}
    for name, content in contents.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    sys.path.insert(0, os.path.abspath(HANDOUT))
    os.makedirs(FOLDER, exist_ok=True)
    os.chdir(FOLDER)
    sys.path.insert(0, os.getcwd())
