"""The student's files and notebooks → the one class that is asked for.

A notebook is never run from top to bottom. Only what the class needs is: its own definition, wherever it
stands and in however many cells, and the imports, functions and constants that it refers to. Plots and
training cells bind nothing that it needs, so they stay out.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import symtable
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from .describe import FOLDER


class NotFound(Exception):
    """No file defines the class that is asked for."""


@dataclass
class Statement:
    node: ast.stmt
    cell: int
    binds: frozenset[str]
    uses: frozenset[str]


@dataclass
class Selected:
    statements: list[Statement] = field(default_factory=list)
    broken: list[SyntaxError] = field(default_factory=list)
    modules: dict[str, str] = field(default_factory=dict)
    """What `%%writefile` cells write, by file name."""


def load(files: dict[str, Any], notebooks: list[dict[str, Any]], wanted: list[str]) -> tuple[type, dict[str, Any]]:
    """The class, and where it was found. Raises whatever the student's own code raises."""
    _lay_out(files)
    broken: list[SyntaxError] = []
    modules = {name: content.tobytes() for name, content in files.items() if name.endswith(".py")}
    for notebook in notebooks:
        found, selected = _from_notebook(notebook, wanted)
        broken += selected.broken
        modules = {name: text.encode() for name, text in selected.modules.items()} | modules
        if found is not None:
            cells = sorted({s.cell for s in selected.statements})
            return found, _facts(found, notebook["path"], cells)
    for path in _modules_by_promise(modules, wanted):
        sys.path.insert(0, os.path.abspath(os.path.dirname(path)))  # its helper files lie beside it
        module = importlib.import_module(os.path.basename(path)[: -len(".py")])
        for name in wanted:
            found = getattr(module, name, None)
            if isinstance(found, type):
                return found, _facts(found, path, [])
    if broken:
        raise broken[0]
    raise NotFound(f"none of the files defines a class {wanted[0]}")


def _facts(found: type, path: str, cells: list[int]) -> dict[str, Any]:
    module = sys.modules.get(getattr(found, "__module__", ""), None)
    file = getattr(module, "__file__", None)
    if isinstance(file, str) and file.startswith(os.getcwd() + os.sep):
        path = os.path.relpath(file)
    names = sorted(n for n in vars(found) if not n.startswith("__"))
    return {"source": path, "class": found.__name__, "names": names[:50], "cells": cells}


def _lay_out(files: dict[str, Any]) -> None:
    os.makedirs(FOLDER, exist_ok=True)
    os.chdir(FOLDER)
    for name, content in files.items():
        folder = os.path.dirname(name)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(name, "wb") as out:
            out.write(content.tobytes())
    sys.path.insert(0, os.getcwd())


def _modules_by_promise(modules: dict[str, bytes], wanted: list[str]) -> list[str]:
    """Python files, those that say `class TwoLayerMLP` first, mlp.py before others, shallow before deep."""
    promise = re.compile(rb"^\s*class\s+(%s)\b" % b"|".join(re.escape(n.encode()) for n in wanted), re.MULTILINE)
    likely = [name for name, content in modules.items() if promise.search(content)]
    if not likely:
        likely = [name for name in modules if os.path.basename(name) == "mlp.py"]
    return sorted(likely, key=lambda name: (os.path.basename(name) != "mlp.py", name.count("/"), name))


# ── notebooks ────────────────────────────────────────────────────────────────────────────────────────


def _from_notebook(notebook: dict[str, Any], wanted: list[str]) -> tuple[type | None, Selected]:
    selected = select(list(zip(notebook["numbers"], notebook["code"], strict=True)), wanted)
    for name, text in selected.modules.items():
        if not os.path.exists(name):  # what was handed in as a file is what was handed in
            with open(name, "w", encoding="utf-8") as out:
                out.write(text)
    module = ModuleType("notebook")
    sys.modules["notebook"] = module
    for statement in selected.statements:
        place = f"{notebook['path']} cell {statement.cell}"
        exec(compile(ast.Module([statement.node], []), place, "exec"), module.__dict__)  # noqa: S102  this is the sandbox
    for name in wanted:
        found = module.__dict__.get(name)
        if isinstance(found, type):
            return found, selected
    return None, selected


def select(cells: list[tuple[int, str]], wanted: list[str]) -> Selected:
    """The statements that `wanted` needs, in order, last definition winning as in the notebook itself."""
    selected = Selected()
    statements: list[Statement] = []
    for number, source in cells:
        if source.lstrip().startswith(("%%writefile ", "%%file ")):
            _add_module(selected.modules, source)
            continue
        try:
            statements += _statements(number, source)
        except SyntaxError as error:
            error.filename = f"cell {number}"
            if any(re.search(rf"class\s+{re.escape(name)}\b", source) for name in wanted):
                selected.broken.insert(0, error)
            else:
                selected.broken.append(error)
    needed = {*wanted, "*"}  # a star import may bring anything
    kept: set[int] = set()
    grew = True
    while grew:
        grew = False
        for index, statement in enumerate(statements):
            if index not in kept and statement.binds & needed:
                kept.add(index)
                needed |= statement.uses
                grew = True
    selected.statements = [statements[index] for index in sorted(kept)]
    return selected


def _statements(number: int, source: str) -> list[Statement]:
    return [
        Statement(node, number, binds, _uses(node))
        for node in ast.parse(_without_magics(source)).body
        if (binds := _binds(node))
    ]


def _without_magics(source: str) -> str:
    """Shell lines and magics become calls that bind nothing."""
    first, _, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):
        words = first[2:].split()
        if words and words[0] not in ("time", "timeit", "capture", "prun"):
            return ""
        source = "\n" + rest
    if not re.search(r"^\s*[%!?]|\?\s*$|=\s*[%!]", source, re.MULTILINE):
        return source
    from IPython.core import inputtransformer2  # a tenth of a second that only notebooks with magics pay

    manager: Any = inputtransformer2.TransformerManager
    return str(manager().transform_cell(source))


def _add_module(modules: dict[str, str], source: str) -> None:
    """`%%writefile mlp.py` anew, with -a at its end; the last cell wins as in the notebook itself."""
    first, _, content = source.lstrip().partition("\n")
    options, name = first.split()[1:-1], first.split()[-1]
    if re.fullmatch(r"[A-Za-z_]\w*\.py", name):
        before = modules.get(name, "") if options else ""
        modules[name] = before + content


def _binds(node: ast.stmt) -> frozenset[str]:
    """The names that a statement defines for others; nothing for what must not be run for its effect."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return frozenset({node.name})
        case ast.Import() | ast.ImportFrom():
            return frozenset((a.asname or a.name).partition(".")[0] for a in node.names)
        case ast.Assign():
            return frozenset(name for target in node.targets for name in _roots(target))
        case ast.AnnAssign() if node.value is not None:
            return _roots(node.target)
        case ast.AugAssign():
            return _roots(node.target)
        case ast.Try() | ast.If():
            inner = [*node.body, *node.orelse, *(s for h in getattr(node, "handlers", []) for s in h.body)]
            if all(isinstance(s, ast.Import | ast.ImportFrom | ast.Assign | ast.FunctionDef | ast.Pass) for s in inner):
                return frozenset(name for s in inner for name in _binds(s))
    return frozenset()


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
