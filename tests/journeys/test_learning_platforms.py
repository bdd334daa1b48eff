"""A course of a learning platform, from its registration to a score that is withheld: a real service, beside two real
platforms."""

from __future__ import annotations

import datetime as dt
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from grader.store import lti_scores
from tests.conftest import TOY_CHECKS, TOY_SOLUTION
from tests.lms.platforms import Form, Platform, browser, follow_launch, platform_edx, platform_one
from tests.running import WAIT_SECONDS, Running, running, until_final

pytestmark = pytest.mark.long

COURSE = "/courses/ml"
TOY = f"{COURSE}/assignments/toy"
ACCEPTED = {200, 201}
WRONG_CHECK = TOY_CHECKS.replace("near(answer, -1.0)", "near(answer, 1.0)")
"""Two of the four points of a right solution are lost."""


@dataclass
class Visitor:
    """A browser that shows pages of the service, and sends their forms."""

    client: httpx.Client
    url: str

    def get(self, path: str) -> str:
        answer = self.client.get(f"{self.url}{path}", follow_redirects=True)
        assert answer.status_code == 200, f"{path}: {answer.status_code}\n{answer.text}"
        return answer.text

    def send(self, path: str, files: dict[str, bytes] | None = None, **fields: str) -> httpx.Response:
        """Send a form with the token of this session, and follow to the page that answers."""
        (csrf, *_) = re.findall(r'name="csrf" value="(\w+)"', self.get("/settings"))
        uploads = [("files", file) for file in (files or {}).items()] or None
        answer = self.client.post(
            f"{self.url}{path}", data={"csrf": csrf, **fields}, files=uploads, follow_redirects=True
        )
        assert answer.status_code == 200, f"{path}: {answer.status_code}\n{answer.text}"
        return answer

    def press(self, page: httpx.Response, **chosen: str) -> httpx.Response:
        """Send the form of a page that a launch has led to, and follow to the page that answers."""
        assert page.status_code == 200, page.text
        form = Form(page.text)
        answer = self.client.post(urljoin(str(page.url), form.action), data=form.fields | chosen, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer


@dataclass
class Campus:
    """A service, and a platform whose course has the members tess, an instructor, and ann, a learner."""

    service: Running
    platform: Platform
    admin: Visitor
    tess: Visitor
    ann: Visitor

    def numbers(self) -> list[tuple[Any, ...]]:
        """The points, maximum and moment of submission of each number that the platform has accepted, in order."""
        bodies = [score["body"] for score in self.platform.scores() if score["status"] in ACCEPTED]
        graded = [body for body in bodies if body.get("scoreGiven") is not None]
        assert {body["gradingProgress"] for body in graded} <= {"FullyGraded"}, self.told()
        return [(body["scoreGiven"], body["scoreMaximum"], body["submission"]["submittedAt"]) for body in graded]

    def told(self) -> str:
        """What the platform has received, and the last lines of the service."""
        received = "\n".join(map(str, self.platform.scores()))
        return f"the platform has received:\n{received}\nthe service:\n{self.service.log()[-3000:]}"

    def until(self, is_over: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not is_over():
            assert time.monotonic() < deadline, f"{what}\n{self.told()}"
            time.sleep(0.1)

    def until_sent(self) -> None:
        """Wait until no score is on its way."""

        def is_nothing_waiting() -> bool:
            with store.read() as tx:
                return not lti_scores.waiting(tx, "ml")

        store = self.service.open_store()
        self.until(is_nothing_waiting, "scores still wait")
        store.close()


@contextmanager
def campus(folder: Path, platform: Platform) -> Iterator[Campus]:
    """Yield a new service that offers the toy assignment with a wrong check in "ml", and its administrator."""
    with running(folder, students=0, GRADER_WORKERS="1") as service, browser() as admin, browser() as tess:
        (service.assignments / "toy" / "checks.py").write_text(WRONG_CHECK)
        service.environment["GRADER_URL"] = service.url
        service.start()
        link = (service.home / "first-login").read_text("utf-8")
        admin.post(f"{service.url}/login", data={"token": link})
        with browser() as ann:
            visitors = [Visitor(client, service.url) for client in (admin, tess, ann)]
            yield Campus(service, platform, *visitors)


# ── what the two platforms have in common ────────────────────────────────────────────────────────────


def put_people(platform: Platform, course: str = "") -> None:
    for person, role in (("tess", "Instructor"), ("ann", "Learner")):
        platform.add_person(person, email=f"{person}@uni.example")
        platform.put_member(course, person, role)


def link_and_choose(there: Campus, page: httpx.Response) -> None:
    """tess links the platform's course, and chooses the assignment that the platform adds."""
    assert "Link this course" in page.text
    choice = there.tess.press(page, course="ml")
    assert "Choose assignments" in choice.text
    answer = there.tess.press(choice, assignments="toy")
    assert there.tess.press(answer).url.host == "localhost", "it is the platform's page"


def update_the_roster(there: Campus) -> None:
    """tess looks at what the platform's roster changes, and confirms it."""
    (path,) = set(re.findall(rf'action="({COURSE}/platform/\w+/roster)"', there.tess.get(f"{COURSE}/platform")))
    shown = there.tess.send(path).text
    assert "1 would be added" in shown, shown
    assert "Ann" not in there.tess.get(f"{COURSE}/people"), "nothing changes before it is confirmed"
    (seen,) = re.findall(r'name="seen" value="(\w+)"', shown)
    assert "Ann" in there.tess.send(path, seen=seen).text


def open_assignment(visitor: Visitor, frame: httpx.Response) -> None:
    """Open the grader from a launch's page in a frame, which begins no session itself."""
    assert "set-cookie" not in frame.headers
    assert visitor.press(frame).url.path == TOY


def submit(there: Campus) -> tuple[str, str]:
    """ann submits in the session of her launch. Return the submission's path and the moment at which it came."""
    path = there.ann.send(TOY, {"mlp.py": TOY_SOLUTION.encode()}).url.path
    url = f"{there.service.url}/api/v1{path}"
    assert until_final(there.ann.client, url) == "graded", there.service.log()
    return path, there.ann.client.get(url).json()["received_at"]


def regrade(there: Campus) -> None:
    """The author mends the check, and tess applies a regrade."""
    there.service.send(signal.SIGTERM)
    (there.service.assignments / "toy" / "checks.py").write_text(TOY_CHECKS)
    there.service.start()
    started = there.tess.send(f"{TOY}/regrades", which="latest").url.path
    there.until(lambda: f"{started}/apply" in there.tess.get(started), "the regrade has not ended")
    assert [points for points, *_ in there.numbers()] == [2], "what is not applied is not sent"
    there.tess.send(f"{started}/apply")


def submit_and_change(there: Campus, grade: Callable[[], float | None], maximum: float) -> None:
    """Follow the score of ann: submitted, regraded, changed while it is held, and released.

    Args:
        there: The service and the platform.
        grade: Returns the number in the platform's gradebook.
        maximum: The maximum of the platform's column.
    """
    submission, received_at = submit(there)
    there.until(lambda: grade() is not None, "no score has come")
    there.until_sent()
    ((points, possible, submitted_at),) = there.numbers()
    assert (points, possible) == (2, 5.5), there.told()
    received = dt.datetime.fromisoformat(received_at)
    assert submitted_at == received.isoformat(timespec="milliseconds"), there.told()
    assert grade() == pytest.approx(2 / 5.5 * maximum), there.told()

    regrade(there)
    there.until(lambda: len(there.numbers()) > 1, "the regraded score has not come")
    there.until_sent()
    assert there.numbers()[1:] == [(4, 5.5, submitted_at)], there.told()
    assert grade() == pytest.approx(4 / 5.5 * maximum), there.told()

    login = there.ann.client.get(f"{there.service.url}/api/v1/me").json()["login"]
    there.tess.send(f"{TOY}/students/{login}/hold", hold="held")
    there.tess.send(f"{TOY}/students/{login}/adjustments", points="-1", reason="copied a line")
    there.until_sent()
    assert len(there.numbers()) == 2, there.told()
    assert grade() == pytest.approx(4 / 5.5 * maximum), there.told()
    there.tess.send(f"{TOY}/students/{login}/hold", hold="released")
    there.until(lambda: len(there.numbers()) > 2, "the released score has not come")
    there.until_sent()
    assert there.numbers()[2:] == [(3, 5.5, submitted_at)], there.told()
    assert grade() == pytest.approx(3 / 5.5 * maximum), there.told()
    assert {score["status"] for score in there.platform.scores()} <= ACCEPTED, "each is accepted at once"
    assert "3 of 5.5" in there.ann.get(submission), "the student sees the same"


# ── the two platforms ────────────────────────────────────────────────────────────────────────────────


def test_a_platform_that_registers_itself_gets_the_scores_of_a_course(tmp_path: Path) -> None:
    with platform_one() as platform, campus(tmp_path, platform) as there:
        shown = there.admin.send("/platforms/links").text
        (registration,) = re.findall(r"http\S+/lti/register\?token=[\w.-]+", shown)
        with browser() as platform_admin:
            registered = platform_admin.get(platform.registration_url(registration))
        assert "The grader is registered" in registered.text
        tool = platform.tools()[-1]
        assert tool["client_id"] in there.admin.get("/platforms")
        platform.set(storage_target="")
        platform.add_course("ml-26", "Machine learning there", tool["deployments"][0])
        put_people(platform, "ml-26")

        # the platform is trusted with no domain, so her account is one of this platform
        stranger = platform.open(there.tess.client, "tess", "ml-26").text
        (login,) = re.findall(r"<code>(lti-\w+)</code>", stranger)
        there.admin.send(f"{COURSE}/people", login=login, name="Tess", role="staff")
        link_and_choose(there, platform.open(there.tess.client, "tess", "ml-26"))
        course = platform.course("ml-26")
        (column,), (link,) = course["line_items"], course["links"]
        assert (column["resourceId"], column["scoreMaximum"], column["label"]) == ("ml/toy", 5.5, "Sums")

        open_assignment(there.tess, platform.open(there.tess.client, "tess", "ml-26", link))
        update_the_roster(there)
        open_assignment(there.ann, platform.open(there.ann.client, "ann", "ml-26", link))
        submit_and_change(there, lambda: platform.grade_of("ml-26", column["id"], "ann"), 5.5)


def test_open_edx_which_is_registered_by_hand_gets_the_scores_of_a_course(tmp_path: Path) -> None:
    """Its blocks declare their column before an assignment is chosen for them, and the launch of a block tells it."""
    with platform_edx() as platform, campus(tmp_path, platform) as there:
        launch_url, login_url, keys_url = re.findall(r"<dd><code>(.+)</code></dd>", there.admin.get("/platforms"))
        tool = platform.add_tool(
            login_url=login_url,
            launch_url=launch_url,
            redirect_uris=[launch_url],
            jwks_uri=keys_url,
            deep_link_url=launch_url,
        )
        there.admin.send(
            "/platforms",
            name="Open edX",
            issuer=tool["issuer"],
            client_id=tool["client_id"],
            login_url=tool["authorization_endpoint"],
            token_url=tool["token_endpoint"],
            keys_url=tool["jwks_uri"],
            deployments=" ".join(tool["deployments"]),
            domains="uni.example",
        )
        there.admin.send(f"{COURSE}/people", login="tess@uni.example", name="Tess", role="staff")
        put_people(platform)

        launch = platform.launch("tess", "")
        link_and_choose(there, follow_launch(there.tess.client, launch["login_url"]))
        column = platform.course("only")["line_items"][launch["link"]]
        open_assignment(there.tess, platform.open(there.tess.client, "tess", "", launch["link"]))
        update_the_roster(there)
        open_assignment(there.ann, platform.open(there.ann.client, "ann", "", launch["link"]))
        submit_and_change(there, lambda: platform.grade_of("only", column, "ann"), 1)
