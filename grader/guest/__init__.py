"""What goes inside the sandbox. Imports nothing of ours; assume that every student reads it.

Nothing here is trusted: a student's code shares this process and can change all of it. What it sends is
looked at by `grader.guest.wire.decode` on the other side and by the checks; the verdict is formed there.
"""
