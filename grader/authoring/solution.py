"""Read a marked solution: the graded code, the students' starter code, and the example calls.

`### BEGIN SOLUTION` and `### END SOLUTION` mark the code that students write. Every other region from `### BEGIN X` to
`### END X`, such as nbgrader's hidden tests, is left out of the starter code. The example calls of a notebook are all
code other than imports, definitions and constants. The example calls of a Python file are the block under `if __name__
== "__main__":`.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from grader.errors import BadCall

_BEGIN = r"[ \t]*[#=]+[ \t]*(?i:BEGIN)[ \t]+"
_END = r"[ \t]*[#=]+[ \t]*(?i:END)[ \t]+"
_NAME = r"((?i:SOLUTION)|[A-Z]{2}[A-Z ]*)\b"  # "# begin with the largest" is an ordinary comment
_REGION = re.compile(
    rf"^{_BEGIN}{_NAME}.*\n"
    rf"(?:(?!{_BEGIN}(?i:\1)\b).*\n)*?"  # no other region of this name begins inside
    rf"{_END}(?i:\1)\b.*\n?",
    re.MULTILINE,
)
_UNPAIRED = re.compile(rf"^(?:{_BEGIN}{_NAME}|{_END}(?i:SOLUTION)\b)", re.MULTILINE)
_MARK = re.compile(rf"^(?:{_BEGIN}|{_END}){_NAME}.*\n?", re.MULTILINE)
_MAGIC = re.compile(r"^[ \t]*[%!].*$", re.MULTILINE)
_Definition = ast.FunctionDef | ast.ClassDef
_MAIN = 'if __name__ == "__main__":'


@dataclass(frozen=True)
class Solution:
    """An author's solution, in which BEGIN SOLUTION and END SOLUTION mark the code that students write.

    Args:
        name: Name of the author's file.
        module: Source of the solution, without marks.
        calls: Source of the example calls, without marks.
    """

    name: str
    module: str
    calls: str
    functions: Sequence[str]
    """Names of functions that contain a solution."""
    classes: Mapping[str, Sequence[str]]
    """Class that contains a solution → its public methods that contain one, or use a private method with one."""
    unchecked: Sequence[str]
    """Names of what students write, but checks cannot call: public functions and classes that are inside a solution, so
    that the starter code does not name them, and special methods such as `Net.__call__`."""
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
    handout = gaps(text, name)
    code = "\n".join(lines)
    part = _Part(name, _without_hidden(code), code, textwrap.dedent("\n".join(calls)), handout)
    return _solution(name, [part], (f"{handout_name}.py", handout.encode()))


@dataclass(frozen=True)
class _Part:
    """The code of a Python file, or of a cell of a notebook."""

    where: str
    """Name of the file or cell, for messages."""
    source: str
    """The code, with marks, but without hidden regions."""
    definitions: str
    """The code that belongs to the solution."""
    calls: str
    """The example calls."""
    starter: str
    """The code that students are given."""


def _of_notebook(name: str, text: str, handout_name: str) -> Solution:
    """Read a solution from the JSON of a notebook. The handout is the notebook with gaps for the solutions and without
    outputs."""
    import nbformat  # takes 0.1 s to import, so only for notebooks

    try:
        notebook: Any = nbformat.reads(text, as_version=4)
    except Exception as wrong:
        raise BadCall(f"{name} is not a valid notebook ({wrong}); save it again in Jupyter") from wrong
    parts = []
    for number, cell in enumerate(notebook.cells, start=1):
        where = f"{name}, cell {number}"
        is_solution = cell.metadata.get("nbgrader", {}).get("solution")
        if is_solution and not _REGION.search(cell.source):  # nbgrader then takes the whole cell away
            cell.source = f"### BEGIN SOLUTION\n{cell.source}\n### END SOLUTION"
        if cell.cell_type != "code":
            cell.source = gaps(cell.source, where, "*Write your answer here.*")
            continue
        source = _MAGIC.sub("", cell.source)
        definitions, statements = _divided(source, where)
        parts.append(_Part(where, _without_hidden(source), definitions, statements, gaps(source, where)))
        cell.source = gaps(cell.source, where)
        cell.outputs, cell.execution_count = [], None
    content = nbformat.writes(notebook).encode()
    return _solution(name, parts, (f"{handout_name}.ipynb", content))


def _divided(source: str, where: str) -> tuple[str, str]:
    """Divide a cell into its definitions and its other statements. Comments above a statement and END marks
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
            if re.match(_END, lines[i]):
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


def _solution(name: str, parts: Sequence[_Part], handout: tuple[str, bytes]) -> Solution:
    """Find the functions, classes and methods with a solution, and return the solution that consists of these parts."""
    functions: list[str] = []
    classes: dict[str, list[str]] = {}
    unchecked: list[str] = []
    attributes: dict[str, None] = {}
    assigned: dict[str, tuple[str, ...]] = {}
    for part in parts:
        starter = _parsed(part.starter, f"{part.where}, without its solutions")
        attributes.update(dict.fromkeys(_attributes(starter)))
        given = _definitions(starter)
        for defined, node in _definitions(_parsed(part.source, part.where)).items():
            if defined not in given:
                unchecked += [] if defined.startswith("_") else [defined]
            elif ast.dump(node) == ast.dump(given[defined]):
                continue
            elif isinstance(node, ast.FunctionDef):
                functions.append(defined)
            else:
                members = _definitions(node)
                classes[defined], others = _graded_methods(members, _definitions(given[defined]))
                unchecked += [f"{defined}.{other}" for other in others]
                assigned.update((member, _attributes(body)) for member, body in members.items())
    definitions = "\n\n\n".join(part.definitions for part in parts if part.definitions.strip())
    return Solution(
        name=name,
        module=_MARK.sub("", definitions).strip("\n") + "\n",
        calls=_MARK.sub("", "\n".join(part.calls for part in parts)),
        functions=functions,
        classes=classes,
        unchecked=unchecked,
        attributes=tuple(attributes),
        assigned=assigned,
        handout=handout,
    )


def _definitions(node: ast.Module | _Definition) -> dict[str, _Definition]:
    """Return the functions and classes that are defined directly in a module, or the methods of a class."""
    return {child.name: child for child in node.body if isinstance(child, ast.FunctionDef | ast.ClassDef)}


def _graded_methods(
    members: Mapping[str, _Definition], given: Mapping[str, _Definition]
) -> tuple[list[str], list[str]]:
    """Return the names of public methods that contain a solution or use a private method with one, and the names of
    other methods that students write, but no method uses. A constructor is used for every object.

    Args:
        members: The methods of the solution.
        given: The methods of the starter code.
    """
    uses = {}
    for name, member in members.items():
        uses[name] = {node.attr for node in ast.walk(member) if isinstance(node, ast.Attribute)}
    written = {name for name in members if name not in given or ast.dump(members[name]) != ast.dump(given[name])}
    reached = set(written)
    for _ in members:  # as many rounds as a chain of uses can be long
        private = {name for name in reached if name.startswith("_")}
        reached |= {name for name in members if uses[name] & private}
    graded = [name for name in members if name in reached & given.keys() and not name.startswith("_")]
    return graded, sorted(written - {"__init__", *graded}.union(*uses.values()))


def _attributes(tree: ast.AST) -> tuple[str, ...]:
    """Return the public attributes of `self` that code assigns."""
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name("self"), name, ast.Store()) if not name.startswith("_"):
                names[name] = None
    return tuple(names)


def _is_solution(region: re.Match[str]) -> bool:
    return region[1].upper() == "SOLUTION"


def _without_hidden(text: str) -> str:
    """Return a text without the regions that are no solutions."""
    return _REGION.sub(lambda region: region[0] if _is_solution(region) else "", text)


def gaps(text: str, where: str, gap: str = "") -> str:
    """Return what students are given: every solution is replaced by a gap, and every other region is removed.

    Args:
        text: Code, or the text of a notebook's cell.
        where: Name of the file or cell, for messages.
        gap: The line that replaces a solution. By default, a comment and `raise NotImplementedError`, or `...` for an
            unindented solution.

    Raises:
        BadCall: If a region has no END, or a solution no BEGIN.
    """

    def starter(region: re.Match[str]) -> str:
        if not _is_solution(region):
            return ""
        indent = region[0].partition(region[0].lstrip()[0])[0]
        statement = "raise NotImplementedError" if indent else "..."
        return f"{gap}\n" if gap else f"{indent}# Write your code here.\n{indent}{statement}\n"

    outside = _REGION.sub(lambda region: "\n" * region[0].count("\n"), text)
    unpaired = _UNPAIRED.search(outside)
    if unpaired:
        line = outside.count("\n", 0, unpaired.start()) + 1
        lacking = f"'### END {unpaired[1]}' after it" if unpaired[1] else "'### BEGIN SOLUTION' before it"
        raise BadCall(f"{where}, line {line}: {unpaired[0].strip()!r} without {lacking}: add it")
    return _REGION.sub(starter, text).rstrip("\n") + "\n"


def _parsed(text: str, where: str) -> ast.Module:
    """Parse a source. `where` names it in the message about a syntax error."""
    try:
        return ast.parse(text)
    except SyntaxError as wrong:
        raise BadCall(f"{where}, line {wrong.lineno}: Python cannot read it: {wrong.msg}") from None
