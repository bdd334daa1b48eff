"""The entry points of an assignment: the class, or the functions, that students implement and the grader calls. The
grader and the sandbox share this module."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class EntryPoints:
    """The class or the functions that students implement."""

    kind: Literal["class", "functions"]
    names: tuple[str, ...]
    """The accepted names of the class, the preferred name first; for functions, the names of all functions."""
    methods: tuple[str, ...] = ()
    """Names of the class's methods, as given by the assignment."""

    @property
    def of_class(self) -> bool:
        """True for a class, False for functions."""
        return self.kind == "class"

    @property
    def what(self) -> str:
        """A phrase for messages, such as "a class Line" or "f or g"."""
        if self.of_class:
            return f"a class {self.names[0]}"
        return " or ".join(self.names)

    def plain(self) -> list[Any]:
        """Return the entry points as plain data for a request to the sandbox."""
        return [self.kind, list(self.names), list(self.methods)]

    @classmethod
    def read(cls, plain: Sequence[Any]) -> EntryPoints:
        """Return the entry points from the plain data of a request."""
        kind, names, methods = plain
        return cls(kind, tuple(names), tuple(methods))

    def definition(self) -> str:
        """Return a regular expression that matches the start of a definition, such as "class Line". It matches all
        accepted names; its last group is the name."""
        keyword = "class" if self.of_class else "(?:async[ \t]+)?def"
        return rf"{keyword}[ \t]+({'|'.join(map(re.escape, self.names))})\b"

    def lacking(self, defined: Container[str]) -> tuple[str, ...]:
        """Return the names of the functions that are missing from `defined`. For a class, return () if any accepted
        name is in `defined`, and otherwise the preferred name."""
        missing = [name for name in self.names if name not in defined]
        if self.of_class:
            return self.names[:1] if len(missing) == len(self.names) else ()
        return tuple(missing)
