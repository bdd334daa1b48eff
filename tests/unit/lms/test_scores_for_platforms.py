"""What follows after what a platform has accepted, and the URLs of columns."""

from __future__ import annotations

import datetime as dt
from itertools import product

import pytest

from grader.errors import BadCall
from grader.lms import services
from grader.lms.scores import PlatformProgress, PlatformScore, number
from grader.model import Points

MOMENT = dt.datetime(2026, 12, 1, 12, 0, 0, 5_000, tzinfo=dt.UTC)


def score(progress: PlatformProgress, points: str = "0", submission: str = "s") -> PlatformScore:
    return PlatformScore(progress, submission, MOMENT, Points(points), Points(8))


@pytest.mark.parametrize(("sent", "new"), list(product(PlatformProgress, PlatformProgress)))
def test_without_a_number_only_what_says_more_follows_and_after_a_number_only_numbers(
    sent: PlatformProgress, new: PlatformProgress
) -> None:
    ranks = ["Pending", "Failed", "PendingManual", "FullyGraded"]
    follows = new != sent and ranks.index(new) > ranks.index(sent)
    assert score(new).is_news(score(sent).stored) is follows
    assert score(new).is_news({})


def test_a_number_follows_if_it_or_its_submission_differs() -> None:
    sent = score(PlatformProgress.GRADED, "3.13").stored | {"timestamp": "2026-12-01T12:00:00.005+00:00"}
    assert not score(PlatformProgress.GRADED, "3.13").is_news(sent)
    assert score(PlatformProgress.GRADED, "3.12").is_news(sent)
    assert score(PlatformProgress.GRADED, "3.13", "later").is_news(sent)


def test_a_score_has_a_number_only_if_it_is_graded_and_times_have_fractions() -> None:
    body = score(PlatformProgress.MANUAL).body("ada", {}, MOMENT)
    assert {"scoreGiven", "scoreMaximum"}.isdisjoint(body)
    assert body["timestamp"] == body["submission"]["submittedAt"] == "2026-12-01T12:00:00.005+00:00"
    assert score(PlatformProgress.GRADED, "0").body("ada", {}, MOMENT)["scoreGiven"] == 0


@pytest.mark.parametrize(("points", "expected"), [("8", "8"), ("5.5", "5.5"), ("3.13", "3.13"), ("0", "0")])
def test_numbers_are_whole_or_exact_to_hundredths(points: str, expected: str) -> None:
    assert repr(number(Points(points))) == expected


def test_the_parameters_of_a_columns_url_stay() -> None:
    """Moodle: …/lineitems/7/lineitem?type_id=1"""
    within = services._within
    assert within("https://m.example/7/lineitem?type_id=1", "scores") == "https://m.example/7/lineitem/scores?type_id=1"
    assert within("https://m.example/items/", resource_id="ml/toy") == "https://m.example/items/?resource_id=ml%2Ftoy"


@pytest.mark.parametrize("url", ["http://m.example/1", "https://evil.example/1", "https://m.example:444/1", "/1"])
def test_a_token_is_not_sent_to_another_server(url: str) -> None:
    with pytest.raises(BadCall, match="another server"):
        services._same_origin("https://m.example/items", url)
