"""Versions of Python, numpy and BLAS. They are read before the student's code is loaded, so they can be trusted."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def versions() -> dict[str, Any]:
    """Return the versions of Python and numpy, and the name, kernel and thread count of numpy's BLAS. Without the
    package threadpoolctl, as on students' machines, the BLAS is reported as unknown."""
    try:
        from threadpoolctl import threadpool_info  # the sandbox has it with scikit-learn
    except ImportError:
        loaded: list[dict[str, Any]] = []
    else:
        loaded = threadpool_info()
    pools = [pool for pool in loaded if pool["user_api"] == "blas"]
    blas = min(pools, key=lambda pool: "numpy" not in pool["filepath"], default={})  # scipy bundles another BLAS
    return {
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "blas": f"{blas.get('internal_api', 'unknown')} {blas.get('version', '')}".strip(),
        "kernel": str(blas.get("architecture", "unknown")),
        "threads": int(blas.get("num_threads", 0)),
    }
