"""The environment variables of sandboxes. They make OpenBLAS use the same kernel in a sandbox as in this process.

A kernel is OpenBLAS's code for a family of processors. Matrix products of two kernels may differ in their last bits.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from grader.guest.versions import versions
from grader.sandbox.launch import ENVIRONMENT

PASSED_ON = (
    "OPENBLAS_L2_SIZE",
    "OPENBLAS_BLOCK_FACTOR",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
)
"""Environment variables that sandboxes inherit. They choose the block sizes of OpenBLAS and the loops of numpy."""

OVERRIDE = "GRADER_SANDBOX_CORETYPE"
"""Environment variable for tests. It contains the name of another BLAS kernel to use in the sandbox."""


def environment() -> Mapping[str, str]:
    """Return all environment variables of a sandbox's process."""
    return ENVIRONMENT | variables(versions(), os.environ)


def variables(versions: Mapping[str, Any], outside: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables with which OpenBLAS and numpy compute the same in a sandbox as in this process.

    Args:
        versions: The versions in this process, as `grader.guest.versions.versions` returns them.
        outside: The environment variables of this process.
    """
    passed = {name: outside[name] for name in PASSED_ON if outside.get(name)}
    own_kernel = versions["kernel"] if versions["blas"].startswith("openblas") else ""
    kernel = outside.get(OVERRIDE) or own_kernel
    if re.fullmatch(r"[A-Za-z0-9_]{1,40}", kernel) and kernel != "unknown":
        passed["OPENBLAS_CORETYPE"] = kernel
    return passed
