"""Known mistakes and accepted interpretations of an assignment.

A known mistake consists of wrong code, a sentence to the student, and the ids of the checks that the code fails. If a
submission returns the same results as the wrong code, its report names the mistake. `grader certify` grades the wrong
code, to test the checks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, TypeVar

from grader.errors import BadAssignment
from grader.guest.changes import combined as combined
from grader.kit.claim import covers
from grader.kit.diagnosis import Interpretation, Mistake
from grader.kit.lines import Line

Change = TypeVar("Change", bound=Callable[..., Any])

_REGISTRY, _INTERPRETATIONS = "__mistakes__", "__interpretations__"
"""Names of the two module variables that hold the registered mistakes and interpretations of a mistakes.py."""


@dataclass(frozen=True)
class KnownMistake(Mistake):
    """A known mistake with its code."""

    change: Callable[..., Any] = object
    """A class that overrides methods of the reference's class, or a function that replaces a function of the
    reference."""
    of: str = ""
    """Name of the function or method that `change` replaces, if `change` is a function."""
    fails: tuple[str, ...] = ()
    """Ids of the checks or sections that lose points to the mistake. If empty, at least one check must lose points."""
    alike: tuple[str, ...] = ()
    """Ids of mistakes that a report may name instead, because no problem distinguishes them from this one."""


def mistake(
    sentence: str,
    *,
    fails: Sequence[str] = (),
    line: Line | Sequence[Line] = (),
    of: str = "",
    carries: bool = True,
    alike: Sequence[str] = (),
    topic: str = "",
    id: str = "",
) -> Callable[[Change], Change]:
    """Register the decorated function or class as a known mistake of the assignment.

    A function has the same parameters as the reference's function that it replaces. A class overrides methods of the
    reference's class. A class must call `super()` for everything else, because several mistakes are combined by
    inheritance. The mistake belongs to the module in which `mistake` is called. If no claim distinguishes two mistakes,
    reports name the one that is registered first, so register the more common one first.

    Args:
        sentence: What is wrong and how to fix it, for the student. It must be true of every submission whose answers
            match the mistake.
        fails: Ids of the checks ("q1.gradient") or sections ("q1") that lose points. `grader certify` verifies them. If
            empty, at least one check must lose points.
        line: Descriptions of the faulty line, the likeliest first. Needed only if a step was left out; other lines are
            found by their values.
        of: Name of the function or method of the reference that the decorated function replaces. Optional if students
            write only one function or method.
        carries: False if the mistake leaves nothing for later checks to build on, such as a net that returns constants.
        alike: Ids of mistakes that a report may name instead, because no problem distinguishes them from this one.
        topic: The part of the task that the mistake is about. A check with topics tries only mistakes of these topics.
        id: The mistake's id; by default the name of the function or class, in snake case.

    Returns:
        A decorator that returns the function or class unchanged.

    Raises:
        BadAssignment: If the sentence does not end with a full stop, exclamation mark or question mark.
    """
    module = sys._getframe(1).f_globals
    lines = (line,) if isinstance(line, Line) else tuple(line)
    if not sentence.rstrip().endswith((".", "!", "?")):
        raise BadAssignment(f"mistakes.py: the sentence {sentence!r} must end with a full stop")

    def register(change: Change) -> Change:
        name = id or _snake_case(change.__name__)
        registered_mistake = KnownMistake(name, topic, sentence, lines, carries, change, of, tuple(fails), tuple(alike))
        module.setdefault(_REGISTRY, []).append(registered_mistake)
        return change

    return register


@dataclass(frozen=True)
class KnownInterpretation(Interpretation):
    """An accepted interpretation of the task with its code."""

    change: Callable[..., Any] = object
    of: str = ""


def interpretation(remark: str, *, of: str = "", id: str = "") -> Callable[[Change], Change]:
    """Register the decorated function or class as an accepted interpretation of the task.

    A submission that consistently follows the interpretation is as right as the reference. A check with `settles=True`
    decides which interpretation a submission follows.

    Args:
        remark: The remark in reports on submissions that follow the interpretation.
        of: Name of the function or method of the reference that the decorated function replaces.
        id: The interpretation's id; by default the name of the function or class, in snake case.

    Returns:
        A decorator that returns the function or class unchanged.
    """
    module = sys._getframe(1).f_globals

    def register(change: Change) -> Change:
        meaning = KnownInterpretation(id or _snake_case(change.__name__), remark, change, of)
        module.setdefault(_INTERPRETATIONS, []).append(meaning)
        return change

    return register


def interpretations_of(module: ModuleType) -> tuple[KnownInterpretation, ...]:
    """Return the interpretations that a mistakes.py module has registered, in order."""
    return tuple(vars(module).get(_INTERPRETATIONS, ()))


def mistakes_of(module: ModuleType) -> tuple[KnownMistake, ...]:
    """Return the mistakes that a mistakes.py module has registered, in order."""
    return tuple(vars(module).get(_REGISTRY, ()))


def validate(
    mistakes: Sequence[KnownMistake], checks: Collection[str], replaceable: Collection[str], folder: str
) -> None:
    """Check that mistakes refer to existing checks, mistakes and functions.

    Args:
        mistakes: The mistakes to check.
        checks: Ids of all checks.
        replaceable: Names that `of` may name: functions of the reference, or methods of its class.
        folder: Name of the assignment's folder, for the message.

    Raises:
        BadAssignment: If a name or id does not exist or is not unique. The message names the mistake and says what to
            change.
    """
    ids = [mistake.id for mistake in mistakes]
    for mistake in mistakes:
        place = f"{folder}/mistakes.py: {mistake.id}"
        count = ids.count(mistake.id)
        if count > 1:
            raise BadAssignment(f"{place} is registered {count} times; rename all but one")
        for id in mistake.alike:
            if id not in ids:
                raise BadAssignment(f"{place} has {id!r} in alike=, which is no known mistake; correct the id")
        for id in mistake.fails:
            if any(covers(id, check) for check in checks):
                continue
            section = id.rpartition(".")[0]
            alternatives = [check for check in checks if check.rpartition(".")[0] == section] or checks
            raise BadAssignment(
                f"{place} has {id!r} in fails=, but assignment.toml gives points only to {', '.join(alternatives)}; "
                "correct the id in one of the files"
            )
        if not isinstance(mistake.change, type) and mistake.of not in replaceable:
            raise BadAssignment(
                f"{place} replaces {mistake.of!r}, which the reference does not have; "
                f"set of= to one of {', '.join(sorted(replaceable))}"
            )


def addressed(mistakes: Sequence[KnownMistake], entry_points: Sequence[str]) -> list[KnownMistake]:
    """Return the mistakes. If there is only one entry point, fill in its name where `of` is missing."""
    only = entry_points[0] if len(entry_points) == 1 else ""
    addressed_mistakes = []
    for mistake in mistakes:
        is_complete = mistake.of or isinstance(mistake.change, type)
        addressed_mistakes.append(mistake if is_complete else replace(mistake, of=only))
    return addressed_mistakes


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
