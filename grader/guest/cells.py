"""A notebook's cells → the statements that the entry points need. Nothing is run here.

A notebook is never run from top to bottom. Only what the class, or the functions, need is: their own definitions,
wherever they stand and in however many cells, and the imports, functions and constants that these refer to. Plots stay
out because they bind nothing that is needed, and trainings because they are made with the class itself.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from .entry_points import EntryPoints
from .outline import Outline, outline, outline_of

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass
class Statement:
    node: ast.stmt
    cell: int
    binds: frozenset[str]
    uses: frozenset[str]
    adds: bool = False
    """To the class that is there already."""

    @property
    def defines(self) -> bool:
        """It is a definition or an import, which every class may need; anything else may be half the experiment."""
        return isinstance(self.node, _DEFINITIONS)

    @property
    def calls(self) -> bool:
        return any(isinstance(n, ast.Call) for n in ast.walk(self.node))


@dataclass
class Selected:
    statements: list[Statement] = field(default_factory=list)
    outline: Outline | None = None
    """Of the class, or of the functions, that the notebook defines or imports from a known module; None where it does
    neither."""
    own: bool = False
    """It is the notebook that defines the class, or one of the functions."""
    imported: bool = False
    """It imports them from a known module, even where it defines them as well."""
    unread: list[SyntaxError] = field(default_factory=list)
    """Of cells that define the entry points or what they need."""
    broken: list[SyntaxError] = field(default_factory=list)
    """Of all cells, those first."""
    modules: dict[str, tuple[str, int]] = field(default_factory=dict)
    """What `%%writefile` cells write, by file name, with the number of the last such cell."""
    notes: list[tuple[str, int, str]] = field(default_factory=list)
    """kind, cell, why."""


def select(
    cells: Sequence[tuple[int, str]], entry_points: EntryPoints, modules: Mapping[str, Outline] | None = None
) -> Selected:
    """Return the statements that the entry points need, in order; the last definition wins, as in the notebook.

    `modules` are outlines of the entry points in the submission's modules, which the notebook may import them from.
    """
    selected = Selected()
    wanted = entry_points.names
    parsed: list[tuple[int, ast.stmt]] = []
    broken: list[tuple[SyntaxError, str]] = []
    for number, source in cells:
        if source.lstrip().startswith(("%%writefile ", "%%file ")):
            _add_module(selected.modules, number, source)
            continue
        try:
            parsed += [(number, node) for node in _parsed(source).body]
        except (SyntaxError, ValueError) as error:
            wrong = error if isinstance(error, SyntaxError) else SyntaxError(str(error))
            wrong.filename = f"cell {number}"
            broken.append((wrong, source))
    if not any(isinstance(node, ast.FunctionDef) and node.name == "add_to_class" for _, node in parsed):
        parsed = [(number, _with_known_decorators(node)) for number, node in parsed]
    statements = [
        Statement(node, number, binds, _uses(node))
        for number, node in parsed
        if (binds := _binds(node, frozenset(wanted)))
    ]
    if entry_points.of_class:
        statements = _without_values_of_defined_names(statements, wanted)
        statements = _without_empty_copies(statements, wanted, modules or {}, selected)
    else:
        statements = _without_values_of_defined_names(statements, ())
        statements = _without_gaps(statements, wanted, modules or {}, selected)
    needed = _keep_what_is_needed(statements, wanted, selected)
    names = re.compile(rf"^\s*(?:def|class)\s+({'|'.join(map(re.escape, needed))})\b", re.MULTILINE)
    selected.unread = [error for error, source in broken if names.search(source)]
    selected.broken = selected.unread + [error for error, source in broken if not names.search(source)]
    return selected


def _keep_what_is_needed(statements: list[Statement], wanted: Collection[str], selected: Selected) -> set[str]:
    """Adds them to `selected`, and returns their names."""
    made = _made_with(statements, wanted)
    needed = {*wanted, "*"}  # a star import may bring anything
    kept: set[int] = set()
    grew = True
    while grew:
        grew = False
        for index, statement in enumerate(statements):
            if index not in kept and index not in made and statement.binds & needed:
                kept.add(index)
                needed |= statement.uses
                grew = True
    selected.statements = [statements[index] for index in sorted(kept)]
    have = frozenset(chain.from_iterable(s.binds for s in selected.statements))
    for index in sorted(made):
        lacking = (statements[index].binds & needed) - have
        if lacking:
            selected.notes.append(("made with it", statements[index].cell, ", ".join(sorted(lacking))))
    return needed


def _made_with(statements: list[Statement], wanted: Collection[str]) -> set[int]:
    """Indices of what is no part of the definition, because a call makes it with the class: nets, trainings, and
    what is computed from these."""
    definitions = frozenset(chain.from_iterable(s.binds for s in statements if s.defines))
    makers, made, found = set(wanted), set[str](), set[int]()
    grew = True
    while grew:
        grew = False
        for index, statement in enumerate(statements):
            if index in found or not statement.binds.isdisjoint(wanted):
                continue
            if statement.defines or (not statement.calls and statement.uses.isdisjoint(made)):
                if not statement.uses.isdisjoint(makers) and not statement.binds <= makers:
                    makers |= statement.binds
                    grew = True
            elif not statement.uses.isdisjoint(makers | made):
                found.add(index)
                made |= statement.binds - definitions
                grew = True
    return found


# ── which definition counts ──────────────────────────────────────────────────────────────────────────


def _without_empty_copies(
    statements: list[Statement], wanted: Sequence[str], modules: Mapping[str, Outline], selected: Selected
) -> list[Statement]:
    """Where the handout's gaps stand below the answer, the answer counts; else the last definition does."""
    kept: list[Statement] = []
    for statement in statements:
        found = _definition(statement.node, wanted, modules)
        if found is None:
            is_import = isinstance(statement.node, ast.Import | ast.ImportFrom)
            statement.adds = not is_import and not statement.binds.isdisjoint(wanted)
            if selected.outline is not None and statement.adds:
                selected.outline = selected.outline.with_(_attached(statement.node))
        elif _continues(statement.node, wanted):
            statement.adds = True
            selected.outline = found.on(selected.outline)
            selected.own = True
        elif selected.outline is not None and found.is_empty_beside(selected.outline):
            selected.notes.append(("empty", statement.cell, ", ".join(sorted(found.open & selected.outline.filled))))
            continue
        else:
            if selected.outline is not None and not _is_aliased(kept, wanted):
                kept = [s for s in kept if not s.adds and not s.binds <= set(wanted)]  # of the class that it replaces
            selected.outline = found
            selected.own = any(isinstance(n, ast.ClassDef) for n in ast.walk(statement.node))
            selected.imported |= not selected.own
        kept.append(statement)
    return kept


def _without_gaps(
    statements: list[Statement], wanted: Sequence[str], modules: Mapping[str, Outline], selected: Selected
) -> list[Statement]:
    """Leave out definitions of functions that have gaps where an earlier one has code; else the last one counts."""
    kept: list[Statement] = []
    for statement in statements:
        found, before = _functions(statement, wanted, modules), selected.outline
        if before is not None and found.is_empty_beside(before):
            selected.notes.append(("empty", statement.cell, ", ".join(sorted(found.open & before.filled))))
            continue
        if found.filled or found.open:
            is_own = not isinstance(statement.node, ast.ImportFrom)
            selected.outline = found.on(before)
            selected.own |= is_own
            selected.imported |= not is_own
        kept.append(statement)
    return kept


def _functions(statement: Statement, wanted: Sequence[str], modules: Mapping[str, Outline]) -> Outline:
    """Return which of the wanted functions a statement defines, or imports from a known module."""
    match statement.node:
        case ast.Import():
            return Outline(frozenset(), frozenset())
        case ast.ImportFrom(module=module, names=names):
            known = modules.get((module or "").rpartition(".")[2], Outline(frozenset(), frozenset()))
            return known.only(wanted if any(n.name == "*" for n in names) else [n.name for n in names])
    functions = [n for n in ast.walk(statement.node) if isinstance(n, ast.FunctionDef)]
    defined = outline_of(functions).only(statement.binds).only(wanted)
    return Outline(statement.binds.intersection(wanted) - defined.open, defined.open)


def _without_values_of_defined_names(statements: list[Statement], wanted: Collection[str]) -> list[Statement]:
    """`slope = slope(x)` in a cell for trying out takes the function's name, not its place beside the class."""
    kept: list[Statement] = []
    defined: set[str] = set()
    for statement in statements:
        if statement.defines:
            defined |= statement.binds
        elif statement.binds <= defined and statement.binds.isdisjoint(wanted) and _is_a_value(statement):
            continue
        kept.append(statement)
    return kept


def _is_a_value(statement: Statement) -> bool:
    """It assigns to plain names what is no function by its looks, nor one made of the old function."""
    match statement.node:
        case ast.Assign(value=value, targets=[ast.Name() | ast.Tuple()]):
            called = [n.func for n in ast.walk(value) if isinstance(n, ast.Call)]
            passed = {n.id for n in ast.walk(value) if isinstance(n, ast.Name) and n not in called}
            is_function = isinstance(value, ast.Lambda | ast.Name | ast.Attribute)
            return not is_function and passed.isdisjoint(statement.binds)
    return False


def _is_aliased(statements: Sequence[Statement], wanted: Sequence[str]) -> bool:
    """As in `Base = Net`, which the next definition then derives from."""
    aliases = (s for s in statements if not (s.defines or s.adds or s.calls))
    return any(not s.uses.isdisjoint(wanted) for s in aliases)


def _definition(node: ast.stmt, wanted: Sequence[str], modules: Mapping[str, Outline]) -> Outline | None:
    match node:
        case ast.ClassDef(name=name) if name in wanted:
            return outline(node)
        case ast.ImportFrom(module=str(module), names=names) if any(n.name in (*wanted, "*") for n in names):
            return modules.get(module.rpartition(".")[2])
        case ast.Try() | ast.If():
            inner = (_definition(s, wanted, modules) for s in _branches(node))
            return next((found for found in inner if found is not None), None)
    return None


def _continues(node: ast.stmt, wanted: Collection[str]) -> bool:
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    return any(isinstance(n, ast.Name) and n.id in wanted for base in bases for n in ast.walk(base))


def _attached(node: ast.stmt) -> frozenset[str]:
    """Names that a statement may give to the class; rather too many, as in `setattr(C, "loss", f)`."""
    if isinstance(node, ast.FunctionDef):
        return frozenset({node.name})
    inner = list(ast.walk(node))
    named = {n.value for n in inner if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return frozenset(named | {n.attr for n in inner if isinstance(n, ast.Attribute)})


# ── a cell's text ────────────────────────────────────────────────────────────────────────────────────


def _parsed(source: str) -> ast.Module:
    """Shell lines and magics become calls that bind nothing, and `%run file.py` imports the file."""
    first, _, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):
        words = first[2:].split()
        if words and words[0] not in ("time", "timeit", "capture", "prun"):
            return ast.Module([], [])
        source = "\n" + rest
    try:
        return ast.parse(source)
    except SyntaxError:
        from IPython.core import inputtransformer2  # a tenth of a second that only notebooks with magics pay

        manager: Any = inputtransformer2.TransformerManager
        return ast.parse(str(manager().transform_cell(_RUN.sub(_imported, source))))


_RUN = re.compile(r"^([ \t]*)%run\b([^\n]*)$", re.MULTILINE)


def _imported(run: re.Match[str]) -> str:
    path = next((w.strip("'\"") for w in run[2].split() if not w.startswith("-")), "")
    module = path.removeprefix("./").removesuffix(".py").replace("/", ".")
    importable = re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", module)
    return f"{run[1]}from {module} import *" if importable else f"{run[1]}pass"


def _add_module(modules: dict[str, tuple[str, int]], number: int, source: str) -> None:
    """`%%writefile net.py` anew, with -a at its end; the last cell wins as in the notebook itself."""
    first, _, content = source.lstrip().partition("\n")
    options, name = first.split()[1:-1], first.split()[-1].removeprefix("./")
    if re.fullmatch(r"[A-Za-z_]\w*\.py", name):
        before = modules[name][0] if options and name in modules else ""
        modules[name] = (before + content, number)


# ── what a statement binds and uses ──────────────────────────────────────────────────────────────────


def _binds(node: ast.stmt, wanted: frozenset[str]) -> frozenset[str]:
    """The names that a statement defines for others, or adds to; nothing for what must not be run for its effect."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return frozenset({node.name}) | _given_to(node.decorator_list, wanted)
        case ast.ClassDef():
            return frozenset({node.name})
        case ast.Import() | ast.ImportFrom():
            return frozenset((a.asname or a.name).partition(".")[0] for a in node.names)
        case ast.Assign():
            return frozenset(name for target in node.targets for name in _roots(target))
        case ast.AnnAssign() if node.value is not None:
            return _roots(node.target)
        case ast.AugAssign():
            return _roots(node.target)
        case ast.Expr(value=ast.Call() as call):
            return _given_to(_putting(call), wanted)
        case ast.For() | ast.If() | ast.Try():
            return _bound_in_block(node, wanted)
    return frozenset()


def _bound_in_block(node: ast.For | ast.If | ast.Try, wanted: frozenset[str]) -> frozenset[str]:
    """Nothing where the block does anything else; and a loop must put something into the class."""
    bound = [_binds(s, wanted) for s in _branches(node) if not _is_idle(s)]
    if not all(bound) or (isinstance(node, ast.For) and not any(names & wanted for names in bound)):
        return frozenset()
    return frozenset(chain.from_iterable(bound))


def _putting(call: ast.Call) -> list[ast.expr]:
    """`setattr(C, "loss", loss)` and `add_to_class(C)(loss)` put something into C."""
    match call.func:
        case ast.Name(id="setattr"):
            return [call]
        case ast.Call() as adding if _last_name(adding.func) == "add_to_class":
            return [adding]
    return []


def _given_to(calls: Sequence[ast.expr], wanted: frozenset[str]) -> frozenset[str]:
    """Of `@add_to_class(C)` it is C."""
    arguments = chain.from_iterable(c.args for c in calls if isinstance(c, ast.Call))
    return wanted & frozenset(a.id for a in arguments if isinstance(a, ast.Name))


def _branches(node: ast.For | ast.If | ast.Try) -> Iterator[ast.stmt]:
    yield from node.body
    yield from node.orelse
    if isinstance(node, ast.Try):
        yield from chain.from_iterable(handler.body for handler in node.handlers)
        yield from node.finalbody


def _is_idle(node: ast.stmt) -> bool:
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
            return True
    return False


def _roots(target: ast.expr) -> frozenset[str]:
    """`a, b[0], C.loss` → {a, b, C}."""
    match target:
        case ast.Name():
            return frozenset({target.id})
        case ast.Attribute() | ast.Subscript() | ast.Starred():
            return _roots(target.value)
        case ast.Tuple() | ast.List():
            return frozenset(name for item in target.elts for name in _roots(item))
    return frozenset()


def _uses(node: ast.stmt) -> frozenset[str]:
    """The module-level names that a statement refers to; a function's own locals are not among them."""
    table = symtable.symtable(ast.unparse(node), "cell", "exec")
    names = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    tables = list(table.get_children())
    while tables:
        inner = tables.pop()
        names |= {s.get_name() for s in inner.get_symbols() if s.is_global()}
        tables += inner.get_children()
    return frozenset(names)


def _with_known_decorators(node: ast.stmt) -> ast.stmt:
    """`@d2l.add_to_class(C)` does here what it does there; the package itself is too large for the sandbox."""
    if isinstance(node, ast.FunctionDef):
        node.decorator_list = [_known(d) for d in node.decorator_list]
    return node


def _known(decorator: ast.expr) -> ast.expr:
    match decorator:
        case ast.Call(func=func, args=[target]) if _last_name(func) == "add_to_class":
            put = f"(lambda c: lambda f: setattr(c, f.__name__, f) or f)({ast.unparse(target)})"
            return ast.copy_location(ast.parse(put, mode="eval").body, decorator)
    return decorator


def _last_name(expression: ast.expr) -> str:
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
