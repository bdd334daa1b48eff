"""The page of a submitted file, and comments of staff on its lines."""

from __future__ import annotations

import re
from typing import Any

import pytest

from grader.api.submissions import SHOWN_LINES
from grader.store.line_comments import MOST
from tests.api.test_pages import Visitor
from tests.api.world import World
from tests.conftest import TOY_SOLUTION


@pytest.fixture
def submission(world: World) -> str:
    """Ada's, graded."""
    id = world.hand_in("ada", TOY_SOLUTION + "# <b>bold</b>\n")
    world.grade_next()
    return id


def path_of(submission: str) -> str:
    return f"/submissions/{submission}/files/0"


def comment(world: World, submission: str, text: str = "Why?", line: int = 2, who: str = "grace") -> int:
    """The status of the answer to the page's form."""
    path = path_of(submission)
    return Visitor(world, who).sends(path, path, line=str(line), text=text).status_code


def comments_of(world: World, submission: str, who: str) -> list[dict[str, Any]]:
    answer = world.client.get(f"/api/v1/submissions/{submission}", headers=world.headers(who))
    return list(answer.json()["line_comments"])


def lines_of(html: str) -> dict[int, str]:
    """The lines of the page by number, with what is below each."""
    return {int(number): text for number, text in re.findall(r'(?s)<li id="line-(\d+)">(.*?)</li>', html)}


def test_a_file_is_shown_as_numbered_lines_and_its_markup_as_text(world: World, submission: str) -> None:
    visitor = Visitor(world, "ada")
    assert f'href="{path_of(submission)}"' in visitor.get(f"/submissions/{submission}/receipt")
    lines = lines_of(visitor.get(path_of(submission)))
    assert len(lines) == len(TOY_SOLUTION.splitlines()) + 1
    assert "&lt;b&gt;bold&lt;/b&gt;" in lines[len(lines)]


def test_a_comment_stands_below_its_line_and_the_submission_leads_to_it(world: World, submission: str) -> None:
    assert comment(world, submission, "Why <i>so</i>?", line=2) == 303
    ada = Visitor(world, "ada")
    assert f'<a href="{path_of(submission)}#line-2">1 comment on lines</a>' in ada.get(f"/submissions/{submission}")
    assert "1 comment</td>" in ada.get(f"/submissions/{submission}/receipt")
    page = ada.get(path_of(submission))
    commented = [number for number, text in lines_of(page).items() if "Why &lt;i&gt;so&lt;/i&gt;?" in text]
    assert commented == [2]
    assert "Grace" not in page
    assert "Grace" in Visitor(world, "grace").get(path_of(submission))


def test_authors_see_comments_when_results_are_released(world: World, submission: str) -> None:
    assert comment(world, submission) == 303
    for held, seen in ((True, 0), (False, 1)):
        world.set(held=held)
        assert len(comments_of(world, submission, "ada")) == seen
        assert Visitor(world, "ada").get(path_of(submission)).count("Why?") == seen
        assert len(comments_of(world, submission, "grace")) == 1
        assert Visitor(world, "grace").get(path_of(submission)).count("Why?") == 1


def test_staff_replace_and_remove_their_own_comment_only(world: World, submission: str) -> None:
    assert comment(world, submission, "of root", who="root") == 303
    for text, texts in (("first", ["of root", "first"]), ("second", ["of root", "second"]), (" ", ["of root"])):
        assert comment(world, submission, text) == 303
        assert [comment["text"] for comment in comments_of(world, submission, "ada")] == texts


def test_lines_and_comments_are_limited(world: World) -> None:
    long = world.hand_in("ada", TOY_SOLUTION + f"#{'x' * 5_000}\n" + "#\n" * SHOWN_LINES)
    lines = lines_of(Visitor(world, "ada").get(path_of(long)))
    assert len(lines) == SHOWN_LINES
    assert max(map(len, lines.values())) < 600
    assert comment(world, long, line=SHOWN_LINES + 1) == 422
    assert comment(world, long, "x" * 2_001) == 422
    grace = Visitor(world, "grace")
    path = path_of(long)
    statuses = [grace.sends(path, path, line=str(line), text="Why?").status_code for line in range(1, MOST + 2)]
    assert statuses == [303] * MOST + [422]


def test_a_file_that_is_not_text_is_not_shown(world: World) -> None:
    files = [("files", ("mlp.py", TOY_SOLUTION.encode())), ("files", ("data.bin", b"\0\1"))]
    answer = world.client.post(
        "/api/v1/courses/ml/assignments/toy/submissions", files=files, headers=world.headers("ada")
    )
    names = [file["name"] for file in answer.json()["files"]]
    page = Visitor(world, "ada").get(f"/submissions/{answer.json()['submission']}/files/{names.index('data.bin')}")
    assert "The file is not text." in page


def test_there_is_no_page_of_a_file_that_was_not_submitted(world: World, submission: str) -> None:
    ada = Visitor(world, "ada")
    assert {ada.asks(f"/submissions/{submission}/files/{number}").status_code for number in (-1, 1, 10**30)} == {404}
