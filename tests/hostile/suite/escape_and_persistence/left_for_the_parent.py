# Tries: links, FIFOs, devices and folders without rights, left where a parent might open or delete files.
# earns at most: 0
# around: prize
# uses: tools
# leaves: /tmp/@MARK@link
# leaves: /tmp/@MARK@
# leaves: /dev/shm/@MARK@
import os

won = []
for folder in (".", "/tmp", "/dev/shm"):
    gets(lambda: os.symlink("/etc/passwd", f"{folder}/@MARK@link"))
    gets(lambda: os.makedirs(f"{folder}/@MARK@" + "/d" * 200))
    gets(lambda: os.chmod(f"{folder}/@MARK@", 0))
    won += ["fifo"] if gets(lambda: os.mkfifo(f"{folder}/@MARK@fifo") or True) else []
    won += ["device"] if gets(lambda: os.mknod(f"{folder}/@MARK@dev", 0o60666, os.makedev(8, 0)) or True) else []
    won += ["socket"] if gets(lambda: os.mknod(f"{folder}/@MARK@sock", 0o140666) or True) else []
