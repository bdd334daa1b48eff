# Tries: code of libraries that all processes map made writable, and written.
# earns at most: 0
# around: prize
# uses: tools
import ctypes

address = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p).value & ~4095
gets(lambda: syscall(10, address, 4096, 7))  # mprotect: its own copy
ctypes.memmove(address, ctypes.string_at(address, 64), 64)
won = []  # the next session must compute as before; see what follows
