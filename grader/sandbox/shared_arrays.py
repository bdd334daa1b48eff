"""Arrays in files that the processes of a sandbox map into memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from grader.sandbox.contract import Array

File = TypeVar("File")


class SharedArrays(Generic[File]):
    """Arrays in files. Each array is written once for all sessions. Thread-safe."""

    def __init__(self, write: Callable[[Array], File]) -> None:
        """Create the store. `write` writes an array to a new file, and returns the file's path or descriptor."""
        self._write = write
        self._writing = threading.Lock()
        self._arrays: list[Array] = []
        """The arrays in `files`, so that their ids are not reused."""
        self.files: dict[int, File] = {}
        """id of an array → its file."""

    def share(self, array: Array) -> File:
        """Return the array's file. Write it if this is the first call for the array."""
        with self._writing:
            if id(array) not in self.files:
                self.files[id(array)] = self._write(array)
                self._arrays.append(array)
            return self.files[id(array)]
