"""Read the student's Python files and notebooks as lists of top-level statements. Nothing is run here.

A notebook is never run from top to bottom: training would take hours. Only the definitions of the graded class or
functions are run, and the imports, definitions and values that they need, in whichever cells they are.
"""

from __future__ import annotations

import ast
import copy
import importlib.util
import os
import re
import symtable
import sys
import textwrap
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .describe import own

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""Errors that Python raises for sources that it cannot parse."""


@dataclass(frozen=True)
class Statement:
    """A top-level statement of a Python file or of a notebook's cell."""

    node: ast.stmt
    filename: str
    """The absolute path of the file, or the name of the cell, such as "homework.ipynb cell 3"."""
    cell: int
    """Number of the cell; 0 for a Python file."""
    binds: frozenset[str]
    """The names that the statement defines, and the classes and variables that it changes."""
    uses: frozenset[str]

    @property
    def place(self) -> str:
        """The cell, or the file and line, for messages."""
        if self.cell:
            return self.filename
        return f"{own(self.filename)}, line {self.node.lineno}"

    @property
    def imported(self) -> str:
        """The dotted name that an import asks for: "layers.dense" for `from layers import dense`, "layers" for `import
        layers` and `from layers import *`; "" for other statements."""
        match self.node:
            case ast.Import(names=[name]):
                return name.name
            case ast.ImportFrom(module=module, names=[name]):
                return f"{module or ''}.{name.name}".strip(".*")
        return ""

    @property
    def defines(self) -> bool:
        """True for an import and for a definition of a function or class."""
        return isinstance(self.node, _DEFINITIONS + _IMPORTS)


@dataclass
class Source:
    """A Python file or notebook, parsed."""

    path: str
    statements: list[Statement] = field(default_factory=list)
    unreadable: list[tuple[SyntaxError, str]] = field(default_factory=list)
    """The syntax error and the text of each cell, or of the file, that cannot be parsed."""

    @property
    def is_notebook(self) -> bool:
        return not self.path.endswith(".py")

    def needed(self, names: Iterable[str]) -> tuple[list[Statement], set[str]]:
        """Return the statements to run for the definitions of some names, and all names that these need.

        Of a notebook, these are the statements that the definitions need. Of a Python file, these are all statements
        above the last one that the definitions need.
        """
        needed_names = {*names, "*"}  # a star import may define any name
        indices: set[int] = set()
        count = -1
        while count < len(indices):  # until no statement is added, since each may need further names
            count = len(indices)
            for index, statement in enumerate(self.statements):
                if not statement.binds.isdisjoint(needed_names):
                    indices.add(index)
                    needed_names |= statement.uses
        if self.is_notebook:
            return [self.statements[index] for index in sorted(indices)], needed_names
        return self.statements[: max(indices, default=-1) + 1], needed_names

    def syntax_errors(self, names: Iterable[str]) -> list[SyntaxError]:
        """Return the syntax errors in cells that seem to define one of these names."""
        either = "|".join(map(re.escape, names))
        definition = re.compile(rf"^\s*(?:def|class)\s+({either})\b", re.MULTILINE)
        return [error for error, text in self.unreadable if definition.search(text)]

    def definitions(self, names: Sequence[str]) -> list[Statement]:
        """Return the definitions of functions and classes with these names."""
        return [s for s in self.statements if isinstance(s.node, _DEFINITIONS) and s.node.name in names]

    def mentions(self, names: Sequence[str]) -> bool:
        """Return whether the source seems to define one of these names."""
        is_defined = any(statement.binds.intersection(names) for statement in self.statements)
        return is_defined or bool(self.syntax_errors(names))

    def changes(self, names: Sequence[str], modules: Container[str]) -> bool:
        """Return whether the source imports one of these modules and defines or changes one of these names."""
        imports_a_module = changes_a_name = False
        for statement in self.statements:
            if statement.imported:
                imports_a_module |= any(part in modules for part in statement.imported.split("."))
            else:
                changes_a_name |= not statement.binds.isdisjoint(names)
        return imports_a_module and changes_a_name


def read_file(path: str, content: bytes) -> Source:
    """Parse a Python file. Its statements know their absolute path, as in the submission's folder."""
    source = Source(path)
    filename = os.path.abspath(path)
    try:
        text = importlib.util.decode_source(content)
    except (SyntaxError, ValueError) as error:
        source.unreadable.append((_syntax_error(error, filename), content.decode("latin-1")))
    else:
        _add_statements(source, text, filename, 0)
    return source


def read_notebook(notebook: Mapping[str, Any]) -> Source:
    """Parse a notebook, given by the path, the code and the numbers of its code cells."""
    source = Source(notebook["path"])
    for number, (name, text) in zip(notebook["numbers"], named_cells([notebook]), strict=True):
        _add_statements(source, text, name, number)
    return source


def _add_statements(source: Source, text: str, filename: str, cell: int) -> None:
    """Parse the text of a file or cell, and add its top-level statements to a source. `cell` is the number of the cell;
    0 for a file."""
    try:
        body = parse_cell(text).body
    except _UNREADABLE as error:
        source.unreadable.append((_syntax_error(error, filename), text))
        return
    for node in body:
        for single in _single_imports(node):
            try:
                table = symtable.symtable(ast.unparse(single), filename, "exec")
            except _UNREADABLE:  # such as an expression of a thousand terms, or `break` outside a loop
                table = symtable.symtable("", filename, "exec")
            statement = Statement(single, filename, cell, _binds(single, table), _uses(table))
            source.statements.append(statement)


def _syntax_error(error: Exception, filename: str) -> SyntaxError:
    """Return an error of the parser as a SyntaxError in this file."""
    if not isinstance(error, SyntaxError):
        error = SyntaxError(str(error) or type(error).__name__)
    error.filename = filename
    return error


def named_cells(notebooks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the name of each code cell, such as "homework.ipynb cell 3", and its source."""
    for notebook in notebooks:
        for number, text in zip(notebook["numbers"], notebook["code"], strict=True):
            yield f"{notebook['path']} cell {number}", text


def parsed_sources(
    files: Mapping[str, Any], notebooks: Sequence[Mapping[str, Any]], most: int = sys.maxsize
) -> Iterator[tuple[str, ast.Module]]:
    """Yield the name and the syntax tree of each Python file and notebook cell. Left out are files of more than `most`
    bytes, cells of more than `most` characters, and sources with syntax errors (which are reported elsewhere)."""
    sources = [(path, content.tobytes()) for path, content in files.items() if path.endswith(".py")]
    for name, text in (*sources, *named_cells(notebooks)):
        if len(text) > most:
            continue
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = parse_cell(text) if isinstance(text, str) else ast.parse(text)
        except _UNREADABLE:
            continue
        yield name, tree


# ── a cell's text ────────────────────────────────────────────────────────────────────────────────────

_CELL_MAGIC = re.compile(r"\s*%%(\w+)[^\n]*")
_PYTHON_MAGICS = ("time", "timeit", "capture", "prun", "writefile", "file")
"""Cell magics whose cells contain Python. A module that a cell writes counts as part of the notebook."""
_RUN = re.compile(r"^([ \t]*)%run[ \t]+(?:-i[ \t]+)?(?:\./)?(\w+)\.py\b.*$", re.MULTILINE)
_MAGIC = re.compile(r"^([ \t]*)(?:(?:\w+[ \t]*=[ \t]*)?[%!][\w ./~(].*|\?.*|[\w.]+\?{1,2})$", re.MULTILINE)
"""Matches a line with a magic, a shell command, or a request for help."""


def parse_cell(text: str) -> ast.Module:
    """Return the syntax tree of a cell or file. Lines with magics and shell commands become `pass`, and `%run file.py`
    becomes an import."""
    magic = _CELL_MAGIC.match(text)
    if magic is not None:
        if magic[1] not in _PYTHON_MAGICS:
            return ast.Module([], [])
        text = "\n" * magic[0].count("\n") + text[magic.end() :]
    try:
        return ast.parse(text)
    except SyntaxError:
        text = _RUN.sub(r"\1from \2 import *", textwrap.dedent(text))
        return ast.parse(_MAGIC.sub(r"\1pass", text))


def _single_imports(node: ast.stmt) -> list[ast.stmt]:
    """Split an import of several names, so that a missing one does not cost the others."""
    if not isinstance(node, _IMPORTS):
        return [node]
    parts: list[ast.stmt] = []
    for name in node.names:
        single = copy.copy(node)
        single.names = [name]
        parts.append(single)
    return parts


# ── what a statement binds and uses ──────────────────────────────────────────────────────────────────


def _binds(node: ast.stmt, table: symtable.SymbolTable) -> frozenset[str]:
    """Return the names that a statement defines or changes: {C} for `C.loss = f`, `setattr(C, "loss", f)` and a
    function with the decorator `@add_to(C)`, besides the function's own name, and {m, C} for `m.C.loss = f`."""
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        return frozenset("*")
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    for expression in _changed(node):
        names.update(_names_in(expression))
    return frozenset(names)


def _changed(node: ast.stmt) -> Iterator[ast.expr]:
    """Yield the expressions whose values a statement changes."""
    if isinstance(node, _DEFINITIONS):
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call):
                yield from decorator.args
        return
    for part in ast.walk(node):
        match part:
            case ast.Attribute(changed, ctx=ast.Store()) | ast.Subscript(changed, ctx=ast.Store()):
                yield changed
            case ast.Call(func=ast.Name(id="setattr"), args=[changed, *_]):
                yield changed


def _names_in(path: ast.expr) -> Iterator[str]:
    """Yield the names in an expression without calls: m and C for `m.C` and for `m.C["x"]`."""
    while isinstance(path, ast.Attribute | ast.Subscript):
        if isinstance(path, ast.Attribute):
            yield path.attr
        path = path.value
    if isinstance(path, ast.Name):
        yield path.id


def _uses(table: symtable.SymbolTable) -> frozenset[str]:
    """Return the module-level names that a statement refers to, without the local names of functions."""
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    inner_tables = list(table.get_children())
    while inner_tables:
        inner = inner_tables.pop()
        names |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
        inner_tables += inner.get_children()
    return frozenset(names)
