"""Run the statements of a student's file or notebook one by one, and skip those that raise.

The submission's modules are imported in the same way: a helper file that reads missing data, or imports a missing
package, still provides its functions.
"""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from itertools import takewhile
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any, ClassVar

from .cpu_limit import SoftLimit, soft_limit
from .describe import FOLDER, describe, own
from .gaps import implemented
from .placeholders import StandIn, bind_stand_ins, with_stand_ins
from .sources import Statement, read_file

VALUE_SHARE = 0.1
"""Share of the CPU limit that a single statement such as `data = load()` may use. Definitions and imports may use the
whole limit."""

Notes = dict[tuple[str, str], str]
"""Notes for the report, as (kind, place) → reason. `grader.model.NoteKind` lists the kinds."""


def one_line(error: BaseException) -> str:
    """Describe an error and its place in one line, such as "NameError: name 'x' is not defined (net.py, line 3)"."""
    if isinstance(error, SoftLimit):
        return f"more than {error.args[0]:g} CPU seconds"
    kind, message, file, line, *_ = describe(error)
    text = f"{kind}: {message}" if message else kind
    text = " ".join(text.split())[:200]
    return f"{text} ({file}, line {line})" if file else text


@dataclass
class Runner:
    """Runs statements in a module."""

    module: ModuleType
    cpu_seconds: float = 0.0
    """Limit for all statements together; 0 means no limit."""
    failures: dict[Statement, BaseException] = field(default_factory=dict)
    """The statements that were left out, with the errors that they raised."""
    notes: Notes = field(default_factory=dict)

    def run(self, statements: Sequence[Statement]) -> None:
        """Run statements in order. Those that raise are left out, and the names that they should have defined become
        placeholders, so that a class with the default value `X_train.shape[1]` is defined even if the data are missing.
        """
        deadline = time.process_time() + self.cpu_seconds
        for statement in statements:
            error = self._run_one(statement, statement.node, deadline)
            if statement.defines and getattr(error, "noted", False):  # it was raised by a placeholder
                error = self._run_one(statement, with_stand_ins(statement.node, vars(self.module)), deadline)
            if error is not None:
                self._leave_out(statement, error)

    def _run_one(self, statement: Statement, node: ast.stmt, deadline: float) -> BaseException | None:
        """Run a statement, given by its syntax tree, and return the exception that it raises."""
        seconds = max(deadline - time.process_time(), 0.1)
        if not statement.defines:
            seconds = min(seconds, VALUE_SHARE * self.cpu_seconds)
        namespace = vars(self.module)
        # the values that the statement replaces, for `_keep_better`
        previous = {name: namespace[name] for name in statement.binds if name in namespace}
        try:
            # like this file with `from __future__ import annotations`, so that annotations are not evaluated
            code = compile(ast.Module([node], []), statement.filename, "exec")
            with soft_limit(round(seconds, 3) if self.cpu_seconds else 0.0):
                _execute(code, statement, namespace)
        except BaseException as error:  # a student may raise anything, SystemExit too
            if isinstance(error, SoftLimit) and not self.cpu_seconds:
                raise  # the limit of the statement that imports this module
            return error
        for name, old in previous.items():
            self._keep_better(name, old, statement)
        return None

    def _leave_out(self, statement: Statement, error: BaseException) -> None:
        """Note a statement that raised an error, and set the names that it should have defined to placeholders."""
        self.failures[statement] = error
        why = one_line(error)
        if isinstance(error, ModuleNotFoundError) and statement.imported:
            where = f"imported in {own(statement.filename)}, line {statement.node.lineno}"
            why = f"{error} ({where})"
            self.notes.setdefault(("absent", str(error.name)), where)
            error.noted = True  # type: ignore[attr-defined]  # `load` then adds no second note
        bind_stand_ins(statement.binds - {"*"}, vars(self.module), error, why)

    def _keep_better(self, name: str, old: Any, statement: Statement) -> None:
        """Undo an assignment that replaces a function or class by a value, or by a version with empty functions where
        the earlier one has code."""
        namespace = vars(self.module)
        new = namespace.get(name)
        if new is old or not callable(old) or isinstance(old, StandIn):
            return
        if isinstance(new, StandIn) or not callable(new):
            namespace[name] = old
            return
        old_parts = implemented(name, old)
        new_parts = implemented(name, new)
        emptied = [part for part in old_parts if old_parts[part] and new_parts.get(part) is False]
        added = [part for part in new_parts if new_parts[part] and not old_parts.get(part)]
        if emptied and not added:
            namespace[name] = old
            self.notes["empty", statement.place] = ", ".join(sorted(emptied))


def _execute(code: Any, statement: Statement, namespace: dict[str, Any]) -> None:
    """Run a statement. If it imports from a missing package whose module is a file of the submission, as in `from
    course.layers import dense` beside layers.py, import that file."""
    try:
        exec(code, namespace)  # noqa: S102  this is the sandbox
    except ModuleNotFoundError as error:
        package = error.name or ""
        if "." in package or not statement.imported.startswith(f"{package}."):
            raise
        sys.modules[package] = _package(package, [*sys.path[:1], os.getcwd()])
        try:
            exec(code, namespace)  # noqa: S102
        except ImportError:
            del sys.modules[package]
            raise error from None


# ── modules ──────────────────────────────────────────────────────────────────────────────────────────


class SubmittedFile(SourceFileLoader):
    """Imports a Python file of the submission. Statements that raise are skipped."""

    notes: ClassVar[Notes] = {}
    """Notes about the files imported so far."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the file's statements. Raise a SyntaxError if it cannot be parsed."""
        source = read_file(os.path.relpath(self.path), Path(self.path).read_bytes())
        for error, _ in source.unreadable:
            raise error
        Runner(module, notes=self.notes).run(source.statements)


def import_submitted_files() -> None:
    """Import the files below the current folder with `SubmittedFile` from now on."""
    folder = os.getcwd()
    finder = FileFinder.path_hook((SubmittedFile, [".py"]))

    def hook(path: str) -> Any:
        if not f"{path}{os.sep}".startswith(f"{folder}{os.sep}"):
            raise ImportError  # the next hook is asked
        return finder(path)

    sys.path_hooks.insert(0, hook)
    sys.modules[FOLDER] = _package(FOLDER, [folder])


def new_module(path: str) -> ModuleType:
    """Return a new module for a Python file of the submission. It is part of a package, so that relative imports
    work."""
    parts = PurePosixPath(path).with_suffix("").parts
    name = ".".join((FOLDER, *parts))
    location = os.path.abspath(path)
    spec = spec_from_file_location(name, location, loader=SubmittedFile(name, location))
    assert spec
    module = module_from_spec(spec)
    sys.modules[name] = module
    sys.modules.setdefault(parts[-1], module)
    return module


def _package(name: str, folders: list[str]) -> ModuleType:
    """Return an empty package whose modules are the files in these folders."""
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = folders
    return module_from_spec(spec)


def new_modules() -> dict[str, ModuleType]:
    """Return the modules that were imported after the call of `import_submitted_files`, in order.

    Earlier modules are not accessed, because each access would make the session copy a memory page.
    """
    names = list(takewhile(lambda name: name != FOLDER, reversed(sys.modules)))
    return {name: sys.modules[name] for name in reversed(names)}


def forget_modules() -> None:
    """Forget the imported files of the submission: the next file may import others of the same names."""
    folder = os.getcwd()
    for name, module in new_modules().items():
        attributes = getattr(module, "__dict__", {})
        places = [attributes.get("__file__"), *(attributes.get("__path__") or ())]
        if any(str(place).startswith(folder) for place in places):
            del sys.modules[name]
