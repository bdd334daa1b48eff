"""The code that runs inside the sandbox. It imports nothing else of the grader; assume that every student reads it.

Nothing here is trusted: a student's code shares the process and can change all of it. The grader decodes its messages
with `grader.guest.wire.decode`, checks them and forms the verdict outside.
"""
