# Tries: shared memory, semaphores and queues of System V and POSIX that would outlive the session.
# earns at most: 0
# around: prize
# uses: tools
# leaves: /dev/mqueue/@MARK@


key = int("@MARK@"[-7:], 16)
calls = [(29, key, 4096, 0o1666), (64, key, 1, 0o1666), (68, key, 0o1666), (240, b"@MARK@", 0o102, 0o666, None)]
calls += [(30, 0, None, 0), (31, 0, 0, None), (69, 0, b"x" * 16, 1, 0), (66, 0, 0, 0)]
won = [call[0] for call in calls if gets(lambda: syscall(*call)) is not None]
