# Tries: abstract sockets, pairs, vsock and netlink, to be found by others by name.
# earns at most: 0
# around: prize
# uses: tools
import socket

won = [f for f in (1, 2, 10, 16, 17, 31, 38, 40) for kind in (1, 2, 3, 5) if gets(lambda: syscall(41, f, kind, 0)) is not None]
won += ["pair"] if gets(socket.socketpair) else []
won += [n for n in (49, 42, 50, 43, 288, 51, 52, 54, 55, 48) if gets(lambda: syscall(n, 3, b"\1\0\0@MARK@", 20, 0, 0)) is not None]
