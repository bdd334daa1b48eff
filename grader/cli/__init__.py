"""The command line."""

from typing import NoReturn


def main() -> NoReturn:
    """Run the command `grader`; the entry point of the console script."""
    from grader.cli.app import run

    run()
