"""The questions of the real assignment, and a way to ask about one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from grader.assignments.catalogue import Assignment
from grader.derivations.opinions import opinions
from grader.model import Opinion

Ask = Callable[..., Opinion]


@pytest.fixture
def ask(ps4: Assignment) -> Ask:
    """ask("q1.3", answer): the opinion, after `earlier` answers."""

    def asked(question: str, answer: str, earlier: Mapping[str, str] | None = None) -> Opinion:
        return opinions(ps4.known_questions, {**(earlier or {}), question: answer})[question]

    return asked
