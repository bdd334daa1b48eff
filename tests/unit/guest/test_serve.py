"""What the guest does when it is asked: the student's object answers, in any form that means the same."""

from __future__ import annotations

import socket
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from grader.guest.plain import plain
from grader.guest.serve import Guest


@pytest.fixture
def guest() -> Iterator[Guest]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Guest(theirs, {})


Pair = namedtuple("Pair", "loss grads")


class Net:
    def __init__(self, answer: Any) -> None:
        self.params = {"W": np.zeros(1)}
        self._answer = answer

    def loss(self) -> Any:
        return self._answer(self.params["W"][0])


ANSWERS: dict[str, Any] = {
    "a number": lambda loss: loss,
    "a tuple": lambda loss: (loss, {}),
    "a list": lambda loss: [loss, {}],
    "a namedtuple": lambda loss: Pair(loss, {}),
    "a long double": lambda loss: (np.longdouble(loss), {}),
    "a loss of one row": lambda loss: (np.full((1, 1), loss), {}),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_many_losses_are_numbers_in_whatever_they_are_returned(guest: Guest, answer: Any) -> None:
    guest.objects[0] = Net(answer)
    got = plain(guest.call_many(0, "params", {"W": np.array([[1.0], [2.0]])}, "loss", [], {}))
    assert type(got) is np.ndarray
    assert got.tolist() == [1.0, 2.0]
