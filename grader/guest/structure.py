"""Describe each statement of the student's functions by a row: the names that it reads, writes and calls.

The rows are made from syntax trees; nothing is run here. Each part of `a, b = x, y`, and each entry of a dict literal,
has a separate row. The grader must not trust the rows, because they come from a process that a student controls.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import CodeType, FrameType
from typing import Any

from .sources import parsed_sources

MAX_ROWS = 3000
MAX_SOURCE = 400_000
"""Maximum number of bytes of a file, and of characters of a cell. Longer files and cells are left out."""
MAX_NAMES_IN_ROW = 24
"""Maximum length of each of a row's two lists: the names that its statement reads and writes."""
MAX_NAME = 60

Step = tuple[str, Any]
"""A step of a path: ("attribute", name), ("key", constant), ("computed", expression that yields the key), or ("any",
None) for any other index."""


_FORMATS = {"attribute": ".{}", "key": "[{!r}]", "computed": "[{}]", "any": "[…]"}


@dataclass(frozen=True)
class Path:
    """An expression such as `self.params['W1']`: a root variable (`self`), followed by steps."""

    root: str
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        text = self.root
        for kind, value in self.steps:
            key = ast.unparse(value) if isinstance(value, ast.expr) else value
            text += _FORMATS[kind].format(key)
        return text[:MAX_NAME]

    def entry(self, key: Any) -> Path:
        """Return the path of an entry of the value at this path."""
        return Path(self.root, (*self.steps, ("key", key)))


@dataclass
class StatementRow:
    """One assignment, call, return, or header of a block (`if`, `for`, `while`) in a function's body."""

    file: str
    line: int
    end: int
    kind: str
    reads: list[Path] = field(default_factory=list)
    writes: list[Path] = field(default_factory=list)
    returns: tuple[Any, ...] | None = None
    """Position of the returned value: () for the whole return value, (1, "W1") for its part [1]["W1"]. None if the row
    returns nothing."""
    item: int | None = None
    """Position of the assigned item if one value is unpacked: 1 for b in `a, b = f()`. None for other rows."""
    mutates: bool = False
    """True for a call whose result is not used, such as `x.sort()`. It is assumed to change the objects in `writes`."""
    calls: list[str] = field(default_factory=list)
    form: str = "other"
    """Kind of the expression on the right side, or of the last argument of a call: "name", "path" (`self.x['a']`),
    "call" or "other"."""
    parent: int = -1
    """Index of the row of the `if`, `for` or `while` that contains the statement; -1 if there is none."""

    def plain(self) -> list[Any]:
        """Return the row as plain data for the grader."""
        reads = [str(path) for path in self.reads[:MAX_NAMES_IN_ROW]]
        writes = [str(path) for path in self.writes[:MAX_NAMES_IN_ROW]]
        return [self.file[:200], self.line, self.kind, self.form, reads, writes, self.parent]


@dataclass
class Structure:
    """The statements of all functions of a submission."""

    rows: list[StatementRow] = field(default_factory=list)
    functions: dict[tuple[str, str, int], list[tuple[int, int, range]]] = field(default_factory=dict)
    """Function → its statements. A function is (file, name, first line).
    A statement is (first line, last line, indices of its rows)."""

    def plain(self) -> list[list[Any]]:
        """Return the rows as plain data for the grader."""
        return [row.plain() for row in self.rows]


def structure(files: Mapping[str, Any], notebooks: Sequence[Mapping[str, Any]]) -> Structure:
    """Describe the statements of all functions in Python files (arrays of bytes, by path) and notebook cells."""
    table = Structure()
    for file, tree in parsed_sources(files, notebooks, MAX_SOURCE):
        functions = _Functions(file, table)
        for node in ast.walk(tree):
            match node:
                case ast.FunctionDef(name=name, body=body, lineno=first, decorator_list=decorators):
                    lines = [first, *(decorator.lineno for decorator in decorators)]
                    functions.add(name, min(lines), body)  # the first line as in the function's code object
                case ast.Lambda(body=answer, lineno=first):
                    functions.add("<lambda>", first, [ast.copy_location(ast.Return(answer), answer)])
    return table


@dataclass
class _Functions:
    """Adds functions of one file or cell to a `Structure`."""

    file: str
    table: Structure

    def add(self, name: str, first: int, body: Sequence[ast.stmt]) -> None:
        """Add a function with this name, first line and body."""
        statements: list[tuple[int, int, range]] = []
        self._add_statements(body, -1, statements)
        self.table.functions[self.file, name, first] = statements

    def _add_statements(self, body: Sequence[ast.stmt], parent: int, statements: list[tuple[int, int, range]]) -> None:
        """Add the rows of the statements in a body, and of those in nested blocks.

        Args:
            body: The statements.
            parent: Index of the row of the `if` or loop that decides whether the statements run; -1 if there is none.
            statements: List to which each statement is added, as (first line, last line, indices of its rows).
        """
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            start = len(self.table.rows)
            rows = list(self._rows(node))
            if start + len(rows) > MAX_ROWS:
                return
            for row in rows:
                row.parent = parent
            self.table.rows += rows
            blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
            blocks += [handler.body for handler in getattr(node, "handlers", [])]
            if rows:
                last = max(row.end for row in rows)
                statements.append((node.lineno, last, range(start, start + len(rows))))
            for block in blocks:
                self._add_statements(block, start if rows else parent, statements)
            if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return | ast.Raise | ast.Continue):
                parent = start  # the following statements run only if the test fails

    def _rows(self, node: ast.stmt) -> Iterator[StatementRow]:
        """Yield the rows of one statement. Of a `for`, `if` or `while`, this is the row of its header; other statements
        with blocks have none."""
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from self._assigned(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from self._assigned(target, value)
            case ast.AugAssign(target=target, value=value):
                row = self._row("augmented", value)
                row.line = node.lineno
                row.reads += _paths(target)
                row.writes = _targets(target)
                yield row
            case ast.Return(value=ast.expr() as value) | ast.Expr(value=ast.Yield(value=ast.expr() as value)):
                yield from self._returned(value, ())
            case ast.Expr(value=ast.Call() as call):
                yield self._changing(call)
            case ast.For(iter=value) | ast.If(test=value) | ast.While(test=value):
                row = self._row(type(node).__name__.lower(), value)
                row.line = node.lineno
                if isinstance(node, ast.For):
                    row.writes = _targets(node.target)
                yield row

    def _assigned(self, target: ast.expr, value: ast.expr) -> Iterator[StatementRow]:
        """Yield the rows of `target = value`. `a, b = x, y` has a row for each pair; `a, b = f()` has a row for each
        target. `d = {"W1": x, "b1": y}` has a row for the dict and one for each entry."""
        if isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                for target_item, item in zip(target.elts, value.elts, strict=True):
                    yield from self._assigned(target_item, item)
                return
            for number, target_item in enumerate(target.elts):
                row = self._row("assign", value)
                row.writes = _targets(target_item)
                row.item = number
                yield row
            return
        entries = _entries(value)
        row = self._row("assign", value)
        if entries:  # which have rows of their own
            row.reads, row.calls, row.form = [], [], "other"
        row.line = min(target.lineno, row.line)
        row.writes = _targets(target)
        if any(("any", None) in path.steps[-1:] for path in row.writes):
            row.reads += _paths(target)  # the array's other elements stay as they are
        yield row
        for key, item in entries:
            entry = self._row("assign", item)
            entry.writes = [path.entry(key) for path in row.writes]
            yield entry

    def _returned(self, value: ast.expr, where: tuple[Any, ...]) -> Iterator[StatementRow]:
        """Yield the rows of a return of `value`: one for each item of a tuple and for each entry of a dict literal.
        `where` is the position of `value` in the whole return value, as in `StatementRow.returns`."""
        if isinstance(value, ast.Tuple) and not where:
            for number, item in enumerate(value.elts):
                yield from self._returned(item, (number,))
            return
        entries = _entries(value)
        for key, item in entries:
            row = self._row("return", item)
            row.returns = (*where, key)
            row.writes = [Path("return").entry(key)]  # as if the return value were a variable named "return"
            yield row
        if entries:
            return
        row = self._row("return", value)
        row.returns = where
        yield row

    def _changing(self, call: ast.Call) -> StatementRow:
        """Return the row of a call whose result is not used. The call is assumed to change its object and arguments."""
        row = self._row("call", call)
        row.mutates = True
        row.form = _form(call.args[-1]) if call.args else "call"
        changed = [call.func.value] if isinstance(call.func, ast.Attribute) else []
        for expression in (*changed, *call.args):
            row.writes += _path_of(expression)
        return row

    def _row(self, kind: str, value: ast.expr) -> StatementRow:
        """Return a row that begins at an expression, and reads and calls what the expression does."""
        row = StatementRow(self.file, value.lineno, value.end_lineno or value.lineno, kind)
        row.reads = _paths(value)
        row.form = _form(value)
        for part in ast.walk(value):
            if isinstance(part, ast.Call):
                row.calls.append(ast.unparse(part.func))
        return row


def _form(value: ast.expr) -> str:
    """Return the kind of an expression, as in `StatementRow.form`."""
    paths = _path_of(value)
    if not paths:
        return "call" if isinstance(value, ast.Call) else "other"
    kinds = {kind for kind, _ in paths[0].steps}
    if not kinds:
        return "name"
    return "path" if kinds <= {"attribute", "key"} else "other"


def _entries(value: ast.expr) -> list[tuple[Any, ast.expr]]:
    """Return the entries (key, value) of a dict literal with constant keys, or of `dict(key=value)`."""
    entries: list[tuple[Any, ast.expr]] = []
    match value:
        case ast.Dict(keys=keys, values=values):
            for key, item in zip(keys, values, strict=True):
                if not isinstance(key, ast.Constant):
                    return []
                entries.append((key.value, item))
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            for keyword in keywords:
                if not keyword.arg:
                    return []
                entries.append((keyword.arg, keyword.value))
    return entries


def _targets(target: ast.expr) -> list[Path]:
    """Return the paths that an assignment to `target` writes, for example two for `a, self.b = …`."""
    if isinstance(target, ast.Tuple | ast.List):
        return [path for item in target.elts for path in _targets(item)]
    if isinstance(target, ast.Starred):
        target = target.value
    return _path_of(target)


def _path_of(node: ast.expr) -> list[Path]:
    """Return a list with the path of an expression; [] if the expression does not begin with a name."""
    steps: list[Step] = []
    while not isinstance(node, ast.Name):
        match node:
            case ast.Attribute(value=value, attr=name):
                steps.append(("attribute", name))
            case ast.Subscript(value=value, slice=ast.Constant(value=key)):
                steps.append(("key", key))
            case ast.Subscript(value=value, slice=key) if _is_computable(key):
                steps.append(("computed", key))
            case ast.Subscript(value=value):
                steps.append(("any", None))
            case _:
                return []
        node = value
    return [Path(node.id, tuple(reversed(steps)))]


_COMPUTABLE = (
    ast.Constant,
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.BinOp,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.expr_context,
    ast.operator,
)


def _is_computable(key: ast.expr) -> bool:
    """Return whether a key can be computed from variables without a call other than `str(i)`."""
    for node in ast.walk(key):
        is_str = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str"
        if not is_str and not isinstance(node, _COMPUTABLE):
            return False
    return True


def computed(key: ast.expr, frame: FrameType) -> str | int | None:
    """Compute a key such as `f"W{i}"` from the variables of a call. Return None unless it is a string or an integer."""
    try:
        value = eval(_compiled(key), frame.f_globals, frame.f_locals)  # noqa: S307  the student's code, in the sandbox
    except Exception:  # noqa: BLE001  a variable may have no value yet
        return None
    return value if type(value) in (str, int) else None


@cache
def _compiled(key: ast.expr) -> CodeType:
    """Compile a key once, since its statement may run thousands of times."""
    return compile(ast.Expression(key), "<key>", "eval")


def _paths(node: ast.AST) -> list[Path]:
    """Return all paths that an expression reads."""
    if isinstance(node, ast.Lambda):
        return []
    paths: list[Path] = []
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        paths = _path_of(node)
    inner = _indices(node) if paths else list(ast.iter_child_nodes(node))
    for part in inner:
        paths += _paths(part)
    return list(dict.fromkeys(paths))


def _indices(node: ast.AST) -> list[ast.AST]:
    """Return the indices in an expression: [name, 0] for `self.params[name][0]`."""
    indices: list[ast.AST] = []
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Subscript):
            indices.append(node.slice)
        node = node.value
    return indices
