"""Read a marked solution: the graded code, the students' starter code, and the example calls.

`### BEGIN SOLUTION` and `### END SOLUTION` mark the code that students write. The example calls of a notebook are all
code other than imports, definitions and constants. The example calls of a Python file are the block under `if __name__
== "__main__":`.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from grader.errors import BadCall

_BEGIN = re.compile(r"^([ \t]*)#+[ \t]*BEGIN SOLUTION\b.*$", re.IGNORECASE)
_END = re.compile(r"^[ \t]*#+[ \t]*END SOLUTION\b.*$", re.IGNORECASE)
_MAGIC = re.compile(r"^[ \t]*[%!].*$", re.MULTILINE)
_MAIN = 'if __name__ == "__main__":'


@dataclass(frozen=True)
class Solution:
    """An author's solution, in which BEGIN SOLUTION and END SOLUTION mark the code that students write.

    Args:
        name: Name of the author's file.
        module: Source of the solution, without the marks.
        calls: Source of the example calls.
    """

    name: str
    module: str
    calls: str
    functions: tuple[str, ...]
    """Names of functions that contain a mark."""
    classes: tuple[str, ...]
    methods: tuple[str, ...]
    """Names of public methods that contain a mark, or that use a private method with a mark."""
    attributes: tuple[str, ...]
    """Attributes that the starter code assigns, so that every student's object has them."""
    sets_only: Mapping[str, tuple[str, ...]]
    """Method without a return value → attributes that it assigns."""
    handout: tuple[str, bytes]
    """Name and content of the file that students are given."""

    @property
    def reference(self) -> str:
        """Source of the assignment's reference.py: the solution and the example calls."""
        return f"{self.module.rstrip()}\n\n\n{_MAIN}\n{textwrap.indent(self.calls.strip(), '    ')}\n"


def read(path: Path, handout_name: str) -> Solution:
    """Read a notebook or Python file in which BEGIN SOLUTION and END SOLUTION mark the solutions.

    Args:
        path: The author's file.
        handout_name: Name of the students' file, without its ending.

    Returns:
        The solution.

    Raises:
        BadCall: If the file cannot be read, or marks do not pair up. The message says what to change.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise BadCall(f"{path}: cannot be read as text: {wrong}") from None
    if path.suffix == ".ipynb":
        return _of_notebook(path.name, text, handout_name)
    if path.suffix != ".py":
        raise BadCall(f"{path.name}: a solution is a notebook (.ipynb) or a Python file (.py)")
    return of_text(path.name, text, handout_name)


def of_text(name: str, text: str, handout_name: str) -> Solution:
    """Read a solution from the text of a Python file.

    Args:
        name: Name of the file, for messages.
        text: Content of the file.
        handout_name: Name of the students' file, without its ending.

    Returns:
        The solution.

    Raises:
        BadCall: If the text is not Python, or marks do not pair up. The message says what to change.
    """
    tree = _parsed(text, name)
    main = next((node for node in tree.body if _is_main(node)), None)
    lines = text.splitlines()
    calls, module = "", text
    if isinstance(main, ast.If):
        first, last = main.lineno - 1, main.end_lineno or main.lineno
        calls = textwrap.dedent("\n".join(lines[first + 1 : last]))
        module = "\n".join([*lines[:first], *lines[last:]])
    handout = gaps(text, name).encode()
    return _solution(name, module, calls, (f"{handout_name}.py", handout))


def _of_notebook(name: str, text: str, handout_name: str) -> Solution:
    import nbformat  # takes 0.1 s to import, so only for notebooks

    try:
        notebook: Any = nbformat.reads(text, as_version=4)
    except Exception as wrong:
        raise BadCall(f"{name} is not a valid notebook ({wrong}); save it again in Jupyter") from wrong
    module, calls = [], []
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        where = f"{name}, cell {number}"
        source = _MAGIC.sub("", cell.source)
        kept, called = _divided(source, where)
        module.append(kept)
        calls.append(called)
        cell.source = gaps(cell.source, where)
        cell.outputs, cell.execution_count = [], None
    content = nbformat.writes(notebook).encode()
    return _solution(
        name, "\n\n\n".join(filter(str.strip, module)), "\n".join(calls), (f"{handout_name}.ipynb", content)
    )


def _divided(source: str, where: str) -> tuple[str, str]:
    """Divide a cell into its definitions and its other statements. Comments above a statement and `### END SOLUTION`
    below it stay with the statement."""
    parts: tuple[list[str], list[str]] = ([], [])
    lines, done = source.splitlines(), 0
    body = _parsed(source, where).body
    for node, following in zip_longest(body, body[1:]):
        first_of_next = following.lineno - 1 if following else len(lines)
        ends = [i for i in range(node.lineno, first_of_next) if _END.match(lines[i])]
        last = max([node.end_lineno or node.lineno, *(i + 1 for i in ends)])
        parts[0 if _is_definition(node) else 1].extend(lines[done:last])
        done = last
    return "\n".join(parts[0]).strip("\n"), "\n".join(parts[1]).strip("\n")


def _is_definition(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):  # a constant
        return all(
            isinstance(target, ast.Name) and target.id.isupper() and len(target.id) > 1 for target in node.targets
        )
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def without_calls(text: str) -> str:
    """Return a Python file's text without its example calls."""
    return of_text("the solution", text, "").module


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def _solution(name: str, marked: str, calls: str, handout: tuple[str, bytes]) -> Solution:
    tree = _parsed(marked, name)
    marks = [i for i, line in enumerate(marked.splitlines(), start=1) if _BEGIN.match(line)]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and _has(node, marks)]
    members = [node for kind in classes for node in kind.body if isinstance(node, ast.FunctionDef)]
    marked_members = {node.name for node in members if _has(node, marks)}
    private = {name for name in marked_members if name.startswith("_")}
    methods = [node.name for node in members if node.name in marked_members or _uses(node, private)]
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and _has(node, marks)]
    given = _parsed(gaps(marked, name), name)
    return Solution(
        name,
        _without_marks(marked).strip("\n") + "\n",
        calls,
        tuple(functions),
        tuple(node.name for node in classes),
        tuple(method for method in methods if not method.startswith("_")),
        tuple(dict.fromkeys(_attributes(given))),
        {
            node.name: tuple(dict.fromkeys(_attributes(node)))
            for kind in tree.body
            if isinstance(kind, ast.ClassDef)
            for node in kind.body
            if isinstance(node, ast.FunctionDef) and not _returns(node)
        },
        handout,
    )


def _has(node: ast.stmt, marks: Sequence[int]) -> bool:
    return any(node.lineno <= mark <= (node.end_lineno or node.lineno) for mark in marks)


def _uses(method: ast.FunctionDef, names: Collection[str]) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr in names for node in ast.walk(method))


def _returns(method: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Yield) or (isinstance(node, ast.Return) and node.value) for node in ast.walk(method)
    )


def _attributes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name("self"), name, ast.Store()) if not name.startswith("_"):
                yield name


def gaps(text: str, where: str) -> str:
    """Return the starter code: every solution is replaced by a comment and `raise NotImplementedError`. An unindented
    solution gets `...` instead of the `raise`.

    Raises:
        BadCall: If a BEGIN SOLUTION has no END SOLUTION, or the reverse.
    """
    found: list[str] = []
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        begin, end = _BEGIN.match(line), _END.match(line)
        if bool(begin if inside else end):
            expected = "END" if inside else "BEGIN"
            raise BadCall(
                f"{where}, line {number}: {line.strip()!r} without '### {expected} SOLUTION' before it: add it"
            )
        if begin:
            inside = True
            gap = "raise NotImplementedError" if begin[1] else "..."
            found += [f"{begin[1]}# Write your code here.", f"{begin[1]}{gap}"]
        elif end:
            inside = False
        elif not inside:
            found.append(line)
    if inside:
        raise BadCall(f"{where}: the last '### BEGIN SOLUTION' has no '### END SOLUTION' after it; add one")
    return "\n".join(found) + "\n"


def _without_marks(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not (_BEGIN.match(line) or _END.match(line)))


def _parsed(text: str, where: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as wrong:
        raise BadCall(f"{where}, line {wrong.lineno}: Python cannot read it: {wrong.msg}") from None
