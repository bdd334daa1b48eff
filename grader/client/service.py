"""Send requests to the service. Only the standard library is used, so that students need no HTTP package."""

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
"""A request is sent at most this number of times if the service cannot be reached or is busy."""
MAX_WAIT_SECONDS = 10.0
"""A request fails if the service asks to wait longer than this before the next attempt."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Row = Mapping[str, Any]
"""A JSON object from the service. `/api/v1/openapi.json` describes its fields."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Handler that follows no redirects, because the token must not be sent to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


class ServiceClient:
    """Sends requests to the service with the token of one member of a course."""

    def __init__(self, login: Login) -> None:
        parts = urlsplit(login.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadCall(f"{login.url} is not a valid URL: write a URL such as https://grader.example.edu")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise BadCall(f"{login.url} is not encrypted, so others could read your token: use https")
        self._login = login
        self._opener = urllib.request.build_opener(_NoRedirect)

    def token_for(self, hub_token: str) -> str:
        """Return a token of the service that is valid for a few minutes, for the token of a notebook server of the
        JupyterHub that the service trusts."""
        body = json.dumps({"token": hub_token}).encode()
        answer = self._answer("POST", "/api/v1/tokens/jupyterhub", body, {"Content-Type": "application/json"})
        token: str = json.loads(answer)["token"]
        return token

    def me(self) -> Row:
        """Return the owner of the token, with the owner's courses."""
        person: Row = json.loads(self._answer("GET", "/api/v1/me"))
        return person

    def assignment(self, assignment: str) -> Row:
        """Return the settings of an assignment, with the late days of the token's owner."""
        row: Row = json.loads(self._answer("GET", self._assignment(assignment)))
        return row

    def submit(self, assignment: str, files: Sequence[tuple[str, bytes]], late_days: int = 0) -> Row:
        """Submit files, each as (name, bytes), and return the receipt. Even if the request is sent again, the service
        stores only one submission. `late_days` is the most late days to use."""
        boundary = uuid.uuid4().hex
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        path = self._submissions(assignment)
        receipt: Row = json.loads(self._answer("POST", path, _multipart(files, late_days, boundary), headers))
        return receipt

    def latest(self, assignment: str, limit: int) -> list[Row]:
        """Return the newest submissions of the token's owner, at most `limit`."""
        query = urlencode({"limit": limit, "author": self.me()["login"]})
        rows: list[Row] = json.loads(self._answer("GET", f"{self._submissions(assignment)}?{query}"))
        return rows

    def report_page(self, submission: str) -> str:
        """Return the report of a graded submission as an HTML page."""
        path = f"/api/v1/submissions/{quote(submission, safe='')}/report.html"
        return self._answer("GET", path).decode("utf-8")

    def receipt_keys(self) -> Row:
        """Return the public keys of the service's receipts. No login is needed."""
        keys: Row = json.loads(self._answer("GET", "/.well-known/jwks.json"))
        return keys

    def _assignment(self, assignment: str) -> str:
        course = quote(self._login.course, safe="")
        task = quote(assignment, safe="")
        return f"/api/v1/courses/{course}/assignments/{task}"

    def _submissions(self, assignment: str) -> str:
        return f"{self._assignment(assignment)}/submissions"

    def _answer(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}) -> bytes:
        """Send a request and return the body of the response. Retry if the service is busy or cannot be reached.

        Raises:
            BadCall: If the service refuses the request.
            OurFailure: If the last attempt fails because the service is unavailable or cannot be reached.
        """
        url = self._login.url.rstrip("/") + path
        request = urllib.request.Request(url, body, dict(headers), method=method)  # noqa: S310  http or https, see above
        if self._login.token:
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
    """Return the seconds to wait before the next attempt, by default 1. If the header is not a number, return so many
    that the request fails."""
    try:
        return max(1.0, float(headers.get("Retry-After", "1")))
    except ValueError:  # proxies may send a date
        return 2 * MAX_WAIT_SECONDS


def _refusal(error: urllib.error.HTTPError, url: str) -> BadCall | OurFailure:
    """Return the exception for an error response: `OurFailure` if the service failed, otherwise `BadCall`. The message
    has the detail of the service's problem document (RFC 9457). `url` is the service's URL."""
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


def _multipart(files: Sequence[tuple[str, bytes]], late_days: int, boundary: str) -> bytes:
    """Encode files, with the field name "files", and the number of late days as a multipart form."""
    number = f'--{boundary}\r\nContent-Disposition: form-data; name="late_days"\r\n\r\n{late_days}\r\n'
    parts = [number.encode()]
    for name, content in files:
        escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{escaped}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        parts.append(head.encode("utf-8") + content + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode()
