"""The names that an assignment asks for: one class, or several functions. Shared by the grader and the sandbox."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class EntryPoints:
    """One class, or several functions."""

    kind: Literal["class", "functions"]
    names: tuple[str, ...]
    """Accepted names of the class, the right one first; or the names of all functions."""
    methods: tuple[str, ...] = ()
    """Of the class, as far as the assignment names them."""

    @property
    def of_class(self) -> bool:
        return self.kind == "class"

    @property
    def what(self) -> str:
        """Return what is asked for, for messages: "a class Line", "f or g"."""
        return f"a class {self.names[0]}" if self.of_class else " or ".join(self.names)

    def plain(self) -> list[Any]:
        """Return the request's form of it."""
        return [self.kind, list(self.names), list(self.methods)]

    @classmethod
    def read(cls, plain: Sequence[Any]) -> EntryPoints:
        kind, names, methods = plain
        return cls("class" if kind == "class" else "functions", tuple(names), tuple(methods))

    def definition(self, names: Sequence[str] = ()) -> str:
        """Return a pattern of the beginning of a definition; its last group is the name."""
        keyword = "class" if self.of_class else "(?:async[ \t]+)?def"
        return rf"{keyword}[ \t]+({'|'.join(map(re.escape, names or self.names))})\b"

    def lacking(self, found: Container[str]) -> tuple[str, ...]:
        """Return the names that are still needed beside what was found."""
        missing = [name for name in self.names if name not in found]
        if self.of_class:
            return self.names[:1] if len(missing) == len(self.names) else ()
        return tuple(missing)
