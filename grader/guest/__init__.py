"""The code that runs inside the sandbox. It imports no other package of the grader. Assume that students read it.

Nothing here is trusted: a student's code runs in the same process and can change all of it. Outside, the grader decodes
the messages of this process with `grader.guest.wire.decode`, validates them and judges the answers.

Terms in this package:
    entry points: The class, or the functions, that students implement and the grader calls.
    candidate: A file or notebook of the submission that may define the entry points.
    stand-in: A placeholder for a missing module or value. It raises when it is used.
    gap: A function that students should implement and that is still empty.
    row: An entry of the table that the module `structure` makes. It describes a statement of the student's code, or a
        part of one.
"""
