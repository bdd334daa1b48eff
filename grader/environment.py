"""Under what a verdict was formed: it belongs into every report and into any cache key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from grader import __version__
from grader.guest.facts import facts as found_here
from grader.model import Environment

UNKNOWN = "unknown"
"""Where no code was run, or the sandbox did not say."""


def of(facts: Mapping[str, Any], isolation: str) -> Environment:
    """From what the guest said before anything of the student's was loaded."""
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
    """Where no session was started, for example because nothing was asked for."""
    return of({}, isolation)
