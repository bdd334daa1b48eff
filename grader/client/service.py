"""Requests to the service. Only the standard library is used, so that students need not install an HTTP package."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from email.message import Message
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from grader.client.login import Login
from grader.errors import BadCall, OurFailure

TIMEOUT_SECONDS = 60.0
ATTEMPTS = 3
"""Number of attempts to send a request while the service cannot be reached or is busy."""
MAX_WAIT_SECONDS = 10.0
"""Longest time to wait between attempts. If the service asks to wait longer, the request fails."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Row = Mapping[str, Any]
"""A JSON object in a response of the service. `/api/v1/openapi.json` describes its fields."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Does not follow redirects, since the token must not be sent to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


class ServiceClient:
    """A client of the service, for one member of a course."""

    def __init__(self, login: Login) -> None:
        parts = urlsplit(login.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadCall(f"{login.url} is not a valid URL: write a URL such as https://grader.example.edu")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise BadCall(f"{login.url} is not encrypted, so others could read your token: use https")
        self._login = login
        self._opener = urllib.request.build_opener(_NoRedirect)

    def me(self) -> Row:
        """Return the person that the token belongs to, and their courses."""
        found: Row = json.loads(self._answer("GET", "/api/v1/me"))
        return found

    def submit(self, assignment: str, files: Sequence[tuple[str, bytes]]) -> Row:
        """Submit files, as (name, bytes), and return the receipt. If no response arrives, the request is repeated with
        the same idempotency key, so that the service stores the submission once."""
        boundary = uuid.uuid4().hex
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        path = self._submissions(assignment)
        receipt: Row = json.loads(self._answer("POST", path, _multipart(files, boundary), headers))
        return receipt

    def latest(self, assignment: str, limit: int) -> list[Row]:
        """Return the caller's newest submissions, at most `limit`."""
        query = urlencode({"limit": limit, "author": self.me()["login"]})
        rows: list[Row] = json.loads(self._answer("GET", f"{self._submissions(assignment)}?{query}"))
        return rows

    def report_page(self, submission: str) -> str:
        """Return the report of a graded submission as an HTML page."""
        return self._answer("GET", f"/api/v1/submissions/{quote(submission, safe='')}/report.html").decode("utf-8")

    def _submissions(self, assignment: str) -> str:
        course, task = (quote(id, safe="") for id in (self._login.course, assignment))
        return f"/api/v1/courses/{course}/assignments/{task}/submissions"

    def _answer(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}) -> bytes:
        """Send a request and return the body of the response.

        Raises:
            BadCall: If the service refuses the request.
            OurFailure: If the service cannot be reached or is unavailable.
        """
        url = self._login.url.rstrip("/") + path
        request = urllib.request.Request(url, body, dict(headers), method=method)  # noqa: S310  http or https, see above
        request.add_header("Authorization", f"Bearer {self._login.token}")
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                    content: bytes = answer.read()
                    return content
            except urllib.error.HTTPError as refusal:
                wait = _retry_after(refusal.headers)
                if refusal.code not in (429, 503) or wait > MAX_WAIT_SECONDS or attempt == ATTEMPTS:
                    raise _refusal(refusal, self._login.url) from None
            except (OSError, http.client.HTTPException) as gone:
                wait = 1.0
                if attempt == ATTEMPTS:
                    reason = getattr(gone, "reason", gone)
                    raise OurFailure(
                        f"no answer from {self._login.url} ({reason}): try again in a moment, or check the address"
                    ) from None
            time.sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")


def _retry_after(headers: Message) -> float:
    try:
        return max(1.0, float(headers.get("Retry-After", "1")))
    except ValueError:  # proxies may send a date
        return 2 * MAX_WAIT_SECONDS


def _refusal(error: urllib.error.HTTPError, url: str) -> BadCall | OurFailure:
    if error.code == 401:
        why = "the token was copied incorrectly, has expired or was revoked"
        return BadCall(f"{url} does not accept your token: {why}; log in with grader login again")
    if 300 <= error.code < 400:
        return BadCall(f"{url} redirects requests to another address: log in with that address")
    try:
        problem = json.loads(error.read())
        detail = str(problem.get("detail") or problem["title"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        detail = f"HTTP status {error.code}; is it the address of the service?"
    message = f"{url}: {detail}"
    return OurFailure(message) if error.code >= 500 else BadCall(message)


def _multipart(files: Sequence[tuple[str, bytes]], boundary: str) -> bytes:
    """Return a multipart form with the files in the field `files`. Names are escaped as browsers do."""
    parts = []
    for name, content in files:
        escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{escaped}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        parts.append(head.encode("utf-8") + content + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode()
