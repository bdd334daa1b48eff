"""The installed distribution that this package is part of."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions

NAME = "numgrader"
SCRIPT = "grader.cli:main"
"""The console script, by which an installed distribution is known."""


def installed() -> Distribution | None:
    """Return the distribution, or None if the package is not installed."""
    for found in distributions():
        if any(point.group == "console_scripts" and point.value == SCRIPT for point in found.entry_points):
            return found
    return None
