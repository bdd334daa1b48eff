# Tries: a program of its own, and a library, written to /tmp and /dev/shm and run from there.
# earns at most: 0
# around: prize
# uses: tools
# leaves: /tmp/@MARK@.so
# leaves: /dev/shm/@MARK@.so
import ctypes
import mmap
import os

won = []
for folder in ("/tmp", "/dev/shm"):
    path = f"{folder}/@MARK@.so"
    open(path, "wb").write(open("/proc/self/exe" if os.path.exists("/proc/self/exe") else os.__file__, "rb").read())
    gets(lambda: os.chmod(path, 0o4777))
    won += [path] if gets(lambda: os.execv(path, [path])) else []
    won += [path] if gets(lambda: ctypes.CDLL(path)) else []
    with open(path, "rb") as file:
        won += [path] if gets(lambda: mmap.mmap(file.fileno(), 0, prot=mmap.PROT_EXEC | mmap.PROT_READ)) else []
