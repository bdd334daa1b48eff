"""Runs one file or notebook for the class in it, within a time, and keeps what fails on the way."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import ModuleType

from .absent import Absent, StandIn, bind_stand_ins, package, stand_ins
from .candidates import Candidate
from .cells import Statement
from .describe import FOLDER, describe
from .limit import SoftLimit, soft_limit

VALUE_SHARE = 0.1
"""So much of the time may a statement of a notebook take that is no definition."""

Note = tuple[str, str, str]
"""What kind of thing there is to say (`grader.model.NoteKind` has them all), of which place, and why."""


@dataclass
class Attempt:
    candidate: Candidate
    found: type | None = None
    error: BaseException | None = None
    """Why there is no class; or, where there is one, what ended the file after it had been defined."""
    source: str = ""
    """The file that defines it: a notebook may only import it."""
    cells: list[int] = field(default_factory=list)
    """Of the notebook, with definitions that were run; where the source is another file, those that add to it."""
    notes: list[Note] = field(default_factory=list)


def attempt(candidate: Candidate, wanted: Sequence[str], cpu_seconds: float) -> Attempt:
    """`cpu_seconds` of 0 are no limit."""
    sys.path.insert(0, os.path.abspath(os.path.dirname(candidate.path)))  # its helper files lie beside it
    tried = Attempt(candidate)
    with stand_ins() as absent:
        if candidate.notebook:
            _try_notebook(tried, wanted, cpu_seconds, absent)
        else:
            _try_module(tried, wanted, cpu_seconds)
    tried.notes += [("absent", name, f"imported in {where}") for name, where in absent.missing.items()]
    if tried.found is None or tried.error is not None:
        _forget_modules()  # the next one may have helpers of the same names
    return tried


def one_line(error: BaseException) -> str:
    """For a note: what was raised, and where."""
    if isinstance(error, SoftLimit):
        return f"more than {error.args[0]:g} CPU seconds"
    kind, message, file, line, *_ = describe(error)
    place = f"{file}, line {line}" if file else ""
    words = " ".join((f"{kind}: {message}" if message else kind).split())[:200]
    return f"{words} ({place})" if place else words


# ── a module ─────────────────────────────────────────────────────────────────────────────────────────


def _try_module(tried: Attempt, wanted: Sequence[str], cpu_seconds: float) -> None:
    """A class that is there when the file fails further down counts: many train and plot below it."""
    path = tried.candidate.path
    module = ModuleType("")
    try:
        with soft_limit(cpu_seconds):
            name = _name_in_package(path) if _imports_relatively(path) else PurePosixPath(path).stem
            module, execute = _module(name, path)
            execute(module)
    except BaseException as error:  # noqa: BLE001  a student may raise anything, SystemExit too
        tried.error = error
    tried.found = _class_in(module, wanted)
    if tried.found is None and tried.error is None:
        tried.error = next(_not_there(module, wanted), None)
    if tried.found is not None:
        tried.source = _file_of(tried.found) or path
        if tried.error is not None:
            tried.notes.append(("unfinished", path, one_line(tried.error)))


def _module(name: str, path: str) -> tuple[ModuleType, Callable[[ModuleType], None]]:
    """Not yet run, and how to do that."""
    free = f"{name}_" if name in sys.modules else name
    spec = importlib.util.spec_from_file_location(free, os.path.abspath(path))
    assert spec, "every candidate that is no notebook ends in .py"
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[free] = module
    return module, spec.loader.exec_module


_RELATIVE = re.compile(rb"\bfrom\s*\\?\s*\.")


def _imports_relatively(path: str) -> bool:
    """`from .layers import …`, which needs a package around it."""
    with open(path, "rb") as file:
        source = file.read()
    if not _RELATIVE.search(source):
        return False
    tree = ast.parse(source, os.path.abspath(path))
    return any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))


def _name_in_package(path: str) -> str:
    """The hand-in's folder is the outermost package, whatever it was called."""
    spec = package(FOLDER, [os.getcwd()])
    sys.modules[FOLDER] = importlib.util.module_from_spec(spec)
    if spec.loader is not None:
        spec.loader.exec_module(sys.modules[FOLDER])
    *folders, name = (FOLDER, *PurePosixPath(path).with_suffix("").parts)
    importlib.import_module(".".join(folders))
    return ".".join((*folders, name))


def _class_in(module: ModuleType, wanted: Sequence[str]) -> type | None:
    classes = (vars(module).get(name) for name in wanted)
    return next((c for c in classes if isinstance(c, type)), None)


def _not_there(module: ModuleType, wanted: Sequence[str]) -> Iterator[Exception]:
    """Where the class itself is imported from a file that was not handed in."""
    yield from (c.error() for c in map(vars(module).get, wanted) if isinstance(c, StandIn))


def _file_of(found: type) -> str:
    """The student's file that defines the class, "" where it is none."""
    file = getattr(sys.modules.get(found.__module__), "__file__", None)
    return os.path.relpath(file) if isinstance(file, str) and file.startswith(os.getcwd() + os.sep) else ""


def _forget_modules() -> None:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(module, StandIn) or (isinstance(file, str) and file.startswith(os.getcwd() + os.sep)):
            del sys.modules[name]


# ── a notebook ───────────────────────────────────────────────────────────────────────────────────────


def _try_notebook(tried: Attempt, wanted: Sequence[str], cpu_seconds: float, absent: Absent) -> None:
    """What fails is left out. If a method needs it after all, that method will say so, and the others count."""
    path, selected = tried.candidate.path, tried.candidate.selected
    module = ModuleType("notebook")
    sys.modules["notebook"] = module
    failures = run(selected.statements, path, module, cpu_seconds, absent)
    tried.found = _class_in(module, wanted)
    if tried.found is None:
        of_the_class = [error for s, error in failures if not s.binds.isdisjoint(wanted)]
        others = [error for _, error in failures]
        tried.error = next(iter((*selected.unread, *of_the_class, *_not_there(module, wanted), *others)), None)
        return
    failed = {id(s) for s, _ in failures}
    ran = [s for s in selected.statements if id(s) not in failed]
    tried.source = _file_of(tried.found) or path
    imports = (ast.Import, ast.ImportFrom)  # nobody looks for a mistake in them
    tried.cells = sorted({s.cell for s in ran if s.adds or (tried.source == path and not isinstance(s.node, imports))})
    tried.notes += [(kind, f"{path} cell {cell}", why) for kind, cell, why in selected.notes]
    causes = [(s, e) for s, e in failures if not (isinstance(e, NameError) and e.name is None)]
    tried.notes += [("skipped", f"{path} cell {s.cell}", one_line(error)) for s, error in causes]
    tried.notes += [("skipped", str(error.filename), one_line(error)) for error in selected.unread]


Failures = list[tuple[Statement, BaseException]]


def run(statements: Sequence[Statement], path: str, module: ModuleType, cpu_seconds: float, absent: Absent) -> Failures:
    """Runs them in order and returns what has failed. What lacks the names of what has failed is run again with
    stand-ins for these: a class whose default is `X_train.shape[1]` is there without the data."""
    deadline = time.process_time() + cpu_seconds
    failures: Failures = []
    waiting = list(statements)
    while waiting:
        failed = _run_until_settled(waiting, path, module, cpu_seconds, deadline, absent)
        lacking = [s for s, error in failed if _lacks_a_name(s, error, module)]
        settled = [(s, error) for s, error in failed if s not in lacking] or failed
        for statement, error in settled:
            bind_stand_ins(statement.binds, vars(module), error, one_line(error))
        failures += settled
        waiting = lacking if len(settled) < len(failed) else []
    return failures


def _run_until_settled(
    statements: Sequence[Statement],
    path: str,
    module: ModuleType,
    cpu_seconds: float,
    deadline: float,
    absent: Absent,
) -> Failures:
    """What lacks a name is run again after the others: in a notebook cells may stand in another order than they
    were run in."""
    failures: Failures = []
    waiting, before = list(statements), len(statements) + 1
    while len(waiting) < before:
        before = len(waiting)
        tried = [(s, _run_one(s, path, module, cpu_seconds, deadline, absent)) for s in waiting]
        failed = [(s, error) for s, error in tried if error is not None]
        waiting = [s for s, error in failed if _lacks_a_name(s, error, module)]
        failures += [(s, error) for s, error in failed if s not in waiting or len(waiting) == before]
    return failures


def _lacks_a_name(statement: Statement, error: BaseException, module: ModuleType) -> bool:
    """Only Python itself fills in the error's name. A later definition of the same name stays the last one."""
    has_no_name = isinstance(error, NameError) and error.name is not None
    return has_no_name and (statement.adds or not statement.binds <= vars(module).keys())


def _run_one(
    statement: Statement, path: str, module: ModuleType, cpu_seconds: float, deadline: float, absent: Absent
) -> BaseException | None:
    seconds = max(deadline - time.process_time(), 0.1)
    if not statement.defines:
        seconds = min(seconds, VALUE_SHARE * cpu_seconds)
    tree, filename = ast.Module([statement.node], []), f"{path} cell {statement.cell}"
    absent.read(filename, tree)
    code = compile(tree, filename, "exec")
    try:
        with soft_limit(round(seconds, 3) if cpu_seconds else 0.0):
            exec(code, vars(module))  # noqa: S102  this is the sandbox
    except BaseException as error:  # noqa: BLE001  a student may raise anything, SystemExit too
        return error
    return None
