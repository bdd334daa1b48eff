"""Functions with which an assignment's modules read the assignment's manifest, assignment.toml."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from grader.assignments.manifest import Manifest


def manifest(package: str) -> Manifest:
    """Return the manifest, assignment.toml, of the assignment that a module belongs to.

    Args:
        package: `__package__` of the module.
    """
    its_manifest: Manifest = vars(sys.modules[package])["__manifest__"]
    return its_manifest


def settings(package: str) -> Mapping[str, Any]:
    """Return the table [settings] in assignment.toml of the assignment that a module belongs to.

    Args:
        package: `__package__` of the module.
    """
    return manifest(package).settings
