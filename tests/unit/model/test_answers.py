"""What is said of an answer that several have written."""

from __future__ import annotations

from grader.model import Comparison, Judgement, Opinion, Points
from grader.model.answers import WrittenAnswer, common

PROVEN = Opinion((Judgement("W2", Comparison.EQUAL, Points(5), Points(5), "Equal on 24 random problems."),))
DIFFERS = Opinion((Judgement("W2", Comparison.DIFFERS, None, Points(5), "Differs."),))


def answer(suggestion: Opinion, decided: Points | None = None) -> WrittenAnswer:
    return WrittenAnswer("q1.3", "d", "$g h^{(1)T}$", suggestion, decided)


def test_a_suggestion_for_the_same_words_stands_where_it_is_the_same_for_all() -> None:
    assert common({answer(PROVEN).suggestion, answer(PROVEN).suggestion}) == PROVEN


def test_words_that_mean_different_things_have_no_suggestion_for_all() -> None:
    assert common({answer(DIFFERS).suggestion, answer(PROVEN).suggestion}) is None


def test_nothing_is_decided_for_all_while_one_waits() -> None:
    assert common({answer(DIFFERS).decided, answer(PROVEN, Points(5)).decided}) is None
    assert common({answer(PROVEN, Points(5)).decided, answer(PROVEN, Points(5)).decided}) == 5
