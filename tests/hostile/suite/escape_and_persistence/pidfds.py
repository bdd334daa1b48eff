# Tries: handles on processes: pidfd_open, pidfd_getfd, pidfd_send_signal, process_madvise, kcmp.
# earns at most: 0
# around: prize
# uses: tools
import os

won = [n for n in (434, 438, 424, 440, 448, 312) if gets(lambda: syscall(n, 1, 0, 0, 0, 0, 0)) is not None]
