"""Workers take jobs from the queue, grade them in separate processes, and store the reports.

Terms:

job: a grading in the queue, with the files of its submission.
lease: a worker's temporary claim on a job. Heartbeats renew the lease; a worker whose lease expired counts as dead.
ticket: a message to workers on other machines that a job is queued (`grader.store.tickets`).
compatibility key: identifies the versions of grader, assignment and numpy; see `compatibility`.
pre-check: a grading of the code alone, which has priority over other gradings.
section: a group of checks that run in one sandbox session.
"""
