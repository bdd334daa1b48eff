"""The wire: what we send arrives as it was, and no bytes of a stranger make anything but plain values."""

from __future__ import annotations

import struct
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.guest.wire import (
    ARRAY,
    DTYPES,
    MAX_DEPTH,
    MAX_HEADERS,
    MAX_ITEMS,
    OPAQUE,
    PREFIX,
    REF,
    Opaque,
    Ref,
    WireError,
    _array_facts,
    _array_header,
    decode,
    encode,
)

text = st.text(max_size=20)
arrays = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: hnp.arrays(np.dtype(name), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
scalars = (
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | text | text.map(Ref)
) | text.map(Opaque)
values = st.recursive(
    scalars | arrays,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


def sent(value: Any) -> Any:
    """What arrives on the other side."""
    frame, buffers = encode(value)
    header_bytes, body_bytes = PREFIX.unpack(frame[: PREFIX.size])
    body = bytearray(b"".join(buffers))
    assert (len(frame) - PREFIX.size, len(body)) == (header_bytes, body_bytes)
    return decode(frame[PREFIX.size :], body)


def same(a: Any, b: Any) -> bool:
    """Equal to the bit, and of the same types."""
    if type(a) is not type(b):
        return False
    if type(a) is np.ndarray:
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if type(a) is list:
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is dict:
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return struct.pack("d", a) == struct.pack("d", b) if type(a) is float else bool(a == b)


@given(values)
def test_whatever_may_cross_arrives_as_it_was(value: Any) -> None:
    assert same(sent(value), value)


def test_tuples_arrive_as_lists() -> None:
    assert sent((1, (2.0, "three"))) == [1, [2.0, "three"]]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3).T,
        np.arange(10)[::3],
        np.arange(4, dtype=">i4"),
        np.asfortranarray(np.ones((3, 2), np.float32)),
    ],
    ids=["transposed", "strided", "big-endian", "fortran"],
)
def test_arrays_that_lie_oddly_in_memory_arrive_with_their_values(array: np.ndarray) -> None:
    assert np.array_equal(sent(array), array)


def test_arrays_arrive_writable_and_apart_from_the_senders() -> None:
    original = np.zeros(3)
    arrived = sent(original)
    arrived += 1
    assert original.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        1j,
        np.array([None]),
        np.array(["text"]),
        np.zeros(2, [("field", "f8")]),
        np.zeros(2, np.longdouble),
        np.ma.masked_array([1.0], [True]),
        np.zeros((1,) * 9),
        np.empty((0, 1 << 41)),
        [None] * (MAX_ITEMS + 1),
    ],
    ids=lambda value: type(value).__name__ + getattr(getattr(value, "dtype", None), "str", ""),
)
def test_what_may_not_cross_is_refused_by_the_sender(value: Any) -> None:
    with pytest.raises(WireError):
        encode(["value", value])


def test_a_lone_surrogate_does_not_stop_a_sentence() -> None:
    assert sent("caf\udce9") == "caf?"


# ── a stranger's bytes ───────────────────────────────────────────────────────────────────────────────


def array_header(dtype: Any, shape: Any) -> bytes:
    return msgpack.packb(msgpack.ExtType(ARRAY, msgpack.packb([dtype, shape])))


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("<f8", [1 << 40, 1 << 40]),
        ("<f8", [3]),
        ("<f8", [-1]),
        ("<f8", [-1, -2]),
        ("<f8", [2.0]),
        ("<f8", [True]),
        ("<f8", [None]),
        ("<f8", ["2"]),
        ("<f8", 2),
        ("<f8", [0, 1 << 40, 1 << 40, 1 << 40]),
        ("<f8", [1] * 9),
        ("<f8", [0] * 70),
        ("|O", [2]),
        ("|S8", [2]),
        ("<M8[s]", [2]),
        (">f8", [2]),
        ("<f16", [1]),
        ("f8", [2]),
        ("<f8,<f8", [1]),
        ("x" * 1000, [1]),
        (1, [2]),
        (None, [2]),
        (b"<f8", [2]),
    ],
)
def test_an_array_that_its_frame_cannot_hold_is_refused(dtype: Any, shape: Any) -> None:
    with pytest.raises(WireError):
        decode(array_header(dtype, shape), bytearray(16))


@pytest.mark.parametrize(
    "facts",
    [
        b"",
        b"\xc1",
        msgpack.packb([]),
        msgpack.packb(["<f8"]),
        msgpack.packb({"<f8": [2]}),
        msgpack.packb(["<f8", [2], 1]),
    ],
)
def test_an_array_whose_own_header_is_odd_is_refused(facts: bytes) -> None:
    with pytest.raises(WireError):
        decode(msgpack.packb(msgpack.ExtType(ARRAY, facts)), bytearray(16))


def test_headers_of_arrays_are_packed_once_and_only_few_valid_ones_are_kept() -> None:
    arrays = [np.arange(12.0).reshape(4, 3), np.ones((4, 3)), np.ones((4, 3), np.float32), np.ones((3, 4))]
    for cached in (_array_header, _array_facts):
        cached.cache_clear()
    for _ in range(2):
        header, buffers = encode(arrays)
        received = decode(header[PREFIX.size :], bytearray(b"".join(buffers)))
        assert [(a.dtype, a.tolist()) for a in received] == [(a.dtype, a.tolist()) for a in arrays]
    assert _array_header.cache_info().misses == _array_facts.cache_info().misses == 3
    for length in range(2 * MAX_HEADERS):
        _array_facts(msgpack.packb(["<f8", [length]]))
        with pytest.raises(WireError):
            _array_facts(msgpack.packb(["<f8", [length, -1]]))
    assert _array_facts.cache_info().currsize == MAX_HEADERS


def test_arrays_cannot_share_bytes_with_one_another() -> None:
    array = msgpack.ExtType(ARRAY, msgpack.packb(["<f8", [2]]))
    with pytest.raises(WireError):
        decode(msgpack.packb([array, array]), bytearray(16))


def test_bytes_that_no_array_claims_are_refused() -> None:
    with pytest.raises(WireError):
        decode(array_header("<f8", [1]), bytearray(16))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xc1",
        msgpack.packb(1) + b"\x01",
        msgpack.packb({1: 2}),
        msgpack.packb({b"key": 2}),
        msgpack.packb({None: 2}),
        b"\x81\x93\x01\x02\x03\x01",
        b"\x81\x80\x01",
        msgpack.packb(b"bytes"),
        msgpack.packb([1, [b"bytes"]]),
        msgpack.packb(msgpack.Timestamp(1, 2)),
        msgpack.packb(msgpack.ExtType(4, b"")),
        msgpack.packb(msgpack.ExtType(127, b"x")),
        b"\xc7\x05\xff12345",
        b"\xd4\xff\x00",
        b"\xa2\xff\xfe",
        b"\x91" * 100_000 + b"\x01",
        b"\x91" * (MAX_DEPTH + 1) + b"\x01",
        b"\xdd" + (MAX_ITEMS + 1).to_bytes(4, "big") + b"\x01" * (MAX_ITEMS + 1),
        b"\xdd\xff\xff\xff\xff\x01",
        b"\xdf\xff\xff\xff\xff\xa1a\x01",
        b"\xdb\xff\xff\xff\xffx",
        b"\xc9\xff\xff\xff\xff\x01x",
    ],
    ids=[
        "nothing", "no such type", "two values", "int key", "bytes key", "None key", "list key", "map key", "bytes",
        "bytes inside", "timestamp", "extension 4", "extension 127", "broken timestamp", "short timestamp",
        "not UTF-8", "very deep", "deep", "wide", "endless list", "endless map", "endless text", "endless extension",
    ],
)  # fmt: skip
def test_a_header_that_is_not_ours_is_refused(header: bytes) -> None:
    with pytest.raises(WireError):
        decode(header, bytearray())


@pytest.mark.parametrize(("code", "kind"), [(REF, Ref), (OPAQUE, Opaque)])
def test_names_in_a_strangers_header_are_bounded_text(code: int, kind: type) -> None:
    value = decode(msgpack.packb(msgpack.ExtType(code, b"\xff" + b"x" * 5000)), bytearray())
    assert type(value) is kind
    assert len(value[0]) <= 1000
