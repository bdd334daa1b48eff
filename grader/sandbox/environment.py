"""The environment that a report states: the versions and the BLAS kernel with which a submission was graded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from grader import __version__
from grader.guest.facts import facts as found_here
from grader.model import UNKNOWN, Environment


def of(facts: Mapping[str, Any], isolation: str) -> Environment:
    """Return the environment for a report. `facts` is `Session.facts`, or {} if no session was started. `isolation` is
    the name of the sandbox."""
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
    """Return the BLAS kernel of this process, for example "Haswell"."""
    return str(found_here()["kernel"])
