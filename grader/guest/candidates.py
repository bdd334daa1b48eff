"""Find the student's files that may define the graded class or functions, the likeliest first. Nothing is run here."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from .cells import Selected, select
from .entry_points import EntryPoints


@dataclass
class Candidate:
    """A file or notebook that may define the graded class or functions."""

    path: str
    selected: Selected
    notebook: bool
    wanted: EntryPoints
    promised: int = 0
    """Number of graded names for which the text of a Python file has a `class` or `def` line. It is used if the file
    cannot be parsed."""

    @property
    def own_text(self) -> str:
        """The source of the graded class or functions; "" if this file only imports them."""
        if not self.selected.own:
            return ""
        kind = ast.ClassDef if self.wanted.of_class else ast.FunctionDef
        nodes = (s.node for s in self.selected.statements if self.wanted.of_class or s.binds & {*self.wanted.names})
        return "\n".join(ast.unparse(node) for node in nodes if isinstance(node, kind))

    @property
    def is_whole(self) -> bool:
        """True if the file implements the graded class or all graded functions, without empty methods or functions."""
        found = self.selected.outline
        if found is None or not self.selected.own or found.open:
            return False
        return bool(found.filled) if self.wanted.of_class else not self.wanted.lacking(found.filled)

    @property
    def functions(self) -> int:
        """Number of graded functions that this file implements; 0 if the assignment asks for a class."""
        if self.wanted.of_class:
            return 0
        return self.promised if self.selected.outline is None else len(self.selected.outline.filled)

    def is_empty_beside(self, other: Candidate) -> bool:
        """Return whether this file is a less finished version of `other`: some functions are empty here but implemented
        in `other`, and no function is implemented only here."""
        own, others = self.selected.outline, other.selected.outline
        return own is not None and others is not None and own.is_empty_beside(others)


@dataclass
class Candidates:
    """The candidate files of a submission."""

    ranked: list[Candidate] = field(default_factory=list)
    """The candidates, the likeliest first."""
    written: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """Path of a module that a `%%writefile` cell writes → (text, path of the notebook, number of the cell)."""
    broken: list[SyntaxError] = field(default_factory=list)
    """Syntax errors in notebooks. The first one is reported if no file defines the graded class or functions."""


def candidates(
    files: Mapping[str, Any],
    notebooks: Sequence[Mapping[str, Any]],
    wanted: EntryPoints,
    accepted: Sequence[str],
) -> Candidates:
    """Return the files that may define the graded class or functions. `accepted` contains the accepted names of the
    Python file, such as solution.py."""
    found = Candidates()
    cells = {n["path"]: list(zip(n["numbers"], n["code"], strict=True)) for n in notebooks}
    texts = {name: content.tobytes() for name, content in files.items() if name.endswith(".py")}
    if not cells and len(texts) == 1:
        found.ranked = [Candidate(path, Selected(), notebook=False, wanted=wanted) for path in texts]
        return found  # no choice to make
    for path, code in cells.items():
        for name, (text, cell) in select(code, wanted).modules.items():
            if texts.setdefault(name, text.encode()) == text.encode():  # a submitted file has precedence
                found.written |= {} if name in files else {name: (text, path, cell)}
    modules = {name: select([(0, text.decode("utf-8", "replace"))], wanted) for name, text in texts.items()}
    outlines = {PurePosixPath(n).stem: m.outline for n, m in modules.items() if m.outline is not None}
    for path, code in cells.items():
        selected = select(code, wanted, outlines)
        for error in selected.broken:
            error.filename = f"{path} {error.filename}"
        found.broken += selected.broken
        if selected.unread or any(not s.binds.isdisjoint(wanted.names) for s in selected.statements):
            found.ranked.append(Candidate(path, selected, notebook=True, wanted=wanted))
    for path, promised in _modules_by_promise(texts, wanted, accepted):
        found.ranked.append(Candidate(path, modules[path], notebook=False, wanted=wanted, promised=promised))
    everyone = list(found.ranked)
    finished = any(_is_named(one.path, accepted) and one.path in files and one.is_whole for one in everyone)
    found.ranked.sort(
        key=lambda one: (
            _is_copy(one.path),
            any(one.is_empty_beside(other) for other in everyone),
            finished and one.notebook and one.selected.own and not one.selected.imported,  # probably a draft
            -one.functions,
        )
    )
    return found


def _modules_by_promise(
    modules: Mapping[str, bytes], wanted: EntryPoints, accepted: Sequence[str]
) -> list[tuple[str, int]]:
    """Return the Python files whose text seems to define graded names, each as (path, number of these names).

    If there are none, return the files with an accepted name. Files with an accepted name come first. Among the others,
    files nearer to the top folder come first.
    """
    promise = re.compile(rf"^\s*{wanted.definition()}".encode(), re.MULTILINE)
    promised = {name: len(set(promise.findall(content))) for name, content in modules.items()}
    likely = [name for name in modules if promised[name]] or [name for name in modules if _is_named(name, accepted)]
    return [
        (name, promised[name])
        for name in sorted(likely, key=lambda name: (not _is_named(name, accepted), name.count("/"), name))
    ]


def _is_named(path: str, accepted: Sequence[str]) -> bool:
    return PurePosixPath(path).name in accepted


def _is_copy(path: str) -> bool:
    """Return whether a file's name is that of a copy, such as "a - Copy.py", "a-Copy1.ipynb", "a (1).py" or
    "a-checkpoint.ipynb"."""
    return re.search(r"(?i)(?<![a-z])(copy|kopie|copie|backup|old)(?![a-z])|\(\d+\)|checkpoint", path) is not None
