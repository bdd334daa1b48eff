"""The environment of a grading, which every report contains: the versions and the BLAS kernel that the sandbox
reports."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from grader import __version__
from grader.guest.facts import facts as found_here
from grader.model import UNKNOWN, Environment


def of(facts: Mapping[str, Any], isolation: str) -> Environment:
    """Return the environment of a grading, from the facts that the guest reported before it loaded the student's
    code."""
    return Environment(
        grader=__version__,
        python=str(facts.get("python", UNKNOWN)),
        numpy=str(facts.get("numpy", UNKNOWN)),
        blas=str(facts.get("blas", UNKNOWN)),
        kernel=str(facts.get("kernel", UNKNOWN)),
        threads=int(facts.get("threads", 0)),
        isolation=isolation,
        grader_kernel=own_kernel(),
    )


@cache
def own_kernel() -> str:
    """Return the BLAS kernel of this process."""
    return str(found_here()["kernel"])


def unknown(isolation: str) -> Environment:
    """Return the environment of a grading that started no session."""
    return of({}, isolation)
