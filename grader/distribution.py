"""Find the distribution of the grader: the package, with its metadata, that pip installed."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions

NAME = "numgrader"
SCRIPT = "grader.cli:main"
"""Target of the console script `grader`. The grader's distribution is the one that has this script."""


def installed() -> Distribution | None:
    """Return the installed distribution with the console script `grader`; None if there is none."""
    for found in distributions():
        if any(point.group == "console_scripts" and point.value == SCRIPT for point in found.entry_points):
            return found
    return None
