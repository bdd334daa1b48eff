"""Find the line of a student's file that a failed check is about, from the data flow of one call.

The sandbox reports which statements ran and what they read, wrote and computed (`grader.guest.tracing`). A value that a
right solution computes as well exonerates the statement that computed it, and everything that flowed into it. The fault
is the first statement on the way to a wrong output that gets right values and computes one that is not right. The
text of a line is read from the submission itself.
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
