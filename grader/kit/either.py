"""Claims that pass in any of several accepted ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from grader.kit.claim import Claim, Verdict


def either(*ways: Iterable[Claim]) -> Iterator[Claim]:
    """Yield claims that pass if any alternative passes, for choices that the handout leaves open.

    Args:
        ways: The claims of each alternative. All alternatives have the same claims in the same order.

    Returns:
        The claims. If no alternative passes, the verdict of the first alternative counts.

    Raises:
        ValueError: If the alternatives have different numbers of claims.
    """
    for first, *others in zip(*ways, strict=True):
        claims = [first, *others]
        own, work = ([c.own for c in claims if c.own], [c.own_work for c in claims if c.own_work])
        yield replace(
            first,
            judge=partial(_first_that_holds, [c.judge for c in claims]),
            own=partial(_first_that_holds, own) if own else None,
            own_work=partial(_first_that_holds, work) if work else None,
        )


def _first_that_holds(judges: Sequence[Callable[..., Verdict]], *arguments: Any) -> Verdict:
    first = judges[0](*arguments)
    if first.holds:
        return first
    others = (judge(*arguments) for judge in judges[1:])
    return next((verdict for verdict in others if verdict.holds), first)
