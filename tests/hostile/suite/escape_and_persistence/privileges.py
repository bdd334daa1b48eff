# Tries: another user, capabilities, groups, keyrings and limits.
# earns at most: 0
# around: prize
# uses: tools
import resource

calls = [(105, 0), (106, 0), (113, 0, 0), (114, 0, 0), (117, 0, 0, 0), (119, 0, 0, 0), (116, 0, None), (122, 0), (123, 0)]
calls += [(126, bytes(8), b"\xff" * 24), (250, 0, -3, 1), (248, b"user", b"@MARK@", b"x", 1, -3), (160, 9, b"\xff" * 16)]
calls += [(302, 0, 7, b"\xff\xff\0\0\0\0\0\0" * 2, None), (141, 0, 0, -20), (203, 0, 8, b"\1" + bytes(7)), (251, 1, 0, 0)]
won = [call[0] for call in calls if gets(lambda: syscall(*call)) is not None]
lower = resource.getrlimit(resource.RLIMIT_NPROC)[0] - 1
won += [lower] if gets(lambda: syscall(160, 6, lower.to_bytes(8, "little") * 2)) is not None else []
