"""Damaged frames: real ones with bits flipped, cut, spliced, stretched, given to the decoder and to a session."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grader.guest.wire import PREFIX, Opaque, Ref, WireError, decode, encode
from grader.model import Died, Limits, Raised, Stopped, Unusable
from grader.sandbox.contract import Answered, Sandbox

PLAIN = (type(None), bool, int, float, str, list, dict, np.ndarray, Ref, Opaque)

REAL: list[Any] = [
    ["value", [1.182248, {"W1": np.ones((4, 10)), "b1": np.zeros(10), "W2": np.eye(3), "b2": np.float32([1, 2])}]],
    ["value", {"loss_history": np.arange(50.0), "train_acc_history": [0.5] * 3, "names": ["loss", "train"]}],
    ["value", {"source": "mlp.py", "names": ["Net"], "cells": [1, 2], "notes": [["added", "a", ""]]}],
    ["raised", "ValueError", "no", "mlp.py", 3, "x = 1", 0],
    ["stopped", 1.5],
    ["unusable", "loss has no entry"],
    ["value", [Ref("X"), Opaque("Winner"), None, True, -1, 1 << 63, float("nan"), np.empty((0, 3)), np.array(1)]],
]


def flat(value: Any) -> bytes:
    frame, buffers = encode(value)
    return b"".join((frame, *buffers))


FRAMES = [flat(value) for value in REAL]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real frame after one to four accidents."""
    data = bytearray(draw(st.sampled_from(FRAMES)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["flip", "cut", "insert", "splice", "repeat", "length", "swap"])):
            case "flip" if data:
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[place : place + draw(st.integers(1, 40))]
            case "insert":
                data[place:place] = draw(st.binary(max_size=12))
            case "splice":
                other = draw(st.sampled_from(FRAMES))
                data[place:] = other[draw(st.integers(0, len(other) - 1)) :]
            case "repeat":
                data[place:place] = data[place : place + draw(st.integers(1, 60))] * draw(st.integers(1, 5))
            case "length" if data:  # of a list, a map, a text, an extension: the largest there is
                kind = draw(st.sampled_from([b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9"]))
                data[place : place + 1] = kind + b"\xff" * 4
            case "swap" if data:
                data[place] = draw(st.sampled_from([0x80, 0x90, 0xA0, 0xC0, 0xC1, 0xC7, 0xCB, 0xD4, 0xDC, 0xFF]))
    return bytes(data)


def everything_in(value: Any) -> Iterator[Any]:
    rest = [value]
    while rest:
        item = rest.pop()
        yield item
        rest += item if type(item) is list else item.values() if type(item) is dict else []


@settings(max_examples=1000)
@given(damaged(), st.integers(-3, 3))
def test_a_damaged_frame_is_plain_values_or_a_wire_error(data: bytes, off: int) -> None:
    """Taken apart where its prefix says, or a few bytes beside that."""
    cut = PREFIX.size + int.from_bytes(data[:4], "little") + off
    header, body = data[PREFIX.size : max(cut, PREFIX.size)], bytearray(data[max(cut, PREFIX.size) :])
    try:
        value = decode(header, body)
    except WireError:
        return
    assert all(type(item) in PLAIN for item in everything_in(value))
    arrays = [item for item in everything_in(value) if type(item) is np.ndarray]
    assert sum(array.nbytes for array in arrays) == len(body)


MOST_PER_BYTE = 100
"""An empty dict is a byte on the wire and 64 in memory, and its place in a list has eight."""


@pytest.mark.long
@settings(max_examples=60)
@given(damaged(), st.sampled_from([b"\x80", b"\x90", b"\xc0", b"\x01", b"\xa0", b"\xd4\x02x", b"\xd4\x01x"]))
@example(FRAMES[0], b"\x80")
def test_what_a_frame_takes_in_memory_is_bounded_by_its_size(data: bytes, small: bytes) -> None:
    """Whatever lengths it speaks of; also where it is a long list of the smallest things there are."""
    many = b"\xdd" + (20_000).to_bytes(4, "big") + small * 20_000
    for header in (data[PREFIX.size :], many):
        tracemalloc.start()
        try:
            decode(header, bytearray())
        except WireError:
            pass
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 200_000 + MOST_PER_BYTE * len(header)


# ── a living session ─────────────────────────────────────────────────────────────────────────────────

WRITER = b"""
import os

class Writer:
    def writes(self, data):
        data = data.tobytes()
        while data:
            data = data[os.write(3, data):]
        os._exit(0)
"""

FAILURES = (Raised, Stopped, Died, Unusable)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=damaged())
@example(data=FRAMES[0] * 2)
@example(data=FRAMES[3][:-1])
@example(data=b"")
def test_whatever_a_student_writes_to_the_channel_the_grader_gets_values(sandbox: Sandbox, data: bytes) -> None:
    with sandbox.session(Limits(load_cpu_seconds=5, call_cpu_seconds=1, reply_bytes=1 << 20), {}) as session:
        files = {"mlp.py": np.frombuffer(WRITER, np.uint8)}
        assert isinstance(
            session.request(["load", files, [], ["class", ["Writer"], []], ["mlp.py"], {}, 0.0], 20), Answered
        )
        session.request(["new", 0, [], {}], 5)
        for _ in range(2):  # the second is asked of what the first has left
            got = session.request(["call", 0, "writes", [np.frombuffer(data, np.uint8)], {}, 0.0], 5)
            assert isinstance(got, (Answered, *FAILURES))
            if isinstance(got, Answered):
                assert all(type(item) in PLAIN for item in everything_in(got.value))
