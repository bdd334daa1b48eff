"""Mutation testing of an assignment's checks.

`operators` makes mutants of right solutions, `classify` finds out without the checks which of them are wrong, `measure`
grades them and compares, and `show` prints the figures.
"""
