"""Mutation testing of an assignment's checks: solutions with one fault each, classified without the checks, graded with
them.

`operators` makes mutants of a source file, `classify` asks the assignment's oracle about each in a process with limits,
`measure` grades them and compares, `show` prints the figures.
"""
