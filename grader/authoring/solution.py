"""Read a marked solution: the graded code, the students' starter code, and the example calls.

`### BEGIN SOLUTION` and `### END SOLUTION` mark the code that students write. The example calls of a notebook are all
code other than imports, definitions and constants. The example calls of a Python file are the block under `if __name__
== "__main__":`.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
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
    assigned: Mapping[str, tuple[str, ...]]
    """Method → attributes that it assigns."""
    handout: tuple[str, bytes]
    """Name and content of the file that students are given."""

    @property
    def reference(self) -> str:
        """Source of the assignment's reference.py: the solution and the example calls."""
        calls = textwrap.indent(self.calls.strip(), "    ")
        return f"{self.module.rstrip()}\n\n\n{_MAIN}\n{calls}\n"


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
    lines = text.splitlines()
    calls: list[str] = []
    for node in _parsed(text, name).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            calls = lines[node.lineno : node.end_lineno]
            del lines[node.lineno - 1 : node.end_lineno]
            break
    handout = gaps(text, name).encode()
    example_calls = textwrap.dedent("\n".join(calls))
    return _solution(name, "\n".join(lines), example_calls, (f"{handout_name}.py", handout))


def _of_notebook(name: str, text: str, handout_name: str) -> Solution:
    """Read a solution from the JSON of a notebook. The handout is the notebook with gaps for the solutions and without
    outputs."""
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
        definitions, statements = _divided(source, where)
        module.append(definitions)
        calls.append(statements)
        cell.source = gaps(cell.source, where)
        cell.outputs, cell.execution_count = [], None
    content = nbformat.writes(notebook).encode()
    marked = "\n\n\n".join(filter(str.strip, module))
    return _solution(name, marked, "\n".join(calls), (f"{handout_name}.ipynb", content))


def _divided(source: str, where: str) -> tuple[str, str]:
    """Divide a cell into its definitions and its other statements. Comments above a statement and `### END SOLUTION`
    below it stay with the statement."""
    definitions: list[str] = []
    calls: list[str] = []
    lines = source.splitlines()
    body = _parsed(source, where).body
    start = 0
    for node, following in zip_longest(body, body[1:]):
        end = node.end_lineno or node.lineno
        first_of_next = following.lineno - 1 if following else len(lines)
        for i in range(end, first_of_next):
            if _END.match(lines[i]):
                end = i + 1
        part = definitions if _is_definition(node) else calls
        part += lines[start:end]
        start = end
    return "\n".join(definitions).strip("\n"), "\n".join(calls).strip("\n")


def _is_definition(node: ast.stmt) -> bool:
    """Return whether a statement belongs to the solution, as an import, a definition or a constant such as BATCH_SIZE.
    All other statements are example calls."""
    match node:
        case ast.Assign([ast.Name(name)]):
            return name.isupper() and len(name) > 1
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def without_calls(text: str) -> str:
    """Return a Python file's text without its example calls."""
    return of_text("the solution", text, "").module


def _solution(name: str, marked: str, calls: str, handout: tuple[str, bytes]) -> Solution:
    """Find the functions, classes and methods with marks, and return the solution. `marked` is its source with the
    marks."""
    functions: list[str] = []
    classes: list[str] = []
    methods: list[str] = []
    assigned: dict[str, tuple[str, ...]] = {}
    lines = marked.splitlines()
    marks = [number for number, line in enumerate(lines, start=1) if _BEGIN.match(line)]
    for node in _parsed(marked, name).body:
        if isinstance(node, ast.FunctionDef) and _has(node, marks):
            functions.append(node.name)
        if isinstance(node, ast.ClassDef) and _has(node, marks):
            members = [member for member in node.body if isinstance(member, ast.FunctionDef)]
            classes.append(node.name)
            methods += _graded_methods(members, marks)
            assigned.update((member.name, _attributes(member)) for member in members)
    unmarked = [line for line in lines if not (_BEGIN.match(line) or _END.match(line))]
    return Solution(
        name=name,
        module="\n".join(unmarked).strip("\n") + "\n",
        calls=calls,
        functions=tuple(functions),
        classes=tuple(classes),
        methods=tuple(methods),
        attributes=_attributes(_parsed(gaps(marked, name), name)),
        assigned=assigned,
        handout=handout,
    )


def _graded_methods(members: Sequence[ast.FunctionDef], marks: Sequence[int]) -> Iterator[str]:
    """Yield the names of public methods that contain a mark, or use a private method that contains one."""
    marked = {member.name for member in members if _has(member, marks)}
    private = {name for name in marked if name.startswith("_")}
    for member in members:
        if member.name.startswith("_"):
            continue
        used = {node.attr for node in ast.walk(member) if isinstance(node, ast.Attribute)}
        if member.name in marked or used & private:
            yield member.name


def _has(node: ast.stmt, marks: Sequence[int]) -> bool:
    """Return whether a statement contains one of the marks, which are given as line numbers."""
    lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
    return any(mark in lines for mark in marks)


def _attributes(tree: ast.AST) -> tuple[str, ...]:
    """Return the public attributes of `self` that code assigns."""
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name("self"), name, ast.Store()) if not name.startswith("_"):
                names[name] = None
    return tuple(names)


def gaps(text: str, where: str) -> str:
    """Return the starter code: every solution is replaced by a comment and `raise NotImplementedError`. An unindented
    solution gets `...` instead of the `raise`.

    Raises:
        BadCall: If a BEGIN SOLUTION has no END SOLUTION, or the reverse.
    """
    starter: list[str] = []
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        begin, end = _BEGIN.match(line), _END.match(line)
        if bool(begin if inside else end):  # a second BEGIN before the END, or an END without a BEGIN
            expected = "END" if inside else "BEGIN"
            raise BadCall(
                f"{where}, line {number}: {line.strip()!r} without '### {expected} SOLUTION' before it: add it"
            )
        if begin:
            inside = True
            indent = begin[1]
            gap = "raise NotImplementedError" if indent else "..."
            starter += [f"{indent}# Write your code here.", f"{indent}{gap}"]
        elif end:
            inside = False
        elif not inside:
            starter.append(line)
    if inside:
        raise BadCall(f"{where}: the last '### BEGIN SOLUTION' has no '### END SOLUTION' after it; add one")
    return "\n".join(starter) + "\n"


def _parsed(text: str, where: str) -> ast.Module:
    """Parse a source. `where` names it in the message about a syntax error."""
    try:
        return ast.parse(text)
    except SyntaxError as wrong:
        raise BadCall(f"{where}, line {wrong.lineno}: Python cannot read it: {wrong.msg}") from None
