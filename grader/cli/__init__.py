"""The command line."""

from typing import NoReturn


def main() -> NoReturn:
    """Run the command `grader`. This is the console script."""
    from grader.cli.app import run

    run()
