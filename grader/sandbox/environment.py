"""The environment that a report states: the versions and the BLAS kernel with which a submission was graded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from grader import __version__
from grader.guest.versions import versions as versions_here
from grader.model import UNKNOWN, Environment


def of(versions: Mapping[str, Any], isolation: str) -> Environment:
    """Return the environment for a report.

    Args:
        versions: `Session.versions`, or {} if no session was started.
        isolation: Name of the sandbox.
    """
    texts = {name: str(versions.get(name, UNKNOWN)) for name in ("python", "numpy", "blas", "kernel")}
    threads = int(versions.get("threads", 0))
    return Environment(__version__, **texts, threads=threads, isolation=isolation, grader_kernel=own_kernel())


@cache
def own_kernel() -> str:
    """Return the BLAS kernel of this process, for example "Haswell"."""
    return str(versions_here()["kernel"])
