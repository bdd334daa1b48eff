"""Mutation testing of an assignment's checks.

A mutant is a right solution with one small change. `operators` creates the mutants. `classify` finds out which mutants
are wrong, without using the checks: an oracle compares each mutant with the right solution. `measure` grades the
mutants with the checks and compares both results, and `show` prints the figures.
"""
