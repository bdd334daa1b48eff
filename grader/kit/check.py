"""The decorator that turns a function into a check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import signature
from typing import Any

from grader.kit.claim import Claim
from grader.kit.draws import Each
from grader.kit.expect import Expectations
from grader.kit.student import Student


@dataclass(frozen=True)
class Check:
    """A check of an assignment, created by the decorator `check`."""

    section: str
    """Id of the section in assignment.toml that gives the points of this check's claims."""
    run: Callable[..., Any]
    each: Each | None
    handout: bool
    settles: bool
    topics: tuple[str, ...]
    title: str
    """Title in reports. {name} in it stands for the name of the claims."""
    builds_on: Mapping[str, str]
    """Ids of earlier checks or sections → the name of the function that each judges."""
    long: bool = False
    """True if the manifest lists the check as long. It then runs in a separate session, in parallel with other
    sections."""
    up_to: str = ""
    """Default `up_to` of the check's comparisons. `grader certify` tries each value, to suggest one."""

    @property
    def name(self) -> str:
        return f"{self.section}:{self.run.__name__}"

    @cached_property
    def _expects(self) -> bool:
        """True if the check is a function of `ask`, `ref` and `expect`."""
        return next(iter(signature(self.run).parameters)) == "ask"

    def claims(self, student: Student, truth: Any, *problem: Any) -> Iterator[Claim]:
        """Run the check on one of its problems, and yield its claims. `truth` computes right results."""
        if not self._expects:
            claims = self.run(student, *problem)
        else:
            arguments = problem[0] if problem and isinstance(problem[0], tuple) else problem
            claims = Expectations(self.run, arguments, student, truth, self.builds_on, self.up_to).claims()
        for claim in claims:
            yield replace(claim, check=self.name, topics=self.topics)


def check(
    section: str,
    *,
    each: Each | None = None,
    handout: bool = False,
    settles: bool = False,
    topics: tuple[str, ...] = (),
    builds_on: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Check]:
    """Turn a function into a check: `def f(ask, ref, expect, *problem)`, which calls `expect` (`grader.kit.expect`), or
    a generator function `def f(student, problem)`, which yields claims.

    The first line of its docstring is the title in reports: the thing that is judged, such as "Gradient of {name},
    fresh problems". {name} stands for the name of the claims.

    Args:
        section: Id of the section in assignment.toml that gives the check's points, for example "q1".
        each: Function (draw, truth) → problems. The check runs once for each problem. A tuple becomes several
            arguments of a function with `expect`. Without `each` the check runs once, without a problem.
        handout: True for a check that the handout itself describes. `grader check --only handout` runs only these.
        settles: True if the check's section decides which interpretation of the assignment a submission follows. If
            several fit equally well, the next section with such a check decides.
        topics: Topics of the known mistakes to try as the cause of a failure. If empty, all mistakes are tried.
        builds_on: Ids of earlier checks or sections → the name of the function that each judges. If one of these has
            lost points, the student's own function takes the place of the reference's. Only for checks with `expect`.

    Returns:
        A decorator that returns a `Check`.
    """

    def wrap(run: Callable[..., Any]) -> Check:
        title = (run.__doc__ or run.__name__).strip().partition("\n")[0]
        return Check(section, run, each, handout, settles, topics, title, builds_on or {})

    return wrap
