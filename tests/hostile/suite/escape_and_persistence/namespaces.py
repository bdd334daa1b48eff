# Tries: new namespaces, and entering others'.
# earns at most: 0
# around: prize
# uses: tools
import os

won = [f for f in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x8000000, 0x4000000, 0x2000000, 0x80, 0x400, 0x200)
       if gets(lambda: syscall(272, f)) is not None]
won += [n for n in ("user", "mnt", "pid") if gets(lambda: syscall(308, os.open(f"/proc/1/ns/{n}", 0), 0)) is not None]
won += ["setns 3"] if gets(lambda: syscall(308, 3, 0)) is not None else []
