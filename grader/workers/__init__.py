"""Workers take jobs from the queue, grade them in separate processes, and store the reports.

Terms:

job: a grading in the queue, with the files of its submission.
lease: a worker's temporary claim on a job, renewed by heartbeats. If the lease expires, the worker counts as dead.
ticket: a message to workers on other machines that a job is queued (`grader.store.procrastinate_jobs`).
compatibility key: a text that names the versions of grader, assignment and numpy, and a fingerprint of the secret; see
    `compatibility`.
pre-check: a grading that runs only the short checks of the code and gives no points. It comes first in the queue.
section: a group of checks that run in one sandbox session.
"""
