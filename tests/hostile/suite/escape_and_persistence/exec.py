# Tries: another program in this one's place, by path, by descriptor and by an anonymous file.
# earns at most: 0
# around: prize
# uses: tools
import os

program = os.open("/usr/bin/true", os.O_RDONLY)
memory = gets(lambda: os.memfd_create("@MARK@"))
won = [memory] if memory is not None else []
for attempt in (
    lambda: os.execv("/usr/bin/true", ["true"]),
    lambda: os.execve(program, ["true"], {}),
    lambda: syscall(322, program, b"", None, None, 0x1000),  # execveat
    lambda: syscall(59, b"/bin/sh", None, None),
):
    won += [True] if gets(attempt) is not None else []
