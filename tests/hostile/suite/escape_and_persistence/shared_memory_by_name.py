# Tries: shared memory by name that the next session, or a program outside, would find.
# earns at most: 0
# around: prize
# uses: tools
# leaves: /dev/shm/@MARK@
# leaves: /dev/shm/sem.@MARK@
from multiprocessing import shared_memory

area = gets(lambda: shared_memory.SharedMemory("@MARK@", create=True, size=4096))
if area:
    area.buf[:7] = b"@MARK@"[:7]
gets(lambda: open("/dev/shm/sem.@MARK@", "wb").write(b"@MARK@"))
won = []  # it has a /dev/shm of its own; what matters is that nobody else finds it
