# Tries: command lines, environments, memory, files and folders of every process that can be seen.
# earns at most: 0
# around: prize
# uses: tools
import glob
import os

won = glob.glob("/proc/[0-9]*") + [pid for pid in range(2, 5000) if os.access(f"/proc/{pid}/environ", os.F_OK)]
for name in ("environ", "cmdline", "mem", "maps", "cwd", "root", "fd", "status", "task/1/children", "../1/cmdline"):
    won += [name] if gets(lambda: open(f"/proc/self/{name}", "rb").read(1)) else []
