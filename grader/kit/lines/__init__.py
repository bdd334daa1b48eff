"""Find the line of a student's file that made a check fail, from the data flow of one call.

The sandbox reports which statements ran and what they read, wrote and computed (`grader.guest.tracing`). At fault is
the first statement that reads right values, computes a wrong one, and leads to a wrong output.

Terms in this package:
    event: One execution of a statement. Its sources are the earlier events whose values it reads.
    flow: All events of one call.
    right value: A value that a right solution computes too.
    exonerated: Not at fault. An event is exonerated if its value is right, or is used to compute a right value.
    output: A part of the call's answer, or an attribute of the object after the call.
    role: A variable or dict entry named `W1` has the role W1: its value must be the right value of that name.
"""

from grader.kit.lines.batches import Batches
from grader.kit.lines.finder import FollowedCall, FoundLine, Lines, Target
from grader.kit.lines.suspects import Line
from grader.kit.lines.values import AT_ANOTHER_TIME, OTHER, PARTIAL, misapplied

__all__ = [
    "AT_ANOTHER_TIME",
    "OTHER",
    "PARTIAL",
    "Batches",
    "FollowedCall",
    "FoundLine",
    "Line",
    "Lines",
    "Target",
    "misapplied",
]
