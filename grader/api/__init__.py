"""The HTTP service: a JSON API for programs and pages for browsers. Only this package uses FastAPI.

Terms:

caller: the person who sends a request, with their roles and token (`identity.Caller`).
member: a student or member of staff of a course; admins count as members of all courses.
problem: an error response in the form of RFC 9457 (`problems.HttpProblem`). "Raise 404" in a docstring means a problem
    with that status.
view: a submission with its score, reduced to the information that the caller may see (`views.SubmissionView`).
offering: an assignment in a course, with its dates and rules.
stream: server-sent events about the grading of one submission.
"""
