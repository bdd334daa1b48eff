"""The installed distribution that this package is part of."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions

NAME = "numgrader"
SCRIPT = "grader.cli:main"
"""Target of the console script `grader`. The installed distribution is found by it."""


def installed() -> Distribution | None:
    """Return the installed distribution that has this package's console script, or None."""
    for found in distributions():
        if any(point.group == "console_scripts" and point.value == SCRIPT for point in found.entry_points):
            return found
    return None
