"""Run one file or notebook within a time limit. Collect its errors and the graded class or functions it defines."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any

from .absent import Absent, StandIn, bind_stand_ins, package, stand_ins
from .candidates import Candidate
from .cells import Statement, bound_names
from .describe import FOLDER, describe
from .entry_points import EntryPoints
from .limit import SoftLimit, soft_limit

VALUE_SHARE = 0.1
"""Share of the CPU limit that a single statement such as `data = load()` may use if statements are run one by one.
Definitions and imports may use the whole limit."""

Note = tuple[str, str, str]
"""A note for the report: (kind, place, reason). `grader.model.NoteKind` lists the kinds."""


@dataclass
class Attempt:
    """The result of running one candidate file."""

    candidate: Candidate
    found: dict[str, Any] = field(default_factory=dict)
    """The graded class or functions that the file defines, by name."""
    error: BaseException | None = None
    """The exception that ended the run. The class or functions may have been defined before the exception."""
    lacking: dict[str, BaseException] = field(default_factory=dict)
    """Name of a function that was not found → the error that explains why, if it is known."""
    source: str = ""
    """The file that defines the graded class or functions: the candidate, or a file that it imports."""
    cells: list[int] = field(default_factory=list)
    """Numbers of the notebook cells whose definitions were run. If a Python file defines the graded class, these are
    only the cells that add attributes to the class."""
    notes: list[Note] = field(default_factory=list)


def attempt(candidate: Candidate, wanted: EntryPoints, cpu_seconds: float) -> Attempt:
    """Run a file or notebook. Return its errors, and the graded class or functions that it defines. If `cpu_seconds` is
    0, there is no limit."""
    sys.path.insert(0, os.path.abspath(os.path.dirname(candidate.path)))  # for helper files in the same folder
    tried = Attempt(candidate)
    with stand_ins() as absent:
        run_it = _try_notebook if candidate.notebook else _try_module
        run_it(tried, wanted, cpu_seconds, absent)
    tried.notes += [("absent", name, f"imported in {where}") for name, where in absent.missing.items()]
    if not tried.found or tried.error is not None:
        _forget_modules()  # the next candidate may import helper files of the same names
    return tried


def one_line(error: BaseException) -> str:
    """Describe an error and its place in one line, such as "NameError: name 'x' is not defined (net.py, line 3)"."""
    if isinstance(error, SoftLimit):
        return f"more than {error.args[0]:g} CPU seconds"
    kind, message, file, line, *_ = describe(error)
    place = f"{file}, line {line}" if file else ""
    words = " ".join((f"{kind}: {message}" if message else kind).split())[:200]
    return f"{words} ({place})" if place else words


# ── a module ─────────────────────────────────────────────────────────────────────────────────────────


def _try_module(tried: Attempt, wanted: EntryPoints, cpu_seconds: float, absent: Absent) -> None:
    """Run a Python file. Keep the graded class or functions that it defines, even if a later statement raises."""
    path = tried.candidate.path
    module, kind = ModuleType(""), "unfinished"
    started = time.process_time()
    try:
        with soft_limit(cpu_seconds):
            name = _name_in_package(path) if _imports_relatively(path) else PurePosixPath(path).stem
            module, execute = _module(name, path)
            execute(module)
    except BaseException as error:  # noqa: BLE001  a student may raise anything, SystemExit too
        tried.error = error
    tried.found = _found_in(module, wanted)
    if tried.error is not None and wanted.lacking(tried.found):
        left = max(cpu_seconds - (time.process_time() - started), 0.1) if cpu_seconds else 0.0
        _run_below(tried.error, tried, module, wanted, left, absent)
        before, tried.found = tried.found, _found_in(module, wanted)
        kind = "stopped" if len(tried.found) > len(before) else kind
    if not tried.found and tried.error is None:
        tried.error = next(iter(_missing_imports(module, wanted).values()), None)
    if tried.found:
        ended = {} if tried.error is None else dict.fromkeys(wanted.lacking(tried.found), tried.error)
        tried.lacking = _missing_imports(module, wanted) | ended
        tried.source = _file_of(tried.found, path)
        if tried.error is not None:
            tried.notes.insert(0, (kind, path, one_line(tried.error)))


def _run_below(
    error: BaseException, tried: Attempt, module: ModuleType, wanted: EntryPoints, cpu_seconds: float, absent: Absent
) -> None:
    """Run the top-level statements below the one that raised `error`, up to the last definition of a graded class or
    function.

    Many files read data before they define the class, but the data are missing in the sandbox. The names that the
    failed statement should have defined become placeholders (`StandIn`).
    """
    path = tried.candidate.path
    line = _line_in_file(error, os.path.abspath(path))
    if line is None:  # the file does not run at all
        return
    with open(path, "rb") as file:
        body = ast.parse(file.read()).body
    statements = [Statement(node, 0, bound_names(node, frozenset(wanted.names)), frozenset()) for node in body]
    last = max((n for n, s in enumerate(statements) if not s.binds.isdisjoint(wanted.names)), default=-1)
    rest = [s for s in statements[: last + 1] if (s.node.end_lineno or s.node.lineno) >= line]
    if rest[1:]:
        bind_stand_ins(rest[0].binds, vars(module), error, one_line(error))
        failures = StatementRunner(path, module, cpu_seconds, absent).run(rest[1:])
        tried.notes += [("skipped", f"{path}, line {s.node.lineno}", one_line(e)) for s, e in _causes(failures)]


def _line_in_file(error: BaseException, filename: str) -> int | None:
    """Return the line of the top-level statement that was running when an error was raised; None if the file was not
    running, for example after a syntax error."""
    frames = traceback.walk_tb(error.__traceback__)
    own = (line for frame, line in frames if (frame.f_code.co_filename, frame.f_code.co_name) == (filename, "<module>"))
    return next(own, None)


def _module(name: str, path: str) -> tuple[ModuleType, Callable[[ModuleType], None]]:
    """Return a new module whose code has not run yet, and the function that runs it."""
    free = f"{name}_" if name in sys.modules else name
    spec = importlib.util.spec_from_file_location(free, os.path.abspath(path))
    assert spec, "every candidate that is no notebook ends in .py"
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[free] = module
    return module, spec.loader.exec_module


_RELATIVE = re.compile(rb"\bfrom\s*\\?\s*\.")


def _imports_relatively(path: str) -> bool:
    """Return whether the file has relative imports, which work only inside a package."""
    with open(path, "rb") as file:
        source = file.read()
    if not _RELATIVE.search(source):
        return False
    tree = ast.parse(source, os.path.abspath(path))
    return any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))


def _name_in_package(path: str) -> str:
    """Make the submission's folder importable as a package. Return the file's module name in this package, such as
    "submission.net" for net.py."""
    spec = package(FOLDER, [os.getcwd()])
    sys.modules[FOLDER] = importlib.util.module_from_spec(spec)
    if spec.loader is not None:
        spec.loader.exec_module(sys.modules[FOLDER])
    *folders, name = (FOLDER, *PurePosixPath(path).with_suffix("").parts)
    importlib.import_module(".".join(folders))
    return ".".join((*folders, name))


def _found_in(module: ModuleType, wanted: EntryPoints) -> dict[str, Any]:
    """Return the graded class or functions that a module defines, by name. A class may have several accepted names; the
    first one that is defined counts."""
    values = {name: vars(module)[name] for name in wanted.names if name in vars(module)}
    if wanted.of_class:
        return dict([(name, value) for name, value in values.items() if isinstance(value, type)][:1])
    return {name: value for name, value in values.items() if callable(value) and not isinstance(value, StandIn)}


def _missing_imports(module: ModuleType, wanted: EntryPoints) -> dict[str, BaseException]:
    """Return the graded class or functions that a module imports from missing files, as name → error."""
    values = ((name, vars(module).get(name)) for name in wanted.names)
    return {name: value.error() for name, value in values if isinstance(value, StandIn)}


def _file_of(found: Mapping[str, Any], path: str) -> str:
    """Return the file that defines the graded class or functions: `path` if at least one is defined there, otherwise
    the file from which they are imported."""
    modules = (sys.modules.get(getattr(value, "__module__", None) or "") for value in found.values())
    files = [getattr(module, "__file__", None) for module in modules]
    known = [os.path.relpath(f) for f in files if isinstance(f, str) and f.startswith(os.getcwd() + os.sep)]
    return path if path in known or len(known) < len(found) else known[0]


def _forget_modules() -> None:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(module, StandIn) or (isinstance(file, str) and file.startswith(os.getcwd() + os.sep)):
            del sys.modules[name]


# ── a notebook ───────────────────────────────────────────────────────────────────────────────────────


def _try_notebook(tried: Attempt, wanted: EntryPoints, cpu_seconds: float, absent: Absent) -> None:
    """Run a notebook's statements. Skip those that fail: a method that needs them will fail when it is called."""
    path, selected = tried.candidate.path, tried.candidate.selected
    module = ModuleType("notebook")
    sys.modules["notebook"] = module
    failures = StatementRunner(path, module, cpu_seconds, absent).run(selected.statements)
    tried.found = _found_in(module, wanted)
    not_there = _missing_imports(module, wanted)
    if not tried.found:
        of_wanted = [error for s, error in failures if not s.binds.isdisjoint(wanted.names)]
        others = [error for _, error in failures]
        tried.error = next(iter((*selected.unread, *of_wanted, *not_there.values(), *others)), None)
        return
    missing = wanted.lacking(tried.found)
    if missing and selected.unread:
        tried.lacking |= dict.fromkeys(missing, selected.unread[0])
    tried.lacking |= not_there | {name: error for s, error in failures for name in s.binds.intersection(missing)}
    failed = {id(s) for s, _ in failures}
    ran = [s for s in selected.statements if id(s) not in failed]
    tried.source = _file_of(tried.found, path)
    imports = (ast.Import, ast.ImportFrom)  # cells that only import something contain no graded code
    tried.cells = sorted({s.cell for s in ran if s.adds or (tried.source == path and not isinstance(s.node, imports))})
    tried.notes += [(kind, f"{path} cell {cell}", why) for kind, cell, why in selected.notes]
    tried.notes += [("skipped", f"{path} cell {s.cell}", one_line(error)) for s, error in _causes(failures)]
    tried.notes += [("skipped", str(error.filename), one_line(error)) for error in selected.unread]


# ── statements one by one ────────────────────────────────────────────────────────────────────────────

Failures = list[tuple[Statement, BaseException]]


def _causes(failures: Failures) -> Failures:
    """Return the failures to report. Left out are statements that define no name, and statements that failed only
    because an earlier statement had failed."""
    return [(s, e) for s, e in failures if s.binds and not (isinstance(e, NameError) and e.name is None)]


class StatementRunner:
    """Runs statements of a notebook or a file in a module. `cpu_seconds` is the limit for all statements together; 0
    means no limit."""

    def __init__(self, path: str, module: ModuleType, cpu_seconds: float, absent: Absent) -> None:
        self._path, self._module, self._absent = path, module, absent
        self._cpu_seconds, self._deadline = cpu_seconds, time.process_time() + cpu_seconds

    def run(self, statements: Sequence[Statement]) -> Failures:
        """Run statements in order, and return those that failed, with their errors.

        If a statement fails, the names that it should have defined become stand-ins, and statements that need these
        names run again. For example, a class with the default value `X_train.shape[1]` is defined even if the data are
        missing.
        """
        failures: Failures = []
        waiting = list(statements)
        while waiting:
            failed = self._run_until_settled(waiting)
            lacking = [s for s, error in failed if self._lacks_a_name(s, error)]
            settled = [(s, error) for s, error in failed if s not in lacking] or failed
            for statement, error in settled:
                bind_stand_ins(statement.binds, vars(self._module), error, one_line(error))
            failures += settled
            waiting = lacking if len(settled) < len(failed) else []
        return failures

    def _run_until_settled(self, statements: Sequence[Statement]) -> Failures:
        """Run statements, and return those that failed, with their errors. A statement that needs an undefined name
        runs again after the others, because students do not always run cells in order."""
        failures: Failures = []
        waiting, before = list(statements), len(statements) + 1
        while len(waiting) < before:
            before = len(waiting)
            tried = [(s, self._run_one(s)) for s in waiting]
            failed = [(s, error) for s, error in tried if error is not None]
            waiting = [s for s, error in failed if self._lacks_a_name(s, error)]
            failures += [(s, error) for s, error in failed if s not in waiting or len(waiting) == before]
        return failures

    def _lacks_a_name(self, statement: Statement, error: BaseException) -> bool:
        """Return whether a statement failed because a name was undefined, and should run again.

        It need not run again if other statements have defined its names in the meantime.
        """
        # the attribute `name` of a NameError is None if the student's code raises the error itself
        has_no_name = isinstance(error, NameError) and error.name is not None
        return has_no_name and (statement.adds or not statement.binds <= vars(self._module).keys())

    def _run_one(self, statement: Statement) -> BaseException | None:
        seconds = max(self._deadline - time.process_time(), 0.1)
        if not statement.defines:
            seconds = min(seconds, VALUE_SHARE * self._cpu_seconds)
        tree = ast.Module([statement.node], [])
        filename = f"{self._path} cell {statement.cell}" if statement.cell else os.path.abspath(self._path)
        if statement.cell:
            self._absent.read(filename, tree)
        code = compile(tree, filename, "exec")
        try:
            with soft_limit(round(seconds, 3) if self._cpu_seconds else 0.0):
                exec(code, vars(self._module))  # noqa: S102  this is the sandbox
        except BaseException as error:  # noqa: BLE001  a student may raise anything, SystemExit too
            return error
        return None
