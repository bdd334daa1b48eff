"""Start a learning platform as a process of its own, and control it.

with platform_one() as platform:
    platform.register(grader.url + "/lti/register")
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx

WAIT_SECONDS = 60.0
VERIFY = False
"""Everything is on loopback."""
EDX = Path(sys.executable).parent.parent / "edx" / "bin" / "python"
"""Of the environment that `make .venv/edx/ready` installs."""


class Platform:
    """A client of a running platform's routes for tests.

    Open edX has one course, whose id and deployment are its own, no registration by the tool, no forged tokens and no
    marks by hand; its links are blocks, and a tool is the one that was added last.
    """

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._client = httpx.Client(base_url=f"{issuer}/control/", timeout=WAIT_SECONDS, verify=VERIFY)

    def close(self) -> None:
        self._client.close()

    def post(self, route: str, content: Any) -> Any:
        response = self._client.post(route, json=content)
        assert response.status_code == 200, response.text
        return response.json()

    def get(self, route: str) -> Any:
        response = self._client.get(route)
        assert response.status_code == 200, response.text
        return response.json()

    # who and what there is

    def add_tool(self, **fields: Any) -> dict[str, Any]:
        """Register a tool by hand, with `login_url`, `launch_url`, `redirect_uris`, `jwks_uri` and `deep_link_url`.

        Returns:
            client_id, deployments, issuer, authorization_endpoint, token_endpoint and jwks_uri.
        """
        return dict(self.post("tools", fields))

    def registration_url(self, url: str) -> str:
        """Return what an administrator opens in order to register the tool whose registration page is `url`."""
        return str(self.post("registrations", {"url": url})["url"])

    def tools(self) -> list[dict[str, Any]]:
        return list(self.get("tools"))

    def add_deployment(self, client_id: str) -> str:
        return str(self.post("deployments", {"client_id": client_id})["deployment_id"])

    def add_person(self, person: str, name: str = "", email: str = "", is_test_student: bool = False) -> None:
        fields = {"id": person, "name": name or person.title(), "email": email, "is_test_student": is_test_student}
        self.post("people", fields)

    def add_course(self, course: str, title: str, deployment: str) -> None:
        self.post("courses", {"id": course, "title": title, "deployment": deployment})

    def put_member(self, course: str, person: str, *roles: str, status: str = "Active") -> None:
        """`roles` are names such as Learner, or addresses. Without one the person has left."""
        self.post("members", {"course": course, "person": person, "roles": roles, "status": status})

    def add_link(self, course: str, title: str, **content: Any) -> dict[str, Any]:
        """Add a resource link by hand, with the fields `url`, `custom` and `lineItem` of deep linking."""
        return dict(self.post("links", {"course": course, "title": title, **content}))

    # launches

    def launch(self, person: str, course: str, link: str = "", **how: Any) -> dict[str, str]:
        """Return the addresses of a launch, or without a link of deep linking: `login_url` and `page`.

        `how`: `target`, iframe or window; for a forged token `claims`, `header`, `alg` and `key`. On Open edX
        content is chosen for a block: a new one, which is returned as `link`, or `link` with `deep_linking=True`.
        """
        return dict(self.post("launches", {"person": person, "course": course, "link": link, **how}))

    def open(self, browser: httpx.Client, person: str, course: str, link: str = "", **how: Any) -> httpx.Response:
        """Launch as a browser would, without its scripts, and return the tool's answer to the token."""
        return follow_launch(browser, self.launch(person, course, link, **how)["login_url"])

    def sign(self, claims: dict[str, Any], **how: Any) -> str:
        return str(self.post("sign", {"claims": claims, **how})["token"])

    def rotate_keys(self, keep: bool = False) -> None:
        self.post("keys", {"keep": keep})

    # the gradebook

    def course(self, course: str) -> dict[str, Any]:
        """Return its links, line items, members, and results with `score` and `by`: tool or person."""
        return dict(self.get(f"courses/{course}"))

    def grade_of(self, course: str, line_item: str, person: str) -> float | None:
        for result in self.course(course)["results"]:
            if (result["line_item"], result["userId"]) == (line_item, person):
                return result["score"]  # type: ignore[no-any-return]
        return None

    def scores(self) -> list[dict[str, Any]]:
        """Return every score that came, in order: `line_item`, `body`, `at`, and the `status` of the answer.

        The status is None where a fault kept it from being looked at.
        """
        return list(self.get("scores"))

    def grade_by_hand(self, course: str, line_item: str, person: str, score: float) -> None:
        self.post("grades", {"course": course, "line_item": line_item, "person": person, "score": score})

    # how it misbehaves

    def misbehave(self, *faults: dict[str, Any]) -> None:
        """Replace the faults that are left; see `Fault` in platform_one.py."""
        self.post("faults", faults)

    def set(self, **settings: Any) -> None:
        """`members_on_page`; `storage_target`: `_parent`, `storage`, or empty for a platform without storage.

        Open edX: `shares_names`, whether tools get names and e-mail addresses.
        """
        self.post("settings", settings)

    # the queue for external graders of Open edX, at `{issuer}/xqueue`, for the user "grader" with the password "xqueue"

    def xqueue_add(self, queue: str, answer: str, student: str = "ann", **fields: Any) -> int:
        """Submit to a queue, and return the submission's id.

        `files` by name; `grader`, `points` and `item` are the problem's.
        """
        content = {"item": "item", "grader": "", "points": 100} | fields
        return int(self.post("xqueue/add", {"queue": queue, "answer": answer, "student": student} | content)["id"])

    def xqueue(self) -> list[dict[str, Any]]:
        """Return all submissions: `id`, `status`, `reply`, `score`, and `results`, how many scores were stored."""
        return list(self.get("xqueue/list"))

    def xqueue_age(self, seconds: float = 400) -> None:
        """Let time pass for submissions that were pulled: after five minutes they are offered again."""
        self.post("xqueue/age", {"seconds": seconds})


class Form(HTMLParser):
    """The first form of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "form":
            self.action = self.action or told["action"] or ""
        if tag == "input" and told.get("name"):
            self.fields[told["name"] or ""] = told.get("value") or ""


def browser() -> httpx.Client:
    """Return a client that, like Chromium, sends Secure cookies to this machine without TLS."""
    kept = httpx.Cookies(CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https"))))

    def send(request: httpx.Request) -> None:
        request.headers.pop("Cookie", None)
        kept.set_cookie_header(request)

    hooks = {"request": [send], "response": [kept.extract_cookies]}
    return httpx.Client(event_hooks=hooks, timeout=WAIT_SECONDS, verify=VERIFY)


def follow_launch(browser: httpx.Client, login_url: str) -> httpx.Response:
    """Go from a login through the platform, and post its token to the tool."""
    page = browser.get(login_url, follow_redirects=True)
    assert page.status_code == 200, (page.url, page.text)
    form = Form(page.text)
    return browser.post(form.action, data=form.fields)


@contextlib.contextmanager
def platform_one(name: str = "localhost") -> Iterator[Platform]:
    """A browser takes `localhost` and `127.0.0.1` for two sites, as a platform and a tool are."""
    with _started([sys.executable, "-m", "tests.lms.platform_one", name]) as platform:
        yield platform


@contextlib.contextmanager
def platform_edx() -> Iterator[Platform]:
    with tempfile.TemporaryDirectory() as folder:
        # the packages' own warnings are not ours
        command = [str(EDX), "-W", "ignore", "-m", "tests.lms.platform_edx", folder]
        with _started(command) as platform:
            yield platform


@contextlib.contextmanager
def _started(command: list[str]) -> Iterator[Platform]:
    # where the tests are killed, the kernel kills it too
    process = subprocess.Popen(["setpriv", "--pdeathsig=KILL", *command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    platform = Platform(process.stdout.readline().strip())
    try:
        yield platform
    finally:
        platform.close()
        process.kill()
        process.wait()
        process.stdout.close()
