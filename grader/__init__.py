"""An autograder whose verdict is formed outside the student's process."""

__version__ = "0.1.0"
