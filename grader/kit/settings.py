"""An assignment's manifest, for its own code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from grader.assignments.manifest import Manifest


def manifest(package: str) -> Manifest:
    """Return the manifest of the assignment whose module calls this.

    Args:
        package: `__package__` of the module.
    """
    found: Manifest = vars(sys.modules[package])["__manifest__"]
    return found


def settings(package: str) -> Mapping[str, Any]:
    """Return the table [settings] of the assignment whose module calls this.

    Args:
        package: `__package__` of the module.
    """
    return manifest(package).settings
