"""Find the faulty line of a submission behind a failed check."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from grader.kit.answer import Answer
from grader.kit.claim import NotRecorded
from grader.kit.lines.flow import (
    RAISED,
    UNKNOWN,
    Flow,
    Steps,
    TooManySteps,
    TracedStatement,
    flow_of,
    statements_of,
    texts,
)
from grader.kit.lines.origins import computed_at
from grader.kit.lines.suspects import Line, Suspects
from grader.kit.lines.values import RightValues
from grader.kit.student import Student
from grader.model import Died, Place, SourceLine, Stopped, Submission

MAX_LINE = 300


@dataclass(frozen=True)
class FollowedCall:
    """A call of the student's code that is repeated under tracing to find the faulty line behind a failed check."""

    make: Callable[[Student], Answer]
    right: Callable[[Any], Mapping[str, Any]]
    """Function (object with the right results) → numbers and arrays that right solutions compute in the call, by
    name."""
    roles: tuple[str, ...] = ()
    """Variable names with a fixed meaning, such as "W1": the student's `W1` or `grads['W1']` must equal a value
    that `right` returns under a name with W1."""
    sizes: tuple[str, ...] = ()
    """Names of integers with a fixed meaning, such as N: a student's integer `N` must equal the right value N. An array
    called `N` may have any value."""
    fault: Callable[[Flow], int | None] | None = None
    """Function (data flow of the call) → the event at fault, or None. It is asked first, for faults that outputs do not
    show, such as wrong batches of a training."""
    random: bool = False
    """True if the call computes random values, so that only shapes can be compared."""


@dataclass(frozen=True)
class Target:
    """The outputs of a traced call that a check judges."""

    call: FollowedCall
    outputs: Mapping[str, str]
    """Output → name of its right value. An output is "[1]['W1']" for a part of the answer, or "self.params['W1']" for
    an attribute after the call."""
    replaced: bool = False
    """True if the check itself replaces outputs of a wrong size by right values. Wrong sizes are then not at fault."""


class _FaultSearch(Suspects):
    """Searches a traced call for the event at fault for a failed check."""

    def fault(self, target: Target, lines: Sequence[Line]) -> int | None:
        """Return the event at fault for a failed check; None if it is not found.

        Args:
            target: The outputs that the check judges.
            lines: Descriptions of the faulty line, from the known mistakes that explain the failure. If there are any,
                only statements that match one of the descriptions are searched.
        """
        wrong = self._wrong_outputs(target)
        if lines:
            return self._of_lines(lines, wrong)
        flow = self.flow
        raised = flow.outputs.get(RAISED, ())
        find_fault = target.call.fault
        event = None
        if find_fault is not None and (wrong or raised or not target.outputs):
            event = find_fault(flow)
        if event is None and target.outputs:
            event = next(iter(self.ranked([RAISED] if raised else wrong)), None)
        if event is not None and event in raised:  # the missing value may be stored under another name
            misnamed = self.first_misnamed()
            return event if misnamed is None else misnamed
        return event

    def _of_lines(self, lines: Sequence[Line], wrong: Sequence[str]) -> int | None:
        """Return the event at fault by the first description that matches one; None if none does. `wrong` has the names
        of the wrong outputs."""
        for line in lines:
            event = self.of_line(line, wrong)
            if event is not None:
                names_value = any(description.computes for description in lines)
                return self.wrong_argument(computed_at(self.flow, event) if names_value else event)
        return None

    def _wrong_outputs(self, target: Target) -> list[str]:
        """Return the names of the missing outputs; if none is missing, those of the wrong outputs."""
        results, names = self.flow.results, target.outputs
        missing = [name for name in names if name not in results]
        if missing:
            return missing  # the others may be wrong because of an earlier check
        wrong = [n for n in names if not self.right.is_named(results[n], names[n])]
        return [n for n in wrong if not target.replaced or self.right.has_size_of(results[n], names[n])]


class Lines:
    """Finds the faulty lines of one submission. Each call is traced once."""

    def __init__(self, submission: Submission, student: Student, truth: Callable[[frozenset[str]], Any]) -> None:
        """Prepare the search. `truth` returns an object that computes right values with known mistakes."""
        self._submission, self._student, self._truth = submission, student, truth
        self._steps = Steps()
        self._ended = False
        """True after a traced call was stopped or ended the session. No other call is traced then."""
        self._traced, self._searched = cache(self._trace), cache(self._search)

    def find(
        self, targets: Sequence[Target], lines: Sequence[Line], charged: frozenset[str] = frozenset()
    ) -> SourceLine | None:
        """Return the faulty line behind a failed check; None if it is not found.

        Args:
            targets: The outputs that the check judges, with the calls that compute them, the likeliest first.
            lines: Descriptions of the faulty line, from the known mistakes that explain the failure.
            charged: Ids of the known mistakes of earlier checks. The values of right solutions with these mistakes are
                tried first, then those of right solutions.
        """
        truths = dict.fromkeys((charged, frozenset[str]()))
        descriptions_of_lines = dict.fromkeys((tuple(lines), ()))
        try:
            self._steps.spend(1)
            for mistakes, descriptions, target in itertools.product(truths, descriptions_of_lines, targets):
                search = self._searched(target.call, mistakes)
                event = None if search is None else search.fault(target, descriptions)
                if search is None or event is None or not 0 <= event < len(search.flow.rows):
                    continue
                statement = search.flow.at(event)
                if statement is not UNKNOWN:
                    return shown(self._submission, statement.place)
        except TooManySteps:  # of a made-up trace
            pass
        return None

    def _search(self, call: FollowedCall, mistakes: frozenset[str]) -> _FaultSearch | None:
        """Return a search in a traced call, by the values of right solutions with known mistakes; None if the call has
        no data flow or the values are unknown."""
        flow = self._traced(call)
        if flow is None:
            return None
        try:
            values = call.right(self._truth(mistakes))
        except NotRecorded:  # in a student's pack
            return None
        except Exception:
            if not mistakes:
                raise
            return None  # with a mistake, the computation may fail: for example, gradients have the wrong shapes
        return _FaultSearch(flow, RightValues(values, call.roles, call.sizes, random=call.random))

    def _trace(self, call: FollowedCall) -> Flow | None:
        """Repeat a call of the student's code under tracing, and return its data flow; None if there is none."""
        statements = self._statements  # first, since this request may end the session, which `begin` then starts again
        if self._ended:
            return None
        self._student.begin()
        answer = call.make(self._student)
        self._ended = isinstance(answer.failure, Died | Stopped)
        return flow_of(answer, statements, self._steps)

    @cached_property
    def _statements(self) -> list[TracedStatement]:
        self._student.begin()
        return statements_of(self._student.structure(), self._submission)


def shown(submission: Submission, place: Place) -> SourceLine | None:
    """Return the line at a place, with its text; None if the submission has no such line."""
    text = texts(submission).get(place.file)
    if text is None:
        return None
    lines = text.split("\n", place.line)
    if place.line > len(lines):
        return None
    return SourceLine(place.file, place.line, lines[place.line - 1].strip()[:MAX_LINE])
