"""Huge pages: they make a copy of a large process cheap, and training on mapped arrays as fast as on a student's own
(with small pages it takes 7 % more). Linux only; where the kernel will not, nothing is lost but time.
"""

from __future__ import annotations

import ctypes
import mmap
import os

HUGE_BYTES = 2 << 20
MADV_COLLAPSE = 25
"""Linux 6.1: at once, and whatever the system's settings for huge pages are."""
PROT_NONE, MAP_FIXED = 0, 0x10

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int),
    *(ctypes.c_int, ctypes.c_int, ctypes.c_long),
)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def rounded(size: int) -> int:
    """The length of a file whose last bytes can lie in a huge page too."""
    return -(-size // HUGE_BYTES) * HUGE_BYTES


def map_file(fd: int, size: int, flags: int) -> int:
    """Its address, where huge pages can be. Not by Python's mmap, which would keep a descriptor of the file."""
    reserved = _map(None, size + HUGE_BYTES, PROT_NONE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1)
    aligned = rounded(reserved)
    return _map(aligned, size, mmap.PROT_READ | mmap.PROT_WRITE, flags | MAP_FIXED, fd)


def collapse_file(fd: int, size: int) -> None:
    """The file's pages into huge ones; `size` as `rounded` gives it."""
    address = map_file(fd, size, mmap.MAP_SHARED)
    _libc.madvise(address, size, MADV_COLLAPSE)
    _libc.munmap(address, size)


def collapse_own_memory() -> None:
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps]
    for line in lines:
        if line[1] == "rw-p" and (len(line) < 6 or line[5] == "[heap]"):
            low, high = (int(end, 16) for end in line[0].split("-"))
            start, end = rounded(low), high // HUGE_BYTES * HUGE_BYTES
            if start < end:
                _libc.madvise(start, end - start, MADV_COLLAPSE)


def _map(address: int | None, size: int, protection: int, flags: int, fd: int) -> int:
    mapped = _libc.mmap(address, size, protection, flags, fd, 0)
    if mapped == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), f"mmap: {os.strerror(ctypes.get_errno())}")
    return int(mapped)
