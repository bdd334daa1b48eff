"""Client of XQueue, the queue from which external graders of Open edX pull submissions.

XQueue offers a submission again, minutes after it was pulled, until it has a result. It takes one result.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin

import httpx2
import pydantic

from grader.bounds import MAX_UPLOAD_BYTES, MIB
from grader.errors import OurFailure, Refused
from grader.model import Json


class Offer(pydantic.BaseModel):
    """A submission that XQueue offers, as JSON texts."""

    model_config = pydantic.ConfigDict(hide_input_in_errors=True)  # what students wrote stays out of the log

    xqueue_header: pydantic.Json[Json]
    """Id and key of the submission, which go back with the result."""
    xqueue_body: pydantic.Json[Json]
    """Has the student's text in `student_response`."""
    xqueue_files: pydantic.Json[dict[str, str]]
    """Name → URL of each uploaded file."""


class XQueue:
    """Pulls submissions and puts back results. Methods raise exceptions, also those of httpx2, if a server fails."""

    def __init__(self, url: str, user: str, password: str, files_from: Sequence[str]) -> None:
        """Log in.

        Args:
            url: URL of XQueue, for example https://lms.example.edu/xqueue.
            user: The user name of the grader.
            password: The grader's password.
            files_from: URLs of further servers from which files may be downloaded.
        """
        self._url = url
        self._origins = tuple(urljoin(address, "/") for address in (url, *files_from))
        self._client = httpx2.Client(base_url=url, timeout=20.0, headers={"Referer": url})
        self._ask("GET", "login/")  # sets the cookie with the CSRF token
        self._ask("POST", "login/", data={"username": user, "password": password})

    def pull(self, queue: str) -> Offer | None:
        """Return the next submission of a queue; None if there is none."""
        reply = self._ask("GET", "get_submission/", params={"queue_name": queue})
        if reply["return_code"] != 0:
            return None
        return Offer.model_validate_json(reply["content"])

    def put(self, offer: Offer, result: Json) -> None:
        """Put back the result of a submission."""
        form = {"xqueue_header": json.dumps(offer.xqueue_header), "xqueue_body": json.dumps(result)}
        self._ask("POST", "put_result/", data=form)

    def _ask(self, method: str, path: str, **content: Any) -> Json:
        """Send a request and return XQueue's answer."""
        headers = {"X-CSRFToken": self._client.cookies.get("csrftoken") or ""}
        reply: Json = self._client.request(method, path, headers=headers, **content).raise_for_status().json()
        return reply

    def download(self, offer: Offer) -> list[tuple[str, bytes]]:
        """Return (name, content) of each uploaded file. Raise `Refused` if they are too large together."""
        files = []
        room = MAX_UPLOAD_BYTES
        for name, address in offer.xqueue_files.items():
            url = urljoin(self._url, address)
            if not url.startswith(self._origins):
                raise OurFailure(f"a file is at {urljoin(url, '/')}: allow this with --files-from")
            content = bytearray()
            # without the session, which is not for other servers
            with httpx2.stream("GET", url) as response:
                if response.status_code != 200:
                    raise OurFailure(f"{urljoin(url, '/')} answers {response.status_code} for a file")
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > room:
                        raise Refused(f"the files are too large: at most {MAX_UPLOAD_BYTES // MIB} MiB are allowed")
            room -= len(content)
            files.append((name, bytes(content)))
        return files
