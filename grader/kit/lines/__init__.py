"""Find the faulty line behind a failed check, from the data flow of one call of the student's code.

The sandbox reports which statements ran and what they read, wrote and computed (`grader.guest.tracing`). The fault is
the first statement that leads to a wrong output, reads right values and computes a wrong one.

Terms in this package:
    event: One execution of a statement, identified by a number. Its sources are the earlier events whose values it
        reads.
    event at fault: The event whose line is shown to the student.
    flow: All events of one call.
    right value: A value that right solutions compute during the call.
    exonerated: Not at fault. An event is exonerated if its value is right, or is used to compute a right value.
    output: A part of the call's answer, or an attribute of the object after the call.
    role: A name with a fixed meaning, such as W1. A variable or dict entry with this name must equal a right value that
        has W1 in its name: `grads['W1']` must be the right gradient of W1.
"""

from grader.kit.lines.finder import FollowedCall as FollowedCall
from grader.kit.lines.finder import Lines as Lines
from grader.kit.lines.finder import Target as Target
from grader.kit.lines.suspects import Line as Line
from grader.kit.lines.values import misapplied as misapplied
