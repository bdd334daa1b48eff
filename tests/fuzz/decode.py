"""`make fuzz`: coverage-guided fuzzing of the decoder that reads what a stranger's process sends.

Whatever the bytes, `decode` makes plain values that `encode` sends back as they were, or a WireError; nothing else.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["grader.guest.wire"]):
    from grader.guest.wire import Opaque, Ref, WireError, decode, encode

import numpy as np

PLAIN = (type(None), bool, int, float, str, list, dict, np.ndarray, Ref, Opaque)


def everything_in(value: object) -> list[object]:
    inner = value if type(value) is list else list(value.values()) if type(value) is dict else []
    return [value, *(leaf for item in inner for leaf in everything_in(item))]


def one_input(data: bytes) -> None:
    """The first two bytes say where the header ends."""
    cut = int.from_bytes(data[:2], "little")
    header, body = data[2 : 2 + cut], bytearray(data[2 + cut :])
    try:
        value = decode(header, body)
    except WireError:
        return
    found = everything_in(value)
    assert all(type(item) in PLAIN for item in found)
    assert sum(item.nbytes for item in found if type(item) is np.ndarray) <= len(body)
    encode(value)


def seeds() -> list[bytes]:
    values = [
        ["value", {"W1": np.arange(6.0).reshape(2, 3), "b1": np.zeros(3, np.float32)}],
        ["raised", "ValueError", "no", "mlp.py", 3, "raise", 0],
        ["value", [Ref("X"), Opaque("Net"), None, True, -1, 0.5, "text", np.empty((0, 3))]],
    ]
    frames = [encode(value) for value in values]
    return [
        len(header[12:]).to_bytes(2, "little") + header[12:] + b"".join(bytes(b) for b in buffers)
        for header, buffers in frames
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["seeds"]:
        for number, seed in enumerate(seeds()):
            with open(f"{sys.argv[2]}/{number}", "wb") as out:
                out.write(seed)
    else:
        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()
