"""A sandbox whose guest sends replies of a right solution, damaged at random.

The guest's own loop runs in this process, on the project's own solution. Between it and the session each reply is
changed as plain data, then packed and unpacked as on the wire, so that checks see what a hostile process may send:
other types, shapes, dtypes, NaN, odd keys, missing items, deep, wide and many-axed values, made-up traces, forged
failures, a death.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgpack
import numpy as np

from grader.guest.serve import Guest
from grader.guest.structure import structure
from grader.guest.tracing import MAX_CALLS, MAX_EVENTS, MAX_VALUES
from grader.guest.wire import ARRAY, DTYPES, PREFIX, Opaque, Ref, decode, encode
from grader.model import Limits
from grader.sandbox.contract import Array, Ended, Session

FACTS = {"python": "3", "numpy": np.__version__, "blas": "", "kernel": "", "threads": 1}
LOADED = {"source": "mlp.py", "names": ["TwoLayerMLP", "loss", "train"], "cells": [], "notes": []}

KEYS = ["", "W", "W1", "b2", "\0", "loss_history", "…", "x" * 300, "__class__", " ", "1", "W" * 40, "{}", "%s"]
TEXTS = [*KEYS, "mlp.py", "x" * 100_000, "[/red]", "{0}", "\n" * 50, "(", "\\", "'", "𝛁\u202e\x1b[31m"]
NUMBERS: list[Any] = [0, 1, -1, 7, 1 << 31, (1 << 63) - 1, -(1 << 63), (1 << 64) - 1, True, False]
NUMBERS += [0.0, -0.0, 1.5, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf")]
SHAPES: list[tuple[int, ...]] = [(), (0,), (1,), (2,), (3,), (4, 10), (10,), (1, 10), (10, 1), (10, 3), (3, 10), (5, 3)]
SHAPES += [(0, 3), (3, 0), (1, 1), (2, 2, 2), (1,) * 8, (100,), (200, 300), (5,), (5, 1)]

OUTSIZE = {
    **{f"<{depth} lists>": b"\x91" * depth + b"\x01" for depth in (20, 40, 1000)},
    **{f"<{depth} dicts>": b"\x81\xa1a" * depth + b"\x01" for depth in (20, 40, 1000)},
    **{f"<{n} items>": b"\xdd" + n.to_bytes(4, "big") + b"\x80" * n for n in (1_000, 100_000, 400_000)},
    "<100000 keys>": msgpack.packb(dict.fromkeys(map(str, range(100_000)))),
    **{f"<{n} axes>": msgpack.packb(msgpack.ExtType(ARRAY, msgpack.packb(["<f8", [0] * n]))) for n in (8, 9, 70)},
}
"""Values that `encode` would not send, by the texts in whose place they are put on the wire."""


class Damage:
    """Damage to replies, drawn from a seed."""

    def __init__(self, seed: int, rate: float) -> None:
        """`rate`: the share of replies that are damaged; of traces it is at least four fifths."""
        self.random = random.Random(seed)
        self.rate = rate
        self.damaged = 0

    def __call__(self, reply: list[Any]) -> Any:
        """Return the reply, or another one in its place. May raise what a lost connection raises."""
        loads = type(reply[1]) is dict and "class" in reply[1]  # without it there is nothing to ask
        rate = self.rate / 10 if loads else max(self.rate, 0.8) if _is_trace(reply) else self.rate
        if self.random.random() >= rate:
            return reply
        self.damaged += 1
        if reply[0] == "several" and self.random.random() < 0.9:
            replies = list(reply[1])
            at = self.random.randrange(len(replies))
            replies[at] = self.of_one(replies[at])
            return ["several", replies]
        return self.of_one(reply)

    def of_one(self, reply: list[Any]) -> Any:
        chance = self.random.random()
        if reply[0] == "value" and chance < 0.8:
            return ["value", self.trace(reply[1]) if _is_trace(reply) and chance < 0.7 else self.somewhere_in(reply[1])]
        if chance < 0.92:
            return self.failure()
        if chance < 0.95:
            raise self.random.choice([ConnectionResetError, BrokenPipeError])
        return self.junk()

    def trace(self, honest: dict[str, Any]) -> dict[str, Any]:
        """A trace of the statements, outputs and numbers of an honest one, put together anew, of any size."""
        random = np.random.default_rng(self.random.randrange(1 << 32))
        count = int(random.choice([2, 30, 4_000, MAX_EVENTS]))
        ends = random.integers(1, count, int(random.choice([0, 1, 4])) * count)
        starts = (ends * random.random(len(ends)) ** random.choice([0.1, 1, 10])).astype(int)
        if random.random() < 0.5:  # the last event reads all others
            starts, ends = np.append(starts, np.arange(count - 1)), np.append(ends, np.full(count - 1, count - 1))
        numbers = [value["numbers"] for value in honest["values"]] or [np.ones(3)]
        events = random.integers(max(0, count - 2 * MAX_VALUES), count, min(count, MAX_VALUES)).tolist()
        names = [function for function, _ in honest["calls"]] or ["loss"]
        arguments = random.integers(0, count, (int(random.choice([0, 3, MAX_CALLS])), 3)).tolist()
        return honest | {
            "rows": random.choice(honest["rows"] if len(honest["rows"]) else [0], count),
            "starts": starts,
            "ends": ends,
            "values": [{"event": event, "numbers": self.random.choice(numbers)} for event in events],
            "calls": [[self.random.choice(names), [*map(list, zip("Xyr", row, strict=True))]] for row in arguments],
            "outputs": {name: random.integers(0, count, 3) for name in honest["outputs"]} | {"": np.array([count - 1])},
            "results": {name: self.random.choice(numbers) for name in honest["results"]},
        }

    def failure(self) -> list[Any]:
        text, number = (lambda: self.random.choice(TEXTS)), (lambda: self.random.choice(NUMBERS))
        return self.random.choice(
            [
                ["raised", text(), text(), text(), number(), text(), number()],
                ["raised", "ValueError", "no", "mlp.py", self.random.choice([0, -3, 1 << 62]), "x = 1", 0],
                ["raised", "NameError", "because the statement that defines it failed", "mlp.py", 3, "x", True],
                ["stopped", float(number())],
                ["stopped", number()],
                ["unusable", text()],
                [text()],
                ["value"],
                ["several", [["value", 1]]],
                ["several", []],
            ]
        )

    def somewhere_in(self, value: Any) -> Any:
        """The value with a change at one place, at any depth."""
        chance = self.random.random()
        if type(value) is list and value and chance < 0.7:
            at = self.random.randrange(len(value))
            return [*value[:at], self.somewhere_in(value[at]), *value[at + 1 :]]
        if type(value) is dict and value and chance < 0.7:
            name = self.random.choice(list(value))
            return value | {name: self.somewhere_in(value[name])}
        return self.changed(value)

    def changed(self, value: Any) -> Any:
        if type(value) is np.ndarray and self.random.random() < 0.75:
            return self.other_array(value)
        if type(value) is dict and self.random.random() < 0.7:
            return self.other_dict(value)
        if type(value) is list and self.random.random() < 0.7:
            return self.other_list(value)
        if type(value) in (int, float) and self.random.random() < 0.5:
            return self.random.choice([*NUMBERS, value + 1, -value, float(value) * 1.001, np.asarray(value)])
        return self.junk()

    def other_dict(self, value: dict[str, Any]) -> Any:
        names = list(value)
        kept = dict(value)
        match self.random.randrange(5):
            case 0:
                return kept | {self.random.choice(KEYS): self.junk()}
            case 1 if names:
                kept.pop(self.random.choice(names))
                return kept
            case 2 if names:
                kept[self.random.choice(KEYS)] = kept.pop(self.random.choice(names))
                return kept
            case 3:
                return {}
        return list(kept.values())

    def other_list(self, value: list[Any]) -> Any:
        match self.random.randrange(5):
            case 0:
                return value[: self.random.randint(0, len(value))]
            case 1:
                return [*value, self.junk()]
            case 2:
                return value[::-1]
            case 3:
                return [value]
        return {str(number): item for number, item in enumerate(value)}

    def other_array(self, value: Array) -> Any:
        at = self.random.randrange(value.size) if value.size else None
        match self.random.randrange(9):
            case 0:
                with np.errstate(all="ignore"):
                    return value.astype(self.random.choice(list(DTYPES.values())))
            case 1:
                return value.T
            case 2:
                return value[None] if value.ndim < 8 else value.reshape(-1)
            case 3:
                return value.reshape(-1)[: self.random.randint(0, value.size)]
            case 4:
                return np.full(value.shape, self.random.choice(NUMBERS[10:]))
            case 5 if at is not None:
                poisoned = value.astype(np.float64).reshape(-1)
                poisoned[at] = self.random.choice(NUMBERS[10:])
                return poisoned.reshape(value.shape)
            case 6:
                with np.errstate(all="ignore"):
                    return value * self.random.choice([0, -1, 1.001, 1e300, 3])
            case 7:
                return value.tolist() if value.size < 1000 else np.zeros(value.shape[:1])
        return np.zeros(self.random.choice(SHAPES), self.random.choice(list(DTYPES.values())))

    def junk(self, depth: int = 0) -> Any:
        match self.random.randrange(9 if depth < 4 else 6):
            case 0:
                return None
            case 1:
                return self.random.choice(NUMBERS)
            case 2:
                return self.random.choice(TEXTS)
            case 3:
                return Opaque(self.random.choice(TEXTS))
            case 4:
                return Ref(self.random.choice(TEXTS))
            case 5:
                dtype = self.random.choice(list(DTYPES.values()))
                return np.full(self.random.choice(SHAPES), self.random.choice([0, 1]), dtype)
            case 6:
                return [self.junk(depth + 1) for _ in range(self.random.randrange(4))]
            case 7:
                return self.random.choice(list(OUTSIZE))
        return {self.random.choice(KEYS): self.junk(depth + 1) for _ in range(self.random.randrange(4))}


def _is_trace(reply: list[Any]) -> bool:
    return reply[0] == "value" and type(reply[1]) is dict and "rows" in reply[1]


class Damaged(Session):
    """A session with a guest in this process, and something between them that damages its replies."""

    def __init__(self, found: type, damage: Callable[[list[Any]], Any], limits: Limits, arrays: Mapping[str, Array]):
        ours, self._theirs = socket.socketpair()
        super().__init__(ours, lambda _of_itself: Ended("by itself"), limits, pid=None, clock=time.thread_time)
        self.versions = FACTS
        self._damage = damage
        self._guest = Guest(self._theirs, dict(arrays))
        self._guest.loaded = {found.__name__: found}
        self._guest.load = self._load  # type: ignore[method-assign]

    def close(self) -> None:
        super().close()
        self._theirs.close()

    def _load(self, files: Mapping[str, Any], *_: Any) -> dict[str, Any]:
        self._guest.rows_of = lambda: structure(files, [])
        return dict(LOADED)

    def _exchange(self, request: list[Any], watch: Any) -> Any:
        request = decode(*_frame(request))
        several = request[0] == "several"
        damaged = self._damage(self._guest.several(request[1]) if several else self._guest.reply_to(request))
        header, body = _frame(damaged)
        self.budget.use_answer(len(header), len(body))
        self.require_budget()
        return decode(header, body)


def _frame(value: Any) -> tuple[bytes, bytearray]:
    """The header and body that a value has on the wire."""
    frame, buffers = encode(value)
    header = frame[PREFIX.size :]
    for text, outsize in OUTSIZE.items():
        header = header.replace(msgpack.packb(text), outsize)
    return header, bytearray(b"".join(buffers))


class DamagedReplies:
    """A sandbox of such sessions; not a wall around anything."""

    name = "damaged replies"

    def __init__(self, found: type, damage: Callable[[list[Any]], Any]) -> None:
        self._found = found
        self._damage = damage

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        return Damaged(self._found, self._damage, limits, shared)

    def close(self) -> None:
        pass
