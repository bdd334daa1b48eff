"""Describe each statement of the student's functions by a row: the names that it reads, writes and calls.

The rows are made from syntax trees; nothing is run here. Each part of `a, b = x, y`, and each entry of a dict literal,
has a separate row. The grader must not trust the rows, because they come from a process that a student controls.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .cells import parsed_sources

MAX_ROWS = 3000
MAX_SOURCE = 400_000
"""Maximum number of bytes of a file, and of characters of a cell. Longer files and cells are left out."""
MAX_NAMES_IN_ROW = 24
"""Maximum length of each of a row's three lists: the names that its statement reads, writes and calls."""
MAX_NAME = 60

Step = tuple[str, Any]
"""A step of a path: ("attribute", name), ("key", constant), ("computed", expression that yields the key), or ("any",
None) for any other index."""


class NotComputable(Exception):
    """Raised for an index that only the student's code can compute, such as `f(i)` in `x[f(i)]`."""


@dataclass(frozen=True)
class Path:
    """An expression such as `self.params['W1']`: a root variable (`self`), followed by steps."""

    root: str
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        shown = {"attribute": ".{}", "key": "[{!r}]", "computed": "[{}]", "any": "[…]"}
        steps = ((kind, ast.unparse(value) if isinstance(value, ast.expr) else value) for kind, value in self.steps)
        return (self.root + "".join(shown[kind].format(value) for kind, value in steps))[:MAX_NAME]


@dataclass
class StatementRow:
    """One assignment, call, return, or header of a block (`if`, `for`, `while`, `with`) in a function's body."""

    file: str
    line: int
    end: int
    method: str
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
    form: str = ""
    """Kind of the expression on the right side, or of the last argument of a call: "name", "path" (`self.x['a']`),
    "operation", "call" or "other"."""
    parent: int = -1
    """Index of the row of the `if`, `for` or `while` that contains the statement; -1 if there is none."""

    def facts(self) -> list[Any]:
        """Return the row as plain data for the grader."""
        return [
            self.file[:200],
            self.line,
            self.method[:100],
            self.kind,
            self.form,
            [str(p) for p in self.reads[:MAX_NAMES_IN_ROW]],
            [str(p) for p in self.writes[:MAX_NAMES_IN_ROW]],
            [name[:MAX_NAME] for name in self.calls[:MAX_NAMES_IN_ROW]],
            self.parent,
        ]


@dataclass
class Structure:
    """The statements of all functions of a submission."""

    rows: list[StatementRow] = field(default_factory=list)
    functions: dict[tuple[str, str, int, int], list[tuple[int, int, range]]] = field(default_factory=dict)
    """Function → its statements. A function is (file, name, first line, column); the column is 0 unless it is a lambda.
    A statement is (first line, last line, indices of its rows)."""
    trees: dict[str, ast.Module] = field(default_factory=dict)
    """File or cell → its syntax tree."""

    def facts(self) -> list[list[Any]]:
        """Return the rows as plain data for the grader."""
        return [row.facts() for row in self.rows]

    def operands(self, file: str, position: tuple[int | None, ...]) -> list[Path]:
        """Return the operands of an operation. Leave out operands other than expressions such as `x` or
        `self.params['W1']`.

        The operands are the two sides of an operator, the indexed object, the object whose attribute is read, or the
        arguments of a call.

        Args:
            file: File or cell.
            position: Line, last line, column and last column of the operation.
        """
        for node in ast.walk(self.trees.get(file, ast.Module([], []))):
            if not isinstance(node, ast.BinOp | ast.AugAssign | ast.Subscript | ast.Attribute | ast.Call):
                continue
            if (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == position:
                return [p for side in _sides(node) for p in _path_of(side)]
        return []


def structure(files: Mapping[str, Any], notebooks: Sequence[Mapping[str, Any]]) -> Structure:
    """Describe the statements of all functions in Python files (arrays of bytes, by path) and notebook cells."""
    found = Structure(trees=dict(parsed_sources(files, notebooks, MAX_SOURCE)))
    for file, tree in found.trees.items():
        _Functions(file, found).visit(tree)
    return found


class _Functions(ast.NodeVisitor):
    """A visitor that adds every function, method and lambda of a syntax tree to a `Structure`."""

    def __init__(self, file: str, found: Structure) -> None:
        self.file, self.found = file, found
        self.names: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.names.append(node.name)
        self.generic_visit(node)
        self.names.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        self.names.append(node.name)
        self._add(node.name, first, node.body)
        self.generic_visit(node)
        self.names.pop()

    def visit_Lambda(self, node: ast.Lambda) -> None:
        answer = ast.copy_location(ast.Return(node.body), node.body)
        self._add("<lambda>", node.lineno, [answer], node.body.col_offset)
        self.generic_visit(node)

    def _add(self, name: str, first: int, body: Sequence[ast.stmt], column: int = 0) -> None:
        statements: list[tuple[int, int, range]] = []
        self._add_statements(body, -1, statements)
        self.found.functions[self.file, name, first, column] = statements

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
            start, rows = len(self.found.rows), list(self._rows(node))
            if start + len(rows) > MAX_ROWS:
                return
            for row in rows:
                row.parent = parent
            self.found.rows += rows
            inner = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
            inner += [handler.body for handler in getattr(node, "handlers", [])]
            inner += [case.body for case in getattr(node, "cases", [])]
            last = node.lineno if any(inner) else node.end_lineno or node.lineno
            if any(inner) and rows:
                last = max(row.end for row in rows)
            if rows:
                statements.append((node.lineno, last, range(start, start + len(rows))))
            for block in inner:
                self._add_statements(block, start if rows else parent, statements)
            if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return | ast.Raise | ast.Continue):
                parent = start  # the following statements run only if the test fails

    def _rows(self, node: ast.stmt) -> Iterator[StatementRow]:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from self._assigned(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from self._assigned(target, value)
            case ast.AugAssign(target=target, value=value):
                row = self._row(node, "augmented", value)
                row.reads += _paths(target)
                row.writes = _targets(target)
                yield row
            case ast.Return(value=ast.expr() as value) | ast.Expr(value=ast.Yield(value=ast.expr() as value)):
                yield from self._returned(value, ())
            case ast.Expr(value=ast.Call() as call):
                yield self._changing(call)
            case ast.Pass() | ast.Expr(value=ast.Name() | ast.Attribute() | ast.Subscript() | ast.BinOp()):
                yield self._row(node, "idle", *([] if isinstance(node, ast.Pass) else [node.value]))
            case _:
                yield from self._header(node)

    def _header(self, node: ast.stmt) -> Iterator[StatementRow]:
        match node:
            case ast.For(target=target, iter=iterated):
                row = self._row(iterated, "for", iterated)
                row.line, row.writes = node.lineno, _targets(target)
                yield row
            case ast.If(test=test) | ast.While(test=test):
                row = self._row(test, type(node).__name__.lower(), test)
                row.line = node.lineno
                yield row
            case ast.With(items=items):
                row = self._row(node, "with", *(i.context_expr for i in items))
                row.end = max(i.context_expr.end_lineno or node.lineno for i in items)
                row.writes = [p for i in items if i.optional_vars is not None for p in _targets(i.optional_vars)]
                yield row

    def _assigned(self, target: ast.expr, value: ast.expr) -> Iterator[StatementRow]:
        if isinstance(target, ast.Tuple | ast.List):
            values = _items(value)
            if len(values) == len(target.elts):
                for one, its in zip(target.elts, values, strict=True):
                    yield from self._assigned(one, its)
                return
            for number, one in enumerate(target.elts):
                row = self._row(value, "assign", value)
                row.writes, row.item = _targets(one), number
                yield row
            return
        row = self._row(value, "assign", *([] if (entries := _entries(value)) else [value]))
        row.line = min(target.lineno, row.line)
        row.writes = _targets(target)
        if any(p.steps and p.steps[-1][0] == "any" for p in row.writes):
            row.reads += _paths(target)  # the array's other elements stay as they are
        yield row
        for key, its in entries:
            entry = self._row(its, "assign", its)
            entry.writes = [Path(p.root, (*p.steps, ("key", key))) for p in row.writes]
            yield entry

    def _returned(self, value: ast.expr, where: tuple[Any, ...]) -> Iterator[StatementRow]:
        if isinstance(value, ast.Tuple) and not where:
            for number, item in enumerate(value.elts):
                yield from self._returned(item, (number,))
            return
        if entries := _entries(value):
            for key, its in entries:
                row = self._row(its, "return", its)
                row.returns = (*where, key)
                row.writes = [Path("return", (("key", key),))]
                yield row
            return
        row = self._row(value, "return", value)
        row.returns = where
        yield row

    def _changing(self, call: ast.Call) -> StatementRow:
        """Return the row of a call whose result is not used. The call is assumed to change its object and arguments."""
        row = self._row(call, "call", call)
        row.mutates = True
        row.form = _form(call.args[-1]) if call.args else "call"
        changed = [call.func.value] if isinstance(call.func, ast.Attribute) else []
        row.writes = [p for e in (*changed, *call.args) for p in _path_of(e)]
        return row

    def _row(self, node: ast.stmt | ast.expr, kind: str, *values: ast.expr) -> StatementRow:
        calls = [c for v in values for c in ast.walk(v) if isinstance(c, ast.Call)]
        return StatementRow(
            self.file,
            node.lineno,
            node.end_lineno or node.lineno,
            ".".join(self.names),
            kind,
            reads=[p for v in values for p in _paths(v)],
            calls=[ast.unparse(c.func) for c in calls],
            form=_form(values[-1]) if values else "other",
        )


def _items(value: ast.expr) -> list[ast.expr]:
    """Return the items of a tuple, a list, or a comprehension over a literal tuple or list; [] for anything else."""
    match value:
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return items
        case ast.GeneratorExp(elt=item, generators=[each]) | ast.ListComp(elt=item, generators=[each]):
            match each:
                case ast.comprehension(target=ast.Name(id=name), iter=ast.Tuple() | ast.List() as keys, ifs=[]):
                    return [_With(name, key).visit(copy.deepcopy(item)) for key in keys.elts]
    return []


class _With(ast.NodeTransformer):
    """A transformer that replaces a name by an expression."""

    def __init__(self, name: str, value: ast.expr) -> None:
        self.name, self.value = name, value

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.value if node.id == self.name else node


def _form(value: ast.expr) -> str:
    if paths := _path_of(value):
        kinds = {kind for kind, _ in paths[0].steps}
        return "name" if not kinds else "path" if kinds <= {"attribute", "key"} else "other"
    match value:
        case ast.BinOp() | ast.UnaryOp() | ast.Compare():
            return "operation"
        case ast.Call():
            return "call"
        case ast.DictComp(value=item) | ast.ListComp(elt=item):
            return "operation" if _form(item) == "operation" else "other"
    return "other"


def _entries(value: ast.expr) -> list[tuple[Any, ast.expr]]:
    """Return the entries (key, value) of a dict literal with constant keys, or of `dict(key=value)`."""
    match value:
        case ast.Dict(keys=keys, values=values) if keys and all(isinstance(k, ast.Constant) for k in keys):
            return [(k.value, v) for k, v in zip(keys, values, strict=True) if isinstance(k, ast.Constant)]
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords) if all(k.arg for k in keywords):
            return [(k.arg, k.value) for k in keywords]
    return []


def _sides(node: ast.BinOp | ast.AugAssign | ast.Subscript | ast.Attribute | ast.Call) -> list[ast.expr]:
    match node:
        case ast.Call(args=arguments):
            return arguments
        case ast.BinOp(left=left, right=right) | ast.AugAssign(target=left, value=right):
            return [left, right]
    return [node.value]


def _targets(target: ast.expr) -> list[Path]:
    if isinstance(target, ast.Tuple | ast.List):
        return [p for item in target.elts for p in _targets(item)]
    return _path_of(target.value if isinstance(target, ast.Starred) else target)


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


def _is_computable(key: ast.expr) -> bool:
    """Return whether a key can be computed from variables without calling a student's function."""
    try:
        computed(key, {})
    except NotComputable:
        return False
    return True


def computed(key: ast.expr, variables: Mapping[str, Any]) -> str | int | None:
    """Compute a dict key such as `f"W{i}"` from the variables. Return None unless all its parts are strings or
    integers. Raise `NotComputable` for an expression that may call a student's function."""
    value: Any = None
    match key:
        case ast.Constant(value=str() | int() as constant):
            value = constant
        case ast.Name(id=name):
            value = variables.get(name)
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            value = getattr(variables.get(name), "__dict__", {}).get(attribute)
        case ast.Subscript(value=of, slice=ast.Constant(value=int(index))):
            whole = computed(of, variables)
            value = whole[index] if isinstance(whole, str) and -len(whole) <= index < len(whole) else None
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            value = _sum([computed(left, variables), computed(right, variables)])
        case ast.JoinedStr(values=parts):
            texts = [computed(part, variables) for part in parts]
            value = None if None in texts else "".join(map(str, texts))
        case (
            ast.FormattedValue(value=inner, conversion=-1, format_spec=None)
            | ast.Call(func=ast.Name(id="str"), args=[inner], keywords=[])
        ):
            one = computed(inner, variables)
            value = None if one is None else str(one)
        case _:
            raise NotComputable
    return value if type(value) in (str, int) else None


def _sum(sides: Sequence[str | int | None]) -> str | int | None:
    match sides:
        case [str(left), str(right)]:
            return left + right
        case [int(first), int(second)]:
            return first + second
    return None


def _paths(node: ast.AST) -> list[Path]:
    """Return all paths that an expression reads."""
    if isinstance(node, ast.Lambda):
        return []
    found: list[Path] = []
    inner: list[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and (found := _path_of(node)):
        inner = []
        step: ast.expr = node
        while isinstance(step, ast.Attribute | ast.Subscript):
            inner += [step.slice] if isinstance(step, ast.Subscript) else []
            step = step.value
    for child in inner:
        found += _paths(child)
    return list(dict.fromkeys(found))
