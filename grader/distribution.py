"""Find the distribution of the grader: the package, with its metadata, that pip installed."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions

NAME = "numgrader"
SCRIPT = "grader.cli:main"
"""Target of the console script `grader`. The grader's distribution is the one that has this script."""


def installed() -> Distribution | None:
    """Return the installed distribution with the console script `grader`; None if there is none."""
    for distribution in distributions():
        scripts = distribution.entry_points.select(group="console_scripts")
        if SCRIPT in [script.value for script in scripts]:
            return distribution
    return None
