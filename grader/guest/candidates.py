"""Which of the student's files may hold the class, the likeliest first. Nothing is run here."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from .cells import Selected, select


@dataclass
class Candidate:
    path: str
    selected: Selected
    notebook: bool

    @property
    def own_text(self) -> str:
        """The class as this file defines it; "" where it only imports it."""
        if not self.selected.own:
            return ""
        return "\n".join(ast.unparse(s.node) for s in self.selected.statements if isinstance(s.node, ast.ClassDef))

    @property
    def is_whole(self) -> bool:
        """It defines the class and leaves no gap in it."""
        found = self.selected.outline
        return self.selected.own and found is not None and bool(found.filled) and not found.open

    def is_empty_beside(self, other: Candidate) -> bool:
        mine, theirs = self.selected.outline, other.selected.outline
        return mine is not None and theirs is not None and mine.is_empty_beside(theirs)


@dataclass
class Candidates:
    ranked: list[Candidate] = field(default_factory=list)
    written: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """Modules that `%%writefile` cells make: text, notebook and cell."""
    broken: list[SyntaxError] = field(default_factory=list)
    """What cannot be read in notebooks, which may be why there are no candidates."""


def candidates(
    files: Mapping[str, Any], notebooks: Sequence[Mapping[str, Any]], wanted: Sequence[str], file: str
) -> Candidates:
    """Return the files that may hold a class of the wanted names. `file` is the name that the handout asks for."""
    found = Candidates()
    cells = {n["path"]: list(zip(n["numbers"], n["code"], strict=True)) for n in notebooks}
    texts = {name: content.tobytes() for name, content in files.items() if name.endswith(".py")}
    if not cells and len(texts) == 1:
        found.ranked = [Candidate(path, Selected(), notebook=False) for path in texts]
        return found  # there is nothing to choose from
    for path, code in cells.items():
        for name, (text, cell) in select(code, wanted).modules.items():
            if texts.setdefault(name, text.encode()) == text.encode():  # what was handed in as a file comes first
                found.written |= {} if name in files else {name: (text, path, cell)}
    modules = {name: select([(0, text.decode("utf-8", "replace"))], wanted) for name, text in texts.items()}
    outlines = {PurePosixPath(n).stem: m.outline for n, m in modules.items() if m.outline is not None}
    for path, code in cells.items():
        selected = select(code, wanted, outlines)
        for error in selected.broken:
            error.filename = f"{path} {error.filename}"
        found.broken += selected.broken
        if selected.unread or any(not s.binds.isdisjoint(wanted) for s in selected.statements):
            found.ranked.append(Candidate(path, selected, notebook=True))
    found.ranked += [Candidate(p, modules[p], notebook=False) for p in _modules_by_promise(texts, wanted, file)]
    everyone = list(found.ranked)
    finished = any(_is_named(one.path, file) and one.path in files and one.is_whole for one in everyone)
    found.ranked.sort(
        key=lambda one: (
            _is_copy(one.path),
            any(one.is_empty_beside(other) for other in everyone),
            finished and one.notebook and one.selected.own and not one.selected.imported,  # a draft, most likely
        )
    )
    return found


def _modules_by_promise(modules: Mapping[str, bytes], wanted: Sequence[str], file: str) -> list[str]:
    """Return the Python files that define the class, or else those of the wanted name: that one first, shallow before
    deep."""
    promise = re.compile(rb"^\s*class\s+(%s)\b" % b"|".join(re.escape(n.encode()) for n in wanted), re.MULTILINE)
    likely = [name for name, content in modules.items() if promise.search(content)]
    if not likely:
        likely = [name for name in modules if _is_named(name, file)]
    return sorted(likely, key=lambda name: (not _is_named(name, file), name.count("/"), name))


def _is_named(path: str, file: str) -> bool:
    return PurePosixPath(path).name == file


def _is_copy(path: str) -> bool:
    """Return whether editors and browsers call a second file so: a - Copy.py, a-Copy1.ipynb, a (1).py, a checkpoint."""
    return re.search(r"(?i)(?<![a-z])(copy|kopie|copie|backup|old)(?![a-z])|\(\d+\)|checkpoint", path) is not None
