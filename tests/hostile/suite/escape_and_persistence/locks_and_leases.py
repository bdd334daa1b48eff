# Tries: locks and leases on files of the runtime, to stop others who open them.
# earns at most: 0
# around: prize
# uses: tools
import fcntl
import os

won = []
for path in (os.__file__, "/rt/pyvenv.cfg", "/g/guest/serve.py"):
    fd = gets(lambda: os.open(path, os.O_RDONLY))
    if fd is not None:
        won += [path] if gets(lambda: fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK) or True) else []
        gets(lambda: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB))
        gets(lambda: fcntl.fcntl(fd, fcntl.F_NOTIFY, 0x8000003F))
        gets(lambda: fcntl.fcntl(fd, fcntl.F_SETOWN, -1))
