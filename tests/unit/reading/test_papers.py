"""What is said of an answer that several have written."""

from __future__ import annotations

import datetime as dt

from grader.model import Points
from grader.reading.papers import decided_of_all, suggestion_of_all
from grader.store.answers import Answer, Ground, Handed, Suggestion

PROVEN = Suggestion((Ground("W2", "Equal on 24 random problems.", Points(5)),))
DIFFERS = Suggestion((Ground("W2", "Differs.", None),))


def handed(suggestion: Suggestion | None, decided: Points | None = None) -> Handed:
    answer = Answer("q1.3", "d", "$g h^{(1)T}$", suggestion, decided)
    return Handed("s", ("ada",), dt.datetime(2026, 11, 25, tzinfo=dt.UTC), answer)


def test_a_suggestion_for_the_same_words_stands_where_it_is_the_same_for_all() -> None:
    assert suggestion_of_all([handed(PROVEN), handed(PROVEN)]) == PROVEN


def test_words_that_mean_different_things_have_no_suggestion_for_all() -> None:
    assert suggestion_of_all([handed(DIFFERS), handed(PROVEN)]) is None


def test_nothing_is_decided_for_all_while_one_waits() -> None:
    assert decided_of_all([handed(DIFFERS), handed(PROVEN, Points(5))]) is None
    assert decided_of_all([handed(PROVEN, Points(5)), handed(PROVEN, Points(5))]) == 5
