"""The author's kit: everything that an assignment's checks.py and mistakes.py are written with."""

from grader.kit.mistake import mistake

__all__ = ["mistake"]
