"""The command `grader` and its subcommands, imported lazily: each command imports its libraries when it is called."""

from typing import NoReturn


def main() -> NoReturn:
    """Run the command `grader`. This is the entry point of the console script."""
    from grader.cli.app import run

    run()
