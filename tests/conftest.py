"""What many tests need: the real assignment, the real sandbox, the real command, and hand-ins made of text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from grader import catalogue
from grader.catalogue import Assignment
from grader.intake import receive
from grader.model import Submission
from grader.sandbox.choose import choose
from grader.sandbox.contract import Sandbox
from grader.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Submit = Callable[[str], Submission]
MakeNotebook = Callable[..., bytes]


@pytest.fixture(scope="session")
def ps4() -> Assignment:
    return catalogue.load(ROOT / "reference" / "ps4")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Bubblewrap, and a failure where there is none: nothing is skipped."""
    chosen, _ = choose("bubblewrap", Settings().runtime)
    yield chosen
    chosen.close()


@pytest.fixture(scope="session")
def grader() -> Command:
    """Runs the installed command as a user would, and returns what it said and its exit code."""

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("GRADER_")}
        return subprocess.run(
            [str(Path(sys.executable).with_name("grader")), *map(str, arguments)],
            cwd=ROOT,
            env=ours | {"COLUMNS": "400"} | environment,
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture
def submit() -> Submit:
    """Source text → the submission that handing in this mlp.py makes."""

    def make(source: str) -> Submission:
        return receive("mlp.py", source.encode())

    return make


@pytest.fixture
def make_notebook() -> MakeNotebook:
    """("code" | "markdown", source) pairs → the bytes of a notebook."""

    def make(*cells: tuple[str, str | Sequence[str]]) -> bytes:
        rows = [{"cell_type": kind, "metadata": {}, "source": source} | _code(kind) for kind, source in cells]
        return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": rows}).encode()

    return make


def _code(kind: str) -> dict[str, object]:
    return {"execution_count": None, "outputs": []} if kind == "code" else {}


@pytest.fixture(scope="session")
def perfect() -> str:
    """The source of a right solution that knows nothing of the reference."""
    return (ROOT / "submissions" / "perfect" / "mlp.py").read_text("utf-8")
