"""Select the statements of a notebook that the graded class or functions need. Nothing is run here.

A notebook is never run from top to bottom. Only the definitions of the graded class or functions are run, and the
imports, functions and constants that these definitions need, in whichever cells they are. Plots are left out because
they define no needed name. Training runs are left out because they use the class.
"""

from __future__ import annotations

import ast
import re
import symtable
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from .entry_points import EntryPoints
from .outline import Outline, outline, outline_of

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass
class Statement:
    """A top-level statement of a notebook's cell or of a Python file."""

    node: ast.stmt
    cell: int
    """Number of the cell; 0 for a Python file."""
    binds: frozenset[str]
    uses: frozenset[str]
    adds: bool = False
    """True if the statement adds an attribute to a class that is already defined."""

    @property
    def defines(self) -> bool:
        """True for an import and for a definition of a function or class."""
        return isinstance(self.node, _DEFINITIONS)

    @property
    def calls(self) -> bool:
        return any(isinstance(n, ast.Call) for n in ast.walk(self.node))


@dataclass
class Selected:
    """The statements of a notebook that the graded class or functions need."""

    statements: list[Statement] = field(default_factory=list)
    outline: Outline | None = None
    """The implemented and the empty methods or functions that the notebook defines, or imports from a module of the
    submission. None if it neither defines nor imports the graded class or functions."""
    own: bool = False
    """True if the notebook itself defines the class or one of the functions."""
    imported: bool = False
    """True if the notebook imports the class or functions from a module of the submission, even if it also defines
    them."""
    unread: list[SyntaxError] = field(default_factory=list)
    """Syntax errors in cells that define the graded class or functions, or something that these need."""
    broken: list[SyntaxError] = field(default_factory=list)
    """Syntax errors in all cells, beginning with those in `unread`."""
    modules: dict[str, tuple[str, int]] = field(default_factory=dict)
    """File name → (text, number of the last cell that writes it), for files that `%%writefile` cells write."""
    notes: list[tuple[str, int, str]] = field(default_factory=list)
    """Notes for the report: (kind, cell number, reason)."""


def select(
    cells: Sequence[tuple[int, str]], entry_points: EntryPoints, modules: Mapping[str, Outline] | None = None
) -> Selected:
    """Select the statements that define the graded class or functions, and all statements that these need. The last
    definition of a name counts.

    Args:
        cells: (number, source) of each code cell.
        entry_points: The graded class or functions.
        modules: Name of a Python module of the submission → outline of the graded class or functions in it. The
            notebook may import the class or functions from these modules.
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
            parsed += [(number, node) for node in parse_cell(source).body]
        except (SyntaxError, ValueError) as error:
            wrong = error if isinstance(error, SyntaxError) else SyntaxError(str(error))
            wrong.filename = f"cell {number}"
            broken.append((wrong, source))
    if not any(isinstance(node, ast.FunctionDef) and node.name == "add_to_class" for _, node in parsed):
        parsed = [(number, _with_known_decorators(node)) for number, node in parsed]
    statements = [
        Statement(node, number, binds, _uses(node))
        for number, node in parsed
        if (binds := bound_names(node, frozenset(wanted)))
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
    """Add to `selected` all statements that the graded class or functions need. Return all names that they need."""
    made = _made_with(statements, wanted)
    needed = {*wanted, "*"}  # a star import may define any name
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
    """Return the indices of statements that call the graded class or functions, such as training runs, and of
    statements that use the results of these calls. Definitions are never included."""
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
    """Keep only the last definition of the class. Ignore an empty definition if an earlier one implements its
    methods."""
    kept: list[Statement] = []
    for statement in statements:
        found = _definition(statement.node, wanted, modules)
        if found is None:
            is_import = isinstance(statement.node, ast.Import | ast.ImportFrom)
            statement.adds = not is_import and not statement.binds.isdisjoint(wanted)
            if selected.outline is not None and statement.adds:
                selected.outline = Outline(_attached(statement.node), frozenset()).on(selected.outline)
        elif _continues(statement.node, wanted):
            statement.adds = True
            selected.outline = found.on(selected.outline)
            selected.own = True
        elif selected.outline is not None and found.is_empty_beside(selected.outline):
            selected.notes.append(("empty", statement.cell, ", ".join(sorted(found.open & selected.outline.filled))))
            continue
        else:
            if selected.outline is not None and not _is_aliased(kept, wanted):
                selected.notes += _notes_on_replaced(kept, statement)
                kept = [s for s in kept if not s.adds and not s.binds <= set(wanted)]  # drop the replaced class
            selected.outline = found
            selected.own = any(isinstance(n, ast.ClassDef) for n in ast.walk(statement.node))
            selected.imported |= not selected.own
        kept.append(statement)
    return kept


def _notes_on_replaced(statements: Sequence[Statement], by: Statement) -> list[tuple[str, int, str]]:
    """Return a note for each earlier definition of the class that is in another cell and not the same as `by`."""
    if not isinstance(by.node, ast.ClassDef):
        return []
    earlier = (s for s in statements if isinstance(s.node, ast.ClassDef) and s.binds == by.binds)
    return [
        ("replaced", s.cell, f"cell {by.cell}")
        for s in earlier
        if s.cell != by.cell and ast.unparse(s.node) != ast.unparse(by.node)
    ]


def _without_gaps(
    statements: list[Statement], wanted: Sequence[str], modules: Mapping[str, Outline], selected: Selected
) -> list[Statement]:
    """Drop functions with an empty body if an earlier statement implements the same function. Of the remaining
    definitions of a function, the last one counts."""
    kept: list[Statement] = []
    for statement in statements:
        found, before = _outline_of_wanted(statement, wanted, modules), selected.outline
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


def _outline_of_wanted(statement: Statement, wanted: Sequence[str], modules: Mapping[str, Outline]) -> Outline:
    """Return the outline of the graded functions that a statement defines, or imports from a submitted module."""
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
    """Drop statements such as `slope = slope(x)`, which would replace a function by a value."""
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
    """Return whether a statement assigns a value and not a function. `slope = slope(x)` assigns a value; `f = jit(f)`
    and `f = g` assign functions."""
    match statement.node:
        case ast.Assign(value=value, targets=[ast.Name() | ast.Tuple()]):
            called = [n.func for n in ast.walk(value) if isinstance(n, ast.Call)]
            passed = {n.id for n in ast.walk(value) if isinstance(n, ast.Name) and n not in called}
            is_function = isinstance(value, ast.Lambda | ast.Name | ast.Attribute)
            return not is_function and passed.isdisjoint(statement.binds)
    return False


def _is_aliased(statements: Sequence[Statement], wanted: Sequence[str]) -> bool:
    """Return whether a statement gives the class another name, such as `Base = Net` before a new Net extends Base."""
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
    """Return all names that a statement such as `setattr(C, "loss", f)` may add to the class."""
    if isinstance(node, ast.FunctionDef):
        return frozenset({node.name})
    inner = list(ast.walk(node))
    named = {n.value for n in inner if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return frozenset(named | {n.attr for n in inner if isinstance(n, ast.Attribute)})


# ── a cell's text ────────────────────────────────────────────────────────────────────────────────────


def named_cells(notebooks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the name of each code cell, such as "homework.ipynb cell 3", and its source."""
    for notebook in notebooks:
        for number, source in zip(notebook["numbers"], notebook["code"], strict=True):
            yield f"{notebook['path']} cell {number}", source


def parsed_sources(
    files: Mapping[str, Any], notebooks: Sequence[Mapping[str, Any]], most: int = sys.maxsize
) -> Iterator[tuple[str, ast.Module]]:
    """Yield the name and the syntax tree of each Python file and notebook cell. Left out are files of more than `most`
    bytes, cells of more than `most` characters, and sources with syntax errors (which are reported elsewhere)."""
    sources = [(path, content.tobytes()) for path, content in files.items() if path.endswith(".py")]
    for name, text in (*sources, *named_cells(notebooks)):
        if len(text) <= most:
            try:
                with warnings.catch_warnings(action="ignore"):
                    tree = parse_cell(text) if isinstance(text, str) else ast.parse(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            yield name, tree


def parse_cell(source: str) -> ast.Module:
    """Return a cell's syntax tree. Shell commands and magics become calls that define nothing. `%run file.py` becomes
    an import."""
    first, _, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):
        words = first[2:].split()
        if words and words[0] not in ("time", "timeit", "capture", "prun"):
            return ast.Module([], [])
        source = "\n" + rest
    try:
        return ast.parse(source)
    except SyntaxError:
        source = _RUN.sub(_imported, source)
    try:
        from IPython.core import inputtransformer2  # takes 0.1 s to import, so only for notebooks with magics
    except ImportError:  # a student's machine with Jupyter in another environment
        return ast.parse(_MAGIC.sub(r"\1pass", source))
    manager: Any = inputtransformer2.TransformerManager
    return ast.parse(str(manager().transform_cell(source)))


_MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[\w.]+\?{1,2})$", re.MULTILINE)
"""Matches a line with a magic, a shell command, or a request for help."""
_RUN = re.compile(r"^([ \t]*)%run\b([^\n]*)$", re.MULTILINE)


def _imported(run: re.Match[str]) -> str:
    path = next((w.strip("'\"") for w in run[2].split() if not w.startswith("-")), "")
    module = path.removeprefix("./").removesuffix(".py").replace("/", ".")
    importable = re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", module)
    return f"{run[1]}from {module} import *" if importable else f"{run[1]}pass"


def _add_module(modules: dict[str, tuple[str, int]], number: int, source: str) -> None:
    """Add the file that a `%%writefile net.py` cell writes. With the option -a, the cell appends to the file. If
    several cells write the file, the last one wins, as in Jupyter."""
    first, _, content = source.lstrip().partition("\n")
    options, name = first.split()[1:-1], first.split()[-1].removeprefix("./")
    if re.fullmatch(r"[A-Za-z_]\w*\.py", name):
        before = modules[name][0] if options and name in modules else ""
        modules[name] = (before + content, number)


# ── what a statement binds and uses ──────────────────────────────────────────────────────────────────


def bound_names(node: ast.stmt, wanted: frozenset[str]) -> frozenset[str]:
    """Return the names that a statement defines, and the classes to which it adds an attribute. If there are none, the
    statement is not run."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return frozenset({node.name}) | _wanted_arguments(node.decorator_list, wanted)
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
            return _wanted_arguments(_attribute_setters(call), wanted)
        case ast.For() | ast.If() | ast.Try():
            return _bound_in_block(node, wanted)
    return frozenset()


def _bound_in_block(node: ast.For | ast.If | ast.Try, wanted: frozenset[str]) -> frozenset[str]:
    """Return the names that an `if`, `for` or `try` block defines; none if the block also does something else. For a
    loop, return names only if it changes a graded class, as `for f in methods: setattr(Net, f.__name__, f)` does."""
    bound = [bound_names(s, wanted) for s in _branches(node) if not _is_idle(s)]
    if not all(bound) or (isinstance(node, ast.For) and not any(names & wanted for names in bound)):
        return frozenset()
    return frozenset(chain.from_iterable(bound))


def _attribute_setters(call: ast.Call) -> list[ast.expr]:
    """Return the part of a call that adds an attribute to a class: all of `setattr(C, "loss", loss)`, or
    `add_to_class(C)` in `add_to_class(C)(loss)`. Return [] for other calls."""
    match call.func:
        case ast.Name(id="setattr"):
            return [call]
        case ast.Call() as adding if _last_name(adding.func) == "add_to_class":
            return [adding]
    return []


def _wanted_arguments(calls: Sequence[ast.expr], wanted: frozenset[str]) -> frozenset[str]:
    """Return the graded classes or functions among the arguments of calls: {C} for `@add_to_class(C)`."""
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
    """Return the names at the root of an assignment's target: {a, b, C} for `a, b[0], C.loss`."""
    match target:
        case ast.Name():
            return frozenset({target.id})
        case ast.Attribute() | ast.Subscript() | ast.Starred():
            return _roots(target.value)
        case ast.Tuple() | ast.List():
            return frozenset(name for item in target.elts for name in _roots(item))
    return frozenset()


def _uses(node: ast.stmt) -> frozenset[str]:
    """Return the module-level names that a statement refers to, without the local names of functions."""
    table = symtable.symtable(ast.unparse(node), "cell", "exec")
    names = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    tables = list(table.get_children())
    while tables:
        inner = tables.pop()
        names |= {s.get_name() for s in inner.get_symbols() if s.is_global()}
        tables += inner.get_children()
    return frozenset(names)


def _with_known_decorators(node: ast.stmt) -> ast.stmt:
    """Replace the decorator `@d2l.add_to_class(C)` by equivalent code: the package d2l is too large for the sandbox."""
    if isinstance(node, ast.FunctionDef):
        node.decorator_list = [_without_d2l(d) for d in node.decorator_list]
    return node


def _without_d2l(decorator: ast.expr) -> ast.expr:
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
