"""Right results of a reference that runs in a sandbox, in the Python environment of its assignment (`[runtime]`).

The grader knows such a reference, and its mistakes.py, only by their outlines. A session loads the reference like a
submission, and puts known mistakes, an interpretation or functions of a student into it (`Guest.change`).
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import BadAssignment
from grader.kit.answer import Answer, explain
from grader.kit.calls import Episode, Plain, mapped, play
from grader.kit.diagnosis import Assumptions, Truths
from grader.kit.mistake import KnownInterpretation, KnownMistake
from grader.kit.reference_truth import RAISED, Namespace, ReferenceTruth
from grader.kit.student import Student
from grader.model import Submission
from grader.sandbox.contract import Sandbox

if TYPE_CHECKING:
    from grader.assignments.catalogue import Assignment

SESSION_CPU_SECONDS = 1e6
"""Limit on the CPU seconds of a session, which serves many submissions."""
_KIT = b"def __getattr__(_name):\n    return lambda *_arguments, **_options: lambda change: change\n"
"""Source of the module `grader.kit` in the session, where mistakes.py registers nothing."""


def outline(file: Path) -> ModuleType:
    """Return a module with the functions and classes of a file, but without their code, which may need packages that
    the grader does not have. Decorators of the kit are called, so the known mistakes of a mistakes.py are registered.

    Raises:
        Exception: Any exception of the parser, or of the decorators.
    """
    lines = ["from grader import kit", *_definitions(ast.parse(file.read_text("utf-8")).body, "")]
    module = ModuleType(file.stem)
    exec(compile("\n".join(lines), str(file), "exec"), vars(module))  # noqa: S102  the author's decorators
    return module


def _definitions(body: Sequence[ast.stmt], indent: str) -> Iterator[str]:
    """Yield the lines of functions without parameters and code, and of classes with their methods alone."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            decorators = map(ast.unparse, node.decorator_list)
            yield from (f"{indent}@{decorator}" for decorator in decorators if decorator.startswith("kit."))
            yield f"{indent}{'class' if isinstance(node, ast.ClassDef) else 'def'} {node.name}():"
            yield f"{indent} pass"
        if isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, f"{indent} ")


def sandboxed_truths(assignment: Assignment, sandbox: Sandbox) -> tuple[Truths, Callable[[], None]]:
    """Return a function that creates truths: objects that compute right results with a reference, known by its outline,
    in a session of a sandbox. Return also a function that ends this session until it is needed again."""
    names: dict[str, list[str]] = {}
    for change in (*assignment.mistakes, *assignment.interpretations):
        if isinstance(change, KnownMistake | KnownInterpretation):
            names[change.id] = [change.change.__name__, change.of]
    package = {f"assignment/{file.name}": file.read_bytes() for file in assignment.folder.glob("*.py")}
    session = Student(
        Submission({"reference.py": b"from assignment.reference import *\n"}, (), ""),
        sandbox,
        assignment.entry_points,
        ["reference.py"],
        replace(assignment.limits, session_cpu_seconds=SESSION_CPU_SECONDS),
        {},
        {**assignment.modules, **package, "grader/kit.py": _KIT},
    )
    using = threading.Lock()

    def truth(meaning: str, assumed: Assumptions) -> SandboxedTruth:
        changes = [names[id] for id in [*filter(None, [meaning]), *sorted(assumed)]]
        return SandboxedTruth(vars(assignment.reference_module), session, using, changes)

    def rest() -> None:
        with using:
            session.rest()

    return truth, rest


class SandboxedTruth(ReferenceTruth):
    """Computes right results with a reference in a sandbox.

    Args:
        namespace: The outline of the reference: its functions, or its class, by name.
        session: The reference, as a submission.
        using: A lock of the session, since several threads grade at the same time.
        changes: Changes of the reference, as for `Guest.change`.
    """

    def __init__(self, namespace: Namespace, session: Student, using: threading.Lock, changes: Any) -> None:
        super().__init__(namespace)
        self._session, self._using, self._changes = session, using, changes
        self._functions: Namespace = {}
        """Functions of the student that take the place of the reference's, by name."""

    def changed(self, make: Callable[[Namespace], Namespace]) -> SandboxedTruth:
        """Return the truth of a reference in which functions are the student's. A class with the student's methods
        raises in every episode."""
        truth = SandboxedTruth(self.namespace, self._session, self._using, self._changes)
        truth._functions = make(self.namespace)
        return truth

    def _run(self, episode: Episode) -> dict[str, Plain]:
        """Run an episode. Each time that the reference calls a student's function for which there is no answer, ask the
        student's code, and run the episode again.

        Raises:
            BadAssignment: If the reference cannot be loaded.
        """
        session, student_answers = self._session, list[Plain]()
        while True:
            with self._using:
                session.start_anew()
                session.begin()
                if session.load_failure is not None:
                    raise BadAssignment(f"the reference does not run in its [runtime]: {explain(session.load_failure)}")
                session.change(session.entry_points.names, self._changes, [*self._functions], student_answers)
                played = play(session, replace(episode, judged=""))
                session.pipeline.send_all()  # before another truth uses the session
            for answer in (*played.answers, *played.state.values()):
                if answer.failure is not None:
                    return {RAISED: explain(answer.failure)}
            answers, state = mapped((played.answers, played.state), Answer, lambda answer: answer.value)
            match answers:
                case [*_, ["(call of a student's function)", name, kwargs, *args]]:
                    answer = self._functions[name](*args, **kwargs)
                    student_answers.append(mapped(answer, np.generic, np.generic.item))
                case _:
                    attributes = {name: state.pop(f"self.{name}") for name in episode.attributes}
                    return {"answers": answers, "attributes": attributes, "arrays": state}
