"""The author's API for an assignment's checks: `from grader import kit`.

Terms in this package:
    answer: The value that a call of the student's code returned, or the call's failure.
    truth: An object that computes the right results, for example `truth.loss(problem)`. A truth can contain known
        mistakes; it then computes what code with these mistakes returns.
    check: A generator function that calls the student's code and yields claims. In a report, a check is an item such as
        "q1.loss", which combines all claims with the same name.
    claim: A statement about the student's code. It has a name, and a function that compares answers with a truth and
        returns a verdict.
    charged: A known mistake is charged at the first check that fails because of it; only this check loses points.
    own answers: The student's own, possibly wrong, results of earlier calls. If a later result is right for these, its
        claim keeps its points, because the error comes from the earlier check.
    interpretation: One of several accepted meanings of the task.
    student's pack: The copy of the assignment with which students check their work before they submit. Instead of the
        reference, it contains recorded results of the truth.
"""

from grader.kit.answer import Answer as Answer
from grader.kit.check import check as check
from grader.kit.claim import Claim as Claim
from grader.kit.claim import claim as claim
from grader.kit.compare import agree as agree
from grader.kit.compare import array_of as array_of
from grader.kit.compare import ladder as ladder
from grader.kit.compare import near as near
from grader.kit.compare import numbers as numbers
from grader.kit.draws import Draw as Draw
from grader.kit.draws import until as until
from grader.kit.examples import around as around
from grader.kit.examples import examples as examples
from grader.kit.lines import Line as Line
from grader.kit.mistake import interpretation as interpretation
from grader.kit.mistake import mistake as mistake
from grader.kit.settings import settings as settings
from grader.kit.student import Student as Student
from grader.kit.verdict import Verdict as Verdict
from grader.kit.verdict import all_hold as all_hold
from grader.kit.verdict import because as because
from grader.kit.verdict import failed as failed
from grader.kit.verdict import passed as passed
