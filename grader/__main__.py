"""`python -m grader`, the same as the console script."""

from grader.cli import main

main()
