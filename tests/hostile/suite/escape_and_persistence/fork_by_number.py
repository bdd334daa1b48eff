# Tries: fork, vfork, clone and clone3 by number, with and without namespaces and threads' flags.
# earns at most: 0
# around: prize
# uses: tools
import os

won = []
for number, *arguments in ((57,), (58,), (56, 17), (56, 0x10000011), (56, 0x00010000 | 0x20000000 | 0x900), (435, bytes(88), 88)):
    got = gets(lambda: syscall(number, *arguments))
    if got == 0 and number != 435:
        os._exit(0)
    won += [number] if got is not None else []
