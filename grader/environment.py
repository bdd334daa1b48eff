"""Under what a verdict was formed: it belongs into every report and into any cache key."""

from __future__ import annotations

import platform
from functools import cache

import numpy as np

from grader import __version__
from grader.model import Environment


@cache
def facts(isolation: str) -> Environment:
    blas, kernel = _blas()
    return Environment(
        grader=__version__,
        python=platform.python_version(),
        numpy=np.__version__,
        blas=blas,
        kernel=kernel,
        threads=1,
        isolation=isolation,
    )


def _blas() -> tuple[str, str]:
    """The library's name and version, and the kernel that it has chosen for this processor."""
    from threadpoolctl import threadpool_info

    for library in threadpool_info():
        if library["user_api"] == "blas":
            return f"{library['internal_api']} {library['version']}", str(library.get("architecture", "unknown"))
    return "unknown", "unknown"
