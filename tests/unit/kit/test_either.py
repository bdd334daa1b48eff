"""What the handout leaves open: a claim holds if one of the accepted ways does."""

from __future__ import annotations

from grader.kit import either
from grader.kit.claim import Claim, claim
from grader.kit.verdict import Verdict, failed, passed


def way(name: str, *, holds: bool) -> list[Claim]:
    def judge(_truth: object) -> Verdict:
        return passed() if holds else failed(f"not as {name}")

    return [claim("decay", judge, own=lambda _truth, _causes: judge(None))]


def test_one_way_that_holds_is_enough() -> None:
    (found,) = either(way("first", holds=False), way("second", holds=True))
    assert found.name == "decay"
    assert found.judge(None).holds
    assert found.own is not None
    assert found.own(None, ()).holds


def test_where_none_holds_the_first_ways_reason_is_told() -> None:
    (found,) = either(way("first", holds=False), way("second", holds=False))
    assert found.judge(None).reason == "not as first"
