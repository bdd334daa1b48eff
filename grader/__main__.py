"""`python -m grader` runs the same command as the console script `grader`."""

from grader.cli import main

main()
