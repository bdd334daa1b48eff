"""Files are downloaded from servers that the operator has named, and only so many bytes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from grader.errors import OurFailure, Refused
from grader.lms import xqueue
from grader.lms.xqueue import Offer, XQueue

SIZES = {"/media/small": 10, "/media/large": 1000}


class Server(BaseHTTPRequestHandler):
    """Takes every login, and has files of the sizes in SIZES."""

    def do_GET(self) -> None:
        size = SIZES.get(self.path)
        self._answer(200, b"x" * size) if size else self._answer(200 if "login" in self.path else 404, b"{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"{}")

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def servers() -> Iterator[list[str]]:
    """Two of them."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as one, ThreadingHTTPServer(("127.0.0.1", 0), Server) as two:
        for server in (one, two):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield [f"http://127.0.0.1:{server.server_address[1]}" for server in (one, two)]
        one.shutdown()
        two.shutdown()


def offer(*addresses: str) -> Offer:
    files = json.dumps({f"f{number}.py": address for number, address in enumerate(addresses)})
    return Offer.model_validate({"xqueue_header": "{}", "xqueue_body": "{}", "xqueue_files": files})


def client(servers: list[str], *files_from: str) -> XQueue:
    return XQueue(f"{servers[0]}/xqueue", "grader", "secret", files_from)


@pytest.mark.parametrize(
    "address",
    ["http://169.254.169.254/meta", "file:///etc/passwd", "//evil.example/x", "https://{same}@evil.example/x"],
)
def test_a_file_elsewhere_is_not_downloaded(servers: list[str], address: str) -> None:
    address = address.format(same=servers[0].removeprefix("http://"))
    with pytest.raises(OurFailure, match="allow this with --files-from"):
        client(servers).download(offer(address))


def test_a_file_at_a_server_that_is_named_is_downloaded(servers: list[str]) -> None:
    address = f"{servers[1]}/media/small"
    with pytest.raises(OurFailure, match="--files-from"):
        client(servers).download(offer(address))
    assert client(servers, servers[1]).download(offer(address)) == [("f0.py", b"x" * 10)]


def test_files_that_are_too_large_together_are_the_students_failure(
    servers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xqueue, "MAX_UPLOAD_BYTES", 1005)
    assert len(client(servers).download(offer("/media/large"))) == 1
    with pytest.raises(Refused, match="too large"):
        client(servers).download(offer("/media/large", "/media/small"))


def test_a_file_that_cannot_be_downloaded_is_our_failure(servers: list[str]) -> None:
    with pytest.raises(OurFailure, match="answers 404 for a file"):
        client(servers).download(offer("/media/nothing"))
