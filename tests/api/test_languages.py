"""The language of pages: German for browsers that prefer it, English for all others."""

from __future__ import annotations

import pytest
from httpx2 import Response

from tests.api.test_pages import OF_ASSIGNMENT, words
from tests.api.world import World

GERMAN = "de-AT,de;q=0.9,en;q=0.8"


def page(world: World, path: str, language: str, login: str = "ada") -> Response:
    headers = {**world.headers(login), "Accept": "text/html", "Accept-Language": language}
    return world.client.get(path, headers=headers)


@pytest.mark.parametrize("accepted", [GERMAN, "de", "fr,de;q=0.5", "en;q=0.1,de;q=0.2"])
def test_a_browser_that_prefers_german_gets_german_pages(world: World, accepted: str) -> None:
    answer = page(world, "/", accepted)
    assert '<html lang="de">' in answer.text
    assert "Meine Kurse" in words(answer.text)
    assert answer.headers["content-language"] == "de"
    assert "Accept-Language" in answer.headers["vary"]


@pytest.mark.parametrize("accepted", ["", "en", "fr", "de, en", "en-US,en;q=0.9,de;q=0.8", "de;q=0", "x;q=9,;;,q"])
def test_all_others_get_english_pages(world: World, accepted: str) -> None:
    answer = page(world, "/", accepted)
    assert '<html lang="en">' in answer.text
    assert "My courses" in words(answer.text)
    assert answer.headers["content-language"] == "en"


def test_without_the_header_pages_are_english(world: World) -> None:
    answer = world.client.get("/", headers={**world.headers("ada"), "Accept": "text/html"})
    assert '<html lang="en">' in answer.text


def test_a_report_is_german_around_the_english_sentences_of_checks(world: World) -> None:
    id = world.hand_in("ada")
    world.grade_next("wrong")
    report = page(world, f"/submissions/{id}", GERMAN).text
    assert "von 5.5 Punkten" in words(report)
    assert "✗ nicht bestanden" in words(report)
    assert '<p lang="en">' in report
    assert 'lang="en"' not in page(world, f"/submissions/{id}", "en").text.replace('<html lang="en">', "")


def test_the_file_of_a_report_stays_english(world: World) -> None:
    id = world.hand_in("ada")
    world.grade_next()
    file = page(world, f"/api/v1/submissions/{id}/report.html", GERMAN).text
    assert '<html lang="en">' in file
    assert "How this was graded" in file


def test_pages_in_two_languages_do_not_mix(world: World) -> None:
    world.hand_in("ada")
    german, english, german_again = (page(world, OF_ASSIGNMENT, language).text for language in (GERMAN, "en", GERMAN))
    assert "wartend" in words(german)
    assert "waiting" in words(english)
    assert words(german) == words(german_again)


def test_the_title_of_an_error_is_german(world: World) -> None:
    answer = page(world, "/courses/unknown", GERMAN)
    assert answer.status_code == 404
    assert "Nicht gefunden" in words(answer.text)
