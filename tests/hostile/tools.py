"""Put before a submission that says `# uses: tools`; runs inside the sandbox only."""

import ctypes as _ctypes
import os as _os
import struct as _struct

import msgpack as _msgpack

_libc = _ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = _ctypes.c_long
refused = []


def gets(attempt):
    """What it gets; None where that is refused. A slip of the attack's own (a NameError) is not taken for a refusal."""
    try:
        return attempt()
    except (OSError, MemoryError, EOFError, ImportError, RuntimeError) as error:
        refused.append(f"{type(error).__name__}: {error}"[:60])
        return None


def syscall(number, *arguments):
    """By number, past every wrapper; raises OSError."""
    words = [a if isinstance(a, (bytes, _ctypes.Array, type(None))) else _ctypes.c_long(a) for a in arguments]
    result = _libc.syscall(_ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(_ctypes.get_errno(), _os.strerror(_ctypes.get_errno()))
    return result


def frame(value, body=b""):
    """As the guest would send it."""
    header = _msgpack.packb(value)
    return _struct.pack("<IQ", len(header), len(body)) + header + body


def send(data):
    """To the grader, past the guest."""
    _os.write(3, data)
