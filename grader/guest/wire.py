"""The format of messages between the grader and a guest (the process inside the sandbox). Both sides use this code.

Each message is a frame: a prefix (header length, body length), a msgpack header, and a body with the raw bytes of every
array in the header, in order. Packing arrays with msgpack would take ten times as long as copying them.

`decode` reads untrusted bytes. It returns only None, bool, int, float, str, list, dict with str keys, numpy arrays of
plain numbers, `Ref` and `Opaque`, of bounded depth, number and axes; anything else raises `WireError`. Code that reads
a reply may therefore follow its lists and dicts by recursion.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgpack
import numpy as np

PREFIX = struct.Struct("<IQ")
MAX_HEADER_BYTES = 4 << 20
SMALL_BYTES = 1 << 16
MAX_DIMENSIONS, MAX_LENGTH = 8, 1 << 40
MAX_DEPTH = 32
"""Largest number of lists and dicts in one another. Replies of the guest's own loop have less than ten."""
MAX_ITEMS = 250_000
"""Largest number of values in a frame. An array is one value."""
MAX_HEADERS = 1024
"""Largest number of headers of arrays that are cached in each direction: the arrays of a grading have few shapes."""

ARRAY, REF, OPAQUE = 1, 2, 3

DTYPES = {
    name: np.dtype(name)
    for name in ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
}


class WireError(Exception):
    """Raised if bytes are not a valid frame, or a value cannot be encoded."""


class Ref(NamedTuple):
    """A reference to an array that the guest already has: a shared array, or an array from an earlier request."""

    name: str


class Opaque(NamedTuple):
    """A value that cannot be sent; `kind` names its type."""

    kind: str


def encode(value: Any, max_header_bytes: int = MAX_HEADER_BYTES) -> tuple[bytes, list[memoryview]]:
    """Encode a value.

    Returns:
        The frame's prefix and header, and the buffers of the arrays, which follow the header.

    Raises:
        WireError: If the value contains something that cannot be sent.
    """
    buffers: list[memoryview] = []

    def extension(item: Any) -> msgpack.ExtType:
        """Convert a value that msgpack does not know. The numbers of an array go to `buffers`, not into the header."""
        if type(item) is np.ndarray:
            dtype, header = _array_header(item.dtype, item.shape)
            if item.size:
                buffers.append(np.ascontiguousarray(item, dtype).data.cast("B"))
            return header
        if type(item) is Ref:
            return msgpack.ExtType(REF, item.name.encode())
        if type(item) is Opaque:
            return msgpack.ExtType(OPAQUE, item.kind.encode("utf-8", "replace"))
        return list(item)  # a tuple, since `_require_plain` refuses all other types

    _require_plain(value)
    header = msgpack.packb(value, default=extension, strict_types=True, unicode_errors="replace")
    if len(header) > max_header_bytes:
        raise WireError(f"the value has more than {max_header_bytes} bytes outside of arrays")
    body = sum(b.nbytes for b in buffers)
    return PREFIX.pack(len(header), body) + header, buffers


def pieces(header: bytes, buffers: list[memoryview]) -> list[memoryview]:
    """Return the buffers of a frame to send, in order. A small frame becomes one buffer. A large frame keeps its
    buffers, so that its arrays are not copied."""
    if sum(b.nbytes for b in buffers) < SMALL_BYTES:
        return [memoryview(b"".join((header, *buffers)))]
    return [memoryview(header), *buffers]


def decode(header: bytes | bytearray | memoryview, body: bytearray) -> Any:
    """Decode a frame.

    Args:
        header: The frame's msgpack header.
        body: The bytes of the frame's arrays.

    Returns:
        The value. Arrays are writable views of `body`.

    Raises:
        WireError: If the frame is not valid.
    """
    offset = 0  # of the next array in the body

    def extension(code: int, data: bytes) -> Any:
        """Convert an extension of the header back to a value. The numbers of arrays are read from the body in order."""
        nonlocal offset
        if code == REF:
            return Ref(_text(data))
        if code == OPAQUE:
            return Opaque(_text(data))
        if code != ARRAY:
            raise WireError(f"unknown msgpack extension type {code}")
        dtype, shape = _array_facts(data)
        size = math.prod(shape) * dtype.itemsize
        if size > len(body) - offset:
            raise WireError("an array has more bytes than the frame contains")
        array = np.ndarray(shape, dtype, body, offset)
        offset += size
        return array

    try:
        value = msgpack.unpackb(header, ext_hook=extension, strict_map_key=True)
    except WireError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as broken:
        raise WireError(f"the header is not valid msgpack: {type(broken).__name__}") from None
    if offset != len(body):
        raise WireError("the frame has more bytes than its arrays")
    _require_plain(value)
    return value


def _text(data: bytes) -> str:
    """Decode the text of an extension, cut to 1,000 bytes."""
    return data[:1000].decode("utf-8", "replace")


@lru_cache(MAX_HEADERS)
def _array_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> tuple[np.dtype[Any], msgpack.ExtType]:
    """Return the dtype in which an array is sent, and its header. Raise `WireError` if it cannot be sent."""
    if not _is_shape(shape):
        raise WireError(f"an array of shape {shape} cannot be sent")
    sent_dtype = dtype.newbyteorder("<")
    if sent_dtype.str not in DTYPES:
        raise WireError(f"arrays of {dtype} cannot be sent")
    return sent_dtype, msgpack.ExtType(ARRAY, msgpack.packb([sent_dtype.str, list(shape)]))


@lru_cache(MAX_HEADERS)
def _array_facts(data: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return dtype and shape of an array. Raise `WireError` if they are not allowed. Valid headers are short, so few
    bytes are cached."""
    match msgpack.unpackb(data):
        case [str(name), list(shape)] if name in DTYPES and _is_shape(shape):
            return DTYPES[name], tuple(shape)
    raise WireError(f"an array's header must be a dtype and at most {MAX_DIMENSIONS} lengths")


def _is_shape(shape: Sequence[Any]) -> bool:
    """Return whether an array of this shape may be sent."""
    if len(shape) > MAX_DIMENSIONS:
        return False
    return all(type(length) is int and 0 <= length <= MAX_LENGTH for length in shape)


_LEAVES = frozenset({type(None), bool, int, float, str, np.ndarray, Ref, Opaque})


def _require_plain(value: Any) -> None:
    """Raise `WireError` if a value contains a type that cannot be sent, or exceeds `MAX_DEPTH` or `MAX_ITEMS`. msgpack
    by itself also produces bytes and timestamps."""
    count = 0
    level = [value]  # the values at one level of nesting
    for _ in range(MAX_DEPTH):
        items: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is dict:
                if any(type(key) is not str for key in item):
                    raise WireError("a dict's keys must be str")
                items.extend(item.values())
            elif kind is list or kind is tuple:
                items.extend(item)
            elif kind not in _LEAVES:
                raise WireError(f"{kind.__name__} cannot be sent")
        count += len(items)
        if count > MAX_ITEMS:
            raise WireError(f"the answer has more than {MAX_ITEMS:,} values")
        level = items
        if not level:
            return
    raise WireError("the answer is too deeply nested")
