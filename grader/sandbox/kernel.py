"""The environment variables that give a sandbox the BLAS kernel of this process.

OpenBLAS chooses a kernel by the processor, or by environment variables. A sandbox does not inherit the environment.
Without these variables, its OpenBLAS may choose another kernel, and every matrix product may differ in its last bits.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from grader.guest.facts import facts
from grader.sandbox.contract import ENVIRONMENT

PASSED_ON = (
    "OPENBLAS_L2_SIZE",
    "OPENBLAS_BLOCK_FACTOR",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
)
"""Environment variables by which OpenBLAS chooses block sizes, and numpy chooses loops."""

OVERRIDE = "GRADER_SANDBOX_CORETYPE"
"""Environment variable with the BLAS kernel inside the sandbox, for tests. It is not in `Settings`, which belong to a
layer above sandboxes."""


def environment() -> Mapping[str, str]:
    """Return all environment variables of a sandbox's process."""
    return ENVIRONMENT | variables(facts(), os.environ)


def variables(here: Mapping[str, Any], outside: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables with which a sandbox's OpenBLAS and numpy compute as this process does.

    Args:
        here: The facts about this process, as `grader.guest.facts.facts` returns them.
        outside: The environment variables of this process.

    OpenBLAS accepts the reported name of a kernel as a choice. Another BLAS ignores the choice, and an OpenBLAS without
    that kernel chooses one itself; the report names the kernel that ran.
    """
    passed = {name: outside[name] for name in PASSED_ON if outside.get(name)}
    kernel = outside.get(OVERRIDE) or (here["kernel"] if here["blas"].startswith("openblas") else "")
    if re.fullmatch(r"[A-Za-z0-9_]{1,40}", kernel) and kernel != "unknown":
        passed["OPENBLAS_CORETYPE"] = kernel
    return passed
