"""Mutation testing of an assignment's checks.

A mutant is a right solution with one small change. `operators` creates the mutants. `classify` decides without the
checks which mutants are wrong, by an oracle: code that compares a mutant with the right solution. `measure` grades the
mutants and compares both results, and `show` prints the figures.
"""
