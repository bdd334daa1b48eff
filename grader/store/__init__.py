"""The database: courses, people, submissions, gradings and marks. Only this package uses SQL.

Terms:

submission: the files that one or more authors submitted for an assignment of a course, at one time.
grading: one run of the grader on a submission; a job of the queue. A submission has several gradings if it is regraded.
    The grading that counts gives the submission its points.
kind: a submission is either a full one or a pre-check, which runs only the checks of the code and gives no points.
offering: an assignment in a course, with its dates and rules.
lease: a worker's temporary claim on a grading, which heartbeats renew.
compatibility key: identifies versions of grader, assignment and numpy. Workers only take gradings with matching keys.
fairness key: the person that a grading is queued for. Gradings with different fairness keys take turns.
mark: points that a person gives to a written answer or a check.
rubric item: a reason for points, such as a common mistake, that markers apply to answers.
"""
