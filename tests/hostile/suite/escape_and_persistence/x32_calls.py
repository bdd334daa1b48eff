# Tries: system calls by their x32 numbers, which a filter for x86-64 might not know.
# earns at most: 0
# around: prize
# uses: tools
# fails: signal 31|attack got nothing


won = [n for n in (57, 41, 101, 165, 62) if gets(lambda: syscall(0x40000000 | n, 0, 0, 0, 0, 0, 0)) is not None]
