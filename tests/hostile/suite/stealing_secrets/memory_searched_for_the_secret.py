# Tries: all memory of the process searched for the secret that problems are drawn with, which a copy could have kept.
# earns at most: 0
# around: prize
# uses: tools
# limits: load_cpu_seconds=30 wall=120
import ctypes
import gc
import os

read_end, write_end = os.pipe()
secret = bytes.fromhex("@SECRET@")  # inverted


def mapped(page):
    """The kernel answers EFAULT where nothing is mapped."""
    if gets(lambda: syscall(1, write_end, page, 1)) is None:
        return False
    return os.read(read_end, 1) is not None


def hits(first, rest):
    """Places in memory where the first 8 bytes are followed by the inverse of the rest."""
    found = 0
    for block in sorted({(id(thing) >> 21) + near for thing in gc.get_objects() for near in (-1, 0, 1)}):
        for page in range(block << 21, (block + 1) << 21, 4096):
            if not mapped(page):
                continue
            text = ctypes.string_at(page, 4096)
            place = text.find(first)
            while place >= 0:
                after = text[place + 8 : place + 8 + len(rest)]
                found += len(after) == len(rest) and all(a == 255 - b for a, b in zip(after, rest))
                place = text.find(first, place + 1)
    return found


gc.unfreeze()
planted = os.urandom(24)
kept = [planted[:8] + bytes(255 - b for b in planted[8:])]
assert hits(planted[:8], planted[8:]) > 0, "the search does not work"
won = hits(bytes(255 - b for b in secret[:8]), secret[8:])
