"""Right results of a reference that runs in a sandbox, in the Python environment of its assignment (`[runtime]`).

The grader knows such a reference, and its mistakes.py, only by their outlines. A session loads the reference like a
submission, and puts known mistakes, an interpretation or the student's functions into it (`Guest.change`).
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
"""Source of the module `grader.kit` in the session. Its decorators do nothing: only the outline registers mistakes."""


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
    """Yield source lines that define the same functions and classes, but without parameters and code."""
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
    definitions: dict[str, list[str]] = {}
    for change in (*assignment.mistakes, *assignment.interpretations):
        if isinstance(change, KnownMistake | KnownInterpretation):
            definitions[change.id] = [change.change.__name__, change.of]
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
    session_lock = threading.Lock()

    def truth(meaning: str, assumed: Assumptions) -> SandboxedTruth:
        changes = [definitions[id] for id in [*filter(None, [meaning]), *sorted(assumed)]]
        return SandboxedTruth(vars(assignment.reference_module), session, session_lock, changes)

    def rest() -> None:
        with session_lock:
            session.rest()

    return truth, rest


class SandboxedTruth(ReferenceTruth):
    """Computes right results with a reference in a sandbox.

    Args:
        namespace: The outline of the reference: its functions, or its class, by name.
        session: The session in which the reference is loaded like a submission.
        session_lock: Lock for the use of the session, since several threads grade at the same time.
        changes: Changes of the reference, as for `Guest.change`.
    """

    def __init__(self, namespace: Namespace, session: Student, session_lock: threading.Lock, changes: Any) -> None:
        super().__init__(namespace)
        self._session, self._session_lock, self._changes = session, session_lock, changes
        self._functions: Namespace = {}
        """The student's functions that replace the reference's, by name."""

    def changed(self, make: Callable[[Namespace], Namespace]) -> SandboxedTruth:
        """Return the truth of a reference in which functions are replaced by the student's. For a class this is not
        supported: every episode of the new truth raises."""
        truth = SandboxedTruth(self.namespace, self._session, self._session_lock, self._changes)
        truth._functions = make(self.namespace)
        return truth

    def _run(self, episode: Episode) -> dict[str, Plain]:
        """Run an episode. Whenever the reference calls a student's function whose answer is not known yet, call the
        student's code, and run the episode again with the answer.

        Raises:
            BadAssignment: If the reference cannot be loaded.
        """
        session, student_answers = self._session, list[Plain]()
        while True:
            with self._session_lock:
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
