"""Create mutants of a Python file, each with one small edit.

Edits are found in the syntax tree and applied to the text, so that all other lines stay unchanged and the line of the
fault is known.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar


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
        original, mutated = self.original.splitlines(), self.source.splitlines()
        return "\n".join(difflib.unified_diff(original, mutated, self.file, self.file, n=1, lineterm=""))


def mutants(file: str, source: str) -> list[Mutant]:
    """Return every distinct mutant, in the order of the file.

    Args:
        file: Name of the file, for the mutants' ids.
        source: Text of the file.
    """
    parsed = _ParsedSource(source)
    edits = [*_expressions(parsed), *_statements(parsed)]
    edits.sort(key=lambda edit: (edit.start, edit.operator, edit.text))
    bare_texts = {_bare(source)}
    distinct: list[Mutant] = []
    for edit in edits:
        text = parsed.applied(edit)
        bare = _bare(text)
        if bare in bare_texts:
            continue
        bare_texts.add(bare)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        id = f"{file}:{edit.operator}:{digest}"
        distinct.append(Mutant(id, file, edit.operator, edit.lines, edit.line, text, source))
    return distinct


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
            end = self._starts[-1] + len(line)
            self._starts.append(end)

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return the start and end of a node in `bytes`."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.line_start(node.lineno) + node.col_offset
        end = self.line_start(node.end_lineno) + node.end_col_offset
        return start, end

    def text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        segment = self.bytes[start:end]
        return segment.decode()

    def line_start(self, line: int) -> int:
        """Return the position of a line's first byte."""
        return self._starts[line - 1]

    def edit(self, operator: str, node: ast.expr | ast.stmt, text: str, lines: Iterable[int] = ()) -> _Edit:
        """Return the edit that replaces a node by a text. `lines` are those of the mutant, besides the node's first."""
        start, end = self.span(node)
        return _Edit(operator, start, end, text, node.lineno, frozenset({node.lineno, *lines}))

    def applied(self, edit: _Edit) -> str:
        """Return the source with an edit."""
        parts = [self.bytes[: edit.start], edit.text.encode(), self.bytes[edit.end :]]
        return b"".join(parts).decode()


# ── expressions ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Spot:
    """The place of an expression in the syntax tree."""

    parent: ast.AST
    field: str
    function: ast.FunctionDef | None
    """The function that contains the expression."""
    statement: int
    """The first line of the statement or lambda that contains the expression."""


Node = TypeVar("Node", bound=ast.expr)
Replacements = Iterator[ast.expr]
Change = Callable[[Node, _Spot], Replacements]
"""Function (expression, place of the expression) → the expressions that replace it in mutants."""
_CHANGES: dict[str, tuple[type[ast.expr], Change[Any]]] = {}
"""Name of an operator → the type of the expressions that it changes, and the operator."""
_OPERATION = ast.BinOp | ast.UnaryOp | ast.Compare | ast.BoolOp


def _operator(name: str, kind: type[Node]) -> Callable[[Change[Node]], Change[Node]]:
    """Return a decorator that registers a function as the operator `name`, for expressions of the type `kind`."""

    def register(change: Change[Node]) -> Change[Node]:
        _CHANGES[name] = kind, change
        return change

    return register


def _expressions(parsed: _ParsedSource) -> Iterator[_Edit]:
    """Yield the edits that the registered operators make to expressions."""
    top = _Spot(parsed.tree, "", None, 1)
    for node, spot in _walk(parsed.tree, top):
        for operator, (kind, change) in _CHANGES.items():
            for new in change(node, spot) if isinstance(node, kind) else ():
                yield parsed.edit(operator, node, _text(parsed, node, new, spot), [spot.statement])


def _text(parsed: _ParsedSource, node: ast.expr, new: ast.expr, spot: _Spot) -> str:
    """Return the text of an expression in the place of a node, in parentheses if it would otherwise be read together
    with the operation around it."""
    text = ast.unparse(new)
    binds_loosely = isinstance(new, _OPERATION | ast.IfExp | ast.Lambda)
    binds_outside = isinstance(spot.parent, _OPERATION | ast.Attribute | ast.Subscript) and spot.field != "slice"
    if not (binds_loosely and binds_outside):
        return text
    start, end = parsed.span(node)
    around = parsed.bytes[start - 1 : start] + parsed.bytes[end : end + 1]
    return text if around == b"()" else f"({text})"


_NOT_MUTATED = ("annotation", "returns", "decorator_list", "bases", "ctx", "op", "ops", "type_params")


def _walk(node: ast.AST, spot: _Spot) -> Iterator[tuple[ast.expr, _Spot]]:
    """Yield every expression below a node with its place, except annotations, docstrings, decorators and f-strings.
    `spot` is the node's own place."""
    for field, value in ast.iter_fields(node):
        if field in _NOT_MUTATED:
            continue
        children = value if isinstance(value, list) else [value]
        for child in children:
            child_spot = replace(spot, parent=node, field=field)
            match child:
                case ast.JoinedStr() | ast.FormattedValue() | ast.Expr(ast.Constant()):
                    continue
                case ast.FunctionDef():
                    child_spot = replace(child_spot, function=child, statement=child.lineno)
                case ast.stmt() | ast.Lambda():
                    child_spot = replace(child_spot, statement=child.lineno)
            if isinstance(child, ast.expr):
                yield child, child_spot
            if isinstance(child, ast.AST):
                yield from _walk(child, child_spot)


def _copied(node: ast.expr, **changes: Any) -> Any:
    """Return a copy of a node with some fields changed."""
    fields = dict(ast.iter_fields(node))
    fields.update(changes)
    return type(node)(**fields)


def _with(items: Sequence[Any], index: int, new: ast.AST) -> list[Any]:
    """Return the items with a new one in place of another."""
    changed = [*items]
    changed[index] = new
    return changed


def _without(node: ast.Call, argument: ast.keyword) -> ast.Call:
    """Return a call without one of its keyword arguments."""
    keywords = [keyword for keyword in node.keywords if keyword is not argument]
    call: ast.Call = _copied(node, keywords=keywords)
    return call


def _called(node: ast.AST) -> str:
    """Return the last name of the called function: "sum" for np.sum(x) and for x.sum()."""
    match node:
        case ast.Call(ast.Attribute(attr=name)) | ast.Call(ast.Name(name)):
            return name
    return ""


def _of_module(node: ast.Call) -> bool:
    """Return whether a call has the form f(x), np.f(x) or self.f(x), and not x.f()."""
    match node.func:
        case ast.Attribute(owner):
            return ast.unparse(owner) in ("np", "np.linalg", "np.random", "self")
    return isinstance(node.func, ast.Name)


_REDUCTIONS = frozenset({"sum", "mean", "max", "min", "argmax", "argmin", "prod", "reduce", "any", "all"})


@_operator("axis", ast.Call)
def _axis(node: ast.Call, _spot: _Spot) -> Replacements:
    """Remove the argument `axis` of a call, or change it. Add `axis=0` to a reduction without this argument."""
    axis_position = 1 if _of_module(node) else 0  # np.sum(x, axis), but x.sum(axis)
    has_axis = False
    for i, keyword in enumerate(node.keywords):
        if keyword.arg == "axis":
            has_axis = True
            other_axis = ast.keyword("axis", _other_axis(keyword.value))
            yield _without(node, keyword)
            yield _copied(node, keywords=_with(node.keywords, i, other_axis))
    if _called(node) not in _REDUCTIONS:
        return
    if len(node.args) > axis_position:
        yield _copied(node, args=node.args[:axis_position])
        yield _copied(node, args=_with(node.args, axis_position, _other_axis(node.args[axis_position])))
    elif len(node.args) == axis_position and not has_axis:
        yield _copied(node, keywords=[*node.keywords, ast.keyword("axis", ast.Constant(0))])


def _other_axis(value: ast.expr) -> ast.expr:
    match value:
        case ast.Constant(0):
            return ast.Constant(1)
    return ast.Constant(0)


@_operator("keepdims", ast.Call)
def _keepdims(node: ast.Call, _spot: _Spot) -> Replacements:
    """Remove the argument `keepdims`."""
    for keyword in node.keywords:
        if keyword.arg == "keepdims":
            yield _without(node, keyword)


_PRODUCTS = frozenset({"dot", "matmul"})


@_operator("transpose", ast.expr)
def _transpose(node: ast.expr, spot: _Spot) -> Replacements:
    """Remove a `.T`, or add one to a factor of a matrix product."""
    match node:
        case ast.Attribute(matrix, "T"):
            yield matrix
        case ast.Constant():
            return
        case _ if _is_factor(spot):
            yield ast.Attribute(node, "T")


def _is_factor(spot: _Spot) -> bool:
    """Return whether a place is an operand of a matrix product."""
    match spot.parent:
        case ast.BinOp(op=ast.MatMult()):
            return True
    return spot.field == "args" and _called(spot.parent) in _PRODUCTS


_FACTORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
}
_NUMERIC = _REDUCTIONS | _PRODUCTS | {"exp", "log", "where", "maximum"}


@_operator("sign", ast.expr)
def _sign(node: ast.expr, spot: _Spot) -> Replacements:
    """Remove a minus sign, or exchange + and -. Negate another operation, or a call of a numeric function, if its
    result is assigned."""
    is_assigned = isinstance(spot.parent, ast.Assign)
    match node:
        case ast.UnaryOp(ast.USub(), operand):
            yield operand
        case ast.BinOp(op=ast.Add()):
            yield _copied(node, op=ast.Sub())
        case ast.BinOp(op=ast.Sub()):
            yield _copied(node, op=ast.Add())
        case ast.BinOp() if is_assigned:
            yield ast.UnaryOp(ast.USub(), node)
        case ast.Call() if is_assigned and _called(node) in _NUMERIC:
            yield ast.UnaryOp(ast.USub(), node)


@_operator("operator", ast.BinOp)
def _other_operation(node: ast.BinOp, _spot: _Spot) -> Replacements:
    """Replace an arithmetic operator, such as * by /. The operator % of a format string stays."""
    match node.left:
        case ast.JoinedStr() | ast.Constant(str()):  # formats a text
            return
    operation = _FACTORS.get(type(node.op))
    if operation:
        yield _copied(node, op=operation())


@_operator("dropped operand", ast.expr)
def _dropped_operand(node: ast.expr, _spot: _Spot) -> Replacements:
    """Replace `a + b` by `a` and by `b`, and `a and b` likewise."""
    match node:
        case ast.BinOp(op=ast.Mod()):  # may format a text
            return
        case ast.BinOp(first, _, second):
            yield first
            yield second
        case ast.BoolOp(values=values):
            yield from values


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
def _comparison(node: ast.Compare, _spot: _Spot) -> Replacements:
    """Replace a comparison operator, such as > by >= and by <."""
    if len(node.ops) == 1:
        for comparison in _COMPARISONS.get(type(node.ops[0]), ()):
            yield _copied(node, ops=[comparison()])


@_operator("condition", ast.expr)
def _condition(node: ast.expr, spot: _Spot) -> Replacements:
    """Replace the condition of an `if` by True, by False and by its negation. A comparison is not negated here, because
    the operator "comparison" changes it."""
    if spot.field == "test" and isinstance(spot.parent, ast.If | ast.IfExp):
        if not isinstance(node, ast.Compare):
            yield ast.UnaryOp(ast.Not(), node)
        yield ast.Constant(True)
        yield ast.Constant(False)


@_operator("swapped operands", ast.expr)
def _swapped_operands(node: ast.expr, _spot: _Spot) -> Replacements:
    """Exchange the operands of an operation in which their order matters, or the first two arguments of a call."""
    match node:
        case ast.BinOp(first, ast.Sub() | ast.Div() | ast.MatMult() | ast.Pow() | ast.FloorDiv(), second):
            yield _copied(node, left=second, right=first)
        case ast.Call(args=[first, second, *further]):
            yield _copied(node, args=[second, first, *further])


@_operator("wrong variable", ast.Name)
def _wrong_variable(node: ast.Name, spot: _Spot) -> Replacements:
    """Replace a variable by up to two with a similar name that have a value by then, and by a parameter."""
    if spot.function is None or not isinstance(node.ctx, ast.Load):
        return
    bound = _bound_before(spot.function, node.lineno)
    if node.id not in bound:  # a function or a module
        return
    bound.remove(node.id)
    names = sorted(name for name in bound if _of_one_family(name, node.id))[:2]
    parameters = [parameter.arg for parameter in spot.function.args.args if parameter.arg in bound - {"self"}]
    if parameters:
        place = node.lineno + node.col_offset  # a choice that looks random, but is the same in every run
        names.append(parameters[place % len(parameters)])
    for name in dict.fromkeys(names):
        yield ast.Name(name)


def _of_one_family(name: str, other_name: str) -> bool:
    """Return whether names are easily confused, such as W1 and W2, or y and y_batch."""
    if re.sub(r"\d", "", name) == re.sub(r"\d", "", other_name):
        return True
    return name.startswith(f"{other_name}_") or other_name.startswith(f"{name}_")


def _bound_before(function: ast.FunctionDef, line: int) -> set[str]:
    """Return a function's parameters, and the variables that it assigns above a line."""
    names = {parameter.arg for parameter in function.args.args}
    for node in ast.walk(function):
        match node:
            case ast.Name(name, ast.Store()) if node.lineno < line:
                names.add(name)
    return names


@_operator("missing copy", ast.Call)
def _missing_copy(node: ast.Call, _spot: _Spot) -> Replacements:
    """Replace `x.copy()` or `np.array(x)` by `x`, so that changes reach the original."""
    if _called(node) in ("copy", "array"):
        yield from _what_is_passed(node)


@_operator("dropped call", ast.Call)
def _dropped_call(node: ast.Call, _spot: _Spot) -> Replacements:
    """Replace `f(x)` by `x`."""
    if _called(node) not in ("copy", "array", "range"):
        yield from _what_is_passed(node)


def _what_is_passed(node: ast.Call) -> Replacements:
    """Yield the first argument of a function, or the object of a method."""
    if not _of_module(node):
        if isinstance(node.func, ast.Attribute):
            yield node.func.value
    elif node.args and not isinstance(node.args[0], ast.Starred):
        yield node.args[0]


@_operator("constant for parameter", ast.Name)
def _constant_for_parameter(node: ast.Name, spot: _Spot) -> Replacements:
    """Replace a parameter by its default value, as in code that ignores the argument."""
    if spot.function is None or not isinstance(node.ctx, ast.Load):
        return
    arguments = spot.function.args
    parameters = arguments.posonlyargs + arguments.args
    # from the end, because only the last parameters have defaults
    for parameter, default in zip(reversed(parameters), reversed(arguments.defaults), strict=False):
        if parameter.arg == node.id:
            yield default


_OTHER_NUMBERS = {0: (1,), 1: (0, 2), 2: (1, 3), 0.5: (1.0, 0.25)}


@_operator("constant", ast.Constant)
def _constant(node: ast.Constant, spot: _Spot) -> Replacements:
    """Replace a number by similar numbers, and a bool by its negation. The arguments `axis` and `keepdims` have their
    own operators."""
    match spot.parent, node.value:
        case ast.keyword(arg="axis" | "keepdims"), _:
            return
        case _, bool(value):
            yield ast.Constant(not value)
        case _, int(value) | float(value):
            for number in _OTHER_NUMBERS.get(value, (2 * value, 0)):
                yield ast.Constant(type(value)(number))


@_operator("off by one", ast.expr)
def _off_by_one(node: ast.expr, spot: _Spot) -> Replacements:
    """Add 1 to a count or index, and subtract 1: an argument of `range`, the bound of a slice, or a variable that is an
    index or a divisor."""
    match spot.parent, spot.field:
        case ast.Call(), "args":
            is_count = _called(spot.parent) in ("range", "arange", "permutation")
        case ast.Slice(), "lower" | "upper":
            is_count = True
        case (ast.Subscript(), "slice") | (ast.BinOp(op=ast.Div()), "right") | (ast.AugAssign(op=ast.Div()), "value"):
            is_count = isinstance(node, ast.Name)
        case _:
            is_count = False
    if is_count and not isinstance(node, ast.Constant):
        yield ast.BinOp(node, ast.Add(), ast.Constant(1))
        yield ast.BinOp(node, ast.Sub(), ast.Constant(1))


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
def _other_function(node: ast.Call, _spot: _Spot) -> Replacements:
    """Replace a function by a similar one, such as `sum` by `mean`."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    for name in _OTHER_FUNCTIONS.get(_called(node), ()):
        if name == "arange":  # not np.random.arange, which does not exist
            owner = ast.Name("np")
        function = ast.Attribute(owner, name) if owner else ast.Name(name)
        yield _copied(node, func=function)


@_operator("dropped argument", ast.Call)
def _dropped_argument(node: ast.Call, _spot: _Spot) -> Replacements:
    """Remove a keyword argument, or the last of at least three positional arguments."""
    for keyword in node.keywords:
        if keyword.arg not in ("axis", "keepdims", None):  # None: **kwargs
            yield _without(node, keyword)
    if len(node.args) >= 3:
        yield _copied(node, args=node.args[:-1])


# ── statements ───────────────────────────────────────────────────────────────────────────────────────


def _statements(parsed: _ParsedSource) -> Iterator[_Edit]:
    """Yield the edits that change whole statements of functions."""
    for function in ast.walk(parsed.tree):
        if isinstance(function, ast.FunctionDef):
            yield from _in_block(parsed, function, function.body)


def _in_block(parsed: _ParsedSource, function: ast.FunctionDef, body: Sequence[ast.stmt]) -> Iterator[_Edit]:
    """Yield the edits of the statements in a block (a list of statements) and in the blocks inside them. `function` is
    the function that contains the block."""
    for i, statement in enumerate(body):
        match statement:
            case ast.Expr(ast.Constant()):  # a docstring
                continue
            case ast.Assign() | ast.AugAssign() | ast.Raise() | ast.Expr():
                yield _dropped(parsed, function, statement, body[max(i - 1, 0) : i + 2])
                yield from _in_place(parsed, statement)
                yield from _indented(parsed, body, i)
            case ast.Return():
                yield from _indented(parsed, body, i)
            case ast.For() | ast.If() | ast.While():
                if isinstance(statement, ast.For):
                    yield from _dedented(parsed, statement)
                yield from _in_block(parsed, function, statement.body)
                yield from _in_block(parsed, function, statement.orelse)


def _dropped(
    parsed: _ParsedSource, function: ast.FunctionDef, statement: ast.stmt, beside: Sequence[ast.stmt]
) -> _Edit:
    """Drop a statement. `beside` is the statement with its neighbors."""
    dropped_lines = (statement.end_lineno or statement.lineno) - statement.lineno  # "pass" has one line
    lines = {neighbor.lineno for neighbor in beside}
    lines.update(_mentions(parsed.tree, function, statement))
    shifted = [line - dropped_lines if line > statement.lineno else line for line in lines]
    return parsed.edit("dropped statement", statement, "pass", shifted)


def _mentions(tree: ast.Module, function: ast.FunctionDef, statement: ast.stmt) -> Iterator[int]:
    """Yield the lines below a statement in its function that mention a variable, attribute or entry which it assigns,
    and the lines of all methods that mention such an attribute of `self`."""
    last = statement.end_lineno or statement.lineno
    assigned = {ast.unparse(node) for node in ast.walk(statement) if isinstance(getattr(node, "ctx", None), ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            name = ast.unparse(node)
            is_below = last < node.lineno <= (function.end_lineno or last)
            if name in assigned and (is_below or name.startswith("self.")):
                yield node.lineno


_SYMBOLS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_OPPOSITES = {"+": "-", "-": "+", "*": "/", "/": "*"}


def _in_place(parsed: _ParsedSource, statement: ast.stmt) -> Iterator[_Edit]:
    """Yield three mutants of x -= y (x = x - y, x = y, x += y), and one of x = x - y (x -= y)."""
    match statement:
        case ast.AugAssign(target, operation, value) if type(operation) in _SYMBOLS:
            symbol, changed, term = _SYMBOLS[type(operation)], parsed.text(target), parsed.text(value)
            yield parsed.edit("copy for in-place", statement, f"{changed} = {changed} {symbol} ({term})")
            yield parsed.edit("copy for in-place", statement, f"{changed} = {term}")
            yield parsed.edit("sign", statement, f"{changed} {_OPPOSITES[symbol]}= {term}")
        case ast.Assign([target], ast.BinOp(ast.Name() | ast.Subscript() as first, operation, value)) if (
            type(operation) in _SYMBOLS
        ):
            name = parsed.text(target)
            changed = parsed.text(first)
            text = f"{changed} {_SYMBOLS[type(operation)]}= {parsed.text(value)}"
            if changed != name:
                text += f"; {name} = {changed}"
            yield parsed.edit("in-place for copy", statement, text)


def _indented(parsed: _ParsedSource, body: Sequence[ast.stmt], index: int) -> Iterator[_Edit]:
    """Move the statement after a loop into the loop."""
    statement = body[index]
    previous = body[max(index - 1, 0)]
    if isinstance(previous, ast.For) and statement.lineno == statement.end_lineno:
        shift = previous.body[0].col_offset - statement.col_offset
        yield parsed.edit("into the loop", statement, " " * shift + parsed.text(statement))


def _dedented(parsed: _ParsedSource, loop: ast.For) -> Iterator[_Edit]:
    """Move the last statement of a loop to the line after the loop."""
    last = loop.body[-1]
    if len(loop.body) > 1 and last.lineno == last.end_lineno and not isinstance(last, ast.Return):
        text = " " * loop.col_offset + parsed.text(last)
        edit = parsed.edit("out of the loop", last, text)
        yield replace(edit, start=parsed.line_start(last.lineno))
