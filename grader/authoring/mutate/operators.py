"""Create mutants of a Python file, each with one small edit.

Edits are found in the syntax tree and applied to the text, so that all other lines stay unchanged and the line of the
fault is known.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Alike = Mapping[str, Mapping[str, str]]
"""Function → variable → its type and shape as text. A mutant may use a variable in place of another variable with the
same type and shape."""


@dataclass(frozen=True)
class Mutant:
    """A solution with one fault."""

    id: str
    """"file:operator:digest", with a digest of the mutated text. It stays the same until the original file is
    edited."""
    file: str
    operator: str
    lines: frozenset[int]
    """Lines that a report may show as the location of the fault: the changed lines and the first line of the statement.
    For a deleted statement: the neighboring statements, and the statements that would have read its value next."""
    line: int
    """The first changed line, or the line of the deleted statement."""
    source: str
    original: str

    @property
    def diff(self) -> str:
        """Unified diff with one line of context."""
        rows = difflib.unified_diff(
            self.original.splitlines(), self.source.splitlines(), self.file, self.file, n=1, lineterm=""
        )
        return "\n".join(rows)


def mutants(file: str, source: str, alike: Alike) -> list[Mutant]:
    """Return every distinct mutant that compiles, in the order of the file.

    Args:
        file: Name of the file, for the mutants' ids.
        source: Text of the file.
        alike: The types and shapes of the variables in the file's functions.
    """
    parsed = _ParsedSource(source)
    edits = [*_expressions(parsed, alike), *_statements(parsed)]
    edits.sort(key=lambda edit: (edit.start, edit.operator, edit.text))
    seen = {_bare(source)}
    found: list[Mutant] = []
    for edit in edits:
        text = parsed.applied(edit)
        if _bare(text) in seen:
            continue
        seen.add(_bare(text))
        if not _compiles(text):
            continue
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        found.append(
            Mutant(f"{file}:{edit.operator}:{digest}", file, edit.operator, edit.lines, edit.line, text, source)
        )
    return found


def _compiles(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            compile(source, "<mutant>", "exec")
        except SyntaxError:
            return False
    return True


def _bare(source: str) -> str:
    """Return a source without parentheses and without spaces inside lines. Sources that differ only in these have the
    same result."""
    return re.sub(r"(?<=\S) +|[()]", "", source)


@dataclass(frozen=True)
class _Edit:
    """A replacement of the bytes from `start` to `end` of a source by `text`."""

    operator: str
    start: int
    end: int
    text: str
    line: int
    lines: frozenset[int]


class _ParsedSource:
    """A source, its syntax tree, and the positions of nodes in the text."""

    def __init__(self, source: str) -> None:
        self.bytes = source.encode()
        self.tree = ast.parse(source)
        self._starts = [0]
        for line in self.bytes.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.bytes[start:end].decode()

    def line_start(self, line: int) -> int:
        return self._starts[line - 1]

    def applied(self, edit: _Edit) -> str:
        return (self.bytes[: edit.start] + edit.text.encode() + self.bytes[edit.end :]).decode()


# ── expressions ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Spot:
    """The place of an expression in the syntax tree."""

    parent: ast.AST
    field: str
    function: ast.FunctionDef | None
    alike: Mapping[str, str]
    statement: int
    """The first line of the statement or lambda that contains the expression."""

    @property
    def parameters(self) -> Mapping[str, ast.expr]:
        """Name of a parameter of the function → its default value. Parameters without default are left out."""
        if self.function is None:
            return {}
        arguments = self.function.args
        with_default = (arguments.posonlyargs + arguments.args)[-len(arguments.defaults) or len(arguments.args) :]
        return {a.arg: d for a, d in zip(with_default, arguments.defaults, strict=True)}


Node = TypeVar("Node", bound=ast.expr)
Change = Callable[[Node, _Spot], Iterator[ast.expr]]
"""Function (expression, place of the expression) → the expressions that replace it in mutants."""
_CHANGES: dict[str, tuple[type[ast.expr], Change[Any]]] = {}
"""Name of an operator → the type of the expressions that it changes, and the operator."""


def _operator(name: str, kind: type[Node]) -> Callable[[Change[Node]], Change[Node]]:
    def register(change: Change[Node]) -> Change[Node]:
        _CHANGES[name] = kind, change
        return change

    return register


def _expressions(parsed: _ParsedSource, alike: Alike) -> Iterator[_Edit]:
    for node, spot in _walk(parsed.tree, None, alike, 1):
        for operator, (kind, change) in _CHANGES.items():
            for new in change(node, spot) if isinstance(node, kind) else ():
                yield _replacing(parsed, operator, node, ast.unparse(ast.fix_missing_locations(new)), new, spot)


def _replacing(parsed: _ParsedSource, operator: str, node: ast.expr, text: str, new: ast.expr, spot: _Spot) -> _Edit:
    start, end = parsed.span(node)
    last = node.lineno + text.count("\n")
    binds_loosely = isinstance(new, ast.BinOp | ast.UnaryOp | ast.Compare | ast.BoolOp | ast.IfExp | ast.Lambda)
    inside = isinstance(spot.parent, ast.BinOp | ast.UnaryOp | ast.Compare | ast.BoolOp | ast.Attribute | ast.Subscript)
    has_them = parsed.bytes[start - 1 : start] == b"(" and parsed.bytes[end : end + 1] == b")"
    needs = binds_loosely and inside and spot.field != "slice" and not has_them
    lines = frozenset({spot.statement, *range(node.lineno, last + 1)})
    return _Edit(operator, start, end, f"({text})" if needs else text, node.lineno, lines)


def _walk(
    node: ast.AST, function: ast.FunctionDef | None, alike: Alike, statement: int
) -> Iterator[tuple[ast.expr, _Spot]]:
    """Yield every expression and its place, except annotations, docstrings, decorators and the parts of f-strings."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases", "ctx", "op", "ops", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr | ast.FormattedValue):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue
            inner = child if isinstance(child, ast.FunctionDef) else function
            line = child.lineno if isinstance(child, ast.stmt | ast.Lambda) else statement
            if isinstance(child, ast.expr):
                yield child, _Spot(node, field, function, alike.get(function.name, {}) if function else {}, line)
            yield from _walk(child, inner, alike, line)


def _loads(node: ast.expr) -> bool:
    return not isinstance(getattr(node, "ctx", ast.Load()), ast.Store | ast.Del)


def _copied(node: ast.expr, **changes: Any) -> Any:
    return type(node)(**{**dict(ast.iter_fields(node)), **changes})


def _called(node: ast.expr) -> str:
    """Return the last name of the called function: "sum" for np.sum(x) and for x.sum()."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _of_module(node: ast.Call) -> bool:
    """Return whether a call has the form f(x), np.f(x) or self.f(x), and not x.f()."""
    function = node.func
    return isinstance(function, ast.Name) or (
        isinstance(function, ast.Attribute) and ast.unparse(function.value) in ("np", "np.linalg", "np.random", "self")
    )


_REDUCTIONS = frozenset({"sum", "mean", "max", "min", "argmax", "argmin", "prod", "reduce", "any", "all"})


@_operator("axis", ast.Call)
def _axis(node: ast.Call, _spot: _Spot) -> Iterator[ast.expr]:
    for i, keyword in enumerate(node.keywords):
        if keyword.arg == "axis":
            rest = [k for k in node.keywords if k is not keyword]
            yield _copied(node, keywords=rest)
            yield _copied(node, keywords=[*rest[:i], ast.keyword("axis", _other_axis(keyword.value)), *rest[i:]])
    if _called(node) in _REDUCTIONS:
        at = 1 if _of_module(node) else 0
        if len(node.args) > at:
            yield _copied(node, args=node.args[:at])
            yield _copied(node, args=[*node.args[:at], _other_axis(node.args[at]), *node.args[at + 1 :]])
        elif not any(k.arg == "axis" for k in node.keywords) and len(node.args) == at:
            yield _copied(node, keywords=[*node.keywords, ast.keyword("axis", ast.Constant(0))])


def _other_axis(value: ast.expr) -> ast.expr:
    return ast.Constant(1 if isinstance(value, ast.Constant) and value.value == 0 else 0)


@_operator("keepdims", ast.Call)
def _keepdims(node: ast.Call, _spot: _Spot) -> Iterator[ast.expr]:
    if any(k.arg == "keepdims" for k in node.keywords):
        yield _copied(node, keywords=[k for k in node.keywords if k.arg != "keepdims"])


_PRODUCTS = frozenset({"dot", "matmul"})


@_operator("transpose", ast.expr)
def _transpose(node: ast.expr, spot: _Spot) -> Iterator[ast.expr]:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    elif _is_factor(node, spot) and not isinstance(node, ast.Constant):
        yield ast.Attribute(node, "T", ast.Load())


def _is_factor(node: ast.expr, spot: _Spot) -> bool:
    """Return whether an expression is an operand of a matrix product."""
    if isinstance(spot.parent, ast.BinOp) and isinstance(spot.parent.op, ast.MatMult):
        return True
    return isinstance(spot.parent, ast.Call) and spot.field == "args" and _called(spot.parent) in _PRODUCTS


_SIGNS: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
_FACTORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
}


@_operator("sign", ast.expr)
def _sign(node: ast.expr, spot: _Spot) -> Iterator[ast.expr]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
        yield _copied(node, op=_SIGNS[type(node.op)]())
    elif isinstance(node, ast.BinOp | ast.Call) and isinstance(spot.parent, ast.Assign) and _is_numeric(node):
        yield ast.UnaryOp(ast.USub(), node)


def _is_numeric(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) or _called(node) in _REDUCTIONS | _PRODUCTS | {"exp", "log", "where", "maximum"}


@_operator("operator", ast.BinOp)
def _other_operation(node: ast.BinOp, _spot: _Spot) -> Iterator[ast.expr]:
    if type(node.op) in _FACTORS and not _is_text(node.left):
        yield _copied(node, op=_FACTORS[type(node.op)]())


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


@_operator("dropped operand", ast.expr)
def _dropped_operand(node: ast.expr, _spot: _Spot) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Mod):
        yield node.left
        yield node.right
    if isinstance(node, ast.BoolOp):
        yield from node.values


_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}


@_operator("comparison", ast.Compare)
def _comparison(node: ast.Compare, _spot: _Spot) -> Iterator[ast.expr]:
    if len(node.ops) == 1:
        for other in _COMPARISONS.get(type(node.ops[0]), ()):
            yield _copied(node, ops=[other()])


@_operator("condition", ast.expr)
def _condition(node: ast.expr, spot: _Spot) -> Iterator[ast.expr]:
    if spot.field == "test" and isinstance(spot.parent, ast.If | ast.IfExp):
        if not isinstance(node, ast.Compare):
            yield ast.UnaryOp(ast.Not(), node)
        yield ast.Constant(True)
        yield ast.Constant(False)


@_operator("swapped operands", ast.expr)
def _swapped_operands(node: ast.expr, _spot: _Spot) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.Pow | ast.FloorDiv):
        yield _copied(node, left=node.right, right=node.left)
    if isinstance(node, ast.Call) and len(node.args) >= 2:
        yield _copied(node, args=[node.args[1], node.args[0], *node.args[2:]])


@_operator("wrong variable", ast.Name)
def _wrong_variable(node: ast.Name, spot: _Spot) -> Iterator[ast.expr]:
    if not _loads(node) or node.id not in spot.alike or spot.function is None:
        return
    bound = _bound_before(spot.function, node.lineno)
    same = [n for n, kind in spot.alike.items() if n in bound and n != node.id and kind == spot.alike[node.id]]
    family = [n for n in spot.alike if n in bound and n != node.id and _of_one_family(n, node.id)]
    same.sort(key=lambda n: hashlib.sha256(f"{node.lineno} {node.col_offset} {n}".encode()).digest())
    for name in dict.fromkeys(family[:2] + same[:2]):
        yield ast.Name(name, ast.Load())


def _of_one_family(one: str, other: str) -> bool:
    """Return whether names are easily confused, such as W1 and W2, or y and y_batch."""
    bare = [re.sub(r"\d", "", name) for name in (one, other)]
    return bare[0] == bare[1] or one.startswith(f"{other}_") or other.startswith(f"{one}_")


def _bound_before(function: ast.FunctionDef, line: int) -> set[str]:
    names = {a.arg for a in function.args.args}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.lineno < line:
            names.add(node.id)
    return names


@_operator("missing copy", ast.Call)
def _missing_copy(node: ast.Call, _spot: _Spot) -> Iterator[ast.expr]:
    if _called(node) in ("copy", "array", "astype", "asarray"):
        if _of_module(node) and node.args:
            yield node.args[0]
        elif isinstance(node.func, ast.Attribute):
            yield node.func.value


@_operator("constant for parameter", ast.Name)
def _constant_for_parameter(node: ast.Name, spot: _Spot) -> Iterator[ast.expr]:
    if _loads(node) and node.id in spot.parameters:
        yield spot.parameters[node.id]


@_operator("constant", ast.Constant)
def _constant(node: ast.Constant, spot: _Spot) -> Iterator[ast.expr]:
    if isinstance(spot.parent, ast.keyword) and spot.parent.arg in ("axis", "keepdims"):
        return
    value: Any = node.value
    if type(value) is bool:
        yield ast.Constant(not value)
    elif type(value) in (int, float):
        known = {0: (1,), 1: (0, 2), 2: (1, 3), 0.5: (1.0, 0.25)}
        for new in known.get(value, (2 * value, 0)):
            yield ast.Constant(type(value)(new))


@_operator("off by one", ast.expr)
def _off_by_one(node: ast.expr, spot: _Spot) -> Iterator[ast.expr]:
    in_range = isinstance(spot.parent, ast.Call) and spot.field == "args" and _called(spot.parent) in _COUNTS
    in_slice = isinstance(spot.parent, ast.Slice) and spot.field in ("lower", "upper")
    indexes = isinstance(spot.parent, ast.Subscript) and spot.field == "slice" and isinstance(node, ast.Name)
    divides = isinstance(spot.parent, ast.BinOp | ast.AugAssign) and isinstance(spot.parent.op, ast.Div)
    divides = divides and spot.field in ("right", "value") and isinstance(node, ast.Name)
    if (in_range or in_slice or indexes or divides) and not isinstance(node, ast.Constant):
        yield ast.BinOp(node, ast.Add(), ast.Constant(1))
        yield ast.BinOp(node, ast.Sub(), ast.Constant(1))


_COUNTS = frozenset({"range", "arange", "permutation"})


@_operator("dropped call", ast.Call)
def _dropped_call(node: ast.Call, _spot: _Spot) -> Iterator[ast.expr]:
    if _called(node) in ("copy", "array", "range"):
        return
    if _of_module(node) and node.args and not isinstance(node.args[0], ast.Starred):
        yield node.args[0]
    elif isinstance(node.func, ast.Attribute) and not _of_module(node):
        yield node.func.value


_OTHER_FUNCTIONS = {
    "sum": ("mean", "max"),
    "mean": ("sum", "max"),
    "max": ("min", "sum"),
    "min": ("max",),
    "argmax": ("argmin",),
    "log": ("log2", "log10", "log1p"),
    "exp": ("exp2", "expm1"),
    "maximum": ("minimum",),
    "zeros": ("ones",),
    "permutation": ("arange",),
    "square": ("abs",),
    "randn": ("rand",),
    "sqrt": ("abs",),
}


@_operator("other function", ast.Call)
def _other_function(node: ast.Call, _spot: _Spot) -> Iterator[ast.expr]:
    for other in _OTHER_FUNCTIONS.get(_called(node), ()):
        if other == "arange":
            yield _copied(node, func=ast.Attribute(ast.Name("np", ast.Load()), "arange", ast.Load()))
        elif isinstance(node.func, ast.Name):
            yield _copied(node, func=ast.Name(other, ast.Load()))
        elif isinstance(node.func, ast.Attribute):
            yield _copied(node, func=_copied(node.func, attr=other))


@_operator("other string", ast.Constant)
def _other_string(node: ast.Constant, spot: _Spot) -> Iterator[ast.expr]:
    """Replace a string that is a dict key, or is compared with something, by other strings of the function. In a
    comparison, also remove the string's last letter."""
    value, is_compared = node.value, isinstance(spot.parent, ast.Compare)
    is_key = isinstance(spot.parent, ast.Subscript) and spot.field == "slice"
    if not isinstance(value, str) or spot.function is None or not (is_compared or is_key):
        return
    constants = [n.value for n in ast.walk(spot.function) if isinstance(n, ast.Constant)]
    known = {*(text for text in constants if isinstance(text, str)), *([value[:-1]] if is_compared else [])}
    alike = [s for s in known - {value} if s.isidentifier() and (is_compared or len(s) == len(value))]
    for other in sorted(alike)[:3]:
        yield ast.Constant(other)


@_operator("dropped argument", ast.Call)
def _dropped_argument(node: ast.Call, _spot: _Spot) -> Iterator[ast.expr]:
    for keyword in node.keywords:
        if keyword.arg not in ("axis", "keepdims", None):
            yield _copied(node, keywords=[k for k in node.keywords if k is not keyword])
    if len(node.args) >= 3:
        yield _copied(node, args=node.args[:-1])


@_operator("dropped index", ast.Subscript)
def _dropped_index(node: ast.Subscript, _spot: _Spot) -> Iterator[ast.expr]:
    if _loads(node) and not isinstance(node.slice, ast.Constant):
        yield node.value


# ── statements ───────────────────────────────────────────────────────────────────────────────────────


def _statements(parsed: _ParsedSource) -> Iterator[_Edit]:
    for function in ast.walk(parsed.tree):
        if isinstance(function, ast.FunctionDef):
            yield from _in_block(parsed, function, function.body)


def _in_block(parsed: _ParsedSource, function: ast.FunctionDef, body: list[ast.stmt]) -> Iterator[_Edit]:
    for i, statement in enumerate(body):
        before, after = body[max(i - 1, 0)], body[min(i + 1, len(body) - 1)]
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.Raise) or (
            isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant)
        ):
            yield _dropped(parsed, function, statement, before, after)
            yield from _in_place(parsed, statement)
            yield from _indented(parsed, statement, before)
        elif isinstance(statement, ast.Return):
            yield from _indented(parsed, statement, before)
        for name in ("body", "orelse"):
            inner = getattr(statement, name, [])
            if isinstance(statement, ast.For) and name == "body" and len(inner) > 1:
                yield from _dedented(parsed, statement, inner)
            if isinstance(statement, ast.For | ast.If | ast.While):
                yield from _in_block(parsed, function, inner)


def _dropped(
    parsed: _ParsedSource, function: ast.FunctionDef, statement: ast.stmt, before: ast.stmt, after: ast.stmt
) -> _Edit:
    height = (statement.end_lineno or statement.lineno) - statement.lineno
    beside = {before.lineno, statement.lineno, after.lineno, *_first_reads(parsed.tree, function, statement)}
    lines = frozenset(line - height if line > statement.lineno else line for line in beside)  # "pass" has one line
    return _instead(parsed, "dropped statement", statement, "pass", lines)


def _instead(
    parsed: _ParsedSource, operator: str, statement: ast.stmt, text: str, lines: frozenset[int] = frozenset()
) -> _Edit:
    """Return the edit that replaces a statement by a text. The default of `lines` is the statement's first line."""
    return _Edit(operator, *parsed.span(statement), text, statement.lineno, lines or frozenset({statement.lineno}))


def _first_reads(tree: ast.Module, function: ast.FunctionDef, statement: ast.stmt) -> Iterator[int]:
    """Yield the lines that may be the next to read a value that a statement assigns.

    These are the later lines that read the value, up to the first such line outside of an `if`. For an attribute of
    `self`, the first read in every other method is included.
    """
    last = statement.end_lineno or statement.lineno
    branches = [(n.lineno, n.end_lineno or 0) for n in ast.walk(function) if isinstance(n, ast.If) and n.lineno > last]
    written = {ast.unparse(n) for n in ast.walk(statement) if not _loads_value(n)}
    reads = [(ast.unparse(n), line) for n, line in _reads(function) if line > last]
    for name in written:
        for line in sorted(line for read, line in reads if read == name):
            yield line
            if not any(first < line <= end for first, end in branches):
                break
    attributes = {name for name in written if re.fullmatch(r"self\.\w+", name)}
    for other in ast.walk(tree):
        if isinstance(other, ast.FunctionDef) and other is not function:
            for name in attributes:
                yield from sorted(line for n, line in _reads(other) if ast.unparse(n) == name)[:1]


def _loads_value(node: ast.AST) -> bool:
    """Return False for the target of an assignment to a variable, an attribute or an entry with a constant key, such as
    `d["W1"]`; True for all other nodes."""
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant):
        return True
    return not isinstance(node, ast.Name | ast.Attribute | ast.Subscript) or _loads(node)


def _reads(function: ast.FunctionDef) -> Iterator[tuple[ast.expr, int]]:
    """Yield the variables, attributes and entries that a function reads, each with its line."""
    for node in ast.walk(function):
        target = node.target if isinstance(node, ast.AugAssign) else node
        if isinstance(target, ast.Name | ast.Attribute | ast.Subscript) and (target is not node or _loads(target)):
            yield target, target.lineno


_SYMBOLS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def _in_place(parsed: _ParsedSource, statement: ast.stmt) -> Iterator[_Edit]:
    """Yield three mutants of x -= y (x = x - y, x = y, x += y), and one of x = x - y (x -= y)."""
    if isinstance(statement, ast.AugAssign) and type(statement.op) in _SYMBOLS:
        target, value = parsed.text(statement.target), parsed.text(statement.value)
        symbol = _SYMBOLS[type(statement.op)]
        yield _instead(parsed, "copy for in-place", statement, f"{target} = {target} {symbol} ({value})")
        yield _instead(parsed, "copy for in-place", statement, f"{target} = {value}")
        other = {"+": "-", "-": "+", "*": "/", "/": "*"}[symbol]
        yield _instead(parsed, "sign", statement, f"{target} {other}= {value}")
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.value, ast.BinOp):
        left, operation = statement.value.left, type(statement.value.op)
        if isinstance(left, ast.Name | ast.Subscript) and operation in _SYMBOLS:
            target = parsed.text(statement.targets[0])
            changed, value, symbol = parsed.text(left), parsed.text(statement.value.right), _SYMBOLS[operation]
            then = "" if changed == target else f"; {target} = {changed}"
            yield _instead(parsed, "in-place for copy", statement, f"{changed} {symbol}= {value}{then}")


def _indented(parsed: _ParsedSource, statement: ast.stmt, before: ast.stmt) -> Iterator[_Edit]:
    """Move the statement after a loop into the loop."""
    if isinstance(before, ast.For) and before is not statement and statement.lineno == statement.end_lineno:
        shift = before.body[0].col_offset - statement.col_offset
        yield _instead(parsed, "into the loop", statement, " " * shift + parsed.text(statement))


def _dedented(parsed: _ParsedSource, loop: ast.For, body: list[ast.stmt]) -> Iterator[_Edit]:
    """Move the last statement of a loop to the line after the loop."""
    last = body[-1]
    if last.lineno == last.end_lineno and not isinstance(last, ast.Return):
        _, end = parsed.span(last)
        text = " " * loop.col_offset + parsed.text(last)
        here = frozenset({last.lineno})
        yield _Edit("out of the loop", parsed.line_start(last.lineno), end, text, last.lineno, here)
